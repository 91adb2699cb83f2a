//! The numbers of one result, section by section.

use super::element::{Element, element, text};
use super::failures;
use super::number;
use super::page::{absent, fact, facts, heads, table};
use super::tables;
use super::view::View;
use super::words;
use crate::analysis::{CellResult, GroupResult, Quantity};
use crate::statistics::quantile;

/// An id of a result on its page.
fn id(what: &str, view: &View<'_>, result: &CellResult) -> String {
    let place = view.analysis.cells.iter().position(|other| std::ptr::eq(other, result)).unwrap_or_default();
    format!("{what}-{place}")
}

/// Every quantity, of all leechers and of each group.
pub(super) fn results(view: &View<'_>, result: &CellResult) -> Vec<Element> {
    let caption =
        "Medians over trials, below them the ends of the 95 % interval where there are trials enough for one.";
    vec![quantities(&id("numbers", view, result), caption, result, &Quantity::ALL)]
}

/// What was received for the payload.
pub(super) fn bandwidth(view: &View<'_>, result: &CellResult) -> Vec<Element> {
    let payload = result.content_bytes.map_or(format!("{}: not stored", number::NONE), number::bytes);
    let caption = "A leecher's network, per download. Offloads hide most headers from the pod's device; the shaped link sees all.";
    let shown = [Quantity::Received, Quantity::Overhead, Quantity::WireOverhead, Quantity::Speed];
    vec![facts(vec![fact("Payload", payload)]), quantities(&id("bytes", view, result), caption, result, &shown)]
}

fn quantities(id: &str, caption: &str, result: &CellResult, shown: &[Quantity]) -> Element {
    let groups: Vec<&GroupResult> = result.groups.iter().collect();
    let names = groups.iter().map(|group| text("th", group_name(group)).with("scope", "col").class("number"));
    let head = element("tr").child(text("th", "number").with("scope", "col")).children(names);
    let row = |quantity: &Quantity| {
        let head = text("th", quantity.title()).with("scope", "row");
        let row = element("tr").child(head);
        if groups.iter().all(|group| !group.values.contains_key(quantity)) {
            return row.child(absent(words::absent(*quantity)).with("colspan", groups.len().max(1)));
        }
        row.children(groups.iter().map(|group| tables::number_cell(*quantity, group.values.get(quantity))))
    };
    table(id, caption, vec![head], shown.iter().map(row).collect())
}

fn group_name(group: &GroupResult) -> String {
    if group.group == "all" { "all leechers".to_owned() } else { format!("group {}", group.group) }
}

/// The value of every repetition.
pub(super) fn repetitions(view: &View<'_>, result: &CellResult) -> Vec<Element> {
    const SHOWN: [Quantity; 6] =
        [Quantity::FirstByte, Quantity::Half, Quantity::Ninety, Quantity::Whole, Quantity::Last, Quantity::Overhead];
    let rows: Vec<Element> = result
        .trials
        .iter()
        .flat_map(|trial| {
            trial.repetitions.iter().map(|repetition| {
                let head = text("th", format!("{}, {}", trial.number, repetition.number)).with("scope", "row");
                let values = SHOWN.map(|quantity| {
                    let shown = repetition
                        .value(quantity, None)
                        .map_or(number::NONE.to_owned(), |value| number::value(quantity, value));
                    text("td", shown).class("number")
                });
                let nodes = repetition.nodes.iter().filter(|node| node.downloads);
                let (tried, arrived) =
                    nodes.fold((0, 0), |(tried, arrived), node| (tried + 1, arrived + usize::from(node.success)));
                element("tr")
                    .child(head)
                    .children(values)
                    .child(text("td", format!("{arrived} of {tried}")).class("number"))
            })
        })
        .collect();
    if rows.is_empty() {
        return Vec::new();
    }
    let numbers = SHOWN.iter().map(|quantity| quantity.title()).chain(["arrived"]);
    let numbers = numbers.map(|title| text("th", title).with("scope", "col").class("number"));
    let head = element("tr").child(text("th", "trial, repetition").with("scope", "col")).children(numbers);
    let table = table(&id("each", view, result), "Median over the leechers of each repetition.", vec![head], rows);
    vec![element("details").child(text("summary", "Numbers of each repetition")).child(table)]
}

/// Spread within and between trials, the slow end, stalls.
pub(super) fn stability(_: &View<'_>, result: &CellResult) -> Vec<Element> {
    let none = |why: &str| format!("{}: {why}", number::NONE);
    let enough = "it takes two trials of two repetitions that arrived";
    let spread = |of: fn(&crate::statistics::Spread) -> f64| {
        result.spread.as_ref().map_or_else(|| none(enough), |spread| number::percent(of(spread)))
    };
    let values: Vec<f64> = result.trials.iter().flat_map(|trial| trial.values(Quantity::Whole, None)).collect();
    let slow = match (quantile(&values, 0.5), quantile(&values, 0.95)) {
        (Some(middle), Some(high)) if middle.is_finite() && middle > 0.0 => {
            format!("{} over {}", number::times(high / middle), number::counted(values.len(), "repetition"))
        }
        (None, _) => none("no repetition has a time to 100 %"),
        _ => none("half of the repetitions or more failed"),
    };
    let nodes = || result.trials.iter().flat_map(|trial| &trial.repetitions).flat_map(|repetition| &repetition.nodes);
    let stalls = nodes().filter(|node| node.downloads).filter_map(|node| node.values.get(&Quantity::Stall).copied());
    let longest = stalls.reduce(f64::max).map_or_else(|| none(words::absent(Quantity::Stall)), number::seconds);
    vec![facts(vec![
        fact("Spread within a trial (coefficient of variation)", spread(|spread| spread.within)),
        fact("Spread between trials", spread(|spread| spread.between)),
        fact("Share of the variance between trials", spread(|spread| spread.correlation)),
        fact("95th percentile over median of the time to 100 %", slow),
        fact("Longest stall of any download", longest),
    ])]
}

