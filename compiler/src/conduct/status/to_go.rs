use benchgrid_measures::Timestamp;
use schemars::JsonSchema;
use serde::Serialize;

use super::later;
use super::pace::{Pace, Range, float};
use super::trial::{Stage, Trial};
use crate::plan::shown;

/// How long what is left of a campaign takes.
///
/// A trial that waits takes what its cell is expected to take, times how much longer than expected the measured attempts
/// took so far, until its place is free again; one that runs takes what is left of that. Both are likely to be tried
/// again as often as attempts failed so far. The sum is shared by the places of the lab; no campaign ends before its
/// longest trial. The middle is by the median of the measured attempts, the bounds are by their quartiles.
#[derive(Debug, Clone, PartialEq, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct ToGo {
    /// Seconds, by the median.
    pub seconds: u64,
    /// Seconds, by the lower quartile.
    pub least_seconds: u64,
    /// Seconds, by the upper quartile.
    pub most_seconds: u64,
    /// When that is, by the median.
    pub ends: Timestamp,
    /// Measured attempts that it is computed from; none: it is the plan's forecast.
    pub measured: usize,
    /// Share of attempts that failed so far.
    pub failures: f64,
    /// Trials that are left and not in it, since the branch does not say how long they take.
    pub unknown: usize,
}

impl ToGo {
    /// What is left of these trials; none where that is nothing, or unknown altogether.
    pub(super) fn of(pace: &Pace<'_>, trials: &[&Trial<'_>], now: Timestamp) -> Option<Self> {
        let open: Vec<&Trial<'_>> = trials.iter().copied().filter(|trial| trial.is_open()).collect();
        let times: Vec<(Range, Range)> = open.iter().filter_map(|trial| left(pace, trial, now)).collect();
        let sum = times.iter().fold(Range::default(), |sum, (all, _)| sum.with(*all, |a, b| a + b));
        let longest = times.iter().fold(Range::default(), |longest, (_, next)| longest.with(*next, f64::max));
        let places = pace.places(&open);
        let whole = sum.map(|sum| sum / places).with(longest, f64::max);
        (!times.is_empty()).then(|| Self {
            seconds: seconds(whole.middle),
            least_seconds: seconds(whole.least),
            most_seconds: seconds(whole.most),
            ends: later(now, whole.middle),
            measured: pace.attempts,
            failures: (pace.failures * 1000.0).round() / 1000.0,
            unknown: open.len() - times.len(),
        })
    }

    /// In words; `stopped`: nothing is admitted now.
    pub(super) fn phrase(&self, stopped: bool) -> String {
        let [least, most] = [self.least_seconds, self.most_seconds].map(minutes);
        let range = if least == most { String::new() } else { format!(" ({least} to {most})") };
        let when = if stopped { " once it goes on".to_owned() } else { format!(", until {}", self.ends) };
        let by = match self.measured {
            0 => "by the plan's forecast".to_owned(),
            1 => "by the attempt measured so far".to_owned(),
            many => format!("by the {many} attempts measured so far"),
        };
        let share = (100.0 * self.failures).max(1.0);
        let fail =
            if self.failures > 0.0 { format!(", if {share:.0} % of attempts fail as before") } else { String::new() };
        let without = match self.unknown {
            0 => String::new(),
            1 => "; without a trial of which the branch does not say how long it takes".to_owned(),
            many => format!("; without {many} trials of which the branch does not say how long they take"),
        };
        format!("about {} to go{range}{when}, {by}{fail}{without}", minutes(self.seconds))
    }
}

/// To the nearest minute, from one on.
pub(super) fn minutes(seconds: u64) -> String {
    shown::duration(if seconds < 60 { seconds } else { (seconds + 30) / 60 * 60 })
}

/// Seconds for which a trial still takes a place: with the tries that are likely, and the next one alone.
fn left(pace: &Pace<'_>, trial: &Trial<'_>, now: Timestamp) -> Option<(Range, Range)> {
    let once = pace.seconds(trial.cell)?;
    let hold = once.map(|seconds| seconds + pace.place);
    let tries = pace.tries.saturating_sub(trial.failed);
    let Stage::Running(attempt) = trial.stage else {
        return Some((hold.map(|hold| hold * pace.likely(tries)), hold));
    };
    let elapsed = float(now.0 - attempt.admitted.0).max(0.0);
    let rest = once.map(|seconds| (seconds - elapsed).max(0.0) + pace.place);
    let again = pace.failures * pace.likely(tries.saturating_sub(1));
    Some((rest.with(hold, |rest, hold| rest + again * hold), rest))
}

#[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "not negative; a cast of floats saturates")]
fn seconds(seconds: f64) -> u64 {
    seconds.round() as u64
}
