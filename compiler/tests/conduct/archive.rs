//! The records of ended attempts on the branch of results.

use benchgrid::conduct::KubernetesCluster;
use benchgrid_measures::{CURVE_METRIC, CurvePoint, Outcome, Reason, Record, Sample, stored_part};
use benchgrid_probe::kubernetes::Api;
use benchgrid_results::{Campaign, Selection, archive_files, from_archive, from_records};

use super::*;

/// A cluster whose coordinators printed this, by attempt.
#[derive(Default)]
struct Logs(RefCell<BTreeMap<String, String>>);

impl Cluster for Logs {
    fn look(&self, _: &[Attempt]) -> ClusterView {
        ClusterView::Unknown
    }

    fn printed(&self, attempt: &str) -> Result<String, String> {
        self.0.borrow().get(attempt).cloned().ok_or_else(|| "gone".to_owned())
    }
}

/// Records of an attempt, not in the order of their ids.
fn records(attempt: &str, at_ms: i64) -> Vec<Record> {
    let fixture = std::fs::read_to_string("tests/fixtures/records.jsonl").unwrap();
    let line = fixture.lines().find(|line| line.contains("/download/")).unwrap();
    let name: AttemptName = attempt.parse().unwrap();
    let record = |n: u32| {
        let mut record: Record = serde_json::from_str(line).unwrap();
        record.node.pod = format!("s-g-{n}");
        record.id = Record::name(attempt, record.phase, 1, record.observe, record.kind, &record.node.pod);
        "lab".clone_into(&mut record.identity.lab);
        record.identity.scenario.clone_from(&name.scenario);
        record.identity.cell.clone_from(&name.cell);
        record.identity.digest.clone_from(&name.digest);
        (record.identity.trial, record.identity.number) = (name.trial, name.number);
        attempt.clone_into(&mut record.identity.attempt);
        record.ended_ms = at_ms;
        record.curve = vec![CurvePoint { seconds: 0.0, bytes: 0 }, CurvePoint { seconds: 1.0, bytes: 5_000_000 }];
        record
    };
    (0..6).rev().map(record).collect()
}

/// What a coordinator prints, notes among it.
fn printed(records: &[Record], reason: Reason) -> String {
    let last = records.last().unwrap();
    let verdict = if reason == Reason::Ok { Verdict::Measured } else { Verdict::Failed };
    let outcome = Outcome {
        identity: last.identity.clone(),
        verdict,
        reason,
        detail: String::new(),
        records: u32::try_from(records.len()).unwrap(),
        ended_ms: last.ended_ms,
    };
    let lines = records.iter().map(|record| serde_json::to_string(record).unwrap());
    let mut text = "a note\n{\"no\": \"record\"}\n".to_owned();
    lines.chain([serde_json::to_string(&outcome).unwrap()]).for_each(|line| text += &(line + "\n"));
    text
}

/// What a store exports of them.
fn exported(records: &[Record]) -> String {
    let mut text = String::new();
    let mut line = |labels: &BTreeMap<String, String>, name: &str, values: &[f64], times: &[i64]| {
        let mut metric = labels.clone();
        metric.insert("__name__".to_owned(), name.to_owned());
        text += &(json!({"metric": metric, "values": values, "timestamps": times}).to_string() + "\n");
    };
    for record in records {
        for value in record.lines() {
            line(&value.labels, &value.name, &[value.value], &[value.timestamp_ms]);
        }
        let curve: Vec<f64> = record.curve.iter().map(|point| f64::from(u32::try_from(point.bytes).unwrap())).collect();
        line(&record.labels(), CURVE_METRIC, &curve, &record.curve_stamps());
    }
    text
}

impl World {
    /// An attempt runs, and ends as the store says; what its records are.
    fn ended(&self, reason: &str) -> Vec<Record> {
        self.tick("clone");
        self.pass(60);
        let at_ms = self.now.get() * 1000 - 500;
        self.server.outcome(FIRST, if reason == "ok" { "measured" } else { "failed" }, reason, at_ms);
        records(FIRST, at_ms)
    }

