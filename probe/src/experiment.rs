//! What a cell's coordinator is told: the contract between compiler and probe.
//!
//! In: `cell.json` of the cell's ConfigMap. Out: typed values. Everything is resolved: no expression, no default,
//! base units (bytes, bits a second, seconds).

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

pub use benchgrid_measures::Load;
use benchgrid_measures::{AttemptName, DriverFacts, Identity, Observation};

/// One cell, as its coordinator runs it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Experiment {
    /// Measurement protocol the compiler meant; a coordinator of another one refuses.
    pub protocol: u32,
    /// Name of the lab.
    pub lab: String,
    /// Name of the scenario.
    pub scenario: String,
    /// Id of the cell.
    pub cell: String,
    /// Digest of the cell, 64 hex digits.
    pub digest: String,
    /// Levels by axis, as people read them.
    pub levels: BTreeMap<String, String>,
    /// How it is measured.
    pub measure: Measure,
    /// Who shapes the links.
    pub shaping: Shaping,
    /// Systems, by name.
    pub systems: Vec<System>,
    /// Where the numbers go; missing: nowhere but to the coordinator's output.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub store: Option<Store>,
}

/// How a cell is measured.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Measure {
    /// Payload of one transfer, in bytes.
    pub file_size: u64,
    /// How progress is seen; each kind has warm-ups and repetitions of its own. Missing: by the counter.
    #[serde(default = "counter", skip_serializing_if = "is_counter")]
    pub observe: Vec<Observation>,
    /// Measured repetitions of each kind.
    pub repetitions: u32,
    /// Discarded repetitions of each kind before them.
    pub warmup: u32,
    /// Seconds until every node must be up and registered.
    pub ready_seconds: f64,
    /// Seconds until every seeder must be visible to the others.
    pub gate_seconds: f64,
    /// Seconds without a verified byte after which a transfer has failed.
    pub stalled_seconds: f64,
    /// Seconds after which a transfer has failed.
    pub transfer_deadline_seconds: f64,
    /// Seconds over which the idle network is counted before t0.
    pub idle_seconds: f64,
    /// Seconds of rest after a repetition.
    pub cool_down_seconds: f64,
    /// Bytes of the plain transfer that proves a link's rate; 0: no baseline.
    pub baseline_bytes: u64,
    /// Fluid bound of one transfer in seconds, where every link has a rate.
    pub fluid_bound_seconds: Option<f64>,
}

fn counter() -> Vec<Observation> {
    vec![Observation::Counter]
}

fn is_counter(observe: &[Observation]) -> bool {
    observe == [Observation::Counter]
}

/// One system of the cell.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct System {
    /// The scenario's name of it.
    pub name: String,
    /// Name of the driver, where a group says no other.
    pub driver: String,
    /// What it does in the cell; missing: it is measured.
    #[serde(default, skip_serializing_if = "Load::is_measured")]
    pub load: Load,
    /// Seeding nodes, fixed ones included.
    pub seeders: u32,
    /// Groups, in the scenario's order.
    pub groups: Vec<Group>,
}

/// Nodes that are alike.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Group {
    /// Name within the system.
    pub name: String,
    /// Name of the driver; missing: the system's. Their handles must be of one kind.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub driver: Option<String>,
    /// Who may seed.
    pub role: GroupRole,
    /// How many nodes.
    pub replicas: u32,
    /// The link asked for each node; missing: unshaped.
    pub link: Option<Link>,
}

/// Who may seed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum GroupRole {
    /// Drawn anew for every trial.
    Any,
    /// Always seeds.
    Seeder,
    /// Never seeds.
    Leecher,
    /// Helps others to find each other; neither seeds nor leeches.
    Bootstrap,
}

/// How many nodes transfer to and from the coordinator at the same time, when it proves their links.
pub const BASELINES_AT_ONCE: u32 = 4;

/// A node's link.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Link {
    /// What the node may send, in bits a second.
    pub up_bits_per_second: u64,
    /// What the node may receive, in bits a second.
    pub down_bits_per_second: u64,
    /// Delay added when the node sends, one way, in seconds.
    pub latency_seconds: f64,
    /// Share of the packets it sends that are lost, 0 to 1; missing: none.
    #[serde(default, skip_serializing_if = "is_none_lost")]
    pub loss_ratio: f64,
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "the form that serde asks for")]
fn is_none_lost(ratio: &f64) -> bool {
    *ratio <= 0.0
}

/// Who shapes the links.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Shaping {
    /// The probe, in each node's pod: what it put there can be read back.
    Tc,
    /// Nobody here: a link is what the machines have, and only the baseline tells.
    None,
}

/// The metrics store, by base URLs: `/api/v1/...` is appended.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Store {
    /// Where records are pushed.
    pub write: String,
    /// Where they are read back.
    pub read: String,
}

impl System {
    /// Driver of a group's nodes.
    pub fn driver<'a>(&'a self, group: &'a Group) -> &'a str {
        group.driver.as_deref().unwrap_or(&self.driver)
    }

    /// Whether its nodes can be observed so.
    pub fn gives(&self, observe: Observation) -> bool {
        self.groups
            .iter()
            .filter(|group| group.role != GroupRole::Bootstrap)
            .all(|group| DriverFacts::gives(self.driver(group), observe))
    }

    /// Pods of a group: `<system>-<group>-<n>`.
    pub fn pods<'a>(&'a self, group: &'a Group) -> impl Iterator<Item = String> + 'a {
        (0..group.replicas).map(move |n| format!("{}-{}-{n}", self.name, group.name))
    }
}

impl Experiment {
    /// Every node that must register: system, group, pod name.
    pub fn nodes(&self) -> impl Iterator<Item = (&System, &Group, String)> {
        self.systems.iter().flat_map(|system| {
            system.groups.iter().flat_map(move |group| system.pods(group).map(move |pod| (system, group, pod)))
        })
    }

    /// The systems of one load, in order.
    pub fn loaded(&self, load: Load) -> impl Iterator<Item = &System> {
        self.systems.iter().filter(move |system| system.load == load)
    }

    /// Kinds of observation that are asked for and that a measured system gives.
    pub fn observed(&self) -> Vec<Observation> {
        let given = |kind: &Observation| self.loaded(Load::Measured).any(|system| system.gives(*kind));
        self.measure.observe.iter().copied().filter(given).collect()
    }

    /// The identity of an attempt at this cell.
    pub fn identity(&self, attempt: &AttemptName) -> Identity {
        Identity {
            lab: self.lab.clone(),
            scenario: self.scenario.clone(),
            cell: self.cell.clone(),
            digest: self.digest.chars().take(6).collect(),
            trial: attempt.trial,
            number: attempt.number,
            attempt: attempt.to_string(),
        }
    }
}

/// DNS name of a pod within its namespace: `<pod>.<system>-<group>`, never longer.
pub fn host(pod: &str) -> String {
    let service = pod.rsplit_once('-').map_or(pod, |(service, _)| service);
    format!("{pod}.{service}")
}
