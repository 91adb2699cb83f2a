use std::collections::{BTreeMap, BTreeSet};

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{CellEntry, CellsFile};

/// What becomes of a cell when a plan replaces what is on a branch.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum CellState {
    /// The branch does not have it.
    New,
    /// It is another experiment now: what was measured of it does not count for it.
    Changed,
    /// The same experiment, and what was measured of it counts; but trials, deadlines or needs are others.
    Adjusted,
    /// The plan does not have it.
    Gone,
    /// The same in everything.
    Same,
}

/// One cell of the plan or of the branch.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct ComparedCell {
    /// Id of the cell.
    pub id: String,
    /// Its folder.
    pub slug: String,
    /// What becomes of it.
    pub state: CellState,
    /// Changed and adjusted cells: what differs, in short phrases.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub changes: Vec<String>,
}

/// A plan against what a branch has of the same scenario: cells by id, experiments by digest.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Comparison {
    /// The branch, as it was named.
    pub reference: String,
    /// The plan's cells in its order, then those that are gone.
    pub cells: Vec<ComparedCell>,
}

impl CellState {
    /// In the order in which they are counted.
    pub const ALL: [Self; 5] = [Self::New, Self::Changed, Self::Adjusted, Self::Gone, Self::Same];

    /// As people read it.
    pub fn word(self) -> &'static str {
        match self {
            Self::New => "new",
            Self::Changed => "changed",
            Self::Adjusted => "adjusted",
            Self::Gone => "gone",
            Self::Same => "same",
        }
    }
}

impl ComparedCell {
    fn new(cell: &CellEntry, state: CellState, changes: Vec<String>) -> Self {
        Self { id: cell.id.clone(), slug: cell.slug.clone(), state, changes }
    }

    /// The first changes, as one phrase.
    pub fn phrase(&self) -> String {
        let more = self.changes.len().saturating_sub(MOST_PHRASES);
        let start = self.changes[..self.changes.len() - more].join("; ");
        if more == 0 { start } else { format!("{start}; and {more} more") }
    }
}

/// Changes that are said of one cell, for people.
const MOST_PHRASES: usize = 3;

impl Comparison {
    /// Of a plan's cells, and of the branch's; none where it has no such scenario. `explain` says what makes a cell of
    /// the branch another experiment, as far as its folder shows it.
    pub fn new(
        reference: &str,
        before: Option<&CellsFile>,
        after: &CellsFile,
        explain: &dyn Fn(&CellEntry) -> Vec<String>,
    ) -> Self {
        let old: BTreeMap<&str, &CellEntry> =
            before.iter().flat_map(|file| &file.cells).map(|cell| (cell.id.as_str(), cell)).collect();
        let compared = |cell: &CellEntry| match old.get(cell.id.as_str()) {
            None => ComparedCell::new(cell, CellState::New, Vec::new()),
            Some(known) if known.digest == cell.digest => match adjustments(known, cell) {
                none if none.is_empty() => ComparedCell::new(cell, CellState::Same, none),
                some => ComparedCell::new(cell, CellState::Adjusted, some),
            },
            Some(known) => {
                let mut changes: Vec<String> = before.map(|before| of_all(before, after)).unwrap_or_default();
                changes.extend(explain(known));
                if changes.is_empty() {
                    changes.push("something that the branch does not show".to_owned());
                }
                changes.extend(adjustments(known, cell));
                ComparedCell::new(cell, CellState::Changed, changes)
            }
        };
        let planned: BTreeSet<&str> = after.cells.iter().map(|cell| cell.id.as_str()).collect();
        let gone = before.iter().flat_map(|file| &file.cells).filter(|cell| !planned.contains(cell.id.as_str()));
        let gone = gone.map(|cell| ComparedCell::new(cell, CellState::Gone, Vec::new()));
        let cells = after.cells.iter().map(compared).chain(gone).collect();
        Self { reference: reference.to_owned(), cells }
    }

    /// Cells that are not as the branch has them.
    pub fn differing(&self) -> impl Iterator<Item = &ComparedCell> {
        self.cells.iter().filter(|cell| cell.state != CellState::Same)
    }

    /// `1 new, 0 changed, 2 gone, 3 same`; adjusted ones are said where there are any.
    pub fn counts(&self) -> String {
        let count = |state| self.cells.iter().filter(|cell| cell.state == state).count();
        let said = |state: &CellState| *state != CellState::Adjusted || count(*state) > 0;
        let counted = CellState::ALL.into_iter().filter(said).map(|state| format!("{} {}", count(state), state.word()));
        counted.collect::<Vec<_>>().join(", ")
    }
}

/// What makes every cell of a scenario another experiment.
fn of_all(before: &CellsFile, after: &CellsFile) -> Vec<String> {
    let mut changes = Vec::new();
    if before.salt != after.salt {
        changes.push("salt".to_owned());
    }
    if before.observe != after.observe {
        changes.push("measure.observe".to_owned());
    }
    changes
}

/// What may change of a cell while what was measured of it counts.
fn adjustments(before: &CellEntry, after: &CellEntry) -> Vec<String> {
    let mut changes = Vec::new();
    if before.trials != after.trials {
        changes.push(format!("trials {} -> {}", before.trials, after.trials));
    }
    if before.ready_seconds != after.ready_seconds {
        changes.push(format!("measure.ready {} s -> {} s", before.ready_seconds, after.ready_seconds));
    }
    let ready = after.ready_seconds.wrapping_sub(before.ready_seconds);
    if before.deadline_seconds.wrapping_add(ready) != after.deadline_seconds {
        changes.push(format!("deadline {} s -> {} s", before.deadline_seconds, after.deadline_seconds));
    }
    if before.needs != after.needs {
        changes.push("needs".to_owned());
    }
    changes
}
