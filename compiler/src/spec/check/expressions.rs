use std::collections::BTreeSet;

use serde_json::Value;

use super::{Advised, Diagnostic, Document, axes, each};
use crate::spec::expression::{Expression, Piece, Reference, pieces, references};
use crate::spec::{ExpressionError, MOST_SAID, codes, suggest};

/// What `measure`, `group` and `data` have.
const ATTRIBUTES: [(&str, &[&str]); 3] = [
    ("measure", &["fileSize", "seeders", "trials", "repetitions", "warmup", "transfers"]),
    ("group", &["name", "replicas", "role"]),
    ("data", &["size"]),
];
const QUANTITIES: [&str; 4] = ["size", "rate", "duration", "percentage"];

/// Names and functions that an expression may use.
#[derive(Clone)]
struct Known<'a> {
    /// None: any, they are not known yet.
    names: Option<BTreeSet<&'a str>>,
    settings: bool,
}

pub(super) fn scenario(document: &Document, diagnostics: &mut Vec<Diagnostic>) {
    let known = Known { names: Some(axes(&document.tree)), settings: false };
    let settings = Known { settings: true, ..known.clone() };
    for pattern in ["/spec/exclude/*/when", "/spec/systems/*/when"] {
        for (pointer, value) in each(&document.tree, pattern) {
            if let Some(text) = value.as_str() {
                condition(document, &pointer, text, &known, diagnostics);
            }
        }
    }
    for (pointer, value) in each(&document.tree, "/spec/measure") {
        texts(document, &pointer, value, &known, diagnostics);
    }
    for (pointer, value) in each(&document.tree, "/spec/systems/*/groups/*/*") {
        let known = match super::last(&pointer).as_str() {
            "patches" => continue,
            "replicas" | "network" | "resources" => &known,
            _ => &settings,
        };
        texts(document, &pointer, value, known, diagnostics);
    }
}

/// A system by itself: names that may be axes pass.
pub(super) fn system(document: &Document, diagnostics: &mut Vec<Diagnostic>) {
    let known = Known { names: None, settings: true };
    system_texts(document, &known, diagnostics);
}

/// A system within a scenario: names that are none of the scenario's axes.
pub fn system_names(document: &Document, axes: &BTreeSet<&str>, diagnostics: &mut Vec<Diagnostic>) {
    let known = Known { names: Some(axes.clone()), settings: true };
    system_texts(document, &known, diagnostics);
}

/// What is wrong with a scenario's condition before any cell is looked at.
pub fn condition_errors(document: &Document, pointer: &str, text: &str) -> Vec<Diagnostic> {
    let known = Known { names: Some(axes(&document.tree)), settings: false };
    let mut diagnostics = Vec::new();
    condition(document, pointer, text, &known, &mut diagnostics);
    diagnostics
}

fn system_texts(document: &Document, known: &Known<'_>, diagnostics: &mut Vec<Diagnostic>) {
    for pattern in ["/spec/data/size", "/spec/env", "/spec/args", "/spec/roles", "/spec/process"] {
        for (pointer, value) in each(&document.tree, pattern) {
            texts(document, &pointer, value, known, diagnostics);
        }
    }
}

/// Every text at or below a value.
fn texts(document: &Document, pointer: &str, value: &Value, known: &Known<'_>, diagnostics: &mut Vec<Diagnostic>) {
    match value {
        _ if diagnostics.len() >= MOST_SAID => {}
        Value::String(text) => match pieces(text) {
            Ok(pieces) => {
                for piece in &pieces {
                    if let Piece::Expression(expression) = piece {
                        names(document, pointer, expression, known, diagnostics);
                    }
                }
            }
            Err(error) => diagnostics.push(document.at_expression(codes::EXPRESSION_SYNTAX, pointer, &error)),
        },
        Value::Array(_) | Value::Object(_) => {
            for (below, value) in each(value, "/*") {
                texts(document, &format!("{pointer}{below}"), value, known, diagnostics);
            }
        }
        _ => {}
    }
}

/// A bare expression; braces are an error whose fix is to leave them out.
fn condition(document: &Document, pointer: &str, text: &str, known: &Known<'_>, diagnostics: &mut Vec<Diagnostic>) {
    if text.contains("{{") {
        let inner = text.trim().strip_prefix("{{").and_then(|rest| rest.strip_suffix("}}")).map(str::trim);
        let mut error = ExpressionError::new("`when` is an expression already, without `{{ }}`", 0..text.len());
        error.fix = inner.filter(|inner| !inner.contains("{{")).map(str::to_owned);
        diagnostics.push(document.at_expression(codes::BRACES, pointer, &error));
        return;
    }
    match Expression::parse(text, 0) {
        Ok(expression) => names(document, pointer, &expression, known, diagnostics),
        Err(error) => diagnostics.push(document.at_expression(codes::EXPRESSION_SYNTAX, pointer, &error)),
    }
}

fn names(
    document: &Document,
    pointer: &str,
    expression: &Expression<'_>,
    known: &Known<'_>,
    diagnostics: &mut Vec<Diagnostic>,
) {
    for reference in references(&expression.tree) {
        let span = expression.offset + reference.span.start..expression.offset + reference.span.end;
        if let Some((message, near)) = known.refuses(&reference) {
            let error = ExpressionError::new(message, span).meant(near);
            diagnostics.push(document.at_expression(codes::UNKNOWN_NAME, pointer, &error));
        }
    }
}

impl Known<'_> {
    /// Why a name can't be used here, and what may be meant.
    fn refuses(&self, reference: &Reference<'_>) -> Option<(String, Option<String>)> {
        let name = reference.name;
        if reference.call {
            let functions: Vec<_> = QUANTITIES.into_iter().chain(self.settings.then_some("host")).collect();
            let near = suggest(name, functions.iter().copied()).map(str::to_owned);
            return (!functions.contains(&name)).then(|| {
                let message = format!("unknown function `{name}`; there are {}", functions.join(", "));
                (message, near)
            });
        }
        let attributes = ATTRIBUTES.iter().find(|(owner, _)| *owner == name).filter(|_| self.settings);
        if let Some((_, attributes)) = attributes {
            let attribute = reference.attribute?;
            let near = suggest(attribute, attributes.iter().copied()).map(|near| format!("{name}.{near}"));
            return (!attributes.contains(&attribute)).then(|| (format!("`{name}` has no `{attribute}`"), near));
        }
        let names = self.names.as_ref()?;
        if names.contains(name) {
            return None;
        }
        let listed: Vec<_> = names.iter().map(|name| format!("`{name}`")).collect();
        let attribute = reference.attribute.map(|attribute| format!(".{attribute}")).unwrap_or_default();
        let near = suggest(name, names.iter().copied()).map(|near| format!("{near}{attribute}"));
        let message = format!("unknown name `{name}`; the axes are {}", listed.join(", "));
        Some((if listed.is_empty() { format!("unknown name `{name}`") } else { message }, near))
    }
}
