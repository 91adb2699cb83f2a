//! Security contexts and resources of our containers.

use serde_json::{Value, json};

use crate::plan::overhead::Overhead;

/// Who nodes, agents and coordinators run as where the base says nothing.
pub(super) const USER: u32 = 1000;

/// A pod that the profile `restricted` lets in.
pub(super) fn pod() -> Value {
    json!({
        "fsGroup": USER, "runAsGroup": USER, "runAsNonRoot": true, "runAsUser": USER,
        "seccompProfile": {"type": "RuntimeDefault"},
    })
}

/// A container that the profile `restricted` lets in, and that writes to its volumes only.
pub(super) fn container() -> Value {
    json!({
        "allowPrivilegeEscalation": false, "capabilities": {"drop": ["ALL"]}, "readOnlyRootFilesystem": true,
        "runAsNonRoot": true,
    })
}

/// The one container that may change the pod's network, and nothing else.
pub(super) fn shaper() -> Value {
    json!({
        "allowPrivilegeEscalation": false, "capabilities": {"add": ["NET_ADMIN"], "drop": ["ALL"]},
        "readOnlyRootFilesystem": true, "runAsGroup": 0, "runAsNonRoot": false, "runAsUser": 0,
    })
}

/// Requests, which are the limits.
pub(super) fn resources(overhead: Overhead) -> Value {
    let amount =
        json!({"cpu": format!("{}m", overhead.cpu_millis), "memory": format!("{}Mi", overhead.memory_bytes >> 20)});
    json!({"limits": amount, "requests": amount})
}
