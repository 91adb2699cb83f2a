//! The link of a group's nodes.

use benchgrid_probe::experiment::Link;
use serde_json::{Map, Value};

use super::Trouble;
use super::value::{FromValue, Loss, Rate, Seconds, Spot, evaluate, resolve, wanted};
use crate::matrix::Scope;
use crate::spec::{Template, codes};

/// What `network` comes to: none where it says `unshaped`.
pub(super) fn link(scope: &Scope, network: &Value, spot: &Spot) -> Result<Option<Link>, Trouble> {
    match network {
        Value::String(text) if text.contains("{{") => match evaluate(scope, &Template::text(text), spot)? {
            Value::Object(map) => from_map(scope, &map, spot, true).map(Some),
            other => unshaped(&other, spot),
        },
        Value::Object(map) => from_map(scope, map, spot, false).map(Some),
        other => unshaped(other, spot),
    }
}

fn unshaped(value: &Value, spot: &Spot) -> Result<Option<Link>, Trouble> {
    if value == "unshaped" {
        return Ok(None);
    }
    let message = format!("{value} is no link");
    Err(spot
        .trouble(codes::BAD_LINK, message)
        .help("write {up: 100Mbit, down: 100Mbit, latency: 5ms, loss: 0.1%}, or unshaped"))
}

/// `named`: the map is a level of an axis, so it has a name and may have more.
fn from_map(scope: &Scope, map: &Map<String, Value>, spot: &Spot, named: bool) -> Result<Link, Trouble> {
    let unknown = map.keys().find(|key| !["up", "down", "latency", "loss"].contains(&key.as_str()));
    if let Some(key) = unknown.filter(|_| !named) {
        return Err(spot.trouble(codes::BAD_LINK, format!("a link has no `{key}`; it has up, down, latency, loss")));
    }
    Ok(Link {
        up_bits_per_second: part::<Rate>(scope, map, "up", spot, named)?.ok_or_else(|| missing("up", spot))?.0,
        down_bits_per_second: part::<Rate>(scope, map, "down", spot, named)?.ok_or_else(|| missing("down", spot))?.0,
        latency_seconds: part::<Seconds>(scope, map, "latency", spot, named)?.map_or(0.0, |latency| latency.0),
        loss_ratio: part::<Loss>(scope, map, "loss", spot, named)?.map_or(0.0, |loss| loss.0),
    })
}

fn part<T: FromValue>(
    scope: &Scope,
    map: &Map<String, Value>,
    key: &str,
    spot: &Spot,
    named: bool,
) -> Result<Option<T>, Trouble> {
    let Some(value) = map.get(key) else { return Ok(None) };
    if named {
        return wanted(value, spot).map(Some);
    }
    let spot = Spot::new(&spot.subject, format!("{}/{key}", spot.pointer));
    resolve(scope, &Template(value.clone()), &spot).map(Some)
}

fn missing(key: &str, spot: &Spot) -> Trouble {
    spot.trouble(codes::BAD_LINK, format!("the link has no `{key}`")).help("a link says both directions")
}
