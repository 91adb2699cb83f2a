//! What will be deployed and measured: a value that everything later obeys.
//!
//! In: a scenario, its matrix, the lab, the systems with their built bases. Out: the [`Plan`]: every cell with its
//! systems and groups resolved, its digest, its needs and its deadline. Pure.

mod capacity;
mod cell;
mod demand;
pub(crate) mod experiment;
mod fluid;
mod forecast;
mod group;
pub(crate) mod image;
mod lab;
mod link;
mod machines;
mod measure;
mod needs;
mod observed;
pub(crate) mod overhead;
mod pair;
mod planner;
mod provision;
mod question;
pub(crate) mod renaming;
mod seeders;
pub(crate) mod shown;
mod totals;
mod trouble;
mod value;

pub use capacity::{Available, Capacity, PoolUse};
pub use cell::*;
pub use demand::Demand;
pub use forecast::measuring_seconds;
pub(crate) use forecast::place_seconds;
pub(crate) use measure::whole_seconds;
pub use pair::{Missing, Pair, Ratio};
pub use provision::Provision;
pub use totals::Totals;
pub use trouble::{Subject, Trouble};
use value::Spot;

use std::collections::BTreeMap;

use benchgrid_results::analysis::Compare;

use crate::kustomize::{BuiltBase, check_base};
use crate::matrix::{Exclusion, Matrix};
use crate::parallel;
use crate::spec::{Lab, Observe, Scenario, Severity, System, codes};

/// The plan of one scenario in one lab.
#[derive(Debug, Clone, PartialEq)]
pub struct Plan {
    /// Name of the scenario.
    pub scenario: String,
    /// What the campaign is to answer.
    pub question: Option<String>,
    /// Which levels are compared, and what is claimed of them.
    pub compare: Option<Compare>,
    /// What makes the scenario measure everything anew.
    pub salt: Option<String>,
    /// How progress is seen.
    pub observe: Vec<Observe>,
    /// Name of the lab.
    pub lab: String,
    /// Bases, by `<name>-<digest8>`.
    pub bases: BTreeMap<String, Base>,
    /// Cells, in the order in which they run.
    pub cells: Vec<Cell>,
    /// Combinations left out.
    pub exclusions: Vec<Exclusion>,
    /// What it takes of the lab at once.
    pub capacity: Capacity,
    /// What it takes in all.
    pub totals: Totals,
    /// Which levels are compared, and by what.
    pub pairs: Vec<Pair>,
    /// What is worth a look.
    pub warnings: Vec<Trouble>,
}

impl Plan {
    /// Bases that a program built, by their folder, each with the program and its version.
    pub fn foreign_bases(&self) -> BTreeMap<String, String> {
        self.bases.values().filter_map(|base| Some((base.folder.clone(), base.built_by.clone()?))).collect()
    }
}

/// The systems of a scenario, by the scenario's name of them, each with its base.
pub type Systems = BTreeMap<String, (System, BuiltBase)>;

/// Resolves every cell.
pub fn plan(scenario: &Scenario, matrix: &Matrix, lab: &Lab, systems: &Systems) -> Result<Plan, Vec<Trouble>> {
    let (mut troubles, mut warnings): (Vec<_>, Vec<_>) =
        base_troubles(systems).into_iter().partition(|trouble| trouble.severity == Severity::Error);
    troubles.extend(renaming::long_names(scenario, systems));
    if !troubles.is_empty() {
        return Err(troubles);
    }
    warnings.extend(lab::troubles(lab, &mut troubles));
    let machines = machines::Machines::of(lab).unwrap_or_else(|more| {
        troubles.extend(more);
        machines::Machines::default()
    });
    if RESERVED.contains(&scenario.metadata.name.as_str()) {
        let message =
            format!("a scenario can't be called `{}`; the branch has a file of that name", scenario.metadata.name);
        troubles.push(Trouble::scenario(codes::TAKEN_NAME, "/metadata/name", message));
    }
    let bases = systems.iter().map(|(name, (system, base))| (name.as_str(), planner::base(system, base)));
    let planner = planner::Planner { scenario, lab, systems, bases: bases.collect(), machines: &machines };
    let mut cells = Vec::new();
    let mut failed = Vec::new();
    let mut warned = Vec::new();
    let results = parallel::map(&matrix.cells, |combination| {
        let mut seen = Vec::new();
        (planner.cell(combination, &mut seen), seen)
    });
    for (combination, (cell, seen)) in matrix.cells.iter().zip(results) {
        match cell {
            Ok(cell) => cells.push(cell),
            Err(wrong) => failed.extend(wrong.into_iter().map(|trouble| (combination.slug.clone(), trouble))),
        }
        warned.extend(seen.into_iter().map(|trouble| (combination.slug.clone(), trouble)));
    }
    let whole = failed.is_empty();
    troubles.extend(planner::gathered(failed));
    let (capacity, window) = Capacity::of(&machines, &cells, lab);
    // of half a campaign, nothing is said about the whole
    warnings.extend(window.filter(|_| whole));
    if !troubles.is_empty() {
        return Err(troubles);
    }
    warnings.extend(planner::gathered(warned));
    let bases = planner.bases.into_values();
    let pairs = pair::pairs(scenario, matrix, &cells, &mut warnings);
    let used = |base: &Base| cells.iter().any(|cell| cell.systems.iter().any(|system| system.base == base.folder));
    Ok(Plan {
        scenario: scenario.metadata.name.clone(),
        question: scenario.spec.question.clone(),
        compare: question::compare(scenario, &cells),
        lab: lab.metadata.name.clone(),
        salt: scenario.spec.salt.clone(),
        observe: scenario.spec.measure.observe.clone(),
        bases: bases.filter(used).map(|base| (base.folder.clone(), base)).collect(),
        totals: Totals::of(&cells, matrix.exclusions.len(), &capacity, lab),
        capacity,
        pairs,
        cells,
        exclusions: matrix.exclusions.clone(),
        warnings,
    })
}

/// Files of the branch that stand where a scenario's would.
const RESERVED: [&str; 4] = ["conductor", "dashboards", "kustomization", "project"];

/// What keeps bases from being systems', or is worth a look.
fn base_troubles(systems: &Systems) -> Vec<Trouble> {
    let mut troubles = Vec::new();
    for (name, (system, base)) in systems {
        for found in base.troubles.iter().cloned().chain(check_base(&base.objects, &system.spec)) {
            let subject =
                if found.pointer.is_empty() { Subject::Base(name.clone()) } else { Subject::System(name.clone()) };
            let mut trouble = Trouble::new(found.code, subject, found.pointer, found.message);
            trouble.severity = found.severity;
            troubles.push(match found.help {
                Some(help) => trouble.help(help),
                None => trouble,
            });
        }
    }
    troubles
}
