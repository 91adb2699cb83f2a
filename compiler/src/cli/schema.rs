//! `benchgrid schema`: JSON Schemas of the files and of the records.

use std::path::PathBuf;
use std::process::ExitCode;

use clap::Args;

use crate::spec::{SCHEMAS, schema};

/// Prints the JSON Schema (draft 07) of a kind, or writes all of them to a folder.
#[derive(Debug, Args)]
pub struct SchemaArgs {
    /// Which one.
    #[arg(value_parser = SCHEMAS, required_unless_present = "all")]
    kind: Option<String>,
    /// Write every schema to this folder as `<kind>.schema.json`.
    #[arg(long, value_name = "DIR", conflicts_with = "kind")]
    all: Option<PathBuf>,
}

/// The schema as it is committed.
pub fn text(kind: &str) -> Option<String> {
    schema(kind).and_then(|schema| serde_json::to_string_pretty(&schema).ok()).map(|text| text + "\n")
}

/// Runs the verb.
#[expect(clippy::print_stdout, clippy::print_stderr, reason = "the command line prints")]
pub fn run(args: &SchemaArgs) -> ExitCode {
    if let Some(kind) = &args.kind {
        print!("{}", text(kind).unwrap_or_default());
    }
    if let Some(folder) = &args.all {
        let written = std::fs::create_dir_all(folder).and_then(|()| {
            SCHEMAS.iter().try_for_each(|kind| {
                std::fs::write(folder.join(format!("{kind}.schema.json")), text(kind).unwrap_or_default())
            })
        });
        if let Err(error) = written {
            eprintln!("error: {} can't be written: {error}", folder.display());
            return ExitCode::from(3);
        }
    }
    ExitCode::SUCCESS
}
