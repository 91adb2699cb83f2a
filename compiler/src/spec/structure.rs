use jsonschema::{ValidationError, error::TypeKind, error::ValidationErrorKind as Kind};
use serde::de::DeserializeOwned;
use serde_json::Value;

use super::document::pointer_part;
use super::{API_VERSION, Advised, Diagnostic, Document, MOST_SAID, codes, schema::schema, suggest};

/// Checks a document's form against the schema of its kind; the typed value of what is well formed.
///
/// What is not is left out of the value where that is possible, so that later checks see the rest of the file.
pub(super) fn typed<T: DeserializeOwned>(
    document: &Document,
    kind: &str,
    diagnostics: &mut Vec<Diagnostic>,
) -> Option<T> {
    let before = diagnostics.len();
    if !header(document, kind, diagnostics) {
        return None;
    }
    let schema = schema(&kind.to_lowercase())?;
    // what is left of the tree without what is wrong
    let mut pruned: Option<Value> = None;
    match jsonschema::draft7::new(&schema) {
        Ok(validator) => {
            let mut wrong = Vec::new();
            for error in validator.iter_errors(&document.tree) {
                report(document, &schema, &error, diagnostics, &mut wrong);
                if diagnostics.len() >= MOST_SAID {
                    return None;
                }
            }
            if diagnostics.len() > before {
                let tree = pruned.insert(document.tree.clone());
                wrong.sort_by(|a, b| a.0.cmp(&b.0));
                for (pointer, instead) in wrong.iter().rev() {
                    remove(tree, pointer, instead.as_ref());
                }
                fill(tree, &schema, &validator);
            }
        }
        Err(error) => diagnostics.push(Diagnostic::new(codes::WRONG_TYPE, error.to_string())),
    }
    match serde_path_to_error::deserialize(pruned.as_ref().unwrap_or(&document.tree)) {
        Ok(value) => Some(value),
        Err(error) => {
            // Where the schema found something, this is but its consequence.
            if diagnostics.len() == before {
                let pointer = pointer_of(error.path());
                diagnostics.push(document.at_value(codes::WRONG_TYPE, &pointer, error.inner().to_string()));
            }
            None
        }
    }
}

/// `apiVersion` and `kind` are right, or what follows makes no sense.
fn header(document: &Document, kind: &str, diagnostics: &mut Vec<Diagnostic>) -> bool {
    let Value::Object(map) = &document.tree else {
        let message = format!("expected an object of kind {kind}, found {}", a_kind(&document.tree));
        diagnostics.push(document.at_value(codes::WRONG_TYPE, "", message));
        return false;
    };
    for (field, expected, code) in [("apiVersion", API_VERSION, codes::API_VERSION), ("kind", kind, codes::KIND)] {
        let pointer = format!("/{field}");
        match map.get(field) {
            Some(value) if value == expected => {}
            Some(value) => {
                let message = format!("expected {field} `{expected}`, found {}", show(value));
                diagnostics.push(document.at_value(code, &pointer, message).fix(expected));
            }
            None => diagnostics.push(document.at_value(code, "", format!("`{field}: {expected}` is missing"))),
        }
    }
    true
}

/// A pointer to a value that won't do, and what may stand in for it.
type Wrong = (String, Option<Value>);

