use std::{collections::BTreeMap, fmt};

use benchgrid_measures::Verdict;
use serde::Serialize;

use super::admissions::tries;
use super::{Attempt, State};

/// How far the campaigns of a branch are.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct Status {
    /// By scenario.
    pub scenarios: BTreeMap<String, ScenarioStatus>,
    /// Attempts that are deployed now.
    pub active: Vec<Attempt>,
}

/// How far a campaign is, counted in trials.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct ScenarioStatus {
    /// Cells.
    pub cells: usize,
    /// Trials that are wanted.
    pub trials: usize,
    /// Trials that were measured.
    pub done: usize,
    /// Trials that run now.
    pub running: usize,
    /// Trials of which every try so far failed and none runs; the conductor may still retry them.
    pub failed: usize,
    /// Trials that were not tried yet.
    pub waiting: usize,
    /// Attempts that failed, of all trials.
    pub failed_attempts: usize,
}

impl Status {
    /// Counts what a branch says.
    pub fn of(state: &State) -> Self {
        let tried = tries(state.done.iter());
        let mut status = Self { active: state.active.clone(), ..Self::default() };
        for cell in &state.cells {
            let scenario = status.scenarios.entry(cell.scenario.clone()).or_default();
            scenario.cells += 1;
            scenario.trials += cell.trials as usize;
            for trial in 1..=cell.trials {
                let key = cell.trial(trial);
                let so_far = tried.get(&key).copied().unwrap_or_default();
                let place = if so_far.accepted {
                    &mut scenario.done
                } else if state.active.iter().any(|attempt| attempt.trial() == key) {
                    &mut scenario.running
                } else if so_far.failed > 0 {
                    &mut scenario.failed
                } else {
                    &mut scenario.waiting
                };
                *place += 1;
            }
        }
        for done in state.done.iter().filter(|done| done.outcome == Verdict::Failed) {
            if let Some(scenario) = status.scenarios.get_mut(&done.scenario) {
                scenario.failed_attempts += 1;
            }
        }
        status
    }
}

impl fmt::Display for Status {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (name, s) in &self.scenarios {
            writeln!(f, "{name}: {} cells, {} trials", s.cells, s.trials)?;
            let ScenarioStatus { done, running, failed, waiting, failed_attempts, .. } = s;
            writeln!(
                f,
                "  {done} done, {running} running, {failed} failed, {waiting} waiting ({failed_attempts} attempts failed)"
            )?;
            for a in self.active.iter().filter(|attempt| attempt.scenario == *name) {
                writeln!(f, "  {}  {}  since {}, at most {} s", a.attempt, a.slug, a.admitted, a.deadline_seconds)?;
            }
        }
        Ok(())
    }
}
