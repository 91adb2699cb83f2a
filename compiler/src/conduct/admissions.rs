use std::collections::{BTreeMap, BTreeSet};

use benchgrid_measures::{AttemptName, Timestamp, Verdict};

use super::index::Index;
use super::past::split;
use super::settings::Taken;
use super::state::TrialKey;
use super::{Admission, Attempt, Cell, ClusterView, Done, Settings, State, clock::within};
use crate::plan::{Demand, Needs};

/// What became of the tries at one trial.
#[derive(Default, Clone, Copy)]
pub(super) struct Tries {
    /// One was measured.
    pub(super) accepted: bool,
    /// So many failed.
    pub(super) failed: u32,
    /// The highest number among all, superseded ones included.
    last: u32,
}

impl Tries {
    /// Whether nothing is to be tried any more.
    pub(super) fn over(self, retries: u32) -> bool {
        self.accepted || self.failed > retries
    }
}

/// Everything that admission is decided from.
pub(super) struct Admissions<'a> {
    state: &'a State,
    settings: &'a Settings,
    /// Those that stay, held ones too.
    active: Vec<&'a Attempt>,
    tries: BTreeMap<TrialKey<'a>, Tries>,
    /// Attempts that left and still take a place, with what they take.
    lingering: BTreeMap<&'a str, &'a Demand>,
}

/// What is admitted, and what never can be.
#[derive(Default)]
pub(super) struct Admitted {
    pub(super) admit: Vec<Admission>,
    pub(super) too_large: Vec<String>,
}

impl<'a> Admissions<'a> {
    /// Counts tries and taken places; `active` are those that stay, `leaving` those that go now, `done` all that ended,
    /// those of this tick too.
    pub(super) fn new(
        (state, index): (&'a State, &Index<'a>),
        settings: &'a Settings,
        cluster: &'a ClusterView,
        (active, leaving): (Vec<&'a Attempt>, &[&'a Attempt]),
        done: &[&'a Done],
        now: Timestamp,
    ) -> Self {
        let names = lingering(state, index, settings, cluster, leaving, done, now);
        let demands = demands(&names, index, leaving, done);
        let running: BTreeSet<&str> = active.iter().map(|attempt| attempt.attempt.as_str()).collect();
        let lingering = demands.into_iter().filter(|(name, _)| !running.contains(name)).collect();
        Self { state, settings, active, tries: tries(done.iter().copied()), lingering }
    }

    /// Attempts that left and still take a place.
    pub(super) fn lingering(&self) -> impl Iterator<Item = &str> {
        self.lingering.keys().copied()
    }

    /// The attempts to deploy next. None overtakes another: where the first does not fit, it waits for the place of
    /// those that run, and all behind it wait with it, so that a small one never keeps a large one out.
    pub(super) fn next(&self) -> Admitted {
        let room = &self.settings.room;
        let mut taken = Taken::nothing(room);
        self.active.iter().for_each(|attempt| taken.take(&attempt.needs));
        self.lingering.values().for_each(|demand| taken.take(demand));
        let names = self.active.iter().map(|attempt| attempt.attempt.as_str()).chain(self.lingering());
        let busy: BTreeSet<&str> = names.filter_map(split).map(|(trial, _)| trial).collect();
        let mut admitted = Admitted::default();
        for (cell, trial) in self.candidates() {
            if !room.has.holds(&cell.needs) {
                admitted.too_large.push(format!("{}/{}", cell.scenario, cell.slug));
                continue;
            }
            let mut name = AttemptName::new(&cell.scenario, &cell.id, &cell.digest, trial, 0);
            let text = name.to_string();
            let Some((stem, _)) = split(&text).filter(|(stem, _)| !busy.contains(stem)) else { continue };
            if !taken.fits(&cell.needs) {
                break;
            }
            let last = self.tries.get(&cell.trial(trial)).map_or(0, |tries| tries.last);
            name.number = last.max(self.state.past.highest(stem)) + 1;
            taken.take(&cell.needs);
            admitted.admit.push(Admission { name, cell: cell.clone() });
        }
        admitted
    }

    /// Trials that wait, in their order: first tries before retries; then trial by trial, so that what happens to the
    /// lab over time meets all cells alike; within a trial in the campaign's order, which keeps pairs together.
    fn candidates(&self) -> Vec<(&'a Cell, u32)> {
        let mut waiting = Vec::new();
        for cell in &self.state.cells {
            for trial in 1..=cell.trials {
                let tries = self.tries.get(&cell.trial(trial)).copied().unwrap_or_default();
                if !tries.over(self.settings.retries) {
                    waiting.push(((tries.failed > 0, trial, &cell.scenario, cell.order, &cell.id), (cell, trial)));
                }
            }
        }
        waiting.sort_unstable_by_key(|(place, _)| *place);
        waiting.into_iter().map(|(_, candidate)| candidate).collect()
    }

