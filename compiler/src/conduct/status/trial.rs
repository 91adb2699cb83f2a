use std::collections::BTreeMap;

use crate::conduct::admissions::tries;
use crate::conduct::{Attempt, Cell, State};

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

impl Trial<'_> {
    /// Whether it still is to be measured.
    pub(super) fn is_open(&self) -> bool {
        !matches!(self.stage, Stage::Done | Stage::GivenUp)
    }
}

/// All trials of all campaigns.
pub(super) fn trials<'a>(state: &'a State, running: &[&'a Attempt], retries: u32) -> Vec<Trial<'a>> {
    let tried = tries(&state.done);
    let running: BTreeMap<_, &Attempt> = running.iter().map(|attempt| (attempt.trial(), *attempt)).collect();
    let mut trials = Vec::new();
    for cell in &state.cells {
        for number in 1..=cell.trials {
            let key = cell.trial(number);
            let before = tried.get(&key).copied().unwrap_or_default();
            trials.push(Trial {
                cell,
                stage: match running.get(&key) {
                    _ if before.accepted => Stage::Done,
                    Some(attempt) => Stage::Running(attempt),
                    None if before.over(retries) => Stage::GivenUp,
                    None if before.failed > 0 => Stage::Failed,
                    None => Stage::Waiting,
                },
                failed: before.failed,
            });
        }
    }
    trials
}
