//! What objects name of each other is there.

use serde_json::Value;

use super::pods::{Container, POD, Pod};
use super::violation::Finder;
use super::{Cell, items};
use crate::kustomize::{kind, name};
use crate::spec::codes;

/// What a variable may take from its pod.
const FIELDS: [&str; 9] = [
    "metadata.name",
    "metadata.namespace",
    "metadata.uid",
    "spec.nodeName",
    "spec.serviceAccountName",
    "status.hostIP",
    "status.hostIPs",
    "status.podIP",
    "status.podIPs",
];

pub(super) fn check(cell: &Cell, found: &mut Finder) {
    let object = found.object;
    match kind(object) {
        "StatefulSet" => {
            own_pods(found);
            let service = object["spec"]["serviceName"].as_str().unwrap_or_default();
            if cell.object("Service", service).is_none() {
                let help = "nodes are found by the names that this Service gives them";
                found.advise(
                    codes::CELL_REFERENCE,
                    "/spec/serviceName",
                    format!("the cell has no Service `{service}`"),
                    help,
                );
            }
        }
        "Deployment" => own_pods(found),
        "Service" => selects(cell, "/spec/selector", &object["spec"]["selector"], found),
        "NetworkPolicy" => {
            selects(cell, "/spec/podSelector/matchLabels", &object["spec"]["podSelector"]["matchLabels"], found);
        }
        "PodDisruptionBudget" => {
            selects(cell, "/spec/selector/matchLabels", &object["spec"]["selector"]["matchLabels"], found);
        }
        "RoleBinding" => binding(cell, found),
        _ => {}
    }
}

/// A workload selects the pods that it makes.
fn own_pods(found: &mut Finder) {
    let object = found.object;
    let selector = &object["spec"]["selector"]["matchLabels"];
    let selects = Pod::of(object).is_some_and(|pod| pod.has_labels(selector));
    if !selects || selector.as_object().is_none_or(serde_json::Map::is_empty) {
        let help = "the labels of `spec.selector` are among those of `spec.template`";
        found.advise(codes::CELL_SELECTOR, "/spec/selector", "it does not select its own pods", help);
    }
}

/// A selector that says something selects a pod.
fn selects(cell: &Cell, at: &str, selector: &Value, found: &mut Finder) {
    if selector.as_object().is_some_and(|labels| !labels.is_empty()) && cell.selected(selector).is_empty() {
        found.advise(
            codes::CELL_SELECTOR,
            at,
            "it selects no pod of the cell",
            "compare it with the labels of the pods",
        );
    }
}

fn binding(cell: &Cell, found: &mut Finder) {
    let object = found.object;
    let role = &object["roleRef"];
    let named = name_of(role);
    if role["kind"] == "Role" && cell.object("Role", named).is_none() {
        found.add(codes::CELL_REFERENCE, "/roleRef/name", format!("the cell has no Role `{named}`"));
    }
    for (at, subject) in items(object, "/subjects") {
        let named = name_of(subject);
        let own = subject["namespace"].as_str().is_none_or(|space| Some(space) == cell.namespace());
        if subject["kind"] == "ServiceAccount" && own {
            account(cell, named, &format!("{at}/name"), found);
            if subject.get("namespace").is_none() {
                found.add(codes::CELL_REFERENCE, at, format!("ServiceAccount `{named}` of which namespace"));
            }
        }
    }
}

fn name_of(value: &Value) -> &str {
    value["name"].as_str().unwrap_or_default()
}

fn account(cell: &Cell, named: &str, at: &str, found: &mut Finder) {
    if named != "default" && cell.object("ServiceAccount", named).is_none() {
        found.add(codes::CELL_REFERENCE, at, format!("the cell has no ServiceAccount `{named}`"));
    }
}

pub(super) fn check_pod(cell: &Cell, pod: &Pod, found: &mut Finder) {
    if let Some(named) = pod.spec["serviceAccountName"].as_str() {
        account(cell, named, &format!("{POD}/serviceAccountName"), found);
    }
    for (at, secret) in items(found.object, &format!("{POD}/imagePullSecrets")) {
        no_secret(&at, name_of(secret), found);
    }
    for (at, volume) in items(found.object, &format!("{POD}/volumes")) {
        source(cell, &at, volume, found);
        for (at, part) in items(found.object, &format!("{at}/projected/sources")) {
            source(cell, &at, part, found);
        }
        if let Some(claim) = volume["persistentVolumeClaim"]["claimName"].as_str()
            && cell.object("PersistentVolumeClaim", claim).is_none()
        {
            let at = format!("{at}/persistentVolumeClaim/claimName");
            found.add(codes::CELL_REFERENCE, at, format!("the cell has no PersistentVolumeClaim `{claim}`"));
        }
    }
    for container in &pod.containers() {
        environment(cell, pod, container, found);
    }
}

