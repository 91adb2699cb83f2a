//! The cell's experiment as a Job, and the Service that its agents dial.

use serde_json::{Value, json};

use super::names::{meta, stay};
use super::security;
use crate::plan::overhead::COORDINATOR;
use crate::plan::{Cell, image};
use crate::spec::Lab;

/// Service and Job. The Job's name is a patch's business: it bears the attempt.
pub(super) fn objects(cell: &Cell, lab: &Lab) -> [Value; 2] {
    [service(), job(cell, lab)]
}

/// Headless, so that the tracker sees the nodes' own addresses whatever stands for Services.
fn service() -> Value {
    json!({
        "apiVersion": "v1", "kind": "Service", "metadata": meta("coordinator"),
        "spec": {
            "clusterIP": "None",
            "ports": [{"name": "agents", "port": 7070}, {"name": "tracker", "port": 6969}],
            "publishNotReadyAddresses": true,
            "selector": {"benchgrid.io/role": "coordinator"},
        },
    })
}

/// Runs once: no retry, and it stays until the namespace goes, so that nothing runs it again.
fn job(cell: &Cell, lab: &Lab) -> Value {
    json!({
        "apiVersion": "batch/v1", "kind": "Job", "metadata": meta("coordinator"),
        "spec": {
            "activeDeadlineSeconds": cell.coordinator_seconds,
            "backoffLimit": 0,
            "template": {
                "metadata": {
                    "annotations": stay(),
                    "labels": {"app.kubernetes.io/name": "coordinator", "benchgrid.io/role": "coordinator"},
                },
                "spec": {
                    "automountServiceAccountToken": true,
                    "containers": [container(lab)],
                    "enableServiceLinks": false,
                    "restartPolicy": "Never",
                    "securityContext": security::pod(),
                    "serviceAccountName": "coordinator",
                    "terminationGracePeriodSeconds": 2,
                    "volumes": [{"name": "cell", "configMap": {"name": "cell"}}, {"name": "tmp", "emptyDir": {}}],
                },
            },
        },
    })
}

fn container(lab: &Lab) -> Value {
    json!({
        "name": "coordinator",
        "image": image::mirrored(&lab.spec.images, &lab.spec.images.probe),
        "args": ["coordinator"],
        "env": [
            {"name": "BENCHGRID_ATTEMPT", "valueFrom": {"fieldRef": {"fieldPath": "metadata.namespace"}}},
            {"name": "BENCHGRID_CELL", "value": "/etc/benchgrid/cell.json"},
        ],
        "ports": [{"name": "agents", "containerPort": 7070}, {"name": "tracker", "containerPort": 6969}],
        "resources": security::resources(COORDINATOR),
        "securityContext": security::container(),
        "volumeMounts": [
            {"mountPath": "/etc/benchgrid", "name": "cell", "readOnly": true},
            {"mountPath": "/tmp", "name": "tmp"},
        ],
    })
}
