use std::collections::BTreeMap;

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
    /// The plan does not have it.
    Gone,
    /// The same experiment.
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
    pub const ALL: [Self; 4] = [Self::New, Self::Changed, Self::Gone, Self::Same];

    /// As people read it.
    pub fn word(self) -> &'static str {
        match self {
            Self::New => "new",
            Self::Changed => "changed",
            Self::Gone => "gone",
            Self::Same => "same",
        }
    }
}

impl Comparison {
    /// Of a plan's cells, and of the branch's; none where it has no such scenario.
    pub fn new(reference: &str, before: Option<&CellsFile>, after: &CellsFile) -> Self {
        let before = before.map_or(&[][..], |file| &file.cells);
        let digests: BTreeMap<&str, &str> =
            before.iter().map(|cell| (cell.id.as_str(), cell.digest.as_str())).collect();
        let state = |cell: &CellEntry| match digests.get(cell.id.as_str()) {
            None => CellState::New,
            Some(digest) if *digest == cell.digest => CellState::Same,
            Some(_) => CellState::Changed,
        };
        let compared = |cell: &CellEntry, state| ComparedCell { id: cell.id.clone(), slug: cell.slug.clone(), state };
        let gone = before.iter().filter(|old| after.cells.iter().all(|cell| cell.id != old.id));
        let cells = after.cells.iter().map(|cell| compared(cell, state(cell)));
        Self {
            reference: reference.to_owned(),
            cells: cells.chain(gone.map(|cell| compared(cell, CellState::Gone))).collect(),
        }
    }

    /// Cells that are not as the branch has them.
    pub fn differing(&self) -> impl Iterator<Item = &ComparedCell> {
        self.cells.iter().filter(|cell| cell.state != CellState::Same)
    }

    /// `1 new, 0 changed, 2 gone, 3 same`.
    pub fn counts(&self) -> String {
        let count = |state| self.cells.iter().filter(|cell| cell.state == state).count();
        CellState::ALL.map(|state| format!("{} {}", count(state), state.word())).join(", ")
    }
}
