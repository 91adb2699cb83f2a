use benchgrid_probe::experiment::Experiment;
use serde_json::Value;

use super::Site;
use crate::kustomize::{kind, name};

/// What the coordinator is told, with the store as this machine reaches it.
pub(super) fn experiment(objects: &[Value], site: &Site<'_>) -> Result<Vec<u8>, String> {
    let found = objects.iter().find(|object| kind(object) == "ConfigMap" && name(object) == "cell");
    let text = found.and_then(|map| map["data"]["cell.json"].as_str()).unwrap_or_default();
    let mut experiment: Experiment = serde_json::from_str(text).map_err(|error| format!("cell.json: {error}"))?;
    experiment.store.clone_from(&site.store);
    serde_json::to_vec_pretty(&experiment).map_err(|error| format!("cell.json: {error}"))
}
