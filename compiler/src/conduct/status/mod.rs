//! How far the campaigns of a branch are.
//!
//! In: what the branch says, what the store says of running attempts, the time. Out: a [`Status`], which is printed as
//! JSON, text or Markdown. Pure.

mod hindrance;
mod look;
mod markdown;
mod pace;
mod progress;
mod text;
mod to_go;
mod trial;

pub use hindrance::{Hindrance, HindranceKind};
pub use look::Look;
pub use progress::{Progress, StoreProgress};
pub use to_go::ToGo;

use std::collections::BTreeMap;

use benchgrid_measures::{Reason, Timestamp, Verdict};
use schemars::JsonSchema;
use serde::Serialize;

use super::{Attempt, Done, State, index::Index};
use pace::Pace;
use trial::{Stage, Trial, trials};

/// How far the campaigns of a branch are.
#[derive(Debug, Clone, PartialEq, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Status {
    /// When that was.
    pub at: Timestamp,
    /// Name of the lab.
    pub lab: String,
    /// By scenario.
    pub scenarios: BTreeMap<String, ScenarioStatus>,
    /// When all of them will have ended; missing where nothing is left, or no cell says how long it takes.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub to_go: Option<ToGo>,
    /// What keeps it from going on.
    pub hindrances: Vec<Hindrance>,
    /// Attempts that run now.
    pub running: Vec<Running>,
    /// Why records of running attempts are not counted; missing where they are, or nothing runs.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub records_unknown: Option<String>,
    /// Attempts of the present campaigns that failed, the newest first.
    pub failed: Vec<FailedAttempt>,
}

/// How far a campaign is, counted in trials; each is in one of done, running, failed, given up, waiting.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, JsonSchema)]
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
    /// Trials whose every try so far failed, and that are tried again.
    pub failed: usize,
    /// Trials whose every try failed, as many as the lab allows.
    pub given_up: usize,
    /// Trials that were not tried yet.
    pub waiting: usize,
    /// Attempts that ended because nobody wanted them any more.
    pub superseded: usize,
    /// Attempts that failed, of trials of all kinds.
    pub failed_attempts: usize,
    /// Seconds that what is left of it takes, if nothing else runs; missing where nothing is left, or no cell says how
    /// long it takes.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub to_go_seconds: Option<u64>,
}

/// An attempt that runs now.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Running {
    /// Its name.
    pub attempt: String,
    /// Name of the scenario.
    pub scenario: String,
    /// Its cell, as people read it.
    pub slug: String,
    /// Which fresh deployment, from 1.
    pub trial: u32,
    /// Which try at it, from 1.
    pub number: u32,
    /// When it was admitted.
    pub since: Timestamp,
    /// When it is expected to end, where its cell says so.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub expected: Option<Timestamp>,
    /// When it has failed.
    pub deadline: Timestamp,
    /// Records in the store so far, where that is known.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub records: Option<u64>,
    /// Records that it leaves, where its cell says so.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub expected_records: Option<u64>,
    /// The repetition of its newest record.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub newest: Option<String>,
}

/// An attempt that failed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct FailedAttempt {
    /// Its name.
    pub attempt: String,
    /// Name of the scenario.
    pub scenario: String,
    /// Its cell, as people read it.
    pub slug: String,
    /// Which fresh deployment, from 1.
    pub trial: u32,
    /// Which try at it, from 1.
    pub number: u32,
    /// When it was admitted.
    pub admitted: Timestamp,
    /// When that was decided.
    pub ended: Timestamp,
    /// Why, one word.
    pub reason: Reason,
    /// Why, for people.
    pub detail: String,
    /// What its containers said: path on the branch.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub log: Option<String>,
}

