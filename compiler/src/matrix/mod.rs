//! Which combinations there are.
//!
//! In: a scenario's axes, includes and exclusions. Out: cells with their ids and slugs, and the combinations that were
//! left out, each with its reason. Pure.

mod axes;
mod evaluator;
mod expand;
mod functions;
mod identity;
mod level;
mod nodes;
mod operators;
mod scope;
mod settings;

pub use expand::{MOST_CELLS, MOST_COMBINATIONS, expand};
pub use level::Level;
pub(crate) use nodes::Nodes;
pub(crate) use operators::printed;
pub use scope::Scope;
pub use settings::check_settings;

pub use crate::spec::ExpressionError;

use std::collections::BTreeMap;

/// Levels by axis.
pub type Levels = BTreeMap<String, Level>;

/// One allowed combination.
#[derive(Debug, Clone, PartialEq)]
pub struct Combination {
    /// First 10 hex digits of the SHA-256 over canonical JSON of scenario name and levels.
    pub id: String,
    /// Readable name: `<axis>-<level>` for each axis, sorted by axis, joined by `.`.
    pub slug: String,
    /// The levels.
    pub levels: Levels,
}

/// One combination left out.
#[derive(Debug, Clone, PartialEq)]
pub struct Exclusion {
    /// The levels.
    pub levels: Levels,
    /// Why.
    pub reason: String,
}

/// Every combination of a scenario.
#[derive(Debug, Clone, PartialEq)]
pub struct Matrix {
    /// The allowed ones, in the order of the scenario's axes (sorted by axis name) and levels.
    pub cells: Vec<Combination>,
    /// The others.
    pub exclusions: Vec<Exclusion>,
}
