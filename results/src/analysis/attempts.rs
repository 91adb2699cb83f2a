//! What became of each attempt.

use std::collections::{BTreeMap, BTreeSet};

use super::{AttemptResult, Question};
use crate::{Campaign, LeftOut};

/// Every attempt of the question's scenario, by name.
pub(super) fn attempts(campaign: &Campaign, question: &Question) -> Vec<AttemptResult> {
    let asked = question.cells.iter().filter(|cell| question.planned && !cell.digest.is_empty());
    let asked: BTreeMap<&str, &str> = asked.map(|cell| (cell.id.as_str(), cell.digest.as_str())).collect();
    let standings = campaign.standings(&asked);
    let cells: BTreeMap<&str, &str> = campaign
        .transfers
        .iter()
        .filter(|transfer| question.is_about(transfer.label("lab"), transfer.label("scenario")))
        .map(|transfer| (transfer.label("attempt"), transfer.label("cell")))
        .collect();
    let has: BTreeSet<&str> = question.cells.iter().map(|cell| cell.id.as_str()).collect();
    let attempt = |(name, left_out): (&str, Option<LeftOut>)| {
        let cell =
            campaign.endings.get(name).map_or_else(|| cells.get(name).copied(), |end| Some(end.label("cell")))?;
        let left_out = if has.contains(cell) { left_out } else { left_out.or(Some(LeftOut::OtherMatrix)) };
        let counts = left_out.is_none();
        let why = left_out.map(|why| why.to_string()).unwrap_or_default();
        let Some(ending) = campaign.endings.get(name) else {
            let (name, cell) = (name.to_owned(), cell.to_owned());
            let unfinished = AttemptResult { name, cell, why, ..AttemptResult::default() };
            return Some(unfinished);
        };
        let word = |label| ending.label(label).to_owned();
        question.is_about(ending.label("lab"), ending.label("scenario")).then(|| AttemptResult {
            name: name.to_owned(),
            cell: word("cell"),
            trial: word("trial"),
            outcome: word("outcome"),
            reason: word("reason"),
            ended_ms: ending.ended_ms,
            counts,
            why,
        })
    };
    standings.into_iter().filter_map(attempt).collect()
}

impl Question {
    /// Whether something of that lab and scenario belongs to it.
    pub(super) fn is_about(&self, lab: &str, scenario: &str) -> bool {
        self.scenario == scenario && self.lab == lab
    }
}
