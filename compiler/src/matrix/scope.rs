use std::collections::BTreeMap;

use serde_json::Value;

use super::{ExpressionError, Levels};
use crate::spec::Template;

/// What an expression sees: the levels of one cell, and what the caller adds.
#[derive(Debug, Clone, Default)]
pub struct Scope {
    pub(super) values: BTreeMap<String, Value>,
    pub(super) hosts: Option<String>,
}

impl Scope {
    /// The axes of a cell; quantities as numbers of base units.
    pub fn new(levels: &Levels) -> Self {
        let values = levels.iter().map(|(axis, level)| (axis.clone(), level.value())).collect();
        Self { values, hosts: None }
    }

    /// One more name: `measure`, `group`, `data`.
    #[must_use]
    pub fn with(mut self, name: &str, value: Value) -> Self {
        self.values.insert(name.to_owned(), value);
        self
    }

    /// The function `host(group, n)`: host name of a node of this system.
    #[must_use]
    pub fn with_hosts(mut self, system: &str) -> Self {
        self.hosts = Some(system.to_owned());
        self
    }

    /// The template's value. A text that is one `{{ expression }}` keeps the type; whole decimals become whole numbers.
    pub fn evaluate(&self, _template: &Template) -> Result<Value, ExpressionError> {
        todo!()
    }

    /// A bare expression that must yield true or false.
    pub fn condition(&self, _expression: &str) -> Result<bool, ExpressionError> {
        todo!()
    }
}
