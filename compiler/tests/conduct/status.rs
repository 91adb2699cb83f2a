//! `benchgrid status` against a branch and a store.

use benchgrid::cli::DeployBranch;
use benchgrid::cli::status::{StatusArgs, StatusFormat, said};
use benchgrid::conduct::ConductError;
use benchgrid_measures::Timestamp;
use serde_json::json;

use super::{FIRST, World};

impl World {
    /// What `benchgrid status` prints.
    fn status_of(&self, change: impl Fn(&mut StatusArgs)) -> Result<String, ConductError> {
        let deploy = DeployBranch { git: self.url(), branch: "deploy".to_owned(), prefix: String::new() };
        let mut args = StatusArgs { deploy, format: StatusFormat::Text, store: None, no_store: false };
        change(&mut args);
        said(&args, Timestamp(self.now.get()))
    }
}

#[test]
fn status_says_what_the_branch_says_and_how_many_records_the_store_has() {
    let world = World::new(2, 1);
    let text = world.status_of(|_| {}).unwrap();
    assert!(text.contains("0 of 2 trials measured; about 4 min to go"), "{text}");
    world.tick("clone");
    world.pass(60);
    let record = |attempt: &str, repetition: u32, node: &str, at: i64| {
        let metric = json!({"__name__": "benchgrid_success", "attempt": attempt, "phase": "measured", "node": node,
                            "repetition": repetition.to_string(), "observe": "counter"});
        json!({"metric": metric, "values": [1], "timestamps": [at * 1000]}).to_string() + "\n"
    };
    let now = world.now.get();
    // One in two parts, one of another attempt.
    world.server.said.lock().unwrap().export = [
        record(FIRST, 1, "a", now - 30),
        record(FIRST, 1, "b", now - 30),
        record(FIRST, 2, "a", now - 5),
        record(FIRST, 2, "a", now - 4),
        record("bg-demo-0000000000-dddddd-t2a1", 1, "a", now),
    ]
    .concat();
    let text = world.status_of(|_| {}).unwrap();
    assert!(text.contains("    3 of 6 records, newest measured 2, counter\n"), "{text}");
    let asked = world.server.said.lock().unwrap().asked.last().unwrap().clone();
    assert!(asked.contains("benchgrid_success") && asked.contains(FIRST), "{asked}");
    let text = world.status_of(|args| args.no_store = true).unwrap();
    assert!(text.contains("records are not counted: the store was not asked\n"), "{text}");
    world.server.said.lock().unwrap().broken = true;
    let text = world.status_of(|_| {}).unwrap();
    assert!(text.contains("records are not counted: the store does not answer here: http://"), "{text}");
    let text = world.status_of(|args| args.store = Some("http://127.0.0.1:1".to_owned())).unwrap();
    assert!(text.contains("http://127.0.0.1:1/api/v1/export"), "{text}");
}

#[test]
fn status_names_the_folder_that_has_nothing() {
    let world = World::new(1, 1);
    let error = world.status_of(|args| args.deploy.prefix = "foo".to_owned()).unwrap_err().to_string();
    assert!(error.starts_with("folder `foo` of branch `deploy` of file://"), "{error}");
}

#[test]
fn status_says_that_the_branch_is_paused() {
    let world = World::new(1, 1);
    world.by_hand(&[("paused", "the switch is changed\nback on Monday\n")], &[]);
    let text = world.status_of(|_| {}).unwrap();
    assert!(
        text.contains("about 2 min to go once it goes on") && text.contains("! paused: the switch is changed;"),
        "{text}"
    );
}