/// Downloads that arrived, with Wilson's interval, and why others did not.
pub(super) fn reliability(view: &View<'_>, result: &CellResult) -> Vec<Element> {
    let rows: Vec<Element> = result
        .groups
        .iter()
        .filter(|group| group.success.tried > 0)
        .map(|group| {
            let success = group.success;
            #[expect(clippy::cast_precision_loss, reason = "counts of downloads")]
            let share = success.succeeded as f64 / success.tried as f64;
            let cell = |shown: String| text("td", shown).class("number");
            element("tr")
                .child(text("th", group_name(group)).with("scope", "row"))
                .child(cell(format!("{} of {}", success.succeeded, success.tried)))
                .child(cell(number::percent(share)))
                .child(cell(format!(
                    "{} – {} %",
                    number::digits(success.low * 100.0),
                    number::digits(success.high * 100.0)
                )))
        })
        .collect();
    if rows.is_empty() {
        return vec![text("p", "n/a: no download counts here.")];
    }
    let reasons = failures::reasons(result)
        .iter()
        .map(|(reason, count)| format!("{reason} {count}"))
        .collect::<Vec<_>>()
        .join(", ");
    let failed = if reasons.is_empty() { "none failed".to_owned() } else { reasons };
    let head = heads(&["leechers", "arrived", "share", "95 % interval"]);
    let caption = "Downloads whose payload arrived whole and verified, of those tried; Wilson's interval, which takes downloads as independent.";
    vec![table(&id("success", view, result), caption, vec![head], rows), facts(vec![fact("Failed, by reason", failed)])]
}

/// How it was measured.
pub(super) fn protocol(view: &View<'_>, result: &CellResult) -> Vec<Element> {
    let planned = view.analysis.question.cells.iter().find(|cell| cell.id == result.id);
    let each = planned.map_or(0, |cell| cell.repetitions);
    let counted: usize = result.trials.iter().map(|trial| trial.repetitions.len()).sum();
    let void: usize = result.trials.iter().map(|trial| trial.void_repetitions).sum();
    let asked = |count: u32| {
        if count == 0 { format!("{}: not known without the scenario", number::NONE) } else { count.to_string() }
    };
    let times = result.trials.iter().map(|trial| (trial.first_ms, trial.ended_ms));
    let span = times.reduce(|(first, last), (begin, end)| (first.min(begin), last.max(end)));
    vec![facts(vec![
        fact("Trials asked for", asked(result.planned_trials)),
        fact("Trials that count", result.trials.len().to_string()),
        fact("Repetitions asked for in each", asked(each)),
        fact("Repetitions that count", format!("{counted}, {void} void")),
        fact("Warm-up", "transfers before the first repetition of a trial, in no number here"),
        fact("Progress seen by", format!("{}: {}", result.observe, words::observe(&result.observe))),
        fact(
            "Least possible time",
            result.fluid_bound_seconds.map_or(format!("{}: no link was asked for", number::NONE), number::seconds),
        ),
        fact(
            "Measured",
            span.map_or(format!("{}: never", number::NONE), |(first, last)| {
                format!("{} to {}", number::moment(first), number::moment(last))
            }),
        ),
    ])]
}

/// What it ran on: a fact for each thing that nodes can say, said or not.
pub(super) fn environment(result: &CellResult) -> Vec<Element> {
    const FIELDS: [(&str, &str); 13] = [
        ("image", "Images"),
        ("machine", "Machines"),
        ("isolation", "Kept from other cells"),
        ("kernel", "Kernel"),
        ("cpu_model", "Processor"),
        ("cpus", "Processors"),
        ("cpu_frequency_hertz", "Highest frequency"),
        ("cpu_governor", "Governor"),
        ("memory_bytes", "Memory"),
        ("clock_source", "Clock source"),
        ("cgroup", "Control groups"),
        ("cpu_limit", "Processor limit of the agent"),
        ("memory_limit_bytes", "Memory limit of the agent"),
    ];
    let said = |words: Vec<String>| {
        if words.is_empty() { format!("{}: no node said", number::NONE) } else { words.join(", ") }
    };
    let mut rows = vec![
        fact("System", result.system.as_str()),
        fact("Software, as the nodes say", said(result.software.iter().cloned().collect())),
    ];
    for (name, link) in ["Links tried, sending", "Links tried, receiving"].into_iter().zip(result.links) {
        rows.push(fact(name, link.map_or(format!("{}: no link was tried", number::NONE), rates)));
    }
    for (field, name) in FIELDS {
        let values = result.environment.get(field).into_iter().flatten();
        rows.push(fact(name, said(values.map(|value| readable(field, value)).collect())));
    }
    vec![facts(rows)]
}

/// The ends of some rates.
fn rates((low, high): (f64, f64)) -> String {
    let [low, high] = [low, high].map(|rate| number::value(Quantity::Speed, rate));
    if low == high { low } else { format!("{low} to {high}") }
}

/// A value of an environment with its unit.
fn readable(field: &str, value: &str) -> String {
    match (field, value.parse::<f64>()) {
        ("memory_bytes" | "memory_limit_bytes", Ok(bytes)) => number::bytes(bytes),
        ("cpu_frequency_hertz", Ok(hertz)) => format!("{} GHz", number::digits(hertz / 1e9)),
        _ => value.to_owned(),
    }
}
