//! How an experiment ends.
//!
//! In: a reason and words for people. Out: the attempt's [`Outcome`].

use std::{
    sync::LazyLock,
    time::{Instant, SystemTime, UNIX_EPOCH},
};

use benchgrid_measures::{Identity, Outcome, Reason, Verdict};

use crate::store::StoreError;

/// Why there is nothing more to measure.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct End {
    /// One word.
    pub(super) reason: Reason,
    /// For people.
    pub(super) detail: String,
}

impl End {
    pub(super) fn new(reason: Reason, detail: impl Into<String>) -> Self {
        Self { reason, detail: detail.into() }
    }

    /// The same end, and the store has not got everything: that is the reason where there was no other.
    pub(super) fn and_store(self, error: &StoreError) -> Self {
        match self.reason {
            Reason::Ok => Self::new(Reason::Store, error.to_string()),
            _ => Self::new(self.reason, format!("{}; and the store: {error}", self.detail)),
        }
    }

    /// What the coordinator says of the attempt.
    pub(super) fn outcome(&self, identity: &Identity, records: u32) -> Outcome {
        Outcome {
            identity: identity.clone(),
            verdict: if self.reason == Reason::Ok { Verdict::Measured } else { Verdict::Failed },
            reason: self.reason,
            detail: self.detail.chars().take(Outcome::DETAIL_LENGTH).collect(),
            records,
            ended_ms: now_ms(),
        }
    }
}

/// Gives times to label with.
///
/// The wall clock is read once; from there on the monotonic clock counts. A wall clock that is set in the middle of an
/// attempt would else stamp records out of their order, or so far away that the store drops them without a word.
struct Clock {
    wall_ms: i64,
    since: Instant,
}

static CLOCK: LazyLock<Clock> = LazyLock::new(|| Clock::starting(SystemTime::now()));

impl Clock {
    fn starting(wall: SystemTime) -> Self {
        let wall = wall.duration_since(UNIX_EPOCH).unwrap_or_default();
        Self { wall_ms: i64::try_from(wall.as_millis()).unwrap_or(i64::MAX), since: Instant::now() }
    }

    fn at(&self, now: Instant) -> i64 {
        let passed = now.saturating_duration_since(self.since).as_millis();
        self.wall_ms.saturating_add(i64::try_from(passed).unwrap_or(i64::MAX))
    }
}

/// Now, in milliseconds since 1970.
pub(super) fn now_ms() -> i64 {
    CLOCK.at(Instant::now())
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    #[test]
    fn labels_follow_the_monotonic_clock_alone() {
        let clock = Clock::starting(UNIX_EPOCH + Duration::from_hours(500_000));
        assert_eq!(clock.at(clock.since + Duration::from_millis(90_250)), 1_800_000_090_250);
        assert_eq!(Clock::starting(UNIX_EPOCH - Duration::from_secs(1)).wall_ms, 0, "a clock before 1970");
        let (first, second) = (now_ms(), now_ms());
        assert!(first <= second);
    }
}
