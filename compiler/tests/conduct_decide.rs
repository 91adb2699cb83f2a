//! The conductor's decision: single rules, and campaigns simulated to their end.

use std::collections::{BTreeMap, BTreeSet};

use benchgrid::conduct::{
    Attempt, By, Cell, ClusterView, Decision, Done, Finished, Marker, Pods, Room, Seen, Settings, State, Status,
    StoreView, decide,
};
use benchgrid::plan::{Demand, Provision};
use benchgrid_measures::{AttemptName, Identity, Outcome, Reason, Timestamp, Verdict};
use proptest::prelude::*;

const READY: u64 = 300;
const DEADLINE: u64 = 600;

fn cell(n: usize, trials: u32) -> Cell {
    Cell {
        scenario: "demo".to_owned(),
        id: format!("{n:010x}"),
        slug: format!("cell-{n}"),
        digest: "d".repeat(64),
        order: n,
        trials,
        needs: Demand::default(),
        ready_seconds: READY,
        deadline_seconds: DEADLINE,
    }
}

fn state(cells: usize, trials: u32) -> State {
    State { cells: (0..cells).map(|n| cell(n, trials)).collect(), lab: "lab-1".to_owned(), ..State::default() }
}

fn settings(concurrency: u32, drain_seconds: u64, retries: u32) -> Settings {
    let room = Room { concurrency: Some(concurrency), has: Provision::default() };
    Settings { room, drain_seconds, hold_seconds: 0, retries }
}

fn quiet() -> Seen {
    Seen { store: StoreView::Heard(BTreeMap::new()), cluster: ClusterView::Unknown }
}

fn marker(verdict: Verdict, ended: i64) -> Marker {
    let reason = if verdict == Verdict::Measured { Reason::Ok } else { Reason::NotReady };
    Marker { verdict, reason, detail: String::new(), records: 3, ended: Timestamp(ended) }
}

fn heard(attempt: &str, marker: Marker) -> Seen {
    Seen { store: StoreView::Heard([(attempt.to_owned(), marker)].into()), cluster: ClusterView::Unknown }
}

fn cluster(namespaces: &[&str], pods: &[(&str, Pods)]) -> Seen {
    let namespaces = namespaces.iter().map(|name| (*name).to_owned()).collect();
    let pods = pods.iter().map(|(name, pods)| ((*name).to_owned(), pods.clone())).collect();
    Seen { cluster: ClusterView::Seen { namespaces, pods }, ..quiet() }
}

/// What the branch says after a commit.
fn apply(state: &mut State, decision: &Decision, now: i64) {
    state.done.extend(decision.end.iter().map(|ending| ending.done(Timestamp(now), &state.lab)));
    let ends = decision.end.iter().filter(|ending| !ending.held).map(|ending| &ending.attempt);
    for attempt in ends.chain(&decision.release) {
        leave(state, &attempt.attempt, now);
    }
    for attempt in decision.admit.iter().map(|admission| admission.attempt(Timestamp(now))) {
        state.past.enter(&attempt.attempt);
        state.active.push(attempt);
    }
}

/// An attempt's folder goes, by a decision or by hand.
fn leave(state: &mut State, attempt: &str, now: i64) {
    state.active.retain(|active| active.attempt != attempt);
    state.past.leave(attempt, Timestamp(now));
}

/// A campaign whose first attempt runs since second 0.
fn running() -> (State, String) {
    let mut state = state(2, 1);
    let decision = decide(&state, &quiet(), Timestamp(0), &settings(1, 10, 1));
    apply(&mut state, &decision, 0);
    let name = state.active[0].attempt.clone();
    (state, name)
}

fn outcome(attempt: &Attempt, verdict: Verdict, reason: Reason, ended_ms: i64) -> Outcome {
    let identity = Identity {
        lab: "lab".to_owned(),
        scenario: attempt.scenario.clone(),
        cell: attempt.cell.clone(),
        digest: attempt.digest[..6].to_owned(),
        trial: attempt.trial,
        number: attempt.number,
        attempt: attempt.attempt.clone(),
    };
    Outcome { identity, verdict, reason, detail: "because".to_owned(), records: 3, ended_ms }
}

