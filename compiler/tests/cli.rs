//! What the command line prints, and how it ends: `tests/cli/*.md`. `TRYCMD=overwrite` writes what it prints now.

#![expect(clippy::unwrap_used, reason = "a test that can't go on has failed")]

use std::path::Path;

use benchgrid_measures::{Outcome, Record};

/// The files name files of the project, from its root.
fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap()
}

#[test]
fn prints_what_the_files_say() {
    // no other test of this program asks for the folder
    std::env::set_current_dir(root()).unwrap();
    trycmd::TestCases::new()
        .register_bin("benchgrid", Path::new(env!("CARGO_BIN_EXE_benchgrid")))
        .env("COLUMNS", "100")
        .env("NO_COLOR", "1")
        .case("compiler/tests/cli/*.md");
}

#[test]
fn completions_know_every_verb() {
    let program = || std::process::Command::new(env!("CARGO_BIN_EXE_benchgrid"));
    let help = String::from_utf8(program().arg("--help").output().unwrap().stdout).unwrap();
    let verbs: Vec<&str> = help
        .lines()
        .skip_while(|line| *line != "Commands:")
        .skip(1)
        .map_while(|line| line.split_whitespace().next())
        .collect();
    assert!(verbs.contains(&"validate") && verbs.contains(&"completions"), "{verbs:?}");
    for shell in ["bash", "zsh", "fish"] {
        let output = program().args(["completions", shell]).output().unwrap();
        let script = String::from_utf8(output.stdout).unwrap();
        for verb in &verbs {
            assert!(output.status.success() && script.contains(verb), "{shell} does not know {verb}");
        }
    }
}

#[test]
fn the_record_file_holds_records() {
    let text = std::fs::read_to_string(root().join("compiler/tests/fixtures/records.jsonl")).unwrap();
    let mut left = 0;
    for line in text.lines().filter(|line| line.starts_with('{')) {
        if let Ok(record) = serde_json::from_str::<Record>(line) {
            let Record { id, identity, phase, repetition, observe, kind, node, .. } = &record;
            let name = Record::name(&identity.attempt, *phase, *repetition, *observe, *kind, &node.pod);
            assert_eq!(*id, name);
            assert_eq!(
                serde_json::to_value(&record).unwrap(),
                serde_json::from_str::<serde_json::Value>(line).unwrap()
            );
            left += 1;
        } else {
            assert_eq!(serde_json::from_str::<Outcome>(line).unwrap().records, left);
            left = 0;
        }
    }
}
