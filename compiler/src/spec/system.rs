use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{DataSize, Metadata, Template};

/// What a base says about itself: `system.yaml` beside its `kustomization.yaml`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct System {
    /// `benchgrid.io/v1alpha1`.
    pub api_version: String,
    /// `System`.
    pub kind: String,
    /// Its name.
    pub metadata: Metadata,
    /// The rest.
    pub spec: SystemSpec,
}

/// The body of a system.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct SystemSpec {
    /// How the probe speaks to a node.
    #[schemars(length(min = 1))]
    pub driver: String,
    /// The one StatefulSet of the base, by its name in the base's own build.
    pub workload: String,
    /// The node's container.
    pub container: String,
    /// Ports by purpose; `api` is where the driver finds the node.
    #[serde(default)]
    pub ports: BTreeMap<String, u16>,
    /// The node's data.
    pub data: Data,
    /// Environment of the node's container.
    #[serde(default)]
    #[schemars(with = "BTreeMap<String, String>")]
    pub env: BTreeMap<String, Template>,
    /// Arguments after those of the base.
    #[serde(default)]
    #[schemars(with = "Vec<String>")]
    pub args: Vec<Template>,
    /// What a role adds; `others` is for the roles that are not named.
    #[serde(default)]
    pub roles: BTreeMap<String, RoleSettings>,
    /// How a rehearsal starts a node: program and arguments.
    #[serde(default)]
    #[schemars(with = "Vec<String>", inner(length(min = 1)))]
    pub process: Vec<Template>,
}

/// The node's data.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Data {
    /// Where the node keeps it; the volume mounted there is the data volume.
    #[schemars(regex(pattern = "^/"))]
    pub path: String,
    /// How much it may become.
    pub size: Template,
}

impl From<&DataSize> for Template {
    fn from(data: &DataSize) -> Self {
        data.size.clone()
    }
}

/// What a role adds.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
pub struct RoleSettings {
    /// Environment.
    #[schemars(with = "BTreeMap<String, String>")]
    pub env: BTreeMap<String, Template>,
    /// Arguments.
    #[schemars(with = "Vec<String>")]
    pub args: Vec<Template>,
}