fn pods(finished: Option<Finished>, troubles: &[&str]) -> Pods {
    Pods {
        count: 4,
        since: Some(Timestamp(0)),
        started: true,
        finished,
        troubles: troubles.iter().map(|text| (*text).to_owned()).collect(),
    }
}

#[test]
fn admits_trial_by_trial_in_the_campaigns_order() {
    let mut state = state(3, 2);
    state.cells.reverse();
    let decision = decide(&state, &quiet(), Timestamp(0), &settings(4, 10, 1));
    let names: Vec<_> = decision.admit.iter().map(|a| (a.cell.order, a.name.trial, a.name.number)).collect();
    assert_eq!(names, [(0, 1, 1), (1, 1, 1), (2, 1, 1), (0, 2, 1)]);
    assert_eq!(decision.admit[0].name.to_string(), "bg-demo-0000000000-dddddd-t1a1");
    let mut all = settings(0, 0, 1);
    all.room.concurrency = None;
    assert_eq!(decide(&state, &quiet(), Timestamp(0), &all).admit.len(), 6);
}

#[test]
fn what_the_store_says_counts() {
    let (state, name) = running();
    let decision = decide(&state, &heard(&name, marker(Verdict::Measured, 50)), Timestamp(60), &settings(1, 0, 1));
    let end = &decision.end[0];
    assert_eq!((end.verdict, end.reason, end.records, end.by), (Verdict::Measured, Reason::Ok, 3, By::Store));
    assert_eq!(decision.admit[0].cell.order, 1, "without drain the next one takes the place in the same commit");
    // A coordinator's clock may be behind the conductor's: the name is used once, so the outcome is this attempt's.
    let mut skewed = state.clone();
    skewed.active[0].admitted = Timestamp(55);
    let decision = decide(&skewed, &heard(&name, marker(Verdict::Measured, 50)), Timestamp(60), &settings(1, 0, 1));
    assert_eq!(decision.end[0].verdict, Verdict::Measured);
}

#[test]
fn a_silent_store_changes_nothing() {
    let (mut state, _) = running();
    state.active[0].deadline_seconds = 1;
    let seen = Seen { store: StoreView::Silent("refused".to_owned()), ..quiet() };
    let decision = decide(&state, &seen, Timestamp(1000), &settings(9, 0, 1));
    assert!(decision.changes_nothing());
    assert!(decision.say[0].contains("refused"), "{:?}", decision.say);
}

#[test]
fn a_silent_cluster_admits_nothing() {
    let (state, name) = running();
    let mut seen = heard(&name, marker(Verdict::Measured, 50));
    seen.cluster = ClusterView::Silent("forbidden".to_owned());
    let decision = decide(&state, &seen, Timestamp(60), &settings(1, 0, 1));
    assert_eq!((decision.end.len(), decision.admit.len()), (1, 0));
    assert!(decision.say[0].contains("forbidden"));
}

#[test]
fn places_stay_taken_while_an_attempt_drains() {
    let (mut state, name) = running();
    let settings = settings(1, 10, 1);
    let decision = decide(&state, &heard(&name, marker(Verdict::Measured, 50)), Timestamp(60), &settings);
    assert!(decision.admit.is_empty() && decision.say[0].contains(&name), "{decision:?}");
    apply(&mut state, &decision, 60);
    assert!(decide(&state, &quiet(), Timestamp(69), &settings).admit.is_empty());
    assert_eq!(decide(&state, &quiet(), Timestamp(70), &settings).admit.len(), 1);
    // A namespace that is still there takes a place however long ago that was.
    assert!(decide(&state, &cluster(&[&name], &[]), Timestamp(900), &settings).admit.is_empty());
    assert_eq!(decide(&state, &cluster(&["kube-system"], &[]), Timestamp(900), &settings).admit.len(), 1);
    // So does the one of an attempt that was taken out of the branch by hand, but not an overlay tried by hand.
    let strange = AttemptName::new("demo", &state.cells[0].id, "eeeeee", 1, 1).to_string();
    assert!(decide(&state, &cluster(&[&strange], &[]), Timestamp(900), &settings).admit.is_empty());
    let by_hand = AttemptName::new("demo", &state.cells[0].id, "eeeeee", 0, 0).to_string();
    assert_eq!(decide(&state, &cluster(&[&by_hand], &[]), Timestamp(900), &settings).admit.len(), 1);
}

