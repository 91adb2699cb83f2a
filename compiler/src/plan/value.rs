//! Values of a cell: what an expression or a plain scalar comes to.

use serde_json::Value;

use super::{Subject, Trouble};
use crate::matrix::{Scope, printed};
use crate::spec::{Family, Quantity, Template, codes};

/// Bytes, rounded up.
pub(super) struct Size(pub(super) u64);

/// Bits a second.
pub(super) struct Rate(pub(super) u64);

/// Seconds.
pub(super) struct Seconds(pub(super) f64);

/// A part of one, less than all of it.
pub(super) struct Loss(pub(super) f64);

/// A whole number that is not negative.
pub(super) struct Whole(pub(super) u32);

/// Text; numbers and booleans as they print.
pub(super) struct Text(pub(super) String);

/// A value of a field, from what an expression yields or a file holds.
pub(super) trait FromValue: Sized {
    /// What is wanted, as messages say it.
    const WANTED: &'static str;
    /// Whether a plain number has no unit.
    const UNIT: bool = false;
    /// The value; none if it is something else.
    fn from_value(value: &Value) -> Option<Self>;
}

#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "checked: at least 0, and sizes stay below 2^63"
)]
fn whole_up(value: &Value, family: Family) -> Option<u64> {
    match value {
        Value::Number(number) => number.as_u64().or_else(|| {
            let number = number.as_f64().filter(|number| (0.0..9e18).contains(number))?;
            Some(number.ceil() as u64)
        }),
        Value::String(text) => Quantity::of(family, text).map(|quantity| quantity.base),
        _ => None,
    }
}

impl FromValue for Size {
    const WANTED: &'static str = "a size such as 100MB";
    const UNIT: bool = true;
    fn from_value(value: &Value) -> Option<Self> {
        whole_up(value, Family::Size).map(Self)
    }
}

impl FromValue for Rate {
    const WANTED: &'static str = "a rate such as 100Mbit, more than 0";
    const UNIT: bool = true;
    fn from_value(value: &Value) -> Option<Self> {
        whole_up(value, Family::Rate).filter(|rate| *rate > 0).map(Self)
    }
}

impl FromValue for Seconds {
    const WANTED: &'static str = "a duration such as 30s or 5ms";
    const UNIT: bool = true;
    fn from_value(value: &Value) -> Option<Self> {
        match value {
            Value::Number(number) => number.as_f64().filter(|number| *number >= 0.0).map(Self),
            Value::String(text) => Quantity::of(Family::Duration, text).map(|quantity| Self(quantity.number())),
            _ => None,
        }
    }
}

impl FromValue for Loss {
    const WANTED: &'static str = "a percentage such as 0.1%, less than 100%";
    const UNIT: bool = true;
    fn from_value(value: &Value) -> Option<Self> {
        let part = match value {
            Value::Number(number) => number.as_f64(),
            Value::String(text) => Quantity::of(Family::Percentage, text).map(Quantity::number),
            _ => None,
        };
        part.filter(|part| (0.0..1.0).contains(part)).map(Self)
    }
}

impl FromValue for Whole {
    const WANTED: &'static str = "a whole number, 0 or more";
    fn from_value(value: &Value) -> Option<Self> {
        value.as_u64().and_then(|number| u32::try_from(number).ok()).map(Self)
    }
}

impl FromValue for Text {
    const WANTED: &'static str = "text";
    fn from_value(value: &Value) -> Option<Self> {
        printed(value).ok().map(Self)
    }
}

/// Where a value stands: a file, and a JSON pointer in it.
#[derive(Debug, Clone)]
pub(crate) struct Spot {
    pub(super) subject: Subject,
    pub(super) pointer: String,
}

impl Spot {
    pub(super) fn new(subject: &Subject, pointer: impl Into<String>) -> Self {
        Self { subject: subject.clone(), pointer: pointer.into() }
    }

    pub(super) fn trouble(&self, code: &'static str, message: impl Into<String>) -> Trouble {
        Trouble::new(code, self.subject.clone(), self.pointer.clone(), message)
    }
}

/// The template's value in this scope, as what the field wants.
pub(super) fn resolve<T: FromValue>(scope: &Scope, template: &Template, spot: &Spot) -> Result<T, Trouble> {
    let value = evaluate(scope, template, spot)?;
    if T::UNIT && !template.is_expression() && value.is_number() && value != 0 {
        return Err(spot.trouble(codes::NO_UNIT, format!("{value} has no unit; wanted is {}", T::WANTED)));
    }
    wanted(&value, spot)
}

/// What a value is, as what the field wants.
pub(super) fn wanted<T: FromValue>(value: &Value, spot: &Spot) -> Result<T, Trouble> {
    T::from_value(value).ok_or_else(|| spot.trouble(codes::NOT_WANTED, format!("{value} is not {}", T::WANTED)))
}

/// The template's value in this scope.
pub(super) fn evaluate(scope: &Scope, template: &Template, spot: &Spot) -> Result<Value, Trouble> {
    scope.evaluate(template).map_err(|error| {
        let trouble = spot.trouble(codes::EVALUATION, error.message);
        match (error.help, error.fix) {
            (Some(help), _) => trouble.help(help),
            (None, Some(fix)) => trouble.help(format!("write `{fix}`")),
            (None, None) => trouble,
        }
    })
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn numbers_in_texts_are_plain() {
        for (value, text) in [(json!(4.0), "4"), (json!(0.5), "0.5"), (json!(1e-7), "0.0000001"), (json!(true), "true")]
        {
            assert_eq!(Text::from_value(&value).map(|text| text.0).as_deref(), Some(text));
        }
        assert!(Text::from_value(&json!([1])).is_none());
    }
}
