use std::collections::{BTreeMap, BTreeSet};

use benchgrid_measures::Verdict;

use crate::conduct::admissions::tries;
use crate::conduct::{Attempt, Cell, Done, State, state::TrialKey};

/// The cells of the present campaigns, by scenario and id.
pub(super) struct Cells<'a>(BTreeMap<(&'a str, &'a str), &'a Cell>);

impl<'a> Cells<'a> {
    pub(super) fn of(state: &'a State) -> Self {
        Self(state.cells.iter().map(|cell| ((cell.scenario.as_str(), cell.id.as_str()), cell)).collect())
    }

    /// The cell of a trial, while its campaign wants the trial: the same experiment, and as many trials.
    pub(super) fn wanting(&self, (scenario, cell, digest, trial): TrialKey<'_>) -> Option<&'a Cell> {
        let cell = self.0.get(&(scenario, cell)).copied();
        cell.filter(|cell| cell.digest == digest && trial <= cell.trials)
    }

    /// Whether a try at a trial that is wanted failed.
    pub(super) fn is_failure(&self, done: &Done) -> bool {
        done.outcome == Verdict::Failed && self.wanting(done.trial()).is_some()
    }
}

/// Where a trial is.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) enum Stage<'a> {
    /// It was measured.
    Done,
    /// This attempt at it runs.
    Running(&'a Attempt),
    /// Its tries so far failed, and it is tried again.
    Failed,
    /// As many failed as the lab allows.
    GivenUp,
    /// It was not tried yet.
    Waiting,
}

/// A trial that a campaign wants.
#[derive(Debug, Clone, Copy)]
pub(super) struct Trial<'a> {
    pub(super) cell: &'a Cell,
    pub(super) stage: Stage<'a>,
    /// Tries at it that failed.
    pub(super) failed: u32,
}

/// All trials of all campaigns. An attempt that has ended and stays deployed does not run.
pub(super) fn trials(state: &State, retries: u32) -> Vec<Trial<'_>> {
    let tried = tries(&state.done);
    let ended: BTreeSet<&str> = state.done.iter().map(|done| done.attempt.as_str()).collect();
    let active = state.active.iter().filter(|attempt| !ended.contains(attempt.attempt.as_str()));
    let active: BTreeMap<_, &Attempt> = active.map(|attempt| (attempt.trial(), attempt)).collect();
    let mut trials = Vec::new();
    for cell in &state.cells {
        for number in 1..=cell.trials {
            let key = cell.trial(number);
            let before = tried.get(&key).copied().unwrap_or_default();
            trials.push(Trial {
                cell,
                stage: match active.get(&key) {
                    _ if before.accepted => Stage::Done,
                    Some(attempt) => Stage::Running(attempt),
                    None if before.failed > retries => Stage::GivenUp,
                    None if before.failed > 0 => Stage::Failed,
                    None => Stage::Waiting,
                },
                failed: before.failed,
            });
        }
    }
    trials
}
