use std::collections::BTreeMap;

use benchgrid_measures::Timestamp;
use schemars::JsonSchema;
use serde::Serialize;

use super::{Look, Stage, Trial};
use crate::conduct::{Done, State, decide::traceless};

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
    /// What is due does not happen.
    Overdue,
}

impl HindranceKind {
    /// Whether nothing is admitted while it lasts.
    pub(super) fn stops(self) -> bool {
        self != Self::Held
    }
}

/// All that the branch shows.
pub(super) fn all(state: &State, look: &Look, trials: &[Trial<'_>], now: Timestamp) -> Vec<Hindrance> {
    let hindrance = |kind| move |text| Hindrance { kind, text };
    let left = trials.iter().any(|trial| !matches!(trial.stage, Stage::Done | Stage::GivenUp));
    let paused = look.paused.as_ref().map(|why| match why.as_str() {
        "" => "paused by the file `paused` on the branch; removing it lets it go on".to_owned(),
        why => format!("paused: {why}; removing the file `paused` from the branch lets it go on"),
    });
    let no_trace = traceless(state, &state.done).filter(|_| left);
    let mut all: Vec<_> = paused.map(hindrance(HindranceKind::Paused)).into_iter().collect();
    all.extend(no_trace.map(hindrance(HindranceKind::NoTrace)));
    all.extend(held(state).map(hindrance(HindranceKind::Held)));
    let stopped = all.iter().any(|hindrance| hindrance.kind.stops());
    all.extend(overdue(state, look, trials, now, stopped).map(hindrance(HindranceKind::Overdue)));
    all
}

fn held(state: &State) -> impl Iterator<Item = String> {
    let ended: BTreeMap<&str, &Done> = state.done.iter().map(|done| (done.attempt.as_str(), done)).collect();
    let held = state.active.iter().filter_map(move |attempt| ended.get(attempt.attempt.as_str()).copied());
    held.map(|done| format!("{} ended ({}) and is still deployed: it takes a place", done.attempt, done.outcome))
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
