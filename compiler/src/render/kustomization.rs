use serde_json::{Value, json};

use super::names::Labels;
use super::{Files, put};
use crate::kustomize::{emit, kind, name};

/// A `kustomization.yaml` of the subset that we write.
pub(super) struct Kustomization {
    pub(super) resources: Vec<String>,
    pub(super) namespace: Option<String>,
    /// On objects and on the pods that they make, not in selectors.
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

    /// On one object, whose name was `before`; none where nothing changes.
    pub(super) fn of(object: &Value, before: &str, ops: Vec<Value>) -> Option<Self> {
        (!ops.is_empty()).then(|| Self {
            kind: kind(object).to_owned(),
            name: Some(before.to_owned()),
            ops,
            renames: before != name(object),
        })
    }

    /// The same, and it may change the name.
    pub(super) fn renaming(mut self) -> Self {
        self.renames = true;
        self
    }

    /// The operations as text. Kustomize cuts line feeds off its end, and with them that of a block which ends there; so
    /// the document's end is marked then.
    fn text(ops: Vec<Value>) -> String {
        let ends_a_line = ops.last().is_some_and(ends_a_line);
        let mut text = emit(&Value::Array(ops));
        if ends_a_line {
            text.push_str("...\n");
        }
        text
    }

    fn value(self) -> Value {
        let mut target = json!({"kind": self.kind});
        if let Some(name) = self.name {
            // kustomize takes it for a regular expression
            target["name"] = Value::String(name.replace('.', "\\."));
        }
        let mut value = json!({});
        value["patch"] = Value::String(Self::text(self.ops));
        value["target"] = target;
        if self.renames {
            value["options"] = json!({"allowNameChange": true});
        }
        value
    }
}

/// Whether some text in a value ends with a line feed.
fn ends_a_line(value: &Value) -> bool {
    match value {
        Value::String(text) => text.ends_with('\n'),
        Value::Array(items) => items.iter().any(ends_a_line),
        Value::Object(map) => map.values().any(ends_a_line),
        _ => false,
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
            value["labels"] = json!([{"includeSelectors": false, "includeTemplates": true, "pairs": self.labels}]);
        }
        if !self.patches.is_empty() {
            value["patches"] = self.patches.into_iter().map(Patch::value).collect();
        }
        let slash = if folder.is_empty() { "" } else { "/" };
        put(files, &format!("{folder}{slash}kustomization.yaml"), &[value]);
    }
}