    /// How many trials are measured and given up; none while one is not.
    pub(super) fn over(&self) -> Option<(usize, usize)> {
        let (mut measured, mut given_up) = (0, 0);
        for cell in &self.state.cells {
            for trial in 1..=cell.trials {
                let tries = self.tries.get(&cell.trial(trial)).filter(|tries| tries.over(self.settings.retries))?;
                measured += usize::from(tries.accepted);
                given_up += usize::from(!tries.accepted);
            }
        }
        (self.active.is_empty() && self.lingering.is_empty()).then_some((measured, given_up))
    }
}

/// Names of attempts that left a moment ago, or whose namespace is still there.
fn lingering<'a>(
    state: &'a State,
    index: &Index<'a>,
    settings: &Settings,
    cluster: &'a ClusterView,
    leaving: &[&'a Attempt],
    done: &[&'a Done],
    now: Timestamp,
) -> BTreeSet<&'a str> {
    let drains = |left: Timestamp| within(now, left, settings.drain_seconds);
    let left = state.past.left();
    let known = left.iter().filter(|(_, at)| drains(**at)).map(|(name, _)| name.as_str());
    // Of what the history does not show any more, its end is known, which is not later.
    let ended = done.iter().filter(|done| drains(done.ended) && !left.contains_key(&done.attempt));
    let ended = ended.map(|done| done.attempt.as_str());
    let going = leaving.iter().filter(|_| drains(now)).map(|attempt| attempt.attempt.as_str());
    let namespaces = match cluster {
        ClusterView::Seen { namespaces, .. } => Some(namespaces),
        ClusterView::Unknown | ClusterView::Silent(_) => None,
    };
    // Attempts that were taken out of the branch by hand are still in the cluster until their namespace is gone.
    let there = namespaces.into_iter().flatten().map(String::as_str).filter(|name| is_ours(name, (state, index)));
    known.chain(ended).chain(going).chain(there).collect()
}

/// Whether a namespace is an attempt's at a cell of this branch, now or in its past. An overlay tried by hand is none.
pub(super) fn is_ours(namespace: &str, (state, index): (&State, &Index<'_>)) -> bool {
    let parsed = namespace.parse::<AttemptName>().ok().filter(|parsed| parsed.number > 0);
    let used = || split(namespace).is_some_and(|(trial, _)| state.past.highest(trial) > 0);
    parsed.is_some_and(|parsed| index.by_id(&parsed.cell).is_some() || used())
}

/// What they take: what is known of the attempt itself, else what the cell takes now. Of an attempt whose cell is gone
/// and that left no file, only its place is known.
fn demands<'a>(
    names: &BTreeSet<&'a str>,
    index: &Index<'a>,
    leaving: &[&'a Attempt],
    done: &[&'a Done],
) -> BTreeMap<&'a str, &'a Demand> {
    static NOTHING: Demand =
        Demand { all: Needs { pods: 0, cpu_millis: 0, memory_bytes: 0, disk_bytes: 0 }, pools: BTreeMap::new() };
    let cell = |name: &str| index.by_id(&name.parse::<AttemptName>().ok()?.cell).map(|cell| &cell.needs);
    let mut demands: BTreeMap<&str, &Demand> =
        names.iter().map(|name| (*name, cell(name).unwrap_or(&NOTHING))).collect();
    let ended = done.iter().map(|done| (done.attempt.as_str(), &done.needs));
    let going = leaving.iter().map(|attempt| (attempt.attempt.as_str(), &attempt.needs));
    let known = ended.chain(going).filter(|(name, demand)| names.contains(name) && **demand != NOTHING);
    for (name, demand) in known {
        demands.insert(name, demand);
    }
    demands
}

/// The tries at every trial.
pub(super) fn tries<'a>(done: impl IntoIterator<Item = &'a Done>) -> BTreeMap<TrialKey<'a>, Tries> {
    let mut all: BTreeMap<TrialKey<'_>, Tries> = BTreeMap::new();
    for done in done {
        let tries = all.entry(done.trial()).or_default();
        tries.accepted |= done.outcome == Verdict::Measured;
        tries.failed += u32::from(done.outcome == Verdict::Failed);
        tries.last = tries.last.max(done.number);
    }
    all
}
