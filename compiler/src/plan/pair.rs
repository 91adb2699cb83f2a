use std::collections::BTreeMap;

use benchgrid_measures::{DriverFacts, Observation};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::{Cell, PlannedSystem, Trouble};
use crate::matrix::{Level, Levels, Matrix};
use crate::spec::{Load, Observe, Role, Scenario, codes};

/// A level against the baseline: which cells are partners, and which numbers will have a ratio.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Pair {
    /// The axis.
    pub axis: String,
    /// The level.
    pub level: String,
    /// The level it is compared with.
    pub baseline: String,
    /// Cells of the level with a partner: the same other levels.
    pub cells: usize,
    /// Cells of either level without one, by their slugs.
    pub unmatched: Vec<String>,
    /// Numbers that both sides give.
    pub ratios: Vec<Ratio>,
    /// What to know of the numbers.
    pub notes: Vec<String>,
}

/// One number that the two sides of a pair are compared by.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Ratio {
    /// How progress is seen; missing: the number does not depend on it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub observation: Option<Observe>,
    /// The number.
    pub metric: String,
    /// Partners that will have the ratio.
    pub cells: usize,
    /// Why others will not.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub missing: Vec<Missing>,
}

/// Why partners have no ratio.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Missing {
    /// The reason.
    pub reason: String,
    /// For how many partners.
    pub cells: usize,
}

/// Numbers that depend on how progress is seen. The last is the time against the least that the links allow.
const TIMES: [&str; 6] =
    ["time_to_first_byte", "time_to_50", "time_to_90", "time_to_100", "download_speed", EFFICIENCY];
const EFFICIENCY: &str = "efficiency";
/// Numbers that do not.
const OTHERS: [&str; 3] = ["upload_time", "network_bytes", "success"];

/// Systems that are compared: of the level, of the baseline.
type Sides<'a> = Vec<(&'a PlannedSystem, &'a PlannedSystem)>;

/// Each level that the matrix has of the compared axis, against the baseline.
pub(super) fn pairs(scenario: &Scenario, matrix: &Matrix, cells: &[Cell], warnings: &mut Vec<Trouble>) -> Vec<Pair> {
    let Some(compare) = &scenario.spec.compare else { return Vec::new() };
    let mut levels: Vec<&Level> = Vec::new();
    for level in matrix.cells.iter().filter_map(|cell| cell.levels.get(&compare.axis)) {
        if !levels.contains(&level) {
            levels.push(level);
        }
    }
    let is_baseline = |level: &Level| names(level, &compare.baseline);
    let Some(baseline) = levels.iter().copied().find(|level| is_baseline(level)) else {
        let message = format!("no cell has the baseline, {} {}", compare.axis, compare.baseline);
        warnings.push(Trouble::scenario(codes::UNPAIRED, "/spec/compare/baseline", message).warning());
        return Vec::new();
    };
    let mut pairs = Vec::new();
    for level in levels.into_iter().filter(|level| *level != baseline) {
        let pair = pair(&compare.axis, level, baseline, cells, &scenario.spec.measure.observe);
        if pair.cells == 0 {
            let message =
                format!("no cell of {} {level} has a partner of {baseline} with the same other levels", compare.axis);
            warnings.push(Trouble::scenario(codes::UNPAIRED, "/spec/compare", message).warning());
        }
        pairs.push(pair);
    }
    pairs
}

/// Whether the scenario's word for the baseline is this level.
pub(super) fn names(level: &Level, baseline: &Value) -> bool {
    let text = baseline.as_str().map_or_else(|| baseline.to_string(), str::to_owned);
    let quantity = || text.parse::<crate::spec::Quantity>().ok().map(|quantity| quantity.to_string());
    level.to_string() == text || quantity().is_some_and(|shown| level.to_string() == shown)
}

