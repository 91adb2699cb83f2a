//! Names and labels.

use std::collections::BTreeMap;

use benchgrid_measures::AttemptName;
use serde_json::{Value, json};

use crate::plan::{Cell, Plan};
use crate::spec::Lab;

/// Labels, by key.
pub(super) type Labels = BTreeMap<String, String>;

/// Annotations of every pod of a cell: an autoscaler that moved one would end the attempt.
pub(super) fn stay() -> Labels {
    Labels::from([("cluster-autoscaler.kubernetes.io/safe-to-evict".to_owned(), "false".to_owned())])
}

/// Most characters of a label's value.
const LONGEST_LABEL: usize = 63;

/// `benchgrid.io/<word>`.
pub(super) fn key(word: &str) -> String {
    format!("benchgrid.io/{word}")
}

/// The attempt that an overlay itself is: nobody admitted it.
pub(super) fn own_attempt(plan: &Plan, cell: &Cell) -> AttemptName {
    AttemptName::new(&plan.scenario, &cell.id, &cell.digest, 0, 0)
}

/// `<system>-<group>`: StatefulSet, Service, folder.
pub(super) fn group_name(system: &str, group: &str) -> String {
    format!("{system}-{group}")
}

/// What everything of a cell is labelled with, whatever the attempt.
pub(super) fn cell_labels(plan: &Plan, cell: &Cell) -> Labels {
    let digest = cell.digest.chars().take(6).collect();
    [
        ("app.kubernetes.io/managed-by".to_owned(), "benchgrid".to_owned()),
        ("app.kubernetes.io/part-of".to_owned(), plan.scenario.clone()),
        (key("lab"), plan.lab.clone()),
        (key("scenario"), plan.scenario.clone()),
        (key("cell"), cell.id.clone()),
        (key("digest"), digest),
    ]
    .into()
}

/// What objects of the lab itself are labelled with. Names of objects may be longer than labels.
pub(super) fn lab_labels(lab: &Lab, name: &str) -> Value {
    let name = name.get(..LONGEST_LABEL).unwrap_or(name).trim_end_matches('-');
    json!({
        "app.kubernetes.io/managed-by": "benchgrid",
        "app.kubernetes.io/name": name,
        "app.kubernetes.io/part-of": "benchgrid",
        "benchgrid.io/lab": lab.metadata.name,
    })
}

/// Namespace of the lab's conductor.
pub(super) fn conductor_namespace(lab: &Lab) -> String {
    lab.spec.conductor.namespace.clone().unwrap_or_else(|| format!("benchgrid-{}", lab.metadata.name))
}

/// Name of the conductor's service account, Deployment and container.
pub(super) const CONDUCTOR: &str = "conductor";

/// `metadata` of an object of a cell: its namespace and the cell's labels come by the kustomization.
pub(super) fn meta(name: &str) -> Value {
    json!({"name": name})
}
