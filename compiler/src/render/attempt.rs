use benchgrid_measures::Timestamp;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::plan::Demand;

/// `active/<scenario>/<attempt>/attempt.json`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Attempt {
    /// Name of the attempt: directory, Application, namespace.
    pub attempt: String,
    /// Name of the scenario.
    pub scenario: String,
    /// The cell's folder in `overlays/<scenario>/`.
    pub slug: String,
    /// Id of the cell.
    pub cell: String,
    /// Digest of the cell.
    pub digest: String,
    /// Which trial, from 1.
    pub trial: u32,
    /// Which try at it, from 1.
    pub number: u32,
    /// When it was admitted.
    pub admitted: Timestamp,
    /// Seconds that its nodes have to become ready, and its coordinator to start once its pods are there.
    pub ready_seconds: u64,
    /// Seconds from its admission until it has failed.
    pub deadline_seconds: u64,
    /// What it takes of the lab.
    #[serde(default)]
    pub needs: Demand,
    /// Git's id of its folder without this file, as admitted: what tells a change by hand.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub tree: String,
}
