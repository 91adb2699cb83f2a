use std::collections::BTreeMap;

use super::state::TrialKey;
use super::{Cell, State};

/// The campaigns' cells, by scenario and id.
pub(super) struct Index<'a> {
    cells: BTreeMap<(&'a str, &'a str), &'a Cell>,
    ids: BTreeMap<&'a str, &'a Cell>,
}

impl<'a> Index<'a> {
    pub(super) fn of(state: &'a State) -> Self {
        let key = |cell: &'a Cell| ((cell.scenario.as_str(), cell.id.as_str()), cell);
        Self {
            cells: state.cells.iter().map(key).collect(),
            ids: state.cells.iter().map(|cell| (cell.id.as_str(), cell)).collect(),
        }
    }

    /// The cell of that id. The scenario's name is a part of what it is made from, so there is one.
    pub(super) fn by_id(&self, id: &str) -> Option<&'a Cell> {
        self.ids.get(id).copied()
    }

    /// The cell of a trial that its campaign still wants.
    pub(super) fn wanted(&self, trial: TrialKey<'_>) -> Option<&'a Cell> {
        self.wants(trial).ok()?;
        self.cells.get(&(trial.0, trial.1)).copied()
    }

    /// Whether the campaign still wants a trial: its cell is there, is the same experiment, and asks for as many.
    pub(super) fn wants(&self, (scenario, cell, digest, trial): TrialKey<'_>) -> Result<(), &'static str> {
        match self.cells.get(&(scenario, cell)) {
            None => Err("the campaign has no such cell any more"),
            Some(cell) if cell.digest != digest => Err("the cell is another experiment now"),
            Some(cell) if trial > cell.trials => Err("the campaign asks for fewer trials now"),
            Some(_) => Ok(()),
        }
    }
}
