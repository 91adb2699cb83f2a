use std::fmt;

use serde_json::{Map, Value};

use crate::spec::Quantity;

/// One value of an axis.
#[derive(Debug, Clone, PartialEq)]
pub enum Level {
    /// A whole number; decimals without a fraction become one.
    Whole(i64),
    /// Another number.
    Decimal(f64),
    /// A word.
    Text(String),
    /// True or false.
    Bool(bool),
    /// A number with a unit.
    Quantity(Quantity),
    /// An object with a `name`.
    Object(Map<String, Value>),
}

impl Level {
    /// What identity is computed from: quantities in base units.
    pub fn canonical(&self) -> Value {
        match self {
            Self::Whole(number) => Value::from(*number),
            Self::Decimal(number) => Value::from(*number),
            Self::Text(text) => Value::from(text.as_str()),
            Self::Bool(value) => Value::from(*value),
            Self::Quantity(quantity) => Value::from(quantity.base),
            Self::Object(map) => Value::Object(map.clone()),
        }
    }

    /// What expressions see: a quantity is a number of bytes, bits a second, or seconds.
    pub fn value(&self) -> Value {
        match self {
            Self::Quantity(quantity) => quantity.value(),
            Self::Object(map) => map.iter().map(|(key, value)| (key.clone(), value.clone())).collect(),
            other => other.canonical(),
        }
    }
}

impl fmt::Display for Level {
    /// As people read it; an object by its name.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Whole(number) => write!(f, "{number}"),
            Self::Decimal(number) => write!(f, "{number}"),
            Self::Text(text) => f.write_str(text),
            Self::Bool(value) => write!(f, "{value}"),
            Self::Quantity(quantity) => write!(f, "{quantity}"),
            Self::Object(map) => f.write_str(map.get("name").and_then(Value::as_str).unwrap_or_default()),
        }
    }
}