    fn result(&self, branch: &str, name: &str) -> String {
        let output = std::process::Command::new("git")
            .current_dir(self.path("remote.git"))
            .args(["cat-file", "blob", &format!("{branch}:{name}")])
            .output()
            .unwrap();
        String::from_utf8(output.stdout).unwrap()
    }

    /// The archived file of the first attempt.
    fn archived(&self) -> String {
        self.result("results", &format!("lab/demo/0000000000/{FIRST}.jsonl"))
    }

    /// Lines of the archived file, as JSON.
    fn lines(&self) -> Vec<Value> {
        self.archived().lines().map(|line| serde_json::from_str(line).unwrap()).collect()
    }

    fn subjects(&self) -> Vec<String> {
        let text = git(&self.path("remote.git"), &["log", "--format=%s", "results"]);
        text.lines().map(str::to_owned).collect()
    }

    /// Has the remote refuse pushes to a branch.
    fn protect(&self, branch: &str) {
        let hook = self.path("remote.git").join("hooks/update");
        std::fs::create_dir_all(hook.parent().unwrap()).unwrap();
        let script = format!("#!/bin/sh\nif [ \"$1\" = refs/heads/{branch} ]; then echo protected; exit 1; fi\n");
        std::fs::write(&hook, script).unwrap();
        std::fs::set_permissions(&hook, std::os::unix::fs::PermissionsExt::from_mode(0o755)).unwrap();
    }

    fn unprotect(&self) {
        std::fs::remove_file(self.path("remote.git").join("hooks/update")).unwrap();
    }

    /// What a report reads of the branch.
    fn campaign(&self) -> Campaign {
        self.check_sums();
        let checkout = self.path("checkout");
        from_archive("results", archive_files(&checkout), &Selection::default(), self.now.get() * 1000).unwrap()
    }

    /// Whether every sum on the branch is right.
    fn check_sums(&self) {
        let place = self.path("checkout");
        if place.exists() {
            std::fs::remove_dir_all(&place).unwrap();
        }
        // Where Git would change line ends, it may not.
        let crlf = ["clone", "-q", "-c", "core.autocrlf=true", "-b", "results", &self.url(), "checkout"];
        git(self.folder.path(), &crlf);
        let script = "find lab -name '*.sha256' | while read f; do (cd \"$(dirname $f)\" && sha256sum -c --quiet \"$(basename $f)\") || exit 1; done";
        let checked = std::process::Command::new("sh").current_dir(&place).args(["-c", script]).output().unwrap();
        assert!(checked.status.success(), "{}", String::from_utf8_lossy(&checked.stdout));
    }
}

#[test]
fn what_the_coordinator_printed_is_archived_before_the_attempt_leaves() {
    let world = World::new(1, 1);
    let records = world.ended("ok");
    let logs = Logs::default();
    let log = printed(&records, Reason::Ok);
    logs.0.borrow_mut().insert(FIRST.to_owned(), log.clone());
    assert!(matches!(world.tick_in("clone", &logs), Tick::Changed(_)));

    let mut lines: Vec<&str> = log.lines().filter(|line| line.contains(FIRST)).collect();
    // By id, which here is the other way round, then the outcome.
    lines[..6].reverse();
    assert_eq!(world.archived(), lines.join("\n") + "\n");
    let files = git(&world.path("remote.git"), &["ls-tree", "-r", "--name-only", "results"]);
    let file = format!("lab/demo/0000000000/{FIRST}.jsonl");
    let expected = ["README.md", "lab/.gitattributes", &file, &format!("{file}.sha256")];
    assert_eq!(files.lines().collect::<Vec<_>>(), expected);
    let campaign = world.campaign();
    assert_eq!((campaign.transfers.len(), campaign.endings[FIRST].label("outcome")), (6, "measured"));
    assert_eq!(world.subjects(), [format!("Archive {FIRST}")]);
    assert!(world.result("results", "README.md").contains("benchgrid report "));
    assert!(world.server.said.lock().unwrap().asked.iter().all(|line| !line.contains("benchgrid_.%2B")));

    world.pass(10);
    assert_eq!(world.tick("another clone"), Tick::Over(Over { measured: 1, given_up: 0 }));
    assert_eq!(world.subjects().len(), 1, "nothing is left to do");
    assert_eq!(world.said("archive"), 0, "{:?}", world.log);
}

