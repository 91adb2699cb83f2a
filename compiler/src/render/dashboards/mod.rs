//! Grafana's dashboards of a lab.
//!
//! In: the lab. Out: three dashboards as Grafana's classic JSON, each in a ConfigMap that Grafana's sidecar picks up.
//! Queries are plain PromQL, which Prometheus reads as well as VictoriaMetrics.

mod board;
mod campaign;
mod health;
mod panel;
mod results;
mod select;

use serde_json::{Value, json};

use super::kustomization::Kustomization;
use super::names::{Labels, lab_labels};
use super::{Files, put};
use crate::spec::{Grafana, Lab};

/// The dashboards, as Grafana reads them.
pub fn dashboards(lab: &Lab) -> Vec<Value> {
    let name = &lab.metadata.name;
    [campaign::board(name), results::board(name), health::board(name)]
        .into_iter()
        .map(|board| board.json(name))
        .collect()
}

/// Writes the folder `dashboards`.
pub(super) fn write(files: &mut Files, folder: &str, lab: &Lab, grafana: &Grafana) {
    let mut resources = Vec::new();
    for dashboard in dashboards(lab) {
        let uid = dashboard["uid"].as_str().unwrap_or_default();
        put(files, &format!("{folder}/{uid}.yaml"), &[config_map(lab, grafana, uid, &dashboard)]);
        resources.push(format!("{uid}.yaml"));
    }
    Kustomization { resources, namespace: None, labels: Labels::new(), patches: Vec::new() }.write(files, folder);
}

/// The label and the annotation are those that Grafana's chart has its sidecar look for.
fn config_map(lab: &Lab, grafana: &Grafana, uid: &str, dashboard: &Value) -> Value {
    let mut labels = lab_labels(lab, uid);
    labels["grafana_dashboard"] = json!("1");
    let text = String::from_utf8(super::json(dashboard)).unwrap_or_default();
    json!({
        "apiVersion": "v1", "kind": "ConfigMap",
        "metadata": {
            "name": uid, "namespace": grafana.namespace, "labels": labels,
            "annotations": {"grafana_folder": grafana.folder},
        },
        "data": {format!("{uid}.json"): text},
    })
}
