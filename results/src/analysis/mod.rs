//! The answer to a campaign's question: cells, comparisons, the sentence on the first screen.
//!
//! In: what was read ([`crate::Campaign`]) and what was asked ([`Question`]). Out: an [`Analysis`], from which every form of
//! the report is written. Pure: the same input gives the same numbers.

mod against;
mod anomalies;
mod answer;
mod attempts;
mod cell_result;
mod cells;
mod comparison;
mod found;
mod pairs;
mod quantity;
mod question;
mod threats;

pub use answer::{pair_title, times};
pub use cell_result::{CellResult, CellState, Estimate, GroupResult, Node, Repetition, Trial};
pub use comparison::{ClaimVerdict, Comparison, Difference, Pair, PairVerdict};
pub use quantity::{Quantity, Unit};
pub use question::{Axis, Claim, Compare, Metric, PlannedCell, Question};

use std::collections::BTreeSet;

use serde::Serialize;

use crate::Campaign;

/// Everything that a report says.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Analysis {
    /// What was asked.
    pub question: Question,
    /// What comes out, for the first screen.
    pub answer: Answer,
    /// One for each measured system of each cell and each way of seeing it, in the order of the scenario; missing ones, too.
    pub cells: Vec<CellResult>,
    /// For each claim, each level against the baseline.
    pub comparisons: Vec<Comparison>,
    /// Attempts, by name: what became of each.
    pub attempts: Vec<AttemptResult>,
    /// What threatens the result, one sentence each.
    pub threats: Vec<String>,
    /// Transfers that were read, warm-up included.
    pub transfers: usize,
    /// First and last end of a record, in milliseconds since 1970.
    pub span_ms: Option<(i64, i64)>,
}

impl Analysis {
    /// Works out what a campaign says to a question. Only what belongs to the question's lab and scenario counts.
    pub fn new(campaign: &Campaign, question: Question) -> Self {
        let attempts = attempts::attempts(campaign, &question);
        let counted: BTreeSet<&str> = attempts.iter().filter(|it| it.counts).map(|it| it.name.as_str()).collect();
        let cells = cells::cells(campaign, &question, &attempts, &counted);
        let comparisons = pairs::comparisons(&question, &cells);
        let oddities: Vec<String> = campaign.oddities.iter().map(ToString::to_string).collect();
        let transfers = campaign.transfers.iter();
        let transfers = transfers.filter(|it| question.is_about(it.label("lab"), it.label("scenario")));
        let ends: Vec<i64> = transfers.map(|transfer| transfer.ended_ms).collect();
        Self {
            answer: answer::answer(&question, &cells, &comparisons, &attempts),
            threats: threats::threats(&oddities, &question, &cells, &comparisons, &attempts),
            transfers: ends.len(),
            span_ms: ends.iter().min().copied().zip(ends.iter().max().copied()),
            question,
            cells,
            comparisons,
            attempts,
        }
    }
}

/// What a reader of the first screen takes away.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Answer {
    /// Which form it has.
    pub form: AnswerForm,
    /// The verdict in one sentence.
    pub sentence: String,
    /// Which side was better, where, and how sure that is: a sentence each.
    pub details: Vec<String>,
}

/// The forms of the answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum AnswerForm {
    /// The claim holds everywhere, or is broken everywhere.
    Clear,
    /// It holds here and is broken there.
    Mixed,
    /// Too few trials, or too much spread, to say.
    Undecided,
    /// It was tried, and nothing that was measured counts.
    Broken,
    /// Nothing was measured.
    Empty,
    /// Nothing is compared: the cells stand for themselves.
    Plain,
}

/// What became of one attempt.
#[derive(Debug, Clone, Default, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct AttemptResult {
    /// Its name.
    pub name: String,
    /// Id of its cell.
    pub cell: String,
    /// Its trial.
    pub trial: String,
    /// `measured`, `failed`, `superseded`; empty: it has not ended.
    pub outcome: String,
    /// Why, one word.
    pub reason: String,
    /// When it ended, in milliseconds since 1970; 0: it has not.
    pub ended_ms: i64,
    /// Whether its numbers count.
    pub counts: bool,
    /// Why they don't; else empty.
    pub why: String,
}

#[cfg(test)]
mod tests;