#[test]
fn a_log_that_is_short_is_filled_up_from_the_store() {
    let world = World::new(1, 1);
    let records = world.ended("ok");
    world.server.said.lock().unwrap().records = exported(&records);
    // The first lines were rotated away.
    let log: String = printed(&records, Reason::Ok).split_inclusive('\n').skip(5).collect();
    world.tick_in("clone", &Logs(BTreeMap::from([(FIRST.to_owned(), log)]).into()));
    let lines = world.lines();
    let whole: Vec<bool> = lines[..6].iter().map(|line| line.get("schema").is_some()).collect();
    assert_eq!(whole, [true, true, true, false, false, false]);
    for (line, record) in lines.iter().zip(records.iter().rev()) {
        assert_eq!(line["id"], record.id);
        if line.get("schema").is_none() {
            // What a machine is like is another series, which this store has not.
            let mut stored = stored_part(record);
            stored.as_object_mut().unwrap().remove("environment");
            assert_eq!(line, &stored);
        }
    }
    let why = "the coordinator's log has 3 of 6 records";
    assert_eq!(lines[6]["archive"], json!({"whole": 3, "stored": 3, "why": why}));
    let outcome: Outcome = serde_json::from_value(lines[6].clone()).unwrap();
    assert_eq!((outcome.verdict, outcome.records, outcome.ended_ms), (Verdict::Measured, 6, records[0].ended_ms));
    // A report sees no difference between a record that is whole and one that was stored.
    let campaign = world.campaign();
    let whole: String = printed(&records, Reason::Ok);
    let file = world.path("whole.jsonl");
    std::fs::write(&file, whole).unwrap();
    let printed = from_records(&[file], &Selection::default(), world.now.get() * 1000).unwrap();
    assert_eq!(campaign.transfers, printed.transfers);
}

#[test]
fn without_a_cluster_the_store_is_what_there_is() {
    let world = World::new(1, 1);
    let records = world.ended("gate");
    world.server.said.lock().unwrap().records = exported(&records[..2]);
    world.tick("clone");
    let lines = world.lines();
    assert_eq!(lines.len(), 3, "what a failed one left is kept");
    let why = "no cluster is in sight";
    assert_eq!(lines[2]["archive"], json!({"whole": 0, "stored": 2, "why": why}));
    assert_eq!((&lines[2]["verdict"], &lines[2]["records"]), (&json!("failed"), &json!(6)));
    let samples: Vec<Sample> = benchgrid_measures::parse_export(&exported(&records[..2])).unwrap();
    let rebuilt: Vec<Value> = benchgrid_measures::rebuild(&samples).into_values().collect();
    assert_eq!(lines[..2], rebuilt);
    let asked = world.server.said.lock().unwrap().asked.last().cloned().unwrap();
    assert!(asked.contains("lab%3D%22lab%22") && asked.contains(FIRST), "{asked}");
}

#[test]
fn a_branch_that_cant_be_pushed_stops_nothing_and_loses_nothing() {
    let world = World::new(2, 1);
    let records = world.ended("ok");
    let log = printed(&records, Reason::Ok);
    let logs = Logs(BTreeMap::from([(FIRST.to_owned(), log.clone())]).into());
    world.protect("results");
    let clock = || Timestamp(world.now.get());
    let say = |line: &str| world.log.borrow_mut().push(line.to_owned());
    let mut conductor = Conductor::new(world.options("clone"), &logs, admit, &clock, &say).unwrap();
    assert!(matches!(conductor.tick().unwrap(), Tick::Changed(_)));
    assert_eq!(world.files("done").len(), 1, "it has ended all the same");
    assert_eq!(world.said("the archive on branch `results` has to wait"), 1, "{:?}", world.log);
    assert!(world.said("protected") > 0, "it says why: {:?}", world.log);
    world.pass(10);
    conductor.tick().unwrap();
    assert_eq!(world.active().len(), 1, "the campaign goes on");
    // Its log has gone with it; what was read before is not lost.
    logs.0.borrow_mut().clear();
    world.unprotect();
    world.pass(10);
    conductor.tick().unwrap();
    assert_eq!(world.archived(), "", "it is not tried at every tick");
    world.pass(41);
    conductor.tick().unwrap();
    assert_eq!(world.archived().lines().count(), 7);
    assert!(log.contains(world.archived().lines().next().unwrap()));
    world.check_sums();
}

