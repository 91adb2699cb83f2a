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
    /// Which containers ended by themselves.
    pub const ENDED: &str = "ended.log";
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
            ended: site.folder.join(names::ENDED),
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
        ("BENCHGRID_ENDED".to_owned(), at(names::ENDED).display().to_string()),
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cli::inputs::read_and_plan;
    use crate::render::built;

    /// The cells of a scenario of this project whose slug contains a word.
    fn rehearsed(
        scenario: &str,
        word: &str,
        isolation: Isolation,
        found: Option<&str>,
    ) -> Result<Rehearsal, Vec<String>> {
        let project = Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap();
        let lab = project.join("labs/test.yaml");
        let (planned, found_wrong) = read_and_plan(&project.join("matrices").join(scenario), &lab);
        let (plan, lab) = planned.unwrap_or_else(|| panic!("{found_wrong:?}"));
        let cell = plan.cells.iter().find(|cell| cell.slug.contains(word)).unwrap();
        let objects = built(&plan, cell, &lab).unwrap();
        let site = Site {
            attempt: AttemptName::new("s", &cell.id, &cell.digest, 3, 1),
            isolation,
            folder: Path::new("/run/here"),
            own: &["probe".to_owned()],
            path: "/usr/bin",
            find: &|program| Some(PathBuf::from(found?).join(program)),
            store: None,
            relay: None,
            keep: false,
        };
        rehearsal(&objects, cell, &site)
    }

    #[test]
    fn a_container_is_a_process_with_the_pod_s_files() {
        let it = rehearsed("smoke.yaml", "bittorrent", Isolation::Namespaces, Some("/opt")).unwrap();
        let pod = &it.sandbox.pods[2];
        assert_eq!((pod.name.as_str(), pod.host.as_str()), ("bittorrent-slow-0", "bittorrent-slow-0.bittorrent-slow"));
        let [shape] = pod.init.as_slice() else { panic!("{:?}", pod.init) };
        assert_eq!((&shape.program, shape.args.as_slice()), (&Program::Own, &["shape".to_owned()][..]));
        assert_eq!(shape.env["BENCHGRID_DOWN_BPS"], "20000000");
        let [node, agent] = pod.containers.as_slice() else { panic!("{:?}", pod.containers) };
        assert_eq!(node.program, Program::Path(PathBuf::from("/opt/qbittorrent-nox")));
        assert_eq!((node.args.as_slice(), node.env["HOME"].as_str()), (&["--profile=/profile".to_owned()][..], "/tmp"));
        assert_eq!(agent.env["BENCHGRID_POD"], "bittorrent-slow-0");
        assert!(agent.env["BENCHGRID_ATTEMPT"].ends_with("-t3a1"), "{:?}", agent.env);
        let mounts: Vec<String> = pod.mounts.iter().map(|one| one.target.display().to_string()).collect();
        let file = "/profile/qBittorrent/config/qBittorrent.conf";
        assert_eq!(mounts, ["/data", "/profile/qBittorrent", "/profile/qBittorrent/config", file, "/tmp"]);
        let conf = &pod.mounts[3].source;
        assert!(String::from_utf8_lossy(&it.files[conf]).contains("[BitTorrent]") && !it.folders.contains(conf));
        assert!(it.folders.contains(Path::new("/run/here/volumes/bittorrent-slow-0/data")));
        let told = String::from_utf8_lossy(&it.files[Path::new("/run/here/cell.json")]).into_owned();
        assert!(!told.contains("\"store\"") && told.contains("\"fluidBoundSeconds\""), "{told}");
    }

    #[test]
    fn variables_are_the_pod_s_own() {
        let it = rehearsed("codex-vs-bittorrent.yaml", "system-codex", Isolation::Namespaces, Some("/opt")).unwrap();
        let node = &it.sandbox.pods[1].containers[0];
        assert!(node.env.values().any(|value| value.contains("extip:10.98.0.3")), "{:?}", node.env);
    }

    #[test]
    fn what_is_missing_is_named() {
        let reasons = rehearsed("smoke.yaml", "bittorrent", Isolation::Namespaces, None).unwrap_err();
        assert_eq!(reasons.len(), 1);
        assert!(reasons[0].contains("no program `qbittorrent-nox` on PATH"), "{reasons:?}");
        let reasons = rehearsed("smoke.yaml", "bittorrent", Isolation::Loopback(0x4001), Some("/opt")).unwrap_err();
        assert!(reasons[0].contains("addresses of their own"), "{reasons:?}");
    }

    #[test]
    fn the_control_listens_at_an_address_of_its_own_on_loopback() {
        let it = rehearsed("smoke.yaml", "http", Isolation::Loopback(0x4001), None).unwrap();
        let pod = &it.sandbox.pods[0];
        let data = "/run/here/volumes/http-fast-0/data";
        assert!(pod.init.is_empty() && pod.mounts.is_empty());
        assert_eq!(pod.containers[0].args, ["http-node", "--listen", "127.64.1.1:8080", "--data", data]);
        let env = &pod.containers[1].env;
        assert_eq!(
            (env["BENCHGRID_API"].as_str(), env["BENCHGRID_HOST"].as_str()),
            ("http://127.64.1.1:8080", "127.64.1.1")
        );
        assert_eq!(
            (env["BENCHGRID_COORDINATOR"].as_str(), env["BENCHGRID_DATA"].as_str()),
            ("http://127.64.1.254:7070", data)
        );
    }
}
