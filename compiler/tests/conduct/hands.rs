//! What people and other conductors do to the branch.

use super::*;
use benchgrid::cli::conduct::{ConductArgs, run};
use benchgrid::cli::{DeployBranch, Exit};
use std::sync::Barrier;

fn numbered(number: u32) -> String {
    format!("bg-demo-0000000000-dddddd-t1a{number}")
}

#[test]
fn names_are_used_once_whatever_is_removed() {
    let world = World::new(1, 1);
    world.tick("clone");
    world.by_hand(&[], &["active"]);
    // What comes in late of the one that was taken away is not the next one's.
    world.server.outcome(FIRST, "measured", "ok", world.now.get() * 1000);
    world.tick("clone");
    assert_eq!(world.active(), [numbered(2)]);
    assert_eq!(world.tick("clone"), Tick::Idle);
    world.server.outcome(&numbered(2), "measured", "ok", world.now.get() * 1000);
    world.tick("clone");
    world.pass(10);
    assert_eq!(world.tick("clone"), Tick::Over(Over { measured: 1, given_up: 0 }));
    world.by_hand(&[], &["done"]);
    world.tick("clone");
    assert_eq!(world.active(), [numbered(3)]);
    world.by_hand(&[], &["active"]);
    world.tick("a clone that walks the whole history");
    assert_eq!(world.active(), [numbered(4)]);
}

#[test]
fn of_a_history_that_was_cut_what_is_there_counts() {
    let world = World::new(1, 1);
    world.tick("clone");
    world.by_hand(&[], &["active"]);
    git(world.folder.path(), &["clone", "-q", "--bare", "--depth", "2", &world.url(), "shallow"]);
    world.tick("shallow");
    assert_eq!(world.active(), [numbered(2)]);
}

#[test]
fn one_conductor_reads_on_where_it_was() {
    let world = World::new(3, 1);
    let clock = || Timestamp(world.now.get());
    let log = |_: &str| {};
    let mut conductor = Conductor::new(world.options("clone"), &NoCluster, admit, &clock, &log).unwrap();
    for number in 1..4 {
        conductor.tick().unwrap();
        assert_eq!(world.active(), [numbered(number)]);
        world.by_hand(&[], &["active"]);
    }
    conductor.tick().unwrap();
    for cell in 0..3 {
        let name = world.active()[0].clone();
        assert!(name.contains(&format!("-{cell:010x}-")), "{name}");
        world.server.outcome(&name, "measured", "ok", world.now.get() * 1000);
        conductor.tick().unwrap();
        world.pass(10);
        conductor.tick().unwrap();
    }
    assert_eq!(conductor.tick().unwrap(), Tick::Over(Over { measured: 3, given_up: 0 }));
}

#[test]
fn a_file_pauses_it_and_compile_leaves_it_alone() {
    let world = World::new(1, 1);
    world.by_hand(&[("paused", "the rack is being moved\nuntil Monday\n")], &[]);
    assert_eq!(world.tick("clone"), Tick::Idle);
    assert_eq!(*world.log.borrow(), ["paused, so nothing is admitted: the rack is being moved"]);
    world.compile("other", 1, 1);
    assert_eq!(world.show("paused"), "the rack is being moved\nuntil Monday");
    assert_eq!(world.tick("clone"), Tick::Idle);
    world.by_hand(&[], &["paused"]);
    assert!(matches!(world.tick("clone"), Tick::Changed(_)));
}

#[test]
fn a_folder_that_was_changed_by_hand_is_noticed() {
    let world = World::new(1, 1);
    world.tick("clone");
    // Not what a person changes to keep an attempt for longer.
    let path = format!("active/demo/{FIRST}/attempt.json");
    let longer = world.show(&path).replace("\"deadline_seconds\": 600", "\"deadline_seconds\": 6000");
    world.by_hand(&[(&path, &longer)], &[]);
    assert_eq!(world.tick("clone"), Tick::Idle);
    world.by_hand(&[(&format!("active/demo/{FIRST}/cell.yaml"), "kind: Secret\n")], &[]);
    world.server.outcome(FIRST, "measured", "ok", world.now.get() * 1000);
    assert!(matches!(world.tick("another clone"), Tick::Changed(_)));
    let done: Done = serde_json::from_str(&world.show(&format!("done/demo/c-0/{FIRST}.json"))).unwrap();
    assert_eq!((done.outcome, &*done.detail), (Verdict::Superseded, "its folder was changed by hand: cell.yaml"));
    let message = git(&world.path("remote.git"), &["log", "-1", "--format=%B", "deploy"]);
    assert!(message.contains("changed by hand: cell.yaml"), "{message}");
    world.pass(10);
    world.tick("clone");
    assert_eq!(world.active(), [numbered(2)]);
}

#[test]
fn what_is_no_attempt_is_said_and_what_is_broken_named() {
    let world = World::new(1, 1);
    world.tick("clone");
    let attempt = format!("active/demo/{FIRST}/attempt.json");
    let text = world.show(&attempt);
    world.by_hand(&[("active/demo/odd/notes.txt", "look here\n"), ("active/demo/copy/attempt.json", &text)], &[]);
    assert_eq!(world.tick("clone"), Tick::Idle);
    assert_eq!(world.said("active/demo/odd has no attempt.json"), 1, "{:?}", world.log);
    assert_eq!(world.said(&format!("active/demo/copy/attempt.json is of demo/{FIRST}")), 1, "{:?}", world.log);
    assert_eq!(world.active().len(), 2);
    world.by_hand(&[(&attempt, "{")], &[]);
    let (clock, log) = (|| Timestamp(world.now.get()), |_: &str| {});
    let mut conductor = Conductor::new(world.options("clone"), &NoCluster, admit, &clock, &log).unwrap();
    let error = conductor.tick().unwrap_err().to_string();
    assert!(error.contains(&attempt) && error.contains(&format!("`git rm -r active/demo/{FIRST}`")), "{error}");
    world.by_hand(&[(&attempt, &text)], &["active/demo/odd"]);
    assert_eq!(conductor.tick().unwrap(), Tick::Idle);
}

