use std::collections::BTreeMap;

pub use benchgrid_measures::Load;
use benchgrid_measures::Observation;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::Template;
use super::forms::{LevelForm, NetworkForm, Scalar};

/// What to compare: axes, exclusions, systems, what to measure.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Scenario {
    /// Version of the language: `benchgrid.io/v1alpha1`.
    pub api_version: String,
    /// What the file is: `Scenario`.
    pub kind: String,
    /// What the scenario is called.
    pub metadata: Metadata,
    /// What is compared, and how it is measured.
    pub spec: ScenarioSpec,
}

/// What every file carries.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Metadata {
    /// Its name: at most 50 lower-case letters, digits and `-`.
    #[schemars(extend("examples" = ["codex-vs-bittorrent"]))]
    pub name: String,
}

/// The body of a scenario.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct ScenarioSpec {
    /// What the campaign is to answer, in words for people.
    #[serde(default)]
    #[schemars(extend("examples" = ["Is Codex at most 20 % slower than BitTorrent?"]))]
    pub question: Option<String>,
    /// Named dimensions with their levels; every combination of levels is a cell unless it is excluded.
    #[serde(default)]
    #[schemars(with = "BTreeMap<String, Vec<LevelForm>>")]
    #[schemars(extend("examples" = [{"networkSize": [2, 8], "fileSize": ["100MB", "1GB"]}]))]
    pub axes: BTreeMap<String, Vec<Value>>,
    /// Combinations added after the exclusions; each names every axis, and may use levels that no axis lists.
    #[serde(default)]
    #[schemars(with = "Vec<BTreeMap<String, LevelForm>>")]
    #[schemars(extend("examples" = [[{"networkSize": 64, "fileSize": "1GB"}]]))]
    pub include: Vec<BTreeMap<String, Value>>,
    /// Rules that leave combinations out; every combination left out is listed with its reason.
    #[serde(default)]
    #[schemars(extend("examples" = [[{"when": "seeders >= networkSize", "reason": "no node would be left to download"}]]))]
    pub exclude: Vec<Exclude>,
    /// The systems under test, by the names that cells and nodes bear.
    #[schemars(extend("minProperties" = 1))]
    pub systems: BTreeMap<String, SystemUse>,
    /// What is transferred in a cell, how often, and how it is watched.
    pub measure: MeasureSpec,
    /// Which levels are compared with which, and what is claimed of them.
    #[serde(default)]
    pub compare: Option<Compare>,
    /// Any text; another one makes every cell a new experiment, so that all is measured anew.
    #[serde(default)]
    #[schemars(extend("examples" = ["2"]))]
    pub salt: Option<String>,
}

/// One rule that leaves combinations out.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Exclude {
    /// An expression over the axes, without `{{ }}`, that is true where the combination is left out.
    #[schemars(extend("examples" = ["seeders >= networkSize", "fileSize > size(\"1GB\")"]))]
    pub when: String,
    /// Why the combinations are left out, in words for people.
    #[schemars(length(min = 1))]
    #[schemars(extend("examples" = ["no node would be left to download"]))]
    pub reason: String,
}

/// How a scenario uses a system.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct SystemUse {
    /// Folder of the Kustomize base with its `system.yaml`, relative to this file and within its repository.
    #[schemars(length(min = 1))]
    #[schemars(extend("examples" = ["../base/codex"]))]
    pub base: String,
    /// An expression over the axes that is true in the cells that have this system; without it, the cells where the
    /// axis `system` has its name, or all where there is no such axis.
    #[serde(default)]
    #[schemars(extend("examples" = ["system == 'codex'"]))]
    pub when: Option<String>,
    /// What the system does in a cell.
    #[serde(default)]
    pub load: Load,
    /// Its nodes, by group; nodes of a group are alike.
    #[schemars(extend("minProperties" = 1))]
    #[schemars(extend("examples" = [{"nodes": {"replicas": "{{ networkSize }}"}}]))]
    pub groups: BTreeMap<String, GroupSpec>,
    /// Name of a standing network of the lab that the nodes join.
    #[serde(default)]
    pub join: Option<String>,
}

/// Nodes that are alike.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct GroupSpec {
    /// How many nodes: a whole number from 1 to 1000, or an expression.
    #[schemars(extend("examples" = [3, "{{ networkSize }}"]))]
    pub replicas: Template,
    /// Who of the group may seed.
    #[serde(default)]
    pub role: Role,
    /// Image of the node's container instead of the base's, by digest so that it stays the same.
    #[serde(default)]
    #[schemars(extend("examples" = ["docker.io/codexstorage/nim-codex@sha256:0123..."]))]
    pub image: Option<Template>,
    /// Processors and memory of the node's container: requests and limits alike; without them, the lab's default.
    #[serde(default)]
    #[schemars(extend("examples" = [{"cpu": 2, "memory": "2Gi"}]))]
    pub resources: Option<Resources>,
    /// The link of each node: its rates, latency and loss, an object level of an axis, or `unshaped`; without it, the lab's
    /// default.
    #[serde(default)]
    #[schemars(with = "Option<NetworkForm>")]
    #[schemars(extend("examples" = [{"up": "100Mbit", "down": "100Mbit", "latency": "5ms"}, "{{ link }}", "unshaped"]))]
    pub network: Option<Value>,
    /// Pool of the lab whose machines the nodes run on; without it, the lab's default.
    #[serde(default)]
    pub pool: Option<String>,
    /// Whether nodes of the group may share a machine.
    #[serde(default)]
    pub spread: Spread,
    /// Environment of the node's container, over that of role and system; numbers stand in quotes.
    #[serde(default)]
    #[schemars(extend("examples" = [{"LOG_LEVEL": "info"}]))]
    pub env: BTreeMap<String, String>,
    /// Arguments of the node's container, after those of role, system and base.
    #[serde(default)]
    #[schemars(extend("examples" = [["--block-retries=300"]]))]
    pub args: Vec<String>,
    /// JSON patches (RFC 6902) of the base's objects, checked against the built base.
    #[serde(default)]
    #[schemars(extend("examples" = [[{"target": {"kind": "StatefulSet"}, "ops": [{"op": "add", "path": "/spec/template/spec/priorityClassName", "value": "bench"}]}]]))]
    pub patches: Vec<PatchSpec>,
    /// The data volume, instead of what the system asks for.
    #[serde(default)]
    pub data: Option<DataSize>,
}

