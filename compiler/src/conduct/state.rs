use std::collections::{BTreeMap, BTreeSet};

use benchgrid_measures::{Reason, Timestamp, Verdict};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::Past;
use crate::{plan::Demand, render::Attempt};

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
    /// Why nothing is to be admitted, when the branch has a file `paused`: its first line.
    ///
    /// The file is the operator's, in the lab's folder beside `active/`; compile leaves it alone. While it is there,
    /// attempts that run end as they would. To stop at once, commit it together with `git rm -r active`.
    pub paused: Option<String>,
    /// What the history says of names in `active/`.
    pub past: Past,
    /// Attempts whose folder is not as it was admitted, by name, and what differs.
    pub edited: BTreeMap<String, String>,
    /// What in `active/` is no attempt, a sentence each.
    pub problems: Vec<String>,
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
    pub needs: Demand,
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
    /// The branch: the campaign does not want it any more, or its folder was changed by hand.
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
    /// What it took of the lab.
    #[serde(default)]
    pub needs: Demand,
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
    /// Its file of that kind: `json`, or `log` for what the containers said.
    pub(super) fn path(&self, extension: &str) -> String {
        format!("done/{}/{}/{}.{extension}", self.scenario, self.slug, self.attempt)
    }

    pub(super) fn trial(&self) -> TrialKey<'_> {
        (&self.scenario, &self.cell, &self.digest, self.trial)
    }
}

impl State {
    /// Attempts that ended and stay for a look: they failed, and the lab says `hold`.
    pub fn held(&self) -> Vec<(&Attempt, &Done)> {
        let active: BTreeMap<&str, &Attempt> = self.active.iter().map(|a| (a.attempt.as_str(), a)).collect();
        self.done.iter().filter_map(|done| Some((*active.get(done.attempt.as_str())?, done))).collect()
    }

    /// Attempts that run: those that are deployed and not held.
    pub(super) fn running(&self, held: &[(&Attempt, &Done)]) -> Vec<&Attempt> {
        let held: BTreeSet<&str> = held.iter().map(|(attempt, _)| attempt.attempt.as_str()).collect();
        self.active.iter().filter(|attempt| !held.contains(attempt.attempt.as_str())).collect()
    }
}
