//! A group's folder in a cell: the base, patched, and its Service.

use serde_json::{Value, json};

use super::furniture::{Furnished, selector};
use super::kustomization::{Kustomization, Patch};
use super::names::{Labels, group_name, key, meta};
use super::{Files, put};
use crate::kustomize::{ObjectPatch, apply, escape, kind, name};
use crate::plan::experiment::{is_target, own_patch};
use crate::plan::{Base, PlannedGroup, PlannedSystem};
use crate::spec::Lab;

/// What a group's folder is made from.
pub(super) struct GroupFolder<'a> {
    pub(super) lab: &'a Lab,
    pub(super) base: &'a Base,
    pub(super) system: &'a PlannedSystem,
    pub(super) group: &'a PlannedGroup,
    /// Labels of everything in the cell.
    pub(super) cell_labels: &'a Labels,
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

    /// Writes the folder.
    pub(super) fn write(&self, files: &mut Files, folder: &str) {
        put(files, &format!("{folder}/service.yaml"), &[self.service()]);
        let kustomization = Kustomization {
            resources: vec![format!("../../../../base/{}", self.base.folder), "service.yaml".to_owned()],
            namespace: None,
            labels: self.labels(),
            patches: self.patches(),
        };
        kustomization.write(files, folder);
    }

    /// Makes the names of the nodes known, before they are ready too.
    fn service(&self) -> Value {
        json!({
            "apiVersion": "v1", "kind": "Service", "metadata": meta(&self.name()),
            "spec": {
                "clusterIP": "None",
                "ports": [{"name": "api", "port": self.system.api_port}],
                "publishNotReadyAddresses": true,
                "selector": selector(&self.system.name, &self.group.name),
            },
        })
    }

    /// The experiment's patches, the user's, ours.
    fn patches(&self) -> Vec<Patch> {
        let mut patches = Vec::new();
        let mut objects = self.base.objects.clone();
        for object in objects.iter_mut().filter(|object| kind(object) == "StatefulSet") {
            let own = own_patch(object, &self.system.container, self.group, |image| &image.deployed);
            patches.extend(Patch::of(object, name(&own.object), own.ops));
            *object = own.object;
        }
        for patch in &self.group.patches {
            for object in objects.iter_mut().filter(|object| is_target(object, patch)) {
                // the plan has applied it already
                let _ = apply(object, &patch.ops);
            }
            patches.push(Patch::from_user(patch));
        }
        let others: Vec<(String, String)> = objects
            .iter()
            .filter(|object| kind(object) != "StatefulSet")
            .map(|object| (kind(object).to_owned(), name(object).to_owned()))
            .collect();
        for object in &objects {
            let mut ours = self.ours(object);
            for (kind, old) in &others {
                rename_references(&mut ours, kind, old, &self.renamed(old));
            }
            patches.extend(Patch::of(object, name(&ours.object), ours.ops));
        }
        patches
    }

    /// The name of an object of the base, in this group.
    fn renamed(&self, old: &str) -> String {
        format!("{old}-{}", self.name())
    }

    /// What we change of an object beside references.
    fn ours(&self, object: &Value) -> ObjectPatch {
        if kind(object) == "StatefulSet" {
            let mut labels = self.labels();
            labels.extend(self.cell_labels.clone());
            labels.insert(key("role"), "node".to_owned());
            let furnished = Furnished { lab: self.lab, system: self.system, group: self.group, labels };
            return furnished.patch(object.clone());
        }
        let mut patch = ObjectPatch::new(object.clone());
        patch.set("/metadata/name", self.renamed(name(object)));
        if kind(object) == "Service" {
            for (label, value) in selector(&self.system.name, &self.group.name).as_object().into_iter().flatten() {
                patch.set(&format!("/spec/selector/{}", escape(label)), value.clone());
            }
        }
        patch
    }
}

/// Lets the fields that name an object of the base follow its new name.
fn rename_references(patch: &mut ObjectPatch, kind: &str, old: &str, new: &str) {
    let mut found = Vec::new();
    references(&patch.object, "", kind, old, &mut found);
    for pointer in found {
        patch.set(&pointer, new);
    }
}

/// Pointers to the fields of a value that name an object of this kind.
fn references(value: &Value, at: &str, kind: &str, old: &str, found: &mut Vec<String>) {
    let keys: &[(&str, &str)] = match kind {
        "ConfigMap" => &[("configMap", "name"), ("configMapKeyRef", "name"), ("configMapRef", "name")],
        "PersistentVolumeClaim" => &[("persistentVolumeClaim", "claimName")],
        "Role" => &[("roleRef", "name")],
        _ => &[],
    };
    match value {
        Value::Object(map) => {
            for (field, inner) in map {
                let here = format!("{at}/{}", escape(field));
                if let Some((_, name)) = keys.iter().find(|(key, name)| *key == field && inner[*name] == old) {
                    found.push(format!("{here}/{name}"));
                }
                if kind == "ServiceAccount" && field == "serviceAccountName" && *inner == old {
                    found.push(here.clone());
                }
                references(inner, &here, kind, old, found);
            }
        }
        Value::Array(items) => {
            for (place, item) in items.iter().enumerate() {
                let here = format!("{at}/{place}");
                if kind == "ServiceAccount" && item["kind"] == kind && item["name"] == old {
                    found.push(format!("{here}/name"));
                }
                references(item, &here, kind, old, found);
            }
        }
        _ => {}
    }
}
