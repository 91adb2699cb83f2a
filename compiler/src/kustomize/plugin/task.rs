use std::path::PathBuf;

use serde::Deserialize;
use serde_json::Value;

use super::{API_VERSION, KINDS, PluginError};

/// What a configuration asks for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Task {
    /// `BenchgridCells`: objects of a scenario.
    Cells(CellsSpec),
    /// `CellContract`: whether the objects are a cell's.
    Contract,
}

/// `spec` of `BenchgridCells`.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct CellsSpec {
    /// The scenario's file, from the kustomization's folder.
    pub scenario: PathBuf,
    /// The lab's file.
    pub lab: PathBuf,
    /// Ids or slugs of cells; empty: all.
    #[serde(default)]
    pub cells: Vec<String>,
    /// Which objects.
    #[serde(default)]
    pub of: Wanted,
}

/// Which objects a generator gives.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Wanted {
    /// The cells' own.
    #[default]
    Cells,
    /// Those of Argo CD that deploy them.
    Argocd,
}

impl Task {
    /// What a configuration asks for.
    pub fn of(config: &Value) -> Result<Self, PluginError> {
        let text = |field: &str| config[field].as_str().unwrap_or_default();
        let [cells, contract] = KINDS;
        match (text("apiVersion"), text("kind")) {
            (API_VERSION, kind) if kind == cells => {
                let spec = config.get("spec").cloned().unwrap_or_default();
                let spec =
                    CellsSpec::deserialize(spec).map_err(|error| PluginError::Spec("spec", error.to_string()))?;
                Ok(Self::Cells(spec))
            }
            (API_VERSION, kind) if kind == contract => Ok(Self::Contract),
            (version, kind) => Err(PluginError::Unknown(version.to_owned(), kind.to_owned())),
        }
    }
}