/// Who may seed.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Role {
    /// Drawn anew for every trial.
    #[default]
    Any,
    /// Always.
    Seeder,
    /// Never.
    Leecher,
    /// Never; it helps the others to find each other.
    Bootstrap,
}

/// Whether nodes share machines.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Spread {
    /// One node a machine, or the pod waits.
    Required,
    /// One node a machine where possible.
    #[default]
    Preferred,
    /// Anywhere.
    None,
}

/// Requests, which are the limits.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Resources {
    /// Processors as Kubernetes writes them.
    #[serde(default)]
    #[schemars(extend("examples" = [2, "500m"]))]
    pub cpu: Option<Template>,
    /// Memory as Kubernetes writes it, or as a size.
    #[serde(default)]
    #[schemars(extend("examples" = ["2Gi", "500MB"]))]
    pub memory: Option<Template>,
}

/// One patch of a base.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct PatchSpec {
    /// Which objects of the base are patched.
    pub target: PatchTarget,
    /// Operations of RFC 6902, in order.
    #[schemars(with = "Vec<BTreeMap<String, Value>>")]
    #[schemars(extend("examples" = [[{"op": "replace", "path": "/spec/minReadySeconds", "value": 5}]]))]
    pub ops: Vec<Value>,
}

/// Which objects a patch is for.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct PatchTarget {
    /// Kind of the objects.
    #[schemars(extend("examples" = ["StatefulSet"]))]
    pub kind: String,
    /// Name of the object in the base; without it, every object of the kind.
    #[serde(default)]
    pub name: Option<String>,
}

/// Size of a data volume.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct DataSize {
    /// How large the volume is.
    #[schemars(extend("examples" = ["20GB"]))]
    pub size: Template,
}

/// How a scenario is measured.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct MeasureSpec {
    /// Size of the content of one transfer.
    #[schemars(extend("examples" = ["1GB", "{{ fileSize }}"]))]
    pub file_size: Template,
    /// How many nodes of each measured system seed; may be left out where every group has a role other than `any`.
    #[serde(default)]
    #[schemars(extend("examples" = [2, "{{ seeders }}"]))]
    pub seeders: Option<Template>,
    /// Fresh deployments of each cell; the unit of statistics.
    #[serde(default)]
    #[schemars(extend("default" = 5))]
    pub trials: Option<Template>,
    /// Measured transfers of each trial, for each kind of observation.
    #[serde(default)]
    #[schemars(extend("default" = 2))]
    pub repetitions: Option<Template>,
    /// Transfers of each trial that are made first and not counted, for each kind of observation.
    #[serde(default)]
    #[schemars(extend("default" = 1))]
    pub warmup: Option<Template>,
    /// How progress is seen; each kind is measured in repetitions of its own.
    #[serde(default = "counter")]
    #[schemars(length(min = 1))]
    #[schemars(extend("examples" = [["counter", "stream"]], "uniqueItems" = true))]
    pub observe: Vec<Observe>,
    /// How long a transfer may go on without a verified byte before it has failed.
    #[serde(default)]
    #[schemars(extend("default" = "120s"))]
    pub stalled: Option<Template>,
    /// How long nodes may take to be up.
    #[serde(default)]
    #[schemars(extend("default" = "300s"))]
    pub ready: Option<Template>,
}

fn counter() -> Vec<Observe> {
    vec![Observe::Counter]
}

/// How progress is seen.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Observe {
    /// How much the node itself holds.
    Counter,
    /// A reader of the node's own download API.
    Stream,
}

impl From<Observe> for Observation {
    fn from(observe: Observe) -> Self {
        match observe {
            Observe::Counter => Self::Counter,
            Observe::Stream => Self::Stream,
        }
    }
}

/// Which levels are compared with which.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Compare {
    /// The axis whose levels are compared with each other.
    #[schemars(extend("examples" = ["system"]))]
    pub axis: String,
    /// The level that the others are compared with.
    #[schemars(with = "Scalar")]
    #[schemars(extend("examples" = ["bittorrent"]))]
    pub baseline: Value,
    /// What is claimed of every cell; without any, that `time_to_100` is at most 1.20 times the baseline's.
    #[serde(default)]
    #[schemars(extend("examples" = [[{"metric": "time_to_100", "margin": 1.2}]]))]
    pub claims: Vec<Claim>,
}

/// One claim.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Claim {
    /// What is compared.
    #[serde(default)]
    #[schemars(extend("default" = "time_to_100", "examples" = ["time_to_first_byte", "time_to_50", "time_to_90", "time_to_100", "download_speed", "upload_time", "network_bytes", "success"]))]
    pub metric: Option<String>,
    /// At most this many times worse than the baseline; below 1 it must be better.
    #[serde(default)]
    #[schemars(extend("default" = 1.2))]
    pub margin: Option<f64>,
}
