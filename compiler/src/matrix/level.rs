use std::fmt;

use serde_json::{Map, Value};

use crate::spec::{Family, Quantity, QuantityError, mend};

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
            Self::Quantity(quantity) => quantity.value(),
            Self::Object(map) => {
                let attributes = map.iter().map(|(key, value)| {
                    let value = if key == "name" { value.clone() } else { base_units(value) };
                    (key.clone(), value)
                });
                attributes.collect()
            }
        }
    }

    /// What expressions see: a quantity is a number of bytes, bits a second, or seconds.
    pub fn value(&self) -> Value {
        match self {
            Self::Object(map) => Value::Object(map.clone()),
            other => other.canonical(),
        }
    }

    /// Reads a level; `plain` where it was written without quotes, so that a misspelt unit is not taken for a word.
    pub(super) fn read(value: &Value, plain: bool) -> Result<Self, LevelError> {
        match value {
            Value::Number(number) => match (number.as_i64(), number.as_f64()) {
                (Some(whole), _) => Ok(Self::Whole(whole)),
                (None, Some(decimal)) => Ok(Self::Decimal(decimal)),
                (None, None) => Err(LevelError::Unusable("the number is too large".to_owned())),
            },
            Value::Bool(value) => Ok(Self::Bool(*value)),
            Value::String(text) if text.is_empty() => Err(LevelError::Unusable("a level must not be empty".to_owned())),
            Value::String(text) => match text.parse::<Quantity>() {
                Ok(quantity) => Ok(Self::Quantity(quantity)),
                Err(error) => misspelt(text, error, plain).map_or_else(|| Ok(Self::Text(text.clone())), Err),
            },
            Value::Object(map) => match map.get("name").and_then(Value::as_str) {
                Some(name) if !name.is_empty() => Ok(Self::Object(map.clone())),
                _ => Err(LevelError::Unusable("an object level needs a `name` that is text".to_owned())),
            },
            Value::Null => Err(LevelError::Unusable("a level must not be empty".to_owned())),
            Value::Array(_) => Err(LevelError::Unusable("a list can't be a level".to_owned())),
        }
    }

    /// Its type, as messages say it. Levels of one axis have one.
    pub fn kind(&self) -> &'static str {
        match self {
            Self::Whole(_) | Self::Decimal(_) => "a number",
            Self::Text(_) => "text",
            Self::Bool(_) => "a boolean",
            Self::Quantity(quantity) => match quantity.family {
                Family::Size => "a size",
                Family::Rate => "a rate",
                Family::Duration => "a duration",
                Family::Percentage => "a percentage",
            },
            Self::Object(_) => "an object",
        }
    }

    /// A text that two levels of one axis share where they are the same: objects by their names.
    pub(super) fn sameness(&self) -> String {
        match self {
            Self::Object(_) => self.to_string(),
            _ => self.canonical().to_string(),
        }
    }
}

/// Why a value is no level.
pub(super) enum LevelError {
    /// A number with a unit that is none.
    Quantity { error: QuantityError, fix: Option<String> },
    /// Anything else.
    Unusable(String),
}

/// A plain `2 GB` or `5mb` is a slip, not a word.
fn misspelt(text: &str, error: QuantityError, plain: bool) -> Option<LevelError> {
    let fix = match &error {
        QuantityError::UnknownUnit { meant: Some(_), .. } if plain => mend(text),
        QuantityError::NotWhole(..) => None,
        _ => return None,
    };
    Some(LevelError::Quantity { error, fix })
}

/// An attribute of an object level, for identity: 1000Mbit is 1Gbit.
fn base_units(value: &Value) -> Value {
    match value {
        Value::String(text) => text.parse::<Quantity>().map_or_else(|_| value.clone(), Quantity::value),
        Value::Array(items) => items.iter().map(base_units).collect(),
        Value::Object(map) => map.iter().map(|(key, value)| (key.clone(), base_units(value))).collect(),
        other => other.clone(),
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
