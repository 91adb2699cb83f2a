//! Campaigns from their first attempt to their end, in all weathers.

use super::*;

/// How an attempt will go, drawn when it is admitted.
#[derive(Debug, Clone, Copy)]
enum Fate {
    Measured,
    Failed,
    Unheard,
    Never,
}

fn fate() -> impl Strategy<Value = Fate> {
    prop_oneof![
        6 => Just(Fate::Measured),
        2 => Just(Fate::Failed),
        1 => Just(Fate::Unheard),
        1 => Just(Fate::Never),
    ]
}

/// What happens around one tick.
#[derive(Debug, Clone, Copy)]
struct Weather {
    store_silent: bool,
    cluster_silent: bool,
    /// The conductor is killed before its push arrives.
    lost: bool,
    fate: Fate,
    seconds: i64,
    /// How far the conductor's clock is off.
    skew: i64,
    hand: Hand,
}

/// What somebody does to the branch by hand.
#[derive(Debug, Clone, Copy, PartialEq)]
enum Hand {
    Nothing,
    /// `git rm -r` of one attempt's folder.
    Remove(usize),
    /// `git rm -r active`.
    Empty,
    /// A change in one attempt's folder.
    Edit(usize),
    /// `git rm` of a file in `done/`.
    Again(usize),
    /// A file `paused`, for this tick.
    Pause,
}

fn hand() -> impl Strategy<Value = Hand> {
    prop_oneof![
        30 => Just(Hand::Nothing),
        2 => (0_usize..9).prop_map(Hand::Remove),
        1 => Just(Hand::Empty),
        2 => (0_usize..9).prop_map(Hand::Edit),
        1 => (0_usize..99).prop_map(Hand::Again),
        2 => Just(Hand::Pause),
    ]
}

fn weather() -> impl Strategy<Value = Weather> {
    let skew = prop_oneof![20 => Just(0), 1 => -4000_i64..4000];
    let bad = (prop::bool::weighted(0.15), prop::bool::weighted(0.1), prop::bool::weighted(0.2));
    (bad, fate(), 1_i64..120, skew, hand()).prop_map(
        |((store_silent, cluster_silent, lost), fate, seconds, skew, hand)| Weather {
            store_silent,
            cluster_silent,
            lost,
            fate,
            seconds,
            skew,
            hand,
        },
    )
}

/// A campaign, and the world outside: what runs, what the store has, which namespaces are there.
struct Campaign {
    state: State,
    settings: Settings,
    /// Whether the cluster is seen.
    visible: bool,
    now: i64,
    fates: BTreeMap<String, (Fate, i64)>,
    markers: BTreeMap<String, Marker>,
    finished: BTreeMap<String, i64>,
    /// Namespaces, when they will be gone, and what their pods take.
    namespaces: BTreeMap<String, (Option<i64>, Demand)>,
    /// Every name that was ever admitted.
    names: BTreeSet<String>,
    /// When attempts left the branch, by the clock of whoever took them.
    left: BTreeMap<String, i64>,
    /// When something was admitted last, or nothing could be.
    progress: i64,
}

type Checked = Result<(), TestCaseError>;

impl Campaign {
    const REMOVAL: i64 = 25;

    fn new(state: State, settings: Settings, visible: bool) -> Self {
        Self {
            state,
            settings,
            visible,
            now: 10_000,
            fates: BTreeMap::new(),
            markers: BTreeMap::new(),
            finished: BTreeMap::new(),
            namespaces: BTreeMap::new(),
            names: BTreeSet::new(),
            left: BTreeMap::new(),
            progress: 10_000,
        }
    }

