//! What will be deployed and measured: a value that everything later obeys.
//!
//! In: a scenario, its matrix, the lab, the systems with their built bases. Out: the [`Plan`]: every cell with its
//! systems and groups resolved, its digest, its needs and its deadline. Pure.

mod cell;
mod trouble;

pub use cell::*;
pub use trouble::{Subject, Trouble};

use std::collections::BTreeMap;

use serde_json::Value;

use crate::matrix::{Exclusion, Matrix};
use crate::spec::{Lab, Scenario, System};

/// The plan of one scenario in one lab.
#[derive(Debug, Clone, PartialEq)]
pub struct Plan {
    /// Name of the scenario.
    pub scenario: String,
    /// What the campaign is to answer.
    pub question: Option<String>,
    /// The axis whose levels are compared.
    pub compare_axis: Option<String>,
    /// Name of the lab.
    pub lab: String,
    /// Bases, by `<name>-<digest8>`.
    pub bases: BTreeMap<String, Base>,
    /// Cells, in the order in which they run.
    pub cells: Vec<Cell>,
    /// Combinations left out.
    pub exclusions: Vec<Exclusion>,
    /// What is worth a look.
    pub warnings: Vec<Trouble>,
}

/// The systems of a scenario, by the scenario's name of them, each with the objects of its base.
pub type Systems = BTreeMap<String, (System, Vec<Value>)>;

/// Resolves every cell.
pub fn plan(_scenario: &Scenario, _matrix: &Matrix, _lab: &Lab, _systems: &Systems) -> Result<Plan, Vec<Trouble>> {
    todo!()
}
