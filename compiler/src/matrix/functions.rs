use serde_json::Value;

use super::operators;
use crate::spec::{Family, Quantity, QuantityError};

/// Calls a function, or says why it can't be called so.
pub(super) fn call(function: &str, args: &[Value], system: Option<&str>) -> Result<Value, String> {
    match (function, system) {
        ("size", _) => quantity(Family::Size, args),
        ("rate", _) => quantity(Family::Rate, args),
        ("duration", _) => quantity(Family::Duration, args),
        ("host", Some(system)) => host(system, args),
        ("host", None) => Err("`host` is only known to a system's own settings".to_owned()),
        _ => Err(format!("unknown function `{function}`")),
    }
}

fn quantity(family: Family, args: &[Value]) -> Result<Value, String> {
    let function = family.name();
    let [Value::String(text)] = args else {
        return Err(format!("`{function}` takes one text, as in `{function}(\"{}\")`", family.example()));
    };
    let quantity: Quantity = text
        .parse()
        .map_err(|error: QuantityError| format!("{error}; a {function} is written like `{}`", family.example()))?;
    if quantity.family == family {
        Ok(quantity.value())
    } else {
        Err(format!("`{text}` is no {function}; `{}` is", family.example()))
    }
}

fn host(system: &str, args: &[Value]) -> Result<Value, String> {
    let wrong = || "`host` takes a group and a number, as in `host('bootstrap', 0)`".to_owned();
    let [Value::String(group), number] = args else { return Err(wrong()) };
    let number = operators::whole_decimal(number).as_u64().ok_or_else(wrong)?;
    Ok(Value::String(format!("{system}-{group}-{number}.{system}-{group}")))
}