fn report(
    document: &Document,
    schema: &Value,
    error: &ValidationError<'_>,
    diagnostics: &mut Vec<Diagnostic>,
    wrong: &mut Vec<Wrong>,
) {
    let pointer = error.instance_path().to_string();
    if pointer == "/apiVersion" || pointer == "/kind" {
        wrong.push((pointer, None));
        return;
    }
    let instance = error.instance();
    match error.kind() {
        Kind::AdditionalProperties { unexpected } => {
            let known = properties(schema, &error.schema_path().to_string());
            for field in unexpected.iter().take(MOST_SAID) {
                let pointer = format!("{pointer}/{}", pointer_part(field));
                diagnostics.push(unknown_field(document, &pointer, field, &known));
                wrong.push((pointer, None));
            }
            return;
        }
        Kind::Required { property } => {
            let property = property.as_str().unwrap_or_default();
            if pointer.is_empty() && matches!(property, "apiVersion" | "kind") {
                return;
            }
            diagnostics.push(document.at_key(
                codes::MISSING_FIELD,
                &pointer,
                format!("the field `{property}` is missing"),
            ));
            return;
        }
        Kind::Type { kind } => {
            diagnostics.push(wrong_type(document, &pointer, &types(kind), instance));
        }
        // That it should be a word is said as a wrong type.
        Kind::Enum { .. } if !instance.is_string() => return,
        Kind::Enum { options } => {
            let words: Vec<_> = options.as_array().into_iter().flatten().filter_map(Value::as_str).collect();
            diagnostics.push(unknown_word(document, &pointer, &words, instance));
        }
        Kind::AnyOf { context } | Kind::OneOfNotValid { context } => {
            // The alternative that has the value's type says more than "none matches".
            let fits = |errors: &&Vec<ValidationError<'static>>| {
                !errors
                    .iter()
                    .any(|e| matches!(e.kind(), Kind::Type { .. }) && e.instance_path().to_string() == pointer)
            };
            if let Some(errors) = context.iter().find(fits) {
                for error in errors {
                    report(document, schema, error, diagnostics, wrong);
                }
                return;
            }
            let mut expected = Vec::new();
            for error in context.iter().flatten() {
                if let Kind::Type { kind } = error.kind() {
                    expected.extend(types(kind));
                }
            }
            diagnostics.push(wrong_type(document, &pointer, &expected, instance));
        }
        Kind::Minimum { limit } => {
            let message = format!("{} is too small: at least {limit}", show(instance));
            diagnostics.push(document.at_value(codes::OUT_OF_RANGE, &pointer, message));
        }
        Kind::Maximum { limit } => {
            let message = format!("{} is too large: at most {limit}", show(instance));
            diagnostics.push(document.at_value(codes::OUT_OF_RANGE, &pointer, message));
        }
        Kind::MinLength { .. } | Kind::MinItems { .. } | Kind::MinProperties { .. } => {
            diagnostics.push(document.at_value(codes::EMPTY_VALUE, &pointer, "the value must not be empty"));
        }
        Kind::UniqueItems => {
            diagnostics.push(document.at_value(codes::WRONG_TYPE, &pointer, "a word is there twice"));
        }
        Kind::Pattern { pattern } => {
            let message = format!("{} does not have the form {pattern}", show(instance));
            diagnostics.push(document.at_value(codes::FORM, &pointer, message));
        }
        _ => diagnostics.push(document.at_value(codes::WRONG_TYPE, &pointer, error.to_string())),
    }
    let wanted = owner(schema, &error.schema_path().to_string());
    // Of several types none is known to be meant; such values are read by hand.
    wrong.push((pointer, wanted["type"].is_string().then(|| stand_in(schema, wanted))));
}

fn unknown_field(document: &Document, pointer: &str, field: &str, known: &[String]) -> Diagnostic {
    let diagnostic = document.at_key(codes::UNKNOWN_FIELD, pointer, format!("unknown field `{field}`"));
    let near = suggest(field, known.iter().map(String::as_str));
    let fields = format!("the fields here are {}", list(known));
    if near.is_some() { diagnostic.meant(near) } else { diagnostic.help(fields) }
}

fn unknown_word(document: &Document, pointer: &str, words: &[&str], found: &Value) -> Diagnostic {
    let listed: Vec<String> = words.iter().map(|word| (*word).to_owned()).collect();
    let message = format!("{} is none of {}", show(found), list(&listed));
    let diagnostic = document.at_value(codes::UNKNOWN_WORD, pointer, message);
    diagnostic.meant(suggest(found.as_str().unwrap_or_default(), words.iter().copied()))
}

fn wrong_type(document: &Document, pointer: &str, expected: &[&'static str], found: &Value) -> Diagnostic {
    let written = document.written(pointer);
    if expected == ["text"] && (found.is_number() || found.is_boolean()) {
        let message =
            format!("expected text, found the {} {written}", if found.is_number() { "number" } else { "boolean" });
        let quoted = Value::String(written.to_owned()).to_string();
        return document.at_value(codes::NOT_TEXT, pointer, message).help("in quotes it is text").fix(quoted);
    }
    let message = format!("expected {}, found {}", expected.join(" or "), a_kind(found));
    document.at_value(codes::WRONG_TYPE, pointer, message)
}

/// Types as people call them.
fn types(kind: &TypeKind) -> Vec<&'static str> {
    let names: Vec<String> = match kind {
        TypeKind::Single(one) => vec![one.to_string()],
        TypeKind::Multiple(set) => set.iter().map(|one| one.to_string()).collect(),
    };
    let mut words: Vec<_> = names
        .iter()
        .map(|name| match name.as_str() {
            "string" => "text",
            "integer" => "a whole number",
            "number" => "a number",
            "boolean" => "true or false",
            "array" => "a list",
            "object" => "an object",
            _ => "nothing",
        })
        .collect();
    words.sort_by_key(|word| *word != "text");
    words
}