    /// One tick; whether the campaign is over.
    fn tick(&mut self, weather: Weather) -> Result<bool, TestCaseError> {
        self.now += weather.seconds;
        self.meddle(weather.hand);
        self.turn(weather);
        let now = self.now + weather.skew;
        let seen = self.seen(weather);
        let decision = decide(&self.state, &seen, Timestamp(now), &self.settings);
        self.admitted_in_order(&decision, now)?;
        if decision.say.iter().any(|line| line.starts_with("nothing is admitted")) {
            // Somebody mends the lab.
            self.state.lab = format!("lab-{now}");
        }
        if !weather.lost {
            for admission in &decision.admit {
                prop_assert!(self.names.insert(admission.name.to_string()), "{} is used twice", admission.name);
            }
            let gone = decision.end.iter().filter(|end| !end.held).map(|end| &end.attempt).chain(&decision.release);
            self.left.extend(gone.map(|attempt| (attempt.attempt.clone(), now)));
            apply(&mut self.state, &decision, now);
        }
        self.check()?;
        let able = !weather.lost && !weather.store_silent && !weather.cluster_silent && self.state.paused.is_none();
        if !decision.admit.is_empty() || !able {
            self.progress = self.now;
        }
        // The longest that anything may keep a place: its deadline twice, its hold, its way out.
        prop_assert!(decision.over.is_some() || self.now - self.progress < 4_000, "it starves: {:?}", decision.say);
        Ok(decision.over.is_some() && !weather.lost)
    }

    /// What somebody does by hand.
    fn meddle(&mut self, hand: Hand) {
        let active = |n: usize| self.state.active.get(n).map(|attempt| attempt.attempt.clone());
        self.state.paused = (hand == Hand::Pause).then(|| "dinner".to_owned());
        let remove: Vec<String> = match hand {
            Hand::Remove(n) => active(n).into_iter().collect(),
            Hand::Empty => self.state.active.iter().map(|attempt| attempt.attempt.clone()).collect(),
            Hand::Edit(n) => {
                self.state.edited.extend(active(n).map(|name| (name, "cell.json".to_owned())));
                Vec::new()
            }
            Hand::Again(n) => {
                let live: BTreeSet<&str> = self.state.active.iter().map(|a| a.attempt.as_str()).collect();
                if self.state.done.get(n).is_some_and(|done| !live.contains(done.attempt.as_str())) {
                    self.state.done.swap_remove(n);
                }
                Vec::new()
            }
            Hand::Nothing | Hand::Pause => Vec::new(),
        };
        for name in remove {
            leave(&mut self.state, &name, self.now);
            self.left.insert(name, self.now);
        }
    }

    /// Argo CD follows the branch, coordinators end.
    fn turn(&mut self, weather: Weather) {
        let now = self.now;
        let active: BTreeSet<&str> = self.state.active.iter().map(|attempt| attempt.attempt.as_str()).collect();
        for attempt in &self.state.active {
            self.namespaces.entry(attempt.attempt.clone()).or_insert((None, attempt.needs.clone()));
            let fate = (weather.fate, now + weather.seconds * 3);
            self.fates.entry(attempt.attempt.clone()).or_insert(fate);
        }
        for (name, (gone, _)) in &mut self.namespaces {
            if gone.is_none() && !active.contains(name.as_str()) {
                *gone = Some(now + Self::REMOVAL);
            }
        }
        self.namespaces.retain(|_, (gone, _)| gone.is_none_or(|at| at > now));
        for name in active {
            let (fate, at) = self.fates[name];
            if at > now {
                continue;
            }
            let verdict = match fate {
                Fate::Measured => Verdict::Measured,
                Fate::Failed => Verdict::Failed,
                Fate::Unheard => {
                    self.finished.entry(name.to_owned()).or_insert(at);
                    continue;
                }
                Fate::Never => continue,
            };
            self.markers.entry(name.to_owned()).or_insert(marker(verdict, at));
        }
    }

    fn seen(&self, weather: Weather) -> Seen {
        let active = &self.state.active;
        let heard = || active.iter().filter_map(|a| Some((a.attempt.clone(), self.markers.get(&a.attempt)?.clone())));
        let store =
            if weather.store_silent { StoreView::Silent("down".into()) } else { StoreView::Heard(heard().collect()) };
        let pods = |attempt: &Attempt| {
            let at = self.finished.get(&attempt.attempt).map(|at| Timestamp(*at));
            (attempt.attempt.clone(), pods(at.map(|at| Finished { at: Some(at), outcome: None }), &[]))
        };
        let cluster = match (self.visible, weather.cluster_silent) {
            (false, _) => ClusterView::Unknown,
            (true, true) => ClusterView::Silent("down".into()),
            (true, false) => ClusterView::Seen {
                namespaces: self.namespaces.keys().cloned().collect(),
                pods: active.iter().map(pods).collect(),
            },
        };
        Seen { store, cluster }
    }

