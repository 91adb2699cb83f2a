//! `benchgrid report`: the same report, whatever it is made from.
//!
//! Needs the Debian package victoria-metrics.

#![expect(clippy::unwrap_used, clippy::expect_used, reason = "a test that can't go on has failed")]

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::thread;
use std::time::{Duration, Instant};

use benchgrid_measures::{Outcome, Record};
use sha2::{Digest, Sha256};

#[path = "common/git.rs"]
mod git;
#[path = "../../results/tests/sources/server.rs"]
mod server;

use git::git;
use server::{SHOWS, Server};

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap()
}

fn fixture() -> PathBuf {
    root().join("compiler/tests/fixtures/records.jsonl")
}

/// What the verb prints, run in a folder.
fn report(place: &Path, arguments: &[&str]) -> Result<String, String> {
    let mut command = Command::new(env!("CARGO_BIN_EXE_benchgrid"));
    let output = command.arg("report").args(arguments).current_dir(place).output().unwrap();
    let text = |bytes| String::from_utf8(bytes).unwrap();
    if output.status.success() { Ok(text(output.stdout)) } else { Err(text(output.stderr)) }
}

/// Everything in a folder, by path.
fn files(folder: &Path) -> BTreeMap<PathBuf, String> {
    let mut found = BTreeMap::new();
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        let name = PathBuf::from(path.file_name().unwrap());
        if path.is_dir() {
            found.extend(files(&path).into_iter().map(|(inner, text)| (name.join(inner), text)));
        } else {
            found.insert(name, fs::read_to_string(&path).unwrap());
        }
    }
    found
}

#[track_caller]
fn same(one: &Path, other: &Path) {
    let (one, other) = (files(one), files(other));
    assert!(one.len() > 3 && one.keys().eq(other.keys()), "{:?} {:?}", one.keys(), other.keys());
    for (path, text) in one {
        assert_eq!(text, other[&path], "{}", path.display());
    }
}

#[test]
fn record_file_archive_samples_and_store_give_the_same_report() {
    let text = fs::read_to_string(fixture()).unwrap();
    let place = tempfile::tempdir().unwrap();
    let at = |name: &str| place.path().join(name).to_str().unwrap().to_owned();
    let printed = report(place.path(), &["--records", fixture().to_str().unwrap(), "--out", &at("one")]).unwrap();

    let again = report(place.path(), &["--records", &at("one"), "--out", &at("two")]).unwrap();
    assert_eq!(again, printed, "from the report's own samples");
    same(Path::new(&at("one")), Path::new(&at("two")));

    archive(place.path(), &text);
    let archived = |reference: &str| report(place.path(), &["--archive", reference, "--out", &at(reference)]);
    assert_eq!(archived("results"), Ok(printed.clone()), "from a branch");
    assert_eq!(archived(&git(place.path(), &["rev-parse", "results"])), Ok(printed.clone()), "from a commit");
    assert_eq!(report(place.path(), &["--archive", "archive"]), Ok(printed.clone()), "from a folder");
    same(Path::new(&at("one")), Path::new(&at("results")));

    let store = Server::start(&[]);
    let lines = text.lines();
    let records: Vec<Record> = lines.clone().filter_map(|line| serde_json::from_str(line).ok()).collect();
    let outcomes: Vec<Outcome> = lines.filter_map(|line| serde_json::from_str(line).ok()).collect();
    store.push(&records, &outcomes);
    let lab = root().join("labs/test.yaml");
    let (end, mut stored) = (Instant::now() + SHOWS, Err(String::new()));
    while stored.as_ref() != Ok(&printed) && Instant::now() < end {
        thread::sleep(Duration::from_millis(500));
        let lab = lab.to_str().unwrap();
        stored = report(place.path(), &["--lab", lab, "--store", &store.base, "--out", &at("stored")]);
    }
    assert_eq!(stored, Ok(printed), "from the store");
    same(Path::new(&at("one")), Path::new(&at("stored")));
}

/// Commits an archive of these lines to a branch, whose files stay in the folder `archive` as well.
fn archive(place: &Path, text: &str) {
    for outcome in text.lines().filter_map(|line| serde_json::from_str::<Outcome>(line).ok()) {
        let identity = outcome.identity;
        let folder = place.join("archive").join(&identity.lab).join(&identity.scenario).join(&identity.cell);
        fs::create_dir_all(&folder).unwrap();
        let of = |line: &&str| line.contains(&format!("\"attempt\":\"{}\"", identity.attempt));
        let lines = text.lines().filter(of).fold(String::new(), |all, line| all + line + "\n");
        let name = format!("{}.jsonl", identity.attempt);
        let sum = Sha256::digest(&lines).iter().fold(String::new(), |hex, byte| hex + &format!("{byte:02x}"));
        fs::write(folder.join(&name), lines).unwrap();
        fs::write(folder.join(format!("{name}.sha256")), format!("{sum}  {name}\n")).unwrap();
    }
    let archive = place.join("archive");
    git(&archive, &["init", "--quiet", "--initial-branch", "results"]);
    git(&archive, &["add", "."]);
    git(&archive, &["commit", "--quiet", "--message", "Archive"]);
    git(place, &["init", "--quiet"]);
    git(place, &["fetch", "--quiet", "archive", "results:results"]);
}

/// `BENCHGRID_BLESS=1` writes the sample's tables anew.
#[test]
fn the_sample_is_what_the_program_makes_of_its_samples() {
    let sample = root().join("docs/sample/rehearsed-3x3");
    let out = tempfile::tempdir().unwrap();
    let folder = out.path().to_str().unwrap();
    let records = ["--records", "docs/sample/rehearsed-3x3", "--out", folder];
    report(root(), &[&["matrices/demo-3x3.yaml"], &records[..]].concat()).unwrap();
    for name in ["report.md", "cells.csv", "comparisons.csv", "samples.jsonl"] {
        let made = fs::read_to_string(out.path().join(name)).unwrap();
        if std::env::var_os("BENCHGRID_BLESS").is_some() {
            fs::write(sample.join(name), &made).unwrap();
        }
        assert!(
            made == fs::read_to_string(sample.join(name)).unwrap(),
            "{name} differs from docs/sample/rehearsed-3x3"
        );
    }
}

#[test]
fn of_several_scenarios_each_has_its_own() {
    let out = tempfile::tempdir().unwrap();
    let sources = ["--records", "docs/sample/rehearsed-3x3", "compiler/tests/fixtures/records.jsonl"];
    report(root(), &[&sources[..], &["--out", out.path().to_str().unwrap()]].concat()).unwrap();
    for (scenario, source) in [("demo-3x3", sources[1]), ("smoke", sources[2])] {
        let alone = tempfile::tempdir().unwrap();
        report(root(), &["--records", source, "--out", alone.path().to_str().unwrap()]).unwrap();
        same(&out.path().join(scenario), alone.path());
    }
}
