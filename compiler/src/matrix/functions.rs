use serde_json::Value;

use super::{operators, scope::Hosts};
use crate::spec::{Family, Quantity, QuantityError};

/// Calls a function, or says why it can't be called so.
pub(super) fn call(function: &str, args: &[Value], hosts: Option<&Hosts>) -> Result<Value, String> {
    match (function, hosts) {
        ("size", _) => quantity(Family::Size, args),
        ("rate", _) => quantity(Family::Rate, args),
        ("duration", _) => quantity(Family::Duration, args),
        ("percentage", _) => quantity(Family::Percentage, args),
        ("host", Some(hosts)) => host(hosts, args),
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

fn host(hosts: &Hosts, args: &[Value]) -> Result<Value, String> {
    let wrong = || "`host` takes a group and a number, as in `host('bootstrap', 0)`".to_owned();
    let [Value::String(group), number] = args else { return Err(wrong()) };
    let number = operators::whole_decimal(number).as_u64().ok_or_else(wrong)?;
    let Hosts { system, groups } = hosts;
    let Some(nodes) = groups.get(group) else {
        let known: Vec<_> = groups.keys().map(|name| format!("`{name}`")).collect();
        return Err(format!("`{system}` has no group `{group}`; it has {}", known.join(", ")));
    };
    if number >= u64::from(*nodes) {
        return Err(format!("the group `{group}` of `{system}` has no node {number}: it has {nodes}, counted from 0"));
    }
    Ok(Value::String(format!("{system}-{group}-{number}.{system}-{group}")))
}
