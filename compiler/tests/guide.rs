//! The guide is true: its commands run, in a copy of the project, and print what it says; its YAML can be planned.
//! `BENCHGRID_BLESS=1` writes what the commands print now.
//!
//! Blocks: `sh` runs; `console` runs, and prints what follows each `$ ` line; `yaml` is a scenario, or a part of one's
//! `spec`; `yaml PATH` is written to that file. Indented blocks are only read.

#![expect(clippy::unwrap_used, clippy::print_stdout, reason = "a test that can't go on has failed")]

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::path::{Path, PathBuf};
use std::process::Command;

use tempfile::TempDir;

const BENCHGRID: &str = env!("CARGO_BIN_EXE_benchgrid");

fn project() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap().to_owned()
}

/// A page, cut where fences begin and end.
enum Part {
    Text(String),
    Block { language: String, text: String },
}

fn parts(page: &str) -> Vec<Part> {
    let mut parts = vec![Part::Text(String::new())];
    let mut inside = false;
    for line in page.split_inclusive('\n') {
        match (inside, line.strip_prefix("```")) {
            (false, Some(language)) => {
                parts.push(Part::Block { language: language.trim().to_owned(), text: String::new() });
                inside = true;
            }
            (true, Some(_)) => {
                parts.push(Part::Text(String::new()));
                inside = false;
            }
            (_, None) => match parts.last_mut().unwrap() {
                Part::Text(text) | Part::Block { text, .. } => text.push_str(line),
            },
        }
    }
    assert!(!inside, "a block without an end");
    parts
}

/// A clone of the project, as far as the guide uses it, with programs on its PATH.
struct Bed {
    dir: TempDir,
    path: String,
}

impl Bed {
    fn new() -> Self {
        let dir = tempfile::tempdir().unwrap();
        let bin = dir.path().join("bin");
        std::fs::create_dir_all(dir.path().join("home")).unwrap();
        std::fs::create_dir_all(&bin).unwrap();
        std::os::unix::fs::symlink(BENCHGRID, bin.join("benchgrid")).unwrap();
        let bed = Self { path: format!("{}:{}", bin.display(), std::env::var("PATH").unwrap()), dir };
        std::fs::create_dir(bed.work()).unwrap();
        for folder in ["base", "docs", "labs", "matrices", "schemas"] {
            let copied = Command::new("cp").arg("-R").arg(project().join(folder)).arg(bed.work()).status().unwrap();
            assert!(copied.success());
        }
        bed.run(
            "git config --global user.name Someone && git config --global user.email someone@example.org
             git init --quiet && git add . && git commit --quiet --message Clone",
        );
        bed
    }

    fn work(&self) -> PathBuf {
        self.dir.path().join("work")
    }

    /// What commands print; they must work.
    fn run(&self, commands: &str) -> String {
        let mut bash = Command::new("bash");
        bash.args(["--noprofile", "--norc", "-eo", "pipefail", "-c", commands]).current_dir(self.work());
        bash.env("PATH", &self.path).env("HOME", self.dir.path().join("home")).env("GIT_CONFIG_NOSYSTEM", "1");
        let output = bash.output().unwrap();
        assert!(output.status.success(), "{commands}\n{output:#?}");
        String::from_utf8(output.stdout).unwrap()
    }

    /// The lines of a block that can run here: `kustomize` may be missing outside `tests/run`, which says so by itself.
    fn runnable(&self, block: &str) -> String {
        let missing =
            |line: &str| line.starts_with("kustomize ") && self.run("command -v kustomize || true").is_empty();
        let (left_out, lines): (Vec<&str>, Vec<&str>) = block.lines().partition(|line| missing(line));
        for line in left_out {
            println!("not run, there is no kustomize: {line}");
        }
        lines.join("\n")
    }

    /// The page with what its commands print.
    fn page(&self, page: &str) -> String {
        let mut out = String::new();
        for part in parts(page) {
            match part {
                Part::Text(text) => out.push_str(&text),
                Part::Block { language, text } => {
                    if let Some(file) = language.strip_prefix("yaml ") {
                        self.write(file, &text);
                    }
                    let text = match language.as_str() {
                        "sh" => {
                            self.run(&self.runnable(&text));
                            text
                        }
                        "console" => self.console(&text),
                        _ => text,
                    };
                    let _ = write!(out, "```{language}\n{text}```\n");
                }
            }
        }
        out
    }

