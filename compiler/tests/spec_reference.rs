//! What is generated from the types and committed: schemas and references. `BENCHGRID_BLESS=1` rewrites it.

#![expect(clippy::unwrap_used, reason = "a test that can't go on has failed")]

use std::fmt::Write as _;
use std::path::Path;

use benchgrid::cli::schema::{self, SCHEMAS};
use benchgrid::spec::{self, CODES};

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

#[test]
fn documentation_lists_every_code() {
    let mut text = String::from(
        "# Diagnostics\n\nWhat `benchgrid validate` and every verb that reads files can say; BG05xx and BG06xx come from the verbs that plan. Codes are stable: a code that is no longer used \
         is not given away again.\nPlaces are line and column from 1, in characters. A fix replaces the marked text.\n\n\
         | code | what | why, and what to do |\n| --- | --- | --- |\n",
    );
    for code in CODES {
        let _ = writeln!(text, "| {} | {} | {} |", code.id, code.title, code.explanation.replace('|', "\\|"));
    }
    text += "\nEvery code below BG0500 has a file that causes it in `compiler/tests/fixtures/bad`, with the code beside the line; \
             `compiler/tests/plan.rs` causes the others, which need a lab and built bases.\n";
    committed("docs/reference/diagnostics.md", &text);
}
