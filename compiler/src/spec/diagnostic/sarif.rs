use std::fmt::Write as _;

use serde_json::{Value, json};

use super::{Diagnostic, Place, Severity};
use crate::spec::{CODES, example};

/// SARIF 2.1.0, for code scanning.
pub fn sarif(diagnostics: &[Diagnostic]) -> String {
    let rules: Vec<Value> = CODES
        .iter()
        .map(|code| {
            json!({
                "id": code.id,
                "shortDescription": {"text": code.title},
                "fullDescription": {"text": code.explanation},
                "help": {"text": example(code.id).map_or_else(|| code.explanation.to_owned(), |it| format!("{}\n\n{it}", code.explanation))},
            })
        })
        .collect();
    let driver = json!({
        "name": "benchgrid",
        "version": env!("CARGO_PKG_VERSION"),
        "informationUri": "https://github.com/benchgrid/benchgrid",
        "rules": rules,
    });
    let log = json!({
        "$schema": "https://json.schemastore.org/sarif-2.1.0.json",
        "version": "2.1.0",
        "runs": [{
            "tool": {"driver": driver},
            "columnKind": "unicodeCodePoints",
            "results": diagnostics.iter().map(result).collect::<Vec<_>>(),
        }],
    });
    serde_json::to_string_pretty(&log).unwrap_or_default() + "\n"
}

fn result(diagnostic: &Diagnostic) -> Value {
    let level = match diagnostic.severity {
        Severity::Error => "error",
        Severity::Warning => "warning",
    };
    let help = diagnostic.help.as_deref().map(|help| format!("\n\n{help}")).unwrap_or_default();
    let mut result = json!({
        "ruleId": diagnostic.code,
        "level": level,
        "message": {"text": format!("{}{help}", diagnostic.message)},
    });
    if let Some(index) = CODES.iter().position(|code| code.id == diagnostic.code) {
        result["ruleIndex"] = json!(index);
    }
    if let Some(place) = &diagnostic.place {
        result["locations"] =
            json!([{"physicalLocation": {"artifactLocation": artifact(place), "region": region(place)}}]);
        if let Some(fix) = &diagnostic.fix {
            let replacement = json!({"deletedRegion": region(place), "insertedContent": {"text": fix}});
            let change = json!({"artifactLocation": artifact(place), "replacements": [replacement]});
            result["fixes"] = json!([{"artifactChanges": [change]}]);
        }
    }
    result
}

fn region(place: &Place) -> Value {
    json!({
        "startLine": place.line,
        "startColumn": place.column,
        "endLine": place.end_line,
        "endColumn": place.end_column,
    })
}

/// A URI reference, relative to where the program runs unless the user named the file from the root: other bytes than
/// the unreserved ones and `/` are percent-encoded.
fn artifact(place: &Place) -> Value {
    let path = place.file.to_string_lossy().replace('\\', "/");
    let path = path.trim_start_matches("./");
    let mut uri = String::from(if path.starts_with('/') { "file://" } else { "" });
    for byte in path.bytes() {
        if byte.is_ascii_alphanumeric() || b"-._~/".contains(&byte) {
            uri.push(char::from(byte));
        } else {
            let _ = write!(uri, "%{byte:02X}");
        }
    }
    json!({"uri": uri})
}
