//! Forms that schemas show for fields whose values are read by hand.

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};

/// A level of an axis.
pub(super) struct LevelForm;

impl JsonSchema for LevelForm {
    fn schema_name() -> std::borrow::Cow<'static, str> {
        "Level".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({
            "description": "A number, a word, a boolean, a quantity such as `100MB`, or an object with a `name`.",
            "examples": [8, "codex", "100MB", {"name": "fast", "up": "1Gbit", "down": "1Gbit"}],
            "type": ["string", "number", "boolean", "object"],
        })
    }
}

/// A link.
pub(super) struct NetworkForm;

impl JsonSchema for NetworkForm {
    fn schema_name() -> std::borrow::Cow<'static, str> {
        "Network".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        let quantity = |text: &str, example: &str| serde_json::json!({"description": text, "type": ["string", "number"], "examples": [example]});
        json_schema!({
            "description": "The link of a node, `unshaped`, or an expression that yields an object level.",
            "anyOf": [
                {"type": "string"},
                {
                    "type": "object",
                    "additionalProperties": false,
                    "required": ["up", "down"],
                    "properties": {
                        "up": quantity("Rate of what the node sends.", "20Mbit"),
                        "down": quantity("Rate of what the node receives.", "20Mbit"),
                        "latency": quantity("Latency one way, added when the node sends.", "5ms"),
                        "loss": quantity("Share of the packets the node sends that are lost, less than 100%.", "0.1%"),
                    },
                },
            ],
        })
    }
}

/// A scalar.
pub(super) struct Scalar;

impl JsonSchema for Scalar {
    fn schema_name() -> std::borrow::Cow<'static, str> {
        "Scalar".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({
            "description": "A number, a word, a boolean or a quantity; of an object level, its `name`.",
            "type": ["string", "number", "boolean"],
        })
    }
}