    /// First tries before retries, trial by trial, in the campaign's order; nobody is passed over who could run.
    fn admitted_in_order(&self, decision: &Decision, now: i64) -> Checked {
        let admitted: BTreeSet<_> = decision.admit.iter().map(|a| (a.cell.id.as_str(), a.name.trial)).collect();
        if admitted.is_empty() {
            return Ok(());
        }
        let tries = self.tries(decision);
        let none = (0, 0);
        let key = |cell: &Cell, trial| {
            let (_, failed) = tries.get(&(&cell.id, &cell.digest, trial)).unwrap_or(&none);
            (*failed > 0, trial, cell.scenario.clone(), cell.order)
        };
        let keys: Vec<_> = decision.admit.iter().map(|a| key(&a.cell, a.name.trial)).collect();
        prop_assert!(keys.is_sorted(), "out of order: {:?}", keys);
        let last = keys.last().unwrap();
        let drains = self.left.iter().filter(|(_, at)| now.abs_diff(**at) < self.settings.drain_seconds);
        let busy = drains.map(|(name, _)| name.as_str()).chain(self.live());
        let busy: BTreeSet<&str> = busy.filter_map(|name| name.rsplit_once('a')).map(|(trial, _)| trial).collect();
        for cell in &self.state.cells {
            for trial in 1..=cell.trials {
                let (measured, failed) = tries.get(&(&cell.id, &cell.digest, trial)).copied().unwrap_or_default();
                let waits = measured == 0 && failed <= self.settings.retries && !admitted.contains(&(&cell.id, trial));
                if !waits || key(cell, trial) >= *last {
                    continue;
                }
                let name = AttemptName::new(&cell.scenario, &cell.id, &cell.digest, trial, 1).to_string();
                let name = name.rsplit_once('a').unwrap().0;
                prop_assert!(busy.contains(name), "{} was passed over", name);
            }
        }
        Ok(())
    }

    /// Measured and failed tries by trial, those of a decision too.
    fn tries(&self, decision: &Decision) -> BTreeMap<(&String, &String, u32), (u32, u32)> {
        let mut tries: BTreeMap<_, (u32, u32)> = BTreeMap::new();
        let ends =
            decision.end.iter().map(|end| (&end.attempt.cell, &end.attempt.digest, end.attempt.trial, end.verdict));
        let ends: Vec<_> = ends.collect();
        let done = self.state.done.iter().map(|done| (&done.cell, &done.digest, done.trial, done.outcome));
        for (cell, digest, trial, verdict) in done {
            let tries = tries.entry((cell, digest, trial)).or_default();
            tries.0 += u32::from(verdict == Verdict::Measured);
            tries.1 += u32::from(verdict == Verdict::Failed);
        }
        for (cell, digest, trial, verdict) in ends {
            let known = self.state.active.iter().find(|a| (&a.cell, &a.digest, a.trial) == (cell, digest, trial));
            let known = known.map(|a| (&a.cell, &a.digest, a.trial)).unwrap();
            let tries = tries.entry(known).or_default();
            tries.0 += u32::from(verdict == Verdict::Measured);
            tries.1 += u32::from(verdict == Verdict::Failed);
        }
        tries
    }

    /// Attempts of the branch, and in the cluster as far as it is seen.
    fn live(&self) -> BTreeSet<&str> {
        let there = self.namespaces.keys().filter(|_| self.visible).map(String::as_str);
        self.state.active.iter().map(|attempt| attempt.attempt.as_str()).chain(there).collect()
    }

