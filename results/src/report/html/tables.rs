//! Tables of all cells: side by side where they are compared, else one by one.

use std::collections::BTreeSet;

use super::element::{Element, element, text};
use super::number;
use super::page;
use super::view::{View, at};
use super::words;
use crate::analysis::{Axis, CellResult, Comparison, Estimate, Metric, Pair, Quantity};

/// One row for each pair of a comparison.
pub(super) fn pairs(view: &View<'_>, comparison: &Comparison, id: &str) -> Element {
    let axes = view.others();
    let metric = words::metric(comparison.claim.metric);
    let [level, baseline] = view.sides(comparison);
    let head = [
        row_head(&axes),
        format!("{baseline}, {metric}"),
        format!("{level}, {metric}"),
        "times worse".to_owned(),
        "verdict".to_owned(),
        format!("trials of {baseline} / {level}"),
        "note".to_owned(),
    ];
    let titles = head.iter().enumerate().map(|(place, title)| {
        let head = text("th", title.as_str()).with("scope", "col");
        if (1..=3).contains(&place) || place == 5 { head.class("number") } else { head }
    });
    let caption = format!(
        "Seen by {}. Medians over trials, below them the ends of the 95 % interval where there are trials enough for one; above 1 \
         times, {} is worse.",
        comparison.observe, level,
    );
    let rows = comparison.pairs.iter().map(|pair| pair_row(view, comparison, pair, &axes)).collect();
    page::table(id, &caption, vec![element("tr").children(titles)], rows)
}

fn pair_row(view: &View<'_>, comparison: &Comparison, pair: &Pair, axes: &[&Axis]) -> Element {
    let side = |place: Option<usize>| side(view, place, comparison.claim.metric);
    let levels = at(&pair.levels, axes).into_iter().chain(view.pair_system(pair)).collect::<Vec<_>>().join(" · ");
    let levels = if levels.is_empty() { "all".to_owned() } else { levels };
    let row =
        element("tr").child(text("th", levels).with("scope", "row")).child(side(pair.partner)).child(side(pair.cell));
    row.children(outcome(pair))
}

/// What comes out of a pair: ratio, verdict, trials, note.
pub(super) fn outcome(pair: &Pair) -> [Element; 4] {
    let within = pair.precision().map(|width| format!(", ± {}", number::percent(width))).unwrap_or_default();
    let ratio = match pair.times_worse {
        Some(ratio) => {
            with_interval(number::times(ratio), pair.ratio.map(|ratio| number::range(ratio.low, ratio.high) + &within))
        }
        None => element("td").class("number gone").text(number::NONE),
    };
    let sign = text("span", words::sign(pair.verdict)).with("aria-hidden", "true");
    let verdict = element("span").class(words::verdict_class(pair.verdict)).child(sign);
    let verdict = verdict.text(format!(" {}", pair.verdict.word()));
    let mut notes = pair.notes.clone();
    if let Some(trials) = pair.trials_to_decide {
        notes.push(format!("{} a side would decide it", number::counted(trials as usize, "trial")));
    }
    let trials = format!("{} / {}", pair.trials[1], pair.trials[0]);
    let notes = if notes.is_empty() { "–".to_owned() } else { notes.join("; ") };
    [
        ratio,
        element("td").child(verdict),
        element("td").class("number").text(trials),
        element("td").class("words").text(notes),
    ]
}

/// What a cell has of a metric, with a link to its page.
fn side(view: &View<'_>, place: Option<usize>, metric: Metric) -> Element {
    let (Some(place), Some(result)) = (place, place.and_then(|place| view.analysis.cells.get(place))) else {
        return element("td").class("number gone").text("no cell");
    };
    let (shown, interval) = match metric.quantity() {
        Some(quantity) => match estimate(result, quantity) {
            Some(estimate) => (number::value(quantity, estimate.median), number::interval(quantity, &estimate)),
            None => (result.state.word().to_owned(), None),
        },
        None => match result.all() {
            Some(all) if all.success.tried > 0 => {
                (format!("{} of {}", all.success.tried - all.success.succeeded, all.success.tried), None)
            }
            _ => (result.state.word().to_owned(), None),
        },
    };
    let label = format!("{}: {shown}", view.title(result));
    let link = match view.page(place) {
        Some(page) => text("a", shown).with("href", format!("cells/{}", page.file)).with("aria-label", label),
        None => text("span", shown),
    };
    let cell = element("td").class("number").child(link);
    interval.into_iter().fold(cell, |cell, ends| cell.child(text("span", ends).class("interval")))
}

