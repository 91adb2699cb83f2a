//! A plan as people and programs read it.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::{CellsFile, Comparison, ExclusionEntry};
use crate::plan::shown::{bytes, count, memory, processors};
use crate::plan::{Available, Capacity, Missing, Needs, Pair, Plan, PoolUse, Ratio, Totals};
use crate::spec::Observe;

/// `plan --format json`: `cells.json`, totals, capacity, pairs, and what becomes of a branch.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct PlanFile {
    /// Cells and exclusions.
    #[serde(flatten)]
    pub cells: CellsFile,
    /// What it takes.
    pub totals: Totals,
    /// Bases that a program built, by their folder on the branch, each with the program and its version.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub bases: BTreeMap<String, String>,
    /// What it takes of the lab at once.
    pub capacity: Capacity,
    /// Which levels are compared, and by what.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub pairs: Vec<Pair>,
    /// `--against`: what becomes of the cells of a branch.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub against: Option<Comparison>,
}

impl PlanFile {
    /// Of a plan.
    pub fn of(plan: &Plan) -> Self {
        Self {
            cells: CellsFile::of(plan),
            totals: plan.totals.clone(),
            bases: plan.foreign_bases(),
            capacity: plan.capacity.clone(),
            pairs: plan.pairs.clone(),
            against: None,
        }
    }
}

/// As JSON.
pub fn plan_json(file: &PlanFile) -> String {
    String::from_utf8(super::json(file)).unwrap_or_default()
}

/// What the campaign takes: a word, and what there is to say.
pub(super) fn facts(file: &PlanFile) -> Vec<(&'static str, String)> {
    let totals = &file.totals;
    let mut parts = vec![
        (totals.download_bytes, "downloaded"),
        (totals.upload_bytes, "brought in by seeders"),
        (totals.background_bytes, "in the background"),
        (totals.baseline_bytes, "to prove the links"),
    ];
    parts.retain(|(amount, _)| *amount > 0);
    let parts: Vec<String> = parts.into_iter().map(|(amount, what)| format!("{} {what}", bytes(amount))).collect();
    let at_once = match totals.at_once {
        1 => "one attempt at a time".to_owned(),
        many => format!("{many} attempts at once"),
    };
    let mut facts = vec![
        ("pods", format!("{} started in all, at most {} in a cell", totals.pods, totals.most_pods)),
        ("bytes", format!("{} moved: {}", bytes(totals.bytes), parts.join(", "))),
        (
            "disk",
            format!(
                "at most {} in a cell, {} at once",
                bytes(totals.most_disk_bytes),
                bytes(totals.disk_at_once_bytes)
            ),
        ),
        (
            "hours",
            format!(
                "about {:.1}, at most {:.1} with every deadline and retry used up; {at_once}",
                totals.hours, totals.most_hours
            ),
        ),
    ];
    facts.extend(file.bases.iter().map(|(base, program)| ("base", format!("{base} built by {program}"))));
    facts
}

/// `78 cells, 42 combinations left out, 390 trials`.
pub(super) fn counts(totals: &Totals) -> String {
    let number = |number: usize, one: &str| count(number as u64, one);
    format!(
        "{}, {} left out, {}",
        number(totals.cells, "cell"),
        number(totals.exclusions, "combination"),
        count(totals.attempts, "trial")
    )
}

/// Headings and rows of the capacity: what, there is, the largest cell, at once.
pub(super) fn capacity(capacity: &Capacity) -> Vec<[String; 5]> {
    let at_once = if capacity.at_once == 1 { "1 at once".to_owned() } else { format!("{} at once", capacity.at_once) };
    let mut rows = vec![["", "", "there is", "a cell takes at most", &at_once].map(str::to_owned)];
    for pool in &capacity.pools {
        if pool.window == Needs::default() {
            let name = pool.pool.as_ref().map_or_else(String::new, |name| format!("pool {name}: not used"));
            rows.push([name, String::new(), String::new(), String::new(), String::new()]);
            continue;
        }
        rows.extend(pool_rows(pool));
    }
    rows
}

