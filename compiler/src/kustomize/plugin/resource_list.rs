use std::fmt::Write as _;

use serde_json::{Value, json};

use super::PluginError;
use crate::kustomize::{Violation, emit, kind, read_documents};

/// What Kustomize writes to a function.
#[derive(Debug, Clone, PartialEq)]
pub struct ResourceList {
    /// Objects.
    pub items: Vec<Value>,
    /// The function's configuration.
    pub config: Value,
}

const VERSION: &str = "config.kubernetes.io/v1";

impl ResourceList {
    /// Reads one; our own configuration among the items is not an object.
    pub fn read(text: &str) -> Result<Self, PluginError> {
        let mut documents = read_documents(text)?;
        let (Some(mut list), true) = (documents.pop(), documents.is_empty()) else { return Err(PluginError::NotAList) };
        if kind(&list) != "ResourceList" {
            return Err(PluginError::NotAList);
        }
        if list["apiVersion"] != VERSION {
            return Err(PluginError::OtherVersion(list["apiVersion"].as_str().unwrap_or_default().to_owned()));
        }
        let items = match list["items"].take() {
            Value::Array(items) => items,
            _ => Vec::new(),
        };
        Ok(Self { items, config: list["functionConfig"].take() })
    }
}

/// What a function answers.
pub fn reply(items: &[Value], results: &[Value]) -> String {
    let mut list = json!({"apiVersion": VERSION, "kind": "ResourceList", "items": items});
    if !results.is_empty() {
        list["results"] = json!(results);
    }
    emit(&list)
}

/// A violation as functions tell it.
pub fn result(violation: &Violation) -> Value {
    let message = match violation.help {
        Some(help) => format!("{}: {} ({help})", violation.code, violation.message),
        None => format!("{}: {}", violation.code, violation.message),
    };
    json!({
        "message": message,
        "severity": "error",
        "resourceRef": {"apiVersion": violation.api_version, "kind": violation.kind, "name": violation.name},
        "field": {"path": path(&violation.pointer)},
    })
}

/// A JSON pointer as functions write places: `spec.ports[0].name`.
fn path(pointer: &str) -> String {
    let mut path = String::new();
    for step in pointer.split('/').skip(1) {
        if !step.is_empty() && step.bytes().all(|b| b.is_ascii_digit()) {
            // writing to a String can't fail
            let _ = write!(path, "[{step}]");
            continue;
        }
        if !path.is_empty() {
            path.push('.');
        }
        path += &step.replace("~1", "/").replace("~0", "~");
    }
    path
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn places() {
        assert_eq!(path("/spec/ports/0/name"), "spec.ports[0].name");
        assert_eq!(path("/metadata/labels/benchgrid.io~1lab"), "metadata.labels.benchgrid.io/lab");
        assert_eq!(path(""), "");
    }

    #[test]
    fn what_is_no_list() {
        for text in ["", "a: 1\n", "kind: ResourceList\n---\nkind: ResourceList\n"] {
            assert_eq!(ResourceList::read(text), Err(PluginError::NotAList), "{text}");
        }
        let old = "apiVersion: config.kubernetes.io/v1beta1\nkind: ResourceList\n";
        assert!(matches!(ResourceList::read(old), Err(PluginError::OtherVersion(_))));
        assert!(matches!(ResourceList::read("a: yes\n"), Err(PluginError::Yaml(_))));
    }
}
