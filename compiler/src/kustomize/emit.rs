use std::fmt::Write as _;

use serde_json::{Map, Number, Value};

use super::scalar;

/// Keys of an object that come first, in this order; the others follow, sorted.
const FIRST_OF_OBJECT: [&str; 8] =
    ["apiVersion", "kind", "metadata", "resources", "namespace", "labels", "patches", "spec"];
/// The same for maps within objects.
const FIRST: [&str; 4] = ["op", "path", "name", "namespace"];

/// One document of YAML that every reader takes for the same.
///
/// Keys: the Kubernetes order first, then sorted. Text is plain only where no version of YAML could take it for
/// something else; a literal block where nothing can be lost in it; quoted as JSON otherwise.
pub fn emit(value: &Value) -> String {
    emit_all([value])
}

/// Several documents in one text.
pub fn emit_all<'a>(values: impl IntoIterator<Item = &'a Value>) -> String {
    // most files fit: growing step by step costs as much as writing
    let mut out = String::with_capacity(8 << 10);
    for value in values {
        if !out.is_empty() {
            out.push_str("---\n");
        }
        document(&mut out, value);
    }
    out.shrink_to_fit();
    out
}

fn document(out: &mut String, value: &Value) {
    match value {
        Value::Object(map) if !map.is_empty() => mapping(out, map, 0, false),
        Value::Array(items) if !items.is_empty() => sequence(out, items, 0, false),
        other => {
            inline(out, other, 0);
            out.push('\n');
        }
    }
}

/// `first_inline`: the first entry stands on the current line, after a dash.
fn mapping(out: &mut String, map: &Map<String, Value>, indent: usize, first_inline: bool) {
    let first: &[&str] = if map.contains_key("apiVersion") { &FIRST_OF_OBJECT } else { &FIRST };
    let leading = first.iter().filter_map(|key| map.get_key_value(*key));
    // the map is sorted already
    let others = map.iter().filter(|(key, _)| !first.contains(&key.as_str()));
    for (place, (key, value)) in leading.chain(others).enumerate() {
        if place > 0 || !first_inline {
            pad(out, indent);
        }
        text(out, key);
        out.push(':');
        match value {
            Value::Object(inner) if !inner.is_empty() => {
                out.push('\n');
                mapping(out, inner, indent + 2, false);
            }
            Value::Array(items) if !items.is_empty() => {
                out.push('\n');
                sequence(out, items, indent, false);
            }
            other => {
                out.push(' ');
                inline(out, other, indent + 2);
                end_line(out);
            }
        }
    }
}

fn sequence(out: &mut String, items: &[Value], indent: usize, first_inline: bool) {
    for (place, item) in items.iter().enumerate() {
        if place > 0 || !first_inline {
            pad(out, indent);
        }
        out.push_str("- ");
        match item {
            Value::Object(map) if !map.is_empty() => mapping(out, map, indent + 2, true),
            Value::Array(inner) if !inner.is_empty() => sequence(out, inner, indent + 2, true),
            other => {
                inline(out, other, indent + 2);
                end_line(out);
            }
        }
    }
}

/// A literal block ended its line itself.
fn end_line(out: &mut String) {
    if !out.ends_with('\n') {
        out.push('\n');
    }
}

fn pad(out: &mut String, indent: usize) {
    const BLANKS: &str = "                                ";
    let mut left = indent;
    while left > 0 {
        let some = left.min(BLANKS.len());
        out.push_str(&BLANKS[..some]);
        left -= some;
    }
}

fn inline(out: &mut String, value: &Value, indent: usize) {
    match value {
        Value::Null => out.push_str("null"),
        Value::Bool(value) => out.push_str(if *value { "true" } else { "false" }),
        Value::Number(value) => number(out, value),
        Value::String(value) if is_block(value) => block(out, value, indent),
        Value::String(value) => text(out, value),
        Value::Array(_) => out.push_str("[]"),
        Value::Object(_) => out.push_str("{}"),
    }
}

