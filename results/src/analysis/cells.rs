//! The numbers of each cell, from the transfers that count.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value;

use super::{
    AttemptResult, CellResult, CellState, Estimate, GroupResult, Node, PlannedCell, Quantity, Question, Repetition,
    Trial,
};
use crate::statistics::{median, median_interval, spread, wilson};
use crate::{Campaign, Transfer};

/// Cell, system, way of seeing.
type Key<'a> = (&'a str, &'a str, &'a str);

/// One result for each measured system of each cell that is asked for, in that order.
pub(super) fn cells(
    campaign: &Campaign,
    question: &Question,
    attempts: &[AttemptResult],
    counted: &BTreeSet<&str>,
) -> Vec<CellResult> {
    let mut found: BTreeMap<Key<'_>, Vec<&Transfer>> = BTreeMap::new();
    for transfer in campaign.transfers.iter().filter(|transfer| counted.contains(transfer.label("attempt"))) {
        if transfer.label("phase") == "measured" {
            let key = (transfer.label("cell"), transfer.label("system"), transfer.label("observe"));
            found.entry(key).or_default().push(transfer);
        }
    }
    let ended = attempts.iter().filter(|attempt| !attempt.outcome.is_empty());
    let tried: BTreeSet<&str> = ended.map(|attempt| attempt.cell.as_str()).collect();
    let mut results = Vec::new();
    for cell in &question.cells {
        for (system, observes) in &cell.systems {
            for observe in observes {
                let transfers = found.remove(&(cell.id.as_str(), system.as_str(), observe.as_str()));
                let mut result = result(cell, system, observe, &transfers.unwrap_or_default(), campaign);
                if result.trials.is_empty() && tried.contains(cell.id.as_str()) {
                    result.state = CellState::Failed;
                }
                results.push(result);
            }
        }
    }
    results
}

fn result(cell: &PlannedCell, system: &str, observe: &str, all: &[&Transfer], campaign: &Campaign) -> CellResult {
    let trials = trials(all, campaign);
    let first = |metric| all.iter().find_map(|transfer| transfer.value(metric));
    let software = |t: &&Transfer| format!("{} {}", t.label("driver"), t.label("version")).trim().to_owned();
    let mut result = CellResult {
        id: cell.id.clone(),
        slug: cell.slug.clone(),
        digest: digest(cell, all),
        levels: cell.levels.clone(),
        system: system.to_owned(),
        observe: observe.to_owned(),
        software: all.iter().map(software).filter(|words| !words.is_empty()).collect(),
        environment: environment(all, campaign),
        links: ["benchgrid_baseline_up_bytes_per_second", "benchgrid_baseline_down_bytes_per_second"]
            .map(|metric| ends(all.iter().filter_map(|transfer| transfer.value(metric)))),
        state: CellState::of(trials.len(), cell.trials),
        planned_trials: cell.trials,
        groups: groups(&trials),
        spread: spread(&trials.iter().map(|trial| trial.values(Quantity::Whole, None)).collect::<Vec<_>>()),
        content_bytes: first("benchgrid_content_bytes"),
        fluid_bound_seconds: first("benchgrid_fluid_bound_seconds"),
        anomalies: Vec::new(),
        trials,
    };
    result.anomalies = super::anomalies::anomalies(&result, all);
    result
}

/// What is known of the machines of some transfers' nodes.
fn environment(all: &[&Transfer], campaign: &Campaign) -> BTreeMap<String, BTreeSet<String>> {
    let nodes: BTreeSet<(&str, &str)> = all.iter().map(|it| (it.label("attempt"), it.label("node"))).collect();
    let mut known: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
    for environment in nodes.into_iter().filter_map(|(attempt, node)| campaign.node(attempt, node)) {
        let Ok(Value::Object(fields)) = serde_json::to_value(environment) else { continue };
        for (name, value) in fields {
            let word = match value {
                Value::String(word) => word,
                Value::Number(number) if number.as_f64() != Some(0.0) => number.to_string(),
                _ => continue,
            };
            if !word.is_empty() {
                known.entry(name).or_default().insert(word);
            }
        }
    }
    known
}

/// The least and the most of some values.
fn ends(values: impl Iterator<Item = f64>) -> Option<(f64, f64)> {
    values.map(|value| (value, value)).reduce(|(low, high), (value, _)| (low.min(value), high.max(value)))
}

/// The digest that is asked for; where any will do, that of what counts.
fn digest(cell: &PlannedCell, all: &[&Transfer]) -> String {
    let found = all.first().map_or("", |transfer| transfer.label("digest"));
    if cell.digest.is_empty() { found.to_owned() } else { cell.digest.clone() }
}