#[test]
fn a_changed_cell_is_superseded() {
    for change in [
        |state: &mut State| drop(state.cells.remove(0)),
        |state: &mut State| state.cells[0].digest = "e".repeat(64),
        |state: &mut State| state.cells[0].trials = 0,
    ] {
        let (mut state, name) = running();
        change(&mut state);
        let decision = decide(&state, &quiet(), Timestamp(5), &settings(2, 0, 1));
        let end = &decision.end[0];
        assert_eq!(
            (end.attempt.attempt.as_str(), end.verdict, end.by),
            (name.as_str(), Verdict::Superseded, By::Campaign)
        );
        // It is no failure, and the new experiment begins.
        apply(&mut state, &decision, 5);
        assert!(state.active.iter().all(|attempt| attempt.number == 1 && attempt.attempt != name));
    }
}

#[test]
fn a_coordinator_that_ended_unheard_has_failed() {
    let (state, name) = running();
    let attempt = &state.active[0];
    let at = |outcome: Option<Outcome>, troubles: &[&str], now| {
        let finished = Finished { at: Some(Timestamp(100)), outcome };
        let seen = cluster(&[&name], &[(&name, pods(Some(finished), troubles))]);
        let decision = decide(&state, &seen, Timestamp(now), &settings(1, 0, 1));
        decision.end.first().map(|end| (end.reason, end.detail.clone(), end.by, end.records))
    };
    let measured = || Some(outcome(attempt, Verdict::Measured, Reason::Ok, 100_000));
    assert_eq!(at(measured(), &[], 189), None);
    assert!(matches!(at(measured(), &[], 190), Some((Reason::NoRecord, _, By::Pods, 0))));
    let gate = || Some(outcome(attempt, Verdict::Failed, Reason::Gate, 100_000));
    assert_eq!(at(gate(), &[], 189), None);
    assert_eq!(at(gate(), &[], 190), Some((Reason::Gate, "because".to_owned(), By::Pods, 0)));
    let store = Some(outcome(attempt, Verdict::Failed, Reason::Store, 100_000));
    assert_eq!(at(store, &[], 101), Some((Reason::Store, "because".to_owned(), By::Pods, 0)));
    let killed = "pod coordinator: container coordinator: OOMKilled (exit code 137)";
    assert_eq!(at(None, &[killed], 190), Some((Reason::NoRecord, killed.to_owned(), By::Pods, 0)));
    assert!(matches!(at(None, &[], 190), Some((Reason::NoRecord, _, By::Pods, 0))));
}

#[test]
fn what_is_overdue_has_failed_and_the_pods_say_why() {
    let (state, name) = running();
    let late = i64::try_from(DEADLINE).unwrap() + 1;
    let at = |seen: &Seen, now| {
        let decision = decide(&state, seen, Timestamp(now), &settings(1, 0, 1));
        decision.end.first().map(|end| (end.reason, end.detail.clone(), end.by))
    };
    assert_eq!(at(&quiet(), late - 1), None);
    assert!(matches!(at(&quiet(), late), Some((Reason::Deadline, _, By::Deadline))));
    let trouble = "pod codex-nodes-0: container storage: ImagePullBackOff: no such image";
    let seen = cluster(&[&name], &[(&name, pods(None, &[trouble]))]);
    assert_eq!(at(&seen, late), Some((Reason::NotReady, trouble.to_owned(), By::Pods)));
    assert!(
        matches!(at(&cluster(&[], &[]), late), Some((Reason::NotReady, why, By::Deadline)) if why.contains("namespace"))
    );
    let empty = cluster(&[&name], &[(&name, Pods::default())]);
    assert!(matches!(at(&empty, late), Some((Reason::NotReady, why, By::Deadline)) if why.contains("pod")));
    let busy = cluster(&[&name], &[(&name, pods(None, &[]))]);
    assert!(matches!(at(&busy, late), Some((Reason::Deadline, _, By::Deadline))));
    // An outcome may still be on its way when the deadline passes.
    let finished = Finished { at: Some(Timestamp(late - 5)), outcome: None };
    assert_eq!(at(&cluster(&[&name], &[(&name, pods(Some(finished), &[]))]), late), None);
}

