use serde_json::Value;

use crate::kustomize::{kind, name};

/// One breach of the cell contract.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Violation {
    /// Stable code, `BG0630`.
    pub code: &'static str,
    /// `apiVersion` of the object.
    pub api_version: String,
    /// Its kind.
    pub kind: String,
    /// Its name.
    pub name: String,
    /// JSON pointer within it.
    pub pointer: String,
    /// What is wrong, a lower-case fragment without a full stop.
    pub message: String,
    /// Why, or what to do.
    pub help: Option<&'static str>,
}

/// Collects what is wrong with one object.
pub(super) struct Finder<'a, 'v> {
    pub(super) object: &'a Value,
    violations: &'v mut Vec<Violation>,
}

impl<'a, 'v> Finder<'a, 'v> {
    pub(super) fn new(object: &'a Value, violations: &'v mut Vec<Violation>) -> Self {
        Self { object, violations }
    }

    pub(super) fn add(&mut self, code: &'static str, pointer: impl Into<String>, message: impl Into<String>) {
        self.violations.push(Violation {
            code,
            api_version: self.object["apiVersion"].as_str().unwrap_or_default().to_owned(),
            kind: kind(self.object).to_owned(),
            name: name(self.object).to_owned(),
            pointer: pointer.into(),
            message: message.into(),
            help: None,
        });
    }

    /// The same with advice.
    pub(super) fn advise(
        &mut self,
        code: &'static str,
        pointer: impl Into<String>,
        message: impl Into<String>,
        help: &'static str,
    ) {
        self.add(code, pointer, message);
        if let Some(last) = self.violations.last_mut() {
            last.help = Some(help);
        }
    }
}
