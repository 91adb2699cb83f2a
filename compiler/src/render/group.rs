//! A group's folder in a cell: the base, patched, and its Service.

use serde_json::{Value, json};

use super::furniture::{Furnished, label, selector};
use super::kustomization::{Kustomization, Patch};
use super::names::{Labels, group_name, key};
use super::{Files, put};
use crate::kustomize::{ObjectPatch, apply, escape, kind, name};
use crate::plan::experiment::{is_target, own_patch};
use crate::plan::renaming::renamed;
use crate::plan::{Base, PlannedGroup, PlannedSystem};
use crate::spec::Lab;

/// What a group's folder is made from: nothing of the cell's own, so that cells can share it.
pub(super) struct GroupFolder<'a> {
    pub(super) lab: &'a Lab,
    pub(super) base: &'a Base,
    pub(super) system: &'a PlannedSystem,
    pub(super) group: &'a PlannedGroup,
}

/// Whether a built object is of a group.
pub(super) fn is_of(object: &Value, system: &PlannedSystem, group: &PlannedGroup) -> bool {
    let labels = &object["metadata"]["labels"];
    labels[key("system")] == system.name.as_str() && labels[key("group")] == group.name.as_str()
}

impl GroupFolder<'_> {
    fn name(&self) -> String {
        group_name(&self.system.name, &self.group.name)
    }

    /// `app.kubernetes.io/name`, system and group.
    fn labels(&self) -> Labels {
        [
            ("app.kubernetes.io/name".to_owned(), self.system.name.clone()),
            (key("system"), self.system.name.clone()),
            (key("group"), self.group.name.clone()),
        ]
        .into()
    }

    /// Writes the folder; empty: where the paths start.
    pub(super) fn write(&self, files: &mut Files, folder: &str) {
        let slash = if folder.is_empty() { "" } else { "/" };
        put(files, &format!("{folder}{slash}service.yaml"), &[self.service()]);
        let kustomization = Kustomization {
            resources: vec![format!("../../../../base/{}", self.base.folder), "service.yaml".to_owned()],
            namespace: None,
            labels: Labels::new(),
            patches: self.patches(),
        };
        kustomization.write(files, folder);
    }

    /// Makes the names of the nodes known, before they are ready too.
    fn service(&self) -> Value {
        json!({
            "apiVersion": "v1", "kind": "Service", "metadata": {"name": self.name(), "labels": self.labels()},
            "spec": {
                "clusterIP": "None",
                "ports": [{"name": "api", "port": self.system.api_port}],
                "publishNotReadyAddresses": true,
                "selector": selector(&self.system.name, &self.group.name),
            },
        })
    }

    /// One patch an object, since each costs a build the same as all: the experiment's operations, the user's, ours.
    fn patches(&self) -> Vec<Patch> {
        let experiment: Vec<ObjectPatch> = self.base.objects.iter().map(|object| self.experiment(object)).collect();
        let others: Vec<(String, String)> = experiment
            .iter()
            .map(|patch| &patch.object)
            .filter(|object| kind(object) != "StatefulSet")
            .map(|object| (kind(object).to_owned(), name(object).to_owned()))
            .collect();
        let patch = |mut patch: ObjectPatch| {
            let before = name(&patch.object).to_owned();
            // before our own changes: a volume that goes would shift the places of those behind it
            for (pointer, old) in references_to(&others, &patch.object) {
                patch.set(&pointer, self.renamed(old));
            }
            let patch = self.ours(patch);
            Patch::of(&patch.object, &before, patch.ops)
        };
        experiment.into_iter().filter_map(patch).collect()
    }

    /// The experiment's own operations on an object of the base, and the user's.
    fn experiment(&self, object: &Value) -> ObjectPatch {
        let mut patch = if kind(object) == "StatefulSet" {
            own_patch(object, &self.system.container, self.group, |image| &image.deployed)
        } else {
            ObjectPatch::new(object.clone())
        };
        for user in self.group.patches.iter().filter(|user| is_target(object, user)) {
            // the plan has applied it already
            let _ = apply(&mut patch.object, &user.ops);
            patch.ops.extend(user.ops.iter().cloned());
        }
        patch
    }

    /// The name of an object of the base, in this group.
    fn renamed(&self, old: &str) -> String {
        renamed(old, &self.system.name, &self.group.name)
    }

    /// Adds what we change of an object beside references.
    fn ours(&self, mut patch: ObjectPatch) -> ObjectPatch {
        let labels = self.labels();
        let kind = kind(&patch.object).to_owned();
        if kind == "StatefulSet" {
            let furnished = Furnished { lab: self.lab, system: self.system, group: self.group, labels };
            return furnished.patch(patch);
        }
        let name = self.renamed(name(&patch.object));
        patch.set("/metadata/name", name);
        label(&mut patch, "/metadata/labels", &labels);
        let selects = match kind.as_str() {
            "Service" => "/spec/selector",
            "NetworkPolicy" => "/spec/podSelector/matchLabels",
            "PodDisruptionBudget" => "/spec/selector/matchLabels",
            _ => return patch,
        };
        // a Service without a selector has its addresses from elsewhere
        if kind != "Service" || patch.get(selects).is_some() {
            for (label, value) in selector(&self.system.name, &self.group.name).as_object().into_iter().flatten() {
                patch.set(&format!("{selects}/{}", escape(label)), value.clone());
            }
        }
        patch
    }
}

/// Pointers to the fields of an object that name others of the base, each with that name. All are found before any is
/// changed: a new name may be the old one of another object.
fn references_to<'a>(others: &'a [(String, String)], object: &Value) -> Vec<(String, &'a str)> {
    let mut all = Vec::new();
    for (kind, old) in others {
        let mut found = Vec::new();
        references(object, "", kind, old, &mut found);
        all.extend(found.into_iter().map(|pointer| (pointer, old.as_str())));
    }
    all
}

/// Pointers to the fields of a value that name an object of this kind.
fn references(value: &Value, at: &str, kind: &str, old: &str, found: &mut Vec<String>) {
    let keys: &[(&str, &str)] = match kind {
        "ConfigMap" => &[("configMap", "name"), ("configMapKeyRef", "name"), ("configMapRef", "name")],
        "PersistentVolumeClaim" => &[("persistentVolumeClaim", "claimName")],
        _ => &[],
    };
    match value {
        Value::Object(map) => {
            for (field, inner) in map {
                let here = format!("{at}/{}", escape(field));
                if let Some((_, name)) = keys.iter().find(|(key, name)| *key == field && inner[*name] == old) {
                    found.push(format!("{here}/{name}"));
                }
                let account =
                    kind == "ServiceAccount" && ["serviceAccount", "serviceAccountName"].contains(&field.as_str());
                if account && *inner == old {
                    found.push(here.clone());
                }
                if kind == "Role" && field == "roleRef" && inner["kind"] == kind && inner["name"] == old {
                    found.push(format!("{here}/name"));
                }
                references(inner, &here, kind, old, found);
            }
        }
        Value::Array(items) => {
            for (place, item) in items.iter().enumerate() {
                let here = format!("{at}/{place}");
                let foreign = item.get("namespace").is_some();
                if kind == "ServiceAccount" && item["kind"] == kind && item["name"] == old && !foreign {
                    found.push(format!("{here}/name"));
                }
                references(item, &here, kind, old, found);
            }
        }
        _ => {}
    }
}
