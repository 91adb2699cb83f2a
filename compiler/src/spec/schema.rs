use std::fmt::Write as _;

use schemars::{JsonSchema, generate::SchemaSettings};
use serde_json::{Value, json};

use super::{Lab, Scenario, System};

/// The JSON Schema (draft 07) of a kind of the user's files: `scenario`, `lab`, `system`.
pub fn schema(kind: &str) -> Option<Value> {
    let (mut schema, name) = match kind {
        "scenario" => (schema_of::<Scenario>(kind), "Scenario"),
        "lab" => (schema_of::<Lab>(kind), "Lab"),
        "system" => (schema_of::<System>(kind), "System"),
        _ => return None,
    };
    tighten(&mut schema);
    schema["title"] = json!(format!("benchgrid {kind}"));
    schema["properties"]["apiVersion"]["const"] = json!(super::API_VERSION);
    schema["properties"]["kind"]["const"] = json!(name);
    Some(schema)
}

/// The JSON Schema (draft 07) of a type, under the name of its file.
pub fn schema_of<T: JsonSchema>(file: &str) -> Value {
    let generator = SchemaSettings::draft07().for_deserialize().into_generator();
    let mut schema = generator.into_root_schema_for::<T>().to_value();
    schema["$id"] = json!(format!("https://benchgrid.io/schemas/{file}.schema.json"));
    schema
}

/// What is left out is not written as `null`; sets of words become one enumeration, whose errors can name them; texts
/// are plain, since editors show them as they are, and fields have titles.
fn tighten(schema: &mut Value) {
    match schema {
        Value::Array(items) => items.iter_mut().for_each(tighten),
        Value::Object(map) => {
            map.values_mut().for_each(tighten);
            if let Some(Value::Array(types)) = map.get_mut("type") {
                types.retain(|name| name != "null");
                if let [only] = types.as_slice() {
                    let only = only.clone();
                    map.insert("type".to_owned(), only);
                }
            }
            match map.get_mut("default") {
                Some(Value::Null) => drop(map.remove("default")),
                Some(Value::Object(fields)) => fields.retain(|_, value| !value.is_null()),
                _ => {}
            }
            if let Some(Value::Array(options)) = map.get_mut("anyOf") {
                options.retain(|option| option["type"] != "null");
                if let [only] = options.as_slice() {
                    let only = only.clone();
                    map.remove("anyOf");
                    map.insert("allOf".to_owned(), json!([only]));
                }
            }
            enumerate(map);
            if let Some(Value::String(text)) = map.get_mut("description") {
                *text = text.replace('`', "'").replace('\n', " ");
            }
            for (name, field) in map.get_mut("properties").and_then(Value::as_object_mut).into_iter().flatten() {
                if let Some(field) = field.as_object_mut() {
                    field.entry("title").or_insert_with(|| json!(title(name)));
                }
            }
        }
        _ => {}
    }
}

/// `fileSize` as people write it: `File size`.
fn title(field: &str) -> String {
    let mut title = String::new();
    for (index, letter) in field.chars().enumerate() {
        match letter {
            first if index == 0 => title.extend(first.to_uppercase()),
            upper if upper.is_uppercase() => title.extend([' '].into_iter().chain(upper.to_lowercase())),
            other => title.push(other),
        }
    }
    title
}

fn enumerate(map: &mut serde_json::Map<String, Value>) {
    let Some(Value::Array(options)) = map.get("oneOf") else { return };
    let mut words = Vec::new();
    let (mut text, mut meanings) = (String::new(), Vec::new());
    for option in options {
        let word = option.get("const").or_else(|| option["enum"].get(0));
        let Some(word) = word.and_then(Value::as_str).filter(|_| option["type"] == "string") else { return };
        let meaning = option["description"].as_str().unwrap_or_default();
        let _ = write!(text, " {word}: {}", meaning.to_lowercase());
        meanings.push(meaning.to_owned());
        words.push(word.to_owned());
    }
    let description = map.get("description").and_then(Value::as_str).unwrap_or_default();
    let description = format!("{description}{text}");
    map.remove("oneOf");
    map.insert("type".to_owned(), json!("string"));
    map.insert("enum".to_owned(), json!(words));
    map.insert("enumDescriptions".to_owned(), json!(meanings));
    map.insert("description".to_owned(), json!(description.trim()));
}
