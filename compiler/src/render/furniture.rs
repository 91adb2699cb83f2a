//! What we add to a group's workload: names, labels, volume, placement, the shaping init container, the agent.

use serde_json::{Value, json};

use super::names::{Labels, group_name, key, stay};
use super::security;
use crate::kustomize::{ObjectPatch, escape};
use crate::plan::experiment::container_at;
use crate::plan::overhead::{AGENT, SHAPE};
use crate::plan::{PlannedGroup, PlannedSystem, image};
use crate::spec::{Lab, Shaping, Spread};

/// Path of a workload's pod.
const POD: &str = "/spec/template/spec";

/// A group's workload, furnished.
pub(super) struct Furnished<'a> {
    pub(super) lab: &'a Lab,
    pub(super) system: &'a PlannedSystem,
    pub(super) group: &'a PlannedGroup,
    /// Labels of everything in the group.
    pub(super) labels: Labels,
}

impl Furnished<'_> {
    /// The operations, on the workload as the experiment's patches leave it.
    pub(super) fn patch(&self, mut patch: ObjectPatch) -> ObjectPatch {
        let node = container_at(&patch.object, "containers", &self.system.container).unwrap_or_default();
        self.identity(&mut patch);
        let mount = self.volume(&mut patch, &node);
        pod(&mut patch);
        self.placement(&mut patch);
        secure_containers(&mut patch);
        if let Some(shape) = self.shape() {
            patch.insert(&format!("{POD}/initContainers"), shape, true);
        }
        patch.insert(&format!("{POD}/containers"), self.agent(&mount), false);
        patch
    }

    fn identity(&self, patch: &mut ObjectPatch) {
        let name = group_name(&self.system.name, &self.group.name);
        patch.set("/metadata/name", name.as_str());
        label(patch, "/metadata/labels", &self.labels);
        patch.set("/spec/serviceName", name.as_str());
        patch.set("/spec/podManagementPolicy", "Parallel");
        patch.set("/spec/selector", json!({"matchLabels": selector(&self.system.name, &self.group.name)}));
        let mut labels = self.labels.clone();
        labels.insert(key("role"), "node".to_owned());
        label(patch, "/spec/template/metadata/labels", &labels);
        label(patch, "/spec/template/metadata/annotations", &stay());
    }

    /// The data volume in place of whatever the base mounts there; gives back the agent's mount of it.
    fn volume(&self, patch: &mut ObjectPatch, node: &str) -> Value {
        let same = |path: &str| path.trim_end_matches('/') == self.system.data_path.trim_end_matches('/');
        let mounts = patch.get(&format!("{node}/volumeMounts")).and_then(Value::as_array);
        let mounted =
            mounts.and_then(|mounts| mounts.iter().find(|mount| mount["mountPath"].as_str().is_some_and(same)));
        let name = mounted.and_then(|mount| mount["name"].as_str()).map_or_else(|| free_name(patch), str::to_owned);
        let mut mount = json!({"mountPath": self.system.data_path, "name": name});
        match mounted {
            Some(known) => {
                for field in ["subPath", "subPathExpr"].iter().filter(|field| known.get(**field).is_some()) {
                    mount[*field] = known[*field].clone();
                }
            }
            None => patch.insert(&format!("{node}/volumeMounts"), mount.clone(), false),
        }
        let bytes = self.group.data_bytes.to_string();
        let volumes = format!("{POD}/volumes");
        let known = position(patch, &volumes, |volume| volume["name"] == name.as_str());
        let claim = position(patch, "/spec/volumeClaimTemplates", |claim| claim["metadata"]["name"] == name.as_str());
        if let Some(place) = claim {
            patch.remove(&format!("/spec/volumeClaimTemplates/{place}"));
        }
        match (&self.lab.spec.storage.class, known) {
            (None, Some(place)) => {
                patch.set(&format!("{volumes}/{place}"), json!({"emptyDir": {"sizeLimit": bytes}, "name": name}));
            }
            (None, None) => patch.insert(&volumes, json!({"emptyDir": {"sizeLimit": bytes}, "name": name}), false),
            (Some(class), known) => {
                if let Some(place) = known {
                    patch.remove(&format!("{volumes}/{place}"));
                }
                patch.insert("/spec/volumeClaimTemplates", claim_template(&name, class, &bytes), false);
                let retention = json!({"whenDeleted": "Delete", "whenScaled": "Delete"});
                patch.set("/spec/persistentVolumeClaimRetentionPolicy", retention);
            }
        }
        mount
    }

    fn placement(&self, patch: &mut ObjectPatch) {
        let pool = self.group.pool.as_ref().and_then(|pool| self.lab.spec.pools.get(pool));
        if let Some(pool) = pool {
            for (key, value) in &pool.selector {
                patch.set(&format!("{POD}/nodeSelector/{}", escape(key)), value.as_str());
            }
            for toleration in &pool.tolerations {
                patch.insert(&format!("{POD}/tolerations"), toleration.clone(), false);
            }
        }
        // away from every other node of the cell, whatever its group
        let term = json!({"labelSelector": {"matchLabels": {"benchgrid.io/role": "node"}}, "topologyKey": "kubernetes.io/hostname"});
        let rule = format!("{POD}/affinity/podAntiAffinity");
        match self.group.spread {
            Spread::Required => {
                patch.insert(&format!("{rule}/requiredDuringSchedulingIgnoredDuringExecution"), term, false);
            }
            Spread::Preferred => {
                let term = json!({"podAffinityTerm": term, "weight": 100});
                patch.insert(&format!("{rule}/preferredDuringSchedulingIgnoredDuringExecution"), term, false);
            }
            Spread::None => {}
        }
    }

    /// The init container that shapes the link, where there is one to shape.
    fn shape(&self) -> Option<Value> {
        let link = self.group.link.filter(|_| self.lab.spec.shaping == Shaping::Tc)?;
        let mut env = vec![
            json!({"name": "BENCHGRID_UP_BPS", "value": link.up_bits_per_second.to_string()}),
            json!({"name": "BENCHGRID_DOWN_BPS", "value": link.down_bits_per_second.to_string()}),
            json!({"name": "BENCHGRID_LATENCY_SECONDS", "value": link.latency_seconds.to_string()}),
        ];
        if link.loss_ratio > 0.0 {
            env.push(json!({"name": "BENCHGRID_LOSS_RATIO", "value": link.loss_ratio.to_string()}));
        }
        Some(json!({
            "name": "shape",
            "image": self.probe(),
            "args": ["shape"],
            "env": env,
            "resources": security::resources(SHAPE),
            "securityContext": security::shaper(),
        }))
    }

    fn agent(&self, mount: &Value) -> Value {
        let system = self.system;
        json!({
            "name": "agent",
            "image": self.probe(),
            "args": ["agent"],
            "env": [
                {"name": "BENCHGRID_COORDINATOR", "value": "http://coordinator:7070"},
                {"name": "BENCHGRID_SYSTEM", "value": system.name},
                {"name": "BENCHGRID_GROUP", "value": self.group.name},
                {"name": "BENCHGRID_POD", "valueFrom": {"fieldRef": {"fieldPath": "metadata.name"}}},
                {"name": "BENCHGRID_ATTEMPT", "valueFrom": {"fieldRef": {"fieldPath": "metadata.namespace"}}},
                {"name": "BENCHGRID_DRIVER", "value": system.driver},
                {"name": "BENCHGRID_API", "value": format!("http://127.0.0.1:{}", system.api_port)},
                {"name": "BENCHGRID_DATA", "value": system.data_path},
            ],
            "resources": security::resources(AGENT),
            "securityContext": security::container(),
            "volumeMounts": [mount],
        })
    }

    fn probe(&self) -> String {
        image::mirrored(&self.lab.spec.images, &self.lab.spec.images.probe)
    }
}

