//! What a file's form can't say: names, quantities, expressions, sums that must come out.
//!
//! In: a document, whatever its form (what has the wrong type has been reported). Out: diagnostics.

mod compare;
mod expressions;
mod lab;
mod limits;
mod names;
mod quantities;
mod system;

use std::collections::BTreeSet;

use serde_json::Value;

use super::document::pointer_part;
use super::{Advised, Diagnostic, Document};

pub use expressions::{condition_errors, system_names};

/// Words that no axis may have for a name: those of the expression language, and those we define.
pub const RESERVED_WORDS: [&str; 19] = [
    "not",
    "and",
    "or",
    "in",
    "is",
    "if",
    "else",
    "true",
    "false",
    "none",
    "size",
    "rate",
    "duration",
    "percentage",
    "host",
    "data",
    "measure",
    "group",
    "loop",
];

/// Checks a scenario.
pub(super) fn scenario(document: &Document, diagnostics: &mut Vec<Diagnostic>) {
    if !limits::scenario(document, diagnostics) {
        return;
    }
    names::scenario(document, diagnostics);
    quantities::scenario(document, diagnostics);
    expressions::scenario(document, diagnostics);
    compare::scenario(document, diagnostics);
}

/// Checks a lab.
pub(super) fn lab(document: &Document, diagnostics: &mut Vec<Diagnostic>) {
    names::lab(document, diagnostics);
    quantities::lab(document, diagnostics);
    lab::lab(document, diagnostics);
}

/// Checks a system.
pub(super) fn system(document: &Document, diagnostics: &mut Vec<Diagnostic>) {
    names::system(document, diagnostics);
    quantities::system(document, diagnostics);
    system::system(document, diagnostics);
    expressions::system(document, diagnostics);
}

/// Names of a scenario's axes: the keys of `axes`, or of the first included combination.
pub fn axes(tree: &Value) -> BTreeSet<&str> {
    let keys =
        |pointer| tree.pointer(pointer).and_then(Value::as_object).map(|map| map.keys().map(String::as_str).collect());
    keys("/spec/axes").or_else(|| keys("/spec/include/0")).unwrap_or_default()
}

/// Values at a pointer in which `*` stands for every key or index, with their pointers.
fn each<'t>(tree: &'t Value, pattern: &str) -> Vec<(String, &'t Value)> {
    let mut found = vec![(String::new(), tree)];
    for part in pattern.split('/').skip(1) {
        found = found.into_iter().flat_map(|(pointer, value)| step(&pointer, value, part)).collect();
    }
    found
}

fn step<'t>(pointer: &str, value: &'t Value, part: &str) -> Vec<(String, &'t Value)> {
    match (value, part) {
        (Value::Object(map), "*") => {
            map.iter().map(|(key, value)| (format!("{pointer}/{}", pointer_part(key)), value)).collect()
        }
        (Value::Array(items), "*") => {
            items.iter().enumerate().map(|(index, value)| (format!("{pointer}/{index}"), value)).collect()
        }
        (Value::Object(map), key) => {
            map.get(key).map(|value| (format!("{pointer}/{key}"), value)).into_iter().collect()
        }
        _ => Vec::new(),
    }
}

/// The last part of a pointer, as it was written.
fn last(pointer: &str) -> String {
    pointer.rsplit('/').next().unwrap_or_default().replace("~1", "/").replace("~0", "~")
}
