//! What makes a cell of a plan another experiment than the branch's cell of the same id, in short phrases.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value;

use super::{Files, built};
use crate::kustomize::{build, kind, name};
use crate::plan::{Cell, Plan, shown::bytes};
use crate::spec::Lab;

/// What differs between a cell as its folder on the branch builds, and as the plan has it.
pub fn changes(branch: &Files, folder: &str, plan: &Plan, cell: &Cell, lab: &Lab) -> Vec<String> {
    let (Ok(before), Ok(after)) = (build(branch, folder), built(plan, cell, lab)) else {
        return vec!["the branch's cell can't be built here".to_owned()];
    };
    let mut changes = told(&before, &after);
    for ((system, group), objects) in &nodes(&before) {
        let nodes = nodes(&after);
        let Some(others) = nodes.get(&(system.clone(), group.clone())) else { continue };
        changes.extend(group_changes(objects, others).into_iter().map(|what| format!("{system}-{group}: {what}")));
    }
    changes
}

/// What the coordinator is told: measurement, systems, groups.
fn told(before: &[Value], after: &[Value]) -> Vec<String> {
    let read = |objects: &[Value]| -> Value {
        let map = objects.iter().find(|object| kind(object) == "ConfigMap" && name(object) == "cell");
        let text = map.and_then(|map| map["data"]["cell.json"].as_str()).unwrap_or_default();
        serde_json::from_str(text).unwrap_or_default()
    };
    let (before, after) = (read(before), read(after));
    let mut changes = Vec::new();
    changes.extend(differs("measurement protocol", &before["protocol"], &after["protocol"]));
    for (field, word) in [
        ("fileSize", "measure.fileSize"),
        ("repetitions", "measure.repetitions"),
        ("warmup", "measure.warmup"),
        ("stalledSeconds", "measure.stalled"),
    ] {
        changes.extend(differs(word, &before["measure"][field], &after["measure"][field]));
    }
    let (old, new) = (by_name(&before["systems"]), by_name(&after["systems"]));
    for (system, old, new) in both(&old, &new, "system", &mut changes) {
        for field in ["driver", "load", "seeders"] {
            changes.extend(differs(&format!("{system}: {field}"), &old[field], &new[field]));
        }
        let (old, new) = (by_name(&old["groups"]), by_name(&new["groups"]));
        for (group, old, new) in both(&old, &new, &format!("{system}: group"), &mut changes) {
            for field in ["replicas", "role", "link"] {
                changes.extend(differs(&format!("{system}-{group}: {field}"), &old[field], &new[field]));
            }
        }
    }
    changes
}

/// `WHAT a -> b`, where they differ.
fn differs(what: &str, before: &Value, after: &Value) -> Option<String> {
    let shown = |value: &Value| match value {
        Value::Number(number) if what == "measure.fileSize" => bytes(number.as_u64().unwrap_or_default()),
        Value::String(text) => text.clone(),
        other => other.to_string(),
    };
    (before != after).then(|| match (before, after) {
        (Value::Object(_) | Value::Null, _) | (_, Value::Object(_) | Value::Null) => what.to_owned(),
        _ => format!("{what} {} -> {}", shown(before), shown(after)),
    })
}

type Named<'a> = BTreeMap<&'a str, &'a Value>;

fn by_name(list: &Value) -> Named<'_> {
    list.as_array().into_iter().flatten().filter_map(|one| Some((one["name"].as_str()?, one))).collect()
}

/// What both sides have; what only one has is a change.
fn both<'a>(
    old: &Named<'a>,
    new: &Named<'a>,
    what: &str,
    changes: &mut Vec<String>,
) -> Vec<(&'a str, &'a Value, &'a Value)> {
    let names: BTreeSet<&str> = old.keys().chain(new.keys()).copied().collect();
    let mut found = Vec::new();
    for name in names {
        match (old.get(name), new.get(name)) {
            (Some(old), Some(new)) => found.push((name, *old, *new)),
            (None, _) => changes.push(format!("{what} {name} added")),
            (_, None) => changes.push(format!("{what} {name} removed")),
        }
    }
    found
}

/// Objects of groups, by system and group, each by kind and name; what every group has of ours is left out.
type Nodes<'a> = BTreeMap<(String, String), BTreeMap<(&'a str, &'a str), &'a Value>>;

