//! `benchgrid schema`: JSON Schemas of the files, of the records, and of what stands on the branch.

use std::path::{Path, PathBuf};

use benchgrid_measures::{Outcome, Record};
use clap::Args;
use serde_json::Value;

use super::{Exit, print, say};
use crate::conduct::{Done, Status};
use crate::render::{Attempt, CellsFile, PlanFile};
use crate::spec;

/// Print a JSON Schema (draft 07), or write all of them
#[derive(Debug, Args)]
#[command(
    after_help = "Examples:\n  benchgrid schema scenario > scenario.schema.json\n  benchgrid schema --all schemas"
)]
pub struct SchemaArgs {
    /// Which one
    #[arg(value_name = "KIND", value_parser = SCHEMAS, required_unless_present = "all")]
    kind: Option<String>,
    /// Write every schema to this folder as `<kind>.schema.json`
    #[arg(long, value_name = "DIR", conflicts_with = "kind")]
    all: Option<PathBuf>,
}

/// Kinds a schema is committed for, by the name of the file: the user's files, what is measured, what the branch and
/// `plan` and `status` with `--format json` hold.
pub const SCHEMAS: [&str; 10] =
    ["scenario", "lab", "system", "record", "outcome", "cells", "plan", "attempt", "done", "status"];

/// The schema of a kind.
pub fn schema(kind: &str) -> Option<Value> {
    Some(match kind {
        "record" => spec::schema_of::<Record>(kind),
        "outcome" => spec::schema_of::<Outcome>(kind),
        "cells" => spec::schema_of::<CellsFile>(kind),
        "plan" => spec::schema_of::<PlanFile>(kind),
        "attempt" => spec::schema_of::<Attempt>(kind),
        "done" => spec::schema_of::<Done>(kind),
        "status" => spec::schema_of::<Status>(kind),
        _ => return spec::schema(kind),
    })
}

/// The schema as it is committed.
pub fn text(kind: &str) -> Option<String> {
    schema(kind).and_then(|schema| serde_json::to_string_pretty(&schema).ok()).map(|text| text + "\n")
}

impl SchemaArgs {
    pub(super) fn run(&self) -> Exit {
        if let Some(kind) = &self.kind {
            print(&text(kind).unwrap_or_default());
        }
        match self.all.as_deref().map(write_all) {
            Some(Err(error)) => {
                let folder = self.all.as_deref().unwrap_or(Path::new(""));
                say(&format!("error: the schemas can't be written to {}: {error}", folder.display()));
                Exit::Environment
            }
            _ => Exit::Yes,
        }
    }
}

fn write_all(folder: &Path) -> std::io::Result<()> {
    std::fs::create_dir_all(folder)?;
    SCHEMAS
        .iter()
        .try_for_each(|kind| std::fs::write(folder.join(format!("{kind}.schema.json")), text(kind).unwrap_or_default()))
}