/// What every pod of a cell has, where the base says nothing else.
fn pod(patch: &mut ObjectPatch) {
    patch.set(&format!("{POD}/terminationGracePeriodSeconds"), 1);
    patch.set(&format!("{POD}/enableServiceLinks"), false);
    if patch.get(&format!("{POD}/serviceAccountName")).is_none() {
        patch.set(&format!("{POD}/automountServiceAccountToken"), false);
    }
    fill(patch, &format!("{POD}/securityContext"), &security::pod());
}

/// Sets labels at a pointer, in one operation where there are none yet.
pub(super) fn label(patch: &mut ObjectPatch, pointer: &str, labels: &Labels) {
    if patch.get(pointer).is_none() {
        patch.set(pointer, json!(labels));
    }
    for (key, value) in labels {
        patch.set(&format!("{pointer}/{}", escape(key)), value.as_str());
    }
}

/// What selects a group's pods.
pub(super) fn selector(system: &str, group: &str) -> Value {
    json!({"benchgrid.io/group": group, "benchgrid.io/system": system})
}

fn claim_template(name: &str, class: &str, bytes: &str) -> Value {
    json!({
        "apiVersion": "v1", "kind": "PersistentVolumeClaim", "metadata": {"name": name},
        "spec": {"accessModes": ["ReadWriteOnce"], "resources": {"requests": {"storage": bytes}}, "storageClassName": class},
    })
}

/// A name that no volume of the base has: one that is mounted elsewhere is none of ours.
fn free_name(patch: &ObjectPatch) -> String {
    let taken = |name: &str| {
        position(patch, &format!("{POD}/volumes"), |volume| volume["name"] == name).is_some()
            || position(patch, "/spec/volumeClaimTemplates", |claim| claim["metadata"]["name"] == name).is_some()
    };
    if taken("data") { "benchgrid-data".to_owned() } else { "data".to_owned() }
}

fn position(patch: &ObjectPatch, list: &str, is: impl Fn(&Value) -> bool) -> Option<usize> {
    patch.get(list)?.as_array()?.iter().position(is)
}

/// The base's own containers as `restricted` wants them, where the base says nothing.
fn secure_containers(patch: &mut ObjectPatch) {
    let wanted = json!({"allowPrivilegeEscalation": false, "capabilities": {"drop": ["ALL"]}});
    for list in ["initContainers", "containers"] {
        let count = patch.get(&format!("{POD}/{list}")).and_then(Value::as_array).map_or(0, Vec::len);
        for place in 0..count {
            fill(patch, &format!("{POD}/{list}/{place}/securityContext"), &wanted);
        }
    }
}

/// Sets what is missing at a pointer, field by field; all at once where nothing is there.
fn fill(patch: &mut ObjectPatch, pointer: &str, wanted: &Value) {
    match patch.get(pointer).and_then(Value::as_object) {
        None => patch.set(pointer, wanted.clone()),
        Some(known) => {
            let missing: Vec<(&String, &Value)> =
                wanted.as_object().into_iter().flatten().filter(|(key, _)| !known.contains_key(*key)).collect();
            for (key, value) in missing {
                patch.set(&format!("{pointer}/{}", escape(key)), value.clone());
            }
        }
    }
}