    /// What must hold after every commit.
    fn check(&self) -> Checked {
        let live = self.live();
        let trials: BTreeSet<_> =
            live.iter().filter_map(|name| name.rsplit_once('a')).map(|(trial, _)| trial).collect();
        prop_assert_eq!(trials.len(), live.len(), "two live attempts of one trial");
        let limit = self.settings.room.concurrency.unwrap_or(u32::MAX) as usize;
        prop_assert!(live.len() <= limit, "{} are deployed, {} may be", live.len(), limit);
        let active: BTreeMap<&str, &Demand> =
            self.state.active.iter().map(|attempt| (attempt.attempt.as_str(), &attempt.needs)).collect();
        let mut sum = Demand::default();
        for name in &live {
            sum.add(active.get(name).copied().unwrap_or_else(|| &self.namespaces[*name].1));
        }
        let has = &self.settings.room.has;
        let (in_all, in_pool) = (u64::from(sum.all.pods), sum.pools.get("p").map_or(0, |needs| u64::from(needs.pods)));
        prop_assert!(Some(in_all) <= has.all.pods, "{} pods, over capacity", in_all);
        prop_assert!(Some(in_pool) <= has.pools["p"].pods, "{} pods in the pool, over capacity", in_pool);
        let done: BTreeSet<&str> = self.state.done.iter().map(|done| done.attempt.as_str()).collect();
        prop_assert_eq!(done.len(), self.state.done.len(), "an attempt ended twice");
        let held = self.state.held();
        prop_assert!(held.len() <= usize::from(self.settings.hold_seconds > 0), "{} are held", held.len());
        Ok(())
    }

    /// Every wanted trial was accepted once, or given up after its tries.
    fn accounted(&self) -> Checked {
        let tries = self.tries(&Decision::default());
        for cell in &self.state.cells {
            for trial in 1..=cell.trials {
                let (measured, failed) = tries.get(&(&cell.id, &cell.digest, trial)).copied().unwrap_or_default();
                let given_up = measured == 0 && failed == self.settings.retries + 1;
                prop_assert!(
                    given_up || (measured == 1 && failed <= self.settings.retries),
                    "{}: {measured}, {failed}",
                    cell.slug
                );
            }
        }
        Ok(())
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(300))]
    #[test]
    fn every_campaign_ends_with_every_trial_accounted_for(
        cells in 1_usize..7,
        trials in 1_u32..4,
        limit in 1_u32..4,
        retries in 0_u32..3,
        hold in prop_oneof![Just(0_u64), 1_u64..400],
        visible in any::<bool>(),
        weathers in prop::collection::vec(weather(), 7..90),
    ) {
        // A sky that never clears lets nothing be done, and hands that never rest let nothing end.
        let clear = |w: &Weather| !w.store_silent && !w.cluster_silent && !w.lost && w.hand != Hand::Pause;
        prop_assume!(weathers.iter().any(clear));
        let mut state = state(cells, trials);
        state.cells.iter_mut().for_each(|cell| cell.needs = demand(1 + u32::try_from(cell.order % 3).unwrap(), 1));
        let mut settings = settings(limit, 30, retries);
        settings.hold_seconds = hold;
        settings.room.has = provision(9, 2);
        let mut campaign = Campaign::new(state, settings, visible);
        let mut over = false;
        for tick in 0..4000 {
            let mut weather = weathers[tick % weathers.len()];
            if tick >= 3 * weathers.len() {
                weather.hand = Hand::Nothing;
                weather.skew = 0;
            }
            over = campaign.tick(weather)?;
            if over && tick >= 3 * weathers.len() {
                break;
            }
        }
        prop_assert!(over, "no end: {}", status(&campaign.state, &campaign.settings));
        campaign.accounted()?;
    }
}

/// Numbers that are the same in every run.
struct Dice(u64);

