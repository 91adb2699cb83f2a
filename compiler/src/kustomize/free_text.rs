//! Names within texts: nothing can let them follow when an object gets another name or namespace.

use serde_json::Value;

use super::{BaseTrouble, escape, kind, name};
use crate::spec::{Severity, codes};

/// A text that a program of the base reads as it likes.
struct FreeText<'a> {
    object: &'a Value,
    pointer: String,
    text: &'a str,
}

/// Warnings for names of the base's objects that stand in its texts.
pub(super) fn names(objects: &[Value]) -> Vec<BaseTrouble> {
    let texts = texts(objects);
    let warning = |object: &Value| {
        let (kind, name) = (kind(object), name(object));
        let is_named = |text: &str| if kind == "StatefulSet" { has_pod(text, name) } else { has_word(text, name) };
        let FreeText { object: place, pointer, .. } = texts.iter().find(|text| is_named(text.text))?;
        let message = format!(
            "the name of {kind} `{name}` is in a text of {} `{}`, at {pointer}; in a cell it is another, and the text stays",
            self::kind(place),
            self::name(place),
        );
        let help = "set the text in system.yaml, by `env` or `args`, where `{{ host('group', 0) }}` is known";
        Some(BaseTrouble::of_base(codes::NAME_IN_TEXT, Severity::Warning, message, help))
    };
    objects.iter().filter_map(warning).collect()
}

/// A warning for a namespace that stands in an address.
pub(super) fn namespace(objects: &[Value], namespace: &str) -> Option<BaseTrouble> {
    let texts = texts(objects);
    let dotted = |text: &str| {
        let after = |place: usize| text[place + namespace.len() + 1..].chars().next();
        text.match_indices(&format!(".{namespace}")).any(|(place, _)| after(place).is_none_or(|next| !in_word(next)))
    };
    let FreeText { object, pointer, .. } = texts.iter().find(|text| dotted(text.text))?;
    let message = format!(
        "the namespace `{namespace}` is in a text of {} `{}`, at {pointer}; a cell's is another",
        kind(object),
        name(object),
    );
    let help = "within a namespace, the name of a Service alone is its address";
    Some(BaseTrouble::of_base(codes::NAMESPACE_IN_TEXT, Severity::Warning, message, help))
}

/// Arguments, environment, annotations, and the data of `ConfigMap`s.
fn texts(objects: &[Value]) -> Vec<FreeText<'_>> {
    let mut found = Vec::new();
    for object in objects {
        collect(object, object, "", &mut found);
    }
    found
}

fn collect<'a>(object: &'a Value, value: &'a Value, at: &str, found: &mut Vec<FreeText<'a>>) {
    match value {
        Value::String(text) if is_free(at) => found.push(FreeText { object, pointer: at.to_owned(), text }),
        Value::Object(map) => {
            map.iter().for_each(|(key, inner)| collect(object, inner, &format!("{at}/{}", escape(key)), found));
        }
        Value::Array(items) => {
            items.iter().enumerate().for_each(|(n, inner)| collect(object, inner, &format!("{at}/{n}"), found));
        }
        _ => {}
    }
}

fn is_free(pointer: &str) -> bool {
    pointer.starts_with("/data/")
        || ["/args/", "/command/", "/annotations/"].iter().any(|list| pointer.contains(list))
        || pointer.contains("/env/") && pointer.ends_with("/value")
}

fn in_word(c: char) -> bool {
    c.is_ascii_alphanumeric() || c == '-' || c == '_'
}

/// What follows each occurrence of a word that begins there, and is no step of a path.
fn after<'a>(text: &'a str, word: &'a str) -> impl Iterator<Item = &'a str> {
    let free = |place: usize| {
        let before = &text[..place];
        let in_path = before.ends_with('/') && !before.ends_with("//");
        !in_path && before.chars().next_back().is_none_or(|before| !in_word(before))
    };
    text.match_indices(word).filter(move |(place, _)| free(*place)).map(move |(place, _)| &text[place + word.len()..])
}

fn has_word(text: &str, word: &str) -> bool {
    after(text, word).any(|rest| rest.chars().next().is_none_or(|next| !in_word(next)))
}

/// Whether the text names a pod of a StatefulSet, `<name>-0`.
fn has_pod(text: &str, set: &str) -> bool {
    after(text, set).any(|rest| {
        let Some(rest) = rest.strip_prefix('-') else { return false };
        let digits = rest.trim_start_matches(|c: char| c.is_ascii_digit());
        digits.len() < rest.len() && digits.chars().next().is_none_or(|next| !in_word(next))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_and_pods() {
        assert!(has_word("http://codex:8080", "codex") && has_word("codex", "codex") && has_word("x.codex.y", "codex"));
        assert!(
            !has_word("codex-node", "codex") && !has_word("mycodex", "codex") && !has_word("/etc/codex/x", "codex")
        );
        assert!(has_pod("codex-0.codex", "codex") && has_pod("a,codex-12", "codex"));
        assert!(!has_pod("codex", "codex") && !has_pod("codex-a", "codex") && !has_pod("codex-0a", "codex"));
    }
}