#[test]
fn a_coordinator_that_never_started_is_not_waited_for() {
    let (state, name) = running();
    let ready = i64::try_from(READY).unwrap();
    let at = |seen: &Seen, now| {
        let decision = decide(&state, seen, Timestamp(now), &settings(1, 0, 1));
        decision.end.first().map(|end| (end.reason, end.detail.clone(), end.by))
    };
    let trouble = "pod coordinator: container coordinator: ImagePullBackOff: no such image";
    let mute = Pods { started: false, since: Some(Timestamp(100)), ..pods(None, &[trouble]) };
    let seen = cluster(&[&name], &[(&name, mute)]);
    assert_eq!(at(&seen, 100 + ready), None, "its time counts from its pods");
    assert_eq!(at(&seen, 101 + ready), Some((Reason::NotReady, trouble.to_owned(), By::Pods)));
    // One that runs says itself what is the matter, and has until the deadline.
    assert_eq!(at(&cluster(&[&name], &[(&name, pods(None, &[trouble]))]), ready + 1), None);
    // What can't be seen, or is not deployed yet, is given the whole time as well.
    assert_eq!(at(&quiet(), ready + 1), None);
    assert_eq!(at(&cluster(&[], &[]), ready + 1), None);
}

#[test]
fn retries_come_last_and_are_counted() {
    let (mut state, name) = running();
    let one = settings(1, 0, 1);
    let decision = decide(&state, &heard(&name, marker(Verdict::Failed, 5)), Timestamp(5), &one);
    apply(&mut state, &decision, 5);
    assert_eq!((state.active[0].slug.as_str(), state.active[0].number), ("cell-1", 1));
    let next = state.active[0].attempt.clone();
    let decision = decide(&state, &heard(&next, marker(Verdict::Measured, 9)), Timestamp(9), &one);
    apply(&mut state, &decision, 9);
    let retry = state.active[0].clone();
    assert_eq!((retry.slug.as_str(), retry.number), ("cell-0", 2));
    assert!(retry.attempt.ends_with("-t1a2"));
    let decision = decide(&state, &heard(&retry.attempt, marker(Verdict::Failed, 12)), Timestamp(12), &one);
    apply(&mut state, &decision, 12);
    assert!(state.active.is_empty(), "given up after retries + 1");
    let status = Status::of(&state);
    let demo = &status.scenarios["demo"];
    assert_eq!((demo.done, demo.running, demo.failed, demo.waiting, demo.failed_attempts), (1, 0, 1, 0, 2));
}

/// An attempt that ended, number `n` of the trials.
fn ended(state: &State, n: u32, ended: i64, by: By, records: u32) -> Done {
    let cell = &state.cells[0];
    let verdict = if by == By::Store && records > 0 { Verdict::Measured } else { Verdict::Failed };
    Done {
        attempt: format!("bg-demo-{}-dddddd-t{n}a1", cell.id),
        scenario: cell.scenario.clone(),
        slug: cell.slug.clone(),
        cell: cell.id.clone(),
        digest: cell.digest.clone(),
        trial: n,
        number: 1,
        admitted: Timestamp(0),
        ended: Timestamp(ended),
        outcome: verdict,
        reason: Reason::NoRecord,
        detail: String::new(),
        records,
        by,
        needs: cell.needs.clone(),
        lab: state.lab.clone(),
    }
}

#[test]
fn what_is_kept_of_an_attempt_is_as_its_schema_says() {
    let validator = jsonschema::draft7::new(&benchgrid::cli::schema::schema("done").unwrap()).unwrap();
    for (by, records) in [(By::Store, 3), (By::Campaign, 0)] {
        let done = serde_json::to_value(ended(&state(1, 1), 1, 100, by, records)).unwrap();
        assert!(validator.is_valid(&done), "{done}");
    }
}

