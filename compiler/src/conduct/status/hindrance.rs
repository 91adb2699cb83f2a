use benchgrid_measures::Timestamp;
use schemars::JsonSchema;
use serde::Serialize;

use super::{Look, Stage, Trial};
use crate::conduct::{Attempt, Done, State, decide::traceless, index::Index};
use crate::plan::shown::count;

/// Seconds that a conductor may take for what is due.
const SLACK: i64 = 300;

/// What keeps campaigns from going on, or their places from others.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Hindrance {
    /// Which.
    pub kind: HindranceKind,
    /// In words.
    pub text: String,
}

/// Kinds of hindrances.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum HindranceKind {
    /// Somebody wrote a file `paused` on the branch.
    Paused,
    /// The last two attempts left nothing in the store.
    NoTrace,
    /// An attempt that ended stays deployed, and takes a place.
    Held,
    /// Trials need more than the lab has.
    TooLarge,
    /// Something in `active/` is no attempt.
    Stray,
    /// What is due does not happen.
    Overdue,
}

impl HindranceKind {
    /// Whether nothing is admitted while it lasts.
    pub(super) fn stops(self) -> bool {
        matches!(self, Self::Paused | Self::NoTrace | Self::Overdue)
    }
}

/// All that the branch shows.
pub(super) fn all(
    (state, index): (&State, &Index<'_>),
    held: &[(&Attempt, &Done)],
    look: &Look,
    trials: &[Trial<'_>],
    now: Timestamp,
) -> Vec<Hindrance> {
    let of = |kind| move |text| Hindrance { kind, text };
    let paused = state.paused.as_ref().map(|why| format!("paused: {why}; `git rm paused` lets it go on"));
    let done: Vec<&Done> = state.done.iter().collect();
    let left = trials.iter().any(Trial::is_open);
    let no_trace = traceless(state, index, &done, now).filter(|_| left);
    let held = held.iter().map(|(_, done)| {
        format!("{} ended ({}, {}) and is still deployed: it takes a place", done.attempt, done.outcome, done.reason)
    });
    let mut all: Vec<_> = paused.map(of(HindranceKind::Paused)).into_iter().collect();
    all.extend(no_trace.map(of(HindranceKind::NoTrace)));
    let stopped = !all.is_empty();
    all.extend(held.map(of(HindranceKind::Held)));
    all.extend(too_large(look, trials).map(of(HindranceKind::TooLarge)));
    all.extend(state.problems.iter().cloned().map(of(HindranceKind::Stray)));
    all.extend(overdue(state, look, trials, now, stopped).map(of(HindranceKind::Overdue)));
    all
}

fn too_large(look: &Look, trials: &[Trial<'_>]) -> Option<String> {
    let large: Vec<_> =
        trials.iter().filter(|trial| trial.is_open() && !look.settings.room.has.holds(&trial.cell.needs)).collect();
    let first = large.first()?.cell;
    let trials = count(large.len() as u64, "trial");
    Some(format!("{trials} can't be admitted, {} among them: more is needed than the lab's pools have", first.slug))
}

/// What a conductor would have done by now.
fn overdue(
    state: &State,
    look: &Look,
    trials: &[Trial<'_>],
    now: Timestamp,
    stopped: bool,
) -> impl Iterator<Item = String> {
    let running = trials.iter().filter_map(|trial| match trial.stage {
        Stage::Running(attempt) => Some(attempt),
        _ => None,
    });
    let past = |since: i64, seconds: u64| {
        now.0 > since.saturating_add(i64::try_from(seconds).unwrap_or(i64::MAX)).saturating_add(SLACK)
    };
    let late =
        running.clone().filter(move |attempt| past(attempt.admitted.0, attempt.deadline_seconds)).map(|attempt| {
            format!(
                "{} is past its deadline: the conductor does not run, or the store is silent to it",
                attempt.attempt
            )
        });
    let waits = trials.iter().any(|trial| matches!(trial.stage, Stage::Waiting | Stage::Failed));
    let last = state.done.iter().map(|done| done.ended).max();
    let idle = last.filter(|_| waits && !stopped && state.active.is_empty());
    let idle = idle.filter(|last| past(last.0, look.settings.drain_seconds));
    let idle = idle.map(|last| {
        format!(
            "trials wait, but nothing was admitted since {last}: the conductor does not run, the store is silent to it, or \
             what ended is not removed"
        )
    });
    late.collect::<Vec<_>>().into_iter().chain(idle)
}
