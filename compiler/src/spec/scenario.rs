use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::Template;
use super::forms::{LevelForm, NetworkForm, Scalar};

/// What to compare: axes, exclusions, systems, what to measure.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Scenario {
    /// `benchgrid.io/v1alpha1`.
    pub api_version: String,
    /// `Scenario`.
    pub kind: String,
    /// Its name.
    pub metadata: Metadata,
    /// The rest.
    pub spec: ScenarioSpec,
}

/// What every file carries.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Metadata {
    /// A DNS label.
    pub name: String,
}

/// The body of a scenario.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct ScenarioSpec {
    /// What the campaign is to answer, for people.
    #[serde(default)]
    pub question: Option<String>,
    /// Named dimensions, each with its levels.
    #[serde(default)]
    #[schemars(with = "BTreeMap<String, Vec<LevelForm>>")]
    pub axes: BTreeMap<String, Vec<Value>>,
    /// Combinations that the product does not hold.
    #[serde(default)]
    #[schemars(with = "Vec<BTreeMap<String, LevelForm>>")]
    pub include: Vec<BTreeMap<String, Value>>,
    /// Combinations that are left out, with the reason.
    #[serde(default)]
    pub exclude: Vec<Exclude>,
    /// The software under test, by name.
    #[schemars(extend("minProperties" = 1))]
    pub systems: BTreeMap<String, SystemUse>,
    /// How it is measured.
    pub measure: MeasureSpec,
    /// Which levels are compared with which.
    #[serde(default)]
    pub compare: Option<Compare>,
    /// Any text; another one measures everything anew.
    #[serde(default)]
    pub salt: Option<String>,
}

/// One rule that leaves combinations out.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Exclude {
    /// A bare expression over the axes that yields true where the combination is left out.
    pub when: String,
    /// Why, for people.
    #[schemars(length(min = 1))]
    pub reason: String,
}

/// How a scenario uses a system.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct SystemUse {
    /// Folder of the Kustomize base with its `system.yaml`, relative to this file.
    #[schemars(length(min = 1))]
    pub base: String,
    /// In which cells it is; without it: where the axis `system` has this name, else everywhere.
    #[serde(default)]
    pub when: Option<String>,
    /// Whether it is measured.
    #[serde(default)]
    pub load: Load,
    /// Its nodes, by group.
    #[schemars(extend("minProperties" = 1))]
    pub groups: BTreeMap<String, GroupSpec>,
    /// Base capacity of the lab that the nodes join.
    #[serde(default)]
    pub join: Option<String>,
}

/// What a system does in a cell.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Load {
    /// Its transfers are measured.
    #[default]
    Measured,
    /// It transfers beside the measured ones.
    Background,
    /// It is only there.
    Idle,
}

/// Nodes that are alike.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct GroupSpec {
    /// How many.
    pub replicas: Template,
    /// Who may seed.
    #[serde(default)]
    pub role: Role,
    /// Image of the node's container.
    #[serde(default)]
    pub image: Option<Template>,
    /// Requests, which are the limits.
    #[serde(default)]
    pub resources: Option<Resources>,
    /// The link of each node: an object, an object level of an axis, or `unshaped`.
    #[serde(default)]
    #[schemars(with = "Option<NetworkForm>")]
    pub network: Option<Value>,
    /// Pool of the lab.
    #[serde(default)]
    pub pool: Option<String>,
    /// Whether nodes share machines.
    #[serde(default)]
    pub spread: Spread,
    /// Environment of the node's container.
    #[serde(default)]
    pub env: BTreeMap<String, String>,
    /// Arguments after those of role, system and base.
    #[serde(default)]
    pub args: Vec<String>,
    /// RFC 6902 patches of the built base.
    #[serde(default)]
    pub patches: Vec<PatchSpec>,
    /// Size of the data volume, instead of the system's.
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
    /// Processors, as Kubernetes writes them: `2`, `500m`.
    #[serde(default)]
    pub cpu: Option<Template>,
    /// Memory, as Kubernetes writes it or as our sizes: `2Gi`, `500MB`.
    #[serde(default)]
    pub memory: Option<Template>,
}

/// One patch of a base.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct PatchSpec {
    /// Which objects.
    pub target: PatchTarget,
    /// RFC 6902 operations.
    #[schemars(with = "Vec<BTreeMap<String, Value>>")]
    pub ops: Vec<Value>,
}

/// Which objects a patch is for.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct PatchTarget {
    /// Kind of the object.
    pub kind: String,
    /// Name in the base; every object of the kind without it.
    #[serde(default)]
    pub name: Option<String>,
}

/// Size of a data volume.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct DataSize {
    /// A size.
    pub size: Template,
}

/// How a scenario is measured.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct MeasureSpec {
    /// Payload of one transfer.
    pub file_size: Template,
    /// Seeding nodes of each measured system; may be missing where all roles are fixed.
    #[serde(default)]
    pub seeders: Option<Template>,
    /// Fresh deployments of each cell.
    #[serde(default)]
    pub trials: Option<Template>,
    /// Measured transfers of a trial.
    #[serde(default)]
    pub repetitions: Option<Template>,
    /// Discarded transfers before them.
    #[serde(default)]
    pub warmup: Option<Template>,
    /// How progress is seen.
    #[serde(default = "counter")]
    #[schemars(length(min = 1))]
    pub observe: Vec<Observe>,
    /// Time without a verified byte after which a transfer has failed.
    #[serde(default)]
    pub stalled: Option<Template>,
    /// Time until every node must be up.
    #[serde(default)]
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

/// Which levels are compared with which.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Compare {
    /// The axis whose levels are compared.
    pub axis: String,
    /// The level the others are compared with.
    #[schemars(with = "Scalar")]
    pub baseline: Value,
    /// What is claimed.
    #[serde(default)]
    pub claims: Vec<Claim>,
}

/// One claim.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Claim {
    /// What is compared.
    #[serde(default)]
    pub metric: Option<String>,
    /// At most this many times worse.
    #[serde(default)]
    pub margin: Option<f64>,
}