#[test]
fn two_attempts_without_a_trace_stop_it() {
    let settings = settings(1, 0, 1);
    let mut state = state(1, 9);
    state.done = vec![ended(&state, 1, 10, By::Pods, 0), ended(&state, 2, 20, By::Deadline, 0)];
    let decision = decide(&state, &quiet(), Timestamp(100), &settings);
    assert!(decision.admit.is_empty() && decision.say[0].contains("t2a1"), "{decision:?}");
    let goes_on = |change: &dyn Fn(&mut State)| {
        let mut state = state.clone();
        change(&mut state);
        !decide(&state, &quiet(), Timestamp(100), &settings).admit.is_empty()
    };
    assert!(!goes_on(&|_| {}));
    assert!(goes_on(&|state| "lab-2".clone_into(&mut state.lab)), "another lab.json");
    assert!(goes_on(&|state| state.cells[0].digest = "e".repeat(64)), "another experiment");
    assert!(goes_on(&|state| state.done.push(ended(state, 3, 30, By::Store, 2))), "one measured later");
    assert!(goes_on(&|state| state.done.push(ended(state, 3, 30, By::Store, 0))), "one that could say why it failed");
    assert!(!goes_on(&|state| state.done.push(ended(state, 3, 5, By::Store, 2))), "one measured before");
    assert!(goes_on(&|state| drop(state.done.pop())), "one file removed by hand");
    let superseded = |state: &mut State| {
        let mut done = ended(state, 3, 30, By::Campaign, 0);
        done.outcome = Verdict::Superseded;
        state.done.push(done);
    };
    assert!(!goes_on(&superseded), "a superseded attempt says nothing about the store");
}

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

#[derive(Debug, Clone, Copy)]
struct Weather {
    store_silent: bool,
    cluster_silent: bool,
    /// The conductor is killed before its push arrives.
    lost: bool,
    fate: Fate,
    seconds: i64,
}

fn weather() -> impl Strategy<Value = Weather> {
    (prop::bool::weighted(0.15), prop::bool::weighted(0.1), prop::bool::weighted(0.2), fate(), 1_i64..120).prop_map(
        |(store_silent, cluster_silent, lost, fate, seconds)| Weather {
            store_silent,
            cluster_silent,
            lost,
            fate,
            seconds,
        },
    )
}

/// The world outside: what runs, what the store has, which namespaces are there.
#[derive(Default)]
struct World {
    fates: BTreeMap<String, (Fate, i64)>,
    markers: BTreeMap<String, Marker>,
    finished: BTreeMap<String, i64>,
    namespaces: BTreeMap<String, Option<i64>>,
}

impl World {
    const REMOVAL: i64 = 25;

    /// Argo CD follows the branch, coordinators end.
    fn turn(&mut self, state: &State, weather: Weather, now: i64) {
        for attempt in &state.active {
            self.namespaces.entry(attempt.attempt.clone()).or_insert(None);
            self.fates.entry(attempt.attempt.clone()).or_insert((weather.fate, now + weather.seconds * 3));
        }
        for (name, gone) in &mut self.namespaces {
            if gone.is_none() && !state.active.iter().any(|attempt| attempt.attempt == *name) {
                *gone = Some(now + Self::REMOVAL);
            }
        }
        self.namespaces.retain(|_, gone| gone.is_none_or(|at| at > now));
        for (name, (fate, at)) in &self.fates {
            if *at <= now && self.namespaces.get(name) == Some(&None) {
                match fate {
                    Fate::Measured => drop(self.markers.entry(name.clone()).or_insert(marker(Verdict::Measured, *at))),
                    Fate::Failed => drop(self.markers.entry(name.clone()).or_insert(marker(Verdict::Failed, *at))),
                    Fate::Unheard => drop(self.finished.entry(name.clone()).or_insert(*at)),
                    Fate::Never => {}
                }
            }
        }
    }

    fn seen(&self, state: &State, weather: Weather, visible: bool) -> Seen {
        let heard =
            || state.active.iter().filter_map(|a| Some((a.attempt.clone(), self.markers.get(&a.attempt)?.clone())));
        let store =
            if weather.store_silent { StoreView::Silent("down".into()) } else { StoreView::Heard(heard().collect()) };
        let pods = |attempt: &Attempt| {
            let at = self.finished.get(&attempt.attempt).map(|at| Timestamp(*at));
            (attempt.attempt.clone(), pods(at.map(|at| Finished { at: Some(at), outcome: None }), &[]))
        };
        let cluster = match (visible, weather.cluster_silent) {
            (false, _) => ClusterView::Unknown,
            (true, true) => ClusterView::Silent("down".into()),
            (true, false) => ClusterView::Seen {
                namespaces: self.namespaces.keys().cloned().collect(),
                pods: state.active.iter().map(pods).collect(),
            },
        };
        Seen { store, cluster }
    }
}

