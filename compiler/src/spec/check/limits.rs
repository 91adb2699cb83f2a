use super::{Diagnostic, Document, each};
use crate::spec::codes;

/// Most entries of a list or map: work and messages grow with products of them.
const LIMITS: [(&str, &str, usize); 7] = [
    ("/spec/axes", "axes", 32),
    ("/spec/include", "included combinations", 100_000),
    ("/spec/include/*", "axes", 32),
    ("/spec/exclude", "exclusions", 1000),
    ("/spec/systems", "systems", 32),
    ("/spec/systems/*/groups", "groups", 32),
    ("/spec/compare/claims", "claims", 1000),
];

/// Whether a scenario has no more entries than can be looked at.
pub(super) fn scenario(document: &Document, diagnostics: &mut Vec<Diagnostic>) -> bool {
    let before = diagnostics.len();
    for (pattern, what, most) in LIMITS {
        let entries = |value: &serde_json::Value| {
            value.as_object().map(serde_json::Map::len).or_else(|| value.as_array().map(Vec::len)).unwrap_or(0)
        };
        let over = each(&document.tree, pattern).into_iter().find(|(_, value)| entries(value) > most);
        if let Some((pointer, value)) = over {
            let message = format!("there are {} {what}, at most {most} are read", entries(value));
            diagnostics.push(document.at_key(codes::TOO_MANY, &pointer, message));
        }
    }
    diagnostics.len() == before
}