impl Status {
    /// What a branch and a look at its surroundings come to.
    pub fn of(state: &State, look: &Look, now: Timestamp) -> Self {
        let index = Index::of(state);
        let held = state.held();
        let running = state.running(&held);
        let pace = Pace::of(state, &held, &index, look);
        let trials = trials(state, &running, look.settings.retries);
        let mut scenarios: BTreeMap<String, ScenarioStatus> = BTreeMap::new();
        for cell in &state.cells {
            scenarios.entry(cell.scenario.clone()).or_default().cells += 1;
        }
        for trial in &trials {
            if let Some(scenario) = scenarios.get_mut(&trial.cell.scenario) {
                scenario.count(trial.stage);
            }
        }
        let failed = failed(state, &index, look);
        for done in &state.done {
            let Some(scenario) = scenarios.get_mut(&done.scenario) else { continue };
            scenario.superseded += usize::from(done.outcome == Verdict::Superseded);
            scenario.failed_attempts += usize::from(is_failure(&index, done));
        }
        for (name, scenario) in &mut scenarios {
            let own: Vec<&Trial<'_>> = trials.iter().filter(|trial| trial.cell.scenario == *name).collect();
            scenario.to_go_seconds = ToGo::of(&pace, &own, now).map(|to_go| to_go.seconds);
        }
        let running: Vec<_> = running.into_iter().map(|attempt| Running::of(attempt, &index, look, &pace)).collect();
        Self {
            at: now,
            lab: look.lab.clone(),
            scenarios,
            to_go: ToGo::of(&pace, &trials.iter().collect::<Vec<_>>(), now),
            hindrances: hindrance::all((state, &index), &held, look, &trials, now),
            records_unknown: look.store.unknown().filter(|_| !running.is_empty()),
            running,
            failed,
        }
    }

    /// In one sentence.
    pub(super) fn headline(&self) -> String {
        let sum = |of: fn(&ScenarioStatus) -> usize| self.scenarios.values().map(of).sum::<usize>();
        let (trials, done, given_up) = (sum(|s| s.trials), sum(|s| s.done), sum(|s| s.given_up));
        let without = if given_up > 0 { format!(", {given_up} given up") } else { String::new() };
        let text = format!("{done} of {trials} trials measured{without}");
        if trials == 0 {
            "no trial is wanted".to_owned()
        } else if done + given_up == trials {
            format!("finished: {text}")
        } else if let Some(to_go) = &self.to_go {
            let stopped = self.hindrances.iter().any(|hindrance| hindrance.kind.stops());
            format!("{text}; {}", to_go.phrase(stopped))
        } else {
            format!("{text}; how long the rest takes the branch does not say: compile again")
        }
    }
}

impl ScenarioStatus {
    fn count(&mut self, stage: Stage<'_>) {
        self.trials += 1;
        let place = match stage {
            Stage::Done => &mut self.done,
            Stage::Running(_) => &mut self.running,
            Stage::Failed => &mut self.failed,
            Stage::GivenUp => &mut self.given_up,
            Stage::Waiting => &mut self.waiting,
        };
        *place += 1;
    }
}

/// Whether it is a try at a trial of the present campaigns that failed.
fn is_failure(index: &Index<'_>, done: &Done) -> bool {
    done.outcome == Verdict::Failed && index.wants(done.trial()).is_ok()
}

impl Running {
    fn of(attempt: &Attempt, index: &Index<'_>, look: &Look, pace: &Pace<'_>) -> Self {
        let cell = index.wanted(attempt.trial());
        let progress = look.store.of(&attempt.attempt);
        Self {
            attempt: attempt.attempt.clone(),
            scenario: attempt.scenario.clone(),
            slug: attempt.slug.clone(),
            trial: attempt.trial,
            number: attempt.number,
            since: attempt.admitted,
            expected: cell.and_then(|cell| Some(later(attempt.admitted, pace.seconds(cell)?.middle))),
            deadline: Timestamp(
                attempt.admitted.0.saturating_add(i64::try_from(attempt.deadline_seconds).unwrap_or(i64::MAX)),
            ),
            records: progress.map(|progress| progress.records),
            expected_records: cell.and_then(|cell| cell.records),
            newest: progress.and_then(|progress| progress.newest.clone()),
        }
    }
}

fn failed(state: &State, index: &Index<'_>, look: &Look) -> Vec<FailedAttempt> {
    let of = |done: &Done| FailedAttempt {
        attempt: done.attempt.clone(),
        scenario: done.scenario.clone(),
        slug: done.slug.clone(),
        trial: done.trial,
        number: done.number,
        admitted: done.admitted,
        ended: done.ended,
        reason: done.reason,
        detail: done.detail.clone(),
        log: look.log(done),
    };
    let mut failed: Vec<_> = state.done.iter().filter(|done| is_failure(index, done)).map(of).collect();
    failed.sort_by(|a, b| (b.ended, &b.attempt).cmp(&(a.ended, &a.attempt)));
    failed
}

#[expect(clippy::cast_possible_truncation, reason = "a cast of floats saturates")]
fn later(time: Timestamp, seconds: f64) -> Timestamp {
    Timestamp(time.0.saturating_add(seconds.round() as i64))
}
