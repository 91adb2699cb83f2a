//! Containers: names, environment, mounts, amounts.

use std::collections::BTreeSet;

use serde_json::Value;

use super::objects::{amount, amounts, read_amount};
use super::pods::{Container, POD, Pod};
use super::violation::Finder;
use super::{entries, items, syntax};
use crate::spec::codes;

pub(super) fn check(pod: &Pod, found: &mut Finder) {
    let containers = pod.containers();
    let mut names = BTreeSet::new();
    for container in &containers {
        let name = container.name();
        if !syntax::is_label(name) {
            found.add(
                codes::CELL_NAME,
                format!("{}/name", container.at),
                format!("the name `{name}` is not a DNS label"),
            );
        }
        if !names.insert(name) {
            found.add(codes::CELL_TWICE, format!("{}/name", container.at), format!("a second container `{name}`"));
        }
        environment(container, found);
        mounts(pod, container, found);
        resources(pod, container, found);
    }
    volumes(found);
}

fn environment(container: &Container, found: &mut Finder) {
    let mut names = BTreeSet::new();
    for (at, entry) in items(found.object, &format!("{}/env", container.at)) {
        let name = entry["name"].as_str().unwrap_or_default();
        if !syntax::is_env_name(name) {
            found.add(codes::CELL_NAME, format!("{at}/name"), format!("`{name}` can't be the name of a variable"));
        }
        if !names.insert(name) {
            let help = "the last one would win, in silence";
            found.advise(codes::CELL_TWICE, format!("{at}/name"), format!("the variable `{name}` is set twice"), help);
        }
        if entry.get("value").is_some() && entry.get("valueFrom").is_some() {
            found.add(codes::CELL_TWICE, &at, format!("the variable `{name}` has a value and a source of one"));
        }
    }
}

fn mounts(pod: &Pod, container: &Container, found: &mut Finder) {
    let mut paths = BTreeSet::new();
    for (at, mount) in items(found.object, &format!("{}/volumeMounts", container.at)) {
        let name = mount["name"].as_str().unwrap_or_default();
        if !pod.has_volume(name) {
            found.add(codes::CELL_REFERENCE, format!("{at}/name"), format!("the pod has no volume `{name}`"));
        }
        let path = mount["mountPath"].as_str().unwrap_or_default();
        if path.is_empty() || path.contains(':') {
            found.add(codes::CELL_NAME, format!("{at}/mountPath"), format!("nothing can be mounted at `{path}`"));
        }
        if !paths.insert(path) {
            found.add(codes::CELL_TWICE, format!("{at}/mountPath"), format!("two volumes at `{path}`"));
        }
        for field in ["subPath", "subPathExpr"] {
            let inner = mount[field].as_str().unwrap_or_default();
            if inner.starts_with('/') || inner.split('/').any(|step| step == "..") {
                found.add(codes::CELL_NAME, format!("{at}/{field}"), format!("`{inner}` leaves the volume"));
            }
        }
    }
}

/// Requests are within the limits; a node's are the limits, so that it gets the same on every machine.
fn resources(pod: &Pod, container: &Container, found: &mut Finder) {
    let at = format!("{}/resources", container.at);
    amounts(found, &format!("{at}/requests"));
    amounts(found, &format!("{at}/limits"));
    for (place, what, request) in entries(found.object, &format!("{at}/requests")) {
        let limit = &container.value["resources"]["limits"][what];
        let help = "requests = limits, so that every node gets the same on every machine";
        match (read_amount(request), read_amount(limit)) {
            (Some(request), Some(limit)) if request > limit => {
                found.add(codes::CELL_AMOUNT, place, format!("more {what} is requested than the limit allows"));
            }
            (Some(request), Some(limit)) if pod.is_node() && request < limit => {
                found.advise(codes::CELL_AMOUNT, place, format!("a node's request of {what} is below its limit"), help);
            }
            (Some(_), None) if pod.is_node() && limit.is_null() => {
                found.advise(codes::CELL_AMOUNT, place, format!("a node's {what} has no limit"), help);
            }
            _ => {}
        }
    }
}

fn volumes(found: &mut Finder) {
    let mut names = BTreeSet::new();
    let object = found.object;
    for (at, volume) in items(object, &format!("{POD}/volumes")) {
        let name = volume["name"].as_str().unwrap_or_default();
        if !syntax::is_label(name) {
            found.add(codes::CELL_NAME, format!("{at}/name"), format!("the name `{name}` is not a DNS label"));
        }
        if !names.insert(name) {
            found.add(codes::CELL_TWICE, format!("{at}/name"), format!("a second volume `{name}`"));
        }
        if let Some(limit) = volume["emptyDir"].get("sizeLimit").filter(|limit| !limit.is_null()) {
            amount(found, &format!("{at}/emptyDir/sizeLimit"), "bytes", limit);
        }
    }
    for (at, claim) in items(object, "/spec/volumeClaimTemplates") {
        let name = claim.pointer("/metadata/name").and_then(Value::as_str).unwrap_or_default();
        if !syntax::is_label(name) {
            found.add(codes::CELL_NAME, format!("{at}/metadata/name"), format!("the name `{name}` is not a DNS label"));
        }
        if !names.insert(name) {
            found.add(codes::CELL_TWICE, format!("{at}/metadata/name"), format!("a second volume `{name}`"));
        }
    }
}