/// Never an exponent: YAML 1.1 reads `1e21` as text.
fn number(out: &mut String, number: &Number) {
    if number.is_f64() {
        // a float always has a value as f64
        let plain = number.as_f64().unwrap_or_default().to_string();
        out.push_str(&plain);
        if !plain.contains('.') {
            out.push_str(".0");
        }
    } else {
        out.push_str(&number.to_string());
    }
}

fn text(out: &mut String, text: &str) {
    if is_plain(text) {
        out.push_str(text);
    } else {
        quoted(out, text);
    }
}

/// Whether no version of YAML could take the bare word for anything but this text.
fn is_plain(text: &str) -> bool {
    text.starts_with(|c: char| c.is_ascii_alphabetic() || c == '/')
        && text.bytes().all(|b| b.is_ascii_alphanumeric() || b"._-/+@=:".contains(&b))
        && !text.as_bytes().windows(2).any(|pair| pair == b"::")
        && !text.ends_with(':')
        && !scalar::is_word(text)
}

/// Whether a literal block holds the text without loss: printable ASCII, one line feed at the end, no blanks at the
/// ends of lines, and a first line that shows the indentation.
fn is_block(text: &str) -> bool {
    text.ends_with('\n')
        && !text.ends_with("\n\n")
        && !text.starts_with([' ', '\n'])
        && !text.contains(" \n")
        && text.bytes().all(|b| b == b'\n' || (b' '..=b'~').contains(&b))
}

fn block(out: &mut String, text: &str, indent: usize) {
    out.push_str("|\n");
    for line in text.lines() {
        if !line.is_empty() {
            pad(out, indent);
        }
        out.push_str(line);
        out.push('\n');
    }
}

/// Double quotes as in JSON, and every character escaped that a reader might change.
fn quoted(out: &mut String, text: &str) {
    out.push('"');
    for c in text.chars() {
        match c {
            '"' => out.push_str("\\\""),
            '\\' => out.push_str("\\\\"),
            '\n' => out.push_str("\\n"),
            '\r' => out.push_str("\\r"),
            '\t' => out.push_str("\\t"),
            '\0'..='\u{1f}' | '\u{7f}'..='\u{9f}' | '\u{2028}' | '\u{2029}' | '\u{feff}' | '\u{fffe}' | '\u{ffff}' => {
                // writing to a String can't fail
                let _ = write!(out, "\\u{:04x}", u32::from(c));
            }
            c => out.push(c),
        }
    }
    out.push('"');
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::kustomize::read_documents;
    use proptest::prelude::*;
    use serde_json::json;

    #[test]
    fn order_and_quotes() {
        let value = json!({"spec": {"b": [], "a": [{"x": "yes", "name": "n"}, ["1", 2]]}, "kind": "K", "apiVersion": "v1", "metadata": {"labels": {"a/b": "0"}},
            "text": "one\n  two\n\nthree\n", "no": 1.5, "z": "a: b"});
        insta::assert_snapshot!(emit(&value), @r#"
        apiVersion: v1
        kind: K
        metadata:
          labels:
            a/b: "0"
        spec:
          a:
          - name: "n"
            x: "yes"
          - - "1"
            - 2
          b: []
        "no": 1.5
        text: |
          one
            two

          three
        z: "a: b"
        "#);
    }

    proptest! {
        #[test]
        fn reads_back(texts in proptest::collection::vec("(?s).{0,20}|[a-z \n:#-]{0,12}\n|[-+0-9._:exo]{1,6}", 1..6)) {
            let list = Value::from(texts.clone());
            let map: Map<String, Value> = texts.iter().map(|t| (t.clone(), json!([{"k": t, "n": {"m": t}}]))).collect();
            for value in [list, Value::Object(map)] {
                let text = emit(&value);
                prop_assert_eq!(read_documents(&text).unwrap(), vec![value], "{}", text);
            }
        }
    }
}
