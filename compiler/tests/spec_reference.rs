//! What is generated from the types and committed: schemas and references. `BENCHGRID_BLESS=1` rewrites it.

#![expect(clippy::unwrap_used, reason = "a test that can't go on has failed")]

use std::fmt::Write as _;
use std::path::Path;

use benchgrid::cli;
use benchgrid::cli::inputs::read_and_plan;
use benchgrid::cli::schema::{self, SCHEMAS};
use benchgrid::spec::{self, CODES};
use serde_json::{Value, json};

/// `BENCHGRID_BLESS=1` writes what is committed instead of comparing it.
fn committed(path: &str, text: &str) {
    let file = Path::new(env!("CARGO_MANIFEST_DIR")).join("..").join(path);
    if std::env::var_os("BENCHGRID_BLESS").is_some() {
        std::fs::create_dir_all(file.parent().unwrap()).unwrap();
        std::fs::write(&file, text).unwrap();
    }
    assert_eq!(std::fs::read_to_string(&file).unwrap_or_default(), text, "{path} is stale: run with BENCHGRID_BLESS=1");
}

#[test]
fn schemas_are_fresh_and_accept_the_examples() {
    for kind in SCHEMAS {
        committed(&format!("schemas/{kind}.schema.json"), &schema::text(kind).unwrap());
    }
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("..");
    for (kind, file) in [("scenario", "matrices/codex-vs-bittorrent.yaml"), ("system", "base/codex/system.yaml")] {
        let (document, _) = spec::load_document(&root.join(file));
        let validator = jsonschema::draft7::new(&spec::schema(kind).unwrap()).unwrap();
        assert!(validator.is_valid(&document.unwrap().tree), "{file}");
    }
}

/// Every field of a schema: path, schema of the value (behind references), whether it must be there.
fn fields<'s>(root: &'s Value, node: &'s Value, path: &str, found: &mut Vec<(String, Value, bool)>) {
    let node = resolved(root, node);
    for (name, field) in node["properties"].as_object().into_iter().flatten() {
        let path = if path.is_empty() { name.clone() } else { format!("{path}.{name}") };
        let required = node["required"].as_array().is_some_and(|names| names.iter().any(|one| one == name));
        found.push((path.clone(), merged(root, field), required));
        fields(root, field, &path, found);
    }
    for (keyword, suffix) in [("additionalProperties", ".<name>"), ("items", "[]")] {
        if node[keyword].is_object() {
            fields(root, &node[keyword], &format!("{path}{suffix}"), found);
        }
    }
    for option in node["anyOf"].as_array().into_iter().flatten() {
        fields(root, option, path, found);
    }
}

/// A schema behind its references.
fn resolved<'s>(root: &'s Value, node: &'s Value) -> &'s Value {
    match (node["$ref"].as_str(), node["allOf"].get(0)) {
        (Some(target), _) => resolved(root, root.pointer(target.trim_start_matches('#')).unwrap()),
        (None, Some(only)) => resolved(root, only),
        (None, None) => node,
    }
}

/// A field's schema, with what it says itself over what its type says.
fn merged(root: &Value, field: &Value) -> Value {
    let mut all = resolved(root, field).clone();
    for (key, value) in field.as_object().into_iter().flatten() {
        all[key] = value.clone();
    }
    all
}

/// The type of a value, as people say it.
fn a_type(root: &Value, node: &Value) -> String {
    let node = resolved(root, node);
    if let Some(constant) = node["const"].as_str() {
        return format!("`{constant}`");
    }
    if let Some(words) = node["enum"].as_array() {
        return words.iter().map(|word| format!("`{}`", word.as_str().unwrap())).collect::<Vec<_>>().join(", ");
    }
    if let Some(options) = node["anyOf"].as_array() {
        return options.iter().map(|option| a_type(root, option)).collect::<Vec<_>>().join(" or ");
    }
    let one = |name: &Value| match name.as_str().unwrap_or_default() {
        "string" => "text".to_owned(),
        "integer" => "whole number".to_owned(),
        "array" => format!("list of {}", a_type(root, &node["items"])),
        "object" if node["additionalProperties"].is_object() => {
            format!("map of {}", a_type(root, &node["additionalProperties"]))
        }
        other => other.to_owned(),
    };
    match &node["type"] {
        Value::Array(names) => names.iter().map(one).collect::<Vec<_>>().join(" or "),
        name if name.is_string() => one(name),
        _ => "anything".to_owned(),
    }
}

#[test]
fn every_field_is_described() {
    for kind in ["scenario", "lab", "system"] {
        let schema = spec::schema(kind).unwrap();
        let mut found = Vec::new();
        fields(&schema, &schema, "", &mut found);
        assert!(found.len() > 15, "{kind}: {found:#?}");
        for (path, field, _) in &found {
            let description = field["description"].as_str().unwrap_or_default();
            assert!(description.len() > 10 && description.ends_with('.'), "{kind} {path}: {description:?}");
            assert!(!description.contains('`'), "{kind} {path}: editors show the text as it is: {description:?}");
            assert!(field["title"].as_str().is_some_and(|title| !title.is_empty()), "{kind} {path} has no title");
        }
        let validator = |node: &Value| {
            let mut part = node.clone();
            part["definitions"] = schema["definitions"].clone();
            jsonschema::draft7::new(&part).unwrap()
        };
        for (path, field, _) in &found {
            for example in field["examples"].as_array().into_iter().flatten().chain(field.get("default")) {
                assert!(validator(field).is_valid(example), "{kind} {path}: {example} is no example of it");
            }
        }
    }
}

