use serde_json::Value;

use super::items;
use crate::kustomize::kind;

/// The pods that an object makes.
pub(super) struct Pod<'a> {
    /// The object.
    pub(super) object: &'a Value,
    /// Labels of the pods.
    pub(super) labels: &'a Value,
    /// What they are to be.
    pub(super) spec: &'a Value,
}

/// Pointer to a pod's specification.
pub(super) const POD: &str = "/spec/template/spec";

/// A container: where it is, and whether it is an init container.
pub(super) struct Container<'a> {
    pub(super) at: String,
    pub(super) value: &'a Value,
    pub(super) init: bool,
}

impl<'a> Pod<'a> {
    /// Of an object that makes pods.
    pub(super) fn of(object: &'a Value) -> Option<Self> {
        let spec = object.pointer(POD)?;
        Some(Self { object, labels: &object["spec"]["template"]["metadata"]["labels"], spec })
    }

    /// Its containers, init containers first.
    pub(super) fn containers(&self) -> Vec<Container<'a>> {
        let list = |name: &str, init: bool| {
            let listed = items(self.object, &format!("{POD}/{name}"));
            listed.into_iter().map(move |(at, value)| Container { at, value, init })
        };
        list("initContainers", true).chain(list("containers", false)).collect()
    }

    /// Whether it has all these labels.
    pub(super) fn has_labels(&self, wanted: &Value) -> bool {
        wanted.as_object().is_none_or(|wanted| wanted.iter().all(|(key, value)| self.labels.get(key) == Some(value)))
    }

    /// Whether it is a node of a system, and not the coordinator.
    pub(super) fn is_node(&self) -> bool {
        self.labels["benchgrid.io/role"] == "node"
    }

    /// Whether there is such a volume.
    pub(super) fn has_volume(&self, name: &str) -> bool {
        let named = |list: &Value, pointer: &str| {
            list.as_array().is_some_and(|list| list.iter().any(|one| one.pointer(pointer).is_some_and(|it| it == name)))
        };
        named(&self.spec["volumes"], "/name")
            || kind(self.object) == "StatefulSet"
                && named(&self.object["spec"]["volumeClaimTemplates"], "/metadata/name")
    }
}

impl Container<'_> {
    /// Its name.
    pub(super) fn name(&self) -> &str {
        self.value["name"].as_str().unwrap_or_default()
    }
}
