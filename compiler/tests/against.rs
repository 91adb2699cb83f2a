//! `plan --against`: what becomes of the cells of a deploy branch that `compile` wrote, with real Git.

#![expect(clippy::unwrap_used, reason = "helpers of tests")]

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use serde_json::Value;

/// A repository with the smoke scenario, compiled to the branch `deploy`.
struct World {
    folder: tempfile::TempDir,
}

impl World {
    fn new() -> Self {
        let world = Self { folder: tempfile::tempdir().unwrap() };
        let project = Path::new(env!("CARGO_MANIFEST_DIR")).join("..");
        for path in ["matrices/smoke.yaml", "labs/test.yaml"] {
            world.write(path, &fs::read_to_string(project.join(path)).unwrap());
        }
        for base in ["base/http", "base/qbittorrent"] {
            for entry in fs::read_dir(project.join(base)).unwrap() {
                let name = entry.unwrap().file_name().into_string().unwrap();
                let path = format!("{base}/{name}");
                world.write(&path, &fs::read_to_string(project.join(&path)).unwrap());
            }
        }
        world.git(&["init", "-q", "-b", "main"]);
        world.git(&["add", "-A"]);
        world.git(&["commit", "-q", "-m", "Describe the experiment"]);
        let (code, _, said) = world.run(&["compile", "matrices/smoke.yaml", "--lab", "labs/test.yaml"]);
        assert_eq!(code, 0, "{said}");
        world
    }

    fn path(&self, path: &str) -> PathBuf {
        self.folder.path().join(path)
    }

    fn write(&self, path: &str, text: &str) {
        fs::create_dir_all(self.path(path).parent().unwrap()).unwrap();
        fs::write(self.path(path), text).unwrap();
    }

    /// Replaces a text of a file, everywhere in it.
    fn edit(&self, path: &str, from: &str, to: &str) {
        let text = fs::read_to_string(self.path(path)).unwrap();
        assert!(text.contains(from), "{path} has no {from}");
        self.write(path, &text.replace(from, to));
    }

    fn git(&self, arguments: &[&str]) {
        let run = Command::new("git")
            .current_dir(self.folder.path())
            .args(["-c", "user.name=Dev", "-c", "user.email=dev@example.org", "-c", "commit.gpgsign=false"])
            .args(arguments)
            .output()
            .unwrap();
        assert!(run.status.success(), "git {arguments:?}: {}", String::from_utf8_lossy(&run.stderr));
    }

    /// Exit code, standard output, standard error.
    fn run(&self, arguments: &[&str]) -> (i32, String, String) {
        let program = env!("CARGO_BIN_EXE_benchgrid");
        let run = Command::new(program).current_dir(self.folder.path()).args(arguments).output().unwrap();
        let text = |bytes: &[u8]| String::from_utf8(bytes.to_vec()).unwrap();
        (run.status.code().unwrap(), text(&run.stdout), text(&run.stderr))
    }

    fn plan(&self, arguments: &[&str]) -> (i32, String, String) {
        self.run(&[&["plan", "matrices/smoke.yaml", "--lab", "labs/test.yaml"], arguments].concat())
    }
}

/// Lines of a plan's text from the one that starts the comparison.
fn comparison(text: &str) -> Vec<&str> {
    text.lines().skip_while(|line| !line.starts_with("against ")).collect()
}

#[test]
fn nothing_differs_from_what_was_just_compiled() {
    let world = World::new();
    let (code, text, _) = world.plan(&["--against", "deploy", "--exit-code"]);
    assert_eq!((code, comparison(&text)), (0, vec!["against deploy: 0 new, 0 changed, 0 gone, 4 same"]));
    // another store: the same experiments
    world.edit("labs/test.yaml", "http://10.89.0.2:8428", "http://elsewhere:8428");
    assert_eq!(world.plan(&["--against", "deploy", "--exit-code"]).0, 0);
}

#[test]
fn what_was_measured_counts_for_adjusted_cells() {
    let world = World::new();
    world.edit("matrices/smoke.yaml", "trials: 1", "trials: 3\n    ready: 6m");
    let (code, text, _) = world.plan(&["--against", "deploy", "--exit-code"]);
    assert_eq!(code, 1, "the branch is not what the plan says");
    let lines = comparison(&text);
    assert_eq!(lines[0], "against deploy: 0 new, 0 changed, 4 adjusted, 0 gone, 0 same");
    assert!(
        lines[1].ends_with("filesize-5mb.system-http  trials 1 -> 3; measure.ready 300 s -> 360 s"),
        "{}",
        lines[1]
    );
}