impl Dice {
    /// One of `0..sides`, by an xorshift.
    fn roll(&mut self, sides: u32) -> u32 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        u32::try_from(self.0 % u64::from(sides)).unwrap()
    }

    fn weather(&mut self, tick: usize) -> Weather {
        let fate = match self.roll(10) {
            0..=5 => Fate::Measured,
            6 | 7 => Fate::Failed,
            8 => Fate::Unheard,
            _ => Fate::Never,
        };
        let hand = match self.roll(40) {
            0 => Hand::Remove(self.roll(40) as usize),
            1 => Hand::Edit(self.roll(40) as usize),
            2 => Hand::Again(self.roll(4000) as usize),
            3 => Hand::Pause,
            _ if tick == 60 => Hand::Empty,
            _ => Hand::Nothing,
        };
        Weather {
            store_silent: self.roll(12) == 0,
            cluster_silent: self.roll(12) == 0,
            lost: self.roll(8) == 0,
            fate,
            seconds: 20 + i64::from(self.roll(40)),
            // An hour ahead for a while, later an hour behind.
            skew: [0, 3600, -3600]
                [if (80..84).contains(&tick) { 1 } else { usize::from((120..124).contains(&tick)) * 2 }],
            hand,
        }
    }
}

/// A new level, an experiment that changed, a scenario that is gone.
fn edit(state: &mut State, cells: usize) {
    state.cells.retain(|cell| cell.scenario == "demo");
    for cell in state.cells.iter_mut().filter(|cell| cell.order % 40 == 0) {
        cell.digest = "e".repeat(64);
    }
    let (trials, more) = (state.cells[0].trials, cells / 100);
    state.cells.extend((cells..cells + more).map(|n| Cell { needs: large(n), ..cell(n, trials) }));
}

fn large(n: usize) -> Demand {
    demand(2 + u32::try_from(n % 5).unwrap(), u32::try_from(n % 3).unwrap())
}

#[test]
fn a_lab_of_ten_thousand_cells() {
    const CELLS: usize = 10_000;
    // `tests/long` asks for more than a run of every commit has time for.
    let trials = std::env::var("BENCHGRID_TRIALS").map_or(1, |trials| trials.parse().unwrap());
    let mut state = state(CELLS, trials);
    for (n, cell) in state.cells.iter_mut().enumerate() {
        cell.needs = large(n);
        if n % 20 == 19 {
            "gone".clone_into(&mut cell.scenario);
        }
    }
    let mut settings = settings(400, 30, 2);
    settings.hold_seconds = 300;
    // About as many attempts fit into the pool as into the whole.
    settings.room.has = provision(1180, 230);
    let mut campaign = Campaign::new(state, settings, true);
    let mut dice = Dice(0x5eed_0001);
    let mut ticks = 0;
    loop {
        let mut weather = dice.weather(ticks);
        if ticks == 40 {
            edit(&mut campaign.state, CELLS);
        }
        // Somewhen the hands rest, or nothing would ever end.
        if ticks > 300 {
            weather.hand = Hand::Nothing;
        }
        let over = campaign.tick(weather).unwrap();
        ticks += 1;
        if over && ticks > 301 {
            break;
        }
        assert!(ticks < 6_000, "no end: {}", status(&campaign.state, &campaign.settings));
    }
    campaign.accounted().unwrap();
    eprintln!("{ticks} ticks, {} attempts", campaign.names.len());
}

#[test]
fn the_two_cells_of_a_pair_follow_each_other() {
    let mut state = state(40, 2);
    state.cells.iter_mut().enumerate().for_each(|(n, cell)| cell.needs = large(n));
    let mut settings = settings(3, 0, 1);
    settings.room.has = provision(20, 5);
    let (mut now, mut order) = (0, Vec::new());
    while order.len() < 80 {
        let markers = state.active.iter().enumerate().filter(|(n, _)| n % 2 == 0);
        let markers = markers.map(|(_, a)| (a.attempt.clone(), marker(Verdict::Measured, now))).collect();
        let seen = Seen { store: StoreView::Heard(markers), ..quiet() };
        now += 10;
        let decision = decide(&state, &seen, Timestamp(now), &settings);
        order.extend(decision.admit.iter().map(|a| (a.name.trial, a.cell.order)));
        apply(&mut state, &decision, now);
    }
    let expected: Vec<_> = (1..=2).flat_map(|trial| (0..40).map(move |cell| (trial, cell))).collect();
    assert_eq!(order, expected);
}
