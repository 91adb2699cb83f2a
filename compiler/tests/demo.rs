//! The compiled demo that the project holds is what this compiler makes of it: `overlays/`, `argocd-apps/`, and the
//! bases that they refer to. `BENCHGRID_BLESS=1` writes it anew.

#![expect(clippy::unwrap_used, reason = "a test that can't go on has failed")]

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::Command;

const REFRESH: &str = "BENCHGRID_BLESS=1 cargo test -p benchgrid --test demo";

type Tree = BTreeMap<String, Vec<u8>>;

fn project() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap().to_owned()
}

/// The demo as `compile --out` writes it, as far as the project holds it.
fn compiled(out: &Path) -> Tree {
    let mut command = Command::new(env!("CARGO_BIN_EXE_benchgrid"));
    command.current_dir(project()).args(["compile", "matrices/demo-3x3.yaml", "--lab", "labs/example.yaml", "--out"]);
    let output = command.arg(out).output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let mut tree = Tree::new();
    for folder in ["overlays", "argocd-apps", "base"] {
        read(out, folder, &mut tree);
    }
    tree
}

/// The demo as it is committed. A base without `system.yaml` is a compiled one.
fn committed() -> Tree {
    let mut tree = Tree::new();
    for folder in ["overlays", "argocd-apps"] {
        read(&project(), folder, &mut tree);
    }
    for base in entries(&project().join("base")) {
        if !base.join("system.yaml").exists() {
            read(&project(), &format!("base/{}", base.file_name().unwrap().to_str().unwrap()), &mut tree);
        }
    }
    tree
}

fn entries(folder: &Path) -> Vec<PathBuf> {
    std::fs::read_dir(folder).into_iter().flatten().map(|entry| entry.unwrap().path()).collect()
}

fn read(root: &Path, path: &str, tree: &mut Tree) {
    for entry in entries(&root.join(path)) {
        let path = format!("{path}/{}", entry.file_name().unwrap().to_str().unwrap());
        if entry.is_dir() {
            read(root, &path, tree);
        } else {
            tree.insert(path, std::fs::read(entry).unwrap());
        }
    }
}

/// Every file in which the trees differ, with how.
fn differences(committed: &Tree, compiled: &Tree) -> Vec<String> {
    let mut found = Vec::new();
    for (path, bytes) in compiled {
        match committed.get(path) {
            None => found.push(format!("missing: {path}")),
            Some(other) if other != bytes => found.push(format!("stale:   {path}")),
            Some(_) => {}
        }
    }
    found.extend(committed.keys().filter(|path| !compiled.contains_key(*path)).map(|path| format!("extra:   {path}")));
    found
}

fn bless(committed: &Tree, compiled: &Tree) {
    for path in committed.keys().filter(|path| !compiled.contains_key(*path)) {
        let path = project().join(path);
        std::fs::remove_file(&path).unwrap();
        // folders that are empty now; one that is not can't be removed, and stays
        let _ = path.ancestors().skip(1).map(std::fs::remove_dir).find(Result::is_err);
    }
    for (path, bytes) in compiled.iter().filter(|(path, bytes)| committed.get(*path) != Some(bytes)) {
        let path = project().join(path);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, bytes).unwrap();
    }
}

#[test]
fn the_committed_demo_is_what_the_compiler_makes() {
    let out = tempfile::tempdir().unwrap();
    let compiled = compiled(out.path());
    assert!(compiled.keys().any(|path| path.starts_with("overlays/demo-3x3/")), "no cell was compiled");
    if std::env::var_os("BENCHGRID_BLESS").is_some() {
        bless(&committed(), &compiled);
    }
    let found = differences(&committed(), &compiled);
    assert!(
        found.is_empty(),
        "the committed demo is not what the compiler makes; `{REFRESH}` writes it anew:\n{}",
        found.join("\n")
    );
}