#[test]
fn what_a_killed_conductor_could_not_archive_comes_from_the_store() {
    let world = World::new(1, 1);
    let records = world.ended("ok");
    world.server.said.lock().unwrap().records = exported(&records);
    world.protect("results");
    world.tick_in("clone", &Logs(BTreeMap::from([(FIRST.to_owned(), printed(&records, Reason::Ok))]).into()));
    world.unprotect();
    // The store is away for once, too.
    world.pass(10);
    world.server.said.lock().unwrap().records = "<html>".to_owned();
    assert_eq!(world.tick("clone"), Tick::Over(Over { measured: 1, given_up: 0 }));
    assert_eq!(world.archived(), "");
    world.server.said.lock().unwrap().records = exported(&records);
    world.tick("clone");
    let lines = world.lines();
    assert_eq!((lines.len(), lines[6]["archive"]["stored"].as_u64()), (7, Some(6)));
    assert_eq!(lines[6]["verdict"], "measured");
}

#[test]
fn one_that_is_killed_between_the_two_pushes_archives_nothing_twice() {
    let world = World::new(1, 1);
    let records = world.ended("ok");
    let logs = Logs(BTreeMap::from([(FIRST.to_owned(), printed(&records, Reason::Ok))]).into());
    world.protect("deploy");
    let clock = || Timestamp(world.now.get());
    let error = Conductor::new(world.options("clone"), &logs, admit, &clock, &|_| {}).unwrap().tick().unwrap_err();
    assert!(error.to_string().contains("protected"), "{error}");
    assert_eq!((world.files("done").len(), world.archived().lines().count()), (0, 7));
    world.unprotect();
    let before = world.archived();
    // Its pods went meanwhile: what is there is better than what the store has.
    logs.0.borrow_mut().clear();
    world.server.said.lock().unwrap().records = exported(&records);
    world.pass(10);
    world.tick_in("another clone", &logs);
    assert_eq!((world.files("done").len(), world.subjects().len()), (1, 1));
    assert_eq!(world.archived(), before);
}

#[test]
fn an_end_that_was_archived_too_early_is_mended() {
    let world = World::new(1, 1);
    let records = world.ended("ok");
    let marker = std::mem::take(&mut world.server.said.lock().unwrap().export);
    let logs = Logs(BTreeMap::from([(FIRST.to_owned(), printed(&records[..2], Reason::Gate))]).into());
    world.protect("deploy");
    world.pass(601);
    let clock = || Timestamp(world.now.get());
    Conductor::new(world.options("clone"), &logs, admit, &clock, &|_| {}).unwrap().tick().unwrap_err();
    assert_eq!(world.lines().last().unwrap()["reason"], "deadline", "what the conductor decided");
    world.unprotect();
    logs.0.borrow_mut().insert(FIRST.to_owned(), printed(&records, Reason::Ok));
    world.server.said.lock().unwrap().export = marker;
    world.tick_in("clone", &logs);
    assert_eq!((world.lines().len(), &world.lines()[6]["reason"]), (7, &json!("ok")));
    world.check_sums();
}

#[test]
fn two_conductors_archive_one_attempt_once() {
    let world = World::new(1, 1);
    let records = world.ended("ok");
    let log = printed(&records, Reason::Ok);
    std::thread::scope(|scope| {
        for name in ["one", "two"] {
            let (options, log, now) = (world.options(name), &log, Timestamp(world.now.get()));
            scope.spawn(move || {
                let logs = Logs(BTreeMap::from([(FIRST.to_owned(), log.clone())]).into());
                let clock = || now;
                Conductor::new(options, &logs, admit, &clock, &|_| {}).unwrap().tick().unwrap();
            });
        }
    });
    assert_eq!((world.subjects().len(), world.files("done").len()), (1, 1));
    assert_eq!(world.lines().len(), 7);
}

