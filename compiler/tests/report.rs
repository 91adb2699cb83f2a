//! `benchgrid report`: the same report, whatever it is made from.
//!
//! Needs the Debian package victoria-metrics.

#![expect(clippy::unwrap_used, clippy::expect_used, reason = "a test that can't go on has failed")]

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
fn files(folder: &Path) -> Vec<(PathBuf, Vec<u8>)> {
    let mut found = Vec::new();
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        match path.is_dir() {
            true => found.extend(files(&path).into_iter().map(|(inner, bytes)| (path.join(inner), bytes))),
            false => found.push((PathBuf::from(path.file_name().unwrap()), fs::read(&path).unwrap())),
        }
    }
    found.sort();
    found
}

#[test]
fn record_file_archive_samples_and_store_give_the_same_report() {
    let text = fs::read_to_string(fixture()).unwrap();
    let place = tempfile::tempdir().unwrap();
    let at = |name: &str| place.path().join(name).to_str().unwrap().to_owned();
    let printed = report(place.path(), &["--records", fixture().to_str().unwrap(), "--out", &at("one")]).unwrap();

    let again = report(place.path(), &["--records", &at("one"), "--out", &at("two")]).unwrap();
    assert_eq!(again, printed, "from the report's own samples");
    assert_eq!(files(Path::new(&at("one"))), files(Path::new(&at("two"))));

    archive(place.path(), &text);
    let archived = |reference: &str| report(place.path(), &["--archive", reference]);
    assert_eq!(archived("results"), Ok(printed.clone()), "from a branch");
    assert_eq!(archived(&git(place.path(), &["rev-parse", "results"])), Ok(printed.clone()), "from a commit");
    assert_eq!(archived("archive"), Ok(printed.clone()), "from a folder");

    let store = Server::start(&[]);
    let lines = text.lines();
    let records: Vec<Record> = lines.clone().filter_map(|line| serde_json::from_str(line).ok()).collect();
    let outcomes: Vec<Outcome> = lines.filter_map(|line| serde_json::from_str(line).ok()).collect();
    store.push(&records, &outcomes);
    let lab = root().join("labs/test.yaml");
    let (end, mut stored) = (Instant::now() + SHOWS, Err(String::new()));
    while stored.as_ref() != Ok(&printed) && Instant::now() < end {
        thread::sleep(Duration::from_millis(500));
        stored = report(place.path(), &["--lab", lab.to_str().unwrap(), "--store", &store.base]);
    }
    assert_eq!(stored, Ok(printed), "from the store");
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
