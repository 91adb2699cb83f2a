//! Tables for notebooks: base units, one line a row, empty where nothing applies.

use std::fmt::Write;

use crate::analysis::{Analysis, Comparison, Pair, Quantity};
use crate::statistics::Interval;

/// A field, quoted where it must be (RFC 4180).
fn field(text: &str) -> String {
    if text.contains(['"', ',', '\n', '\r']) { format!("\"{}\"", text.replace('"', "\"\"")) } else { text.to_owned() }
}

fn number(value: Option<f64>) -> String {
    value.map(|value| value.to_string()).unwrap_or_default()
}

/// Columns of a quantity.
fn column(quantity: Quantity) -> &'static str {
    match quantity {
        Quantity::Upload => "upload_seconds",
        Quantity::FirstByte => "time_to_first_byte_seconds",
        Quantity::Half => "time_to_50_seconds",
        Quantity::Ninety => "time_to_90_seconds",
        Quantity::Whole => "time_to_100_seconds",
        Quantity::Last => "last_leecher_seconds",
        Quantity::Speed => "download_bytes_per_second",
        Quantity::Efficiency => "efficiency_ratio",
        Quantity::Received => "received_bytes",
        Quantity::Overhead => "received_ratio",
        Quantity::WireOverhead => "wire_ratio",
        Quantity::Stall => "stall_seconds",
    }
}

/// One line for each group of each result, missing cells included.
pub(super) fn cells(analysis: &Analysis) -> String {
    let axes: Vec<&str> = analysis.question.axes.iter().map(|axis| axis.name.as_str()).collect();
    let quantities = Quantity::ALL.map(|quantity| format!("{0},{0}_low,{0}_high", column(quantity)));
    let mut heads: Vec<String> = ["scenario", "cell", "slug"].map(str::to_owned).to_vec();
    heads.extend(axes.iter().map(|axis| field(&format!("axis_{axis}"))));
    heads.extend(["system", "observe", "state", "leechers"].map(str::to_owned));
    heads.extend(quantities);
    heads.extend(["succeeded", "tried", "success_low", "success_high", "trials"].map(str::to_owned));
    let mut text = heads.join(",") + "\n";
    for cell in &analysis.cells {
        for group in &cell.groups {
            let levels = axes.iter().map(|axis| cell.levels.get(*axis).map_or(String::new(), |level| field(level)));
            let mut row = vec![field(&analysis.question.scenario), cell.id.clone(), field(&cell.slug)];
            row.extend(levels);
            let state = cell.state.word().to_owned();
            row.extend([field(&cell.system), cell.observe.clone(), state, field(&group.group)]);
            for quantity in Quantity::ALL {
                let estimate = group.values.get(&quantity);
                let ends = estimate.and_then(|estimate| estimate.interval).unzip();
                row.extend([estimate.map(|estimate| estimate.median), ends.0, ends.1].map(number));
            }
            let success = &group.success;
            row.extend([success.succeeded.to_string(), success.tried.to_string()]);
            row.extend([success.low, success.high].map(|end| number(Some(end))));
            row.push(cell.trials.len().to_string());
            let _ = writeln!(text, "{}", row.join(","));
        }
    }
    text
}

/// One line for each pair of each claim.
pub(super) fn comparisons(analysis: &Analysis) -> String {
    let compared = analysis.question.compare.as_ref().map(|compare| compare.axis.as_str());
    let axes = analysis.question.axes.iter().map(|axis| axis.name.as_str());
    let axes: Vec<&str> = axes.filter(|axis| Some(*axis) != compared).collect();
    let mut heads = ["scenario", "metric", "margin", "observe", "level", "baseline"].map(str::to_owned).to_vec();
    heads.extend(axes.iter().map(|axis| field(&format!("axis_{axis}"))));
    heads.push(
        "times_worse,low,high,precision,verdict,delta,p,adjusted_p,level_trials,baseline_trials,trials_to_decide,notes"
            .to_owned(),
    );
    let mut text = heads.join(",") + "\n";
    for comparison in &analysis.comparisons {
        for pair in &comparison.pairs {
            let _ = writeln!(text, "{},{}", field(&analysis.question.scenario), row(comparison, pair, &axes).join(","));
        }
    }
    text
}

fn row(comparison: &Comparison, pair: &Pair, axes: &[&str]) -> Vec<String> {
    let claim = comparison.claim;
    let mut row = vec![claim.metric.word().to_owned(), claim.margin.to_string(), comparison.observe.clone()];
    row.extend([field(&comparison.level), field(&comparison.baseline)]);
    row.extend(axes.iter().map(|axis| pair.levels.get(*axis).map_or(String::new(), |level| field(level))));
    let of = |end: fn(&Interval) -> f64| number(pair.ratio.as_ref().map(end));
    row.extend([number(pair.times_worse), of(|ratio| ratio.low), of(|ratio| ratio.high)]);
    row.extend([number(pair.precision()), pair.verdict.word().to_owned()]);
    row.extend([pair.delta, pair.p, pair.adjusted_p].map(number));
    row.extend(pair.trials.map(|trials| trials.to_string()));
    row.push(pair.trials_to_decide.map(|trials| trials.to_string()).unwrap_or_default());
    row.push(field(&pair.notes.join("; ")));
    row
}
