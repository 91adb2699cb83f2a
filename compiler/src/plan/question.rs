use std::collections::BTreeMap;

use benchgrid_measures::DriverFacts;
use benchgrid_results::analysis::{Axis, Claim, Compare, Metric, PlannedCell, Question};

use super::{Cell, Plan};
use crate::spec::{self, Load, Scenario};

/// What a claim is about, and the margin, where a scenario does not say.
const DEFAULT: Claim = Claim { metric: Metric::TimeTo100, margin: 1.2 };

/// What a scenario compares; its baseline as people read the level.
pub(super) fn compare(scenario: &Scenario, cells: &[Cell]) -> Option<Compare> {
    let compare = scenario.spec.compare.as_ref()?;
    let levels = cells.iter().filter_map(|cell| cell.levels.get(&compare.axis));
    let level = levels.into_iter().find(|level| super::pair::names(level, &compare.baseline));
    let mut claims: Vec<Claim> = compare.claims.iter().map(claim).collect();
    if claims.is_empty() {
        claims.push(DEFAULT);
    }
    let baseline = level.map_or_else(|| compare.baseline.to_string(), ToString::to_string);
    Some(Compare { axis: compare.axis.clone(), baseline, claims })
}

fn claim(claim: &spec::Claim) -> Claim {
    let named = claim.metric.as_deref().and_then(|word| Metric::ALL.into_iter().find(|metric| metric.word() == word));
    Claim { metric: named.unwrap_or(DEFAULT.metric), margin: claim.margin.unwrap_or(DEFAULT.margin) }
}

impl Plan {
    /// What the campaign is to answer: the report is measured against it.
    pub fn question(&self) -> Question {
        let mut excluded: BTreeMap<String, usize> = BTreeMap::new();
        for exclusion in &self.exclusions {
            *excluded.entry(exclusion.reason.clone()).or_default() += 1;
        }
        Question {
            lab: self.lab.clone(),
            scenario: self.scenario.clone(),
            text: self.question.clone(),
            axes: self.axes(),
            cells: self.cells.iter().map(planned).collect(),
            excluded,
            compare: self.compare.clone(),
            planned: true,
        }
    }

    /// Axes and levels, in the order in which cells have them.
    fn axes(&self) -> Vec<Axis> {
        let mut found: Vec<Axis> = Vec::new();
        for (name, level) in self.cells.iter().flat_map(|cell| &cell.levels) {
            let level = level.to_string();
            match found.iter_mut().find(|axis| axis.name == *name) {
                Some(axis) if axis.levels.contains(&level) => {}
                Some(axis) => axis.levels.push(level),
                None => found.push(Axis { name: name.clone(), levels: vec![level] }),
            }
        }
        found
    }
}

fn planned(cell: &Cell) -> PlannedCell {
    let measured = cell.systems.iter().filter(|system| system.load == Load::Measured);
    // of a driver that is not known, everything is possible
    let gives = |driver: &str, kind| DriverFacts::named(driver).is_none() || DriverFacts::gives(driver, kind);
    let observes = |driver: &str| {
        let kinds = cell.measure.observe.iter().filter(|kind| gives(driver, **kind));
        kinds.map(|kind| kind.word()).collect()
    };
    PlannedCell {
        id: cell.id.clone(),
        slug: cell.slug.clone(),
        digest: cell.digest.chars().take(6).collect(),
        levels: cell.levels.iter().map(|(axis, level)| (axis.clone(), level.to_string())).collect(),
        trials: cell.measure.trials,
        repetitions: cell.measure.repetitions,
        systems: measured.map(|system| (system.name.clone(), observes(&system.driver))).collect(),
    }
}
