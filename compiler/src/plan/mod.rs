//! What will be deployed and measured: a value that everything later obeys.
//!
//! In: a scenario, its matrix, the lab, the systems with their built bases. Out: the [`Plan`]: every cell with its
//! systems and groups resolved, its digest, its needs and its deadline. Pure.

mod cell;

pub use cell::*;

use crate::matrix::Exclusion;

/// The plan of one scenario in one lab.
#[derive(Debug, Clone, PartialEq)]
pub struct Plan {
    /// Name of the scenario.
    pub scenario: String,
    /// What the campaign is to answer.
    pub question: Option<String>,
    /// Name of the lab.
    pub lab: String,
    /// Bases, by `<name>-<digest8>`.
    pub bases: std::collections::BTreeMap<String, Base>,
    /// Cells, in the order in which they run.
    pub cells: Vec<Cell>,
    /// Combinations left out.
    pub exclusions: Vec<Exclusion>,
}
