//! `benchgrid rehearse`, as a user without root and with nothing installed runs it: only the built-in control.
//!
//! Where this machine has no user namespaces, the way over the loopback device is what is tested in both, and the test
//! says so.

#![expect(clippy::unwrap_used, clippy::print_stdout, reason = "a test that can't go on has failed")]

use std::{
    fs,
    io::Read,
    path::{Path, PathBuf},
    process::{Child, Command, Output, Stdio},
    thread,
    time::{Duration, Instant},
};

use benchgrid_measures::{Kind, Outcome, Record, Verdict};
use tempfile::TempDir;

const SCENARIO: &str = "apiVersion: benchgrid.io/v1alpha1
kind: Scenario
metadata: {name: tiny}
spec:
  axes: {system: [http, other]}
  systems:
    http: {base: ../base/http, groups: {nodes: {replicas: 2, network: {up: 80Mbit, down: 80Mbit}}}}
    other: {base: ../base/other, groups: {nodes: {replicas: 2}}}
  measure: {fileSize: 1MB, seeders: 1, repetitions: 1, warmup: 1}
";

/// A project with the scenario, and a system whose program is nowhere.
struct Bed {
    dir: TempDir,
}

impl Bed {
    fn new() -> Self {
        let dir = tempfile::tempdir().unwrap();
        let project = Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap();
        for (from, to) in [("base/http", "base/http"), ("base/http", "base/other")] {
            fs::create_dir_all(dir.path().join(to)).unwrap();
            for entry in fs::read_dir(project.join(from)).unwrap() {
                let entry = entry.unwrap();
                let text = fs::read_to_string(entry.path()).unwrap();
                let text =
                    if to == "base/other" { text.replace("[benchgrid-probe]", "[no-such-program]") } else { text };
                fs::write(dir.path().join(to).join(entry.file_name()), text).unwrap();
            }
        }
        fs::create_dir(dir.path().join("matrices")).unwrap();
        fs::write(dir.path().join("matrices/tiny.yaml"), SCENARIO).unwrap();
        Self { dir }
    }

    fn path(&self, name: &str) -> PathBuf {
        self.dir.path().join(name)
    }

    /// The verb, with a word in its environment by which its processes are found.
    fn command(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_benchgrid"));
        command.arg("rehearse").args(arguments).current_dir(self.dir.path());
        command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
        command
    }

    fn output(&self, arguments: &[&str]) -> Output {
        self.command(arguments).output().unwrap()
    }

    /// Processes that have to do with this bed: its folder is in their arguments, or they write to a file there.
    fn processes(&self) -> Vec<String> {
        let name = self.dir.path().file_name().unwrap().to_str().unwrap().to_owned();
        let mut found = Vec::new();
        for entry in fs::read_dir("/proc").unwrap().flatten() {
            let is_process = entry.file_name().to_string_lossy().bytes().all(|byte| byte.is_ascii_digit());
            let read = |file: &str| {
                let mut bytes = Vec::new();
                let opened = fs::File::open(entry.path().join(file));
                let _ = opened.and_then(|mut file| file.read_to_end(&mut bytes));
                String::from_utf8_lossy(&bytes).replace('\0', " ")
            };
            // a node has nothing of the bed but its log
            let output = fs::read_link(entry.path().join("fd/1")).unwrap_or_default();
            if is_process && (read("cmdline").contains(&name) || output.to_string_lossy().contains(&name)) {
                found.push(format!("{}: {}", entry.file_name().to_string_lossy(), read("cmdline")));
            }
        }
        found
    }

    /// Mounts of this test's own namespace that lie in the bed.
    fn mounts(&self) -> usize {
        let name = self.dir.path().display().to_string();
        fs::read_to_string("/proc/self/mounts").unwrap().lines().filter(|line| line.contains(&name)).count()
    }

    /// Nothing runs any more, and nothing is mounted.
    fn is_left_clean(&self) {
        let end = Instant::now() + Duration::from_secs(10);
        while !self.processes().is_empty() {
            assert!(Instant::now() < end, "still there: {:#?}", self.processes());
            thread::sleep(Duration::from_millis(100));
        }
        assert_eq!(self.mounts(), 0);
    }
}

