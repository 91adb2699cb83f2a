use std::collections::BTreeMap;

use benchgrid_measures::{AttemptName, Identity, Outcome, Timestamp};
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::{Done, endings::CLOCKS_APART};

/// What a coordinator printed about an attempt.
#[derive(Default)]
pub(super) struct Printed {
    /// Lines of records as they were printed, by id.
    records: BTreeMap<String, String>,
    outcome: Option<(String, Outcome)>,
}

/// One attempt's file of the archive: a line for each record, by id, then its outcome.
///
/// A record's line is what the coordinator printed; where that could not be had, it is what the store holds of the
/// record, in the form of [`benchgrid_measures::stored_part`], which has no field `schema`. The outcome's line is what
/// the coordinator printed, where the conductor came to the same; it has a field `archive` where records are not whole.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct ArchivedAttempt {
    /// The file.
    pub(super) text: String,
    /// Lines of records.
    records: usize,
    /// Those of whole ones.
    whole: usize,
    outcome: Outcome,
}

/// What a line of a log must have to be a record or an outcome.
#[derive(Deserialize)]
struct Line {
    attempt: String,
    id: Option<String>,
    schema: Option<u32>,
}

/// An outcome, and how much of what it counts is in the archive.
#[derive(Serialize)]
struct Told<'a> {
    #[serde(flatten)]
    outcome: &'a Outcome,
    archive: Gap<'a>,
}

/// What is not there as it was printed.
#[derive(Serialize)]
struct Gap<'a> {
    /// Records as they were printed.
    whole: usize,
    /// Records as the store holds them.
    stored: usize,
    /// Why not all are whole.
    why: &'a str,
}

impl Printed {
    /// What a log says about that attempt; other lines are passed over.
    pub(super) fn of(attempt: &str, log: &str) -> Self {
        let mut printed = Self::default();
        for text in log.lines().filter(|line| line.starts_with('{')) {
            let Ok(line) = serde_json::from_str::<Line>(text) else { continue };
            if line.attempt != attempt {
                continue;
            }
            if let (Some(id), Some(_)) = (line.id, line.schema) {
                printed.records.insert(id, text.to_owned());
            } else if let Ok(outcome) = serde_json::from_str(text) {
                printed.outcome = Some((text.to_owned(), outcome));
            }
        }
        printed
    }

    /// Why it is not all that the attempt left; none where it is.
    pub(super) fn gap(&self) -> Option<String> {
        let found = self.records.len();
        match &self.outcome {
            Some((_, outcome)) if outcome.records as usize == found => None,
            Some((_, outcome)) => Some(format!("the coordinator's log has {found} of {} records", outcome.records)),
            None => Some(format!("the coordinator's log has {found} records and no outcome")),
        }
    }
}

impl ArchivedAttempt {
    /// What is known of an attempt that ended; `why` the printed part is not all.
    pub(super) fn new(
        done: &Done,
        lab: &str,
        printed: Printed,
        stored: BTreeMap<String, Value>,
        why: Option<&str>,
    ) -> Self {
        let whole = printed.records.len();
        let mut lines = printed.records;
        for (id, record) in stored {
            lines.entry(id).or_insert_with(|| record.to_string());
        }
        let records = lines.len();
        let mut outcome = decided(done, lab);
        let mut last = None;
        if let Some((line, told)) = printed.outcome {
            outcome.records = told.records;
            if (told.verdict, told.reason) == (done.outcome, done.reason) {
                (last, outcome) = (Some(line), told);
            }
        }
        if outcome.records as usize != records {
            // Of an attempt that nobody could count, what is there are all.
            outcome.records = outcome.records.max(u32::try_from(records).unwrap_or(u32::MAX));
            last = None;
        }
        let archive = Gap { whole, stored: records - whole, why: why.unwrap_or("records are missing") };
        let last = match last {
            _ if outcome.records as usize != whole => serde_json::to_string(&Told { outcome: &outcome, archive }),
            Some(line) => Ok(line),
            None => serde_json::to_string(&outcome),
        };
        let last = last.unwrap_or_default();
        let text = lines.values().chain([&last]).flat_map(|line| [line, "\n"]).collect();
        Self { text, records, whole, outcome }
    }

    /// A file that is on the branch; none where it is something else.
    pub(super) fn read(text: &str) -> Option<Self> {
        let lines: Vec<Line> = text.lines().map(serde_json::from_str).collect::<Result<_, _>>().ok()?;
        let outcome = serde_json::from_str(text.lines().last()?).ok()?;
        let whole = lines.iter().filter(|line| line.schema.is_some()).count();
        Some(Self { text: text.to_owned(), records: lines.len() - 1, whole, outcome })
    }

    /// Whether it should stand where the other one stands: it has more, or what was said of the end is not said any more.
    ///
    /// An attempt that ends now may be there already: of a conductor that was killed before it could say so on the deploy
    /// branch, of another one that looked at the same time, or, where that branch was made anew, of a former run.
    pub(super) fn replaces(&self, other: &Self, done: &Done) -> bool {
        let former = Timestamp(other.outcome.ended_ms / 1000).0 < done.admitted.0 - CLOCKS_APART;
        let rank = |file: &Self| (file.records, file.whole);
        let end = |file: &Self| (file.outcome.verdict, file.outcome.reason);
        former || rank(self) > rank(other) || rank(self) == rank(other) && end(self) != end(other)
    }
}

/// The outcome that the conductor decided.
fn decided(done: &Done, lab: &str) -> Outcome {
    let Done { attempt, scenario, cell, trial, number, .. } = done;
    let name = AttemptName::new(scenario, cell, &done.digest, *trial, *number);
    Outcome {
        identity: Identity {
            lab: lab.to_owned(),
            scenario: scenario.clone(),
            cell: cell.clone(),
            digest: name.digest,
            trial: *trial,
            number: *number,
            attempt: attempt.clone(),
        },
        verdict: done.outcome,
        reason: done.reason,
        detail: done.detail.clone(),
        records: done.records,
        ended_ms: done.ended.0 * 1000,
    }
}