#[test]
fn a_failed_attempt_is_held_for_a_look() {
    let world = World::holding("1m", 2, 1);
    world.tick("clone");
    world.server.outcome(FIRST, "failed", "gate", world.now.get() * 1000);
    world.tick("clone");
    assert_eq!(world.active(), [FIRST], "it keeps its place");
    let done: Done = serde_json::from_str(&world.show(&format!("done/demo/c-0/{FIRST}.json"))).unwrap();
    assert_eq!(done.outcome, Verdict::Failed);
    assert_eq!(world.tick("clone"), Tick::Idle);
    world.pass(60);
    world.tick("clone");
    assert_eq!((world.active().len(), world.said("let go bg-demo-0000000000")), (0, 1));
    assert_eq!(world.tick("clone"), Tick::Idle, "its namespace goes now, not when it failed");
    world.pass(10);
    world.tick("clone");
    assert_eq!(world.active(), ["bg-demo-0000000001-dddddd-t1a1"]);
}

#[test]
fn two_conductors_do_no_harm() {
    let world = World::new(6, 1);
    let (barrier, now) = (Barrier::new(2), std::sync::atomic::AtomicI64::new(world.now.get()));
    let second = std::sync::atomic::Ordering::SeqCst;
    for _ in 0..14 {
        let race = |options: Options| {
            let clock = || Timestamp(now.load(second));
            let mut conductor = Conductor::new(options, &NoCluster, admit, &clock, &|_| {}).unwrap();
            barrier.wait();
            conductor.tick().unwrap();
        };
        std::thread::scope(|scope| {
            let race = &race;
            for options in [world.options("one"), world.options("two")] {
                scope.spawn(move || race(options));
            }
        });
        let active = world.active();
        assert!(active.len() <= 1, "{active:?}");
        for name in &active {
            world.server.outcome(name, "measured", "ok", now.load(second) * 1000);
        }
        now.fetch_add(11, second);
    }
    // Both may have made the very same commit: then both say so, and it is one. The branch knows.
    let log = git(&world.path("remote.git"), &["log", "--format=%b", "deploy"]);
    let count = |word: &str| log.lines().filter(|line| line.starts_with(word)).count();
    assert_eq!((count("admit "), count("end "), world.files("done").len()), (6, 6, 6), "{log}");
    assert_eq!(git(&world.path("remote.git"), &["rev-list", "--count", "--merges", "deploy"]), "0");
}

#[test]
fn it_ends_when_everything_is_done() {
    let world = World::new(2, 1);
    let second = "bg-demo-0000000001-dddddd-t1a";
    world.server.outcome(FIRST, "measured", "ok", world.now.get() * 1000);
    for number in 1..3 {
        world.server.outcome(&format!("{second}{number}"), "failed", "gate", world.now.get() * 1000);
    }
    let clock = || {
        world.pass(6);
        Timestamp(world.now.get())
    };
    let log = |line: &str| world.log.borrow_mut().push(line.to_owned());
    let mut options = world.options("clone");
    options.interval = Some(std::time::Duration::from_millis(100));
    let mut conductor = Conductor::new(options, &NoCluster, admit, &clock, &log).unwrap();
    let (sender, receiver) = mpsc::channel();
    assert_eq!(conductor.until_over(&receiver), Some(Over { measured: 1, given_up: 1 }));
    world.by_hand(&[], &["done/demo/c-1"]);
    sender.send(()).unwrap();
    assert_eq!(conductor.until_over(&receiver), None, "it is told to stop");
}

#[test]
fn exit_codes() {
    let world = World::new(0, 1);
    let deploy = DeployBranch { git: world.url(), branch: "deploy".to_owned(), prefix: String::new() };
    let args = |once: bool| ConductArgs {
        deploy: deploy.clone(),
        once,
        until_done: !once,
        interval: None,
        dir: None,
        store: None,
    };
    assert_eq!(run(&args(true)).unwrap(), Exit::Yes);
    assert_eq!(run(&args(false)).unwrap(), Exit::Yes, "nothing is wanted");
    world.server.said.lock().unwrap().broken = true;
    assert_eq!(run(&args(true)).unwrap(), Exit::Environment, "nothing could be decided");
}

#[test]
fn the_example_of_a_workflow_is_up_to_date() {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../docs/examples/argo-workflow.yaml");
    let text = std::fs::read_to_string(path).unwrap();
    let documents = benchgrid::kustomize::read_documents(&text).unwrap();
    let container = &documents[0]["spec"]["templates"][0]["container"];
    assert_eq!(container["image"], benchgrid::spec::Images::default().conductor);
    let words = ["command", "args"].iter().flat_map(|list| container[*list].as_array().unwrap());
    let words: Vec<&str> = words.map(|word| word.as_str().unwrap()).collect();
    let matches = benchgrid::cli::command().try_get_matches_from(words).unwrap();
    assert!(matches.subcommand_matches("conduct").unwrap().get_flag("until_done"));
}
