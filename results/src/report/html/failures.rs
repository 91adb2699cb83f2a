//! What failed, and why.

use std::collections::{BTreeMap, BTreeSet};

use super::element::{Element, element, text};
use super::number;
use super::page::{heads, table};
use super::view::{View, at};
use crate::analysis::{AttemptResult, CellResult};

/// Attempts that a page names at most.
const NAMED: usize = 200;

/// The matrix of cells by outcome, the attempts that don't count, the downloads that failed in those that do.
pub(super) fn all(view: &View<'_>) -> Vec<Element> {
    let mut content = Vec::new();
    content.extend(matrix(view));
    let rest: Vec<&AttemptResult> = view.analysis.attempts.iter().filter(|attempt| !attempt.counts).collect();
    if rest.is_empty() {
        content.push(text("p", "Every attempt counts."));
    } else {
        content.push(text("h3", "Attempts that don't count"));
        content.push(attempts(view, "attempts", &rest, "cells/"));
    }
    content.extend(downloads(view));
    content
}

/// A table of attempts; `folder` leads to the pages of cells.
pub(super) fn attempts(view: &View<'_>, id: &str, all: &[&AttemptResult], folder: &str) -> Element {
    let rows = all.iter().take(NAMED).map(|attempt| {
        let page = view
            .pages
            .iter()
            .find(|page| page.results.first().is_some_and(|place| view.analysis.cells[*place].id == attempt.cell));
        let cell = match page {
            Some(page) => {
                let result = &view.analysis.cells[page.results[0]];
                element("td")
                    .class("words")
                    .child(text("a", view.title(result)).with("href", format!("{folder}{}", page.file)))
            }
            None => element("td").class("words").text(attempt.cell.as_str()),
        };
        let ended = if attempt.ended_ms > 0 { number::moment(attempt.ended_ms) } else { "not ended".to_owned() };
        let words = |word: &str| text("td", if word.is_empty() { "–" } else { word });
        element("tr")
            .child(text("th", attempt.name.as_str()).with("scope", "row"))
            .child(cell)
            .child(words(&attempt.trial).class("number"))
            .child(words(&attempt.outcome))
            .child(words(&attempt.reason))
            .child(text("td", if attempt.counts { "counts" } else { attempt.why.as_str() }).class("words"))
            .child(words(&ended))
    });
    let caption = match all.len() {
        count if count > NAMED => {
            format!("The first {NAMED} of {}; each cell's page has its own.", number::counted(count, "attempt"))
        }
        count => number::counted(count, "attempt"),
    };
    let head = heads(&["attempt", "cell", "trial", "outcome", "reason", "does it count", "ended"]);
    table(id, &caption, vec![head], rows.collect())
}

/// What became of the attempts of one cell.
#[derive(Default)]
struct Tally<'a> {
    tried: usize,
    counted: usize,
    reasons: BTreeMap<&'a str, usize>,
}

/// Why an attempt does not count, in a word.
fn word(attempt: &AttemptResult) -> &str {
    match (attempt.outcome.as_str(), attempt.reason.as_str()) {
        ("", _) => "not ended",
        ("measured", _) => "measured, not counted",
        (outcome, "" | "ok") => outcome,
        (_, reason) => reason,
    }
}

/// Cells by outcome, the compared levels side by side.
fn matrix(view: &View<'_>) -> Option<Element> {
    let mut tallies: BTreeMap<&str, Tally<'_>> = BTreeMap::new();
    for attempt in &view.analysis.attempts {
        let tally = tallies.entry(&attempt.cell).or_default();
        tally.tried += 1;
        if attempt.counts {
            tally.counted += 1;
        } else {
            *tally.reasons.entry(word(attempt)).or_default() += 1;
        }
    }
    if tallies.is_empty() || view.pages.is_empty() {
        return None;
    }
    let reasons: BTreeSet<&str> = tallies.values().flat_map(|tally| tally.reasons.keys().copied()).collect();
    let reasons: Vec<&str> = reasons.into_iter().collect();
    let levels = view.compared().map_or(vec!["all"], |axis| axis.levels.iter().map(String::as_str).collect());
    let mut rows: Vec<(Vec<&str>, Vec<Option<&CellResult>>)> = Vec::new();
    for result in view.pages.iter().filter_map(|page| view.analysis.cells.get(*page.results.first()?)) {
        let key = at(&result.levels, &view.others());
        let column = view.own_level(result).and_then(|own| levels.iter().position(|level| level == own)).unwrap_or(0);
        let row = rows.iter().position(|(known, sides)| *known == key && sides[column].is_none()).unwrap_or(rows.len());
        if row == rows.len() {
            rows.push((key, vec![None; levels.len()]));
        }
        rows[row].1[column] = Some(result);
    }
    let written = rows.into_iter().map(|(key, sides)| {
        let key = if key.is_empty() { "all".to_owned() } else { key.join(" · ") };
        let cells = sides.into_iter().flat_map(|side| matrix_cells(side, &tallies, &reasons));
        element("tr").child(text("th", key).with("scope", "row")).children(cells)
    });
    Some(table(
        "matrix",
        "Attempts of each cell: how many were tried, how many count, and why the others don't.",
        matrix_head(view, &levels, &reasons),
        written.collect(),
    ))
}