#[test]
fn defaults_are_those_of_the_plan() {
    let good = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/good");
    let (plan, _) = read_and_plan(&good.join("scenario.yaml"), &good.join("lab.yaml"));
    let measure = &plan.unwrap().0.cells[0].measure;
    let schema = spec::schema("scenario").unwrap();
    let default = |field: &str| &schema["definitions"]["MeasureSpec"]["properties"][field]["default"];
    for (field, planned) in
        [("trials", measure.trials), ("repetitions", measure.repetitions), ("warmup", measure.warmup)]
    {
        assert_eq!(default(field), &json!(planned), "{field}");
    }
    for (field, planned) in [("stalled", measure.stalled_seconds), ("ready", measure.ready_seconds)] {
        assert_eq!(default(field), &json!(format!("{planned}s")), "{field}");
    }
}

#[test]
fn references_of_files_are_fresh() {
    for (kind, title, about) in [
        (
            "scenario",
            "Scenario",
            "What to compare. See `matrices/` for examples. A text may hold expressions, `{{ }}`, over the axes, unless its \
             description says otherwise.",
        ),
        ("lab", "Lab", "Where scenarios run. See `labs/` for examples."),
        (
            "system",
            "System",
            "What a base says about itself, in the `system.yaml` of its folder. See `base/` for examples. Texts under \
             `env`, `args`, `roles`, `process` and `data.size` may hold expressions, `{{ }}`, over the scenario's axes, `measure`, `group`, `data.size` and `host(group, n)`.",
        ),
    ] {
        let schema = spec::schema(kind).unwrap();
        let mut found = Vec::new();
        fields(&schema, &schema, "", &mut found);
        let mut text = format!(
            "# Fields of a {title}\n\n{about} `<name>` stands for a name of your own, `[]` for each item of a list.\n\n\
             | field | type | default | description |\n| --- | --- | --- | --- |\n"
        );
        for (path, field, required) in found {
            let default = match &field["default"] {
                _ if required => "required".to_owned(),
                Value::Null => String::new(),
                default => format!("`{default}`"),
            };
            let examples: Vec<_> =
                field["examples"].as_array().into_iter().flatten().map(|example| format!("`{example}`")).collect();
            let examples =
                if examples.is_empty() { String::new() } else { format!(" Such as {}.", examples.join(", ")) };
            let description = field["description"].as_str().unwrap_or_default();
            let _ = writeln!(
                text,
                "| `{path}` | {} | {default} | {}{} |",
                a_type(&schema, &field),
                description.replace('|', "\\|").replace('<', "&lt;"),
                examples.replace('|', "\\|")
            );
        }
        committed(&format!("docs/reference/{kind}.md"), &text);
    }
}

#[test]
fn the_reference_of_verbs_is_fresh() {
    let mut command = cli::command().term_width(100);
    command.build();
    let mut text = "# Verbs\n\nWhat `benchgrid VERB --help` says.\n".to_owned();
    let help = |command: &mut clap::Command| command.render_long_help().to_string().trim_end().to_owned();
    let _ = write!(text, "\n```text\n{}\n```\n", help(&mut command));
    for verb in command.get_subcommands_mut().filter(|verb| !verb.is_hide_set()) {
        let help = help(verb);
        let _ = write!(text, "\n## {}\n\n```text\n{help}\n```\n", verb.get_name());
    }
    let text: Vec<_> = text.lines().map(str::trim_end).collect();
    committed("docs/reference/verbs.md", &(text.join("\n") + "\n"));
}

/// Chapters of the diagnostics, by the first two digits of their codes.
const CHAPTERS: [(&str, &str); 8] = [
    ("00", "Reading"),
    ("01", "Structure"),
    ("02", "Meaning"),
    ("03", "Matrix"),
    ("04", "Bases, as they are read"),
    ("05", "Plan"),
    ("06", "Bases, as they are built"),
    ("07", "Branch and Git"),
];

#[test]
fn documentation_lists_every_code() {
    let mut text = String::from(
        "# Diagnostics\n\nWhat the verbs say of files, as `benchgrid explain CODE` prints it. Codes are stable: a code that is no longer used \
         is not given away again.\nPlaces are line and column from 1, in characters. A fix replaces the marked text.\n",
    );
    for (digits, chapter) in CHAPTERS {
        let codes: Vec<_> = CODES.iter().filter(|code| code.id[2..4] == *digits).collect();
        if !codes.is_empty() {
            let _ = write!(text, "\n## {chapter}\n");
        }
        for code in codes {
            let _ = write!(text, "\n### {}: {}\n\n{}\n", code.id, code.title, code.explanation);
            let example = spec::example(code.id).unwrap_or_default();
            let _ = write!(text, "\n```text\n{example}\n```\n");
        }
    }
    assert!(CODES.iter().all(|code| text.contains(&format!("### {}:", code.id))), "a code has no chapter");
    committed("docs/reference/diagnostics.md", &text);
}