    fn write(&self, file: &str, text: &str) {
        let path = self.work().join(file);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, text).unwrap();
    }

    fn console(&self, block: &str) -> String {
        let commands = block.lines().filter_map(|line| line.strip_prefix("$ "));
        commands.flat_map(|command| ["$ ", command, "\n", &self.run(command)].map(str::to_owned)).collect()
    }
}

fn check(page: &str) {
    let path = project().join("docs/guide").join(page);
    let written = std::fs::read_to_string(&path).unwrap();
    let seen = Bed::new().page(&written);
    if std::env::var_os("BENCHGRID_BLESS").is_some() {
        std::fs::write(&path, &seen).unwrap();
    }
    assert!(
        std::fs::read_to_string(&path).unwrap() == seen,
        "{page} says something else than its commands print; `BENCHGRID_BLESS=1 cargo test -p benchgrid --test guide` \
         writes what they print:\n{seen}"
    );
}

#[test]
fn getting_started_runs() {
    check("getting-started.md");
}

#[test]
fn rehearsing_runs() {
    check("rehearse.md");
}

#[test]
fn own_system_runs() {
    check("own-system.md");
}

#[test]
fn results_run() {
    check("results.md");
}

#[test]
fn ci_runs() {
    check("ci.md");
}

/// What a part of a `spec` is put into, field by field.
const AROUND: [(&str, &str); 3] = [
    ("axes", "  axes:\n    networkSize: [4, 8]\n"),
    (
        "systems",
        "  systems:\n    bittorrent:\n      base: ../base/qbittorrent\n      groups:\n        nodes: {replicas: \"{{ networkSize }}\"}\n",
    ),
    ("measure", "  measure:\n    fileSize: 5MB\n    seeders: 1\n"),
];

/// A scenario that holds the block.
fn scenario(block: &str) -> String {
    if block.contains("kind: Scenario") {
        return block.to_owned();
    }
    let mut text = String::from("apiVersion: benchgrid.io/v1alpha1\nkind: Scenario\nmetadata: {name: part}\nspec:\n");
    for line in block.lines() {
        let _ = writeln!(text, "  {line}");
    }
    for (field, default) in AROUND {
        if !block.lines().any(|line| line.starts_with(&format!("{field}:"))) {
            text.push_str(default);
        }
    }
    text
}

#[test]
fn every_scenario_of_the_documentation_can_be_planned() {
    let bed = Bed::new();
    let mut found = BTreeMap::new();
    for page in ["docs/guide/writing-scenarios.md", "README.md"] {
        let text = std::fs::read_to_string(project().join(page)).unwrap();
        for part in parts(&text) {
            let Part::Block { language, text } = part else { continue };
            if language == "yaml" {
                *found.entry(page).or_insert(0) += 1;
                std::fs::write(bed.work().join("matrices/part.yaml"), scenario(&text)).unwrap();
                bed.run(
                    "benchgrid validate matrices/part.yaml && benchgrid plan matrices/part.yaml --lab labs/example.yaml",
                );
            }
        }
    }
    assert!(found.len() == 2 && found["docs/guide/writing-scenarios.md"] > 8, "the pages have blocks: {found:?}");
}

#[test]
fn links_lead_somewhere() {
    let mut pages = vec![project().join("README.md")];
    for folder in ["docs", "docs/guide", "docs/reference"] {
        let entries = std::fs::read_dir(project().join(folder)).unwrap().map(|entry| entry.unwrap().path());
        pages.extend(entries.filter(|path| path.extension().is_some_and(|extension| extension == "md")));
    }
    let mut count = 0;
    for page in pages {
        let text = std::fs::read_to_string(&page).unwrap();
        let targets = text.split("](").skip(1).filter_map(|rest| rest.split_once(')')).map(|(target, _)| target);
        for target in targets.filter(|target| !target.contains("://")) {
            let file = target.split('#').next().unwrap_or_default();
            assert!(page.parent().unwrap().join(file).exists(), "{}: {target}", page.display());
            count += 1;
        }
    }
    assert!(count > 10, "{count} links were seen");
}
