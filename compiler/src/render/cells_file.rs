use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::matrix::{Level, Levels};
use crate::plan::{Demand, Plan, whole_seconds};
use crate::spec::Observe;

/// `overlays/<scenario>/cells.json`: what the conductor knows of a scenario.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct CellsFile {
    /// Name of the lab.
    pub lab: String,
    /// Name of the scenario.
    pub scenario: String,
    /// What the campaign is to answer.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub question: Option<String>,
    /// What makes the scenario measure everything anew.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub salt: Option<String>,
    /// How progress is seen; missing: by counter alone.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub observe: Vec<Observe>,
    /// The axis whose levels are compared: cells that differ only in it run back to back.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub compare_axis: Option<String>,
    /// Every cell, in the order in which they run.
    pub cells: Vec<CellEntry>,
    /// Combinations left out.
    pub exclusions: Vec<ExclusionEntry>,
}

/// One cell of `cells.json`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct CellEntry {
    /// Id of the cell: 10 hex digits.
    pub id: String,
    /// Its folder in `overlays/<scenario>/`.
    pub slug: String,
    /// Levels by axis, as people read them: numbers and booleans stay such.
    pub levels: BTreeMap<String, Value>,
    /// Digest of the experiment: 64 hex digits.
    pub digest: String,
    /// Place in the order, from 0.
    pub order: usize,
    /// Fresh deployments that are wanted.
    pub trials: u32,
    /// What one attempt takes of the lab.
    pub needs: Demand,
    /// Seconds that its nodes have to become ready; its coordinator must have started by then.
    pub ready_seconds: u64,
    /// Seconds after its admission at which an attempt has failed.
    pub deadline_seconds: u64,
    /// Seconds after its admission at which an attempt is expected to end.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub expected_seconds: Option<u64>,
    /// Records that an attempt leaves.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub records: Option<u64>,
}

/// One combination that was left out.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct ExclusionEntry {
    /// Levels by axis.
    pub levels: BTreeMap<String, Value>,
    /// Why.
    pub reason: String,
}

impl CellsFile {
    /// What the conductor may know of a plan.
    pub fn of(plan: &Plan) -> Self {
        let entry = |(order, cell): (usize, &crate::plan::Cell)| CellEntry {
            id: cell.id.clone(),
            slug: cell.slug.clone(),
            levels: shown(&cell.levels),
            digest: cell.digest.clone(),
            order,
            trials: cell.measure.trials,
            needs: Demand::of(cell),
            ready_seconds: whole_seconds(cell.measure.ready_seconds),
            deadline_seconds: cell.deadline_seconds,
            expected_seconds: Some(cell.expected_seconds),
            records: Some(cell.records),
        };
        Self {
            lab: plan.lab.clone(),
            scenario: plan.scenario.clone(),
            question: plan.question.clone(),
            salt: plan.salt.clone(),
            observe: if plan.observe == [Observe::Counter] { Vec::new() } else { plan.observe.clone() },
            compare_axis: plan.compare.as_ref().map(|compare| compare.axis.clone()),
            cells: plan.cells.iter().enumerate().map(entry).collect(),
            exclusions: plan
                .exclusions
                .iter()
                .map(|exclusion| ExclusionEntry { levels: shown(&exclusion.levels), reason: exclusion.reason.clone() })
                .collect(),
        }
    }
}

/// Levels as people read them; numbers and booleans stay such.
fn shown(levels: &Levels) -> BTreeMap<String, Value> {
    let show = |level: &Level| match level {
        Level::Whole(_) | Level::Decimal(_) | Level::Bool(_) => level.canonical(),
        Level::Text(_) | Level::Quantity(_) | Level::Object(_) => Value::from(level.to_string()),
    };
    levels.iter().map(|(axis, level)| (axis.clone(), show(level))).collect()
}