fn nodes(objects: &[Value]) -> Nodes<'_> {
    let mut nodes = Nodes::new();
    for object in objects {
        let label = |word: &str| object["metadata"]["labels"][format!("benchgrid.io/{word}")].as_str();
        let (Some(system), Some(group)) = (label("system"), label("group")) else { continue };
        if kind(object) == "Service" && name(object) == format!("{system}-{group}") {
            continue;
        }
        nodes.entry((system.to_owned(), group.to_owned())).or_default().insert((kind(object), name(object)), object);
    }
    nodes
}

fn group_changes(before: &BTreeMap<(&str, &str), &Value>, after: &BTreeMap<(&str, &str), &Value>) -> Vec<String> {
    let mut changes = Vec::new();
    let keys: BTreeSet<_> = before.keys().chain(after.keys()).collect();
    for (kind, name) in keys {
        match (before.get(&(*kind, *name)), after.get(&(*kind, *name))) {
            (Some(old), Some(new)) if *kind == "StatefulSet" => changes.extend(set_changes(old, new)),
            (Some(old), Some(new)) if bare(old) == bare(new) => {}
            (Some(_), Some(_)) => changes.push(format!("{kind} {name}")),
            (None, _) => changes.push(format!("{kind} {name} added")),
            (_, None) => changes.push(format!("{kind} {name} removed")),
        }
    }
    changes
}

/// An object without what every attempt and cell changes.
fn bare(object: &Value) -> Value {
    let mut object = object.clone();
    if let Some(metadata) = object["metadata"].as_object_mut() {
        metadata.remove("labels");
        metadata.remove("namespace");
    }
    object
}

/// Nodes themselves: their containers, volumes, and the rest.
fn set_changes(before: &Value, after: &Value) -> Vec<String> {
    let mut changes = Vec::new();
    let (mut old, mut new) = (bare(before), bare(after));
    for list in ["containers", "initContainers"] {
        let [olds, news] = [&mut old, &mut new].map(|set| set["spec"]["template"]["spec"][list].take());
        let own = |list: &Value| -> BTreeMap<String, Value> {
            let ours = |name: &str| name == "agent" || name == "shape";
            let named = by_name(list).into_iter().filter(|(name, _)| !ours(name));
            named.map(|(name, container)| (name.to_owned(), container.clone())).collect()
        };
        let (olds, news) = (own(&olds), own(&news));
        let names: BTreeSet<&String> = olds.keys().chain(news.keys()).collect();
        for name in names {
            match (olds.get(name), news.get(name)) {
                (Some(old), Some(new)) => changes.extend(container_changes(name, old, new)),
                _ => changes.push(format!("container {name}")),
            }
        }
    }
    let mut data = false;
    for pointer in ["/spec/template/spec/volumes", "/spec/volumeClaimTemplates"] {
        let [old, new] = [&mut old, &mut new].map(|set| set.pointer_mut(pointer).map(Value::take).unwrap_or_default());
        data |= old != new;
    }
    changes.extend(data.then(|| "volumes".to_owned()));
    for set in [&mut old, &mut new] {
        set["spec"]["replicas"] = Value::Null;
        set["spec"]["template"]["metadata"]["labels"] = Value::Null;
        set["spec"]["volumeClaimTemplates"] = Value::Null;
    }
    changes.extend((old != new).then(|| "objects".to_owned()));
    changes
}

fn container_changes(name: &str, before: &Value, after: &Value) -> Vec<String> {
    let mut changes = Vec::new();
    let (mut old, mut new) = (before.clone(), after.clone());
    let [was, is] = [&mut old, &mut new].map(|container| container["image"].take());
    changes.extend(differs("image", &short(&was), &short(&is)));
    let [was, is] = [&mut old, &mut new].map(|container| container["resources"].take());
    changes.extend((was != is).then(|| "resources".to_owned()));
    let [was, is] = [&mut old, &mut new].map(|container| (container["command"].take(), container["args"].take()));
    changes.extend((was != is).then(|| "arguments".to_owned()));
    let [was, is] = [&mut old, &mut new].map(|container| container["env"].take());
    let (was, is) = (by_name(&was), by_name(&is));
    let names: BTreeSet<&&str> = was.keys().chain(is.keys()).filter(|name| was.get(*name) != is.get(*name)).collect();
    if !names.is_empty() {
        let names: Vec<&str> = names.into_iter().copied().collect();
        changes.push(format!("environment {}", names.join(", ")));
    }
    changes.extend((old != new).then(|| format!("container {name}")));
    changes
}

/// An image with the start of its digest.
fn short(image: &Value) -> Value {
    let text = image.as_str().unwrap_or_default();
    let length = text.find("@sha256:").map_or(text.len(), |at| (at + 20).min(text.len()));
    Value::from(text.get(..length).unwrap_or(text))
}
