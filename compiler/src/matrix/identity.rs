use std::fmt::Write as _;

use serde_json::Value;
use sha2::{Digest, Sha256};

use super::Levels;

/// Longest slug; a longer one is cut and ends in the cell's id.
const LONGEST_SLUG: usize = 100;

/// First 10 hex digits of the SHA-256 over canonical JSON of scenario name and levels.
pub(super) fn id(scenario: &str, levels: &Levels) -> String {
    let levels: serde_json::Map<_, _> = levels.iter().map(|(axis, level)| (axis.clone(), level.canonical())).collect();
    let text = canonical(&serde_json::json!({"levels": levels, "scenario": scenario}));
    let digest = Sha256::digest(text.as_bytes());
    digest.iter().take(5).fold(String::new(), |mut hex, byte| {
        let _ = write!(hex, "{byte:02x}");
        hex
    })
}

/// JSON without blanks, with sorted keys.
fn canonical(value: &Value) -> String {
    match value {
        Value::Object(map) => {
            let mut keys: Vec<_> = map.keys().collect();
            keys.sort();
            let fields: Vec<_> = keys
                .into_iter()
                .map(|key| format!("{}:{}", Value::from(key.as_str()), map.get(key).map(canonical).unwrap_or_default()))
                .collect();
            format!("{{{}}}", fields.join(","))
        }
        Value::Array(items) => format!("[{}]", items.iter().map(canonical).collect::<Vec<_>>().join(",")),
        scalar => scalar.to_string(),
    }
}

/// `<axis>-<level>` for each axis, joined by `.`; lower case, other characters `-`.
pub(super) fn slug(levels: &Levels, id: &str) -> String {
    let parts: Vec<_> = levels.iter().map(|(axis, level)| word(&format!("{axis}-{level}"))).collect();
    let slug = parts.join(".");
    if slug.len() <= LONGEST_SLUG {
        return slug;
    }
    let cut = &slug[..LONGEST_SLUG - id.len() - 1];
    format!("{}-{id}", cut.trim_end_matches(['-', '.']))
}

fn word(text: &str) -> String {
    text.to_lowercase().chars().map(|c| if c.is_ascii_alphanumeric() { c } else { '-' }).collect()
}