/// An edit of a file, and what it says of one cell of `bittorrent`.
const EDITS: [(&str, &str, &str, &str); 11] = [
    ("matrices/smoke.yaml", "    repetitions: 2", "    repetitions: 3", "measure.repetitions 2 -> 3"),
    ("matrices/smoke.yaml", "    fileSize: \"{{ fileSize }}\"", "    fileSize: 7MB", "measure.fileSize 5 MB -> 7 MB"),
    ("matrices/smoke.yaml", "    trials: 1", "    trials: 1\n    observe: [counter, stream]", "measure.observe"),
    ("matrices/smoke.yaml", "  compare:", "  salt: \"2\"\n  compare:", "salt"),
    ("matrices/smoke.yaml", "fast: {replicas: 1,", "fast: {replicas: 2,", "bittorrent-fast: replicas 1 -> 2"),
    (
        "matrices/smoke.yaml",
        "fast: {replicas: 1,",
        "more: {replicas: 1, role: leecher, network: {up: 1Mbit, down: 1Mbit}}\n        fast: {replicas: 1,",
        "bittorrent: group more added",
    ),
    (
        "matrices/smoke.yaml",
        "fast: {replicas: 1,",
        "fast: {env: {A: b}, args: [c], replicas: 1,",
        "bittorrent-fast: arguments; bittorrent-fast: environment A",
    ),
    (
        "labs/test.yaml",
        "cluster.local/qbittorrent-nox:test",
        "cluster.local/qbittorrent-nox:next",
        "bittorrent-fast: image cluster.local/qbittorrent-nox:test -> cluster.local/qbittorrent-nox:next; bittorrent-seed:",
    ),
    (
        "labs/test.yaml",
        "cpu: 200m",
        "cpu: 300m",
        "bittorrent-fast: resources; bittorrent-seed: resources; bittorrent-slow",
    ),
    (
        "base/qbittorrent/system.yaml",
        "size('100MB')",
        "size('200MB')",
        "bittorrent-fast: volumes; bittorrent-seed: volumes;",
    ),
    ("matrices/smoke.yaml", "bittorrent:\n      base:", "bittorrent:\n      load: measured\n      base:", ""),
];

#[test]
fn a_changed_cell_says_what_changed() {
    let world = World::new();
    for (file, from, to, expected) in EDITS {
        let before = fs::read_to_string(world.path(file)).unwrap();
        world.edit(file, from, to);
        let (code, json, said) = world.plan(&["--against", "deploy", "--format", "json"]);
        assert_eq!(code, 0, "{said}");
        let json: Value = serde_json::from_str(&json).unwrap();
        let cells = json["against"]["cells"].as_array().unwrap();
        let cell = cells.iter().find(|cell| cell["slug"] == "filesize-5mb.system-bittorrent").unwrap();
        let changes: Vec<&str> =
            cell["changes"].as_array().into_iter().flatten().map(|one| one.as_str().unwrap()).collect();
        let state = if expected.is_empty() { "same" } else { "changed" };
        assert_eq!(cell["state"], state, "{to}: {changes:?}");
        assert!(changes.join("; ").starts_with(expected), "{to}: {changes:?}");
        world.write(file, &before);
    }
}

#[test]
fn objects_of_a_base_are_named() {
    let world = World::new();
    let file = fs::read_dir(world.path("base/qbittorrent")).unwrap().map(|entry| entry.unwrap().path());
    let file = file.into_iter().find(|path| fs::read_to_string(path).unwrap().contains("kind: ConfigMap")).unwrap();
    let text = fs::read_to_string(&file).unwrap();
    fs::write(&file, text.replacen("[Preferences]", "[Preferences]\n    Other=1", 1)).unwrap();
    let (_, text, _) = world.plan(&["--against", "deploy"]);
    let lines = comparison(&text);
    assert_eq!(lines[0], "against deploy: 0 new, 2 changed, 0 gone, 2 same");
    assert!(lines[1].contains("bittorrent-fast: ConfigMap "), "{}", lines[1]);
}

