use std::fmt;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::{ExpositionLine, Identity, OUTCOME_METRIC};

/// Whether an attempt gave the numbers it was made for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Verdict {
    /// Every repetition ended and is valid; failed transfers in it are results.
    Measured,
    /// The attempt can't be used; its records, if any, are kept.
    Failed,
    /// Nobody wants it any more.
    Superseded,
}

/// Why an attempt ended as it did: a word of a fixed set.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Reason {
    /// Everything was measured.
    Ok,
    /// Not every node came up, or not every agent registered, in time.
    NotReady,
    /// A node came up that can't be measured: wrong version, wrong driver, a protocol of another release, or
    /// something about it is not as its driver takes it to be.
    Preflight,
    /// The plain transfer showed that a link is not shaped as asked.
    Baseline,
    /// Seeders did not become visible to the others in time.
    Gate,
    /// Two repetitions in a row failed.
    TransferFailed,
    /// Something voids the repetitions: a restart, a lost agent.
    Invalid,
    /// The store did not take the records, or does not give them back.
    Store,
    /// The conductor found nothing in the store, and the pods say no more.
    NoRecord,
    /// The attempt's deadline passed.
    Deadline,
    /// The cell is no longer part of the campaign, or is another experiment now.
    Superseded,
    /// A defect of the coordinator itself.
    Internal,
}

impl fmt::Display for Verdict {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Measured => "measured",
            Self::Failed => "failed",
            Self::Superseded => "superseded",
        })
    }
}

impl fmt::Display for Reason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match serde_json::to_value(self) {
            Ok(serde_json::Value::String(text)) => f.write_str(&text),
            _ => Err(fmt::Error),
        }
    }
}

/// How an attempt ended, as the coordinator says: its termination message, and the marker in the store.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Outcome {
    /// The attempt.
    #[serde(flatten)]
    pub identity: Identity,
    /// Measured or failed.
    pub verdict: Verdict,
    /// Why, one word.
    pub reason: Reason,
    /// Why, for people; at most [`Outcome::DETAIL_LENGTH`] characters.
    pub detail: String,
    /// How many records the attempt made.
    pub records: u32,
    /// Wall clock at the end, in milliseconds since 1970.
    pub ended_ms: i64,
}

impl Outcome {
    /// Longest detail that is kept (it becomes a label value, and stores drop long ones).
    pub const DETAIL_LENGTH: usize = 400;

    /// The marker that is pushed after all records.
    pub fn line(&self) -> ExpositionLine {
        let mut labels = self.identity.labels();
        labels.extend([
            ("outcome".to_owned(), self.verdict.to_string()),
            ("reason".to_owned(), self.reason.to_string()),
            ("detail".to_owned(), self.detail.chars().take(Self::DETAIL_LENGTH).collect()),
        ]);
        ExpositionLine {
            name: OUTCOME_METRIC.to_owned(),
            labels,
            value: f64::from(self.records),
            timestamp_ms: self.ended_ms,
        }
    }
}
