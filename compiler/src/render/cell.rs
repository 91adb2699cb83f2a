//! What a cell's folder holds beside its groups.

use benchgrid_measures::MEASUREMENT_PROTOCOL;
use benchgrid_probe::experiment::{self as told, Experiment, Group, GroupRole, Measure, Store, System};
use serde_json::{Value, json};

use super::kustomization::{Kustomization, Patch};
use super::names::{CONDUCTOR, cell_labels, conductor_namespace, group_name, key, meta, own_attempt};
use crate::plan::{Cell, Plan, PlannedGroup};
use crate::spec::{Lab, Role, Shaping};

/// The one file that an admission rewrites. What names the cell or the attempt is here and in `cell.yaml` alone, so
/// that cells can share the other files.
pub(super) fn kustomization(plan: &Plan, cell: &Cell) -> Kustomization {
    let attempt = own_attempt(plan, cell);
    let mut labels = cell_labels(plan, cell);
    let mut resources: Vec<String> =
        ["namespace.yaml", "rbac.yaml", "policies.yaml", "cell.yaml", "coordinator.yaml"].map(str::to_owned).into();
    for system in &cell.systems {
        resources.extend(system.groups.iter().map(|group| group_name(&system.name, &group.name)));
    }
    labels.insert(key("attempt"), attempt.to_string());
    labels.insert(key("trial"), attempt.trial.to_string());
    let job = json!({
        "op": "replace", "path": "/metadata/name", "value": format!("coordinator-t{}a{}", attempt.trial, attempt.number),
    });
    Kustomization {
        resources,
        namespace: Some(attempt.to_string()),
        labels,
        patches: vec![Patch::all("Job", vec![job]).renaming()],
    }
}

/// Removing it frees everything; the kustomization's namespace becomes its name. Shaping needs `NET_ADMIN` in an init
/// container, which `baseline` does not let in.
pub(super) fn namespace(lab: &Lab) -> Value {
    let level = if lab.spec.shaping == Shaping::Tc { "privileged" } else { "baseline" };
    json!({
        "apiVersion": "v1", "kind": "Namespace",
        "metadata": {"name": "cell", "labels": {"pod-security.kubernetes.io/enforce": level}},
    })
}

/// The coordinator, and the conductor, may look at the cell's pods.
pub(super) fn rbac(lab: &Lab) -> [Value; 3] {
    let group = "rbac.authorization.k8s.io";
    [
        json!({
            "apiVersion": "v1", "kind": "ServiceAccount", "metadata": meta("coordinator"),
            "automountServiceAccountToken": false,
        }),
        json!({
            "apiVersion": format!("{group}/v1"), "kind": "Role", "metadata": meta("coordinator"),
            "rules": [
                {"apiGroups": [""], "resources": ["pods"], "verbs": ["get", "list"]},
                {"apiGroups": [""], "resources": ["pods/log"], "verbs": ["get"]},
            ],
        }),
        json!({
            "apiVersion": format!("{group}/v1"), "kind": "RoleBinding", "metadata": meta("coordinator"),
            "roleRef": {"apiGroup": group, "kind": "Role", "name": "coordinator"},
            "subjects": [
                {"kind": "ServiceAccount", "name": "coordinator"},
                {"kind": "ServiceAccount", "name": CONDUCTOR, "namespace": conductor_namespace(lab)},
            ],
        }),
    ]
}

/// What the coordinator is told.
pub(super) fn config(plan: &Plan, cell: &Cell, lab: &Lab) -> Value {
    let told = String::from_utf8(super::json(&experiment(plan, cell, lab))).unwrap_or_default();
    json!({"apiVersion": "v1", "kind": "ConfigMap", "metadata": meta("cell"), "data": {"cell.json": told}})
}

/// The contract with the probe.
fn experiment(plan: &Plan, cell: &Cell, lab: &Lab) -> Experiment {
    let measure = &cell.measure;
    Experiment {
        protocol: MEASUREMENT_PROTOCOL,
        lab: plan.lab.clone(),
        scenario: plan.scenario.clone(),
        cell: cell.id.clone(),
        digest: cell.digest.clone(),
        levels: cell.levels.iter().map(|(axis, level)| (axis.clone(), level.to_string())).collect(),
        measure: Measure {
            file_size: measure.file_size,
            observe: measure.observe.clone(),
            repetitions: measure.repetitions,
            warmup: measure.warmup,
            ready_seconds: measure.ready_seconds,
            gate_seconds: measure.gate_seconds,
            stalled_seconds: measure.stalled_seconds,
            transfer_deadline_seconds: measure.transfer_deadline_seconds,
            idle_seconds: measure.idle_seconds,
            cool_down_seconds: measure.cool_down_seconds,
            baseline_bytes: measure.baseline_bytes,
            fluid_bound_seconds: measure.fluid_bound_seconds,
        },
        shaping: match lab.spec.shaping {
            Shaping::Tc => told::Shaping::Tc,
            _ => told::Shaping::None,
        },
        systems: cell
            .systems
            .iter()
            .map(|system| System {
                name: system.name.clone(),
                driver: system.driver.clone(),
                load: system.load,
                seeders: system.seeders,
                groups: system.groups.iter().map(told_group).collect(),
            })
            .collect(),
        store: Some(Store { write: lab.spec.metrics.pushed_to().to_owned(), read: lab.spec.metrics.read.clone() }),
    }
}

fn told_group(group: &PlannedGroup) -> Group {
    let role = match group.role {
        Role::Any => GroupRole::Any,
        Role::Seeder => GroupRole::Seeder,
        Role::Leecher => GroupRole::Leecher,
        Role::Bootstrap => GroupRole::Bootstrap,
    };
    Group { name: group.name.clone(), driver: None, role, replicas: group.replicas, link: group.link }
}
