//! Objects by themselves: kinds, names, labels, annotations, amounts, marks; and that none is there twice.

use std::collections::BTreeMap;

use serde_json::Value;

use super::violation::{Finder, Violation};
use super::{Cell, entries, items, namespace, syntax};
use crate::kustomize::{ALLOWED_KINDS, escape, kind, name};
use crate::spec::codes;

/// A StatefulSet's pods carry its name and a hash of ten digits in a label.
const LONGEST_SET: usize = 52;
/// Bytes of all annotations of an object, and of a `ConfigMap`.
const LARGEST: (usize, usize) = (256 << 10, 1 << 20);
/// Annotations that make of an object more than a plain resource: it would be made anew, deleted, or waited for by every sync.
const HOOKS: [&str; 4] =
    ["argocd.argoproj.io/hook", "argocd.argoproj.io/sync-wave", "argocd.argoproj.io/sync-options", "helm.sh/hook"];
/// Labels of every object of a cell.
const MARKS: [&str; 6] = ["attempt", "cell", "digest", "lab", "scenario", "trial"];

pub(super) fn check(cell: &Cell, found: &mut Finder) {
    known_kind(found);
    named(found);
    labelled(found);
    annotated(found, "/metadata");
    annotated(found, "/spec/template/metadata");
    in_namespace(cell, found);
    marked(found);
    config_map(found);
    claims(found);
    texts(found.object, "", found);
}

fn known_kind(found: &mut Finder) {
    let group = found.object["apiVersion"].as_str().and_then(|it| it.rsplit_once('/')).map_or("", |(group, _)| group);
    let kind = kind(found.object);
    if (group, kind) == ("", "Namespace") || ALLOWED_KINDS.contains(&(group, kind)) {
        return;
    }
    let message = format!("a cell holds no {kind}");
    if kind == "Secret" {
        let help = "the branch can be read by many; the store's credentials belong to a relay";
        found.advise(codes::CELL_KIND, "/kind", message, help);
    } else {
        let help = "Argo CD's project of the cells allows what stays in the cell's namespace and frees itself with it";
        found.advise(codes::CELL_KIND, "/kind", message, help);
    }
}

/// Rules differ by kind: what becomes a host's name or a label is shorter.
fn named(found: &mut Finder) {
    let name = name(found.object);
    let (good, rule) = match kind(found.object) {
        "Service" => (
            syntax::is_label(name) && name.starts_with(|c: char| c.is_ascii_lowercase()),
            "a DNS label that starts with a letter",
        ),
        "StatefulSet" => (syntax::is_label(name) && name.len() <= LONGEST_SET, "a DNS label of at most 52 characters"),
        "Namespace" | "Job" => (syntax::is_label(name), "a DNS label"),
        "Role" | "RoleBinding" => (syntax::is_path_segment(name), "one step of a path"),
        _ => (syntax::is_subdomain(name), "a DNS name"),
    };
    if !good {
        found.add(codes::CELL_NAME, "/metadata/name", format!("the name `{name}` is not {rule}"));
    }
}

/// Everything that is a label or asks for one.
fn labelled(found: &mut Finder) {
    let object = found.object;
    let fixed = [
        "/metadata/labels",
        "/spec/template/metadata/labels",
        "/spec/selector/matchLabels",
        "/spec/template/spec/nodeSelector",
        "/spec/podSelector/matchLabels",
    ];
    let mut maps: Vec<String> = fixed.map(str::to_owned).into();
    if kind(object) == "Service" {
        maps.push("/spec/selector".to_owned());
    }
    maps.extend(items(object, "/spec/volumeClaimTemplates").into_iter().map(|(at, _)| format!("{at}/metadata/labels")));
    for (at, key, value) in maps.iter().flat_map(|map| entries(object, map)) {
        if !syntax::is_key(key) {
            found.add(codes::CELL_NAME, at, format!("`{key}` is no key of a label"));
        } else if !value.as_str().is_some_and(syntax::is_label_value) {
            let help = "at most 63 letters, digits, `-`, `_` and `.`, with a letter or digit at both ends";
            found.advise(codes::CELL_NAME, at, format!("{value} is no value of a label"), help);
        }
    }
}

fn annotated(found: &mut Finder, meta: &str) {
    let all = entries(found.object, &format!("{meta}/annotations"));
    let mut size = 0;
    for (at, key, value) in all {
        if HOOKS.contains(&key) {
            let help = "everything in a cell is a plain resource, so that a repeated sync starts nothing twice";
            found.advise(codes::CELL_KIND, &at, "Argo CD would not take it for a plain resource", help);
        }
        // keys of annotations may be written in capitals
        if !syntax::is_key(&key.to_ascii_lowercase()) {
            found.add(codes::CELL_NAME, at, format!("`{key}` is no key of an annotation"));
        } else if !value.is_string() {
            found.add(codes::CELL_NAME, at, "the value of an annotation is text");
        }
        size += key.len() + value.as_str().map_or(0, str::len);
    }
    if size > LARGEST.0 {
        found.add(codes::CELL_NAME, format!("{meta}/annotations"), "annotations of more than 256 KiB");
    }
}