fn matrix_head(view: &View<'_>, levels: &[&str], reasons: &[&str]) -> Vec<Element> {
    let axes: Vec<&str> = view.others().iter().map(|axis| axis.name.as_str()).collect();
    let title = if axes.is_empty() { "cell".to_owned() } else { axes.join(" · ") };
    let first = text("th", title).with("scope", "col").with("rowspan", 2);
    let width = 2 + reasons.len();
    let groups =
        levels.iter().map(|level| text("th", *level).class("first").with("scope", "colgroup").with("colspan", width));
    let columns = levels.iter().flat_map(|_| ["tried", "counted"].iter().chain(reasons));
    let columns = columns.map(|word| text("th", *word).with("scope", "col").class("number"));
    vec![element("tr").child(first).children(groups), element("tr").children(columns)]
}

fn matrix_cells(side: Option<&CellResult>, tallies: &BTreeMap<&str, Tally<'_>>, reasons: &[&str]) -> Vec<Element> {
    let none = Tally::default();
    let Some(result) = side else {
        let class = |place| if place == 0 { "number gone first" } else { "number gone" };
        return (0..2 + reasons.len()).map(|place| text("td", "–").class(class(place))).collect();
    };
    let tally = tallies.get(result.id.as_str()).unwrap_or(&none);
    let count = |count: usize, class: &str| {
        let class = if count == 0 { class.replace("no ", "gone ") } else { class.to_owned() };
        text("td", count.to_string()).class(class)
    };
    let short = tally.counted < result.planned_trials as usize;
    let mut cells =
        vec![count(tally.tried, "first number"), count(tally.counted, if short { "open number" } else { "number" })];
    cells.extend(reasons.iter().map(|reason| count(tally.reasons.get(reason).copied().unwrap_or(0), "no number")));
    cells
}

/// Why downloads of a result failed, by word.
pub(super) fn reasons(result: &CellResult) -> BTreeMap<&str, usize> {
    let mut reasons = BTreeMap::new();
    let nodes = result.trials.iter().flat_map(|trial| &trial.repetitions).flat_map(|repetition| &repetition.nodes);
    for node in nodes.filter(|node| node.downloads && !node.success) {
        *reasons.entry(node.failure.as_deref().unwrap_or("no reason given")).or_default() += 1;
    }
    reasons
}

/// Downloads that failed in trials that count.
fn downloads(view: &View<'_>) -> Vec<Element> {
    let rows: Vec<Element> = (0..view.analysis.cells.len()).filter_map(|place| download_row(view, place)).collect();
    if rows.is_empty() {
        return vec![text("p", "In the trials that count, every download arrived.")];
    }
    let head = heads(&["cell", "system, seen by", "failed", "why"]);
    let caption = "They are results: each counts as infinitely slow.";
    vec![text("h3", "Downloads that failed in trials that count"), table("lost", caption, vec![head], rows)]
}

fn download_row(view: &View<'_>, place: usize) -> Option<Element> {
    let result = view.analysis.cells.get(place)?;
    let success = result.all()?.success;
    let failed = success.tried.checked_sub(success.succeeded).filter(|failed| *failed > 0)?;
    let why = reasons(result).iter().map(|(reason, count)| format!("{reason} {count}")).collect::<Vec<_>>().join(", ");
    let link = text("a", view.title(result)).with("href", format!("cells/{}", view.page(place)?.file));
    let row = element("tr").child(element("th").with("scope", "row").child(link));
    let row = row.child(text("td", format!("{}, {}", result.system, result.observe)));
    Some(
        row.child(text("td", format!("{failed} of {}", success.tried)).class("number"))
            .child(text("td", why).class("words")),
    )
}