/// A value's type, with its article.
pub fn a_kind(value: &Value) -> &'static str {
    match value {
        Value::Null => "nothing",
        Value::Bool(_) => "a boolean",
        Value::Number(number) if number.is_f64() => "a decimal number",
        Value::Number(_) => "a number",
        Value::String(_) => "text",
        Value::Array(_) => "a list",
        Value::Object(_) => "an object",
    }
}

fn show(value: &Value) -> String {
    match value {
        Value::String(text) => format!("`{text}`"),
        Value::Number(_) | Value::Bool(_) => format!("`{value}`"),
        other => a_kind(other).to_owned(),
    }
}

fn list(words: &[String]) -> String {
    words.iter().map(|word| format!("`{word}`")).collect::<Vec<_>>().join(", ")
}

/// Puts something of the right type where a field is missing that must be there: what is wrong has been said, and the
/// rest of the file shall be looked at as well.
fn fill(tree: &mut Value, schema: &Value, validator: &jsonschema::Validator) {
    for _ in 0..4 {
        let missing: Vec<(String, String, Value)> = validator
            .iter_errors(tree)
            .filter_map(|error| {
                let Kind::Required { property } = error.kind() else { return None };
                let owner = owner(schema, &error.schema_path().to_string());
                let value = stand_in(schema, &owner["properties"][property.as_str()?]);
                Some((error.instance_path().to_string(), property.as_str()?.to_owned(), value))
            })
            .collect();
        if missing.is_empty() {
            return;
        }
        for (pointer, property, value) in missing {
            if let Some(Value::Object(map)) = tree.pointer_mut(&pointer) {
                map.insert(property, value);
            }
        }
    }
}

fn stand_in(schema: &Value, property: &Value) -> Value {
    let node = resolved(schema, property);
    if let Some(constant) = node.get("const").or_else(|| node["enum"].get(0)) {
        return constant.clone();
    }
    let kind = if node["type"].is_array() { &node["type"][0] } else { &node["type"] };
    match kind.as_str() {
        Some("object") => Value::Object(serde_json::Map::new()),
        Some("array") => Value::Array(Vec::new()),
        Some("number" | "integer") => Value::from(1),
        Some("boolean") => Value::Bool(false),
        _ => Value::String(String::new()),
    }
}

/// A schema behind its references.
fn resolved<'s>(schema: &'s Value, mut node: &'s Value) -> &'s Value {
    loop {
        node = match (node["$ref"].as_str(), node["allOf"].get(0)) {
            (Some(target), _) => schema.pointer(target.trim_start_matches('#')).unwrap_or(&Value::Null),
            (None, Some(only)) => only,
            (None, None) => return node,
        };
    }
}

/// Fields that the object at a schema path has.
fn properties(schema: &Value, path: &str) -> Vec<String> {
    owner(schema, path)["properties"].as_object().map(|map| map.keys().cloned().collect()).unwrap_or_default()
}

/// The schema whose keyword a schema path names.
fn owner<'s>(schema: &'s Value, path: &str) -> &'s Value {
    let parent = path.rsplit_once('/').map_or("", |(parent, _)| parent);
    let mut node = schema;
    for part in parent.split('/').skip(1) {
        let part = part.replace("~1", "/").replace("~0", "~");
        if part == "$ref" {
            node = resolved(schema, node);
            continue;
        }
        if node.get(&part).is_none() && !node.is_array() {
            node = resolved(schema, node);
        }
        node = match node {
            Value::Array(items) => {
                part.parse::<usize>().ok().and_then(|index| items.get(index)).unwrap_or(&Value::Null)
            }
            other => &other[part.as_str()],
        };
    }
    resolved(schema, node)
}

/// Takes a wrong value out of its object; in a list something else stands in for it, since indices are places.
fn remove(tree: &mut Value, pointer: &str, instead: Option<&Value>) {
    let Some((parent, key)) = pointer.rsplit_once('/') else { return };
    match (tree.pointer_mut(parent), instead) {
        (Some(Value::Object(map)), _) => drop(map.remove(&key.replace("~1", "/").replace("~0", "~"))),
        (Some(Value::Array(_)), Some(instead)) => {
            if let Some(item) = tree.pointer_mut(pointer) {
                item.clone_from(instead);
            }
        }
        _ => {}
    }
}

fn pointer_of(path: &serde_path_to_error::Path) -> String {
    use serde_path_to_error::Segment;
    path.iter()
        .filter_map(|segment| match segment {
            Segment::Seq { index } => Some(format!("/{index}")),
            Segment::Map { key } => Some(format!("/{}", pointer_part(key))),
            _ => None,
        })
        .collect()
}