/// What must hold after every commit.
fn check(state: &State, world: &World, limit: u32, visible: bool) -> Result<(), TestCaseError> {
    let trials: BTreeSet<_> = state.active.iter().map(|a| (&a.cell, &a.digest, a.trial)).collect();
    prop_assert_eq!(trials.len(), state.active.len(), "two live attempts of one trial");
    prop_assert!(state.active.len() <= limit as usize);
    if visible {
        let deployed: BTreeSet<&String> =
            world.namespaces.keys().chain(state.active.iter().map(|a| &a.attempt)).collect();
        prop_assert!(deployed.len() <= limit as usize, "{:?} are deployed, {} may be", deployed, limit);
        let trials: BTreeSet<_> =
            deployed.iter().filter_map(|name| name.rsplit_once('a')).map(|(trial, _)| trial).collect();
        prop_assert_eq!(trials.len(), deployed.len(), "two attempts of one trial are in the cluster");
    }
    let names: BTreeSet<&String> =
        state.done.iter().map(|d| &d.attempt).chain(state.active.iter().map(|a| &a.attempt)).collect();
    prop_assert_eq!(names.len(), state.done.len() + state.active.len(), "a name used twice");
    Ok(())
}

fn simulate(
    cells: usize,
    trials: u32,
    limit: u32,
    retries: u32,
    visible: bool,
    weathers: &[Weather],
) -> Result<(), TestCaseError> {
    let settings = settings(limit, 30, retries);
    let (mut state, mut world, mut now) = (state(cells, trials), World::default(), 0);
    for tick in 0..4000 {
        let weather = weathers[tick % weathers.len()];
        now += weather.seconds;
        world.turn(&state, weather, now);
        let decision = decide(&state, &world.seen(&state, weather, visible), Timestamp(now), &settings);
        // The same state, the same answer: a conductor that was killed begins again where the branch is.
        prop_assert_eq!(&decision, &decide(&state, &world.seen(&state, weather, visible), Timestamp(now), &settings));
        if !weather.lost {
            apply(&mut state, &decision, now);
        }
        check(&state, &world, limit, visible)?;
        if decision.say.iter().any(|line| line.starts_with("nothing is admitted")) {
            // Somebody mends the lab.
            state.lab = format!("lab-{tick}");
        }
        if state.active.is_empty() && finished(&state, retries) {
            return accounted(&state, retries);
        }
    }
    Err(TestCaseError::fail(format!("no end: {}", Status::of(&state))))
}

fn of_trial<'a>(state: &'a State, cell: &'a Cell, trial: u32) -> impl Iterator<Item = &'a Done> {
    state.done.iter().filter(move |done| done.cell == cell.id && done.trial == trial)
}

fn finished(state: &State, retries: u32) -> bool {
    state.cells.iter().all(|cell| {
        (1..=cell.trials).all(|trial| {
            let failed = of_trial(state, cell, trial).filter(|done| done.outcome == Verdict::Failed).count();
            of_trial(state, cell, trial).any(|done| done.outcome == Verdict::Measured) || failed > retries as usize
        })
    })
}

fn accounted(state: &State, retries: u32) -> Result<(), TestCaseError> {
    for cell in &state.cells {
        for trial in 1..=cell.trials {
            let measured = of_trial(state, cell, trial).filter(|done| done.outcome == Verdict::Measured).count();
            let tries = of_trial(state, cell, trial).count();
            prop_assert!(measured == 1 || (measured == 0 && tries == retries as usize + 1));
            prop_assert!(tries <= retries as usize + 1);
        }
    }
    Ok(())
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(400))]
    #[test]
    fn every_campaign_ends_with_every_trial_accounted_for(
        cells in 1_usize..7,
        trials in 1_u32..4,
        limit in 1_u32..4,
        retries in 0_u32..3,
        visible in any::<bool>(),
        weathers in prop::collection::vec(weather(), 7..90),
    ) {
        // A sky that never clears lets nothing be done.
        let clear = weathers.iter().any(|w| !w.store_silent && !w.cluster_silent && !w.lost);
        prop_assume!(clear);
        simulate(cells, trials, limit, retries, visible, &weathers)?;
    }
}
