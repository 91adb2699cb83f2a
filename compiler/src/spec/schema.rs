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

/// What is left out is not written as `null`; sets of words become one enumeration, whose errors can name them.
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
            if map.get("default") == Some(&Value::Null) {
                map.remove("default");
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
        }
        _ => {}
    }
}

fn enumerate(map: &mut serde_json::Map<String, Value>) {
    let Some(Value::Array(options)) = map.get("oneOf") else { return };
    let mut words = Vec::new();
    let mut text = String::new();
    for option in options {
        let word = option.get("const").or_else(|| option["enum"].get(0));
        let Some(word) = word.and_then(Value::as_str).filter(|_| option["type"] == "string") else { return };
        let _ = write!(text, "\n- `{word}`: {}", option["description"].as_str().unwrap_or_default());
        words.push(word.to_owned());
    }
    let description = map.get("description").and_then(Value::as_str).unwrap_or_default();
    let description = format!("{description}\n{text}");
    map.remove("oneOf");
    map.insert("type".to_owned(), json!("string"));
    map.insert("enum".to_owned(), json!(words));
    map.insert("description".to_owned(), json!(description.trim()));
}