fn in_namespace(cell: &Cell, found: &mut Finder) {
    if kind(found.object) == "Namespace" {
        return;
    }
    let space = namespace(found.object);
    if cell.namespace() != Some(space) {
        let own = cell
            .namespace()
            .map_or("the cell has no Namespace".to_owned(), |own| format!("the cell's namespace is `{own}`"));
        found.add(codes::CELL_MARK, "/metadata/namespace", format!("the namespace is `{space}`, and {own}"));
    }
}

/// The labels by which conductor, report and Argo CD's pages find things.
fn marked(found: &mut Finder) {
    let object = found.object;
    let mut places = vec!["/metadata/labels"];
    if object.pointer(super::pods::POD).is_some() {
        places.push("/spec/template/metadata/labels");
    }
    for place in places {
        let labels = object.pointer(place).unwrap_or(&Value::Null);
        let missing: Vec<String> =
            MARKS.iter().map(|word| format!("benchgrid.io/{word}")).filter(|key| !labels[key].is_string()).collect();
        if !missing.is_empty() {
            found.add(codes::CELL_MARK, place, format!("without the labels {}", missing.join(", ")));
        }
        let space = if kind(object) == "Namespace" { name(object) } else { namespace(object) };
        if labels["benchgrid.io/attempt"].as_str().is_some_and(|attempt| attempt != space) {
            let help = "directory, Application and namespace of an attempt bear one name";
            found.advise(codes::CELL_MARK, place, "the attempt's label is not the namespace's name", help);
        }
    }
}

fn config_map(found: &mut Finder) {
    if kind(found.object) != "ConfigMap" {
        return;
    }
    let mut size = 0;
    let (text, binary) = (entries(found.object, "/data"), entries(found.object, "/binaryData"));
    for (at, key, value) in text.iter().chain(&binary) {
        if !syntax::is_config_key(key) {
            found.add(codes::CELL_NAME, at, format!("`{key}` can't be the key of a ConfigMap"));
        }
        size += key.len() + value.as_str().map_or(0, str::len);
    }
    for (at, key, _) in &binary {
        if text.iter().any(|(_, other, _)| other == key) {
            found.add(codes::CELL_TWICE, at, format!("the key `{key}` is in `data` already"));
        }
    }
    if size > LARGEST.1 {
        found.add(codes::CELL_AMOUNT, "/data", "a ConfigMap of more than 1 MiB");
    }
}

/// Every key and every text.
fn texts(value: &Value, at: &str, found: &mut Finder) {
    match value {
        Value::String(text) if !syntax::survives_kustomize(text) => {
            found.add(
                codes::CELL_TEXT,
                at,
                "control characters, or a tab at the start, which kustomize refuses or changes",
            );
        }
        Value::Array(list) => {
            for (place, item) in list.iter().enumerate() {
                texts(item, &format!("{at}/{place}"), found);
            }
        }
        Value::Object(map) => {
            for (key, inner) in map {
                let here = format!("{at}/{}", escape(key));
                if key == "<<" || !syntax::survives_kustomize(key) {
                    found.add(codes::CELL_TEXT, &here, "a key that kustomize refuses or loses");
                }
                texts(inner, &here, found);
            }
        }
        _ => {}
    }
}

/// What claims ask for.
fn claims(found: &mut Finder) {
    let mut claims: Vec<String> =
        items(found.object, "/spec/volumeClaimTemplates").into_iter().map(|(at, _)| at).collect();
    if kind(found.object) == "PersistentVolumeClaim" {
        claims.push(String::new());
    }
    for claim in claims {
        amounts(found, &format!("{claim}/spec/resources/requests"));
        amounts(found, &format!("{claim}/spec/resources/limits"));
    }
}

/// That every value of a map is an amount.
pub(super) fn amounts(found: &mut Finder, map: &str) {
    for (at, key, value) in entries(found.object, map) {
        amount(found, &at, key, value);
    }
}

/// That a value is an amount, and not below 0.
pub(super) fn amount(found: &mut Finder, at: &str, what: &str, value: &Value) {
    match read_amount(value) {
        Some(amount) if amount >= 0.0 => {}
        Some(_) => found.add(codes::CELL_AMOUNT, at, format!("less than no {what}")),
        None => {
            let help = "as 100m, 0.5, 2Gi or 500M";
            found.advise(codes::CELL_AMOUNT, at, format!("{value} is no amount of {what}"), help);
        }
    }
}

/// An amount, written as text or as a number.
pub(super) fn read_amount(value: &Value) -> Option<f64> {
    value.as_f64().or_else(|| value.as_str().and_then(syntax::quantity))
}

/// That no object is there twice, and that there is one Namespace.
pub(super) fn check_all(objects: &[Value], violations: &mut Vec<Violation>) {
    let mut seen = BTreeMap::new();
    for object in objects {
        let group = object["apiVersion"].as_str().and_then(|it| it.rsplit_once('/')).map_or("", |(group, _)| group);
        let first = seen.insert((group, kind(object), name(object)), object).is_none();
        let mut found = Finder::new(object, violations);
        if !first {
            found.add(codes::CELL_TWICE, "/metadata/name", "another object has this kind and name");
        } else if kind(object) == "Namespace" && seen.keys().filter(|(_, kind, _)| *kind == "Namespace").count() > 1 {
            found.add(codes::CELL_KIND, "", "a second Namespace");
        }
    }
}
