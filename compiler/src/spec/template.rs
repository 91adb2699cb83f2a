use std::time::Duration;

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::{Deserialize, Serialize};

use super::{Family, Quantity};

/// A scalar that may hold `{{ expression }}`; it gets its value when a cell is planned.
///
/// A text that is one `{{ expression }}` keeps the type of the expression's value.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Template(pub serde_json::Value);

impl Template {
    /// A template that holds plain text.
    pub fn text(text: &str) -> Self {
        Self(serde_json::Value::String(text.to_owned()))
    }

    /// A duration that depends on no axis: text with a unit, or 0.
    pub fn duration(&self) -> Option<Duration> {
        if self.0.as_u64() == Some(0) {
            return Some(Duration::ZERO);
        }
        Quantity::of(Family::Duration, self.0.as_str()?).map(|quantity| Duration::from_nanos(quantity.base))
    }

    /// Whether there is anything to evaluate.
    pub fn is_expression(&self) -> bool {
        self.0.as_str().is_some_and(|text| text.contains("{{"))
    }
}

impl JsonSchema for Template {
    fn schema_name() -> std::borrow::Cow<'static, str> {
        "Template".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({ "description": "A value, or `{{ expression }}` over the axes.", "type": ["string", "number"] })
    }
}
