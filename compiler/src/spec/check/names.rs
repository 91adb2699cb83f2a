use std::collections::BTreeMap;

use super::{Diagnostic, Document, each, last};
use crate::spec::{MOST_SAID, codes};

/// Names that the cell's own parts have.
const TAKEN: [&str; 4] = ["coordinator", "tracker", "agent", "benchgrid"];
/// Pods of a StatefulSet carry its name and eleven more characters in a label of 63.
const LONGEST_WORKLOAD: usize = 52;

pub(super) fn scenario(document: &Document, diagnostics: &mut Vec<Diagnostic>) {
    metadata(document, 50, diagnostics);
    let mut workloads: BTreeMap<String, String> = BTreeMap::new();
    for (pointer, _) in each(&document.tree, "/spec/systems/*") {
        part(document, &pointer, diagnostics);
        let system = last(&pointer);
        for (pointer, _) in each(document.tree.pointer(&pointer).unwrap_or_default(), "/groups/*") {
            let pointer = format!("/spec/systems/{}{pointer}", super::pointer_part(&system));
            part(document, &pointer, diagnostics);
            let group = last(&pointer);
            let workload = format!("{system}-{group}");
            if workload.len() > LONGEST_WORKLOAD {
                let message = format!("`{workload}` has {} characters, at most {LONGEST_WORKLOAD} fit", workload.len());
                diagnostics.push(document.at_key(codes::BAD_NAME, &pointer, message));
            }
            let own = format!("system `{system}` with group `{group}`");
            if let Some(other) = workloads.insert(workload.clone(), own.clone()) {
                let message = format!("{own} and {other} both give nodes called `{workload}-<n>`");
                diagnostics.push(document.at_key(codes::NAME_CLASH, &pointer, message));
            }
        }
    }
}

pub(super) fn lab(document: &Document, diagnostics: &mut Vec<Diagnostic>) {
    metadata(document, 50, diagnostics);
    for pointer in ["/spec/argocd/namespace", "/spec/conductor/namespace", "/spec/grafana/namespace"] {
        label(document, pointer, 63, diagnostics);
    }
    for (pointer, _) in each(&document.tree, "/spec/pools/*") {
        let name = last(&pointer);
        if let Some(message) = dns_label(&name, 63, true) {
            diagnostics.push(with_fix(document.at_key(codes::BAD_NAME, &pointer, message), &name));
        }
    }
}

pub(super) fn system(document: &Document, diagnostics: &mut Vec<Diagnostic>) {
    metadata(document, 50, diagnostics);
    for pointer in ["/spec/workload", "/spec/container"] {
        label(document, pointer, 63, diagnostics);
    }
}

/// The object's own name.
fn metadata(document: &Document, longest: usize, diagnostics: &mut Vec<Diagnostic>) {
    label(document, "/metadata/name", longest, diagnostics);
}

/// A value that is a name.
fn label(document: &Document, pointer: &str, longest: usize, diagnostics: &mut Vec<Diagnostic>) {
    let Some(name) = document.tree.pointer(pointer).and_then(serde_json::Value::as_str) else { return };
    if let Some(message) = dns_label(name, longest, true) {
        let diagnostic = document.at_value(codes::BAD_NAME, pointer, message);
        diagnostics.push(with_fix(diagnostic, name));
    }
}

/// A key that is the name of a system or group.
fn part(document: &Document, pointer: &str, diagnostics: &mut Vec<Diagnostic>) {
    let name = last(pointer);
    if diagnostics.len() >= MOST_SAID {
        return;
    }
    if TAKEN.contains(&name.as_str()) {
        let message = format!("`{name}` is the name of a part of every cell");
        diagnostics.push(document.at_key(codes::BAD_NAME, pointer, message));
    } else if let Some(message) = dns_label(&name, 63, false) {
        diagnostics.push(with_fix(document.at_key(codes::BAD_NAME, pointer, message), &name));
    }
}

/// Why a name is no DNS label of this length; names of Services start with a letter.
fn dns_label(name: &str, longest: usize, digit_first: bool) -> Option<String> {
    let inner = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-';
    let wrong = if name.is_empty() {
        "a name must not be empty".to_owned()
    } else if let Some(c) = name.chars().find(|c| !inner(*c)) {
        format!("`{name}` holds `{c}`; names are lower-case letters, digits and `-`")
    } else if name.starts_with('-') || name.ends_with('-') {
        format!("`{name}` must start and end with a letter or digit")
    } else if !digit_first && name.starts_with(|c: char| c.is_ascii_digit()) {
        format!("`{name}` must start with a letter")
    } else if name.len() > longest {
        format!("`{name}` has {} characters, at most {longest} are allowed", name.len())
    } else {
        return None;
    };
    Some(wrong)
}

fn with_fix(mut diagnostic: Diagnostic, name: &str) -> Diagnostic {
    let better: String = name.to_lowercase().chars().map(|c| if c.is_ascii_alphanumeric() { c } else { '-' }).collect();
    let better = better.trim_matches('-');
    if better != name && dns_label(better, 50, false).is_none() {
        diagnostic.fix = Some(better.to_owned());
    }
    diagnostic
}