/// Whether this machine has what a rehearsal with shaped links needs; said where it has not.
fn namespaces(stderr: &str) -> bool {
    let whole = !stderr.contains("links are not shaped") && !stderr.contains("Links are not shaped");
    if !whole {
        println!("this machine forbids namespaces or shaping, so only the way without was tested: {stderr}");
    }
    whole
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

/// Whether a line is as the committed schema says.
fn fits(line: &str) {
    let line: serde_json::Value = serde_json::from_str(line).unwrap();
    let kind = if line.get("verdict").is_some() { "outcome" } else { "record" };
    let path = format!("{}/../schemas/{kind}.schema.json", env!("CARGO_MANIFEST_DIR"));
    let schema = serde_json::from_str(&fs::read_to_string(path).unwrap()).unwrap();
    let validator = jsonschema::draft7::new(&schema).unwrap();
    let errors: Vec<_> = validator.iter_errors(&line).map(|error| error.to_string()).collect();
    assert!(errors.is_empty(), "{errors:?} in {line}");
}

fn records(file: &Path) -> (Vec<Record>, Vec<Outcome>) {
    let text = fs::read_to_string(file).unwrap();
    text.lines().filter(|line| line.starts_with('{')).for_each(fits);
    let records = text.lines().filter_map(|line| serde_json::from_str(line).ok()).collect();
    (records, text.lines().filter_map(|line| serde_json::from_str(line).ok()).collect())
}

#[test]
fn cells_are_measured_and_what_is_missing_is_named() {
    let bed = Bed::new();
    let start = Instant::now();
    let output = bed.output(&["matrices/tiny.yaml", "--out", "out"]);
    println!("{} s", start.elapsed().as_secs());
    let (stdout, stderr) = (text(&output.stdout), text(&output.stderr));
    assert_eq!(output.status.code(), Some(0), "{stderr}");
    assert!(stderr.contains("left out: system-other: "), "{stderr}");
    assert!(stderr.contains("no program `no-such-program` on PATH"), "{stderr}");
    assert_eq!(stdout, fs::read_to_string(bed.path("out/summary.md")).unwrap());
    assert!(stdout.contains("| system http | http |") && stdout.contains("no-such-program"), "{stdout}");
    let (records, outcomes) = records(&bed.path("out/records.jsonl"));
    assert_eq!(outcomes.iter().map(|one| (one.verdict, one.records)).collect::<Vec<_>>(), [(Verdict::Measured, 4)]);
    assert_eq!(records.len(), 4);
    let shaped = namespaces(&stderr);
    for record in &records {
        assert!(record.success && record.invalid.is_empty(), "{record:?}");
        assert_eq!(record.baseline.up_asked_bits_per_second, shaped.then_some(80_000_000));
        assert_eq!(record.fluid_bound_seconds.is_some(), shaped && record.kind == Kind::Download);
        assert_eq!(record.identity.lab, if shaped { "local" } else { "local-unshaped" });
        if let (Kind::Download, Some(bound)) = (record.kind, record.fluid_bound_seconds) {
            // a bucket lets its burst pass before the link's rate counts
            assert!(record.timing.time_to_100_seconds.unwrap() > bound * 0.9, "{record:?}");
            assert!(record.counters.received_bytes > 1_000_000, "{record:?}");
        }
    }
    let place = bed.path("out/system-http/trial-1");
    for file in
        ["cell.json", "coordinator.log", "outcome.json", "nodes/http-nodes-0/agent.log", "nodes/http-nodes-1/node.log"]
    {
        assert!(place.join(file).exists(), "{file}");
    }
    assert!(!place.join("volumes").exists() && !place.join("sandbox").exists());
    bed.is_left_clean();
    let again = bed.output(&["matrices/tiny.yaml", "--out", "out"]);
    assert_eq!(again.status.code(), Some(2));
    assert!(text(&again.stderr).contains("is not empty"), "{}", text(&again.stderr));
    let report =
        Command::new(env!("CARGO_BIN_EXE_benchgrid")).args(["report", "--records"]).arg(bed.path("out")).output();
    let report = text(&report.unwrap().stdout);
    assert!(stdout.starts_with(&report) && report.contains("| system http | http |"), "{report}");
}

#[test]
fn without_namespaces_nothing_passes_for_shaped() {
    let bed = Bed::new();
    let output = bed.output(&["matrices/tiny.yaml", "--without-namespaces", "--out", "out", "--keep"]);
    let (stdout, stderr) = (text(&output.stdout), text(&output.stderr));
    assert_eq!(output.status.code(), Some(0), "{stderr}");
    assert!(
        stderr.contains("warning: without network namespaces") && stdout.contains("Links are not shaped"),
        "{stderr}"
    );
    assert!(stderr.contains("left out: system-other: "), "{stderr}");
    let (records, outcomes) = records(&bed.path("out/records.jsonl"));
    assert_eq!((records.len(), outcomes.len()), (4, 1));
    for record in &records {
        assert!(record.success, "{record:?}");
        assert_eq!((record.baseline.up_asked_bits_per_second, record.baseline.up_bits_per_second), (None, None));
        assert_eq!(record.fluid_bound_seconds, None);
        assert_eq!(record.identity.lab, "local-unshaped");
        // the loopback device carries everybody's bytes
        assert_eq!(record.counters.received_bytes, 0);
        assert!(!record.lines().iter().any(|line| line.name.starts_with("benchgrid_network")), "{record:?}");
    }
    assert!(bed.path("out/system-http/trial-1/volumes/http-nodes-0").exists());
    bed.is_left_clean();
}

#[test]
fn nothing_to_run_is_a_no_and_wrong_words_are_usage() {
    let bed = Bed::new();
    let output = bed.output(&["matrices/tiny.yaml", "--cell", "system-other"]);
    assert_eq!(output.status.code(), Some(1), "{}", text(&output.stderr));
    assert!(text(&output.stderr).contains("none of the cells can be rehearsed here"));
    assert!(
        !fs::read_dir(bed.dir.path()).unwrap().any(|entry| entry
            .unwrap()
            .file_name()
            .to_string_lossy()
            .starts_with("tiny-"))
    );
    for wrong in [
        &["matrices/tiny.yaml", "--cell", "system-htp"][..],
        &["matrices/none.yaml"],
        &["matrices/tiny.yaml", "--store", "https://127.0.0.1"],
        &["matrices/tiny.yaml", "--trials", "0"],
    ] {
        assert_eq!(bed.output(wrong).status.code(), Some(2), "{wrong:?}");
    }
}

/// Ends with the test.
struct Ending(Child);

impl Drop for Ending {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// Starts a rehearsal, and waits until its nodes run.
fn under_way(bed: &Bed, more: &[&str]) -> Ending {
    let mut arguments = vec!["matrices/tiny.yaml", "--trials", "50", "--out", "out"];
    arguments.extend(more);
    let child = Ending(bed.command(&arguments).spawn().unwrap());
    let end = Instant::now() + Duration::from_mins(1);
    let first = bed.path("out/records.jsonl");
    // one trial has ended, the next one is there
    while !(fs::read_to_string(&first).is_ok_and(|text| text.lines().count() > 4) && bed.processes().len() > 4) {
        assert!(Instant::now() < end, "{:#?}", bed.processes());
        thread::sleep(Duration::from_millis(20));
    }
    child
}

fn signal(child: &Child, name: &str) {
    assert!(Command::new("kill").args([name, &child.id().to_string()]).status().unwrap().success());
}

#[test]
fn a_request_to_end_leaves_what_was_measured_and_nothing_else() {
    for more in [&[][..], &["--without-namespaces"]] {
        let bed = Bed::new();
        let mut child = under_way(&bed, more);
        signal(&child.0, "-TERM");
        let start = Instant::now();
        let status = child.0.wait().unwrap();
        assert!(start.elapsed() < Duration::from_secs(10), "{:?}", start.elapsed());
        assert_eq!(status.code(), Some(1));
        bed.is_left_clean();
        let (records, outcomes) = records(&bed.path("out/records.jsonl"));
        assert!(records.len() >= 4 && outcomes[0].verdict == Verdict::Measured, "{outcomes:?}");
        assert!(fs::read_to_string(bed.path("out/summary.md")).unwrap().contains("| system http | http |"));
        for trial in fs::read_dir(bed.path("out/system-http")).unwrap() {
            assert!(!trial.unwrap().path().join("volumes").exists());
        }
    }
}

#[test]
fn a_kill_leaves_nothing_running() {
    for more in [&[][..], &["--without-namespaces"]] {
        let bed = Bed::new();
        let mut child = under_way(&bed, more);
        signal(&child.0, "-KILL");
        child.0.wait().unwrap();
        bed.is_left_clean();
        let (records, _) = records(&bed.path("out/records.jsonl"));
        assert!(records.len() >= 4);
    }
}
