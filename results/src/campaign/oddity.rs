use std::collections::BTreeMap;
use std::fmt;

use benchgrid_measures::Timestamp;
use serde::{Deserialize, Serialize};

use super::{Campaign, Ending};

/// The first instant that a record of this program can have: 2020-01-01, in milliseconds since 1970.
const EARLIEST_MS: i64 = 1_577_836_800_000;

/// Something that was read and can't be quite so. It is used all the same; its words are for people.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", tag = "what")]
pub enum Oddity {
    /// Ends after the present.
    Future {
        /// Which attempt.
        attempt: String,
        /// The last of its instants, in milliseconds since 1970.
        ended_ms: i64,
    },
    /// Ends before this program existed.
    Past {
        /// Which attempt.
        attempt: String,
        /// The first of its instants, in milliseconds since 1970.
        ended_ms: i64,
    },
    /// Records end after the outcome of their own attempt.
    AfterOutcome {
        /// Which attempt.
        attempt: String,
        /// How many records.
        records: usize,
        /// How long after it at most, in milliseconds.
        by_ms: i64,
    },
    /// The last line of a file has no end.
    CutShort {
        /// File and line.
        place: String,
    },
    /// The store gives different numbers for one instant; the larger one is used.
    TwoValues {
        /// Which record.
        id: String,
        /// Which metric.
        metric: String,
    },
}

/// Something odd, as a line of samples.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct OdditySample {
    /// What it is.
    pub(crate) oddity: Oddity,
}

impl Oddity {
    /// Whether only who read it can know; the rest is seen in the campaign itself.
    pub(super) fn is_of_reading(&self) -> bool {
        matches!(self, Self::CutShort { .. } | Self::TwoValues { .. })
    }
}

impl fmt::Display for Oddity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let day = |ms: &i64| Timestamp(ms.div_euclid(1000));
        match self {
            Self::Future { attempt, ended_ms } => {
                write!(
                    f,
                    "{attempt}: a record or its outcome ends at {}, which is yet to come: is a clock wrong?",
                    day(ended_ms)
                )
            }
            Self::Past { attempt, ended_ms } => {
                write!(f, "{attempt}: a record or its outcome ends at {}: is a clock wrong?", day(ended_ms))
            }
            Self::AfterOutcome { attempt, records, by_ms } => write!(
                f,
                "{attempt}: records end after its own outcome, {records} of them, by {by_ms} ms at most: a clock was set, or the attempt's name was used again"
            ),
            Self::CutShort { place } => {
                write!(
                    f,
                    "{place}: the last line is cut short: who wrote it was killed, and what it was to say is lost"
                )
            }
            Self::TwoValues { id, metric } => {
                write!(f, "{id}: the store holds two values of {metric} for one instant; the larger one is used")
            }
        }
    }
}

/// What the clocks of a campaign can't have shown; `now_ms` is the present, where somebody knows it.
pub(super) fn clocks(campaign: &Campaign, now_ms: Option<i64>) -> Vec<Oddity> {
    let mut spans: BTreeMap<&str, (i64, i64)> = BTreeMap::new();
    let mut after: BTreeMap<&str, (usize, i64)> = BTreeMap::new();
    let of_transfers = campaign.transfers.iter().map(|transfer| (transfer.label("attempt"), transfer.ended_ms));
    let of_endings = campaign.endings.iter().map(|(attempt, ending)| (attempt.as_str(), ending.ended_ms));
    for (attempt, ended_ms) in of_transfers.clone().chain(of_endings) {
        let (first, last) = spans.entry(attempt).or_insert((ended_ms, ended_ms));
        (*first, *last) = ((*first).min(ended_ms), (*last).max(ended_ms));
    }
    for (attempt, ended_ms) in of_transfers {
        let by = campaign.endings.get(attempt).map_or(0, |Ending { ended_ms: end, .. }| ended_ms.saturating_sub(*end));
        if by > 0 {
            let (records, most) = after.entry(attempt).or_default();
            (*records, *most) = (*records + 1, by.max(*most));
        }
    }
    let past = spans.iter().filter(|(_, (first, _))| *first < EARLIEST_MS);
    let past = past.map(|(attempt, (first, _))| Oddity::Past { attempt: (*attempt).to_owned(), ended_ms: *first });
    let future = spans.iter().filter(|(_, (_, last))| now_ms.is_some_and(|now| *last > now));
    let future = future.map(|(attempt, (_, last))| Oddity::Future { attempt: (*attempt).to_owned(), ended_ms: *last });
    let after = after.into_iter().map(|(attempt, (records, by_ms))| Oddity::AfterOutcome {
        attempt: attempt.to_owned(),
        records,
        by_ms,
    });
    past.chain(future).chain(after).collect()
}
