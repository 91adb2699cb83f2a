//! Records against what the store alone gives back of them.

use benchgrid_measures::{rebuild, stored_part};
use serde_json::Value;

use crate::cell::{Cell, Left};

/// Every field that is marked as stored, of every record, field by field.
pub(crate) fn rebuilt(cell: &Cell, left: &Left) {
    let stored = rebuild(&cell.stored(&format!("{{attempt=\"{}\"}}", cell.attempt)));
    let printed: Vec<_> = left.records.iter().map(|record| (record.id.clone(), stored_part(record))).collect();
    let ids: Vec<_> = stored.keys().collect();
    let mut differences = Vec::new();
    for (id, record) in &printed {
        let there = stored.get(id).unwrap_or_else(|| panic!("{id} is not stored; there are {ids:?}"));
        compare(id, record, there, &mut differences);
    }
    assert!(differences.is_empty(), "{}", differences.join("\n"));
    assert_eq!(stored.len(), printed.len());
}

/// Numbers are stored with 11 digits, which is what the store keeps for sure: 131.4934488389852 pushed as it is came back as
/// 131.4934488389.
const DIGITS: f64 = 1e-10;

fn compare(at: &str, printed: &Value, stored: &Value, differences: &mut Vec<String>) {
    match (printed, stored) {
        (Value::Object(one), Value::Object(other)) => {
            let names = one.keys().chain(other.keys().filter(|name| !one.contains_key(*name)));
            for name in names {
                compare(&format!("{at} {name}"), &printed[name], &stored[name], differences);
            }
        }
        (Value::Array(one), Value::Array(other)) if one.len() == other.len() => {
            for (i, (one, other)) in one.iter().zip(other).enumerate() {
                compare(&format!("{at} {i}"), one, other, differences);
            }
        }
        (Value::Number(one), Value::Number(other)) => {
            let (one, other) = (one.as_f64().unwrap(), other.as_f64().unwrap());
            if (one - other).abs() > one.abs() * DIGITS {
                differences.push(format!("{at}: {one} printed, {other} stored"));
            }
        }
        _ if printed == stored => {}
        _ => differences.push(format!("{at}: {printed} printed, {stored} stored")),
    }
}
