use benchgrid_measures::{Reason, Timestamp, Verdict};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::{plan::Needs, render::Attempt};

/// What the branch says.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct State {
    /// All cells of the campaigns on the branch.
    pub cells: Vec<Cell>,
    /// Attempts that are deployed now.
    pub active: Vec<Attempt>,
    /// Attempts that ended.
    pub done: Vec<Done>,
    /// Which lab.json is on the branch: the id of its contents.
    pub lab: String,
}

/// A cell of a campaign, from `overlays/<scenario>/cells.json`.
#[derive(Debug, Clone, PartialEq)]
pub struct Cell {
    /// Name of the scenario.
    pub scenario: String,
    /// Its id.
    pub id: String,
    /// Its folder's name.
    pub slug: String,
    /// SHA-256 over the experiment.
    pub digest: String,
    /// Its place in the campaign.
    pub order: usize,
    /// Fresh deployments that are wanted.
    pub trials: u32,
    /// What it takes of the lab.
    pub needs: Needs,
    /// Seconds from admission until its coordinator must have started.
    pub ready_seconds: u64,
    /// Seconds from admission until an attempt has failed.
    pub deadline_seconds: u64,
    /// Seconds from admission until an attempt is expected to end, where the branch says so.
    pub expected_seconds: Option<u64>,
    /// Records that an attempt leaves, where the branch says so.
    pub records: Option<u64>,
}

/// Who knew how an attempt ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum By {
    /// The outcome in the store.
    Store,
    /// The pods.
    Pods,
    /// The clock.
    Deadline,
    /// The campaign, which does not want it any more.
    Campaign,
}

/// `done/<scenario>/<slug>/<attempt>.json`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Done {
    /// Its name.
    pub attempt: String,
    /// Name of the scenario.
    pub scenario: String,
    /// The cell's folder.
    pub slug: String,
    /// Id of the cell.
    pub cell: String,
    /// Digest of the cell.
    pub digest: String,
    /// Which fresh deployment, from 1.
    pub trial: u32,
    /// Which try at it, from 1.
    pub number: u32,
    /// When it was admitted.
    pub admitted: Timestamp,
    /// When that was decided.
    pub ended: Timestamp,
    /// Measured, failed, superseded.
    pub outcome: Verdict,
    /// Why, one word.
    pub reason: Reason,
    /// Why, for people.
    #[serde(default)]
    pub detail: String,
    /// Records in the store.
    #[serde(default)]
    pub records: u32,
    /// Who knew.
    pub by: By,
    /// The lab.json that was on the branch: what two attempts in a row without a trace are counted by.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub lab: String,
}

/// What makes two attempts tries at the same trial: scenario, cell, digest, trial.
pub(super) type TrialKey<'a> = (&'a str, &'a str, &'a str, u32);

impl Cell {
    pub(super) fn trial(&self, trial: u32) -> TrialKey<'_> {
        (&self.scenario, &self.id, &self.digest, trial)
    }
}

impl Attempt {
    pub(super) fn trial(&self) -> TrialKey<'_> {
        (&self.scenario, &self.cell, &self.digest, self.trial)
    }
}

impl Done {
    pub(super) fn trial(&self) -> TrialKey<'_> {
        (&self.scenario, &self.cell, &self.digest, self.trial)
    }
}

impl State {
    /// Whether the campaign still wants a trial: its cell is there, is the same experiment, and asks for as many.
    pub(super) fn wants(&self, (scenario, cell, digest, trial): TrialKey<'_>) -> Result<(), &'static str> {
        let cell = self.cells.iter().find(|c| c.scenario == scenario && c.id == cell);
        match cell {
            None => Err("the campaign has no such cell any more"),
            Some(cell) if cell.digest != digest => Err("the cell is another experiment now"),
            Some(cell) if trial > cell.trials => Err("the campaign asks for fewer trials now"),
            Some(_) => Ok(()),
        }
    }
}
