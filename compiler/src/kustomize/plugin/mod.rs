//! What Kustomize says to a plugin, and what it hears.
//!
//! In: a `ResourceList` (the KRM function protocol, `config.kubernetes.io/v1`), or the configuration alone (the legacy
//! protocol). Out: what the plugin is asked to do; a `ResourceList` in reply.

mod resource_list;
mod task;

pub use resource_list::{ResourceList, reply, result};
pub use task::{CellsSpec, Task, Wanted};

use super::YamlError;

/// `apiVersion` of our configurations.
pub const API_VERSION: &str = "benchgrid.io/v1alpha1";
/// Names of our configurations' kinds, which are also the names of the legacy plugins.
pub const KINDS: [&str; 2] = ["BenchgridCells", "CellContract"];

/// Why a plugin does not know what to do.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum PluginError {
    /// The input is not YAML as we read it.
    #[error("the input can't be read")]
    Yaml(#[from] YamlError),
    /// The input is something else.
    #[error(
        "the input is not one ResourceList of config.kubernetes.io/v1; kustomize writes it, see docs/guide/kustomize-plugin.md"
    )]
    NotAList,
    /// A list of another release.
    #[error("the input is a ResourceList of `{0}`, not of config.kubernetes.io/v1; kustomize 5 writes that")]
    OtherVersion(String),
    /// No configuration of ours.
    #[error(
        "the configuration is a `{1}` of `{0}`; known are BenchgridCells and CellContract of benchgrid.io/v1alpha1"
    )]
    Unknown(String, String),
    /// A configuration that says something else than it can.
    #[error("{0}: {1}; it has scenario, lab, cells and of")]
    Spec(&'static str, String),
}
