//! What will be deployed and measured: a value that everything later obeys.
//!
//! In: a scenario, its matrix, the lab, the systems with their built bases. Out: the [`Plan`]: every cell with its
//! systems and groups resolved, its digest, its needs and its deadline. Pure.

mod cell;
pub(crate) mod experiment;
mod fluid;
mod group;
pub(crate) mod image;
mod link;
mod measure;
mod needs;
pub(crate) mod overhead;
mod planner;
mod totals;
mod trouble;
mod value;

pub use cell::*;
pub(crate) use measure::whole_seconds;
pub use totals::Totals;
pub use trouble::{Subject, Trouble};
use value::Spot;

use std::collections::BTreeMap;

use serde_json::Value;

use crate::kustomize::check_base;
use crate::matrix::{Exclusion, Matrix};
use crate::parallel;
use crate::spec::{Lab, Scenario, Scrape, Shaping, System, codes};

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
pub fn plan(scenario: &Scenario, matrix: &Matrix, lab: &Lab, systems: &Systems) -> Result<Plan, Vec<Trouble>> {
    let mut troubles = base_troubles(systems);
    if !troubles.is_empty() {
        return Err(troubles);
    }
    let mut warnings = lab_troubles(lab, &mut troubles);
    if RESERVED.contains(&scenario.metadata.name.as_str()) {
        let message =
            format!("a scenario can't be called `{}`; the branch has a file of that name", scenario.metadata.name);
        troubles.push(Trouble::scenario(codes::TAKEN_NAME, "/metadata/name", message));
    }
    let bases = systems.iter().map(|(name, (system, objects))| (name.as_str(), planner::base(system, objects)));
    let planner = planner::Planner { scenario, lab, systems, bases: bases.collect() };
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
    troubles.extend(planner::gathered(failed));
    if !troubles.is_empty() {
        return Err(troubles);
    }
    warnings.extend(planner::gathered(warned));
    let bases = planner.bases.into_values();
    let used = |base: &Base| cells.iter().any(|cell| cell.systems.iter().any(|system| system.base == base.folder));
    Ok(Plan {
        scenario: scenario.metadata.name.clone(),
        question: scenario.spec.question.clone(),
        compare_axis: scenario.spec.compare.as_ref().map(|compare| compare.axis.clone()),
        lab: lab.metadata.name.clone(),
        bases: bases.filter(used).map(|base| (base.folder.clone(), base)).collect(),
        cells,
        exclusions: matrix.exclusions.clone(),
        warnings,
    })
}

/// Files of the branch that stand where a scenario's would.
const RESERVED: [&str; 3] = ["conductor", "kustomization", "project"];

/// What keeps bases from being systems'.
fn base_troubles(systems: &Systems) -> Vec<Trouble> {
    let mut troubles = Vec::new();
    for (name, (system, objects)) in systems {
        for found in check_base(objects, &system.spec) {
            let subject =
                if found.pointer.is_empty() { Subject::Base(name.clone()) } else { Subject::System(name.clone()) };
            let trouble = Trouble::new(found.code, subject, found.pointer, found.message);
            troubles.push(match found.help {
                Some(help) => trouble.help(help),
                None => trouble,
            });
        }
    }
    troubles
}

/// What the lab asks for and nothing does yet: errors go to the list, warnings come back.
fn lab_troubles(lab: &Lab, troubles: &mut Vec<Trouble>) -> Vec<Trouble> {
    let mut warnings = Vec::new();
    if lab.spec.shaping == Shaping::KubeOvn {
        troubles.push(
            Trouble::new(codes::KUBE_OVN, Subject::Lab, "/spec/shaping", "links can't be shaped by Kube-OVN yet")
                .help("write tc or none"),
        );
    }
    if lab.spec.scrape != Scrape::None {
        let trouble = Trouble::new(codes::SCRAPE, Subject::Lab, "/spec/scrape", "nothing is scraped yet");
        warnings.push(trouble.warning());
    }
    warnings
}
