//! `compile --out`, as a user runs it: again and again, and where it must not.

#![expect(clippy::unwrap_used, reason = "a test that can't go on has failed")]

use std::path::Path;
use std::process::{Command, Output};

fn compile(scenario: &str, out: &Path) -> Output {
    let project = Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap();
    let mut command = Command::new(env!("CARGO_BIN_EXE_benchgrid"));
    command.current_dir(project).args(["compile", scenario, "--lab", "labs/test.yaml", "--out"]).arg(out);
    command.output().unwrap()
}

#[test]
fn the_last_compile_is_what_is_there() {
    let dir = tempfile::tempdir().unwrap();
    let out = dir.path().join("out");
    assert!(compile("matrices/smoke.yaml", &out).status.success());
    assert!(compile("matrices/demo-3x3.yaml", &out).status.success());
    assert!(out.join("overlays/demo-3x3/cells.json").exists());
    assert!(!out.join("overlays/smoke").exists(), "cells of the compile before are left");
    // what a mistake leaves: everything
    let before = std::fs::read(out.join("README.md")).unwrap();
    assert_eq!(compile("compiler/tests/fixtures/bad/BG0013-empty.yaml", &out).status.code(), Some(1));
    assert_eq!(std::fs::read(out.join("README.md")).unwrap(), before);
}

#[test]
fn folders_that_are_not_ours_stay() {
    let dir = tempfile::tempdir().unwrap();
    std::fs::write(dir.path().join("mine"), "").unwrap();
    let output = compile("matrices/smoke.yaml", dir.path());
    assert_eq!(output.status.code(), Some(2), "{output:?}");
    assert_eq!(std::fs::read_dir(dir.path()).unwrap().count(), 1);
}

#[test]
fn a_folder_that_cannot_be_written_is_the_machine() {
    let dir = tempfile::tempdir().unwrap();
    std::fs::write(dir.path().join("file"), "").unwrap();
    let output = compile("matrices/smoke.yaml", &dir.path().join("file/out"));
    assert_eq!(output.status.code(), Some(3), "{output:?}");
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(said.contains("file/out"), "{said}");
}