fn pair(axis: &str, level: &Level, baseline: &Level, cells: &[Cell], observe: &[Observe]) -> Pair {
    let others = |levels: &Levels| -> String {
        let others = levels.iter().filter(|(name, _)| *name != axis);
        others.map(|(name, level)| format!("{name}={}", level.canonical())).collect::<Vec<_>>().join("\n")
    };
    let of = |wanted: &Level| -> BTreeMap<String, &Cell> {
        let cells = cells.iter().filter(|cell| cell.levels.get(axis) == Some(wanted));
        cells.map(|cell| (others(&cell.levels), cell)).collect()
    };
    let (ours, theirs) = (of(level), of(baseline));
    let partners: Vec<(&Cell, &Cell)> =
        ours.iter().filter_map(|(key, cell)| Some((*cell, *theirs.get(key)?))).collect();
    let lonely = |a: &BTreeMap<String, &Cell>, b: &BTreeMap<String, &Cell>| -> Vec<String> {
        a.iter().filter(|(key, _)| !b.contains_key(*key)).map(|(_, cell)| cell.slug.clone()).collect()
    };
    Pair {
        axis: axis.to_owned(),
        level: level.to_string(),
        baseline: baseline.to_string(),
        cells: partners.len(),
        unmatched: [lonely(&ours, &theirs), lonely(&theirs, &ours)].concat(),
        ratios: ratios(&partners, observe),
        notes: notes(&partners),
    }
}

fn ratios(partners: &[(&Cell, &Cell)], observe: &[Observe]) -> Vec<Ratio> {
    let seen = observe.iter().flat_map(|kind| TIMES.map(|metric| (Some(*kind), metric)));
    let all = seen.chain(OTHERS.map(|metric| (None, metric)));
    let ratio = |(observation, metric): (Option<Observe>, &str)| {
        let mut missing: BTreeMap<String, usize> = BTreeMap::new();
        for reason in partners.iter().filter_map(|(a, b)| why_not(a, b, observation, metric)) {
            *missing.entry(reason).or_default() += 1;
        }
        let without: usize = missing.values().sum();
        Ratio {
            observation,
            metric: metric.to_owned(),
            cells: partners.len() - without,
            missing: missing.into_iter().map(|(reason, cells)| Missing { reason, cells }).collect(),
        }
    };
    all.map(ratio).collect()
}

/// Measured systems of two partners: those of one name, or the only one of each.
fn sides<'a>(a: &'a Cell, b: &'a Cell) -> Sides<'a> {
    let of = |cell: &'a Cell| -> Vec<&'a PlannedSystem> {
        cell.systems.iter().filter(|system| system.load == Load::Measured).collect()
    };
    let (a, b) = (of(a), of(b));
    if let ([a], [b]) = (a.as_slice(), b.as_slice()) {
        return vec![(a, b)];
    }
    a.iter().filter_map(|one| Some((*one, *b.iter().find(|other| other.name == one.name)?))).collect()
}

/// Why two partners will have no ratio of a number.
fn why_not(a: &Cell, b: &Cell, observation: Option<Observe>, metric: &str) -> Option<String> {
    let sides = sides(a, b);
    if sides.is_empty() {
        return Some("several systems are measured, and none is on both sides".to_owned());
    }
    let systems = || sides.iter().flat_map(|(a, b)| [*a, *b]);
    if let Some(kind) = observation.map(Observation::from)
        && let Some(system) = systems().find(|system| !DriverFacts::gives(&system.driver, kind))
    {
        let word = kind.word();
        return Some(match DriverFacts::named(&system.driver) {
            Some(driver) => format!("the driver `{}` of `{}` gives no {word}", driver.name, system.name),
            None => format!("nothing is known of the driver `{}` of `{}`", system.driver, system.name),
        });
    }
    if metric == EFFICIENCY {
        let open = |system: &PlannedSystem| {
            let group = system.groups.iter().find(|group| group.role != Role::Bootstrap && group.link.is_none())?;
            Some(format!("`{}-{}` has unshaped links, so no least time is known", system.name, group.name))
        };
        return systems().find_map(open);
    }
    None
}

/// Where the two sides count in other units.
fn notes(partners: &[(&Cell, &Cell)]) -> Vec<String> {
    let mut drivers: BTreeMap<&str, &DriverFacts> = BTreeMap::new();
    for (a, b) in partners {
        for system in sides(a, b).into_iter().flat_map(|(a, b)| [a, b]) {
            drivers.extend(DriverFacts::named(&system.driver).map(|driver| (driver.name, driver)));
        }
    }
    let mut notes = Vec::new();
    let units: Vec<String> =
        drivers.values().map(|driver| format!("{}: {}, {}", driver.name, driver.unit, driver.resolution)).collect();
    if drivers.len() > 1 {
        notes.push(format!("the first byte is the first verified unit, which differs ({})", units.join("; ")));
    }
    notes
}
