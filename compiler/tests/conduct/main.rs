//! The conductor against real Git and a store on the loopback, from compile to `done/`.

#![expect(clippy::unwrap_used, reason = "helpers of tests")]

mod archive;
#[path = "../common/git.rs"]
mod git;
mod hands;
mod logs;
mod status;

use std::{
    cell::{Cell, RefCell},
    collections::{BTreeMap, BTreeSet},
    io::{BufRead, BufReader, Read, Write},
    net::{TcpListener, TcpStream},
    path::PathBuf,
    sync::{Arc, Mutex, mpsc},
};

use benchgrid::conduct::{
    Attempt, Cluster, ClusterView, Conductor, Done, Look, NoCluster, Options, Over, Status, Tick, read_state,
};
use benchgrid::git::{Branch, Folders, Ownership, Provenance, Publication, Remote, Snapshot, publish};
use benchgrid_measures::{AttemptName, Timestamp, Verdict};
use git::git;
use git2::Repository;
use serde_json::{Value, json};

/// The first attempt of every campaign here.
const FIRST: &str = "bg-demo-0000000000-dddddd-t1a1";

/// What the store says, and what it and the webhook were asked.
#[derive(Default)]
struct Said {
    export: String,
    /// What it has of records.
    records: String,
    broken: bool,
    asked: Vec<String>,
    events: Vec<Value>,
    /// What the cluster's API says to a path: status and body.
    cluster: BTreeMap<String, (u16, String)>,
}

/// A store, a webhook and a cluster's API on the loopback.
struct Server {
    address: String,
    said: Arc<Mutex<Said>>,
}

impl Server {
    fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = format!("http://{}", listener.local_addr().unwrap());
        let said = Arc::new(Mutex::new(Said::default()));
        let shared = said.clone();
        std::thread::spawn(move || listener.incoming().flatten().for_each(|stream| answer(stream, &shared)));
        Self { address, said }
    }

    fn outcome(&self, attempt: &str, outcome: &str, reason: &str, at_ms: i64) {
        let metric = json!({"__name__": "benchgrid_attempt_records", "attempt": attempt, "outcome": outcome,
                            "reason": reason, "detail": "as told"});
        let line = json!({"metric": metric, "values": [6], "timestamps": [at_ms]});
        self.said.lock().unwrap().export.push_str(&(line.to_string() + "\n"));
    }
}

fn answer(stream: TcpStream, said: &Mutex<Said>) {
    let mut reader = BufReader::new(stream.try_clone().unwrap());
    let (mut head, mut length) = (String::new(), 0);
    loop {
        let mut line = String::new();
        if reader.read_line(&mut line).unwrap_or(0) == 0 || line == "\r\n" {
            break;
        }
        if let Some(value) = line.to_lowercase().strip_prefix("content-length:") {
            length = value.trim().parse().unwrap();
        }
        head += &line;
    }
    let mut body = vec![0; length];
    reader.read_exact(&mut body).unwrap();
    let mut said = said.lock().unwrap();
    let mut status = "200 OK".to_owned();
    let mut reply = String::new();
    if head.starts_with("POST /api/webhook ") {
        assert!(head.to_lowercase().contains("x-github-event: push"), "{head}");
        said.events.push(serde_json::from_slice(&body).unwrap());
    } else if head.starts_with("GET /api/v1/export?") {
        said.asked.push(head.lines().next().unwrap_or_default().to_owned());
        reply.clone_from(if head.contains("benchgrid_.%2B") { &said.records } else { &said.export });
        if said.broken {
            "503 Service Unavailable".clone_into(&mut status);
        }
    } else if let Some(path) = head.split(' ').nth(1).filter(|path| path.starts_with("/api/v1/namespaces")) {
        let (code, body) = said.cluster.get(path).cloned().unwrap_or((404, "nothing there".to_owned()));
        (status, reply) = (format!("{code} x"), body);
    }
    let mut stream = stream;
    let _ = write!(stream, "HTTP/1.1 {status}\r\nContent-Length: {}\r\nConnection: close\r\n\r\n{reply}", reply.len());
}

/// A compiled branch on a bare remote, a store, a clock.
struct World {
    folder: tempfile::TempDir,
    server: Server,
    now: Cell<i64>,
    hold: &'static str,
    /// The branch of results.
    results: &'static str,
    log: RefCell<Vec<String>>,
}

