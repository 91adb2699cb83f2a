use serde_json::{Value, json};

use super::names::Labels;
use super::{Files, put};
use crate::kustomize::{emit, kind, name};
use crate::spec::PatchSpec;

/// A `kustomization.yaml` of the subset that we write.
pub(super) struct Kustomization {
    pub(super) resources: Vec<String>,
    pub(super) namespace: Option<String>,
    /// On objects, not in selectors, not on pods.
    pub(super) labels: Labels,
    pub(super) patches: Vec<Patch>,
}

/// JSON 6902 operations on objects of a kind.
pub(super) struct Patch {
    kind: String,
    name: Option<String>,
    ops: Vec<Value>,
    renames: bool,
}

impl Patch {
    /// On every object of a kind.
    pub(super) fn all(kind: &str, ops: Vec<Value>) -> Self {
        Self { kind: kind.to_owned(), name: None, ops, renames: false }
    }

    /// On one object, whose name becomes `after`; none where nothing changes.
    pub(super) fn of(object: &Value, after: &str, ops: Vec<Value>) -> Option<Self> {
        let before = name(object);
        (!ops.is_empty()).then(|| Self {
            kind: kind(object).to_owned(),
            name: Some(before.to_owned()),
            ops,
            renames: before != after,
        })
    }

    /// As the user wrote it.
    pub(super) fn from_user(patch: &PatchSpec) -> Self {
        let target = &patch.target;
        Self { kind: target.kind.clone(), name: target.name.clone(), ops: patch.ops.clone(), renames: false }
    }

    /// The same, and it may change the name.
    pub(super) fn renaming(mut self) -> Self {
        self.renames = true;
        self
    }

    fn value(self) -> Value {
        let mut target = json!({"kind": self.kind});
        if let Some(name) = self.name {
            // kustomize takes it for a regular expression
            target["name"] = Value::String(name.replace('.', "\\."));
        }
        let mut value = json!({});
        value["patch"] = Value::String(emit(&Value::Array(self.ops)));
        value["target"] = target;
        if self.renames {
            value["options"] = json!({"allowNameChange": true});
        }
        value
    }
}

impl Kustomization {
    /// Writes it into a folder; empty: where the paths start.
    pub(super) fn write(self, files: &mut Files, folder: &str) {
        let mut value = json!({
            "apiVersion": "kustomize.config.k8s.io/v1beta1", "kind": "Kustomization", "resources": self.resources,
        });
        if let Some(namespace) = &self.namespace {
            value["namespace"] = json!(namespace);
        }
        if !self.labels.is_empty() {
            value["labels"] = json!([{"includeSelectors": false, "pairs": self.labels}]);
        }
        if !self.patches.is_empty() {
            value["patches"] = self.patches.into_iter().map(Patch::value).collect();
        }
        let slash = if folder.is_empty() { "" } else { "/" };
        put(files, &format!("{folder}{slash}kustomization.yaml"), &[value]);
    }
}
