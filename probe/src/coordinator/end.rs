//! How an experiment ends.
//!
//! In: a reason and words for people. Out: the attempt's [`Outcome`].

use std::time::{SystemTime, UNIX_EPOCH};

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

/// The wall clock in milliseconds since 1970.
pub(super) fn now_ms() -> i64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    i64::try_from(since.as_millis()).unwrap_or(i64::MAX)
}