impl CellState {
    fn of(trials: usize, planned: u32) -> Self {
        match trials {
            0 => Self::Missing,
            n if n < planned as usize => Self::Partial,
            _ => Self::Measured,
        }
    }
}

fn is_valid(transfer: &Transfer) -> bool {
    transfer.value("benchgrid_valid") != Some(0.0)
}

/// Trials in the order of their numbers, each with its valid repetitions.
fn trials(all: &[&Transfer], campaign: &Campaign) -> Vec<Trial> {
    let mut deployments: BTreeMap<(u64, &str, &str), Vec<&Transfer>> = BTreeMap::new();
    for transfer in all {
        let number = transfer.label("trial");
        deployments.entry((place(number), number, transfer.label("attempt"))).or_default().push(transfer);
    }
    let trial = |((_, number, attempt), transfers): ((u64, &str, &str), Vec<&Transfer>)| {
        let (valid, void): (Vec<&Transfer>, Vec<&Transfer>) = transfers.iter().partition(|t| is_valid(t));
        let first_ms = transfers.iter().map(|transfer| transfer.ended_ms).min().unwrap_or_default();
        Trial {
            number: number.to_owned(),
            attempt: attempt.to_owned(),
            first_ms,
            ended_ms: campaign.endings.get(attempt).map_or(first_ms, |ending| ending.ended_ms),
            repetitions: repetitions(&valid),
            void_repetitions: void.iter().map(|transfer| transfer.label("repetition")).collect::<BTreeSet<_>>().len(),
        }
    };
    deployments.into_iter().map(trial).collect()
}

/// A number's place; words come last.
fn place(number: &str) -> u64 {
    number.parse().unwrap_or(u64::MAX)
}

fn repetitions(transfers: &[&Transfer]) -> Vec<Repetition> {
    let mut numbers: BTreeMap<(u64, &str), Vec<Node>> = BTreeMap::new();
    for transfer in transfers {
        let number = transfer.label("repetition");
        numbers.entry((place(number), number)).or_default().push(node(transfer));
    }
    let repetition = |((_, number), nodes): ((u64, &str), Vec<Node>)| Repetition { number: number.to_owned(), nodes };
    numbers.into_iter().map(repetition).collect()
}

fn node(transfer: &Transfer) -> Node {
    let failure = transfer.label("failure");
    Node {
        name: transfer.label("node").to_owned(),
        group: transfer.label("group").to_owned(),
        downloads: transfer.label("kind") == "download",
        values: Quantity::ALL.into_iter().filter_map(|quantity| Some((quantity, quantity.of(transfer)?))).collect(),
        success: transfer.value("benchgrid_success") == Some(1.0),
        failure: (!failure.is_empty()).then(|| failure.to_owned()),
        curve: curve(transfer),
    }
}

#[expect(clippy::cast_precision_loss, reason = "counts of bytes stay far below 2^53")]
fn curve(transfer: &Transfer) -> Vec<(f64, f64)> {
    transfer.curve.iter().map(|point| (point.seconds, point.bytes as f64)).collect()
}

/// All leechers, then each group where there are several.
fn groups(trials: &[Trial]) -> Vec<GroupResult> {
    let nodes = || trials.iter().flat_map(|trial| &trial.repetitions).flat_map(|repetition| &repetition.nodes);
    let names: BTreeSet<&str> = nodes().filter(|node| node.downloads).map(|node| node.group.as_str()).collect();
    let mut rows = vec![group(trials, None)];
    if names.len() > 1 {
        rows.extend(names.into_iter().map(|name| group(trials, Some(name))));
    }
    rows
}

fn group(trials: &[Trial], name: Option<&str>) -> GroupResult {
    // the bound is of the slowest leecher of all
    let quantities = Quantity::ALL.into_iter().filter(|quantity| name.is_none() || *quantity != Quantity::Efficiency);
    let estimate = |quantity: Quantity| {
        let values: Vec<f64> = trials.iter().filter_map(|trial| trial.value(quantity, name)).collect();
        let interval = median_interval(&values).map(|interval| (interval.low, interval.high));
        Some((quantity, Estimate { median: median(&values)?, interval, trials: values.len() }))
    };
    let nodes = trials.iter().flat_map(|trial| &trial.repetitions).flat_map(|repetition| &repetition.nodes);
    let downloads = nodes.filter(|node| node.downloads && name.is_none_or(|name| node.group == name));
    let (mut succeeded, mut tried) = (0, 0);
    for node in downloads {
        tried += 1;
        succeeded += u64::from(node.success);
    }
    GroupResult {
        group: name.unwrap_or("all").to_owned(),
        values: quantities.filter_map(estimate).collect(),
        success: wilson(succeeded, tried),
    }
}
