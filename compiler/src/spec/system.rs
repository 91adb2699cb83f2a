use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{DataSize, Metadata, Template};

/// What a base says about itself: `system.yaml` beside its `kustomization.yaml`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct System {
    /// Version of the language: `benchgrid.io/v1alpha1`.
    pub api_version: String,
    /// What the file is: `System`.
    pub kind: String,
    /// What the system is called.
    pub metadata: Metadata,
    /// What a node of the system is, and how the probe speaks to it.
    pub spec: SystemSpec,
}

/// The body of a system.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct SystemSpec {
    /// How the probe speaks to a node: `codex`, `qbittorrent`, `rqbit`, `http`, or `external` for software of your own.
    #[schemars(length(min = 1))]
    #[schemars(extend("examples" = ["codex", "qbittorrent", "rqbit", "http", "external"]))]
    pub driver: String,
    /// Name of the one StatefulSet in the base's own build.
    #[schemars(extend("examples" = ["codex"]))]
    pub workload: String,
    /// Name of the node's container in the StatefulSet.
    #[schemars(extend("examples" = ["storage"]))]
    pub container: String,
    /// Ports of the node by purpose; at `api` the driver finds it.
    #[serde(default)]
    #[schemars(extend("examples" = [{"api": 8080, "metrics": 8008}]))]
    pub ports: BTreeMap<String, u16>,
    /// Where the node keeps its data, and how much that may become.
    pub data: Data,
    /// Environment of the node's container; expressions see axes, `measure`, `group`, `data` and `host`.
    #[serde(default)]
    #[schemars(with = "BTreeMap<String, String>")]
    #[schemars(extend("examples" = [{"STORAGE_QUOTA": "{{ data.size }}"}]))]
    pub env: BTreeMap<String, Template>,
    /// Arguments of the node's container after those of the base.
    #[serde(default)]
    #[schemars(with = "Vec<String>")]
    pub args: Vec<Template>,
    /// What each role adds; `others` is for the roles that are not named.
    #[serde(default)]
    #[schemars(extend("examples" = [{"bootstrap": {"args": ["--no-bootstrap-node"]}}]))]
    pub roles: BTreeMap<String, RoleSettings>,
    /// How a rehearsal starts a node without a cluster: program, and arguments before those of the container; in place of
    /// the image's entrypoint and the container's `command`.
    #[serde(default)]
    #[schemars(with = "Vec<String>", inner(length(min = 1)))]
    #[schemars(extend("examples" = [["qbittorrent-nox"]]))]
    pub process: Vec<Template>,
}

/// The node's data.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Data {
    /// Folder where the node keeps its data; the volume mounted there is the data volume.
    #[schemars(regex(pattern = "^/"))]
    #[schemars(extend("examples" = ["/data"]))]
    pub path: String,
    /// How large the data may become, rounded up to whole bytes.
    #[schemars(extend("examples" = ["{{ measure.fileSize * measure.transfers * 1.3 }}"]))]
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
    /// Environment over that of the system.
    #[schemars(with = "BTreeMap<String, String>")]
    pub env: BTreeMap<String, Template>,
    /// Arguments after those of the system.
    #[schemars(with = "Vec<String>")]
    pub args: Vec<Template>,
}