/// One row for each result that is in no pair.
pub(super) fn singles(view: &View<'_>, id: &str) -> Option<Element> {
    const SHOWN: [Quantity; 6] = [
        Quantity::FirstByte,
        Quantity::Half,
        Quantity::Whole,
        Quantity::Speed,
        Quantity::Efficiency,
        Quantity::Overhead,
    ];
    let pairs = view.analysis.comparisons.iter().flat_map(|comparison| &comparison.pairs);
    let paired: BTreeSet<usize> = pairs.flat_map(|pair| [pair.cell, pair.partner]).flatten().collect();
    let alone: Vec<usize> = (0..view.analysis.cells.len()).filter(|place| !paired.contains(place)).collect();
    if alone.is_empty() {
        return None;
    }
    let words = ["cell", "system", "seen by"].into_iter().map(|title| text("th", title).with("scope", "col"));
    let numbers = SHOWN.iter().map(|quantity| quantity.title()).chain(["arrived", "trials"]);
    let numbers = numbers.map(|title| text("th", title).with("scope", "col").class("number"));
    let head = element("tr").children(words).children(numbers).child(text("th", "state").with("scope", "col"));
    let rows = alone.into_iter().filter_map(|place| {
        let result = &view.analysis.cells[place];
        let link = text("a", view.title(result)).with("href", format!("cells/{}", view.page(place)?.file));
        let row = element("tr").child(element("th").with("scope", "row").child(link));
        let row = row.child(text("td", result.system.as_str())).child(text("td", result.observe.as_str()));
        let numbers = SHOWN.into_iter().map(|quantity| number_cell(quantity, estimate(result, quantity).as_ref()));
        let arrived = result.all().filter(|all| all.success.tried > 0);
        let arrived = arrived
            .map_or(number::NONE.to_owned(), |all| format!("{} of {}", all.success.succeeded, all.success.tried));
        let row = row
            .children(numbers)
            .child(text("td", arrived).class("number"))
            .child(text("td", trials(result)).class("number"));
        Some(row.child(element("td").child(state(result))))
    });
    let caption = if paired.is_empty() { "Every cell" } else { "Cells that are compared with none" };
    let caption = format!(
        "{caption}: medians over trials, below them the ends of the 95 % interval where there are trials enough."
    );
    Some(page::table(id, &caption, vec![head], rows.collect()))
}

/// How much of a cell is there.
pub(super) fn state(result: &CellResult) -> Element {
    text("span", result.state.word()).class(words::state_class(result.state))
}

/// Trials that count, of those asked for.
pub(super) fn trials(result: &CellResult) -> String {
    match result.planned_trials {
        0 => result.trials.len().to_string(),
        planned => format!("{} of {planned}", result.trials.len()),
    }
}

/// A result's number over all leechers.
pub(super) fn estimate(result: &CellResult, quantity: Quantity) -> Option<Estimate> {
    result.all()?.values.get(&quantity).copied()
}

/// A number of a table, with its interval.
pub(super) fn number_cell(quantity: Quantity, estimate: Option<&Estimate>) -> Element {
    match estimate {
        Some(estimate) => with_interval(number::value(quantity, estimate.median), number::interval(quantity, estimate)),
        None => element("td").class("number gone").text(number::NONE),
    }
}

fn with_interval(shown: String, interval: Option<String>) -> Element {
    let cell = element("td").class("number").text(shown);
    interval.into_iter().fold(cell, |cell, ends| cell.child(text("span", ends).class("interval")))
}

fn row_head(axes: &[&Axis]) -> String {
    if axes.is_empty() {
        "cells".to_owned()
    } else {
        axes.iter().map(|axis| axis.name.as_str()).collect::<Vec<_>>().join(" · ")
    }
}