fn index(_: &BTreeSet<String>) -> BTreeMap<String, Vec<u8>> {
    BTreeMap::new()
}

fn admit(text: &str, name: &AttemptName) -> Result<String, String> {
    let overlay = AttemptName { trial: 0, number: 0, ..name.clone() }.to_string();
    if text.contains(&overlay) { Ok(text.replace(&overlay, &name.to_string())) } else { Err(format!("no {overlay}")) }
}

impl World {
    fn new(cells: usize, trials: u32) -> Self {
        Self::holding("0s", cells, trials)
    }

    fn holding(hold: &'static str, cells: usize, trials: u32) -> Self {
        let (folder, now) = (tempfile::tempdir().unwrap(), Cell::new(1_795_000_000));
        let world = Self { folder, server: Server::start(), now, hold, results: "results", log: RefCell::default() };
        std::fs::create_dir(world.path("source")).unwrap();
        git(&world.path("source"), &["init", "-q", "-b", "main"]);
        git(&world.path("source"), &["commit", "-q", "--allow-empty", "-m", "Begin"]);
        git(world.folder.path(), &["init", "-q", "--bare", "-b", "main", "remote.git"]);
        world.compile("demo", cells, trials);
        world
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    fn url(&self) -> String {
        format!("file://{}", self.path("remote.git").display())
    }

    fn compile(&self, scenario: &str, cells: usize, trials: u32) {
        let lab = json!({"apiVersion": "benchgrid.io/v1alpha1", "kind": "Lab", "metadata": {"name": "lab"}, "spec": {
            "git": {"url": "https://git.example.org/team/lab.git", "results": self.results},
            "drain": "10s",
            "hold": self.hold,
            "metrics": {"write": "http://unused", "read": self.server.address},
            "argocd": {"webhook": format!("{}/api/webhook", self.server.address)},
        }});
        let digest = "d".repeat(64);
        let list: Vec<Value> = (0..cells)
            .map(|n| {
                json!({"id": format!("{n:010x}"), "slug": format!("c-{n}"), "levels": {"n": n}, "digest": digest, "order": n,
                       "trials": trials, "needs": {"pods": 3, "cpuMillis": 1, "memoryBytes": 1, "diskBytes": 1},
                       "readySeconds": 300, "deadlineSeconds": 600, "expectedSeconds": 120, "records": 6})
            })
            .collect();
        let mut files = BTreeMap::from([
            ("lab.json".to_owned(), lab.to_string().into_bytes()),
            (
                format!("overlays/{scenario}/cells.json"),
                json!({"lab": "lab", "scenario": scenario, "cells": list, "exclusions": []}).to_string().into_bytes(),
            ),
        ]);
        for n in 0..cells {
            let name = AttemptName::new(scenario, &format!("{n:010x}"), &digest, 0, 0);
            let text = format!("namespace: {name}\nresources: [cell.yaml]\n");
            files.insert(format!("overlays/{scenario}/c-{n}/kustomization.yaml"), text.into_bytes());
            files.insert(format!("overlays/{scenario}/c-{n}/cell.yaml"), b"kind: ConfigMap\n".to_vec());
        }
        let source = self.path("source");
        let publication = Publication {
            branch: "deploy",
            prefix: "",
            lab: "lab",
            own: Ownership::Compiled,
            files,
            folders: Folders::default(),
            index: &index,
            provenance: Provenance::of(&Repository::open(&source).unwrap()).unwrap(),
            version: "0.0.0",
        };
        publish(&source, &publication, Some(&self.url())).unwrap();
    }

    /// Runs one tick of a conductor that was just started, in a clone of that name.
    fn tick(&self, clone: &str) -> Tick {
        self.tick_in(clone, &NoCluster)
    }

    fn tick_in(&self, clone: &str, cluster: &dyn Cluster) -> Tick {
        let clock = || Timestamp(self.now.get());
        let log = |line: &str| self.log.borrow_mut().push(line.to_owned());
        Conductor::new(self.options(clone), cluster, admit, &clock, &log).unwrap().tick().unwrap()
    }

    fn options(&self, clone: &str) -> Options {
        Options {
            url: self.url(),
            branch: "deploy".to_owned(),
            prefix: String::new(),
            directory: self.path(clone),
            interval: None,
            store: None,
        }
    }

    /// Somebody's own commit on the branch.
    fn by_hand(&self, write: &[(&str, &str)], remove: &[&str]) {
        let place = self.path("hand");
        if !place.exists() {
            git(self.folder.path(), &["clone", "-q", "-b", "deploy", &self.url(), "hand"]);
        }
        git(&place, &["pull", "-q"]);
        for path in remove {
            git(&place, &["rm", "-q", "-r", path]);
        }
        for (path, text) in write {
            std::fs::create_dir_all(place.join(path).parent().unwrap()).unwrap();
            std::fs::write(place.join(path), text).unwrap();
            git(&place, &["add", path]);
        }
        git(&place, &["commit", "-q", "-m", "By hand"]);
        git(&place, &["push", "-q"]);
    }

    /// The names of attempts in `active/demo`.
    fn active(&self) -> Vec<String> {
        let files = self.files("active/demo");
        let names = files.iter().filter_map(|path| path.strip_suffix("/attempt.json")?.rsplit('/').next());
        names.map(str::to_owned).collect()
    }

    fn said(&self, what: &str) -> usize {
        self.log.borrow().iter().filter(|line| line.contains(what)).count()
    }

    fn pass(&self, seconds: i64) {
        self.now.set(self.now.get() + seconds);
    }

    fn files(&self, folder: &str) -> Vec<String> {
        let tree = git(&self.path("remote.git"), &["ls-tree", "-r", "--name-only", "deploy", &format!("{folder}/")]);
        tree.lines().map(str::to_owned).collect()
    }

    fn show(&self, path: &str) -> String {
        git(&self.path("remote.git"), &["show", &format!("deploy:{path}")])
    }

    fn status(&self) -> Status {
        let repo = Repository::open(self.path("remote.git")).unwrap();
        let branch = Branch::open(&repo, "deploy").unwrap();
        let snapshot = branch.snapshot().unwrap();
        let look = Look::read(&snapshot, &snapshot.json("lab.json").unwrap().unwrap(), "").unwrap();
        Status::of(&read_state(&snapshot).unwrap(), &look, Timestamp(self.now.get()))
    }
}

#[test]
fn a_campaign_from_compile_to_done() {
    let world = World::new(2, 1);
    assert!(matches!(world.tick("clone"), Tick::Changed(_)));
    let first = "bg-demo-0000000000-dddddd-t1a1";
    let folder = format!("active/demo/{first}");
    assert_eq!(
        world.files("active"),
        ["attempt.json", "cell.yaml", "kustomization.yaml"].map(|f| format!("{folder}/{f}"))
    );
    assert_eq!(
        world.show(&format!("{folder}/kustomization.yaml")),
        format!("namespace: {first}\nresources: [cell.yaml]")
    );
    let attempt: Value = serde_json::from_str(&world.show(&format!("{folder}/attempt.json"))).unwrap();
    assert_eq!(
        attempt,
        json!({"attempt": first, "scenario": "demo", "slug": "c-0", "cell": "0000000000", "digest": "d".repeat(64),
        "trial": 1, "number": 1, "admitted": Timestamp(world.now.get()).to_string(), "ready_seconds": 300, "deadline_seconds": 600,
        "needs": {"pods": 3, "cpuMillis": 1, "memoryBytes": 1, "diskBytes": 1}, "tree": attempt["tree"]})
    );
    assert_eq!(world.tick("clone"), Tick::Idle, "it runs");

    world.pass(60);
    world.server.outcome(first, "measured", "ok", world.now.get() * 1000 - 500);
    assert!(matches!(world.tick("clone"), Tick::Changed(_)));
    assert!(world.files("active").is_empty(), "its place is still taken");
    let done: Done = serde_json::from_str(&world.show(&format!("done/demo/c-0/{first}.json"))).unwrap();
    assert_eq!((done.outcome, done.records, done.ended), (Verdict::Measured, 6, Timestamp(world.now.get())));
    assert_eq!(world.tick("clone"), Tick::Idle);

    world.pass(10);
    assert!(matches!(world.tick("another clone"), Tick::Changed(_)), "the state is the branch");
    let second = "bg-demo-0000000001-dddddd-t1a1";
    world.pass(30);
    world.server.outcome(second, "failed", "gate", world.now.get() * 1000);
    world.tick("clone");
    world.pass(10);
    world.tick("clone");
    assert!(world.files("active").iter().all(|path| path.contains("-t1a2/")), "{:?}", world.files("active"));
    world.pass(601);
    assert!(matches!(world.tick("clone"), Tick::Changed(_)), "overdue");
    world.pass(10);
    assert_eq!(world.tick("clone"), Tick::Over(Over { measured: 1, given_up: 1 }));
    assert_eq!(world.files("done").len(), 3);
    let status = world.status();
    let demo = &status.scenarios["demo"];
    assert_eq!((demo.done, demo.given_up, demo.waiting, demo.failed_attempts), (1, 1, 0, 2));
    git(&world.path("remote.git"), &["fsck", "--strict"]);
}

#[test]
fn argo_cd_hears_of_every_push_and_the_log_of_every_decision() {
    let world = World::new(1, 1);
    let before = git(&world.path("remote.git"), &["rev-parse", "deploy"]);
    let Tick::Changed(after) = world.tick("clone") else { panic!("nothing admitted") };
    let said = world.server.said.lock().unwrap();
    assert_eq!(said.events.len(), 1);
    let event = &said.events[0];
    assert_eq!(event["ref"], "refs/heads/deploy");
    assert_eq!(
        (event["before"].as_str(), event["after"].as_str()),
        (Some(before.as_str()), Some(after.to_string().as_str()))
    );
    assert_eq!(event["repository"]["html_url"], "https://git.example.org/team/lab");
    assert_eq!(*world.log.borrow(), ["admit bg-demo-0000000000-dddddd-t1a1: c-0, trial 1 of 1"]);
}

/// A cluster of which only the namespaces are known.
#[derive(Default)]
struct Namespaces(RefCell<BTreeSet<String>>);

impl Cluster for Namespaces {
    fn look(&self, _: &[Attempt]) -> ClusterView {
        ClusterView::Seen { namespaces: self.0.borrow().clone(), pods: BTreeMap::new() }
    }
}

#[test]
fn argo_cd_hears_again_of_what_it_does_not_follow() {
    let world = World::new(1, 1);
    let cluster = Namespaces::default();
    let clock = || Timestamp(world.now.get());
    let log = |line: &str| world.log.borrow_mut().push(line.to_owned());
    // One that is killed after its push has told nobody: the next one sees what is missing.
    world.tick("clone");
    let mut conductor = Conductor::new(world.options("clone"), &cluster, admit, &clock, &log).unwrap();
    let mut events = |seconds| {
        world.pass(seconds);
        let before = world.server.said.lock().unwrap().events.len();
        conductor.tick().unwrap();
        world.server.said.lock().unwrap().events.len() - before
    };
    assert_eq!([events(1), events(5), events(9), events(1), events(5)], [1, 0, 0, 1, 0], "no namespace yet");
    let name = "bg-demo-0000000000-dddddd-t1a1";
    cluster.0.borrow_mut().insert(name.to_owned());
    cluster.0.borrow_mut().insert("bg-another-0000000009-dddddd-t1a1".to_owned());
    assert_eq!(events(60), 0, "it runs");
    world.server.outcome(name, "measured", "ok", world.now.get() * 1000);
    assert_eq!([events(1), events(14), events(1), events(14)], [1, 0, 1, 0], "its namespace stays");
    cluster.0.borrow_mut().remove(name);
    assert_eq!(events(60), 0, "it is gone");
}

#[test]
fn asks_the_store_about_running_attempts_since_their_admission() {
    let world = World::new(1, 1);
    world.tick("clone");
    world.tick("clone");
    let said = world.server.said.lock().unwrap();
    let asked = said.asked.last().unwrap();
    for part in [
        "benchgrid_attempt_records",
        "lab%3D%22lab%22",
        "bg-demo-0000000000-dddddd-t1a1",
        &format!("start={}", world.now.get() - 2 * 86_400),
    ] {
        assert!(asked.contains(part), "{part} in {asked}");
    }
}

#[test]
fn a_store_that_fails_changes_nothing() {
    let world = World::new(1, 1);
    world.server.said.lock().unwrap().broken = true;
    assert_eq!(world.tick("clone"), Tick::Silent);
    assert!(world.log.borrow()[0].contains("the store is silent"), "{:?}", world.log);
    assert!(world.files("active").is_empty());
    let said = &world.server.said;
    said.lock().unwrap().broken = false;
    said.lock().unwrap().export = "<html>not a store</html>".to_owned();
    assert_eq!(world.tick("clone"), Tick::Silent);
    said.lock().unwrap().export = String::new();
    assert!(matches!(world.tick("clone"), Tick::Changed(_)));
}

#[test]
fn decides_anew_when_a_compile_was_faster() {
    let world = World::new(1, 1);
    // A hook that lets another push in first, once.
    let hook = world.path("remote.git").join("hooks/pre-receive");
    std::fs::create_dir_all(hook.parent().unwrap()).unwrap();
    let script = "#!/bin/sh\nunset GIT_QUARANTINE_PATH GIT_OBJECT_DIRECTORY GIT_ALTERNATE_OBJECT_DIRECTORIES\n\
                  rm \"$0\"\nc=$(git -c user.name=x -c user.email=x@y commit-tree -p deploy -m other 'deploy^{tree}')\n\
                  git update-ref refs/heads/deploy \"$c\"\n";
    std::fs::write(&hook, script).unwrap();
    std::fs::set_permissions(&hook, std::os::unix::fs::PermissionsExt::from_mode(0o755)).unwrap();
    let Tick::Changed(commit) = world.tick("clone") else { panic!("nothing admitted") };
    assert_eq!(git(&world.path("remote.git"), &["rev-parse", "deploy"]), commit.to_string());
    let subjects = git(&world.path("remote.git"), &["log", "--format=%s", "deploy"]);
    assert_eq!(subjects, "Conduct: admit bg-demo-0000000000-dddddd-t1a1\nother\nCompile demo for lab lab");
    assert_eq!(world.log.borrow().len(), 1, "one admission, said once");
}

#[test]
fn compiling_beside_it_keeps_what_runs_and_supersedes_what_is_gone() {
    let world = World::new(1, 2);
    world.tick("clone");
    world.compile("other", 1, 1);
    assert_eq!(world.files("active").len(), 3);
    world.compile("demo", 0, 1);
    world.tick("clone");
    assert!(world.files("active").is_empty());
    let done: Done = serde_json::from_str(&world.show("done/demo/c-0/bg-demo-0000000000-dddddd-t1a1.json")).unwrap();
    assert_eq!(done.outcome, Verdict::Superseded);
    world.pass(10);
    world.tick("clone");
    assert!(world.files("active").iter().all(|path| path.starts_with("active/other/")));
    assert_eq!(world.files("active").len(), 3);
}

#[test]
fn runs_until_it_is_told_to_stop_and_survives_failing_ticks() {
    let world = World::new(1, 1);
    let (sender, receiver) = mpsc::channel();
    let (clock, now) = (world.now.get(), Timestamp(world.now.get()));
    let log = Mutex::new(Vec::new());
    let mut options = world.options("clone");
    options.interval = Some(std::time::Duration::from_millis(100));
    let moved = world.path("away.git");
    std::fs::rename(world.path("remote.git"), &moved).unwrap();
    let said = &log;
    std::thread::scope(|scope| {
        scope.spawn(move || {
            let say = |line: &str| said.lock().unwrap().push(line.to_owned());
            let clock = || now;
            Conductor::new(options, &NoCluster, admit, &clock, &say).unwrap().run(&receiver);
        });
        let wait = |word: &str| {
            for _ in 0..200 {
                if log.lock().unwrap().iter().any(|line| line.contains(word)) {
                    return;
                }
                std::thread::sleep(std::time::Duration::from_millis(50));
            }
            panic!("no {word} in {:?}", log.lock().unwrap());
        };
        wait("tick failed");
        std::fs::rename(&moved, world.path("remote.git")).unwrap();
        wait("admit bg-demo");
        sender.send(()).unwrap();
    });
    assert_eq!(clock, world.now.get());
    assert_eq!(log.lock().unwrap().len(), 2, "what is said again and again is said once: {:?}", log.lock());
}

#[test]
fn the_verbs_say_what_is_missing() {
    let world = World::new(1, 1);
    let mut options = world.options("clone");
    options.branch = "elsewhere".to_owned();
    let log = |_: &str| {};
    let clock = || Timestamp(0);
    let error = Conductor::new(options, &NoCluster, admit, &clock, &log).unwrap().tick().unwrap_err();
    assert!(error.to_string().contains("no branch `elsewhere`"), "{error}");
    let (repo, remote) = Remote::clone_into(&world.path("look"), &world.url()).unwrap();
    let tip = remote.fetch("deploy").unwrap();
    assert!(Snapshot::at(&repo, "deploy", tip, "").unwrap().read("lab.json").unwrap().is_some());
}
