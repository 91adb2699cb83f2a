//! A cell as processes of one machine.
//!
//! In: a cell's built objects, as a cluster gets them; where its files may be, and which programs there are. Out: the
//! sandbox that the probe runs, with the files that it wants; or every reason for which the cell can't be rehearsed.
//! Pure: programs are found by a function that is passed in, files are values.

mod container;
mod experiment;
mod pods;
mod volumes;

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use benchgrid_measures::AttemptName;
use benchgrid_probe::experiment::Store;
use benchgrid_probe::sandbox::{Isolation, Process, Program, Relay, Sandbox, hub_address};
use serde_json::Value;

use crate::plan::Cell;

/// Where and how an attempt is rehearsed.
pub struct Site<'a> {
    /// The attempt.
    pub attempt: AttemptName,
    /// What keeps nodes apart.
    pub isolation: Isolation,
    /// Folder of the attempt, absolute.
    pub folder: &'a Path,
    /// Words with which this program becomes the probe.
    pub own: &'a [String],
    /// Search path of programs, for the nodes' environment.
    pub path: &'a str,
    /// The program of that name; none: it is not there.
    pub find: &'a dyn Fn(&str) -> Option<PathBuf>,
    /// The store, as the coordinator reaches it.
    pub store: Option<Store>,
    /// The way to it.
    pub relay: Option<Relay>,
    /// Whether the nodes' data stays.
    pub keep: bool,
}

/// What is to be run, and what must be there before.
#[derive(Debug, Clone, PartialEq)]
pub struct Rehearsal {
    /// For the probe.
    pub sandbox: Sandbox,
    /// Files, by path.
    pub files: BTreeMap<PathBuf, Vec<u8>>,
    /// Folders that are there and may be empty.
    pub folders: BTreeSet<PathBuf>,
}

/// File names within the folder of an attempt.
pub mod names {
    /// Records, then the outcome, as the coordinator prints them.
    pub const RECORDS: &str = "records.jsonl";
    /// What the coordinator is told.
    pub const CELL: &str = "cell.json";
    /// What the coordinator says.
    pub const NOTES: &str = "coordinator.log";
    /// How it ended.
    pub const OUTCOME: &str = "outcome.json";
    /// What became of the sandbox.
    pub const SANDBOX: &str = "sandbox.log";
    /// Logs of the pods' containers.
    pub const LOGS: &str = "nodes";
    /// The nodes' data.
    pub const VOLUMES: &str = "volumes";
    /// What the sandbox needs for itself.
    pub const PRIVATE: &str = "sandbox";
}

/// A cell as a sandbox.
pub fn rehearsal(objects: &[Value], cell: &Cell, site: &Site<'_>) -> Result<Rehearsal, Vec<String>> {
    let mut reasons = BTreeSet::new();
    let mut rehearsal = Rehearsal {
        sandbox: Sandbox {
            own: site.own.to_vec(),
            isolation: site.isolation,
            folder: site.folder.join(names::PRIVATE),
            scratch: scratch(site),
            pods: Vec::new(),
            coordinator: Some(coordinator(site)),
            limit_seconds: cell.coordinator_seconds,
            relay: site.relay.clone(),
        },
        files: BTreeMap::new(),
        folders: [site.folder.join(names::PRIVATE)].into(),
    };
    match experiment::experiment(objects, site) {
        Ok(text) => drop(rehearsal.files.insert(site.folder.join(names::CELL), text)),
        Err(reason) => drop(reasons.insert(reason)),
    }
    pods::add(objects, cell, site, &mut rehearsal, &mut reasons);
    if reasons.is_empty() { Ok(rehearsal) } else { Err(reasons.into_iter().collect()) }
}

fn scratch(site: &Site<'_>) -> Vec<PathBuf> {
    let private = site.folder.join(names::PRIVATE);
    if site.keep { vec![private] } else { vec![private, site.folder.join(names::VOLUMES)] }
}

/// The coordinator, as its Job starts it, with its files at their own places.
fn coordinator(site: &Site<'_>) -> Process {
    let at = |name| site.folder.join(name);
    let mut env = BTreeMap::from([
        ("PATH".to_owned(), site.path.to_owned()),
        ("BENCHGRID_ATTEMPT".to_owned(), site.attempt.to_string()),
        ("BENCHGRID_CELL".to_owned(), at(names::CELL).display().to_string()),
        ("BENCHGRID_TERMINATION_LOG".to_owned(), at(names::OUTCOME).display().to_string()),
    ]);
    if let Isolation::Loopback(_) = site.isolation {
        env.insert("BENCHGRID_LISTEN".to_owned(), hub_address(site.isolation).to_string());
    }
    Process {
        name: "coordinator".to_owned(),
        program: Program::Own,
        args: vec!["coordinator".to_owned()],
        env,
        directory: PathBuf::from("/"),
        output: at(names::RECORDS),
        errors: at(names::NOTES),
    }
}
