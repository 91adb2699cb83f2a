use std::collections::BTreeMap;

use benchgrid_measures::Observation;
use benchgrid_probe::experiment::Link;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::matrix::Levels;
use crate::spec::{Load, PatchSpec, Role, Spread};

/// A base, built: plain objects, content addressed.
#[derive(Debug, Clone, PartialEq)]
pub struct Base {
    /// `<name>-<digest8>`: its folder on the branch.
    pub folder: String,
    /// Objects, in the order kustomize prints them.
    pub objects: Vec<Value>,
    /// The program that built them, with its version; none where we did. Not of the experiment: the objects are.
    pub built_by: Option<String>,
}

/// One cell, resolved.
#[derive(Debug, Clone, PartialEq)]
pub struct Cell {
    /// Id of the combination.
    pub id: String,
    /// Readable name.
    pub slug: String,
    /// Levels.
    pub levels: Levels,
    /// SHA-256 over the experiment, hex.
    pub digest: String,
    /// Systems, by name.
    pub systems: Vec<PlannedSystem>,
    /// How it is measured.
    pub measure: PlannedMeasure,
    /// What it takes of the lab.
    pub needs: Needs,
    /// Seconds that the coordinator may take.
    pub coordinator_seconds: u64,
    /// Seconds after which an attempt has failed, from its admission.
    pub deadline_seconds: u64,
    /// Seconds after its admission at which an attempt is expected to end.
    pub expected_seconds: u64,
    /// Records that an attempt leaves.
    pub records: u64,
}

/// One system of a cell.
#[derive(Debug, Clone, PartialEq)]
pub struct PlannedSystem {
    /// The scenario's name of it.
    pub name: String,
    /// Folder of its base.
    pub base: String,
    /// Name of the driver.
    pub driver: String,
    /// Name of the StatefulSet in the base.
    pub workload: String,
    /// The node's container.
    pub container: String,
    /// Port of the node's API.
    pub api_port: u16,
    /// Path of the data volume.
    pub data_path: String,
    /// What it does.
    pub load: Load,
    /// Seeding nodes, fixed ones included.
    pub seeders: u32,
    /// Its groups.
    pub groups: Vec<PlannedGroup>,
}

/// One group, resolved.
#[derive(Debug, Clone, PartialEq)]
pub struct PlannedGroup {
    /// Name within the system.
    pub name: String,
    /// How many nodes.
    pub replicas: u32,
    /// Who may seed.
    pub role: Role,
    /// Images of the workload's containers by container, where they are not the base's.
    pub images: BTreeMap<String, PlannedImage>,
    /// Processors, as Kubernetes writes them.
    pub cpu: Option<String>,
    /// Memory, as Kubernetes writes it.
    pub memory: Option<String>,
    /// The link; none: unshaped.
    pub link: Option<Link>,
    /// Pool of the lab.
    pub pool: Option<String>,
    /// Whether nodes share machines.
    pub spread: Spread,
    /// Environment of system, role and group, resolved, in this order of precedence.
    pub env: BTreeMap<String, String>,
    /// Arguments of system, role and group, in this order.
    pub args: Vec<String>,
    /// How a rehearsal starts a node, in place of the image's entrypoint; empty: nobody said.
    pub process: Vec<String>,
    /// The user's patches.
    pub patches: Vec<PatchSpec>,
    /// Size of the data volume in bytes.
    pub data_bytes: u64,
    /// What one of its pods takes, the agent included.
    pub pod: Needs,
}

/// An image that is not the base's.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PlannedImage {
    /// What the experiment is about: named by scenario, base or the lab's replacements.
    pub experiment: String,
    /// Where it is taken from: the same through the lab's mirror.
    pub deployed: String,
}

/// How a cell is measured, resolved, in base units.
#[derive(Debug, Clone, PartialEq)]
pub struct PlannedMeasure {
    /// Payload in bytes.
    pub file_size: u64,
    /// Fresh deployments.
    pub trials: u32,
    /// How progress is seen, as asked.
    pub observe: Vec<Observation>,
    /// Measured transfers a trial, of each kind of observation.
    pub repetitions: u32,
    /// Discarded transfers before them, of each kind.
    pub warmup: u32,
    /// Transfers a trial, one after the other: of every kind that a measured system gives.
    pub rounds: u64,
    /// Seconds without a verified byte that make a failure.
    pub stalled_seconds: f64,
    /// Seconds until all nodes must be up.
    pub ready_seconds: f64,
    /// Seconds until every seeder must be visible to the others.
    pub gate_seconds: f64,
    /// Seconds over which the idle network is counted before a transfer.
    pub idle_seconds: f64,
    /// Seconds of rest after a transfer.
    pub cool_down_seconds: f64,
    /// Seconds that one transfer may take.
    pub transfer_deadline_seconds: f64,
    /// Least possible seconds of one transfer, where every link has a rate.
    pub fluid_bound_seconds: Option<f64>,
    /// Bytes of the plain transfer that proves a link.
    pub baseline_bytes: u64,
}

/// What a cell takes of the lab while it is deployed.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Needs {
    /// Pods, the coordinator's included.
    pub pods: u32,
    /// Processors, in thousandths.
    pub cpu_millis: u64,
    /// Memory in bytes.
    pub memory_bytes: u64,
    /// Disk in bytes.
    pub disk_bytes: u64,
}
