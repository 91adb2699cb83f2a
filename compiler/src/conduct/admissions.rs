use std::collections::{BTreeMap, BTreeSet};

use benchgrid_measures::{AttemptName, Timestamp, Verdict};

use super::state::TrialKey;
use super::{Admission, Attempt, Cell, ClusterView, Done, Settings, State};
use crate::plan::Needs;

/// What became of the tries at one trial.
#[derive(Default, Clone, Copy)]
pub(super) struct Tries {
    /// One was measured.
    pub(super) accepted: bool,
    /// So many failed.
    pub(super) failed: u32,
    /// The highest number among all, superseded ones included.
    last: u32,
    /// The newest of them still takes its place.
    lingers: bool,
}

/// Everything that admission is decided from.
pub(super) struct Admissions<'a> {
    state: &'a State,
    settings: &'a Settings,
    namespaces: Option<&'a BTreeSet<String>>,
    active: Vec<&'a Attempt>,
    tries: BTreeMap<TrialKey<'a>, Tries>,
    lingering: BTreeSet<&'a str>,
}

impl<'a> Admissions<'a> {
    /// Counts tries and taken places; `active` are those that go on, `done` all that ended, those of this tick too.
    pub(super) fn new(
        state: &'a State,
        settings: &'a Settings,
        cluster: &'a ClusterView,
        active: Vec<&'a Attempt>,
        done: &'a [Done],
        now: Timestamp,
    ) -> Self {
        let namespaces = match cluster {
            ClusterView::Seen { namespaces, .. } => Some(namespaces),
            ClusterView::Unknown | ClusterView::Silent(_) => None,
        };
        let drained = now.0.saturating_sub(i64::try_from(settings.drain_seconds).unwrap_or(i64::MAX));
        let lingers = |done: &Done| done.ended.0 > drained || namespaces.is_some_and(|n| n.contains(&done.attempt));
        let running: BTreeSet<&str> = active.iter().map(|attempt| attempt.attempt.as_str()).collect();
        let mut tries = tries(done);
        let mut lingering = BTreeSet::new();
        for done in done.iter().filter(|done| lingers(done) && !running.contains(done.attempt.as_str())) {
            lingering.insert(done.attempt.as_str());
            tries.entry(done.trial()).or_default().lingers = true;
        }
        // Attempts that were taken out of the branch by hand are still in the cluster until their namespace is gone.
        let ours = |name: &&String| {
            let parsed = name.parse::<AttemptName>().ok().filter(|parsed| parsed.number > 0);
            parsed.is_some_and(|parsed| state.cells.iter().any(|cell| cell.id == parsed.cell))
        };
        let strangers = namespaces.into_iter().flatten().filter(|name| !running.contains(name.as_str())).filter(ours);
        lingering.extend(strangers.map(String::as_str));
        Self { state, settings, namespaces, active, tries, lingering }
    }

    /// Attempts that ended and still take a place.
    pub(super) fn lingering(&self) -> impl Iterator<Item = &str> {
        self.lingering.iter().copied()
    }

    /// The attempts to deploy next.
    pub(super) fn next(&self) -> Vec<Admission> {
        let needs: BTreeMap<_, &Needs> =
            self.state.cells.iter().map(|cell| ((cell.scenario.as_str(), cell.id.as_str()), &cell.needs)).collect();
        let need = |attempt: &&Attempt| needs.get(&(attempt.scenario.as_str(), attempt.cell.as_str())).copied();
        let mut taken: Vec<Option<&Needs>> = self.active.iter().map(need).collect();
        taken.extend(self.lingering.iter().map(|_| None));
        let mut admitted = Vec::new();
        for (cell, trial) in self.candidates() {
            if !self.settings.room.fits(&taken, &cell.needs) {
                break;
            }
            let number = self.tries.get(&cell.trial(trial)).map_or(0, |tries| tries.last) + 1;
            let name = AttemptName::new(&cell.scenario, &cell.id, &cell.digest, trial, number);
            if self.namespaces.is_some_and(|namespaces| namespaces.contains(&name.to_string())) {
                continue;
            }
            taken.push(Some(&cell.needs));
            admitted.push(Admission { name, cell: cell.clone() });
        }
        admitted
    }

    /// Trials that wait, in their order: first tries before retries; then trial by trial, so that what happens to the
    /// lab over time meets all cells alike; within a trial in the campaign's order, which keeps pairs together.
    fn candidates(&self) -> Vec<(&'a Cell, u32)> {
        let running: BTreeSet<TrialKey<'_>> = self.active.iter().map(|attempt| attempt.trial()).collect();
        let mut waiting = Vec::new();
        for cell in &self.state.cells {
            for trial in 1..=cell.trials {
                let tries = self.tries.get(&cell.trial(trial)).copied().unwrap_or_default();
                let given_up = tries.failed > self.settings.retries;
                if !(tries.accepted || given_up || tries.lingers || running.contains(&cell.trial(trial))) {
                    waiting.push(((tries.failed > 0, trial, &cell.scenario, cell.order, &cell.id), (cell, trial)));
                }
            }
        }
        waiting.sort_by_key(|(place, _)| *place);
        waiting.into_iter().map(|(_, candidate)| candidate).collect()
    }
}

/// The tries at every trial.
pub(super) fn tries(done: &[Done]) -> BTreeMap<TrialKey<'_>, Tries> {
    let mut all: BTreeMap<TrialKey<'_>, Tries> = BTreeMap::new();
    for done in done {
        let tries = all.entry(done.trial()).or_default();
        tries.accepted |= done.outcome == Verdict::Measured;
        tries.failed += u32::from(done.outcome == Verdict::Failed);
        tries.last = tries.last.max(done.number);
    }
    all
}