/// What a volume shows.
fn source(cell: &Cell, at: &str, volume: &Value, found: &mut Finder) {
    if let Some(secret) = volume.get("secret") {
        let named = secret["secretName"].as_str().unwrap_or_else(|| name_of(secret));
        no_secret(&format!("{at}/secret"), named, found);
    }
    let Some(map) = volume.get("configMap") else { return };
    let at = format!("{at}/configMap");
    config_map(cell, map, &at, None, found);
    for (at, item) in items(found.object, &format!("{at}/items")) {
        config_map(cell, map, &at, item["key"].as_str(), found);
    }
}

fn environment(cell: &Cell, pod: &Pod, container: &Container, found: &mut Finder) {
    for (at, entry) in items(found.object, &format!("{}/env", container.at)) {
        let from = &entry["valueFrom"];
        if let Some(secret) = from.get("secretKeyRef") {
            no_secret(&format!("{at}/valueFrom/secretKeyRef"), name_of(secret), found);
        }
        if let Some(map) = from.get("configMapKeyRef") {
            config_map(cell, map, &format!("{at}/valueFrom/configMapKeyRef"), map["key"].as_str(), found);
        }
        if let Some(path) = from["fieldRef"]["fieldPath"].as_str() {
            let of_meta = ["metadata.labels['", "metadata.annotations['"]
                .iter()
                .any(|it| path.starts_with(it) && path.ends_with("']"));
            if !FIELDS.contains(&path) && !of_meta {
                let at = format!("{at}/valueFrom/fieldRef/fieldPath");
                found.add(codes::CELL_REFERENCE, at, format!("a variable can't take `{path}` from its pod"));
            }
        }
        resource_field(pod, &from["resourceFieldRef"], &format!("{at}/valueFrom/resourceFieldRef"), found);
    }
    for (at, from) in items(found.object, &format!("{}/envFrom", container.at)) {
        if let Some(secret) = from.get("secretRef") {
            no_secret(&format!("{at}/secretRef"), name_of(secret), found);
        }
        if let Some(map) = from.get("configMapRef") {
            config_map(cell, map, &format!("{at}/configMapRef"), None, found);
        }
    }
}

/// What a variable may take from a container's resources.
fn resource_field(pod: &Pod, from: &Value, at: &str, found: &mut Finder) {
    let Some(resource) = from["resource"].as_str() else { return };
    let what = resource.strip_prefix("limits.").or_else(|| resource.strip_prefix("requests."));
    let known = |what: &str| ["cpu", "memory", "ephemeral-storage"].contains(&what) || what.starts_with("hugepages-");
    if !what.is_some_and(known) {
        found.add(
            codes::CELL_REFERENCE,
            format!("{at}/resource"),
            format!("`{resource}` is no resource of a container"),
        );
    }
    if let Some(named) = from["containerName"].as_str()
        && !pod.containers().iter().any(|container| container.name() == named)
    {
        found.add(codes::CELL_REFERENCE, format!("{at}/containerName"), format!("the pod has no container `{named}`"));
    }
}

fn no_secret(at: &str, named: &str, found: &mut Finder) {
    let help = "a cell holds no Secret; what nodes need is in their images and ConfigMaps";
    found.advise(codes::CELL_REFERENCE, at, format!("the cell has no Secret `{named}`"), help);
}

/// A `ConfigMap`, and a key in it, unless it may be missing.
fn config_map(cell: &Cell, reference: &Value, at: &str, key: Option<&str>, found: &mut Finder) {
    if reference["optional"] == true {
        return;
    }
    let named = name_of(reference);
    let Some(map) = cell.object("ConfigMap", named) else {
        if key.is_none() || reference.get("key").is_some() {
            found.add(codes::CELL_REFERENCE, at, format!("the cell has no ConfigMap `{named}`"));
        }
        return;
    };
    let has = |key: &str| ["data", "binaryData"].iter().any(|part| map[*part].get(key).is_some());
    if let Some(key) = key.filter(|key| !has(key)) {
        found.add(codes::CELL_REFERENCE, at, format!("ConfigMap `{}` has no key `{key}`", name(map)));
    }
}