#[test]
fn cells_are_new_changed_gone_or_the_same() {
    let world = World::new();
    world.edit("matrices/smoke.yaml", "fileSize: [5MB, 20MB]", "fileSize: [5MB, 40MB]");
    // the first system's slow link: the cells of `http`
    let text = fs::read_to_string(world.path("matrices/smoke.yaml")).unwrap();
    world.write("matrices/smoke.yaml", &text.replacen("up: 20Mbit, down: 20Mbit", "up: 10Mbit, down: 20Mbit", 1));
    let (code, text, _) = world.plan(&["--against", "deploy", "--exit-code"]);
    assert_eq!(code, 1);
    let lines = comparison(&text);
    assert_eq!(lines[0], "against deploy: 2 new, 1 changed, 2 gone, 1 same");
    let words =
        |line: &&str| line.split_whitespace().step_by(2).take(2).map(str::to_owned).collect::<Vec<_>>().join(" ");
    assert!(lines[1].ends_with("  http-slow: link"), "{}", lines[1]);
    let expected = [
        "changed filesize-5mb.system-http",
        "new filesize-40mb.system-http",
        "new filesize-40mb.system-bittorrent",
        "gone filesize-20mb.system-http",
        "gone filesize-20mb.system-bittorrent",
    ];
    assert_eq!(lines[1..].iter().map(words).collect::<Vec<_>>(), expected);
    assert_eq!(world.plan(&["--against", "deploy"]).0, 0, "without --exit-code a difference is no failure");

    let (_, json, _) = world.plan(&["--against", "deploy", "--format", "json"]);
    let json: Value = serde_json::from_str(&json).unwrap();
    let cells = json["against"]["cells"].as_array().unwrap();
    let states: Vec<&str> = cells.iter().map(|cell| cell["state"].as_str().unwrap()).collect();
    assert_eq!(states, ["changed", "same", "new", "new", "gone", "gone"]);
    let schema = benchgrid::cli::schema::schema("plan").unwrap();
    assert!(jsonschema::draft7::new(&schema).unwrap().is_valid(&json));

    let (_, markdown, _) = world.plan(&["--against", "deploy", "--format", "markdown"]);
    assert!(
        markdown.contains("#### Against `deploy`: 2 new, 1 changed, 2 gone, 1 same\n\n| state | cell | id | what |\n")
    );
    assert!(markdown.contains("\n| changed | `filesize-5mb.system-http` | `"));
}

#[test]
fn any_reference_to_a_commit_of_the_branch_will_do() {
    let world = World::new();
    world.edit("matrices/smoke.yaml", "fileSize: [5MB, 20MB]", "fileSize: [5MB]");
    world.git(&["commit", "-q", "-a", "-m", "Leave one out"]);
    assert_eq!(world.run(&["compile", "matrices/smoke.yaml", "--lab", "labs/test.yaml"]).0, 0);
    assert_eq!(world.plan(&["--against", "deploy", "--exit-code"]).0, 0);
    let (code, text, _) = world.plan(&["--against", "deploy~1", "--exit-code"]);
    assert_eq!((code, comparison(&text)[0]), (1, "against deploy~1: 0 new, 0 changed, 2 gone, 2 same"));
    world.git(&["update-ref", "refs/remotes/origin/lab", "deploy"]);
    assert_eq!(world.plan(&["--against", "origin/lab", "--exit-code"]).0, 0);
}

#[test]
fn a_scenario_that_the_branch_does_not_have_is_new() {
    let world = World::new();
    world.edit("matrices/smoke.yaml", "name: smoke", "name: other");
    let (code, text, _) = world.plan(&["--against", "deploy", "--exit-code"]);
    assert_eq!((code, comparison(&text)[0]), (1, "against deploy: 4 new, 0 changed, 0 gone, 0 same"));
}

#[test]
fn what_is_no_deploy_branch_of_the_lab_is_refused() {
    let world = World::new();
    let (code, _, said) = world.plan(&["--against", "nowhere", "--exit-code"]);
    assert!(code == 2 && said.contains("no branch or commit `nowhere`"), "{code} {said}");
    let (code, _, said) = world.plan(&["--against", "main", "--exit-code"]);
    assert!(code == 3 && said.contains("was not written by benchgrid"), "{code} {said}");
    world.edit("labs/test.yaml", "name: test", "name: other");
    let (code, _, said) = world.plan(&["--against", "deploy", "--exit-code"]);
    assert!(code == 3 && said.contains("belongs to lab `test`"), "{code} {said}");
    assert_eq!(world.plan(&["--exit-code"]).0, 2, "--exit-code says nothing without --against");
}
