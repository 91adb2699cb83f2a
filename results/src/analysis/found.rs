//! Questions without a scenario: what results tell of what was asked.

use std::cmp::Ordering;
use std::collections::{BTreeMap, BTreeSet};

use super::{Axis, PlannedCell, Question};
use crate::{Campaign, Transfer};

impl Question {
    /// One question for each scenario of each lab that was read, with the cells that left something.
    pub fn found(campaign: &Campaign) -> Vec<Self> {
        let endings = campaign.endings.values().map(|ending| (ending.label("lab"), ending.label("scenario")));
        let transfers = campaign.transfers.iter().map(|transfer| (transfer.label("lab"), transfer.label("scenario")));
        let scenarios: BTreeSet<(&str, &str)> = endings.chain(transfers).collect();
        scenarios.into_iter().map(|(lab, scenario)| Self::of(campaign, lab, scenario)).collect()
    }

    fn of(campaign: &Campaign, lab: &str, scenario: &str) -> Self {
        let mut question = Self { lab: lab.to_owned(), scenario: scenario.to_owned(), ..Self::default() };
        let mut cells: BTreeMap<&str, Vec<&Transfer>> = BTreeMap::new();
        for ending in campaign.endings.values() {
            if question.is_about(ending.label("lab"), ending.label("scenario")) && !ending.by_hand() {
                cells.entry(ending.label("cell")).or_default();
            }
        }
        for transfer in &campaign.transfers {
            if question.is_about(transfer.label("lab"), transfer.label("scenario")) {
                cells.entry(transfer.label("cell")).or_default().push(transfer);
            }
        }
        question.axes = axes(cells.values().flatten());
        question.cells = cells.into_iter().map(|(id, transfers)| cell(id, &transfers)).collect();
        let place = |cell: &PlannedCell| -> Vec<usize> {
            let place = |axis: &Axis| axis.levels.iter().position(|level| cell.levels.get(&axis.name) == Some(level));
            question.axes.iter().map(|axis| place(axis).unwrap_or(usize::MAX)).collect()
        };
        question.cells.sort_by_key(place);
        question
    }
}

fn cell(id: &str, transfers: &[&Transfer]) -> PlannedCell {
    let newest = transfers.iter().max_by_key(|transfer| transfer.ended_ms);
    let levels: BTreeMap<String, String> = newest
        .map(|transfer| {
            transfer.levels().into_iter().map(|(axis, level)| (axis.to_owned(), level.to_owned())).collect()
        })
        .unwrap_or_default();
    let words: Vec<String> = levels.iter().map(|(axis, level)| format!("{axis}-{level}")).collect();
    let mut systems: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
    for transfer in transfers {
        let observes = systems.entry(transfer.label("system").to_owned()).or_default();
        observes.insert(transfer.label("observe").to_owned());
    }
    PlannedCell {
        id: id.to_owned(),
        slug: if words.is_empty() { id.to_owned() } else { words.join(".").to_lowercase() },
        digest: newest.map(|transfer| transfer.label("digest").to_owned()).unwrap_or_default(),
        levels,
        trials: 0,
        repetitions: 0,
        systems: systems.into_iter().map(|(system, observes)| (system, observes.into_iter().collect())).collect(),
    }
}

/// Axes by name, levels from small to large: by the payload where they tell it, else by their numbers.
fn axes<'a>(transfers: impl Iterator<Item = &'a &'a Transfer>) -> Vec<Axis> {
    let mut found: BTreeMap<String, BTreeMap<String, (f64, f64)>> = BTreeMap::new();
    for transfer in transfers {
        let bytes = transfer.value("benchgrid_content_bytes").unwrap_or_default();
        for (axis, level) in transfer.levels() {
            let levels = found.entry(axis.to_owned()).or_default();
            let (least, most) = levels.entry(level.to_owned()).or_insert((bytes, bytes));
            *least = least.min(bytes);
            *most = most.max(bytes);
        }
    }
    let axis = |(name, levels): (String, BTreeMap<String, (f64, f64)>)| {
        let mut levels: Vec<(String, (f64, f64))> = levels.into_iter().collect();
        levels.sort_by(|(a, x), (b, y)| by_bytes(*x, *y).then_with(|| natural(a, b)));
        Axis { name, levels: levels.into_iter().map(|(level, _)| level).collect() }
    };
    found.into_iter().map(axis).collect()
}

/// By the payload, where each of the two has just one.
fn by_bytes(a: (f64, f64), b: (f64, f64)) -> Ordering {
    let one = |(least, most): (f64, f64)| (least.total_cmp(&most) == Ordering::Equal).then_some(least);
    one(a).zip(one(b)).map_or(Ordering::Equal, |(a, b)| a.total_cmp(&b))
}

/// By the number that a text starts with, then as text.
fn natural(a: &str, b: &str) -> Ordering {
    let number = |text: &str| {
        let digits: String = text.chars().take_while(|c| c.is_ascii_digit() || *c == '.').collect();
        digits.parse::<f64>().ok()
    };
    let numbers = number(a).zip(number(b)).map_or(Ordering::Equal, |(a, b)| a.total_cmp(&b));
    numbers.then_with(|| a.cmp(b))
}