#[test]
fn a_push_that_lost_a_race_is_made_again_on_top() {
    let world = World::new(1, 1);
    let records = world.ended("ok");
    git(&world.path("source"), &["push", "-q", &world.url(), "main:results"]);
    let hook = world.path("remote.git").join("hooks/pre-receive");
    std::fs::create_dir_all(hook.parent().unwrap()).unwrap();
    let script = "#!/bin/sh\nunset GIT_QUARANTINE_PATH GIT_OBJECT_DIRECTORY GIT_ALTERNATE_OBJECT_DIRECTORIES\n\
                  rm \"$0\"\nc=$(git -c user.name=x -c user.email=x@y commit-tree -p results -m other 'results^{tree}')\n\
                  git update-ref refs/heads/results \"$c\"\n";
    std::fs::write(&hook, script).unwrap();
    std::fs::set_permissions(&hook, std::os::unix::fs::PermissionsExt::from_mode(0o755)).unwrap();
    world.tick_in("clone", &Logs(BTreeMap::from([(FIRST.to_owned(), printed(&records, Reason::Ok))]).into()));
    assert_eq!(world.subjects(), [&format!("Archive {FIRST}"), "other", "Begin"]);
}

#[test]
fn what_others_have_on_the_branch_stays() {
    let world = World::new(2, 1);
    let place = world.path("others");
    git(world.folder.path(), &["init", "-q", "-b", "results", "others"]);
    std::fs::create_dir_all(place.join("lab/demo/0000000000")).unwrap();
    std::fs::write(place.join("README.md"), "Ours\n").unwrap();
    std::fs::write(place.join("lab/demo/0000000000/note.txt"), "a note\n").unwrap();
    git(&place, &["add", "."]);
    git(&place, &["commit", "-q", "-m", "Others"]);
    git(&place, &["push", "-q", &world.url(), "results"]);
    let records = world.ended("ok");
    let logs = Logs(BTreeMap::from([(FIRST.to_owned(), printed(&records, Reason::Ok))]).into());
    world.tick_in("clone", &logs);
    assert_eq!(world.result("results", "README.md"), "Ours\n");
    assert_eq!(world.result("results", "lab/demo/0000000000/note.txt"), "a note\n");
    assert_eq!(world.subjects(), [&format!("Archive {FIRST}"), "Others"]);
}

#[test]
fn a_branch_that_was_removed_is_made_again() {
    let world = World::new(1, 1);
    let records = world.ended("ok");
    world.server.said.lock().unwrap().records = exported(&records);
    let logs = Logs(BTreeMap::from([(FIRST.to_owned(), printed(&records, Reason::Ok))]).into());
    let clock = || Timestamp(world.now.get());
    let mut conductor = Conductor::new(world.options("clone"), &logs, admit, &clock, &|_| {}).unwrap();
    conductor.tick().unwrap();
    logs.0.borrow_mut().clear();
    let before = git(&world.path("remote.git"), &["rev-parse", "results"]);
    let remove = || git(&world.path("remote.git"), &["update-ref", "-d", "refs/heads/results"]);
    remove();
    world.pass(301);
    conductor.tick().unwrap();
    assert_eq!(git(&world.path("remote.git"), &["rev-parse", "results"]), before, "as it was last");
    remove();
    world.tick("a new clone");
    assert_eq!(world.lines()[6]["archive"]["stored"], 6, "of what the store still has");
}

