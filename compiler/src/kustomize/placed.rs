use std::collections::BTreeSet;

use serde_json::Value;

use super::{BaseTrouble, free_text, kind, name};
use crate::spec::{Severity, codes};

/// Annotations that make a resource something that Argo CD or Helm runs at a certain moment.
const HOOKS: [&str; 2] = ["argocd.argoproj.io/hook", "helm.sh/hook"];

/// A base's objects without the namespace that it gives them: a cell has its own.
pub(super) fn placed(mut objects: Vec<Value>) -> (Vec<Value>, Vec<BaseTrouble>) {
    let mut troubles = Vec::new();
    let namespaces: BTreeSet<String> =
        objects.iter().filter_map(|object| object["metadata"]["namespace"].as_str().map(str::to_owned)).collect();
    if namespaces.len() > 1 {
        let list = namespaces.iter().map(String::as_str).collect::<Vec<_>>().join(", ");
        let message = format!("the base has objects in several namespaces: {list}");
        let help = "everything of a base is in the cell's namespace";
        troubles.push(BaseTrouble::of_base(codes::NAMESPACES, Severity::Error, message, help));
    }
    let accounts: BTreeSet<String> = objects
        .iter()
        .filter(|object| kind(object) == "ServiceAccount")
        .map(|object| name(object).to_owned())
        .chain(["default".to_owned()])
        .collect();
    for object in &mut objects {
        leave(object, &namespaces, &accounts);
    }
    for namespace in &namespaces {
        troubles.extend(free_text::namespace(&objects, namespace));
    }
    troubles.extend(twice(&objects));
    troubles.extend(objects.iter().filter_map(hook));
    (objects, troubles)
}

/// Takes an object, and the accounts of the base that it names, out of their namespace.
fn leave(object: &mut Value, namespaces: &BTreeSet<String>, accounts: &BTreeSet<String>) {
    if let Some(metadata) = object["metadata"].as_object_mut() {
        metadata.remove("namespace");
        // kustomize prints no empty ones
        metadata.retain(|key, value| key != "annotations" || value.as_object().is_none_or(|map| !map.is_empty()));
    }
    for subject in object.get_mut("subjects").and_then(Value::as_array_mut).into_iter().flatten() {
        let ours = subject["kind"] == "ServiceAccount"
            && subject["name"].as_str().is_some_and(|name| accounts.contains(name))
            && subject["namespace"].as_str().is_some_and(|namespace| namespaces.contains(namespace));
        if let (true, Some(subject)) = (ours, subject.as_object_mut()) {
            subject.remove("namespace");
        }
    }
}

/// Objects that can't both be in one namespace.
fn twice(objects: &[Value]) -> Vec<BaseTrouble> {
    let mut seen = BTreeSet::new();
    let group = |object: &Value| {
        let version = object["apiVersion"].as_str().unwrap_or_default();
        version.rsplit_once('/').map_or(String::new(), |(group, _)| group.to_owned())
    };
    let again = objects.iter().filter(|object| !seen.insert((group(object), kind(object), name(object))));
    again
        .map(|object| {
            let message = format!("the base has two objects {} `{}`", kind(object), name(object));
            BaseTrouble::of_base(codes::SAME_NAME, Severity::Error, message, "remove one, or rename it")
        })
        .collect()
}

fn hook(object: &Value) -> Option<BaseTrouble> {
    let annotations = object["metadata"]["annotations"].as_object()?;
    let hook = HOOKS.iter().find(|hook| annotations.contains_key(**hook))?;
    let message = format!("the base's {} `{}` is a hook: it has the annotation {hook}", kind(object), name(object));
    let help = "everything in a cell is a plain resource; what prepares a node is an init container";
    Some(BaseTrouble::of_base(codes::HOOK, Severity::Error, message, help))
}