fn pool_rows(pool: &PoolUse) -> [[String; 5]; 4] {
    let Available { pods, cpu_millis, memory_bytes, disk_bytes } = pool.has;
    let machines = pool.machines.map(|machines| format!(", {}", count(machines, "machine"))).unwrap_or_default();
    let name = pool.pool.as_ref().map_or_else(|| "whole lab".to_owned(), |name| format!("pool {name}{machines}"));
    let row = |name: String, what: &str, has: Option<u64>, take: fn(&Needs) -> u64, show: fn(u64) -> String| {
        let has = has.map_or_else(|| "not said".to_owned(), show);
        [name, what.to_owned(), has, show(take(&pool.cell)), show(take(&pool.window))]
    };
    let none = String::new;
    [
        row(name, "pods", pods, |needs| u64::from(needs.pods), |pods| pods.to_string()),
        row(none(), "processors", cpu_millis, |needs| needs.cpu_millis, processors),
        row(none(), "memory", memory_bytes, |needs| needs.memory_bytes, memory),
        row(none(), "disk", disk_bytes, |needs| needs.disk_bytes, bytes),
    ]
}

/// Whether there is anything to say of capacity: a lab without pools says nothing of its machines.
pub(super) fn has_capacity(capacity: &Capacity) -> bool {
    capacity.pools.len() > 1
}

/// What can be said of one pair in lines: which ratios, which not, what to know.
pub(super) fn pair_lines(pair: &Pair) -> Vec<String> {
    let mut groups: Vec<(&Option<Observe>, &Vec<Missing>, Vec<&str>)> = Vec::new();
    for Ratio { observation, metric, missing, .. } in &pair.ratios {
        match groups.iter_mut().find(|(seen, why, _)| *seen == observation && *why == missing) {
            Some((_, _, metrics)) => metrics.push(metric),
            None => groups.push((observation, missing, vec![metric])),
        }
    }
    let mut lines = Vec::new();
    for (observation, missing, metrics) in groups {
        let seen = match observation {
            Some(Observe::Counter) => " (counter)",
            Some(Observe::Stream) => " (stream)",
            None => "",
        };
        let metrics = format!("{}{seen}", metrics.join(", "));
        let without: usize = missing.iter().map(|missing| missing.cells).sum();
        if without < pair.cells {
            lines.push(format!("compared in {}: {metrics}", count((pair.cells - without) as u64, "pair")));
        }
        for Missing { reason, cells } in missing {
            lines.push(format!("not compared in {}: {metrics}: {reason}", count(*cells as u64, "pair")));
        }
    }
    lines.extend(pair.notes.iter().map(|note| format!("note: {note}")));
    lines
}

/// `system codex against bittorrent: 39 pairs of cells`.
pub(super) fn pair_title(pair: &Pair) -> String {
    let pairs = if pair.cells == 1 { "1 pair of cells".to_owned() } else { format!("{} pairs of cells", pair.cells) };
    let lonely = match pair.unmatched.len() {
        0 => String::new(),
        1 => ", 1 cell without a partner".to_owned(),
        many => format!(", {many} cells without a partner"),
    };
    format!("{} {} against {}: {pairs}{lonely}", pair.axis, pair.level, pair.baseline)
}

/// Exclusions by reason, in the order of the first of each.
pub(super) fn by_reason(exclusions: &[ExclusionEntry]) -> Vec<(&str, Vec<&ExclusionEntry>)> {
    let mut reasons: Vec<(&str, Vec<&ExclusionEntry>)> = Vec::new();
    let mut places: BTreeMap<&str, usize> = BTreeMap::new();
    for exclusion in exclusions {
        let place = *places.entry(&exclusion.reason).or_insert(reasons.len());
        if place == reasons.len() {
            reasons.push((&exclusion.reason, Vec::new()));
        }
        reasons[place].1.push(exclusion);
    }
    reasons
}

pub(super) fn levels(levels: &BTreeMap<String, Value>) -> String {
    let shown = |value: &Value| value.as_str().map_or_else(|| value.to_string(), str::to_owned);
    levels.iter().map(|(axis, value)| format!("{axis} {}", shown(value))).collect::<Vec<_>>().join(", ")
}