#[test]
fn a_campaign_that_was_measured_before_is_brought_up() {
    let world = World::new(1, 1);
    world.tick("clone");
    let done = |number: u32| {
        let name = AttemptName::new("demo", "0000000000", "dddddd", 1, number).to_string();
        let done = json!({"attempt": name, "scenario": "demo", "slug": "c-0", "cell": "0000000000", "digest": "d".repeat(64),
            "trial": 1, "number": number, "admitted": "2026-01-01T00:00:00Z", "ended": "2026-01-01T00:01:00Z",
            "outcome": if number == 45 { "measured" } else { "superseded" }, "reason": "superseded", "by": "campaign"});
        (format!("done/demo/c-0/{name}.json"), done.to_string())
    };
    let files: Vec<_> = (2..=45).map(done).collect();
    let files: Vec<(&str, &str)> = files.iter().map(|(path, text)| (path.as_str(), text.as_str())).collect();
    world.by_hand(&files, &["active"]);
    let clock = || Timestamp(world.now.get());
    let (_sender, receiver) = mpsc::channel();
    let mut options = world.options("clone");
    options.interval = Some(std::time::Duration::from_millis(100));
    let mut conductor = Conductor::new(options, &NoCluster, admit, &clock, &|_| {}).unwrap();
    assert_eq!(conductor.until_over(&receiver), Some(Over { measured: 1, given_up: 0 }));
    let names = git(&world.path("remote.git"), &["ls-tree", "-r", "--name-only", "results", "lab/"]);
    assert_eq!(names.lines().count(), 1 + 44 * 2, "before it says that it is over");
    assert_eq!(world.subjects().len(), 3, "some at a time");
    world.check_sums();
}

#[test]
fn a_lab_may_want_no_archive_or_another_branch() {
    let world = World { results: "", ..World::new(1, 1) };
    world.compile("demo", 1, 1);
    world.ended("ok");
    world.tick("clone");
    let branches = || git(&world.path("remote.git"), &["branch", "--format=%(refname:short)"]);
    assert_eq!(branches(), "deploy");
    let world = World { results: "records/of-lab", ..world };
    world.compile("demo", 1, 1);
    world.tick("clone");
    assert!(world.result("records/of-lab", &format!("lab/demo/0000000000/{FIRST}.jsonl")).contains("measured"));
    let world = World { results: "deploy", ..world };
    world.compile("demo", 1, 1);
    world.tick("clone");
    assert_eq!(world.said("no records are archived: `deploy` is the deploy branch"), 1, "{:?}", world.log);
}

#[test]
fn the_coordinators_log_is_asked_for_whole() {
    let world = World::new(1, 1);
    let cluster = KubernetesCluster(Api::at(&world.server.address));
    let records = world.ended("ok");
    let root = "/api/v1/namespaces";
    let pod = json!({"metadata": {"name": "coordinator-x", "labels": {"benchgrid.io/role": "coordinator"}},
                     "spec": {"containers": [{"name": "coordinator"}]}, "status": {"phase": "Succeeded"}});
    world.server.said.lock().unwrap().cluster = [
        (root.to_owned(), (200, json!({"items": [{"metadata": {"name": FIRST}}]}).to_string())),
        (format!("{root}/{FIRST}/pods"), (200, json!({"items": [pod]}).to_string())),
        (
            format!("{root}/{FIRST}/pods/coordinator-x/log?container=coordinator&limitBytes=33554432"),
            (200, printed(&records, Reason::Ok)),
        ),
    ]
    .into();
    world.tick_in("clone", &cluster);
    assert_eq!(world.lines().len(), 7);
    assert_eq!(world.lines()[6].get("archive"), None, "{}", world.lines()[6]);
}

#[test]
fn what_is_published_of_a_log_that_cant_be_had_names_no_address() {
    let world = World::new(1, 1);
    let cluster = KubernetesCluster(Api::at(&world.server.address));
    world.ended("gate");
    let refusal = json!({"message": "pods is forbidden"}).to_string();
    let pods = format!("/api/v1/namespaces/{FIRST}/pods");
    world.server.said.lock().unwrap().cluster =
        [("/api/v1/namespaces".to_owned(), (200, json!({"items": []}).to_string())), (pods, (403, refusal))].into();
    world.tick_in("clone", &cluster);
    let why = "the coordinator's log: pods is forbidden";
    assert_eq!(world.lines(), [world.lines()[0].clone()]);
    assert_eq!(world.lines()[0]["archive"], json!({"whole": 0, "stored": 0, "why": why}));
}
