//! The whole report as Markdown: for a pull request, an issue, a terminal.

use std::collections::BTreeMap;
use std::fmt::Write;

use benchgrid_measures::Timestamp;

use crate::analysis::{
    Analysis, CellResult, CellState, Comparison, Estimate, GroupResult, Metric, Pair, Quantity, pair_title, times,
};
use crate::statistics::{Interval, geometric_mean};

/// Columns of the table of cells; the others are in the files.
const COLUMNS: [Quantity; 9] = [
    Quantity::Upload,
    Quantity::FirstByte,
    Quantity::Half,
    Quantity::Ninety,
    Quantity::Whole,
    Quantity::Speed,
    Quantity::Efficiency,
    Quantity::Received,
    Quantity::Overhead,
];

/// Writes all of it.
pub fn markdown(analysis: &Analysis) -> String {
    let mut text = brief(analysis);
    cells(&mut text, analysis);
    spreads(&mut text, analysis);
    anomalies(&mut text, analysis);
    failures(&mut text, analysis);
    method(&mut text, analysis);
    provenance(&mut text, analysis);
    text
}

/// Writes the answer, what it rests on and what threatens it, without the cells' own numbers.
pub fn brief(analysis: &Analysis) -> String {
    let question = &analysis.question;
    let compare = question.compare.as_ref().filter(|compare| compare.is_of_campaigns());
    let what = if compare.is_some() { "Two campaigns of" } else { "Results of" };
    let mut text = format!("# {what} {}\n\n", question.scenario);
    if let Some(question) = &question.text {
        let _ = writeln!(text, "> {}\n", question.trim().replace('\n', "\n> "));
    }
    let _ = writeln!(text, "**{}**\n", analysis.answer.sentence);
    for detail in &analysis.answer.details {
        let _ = writeln!(text, "- {detail}");
    }
    if !analysis.answer.details.is_empty() {
        text.push('\n');
    }
    comparisons(&mut text, analysis);
    list(&mut text, "Threats to validity", &analysis.threats);
    text
}

/// A cell of a table: nothing in it ends it.
fn cell(text: &str) -> String {
    text.replace('|', "\\|").replace(['\n', '\r'], " ")
}

fn row(text: &mut String, cells: &[String]) {
    let _ = writeln!(text, "| {} |", cells.join(" | "));
}

/// The heads of a table; columns whose head starts with `>` stand to the right.
fn heads(text: &mut String, heads: &[&str]) {
    let names: Vec<String> = heads.iter().map(|head| head.trim_start_matches('>').to_owned()).collect();
    row(text, &names);
    let rules: Vec<String> =
        heads.iter().map(|head| if head.starts_with('>') { "---:" } else { "---" }.to_owned()).collect();
    row(text, &rules);
}

fn list(text: &mut String, title: &str, lines: &[String]) {
    if lines.is_empty() {
        return;
    }
    let _ = writeln!(text, "## {title}\n");
    for line in lines {
        let _ = writeln!(text, "- {}", line.replace('\n', " "));
    }
    text.push('\n');
}

// --- comparisons

fn comparisons(text: &mut String, analysis: &Analysis) {
    if analysis.comparisons.is_empty() {
        return;
    }
    text.push_str(
        "## Comparison\n\nTimes worse: above 1 the first is worse than the second, whatever the number; the interval is of 95 %, over \
         trials. Non-inferior: all of it is within the margin; inferior: all of it is beyond; undecided: the margin lies in it.\n\n",
    );
    for comparison in &analysis.comparisons {
        comparison_table(text, analysis, comparison);
        if comparison.mean.is_some() {
            along(text, comparison);
        }
    }
}

fn comparison_table(text: &mut String, analysis: &Analysis, comparison: &Comparison) {
    let (claim, level, baseline) = (comparison.claim, &comparison.level, &comparison.baseline);
    let _ = writeln!(
        text,
        "### {level} against {baseline}: {}, at most {:.2} times worse, seen by {}: {}\n",
        claim.metric.word(),
        claim.margin,
        comparison.observe,
        comparison.verdict.word(),
    );
    let trials = format!("trials of {level}, {baseline}");
    let (of_level, of_baseline) = (format!(">{level}"), format!(">{baseline}"));
    heads(
        text,
        &[
            "cell",
            &of_level,
            &of_baseline,
            ">times worse",
            ">95 % interval",
            "verdict",
            ">Cliff's delta",
            ">p (Holm)",
            ">",
            "note",
        ]
        .map(|head| if head == ">" { trials.as_str() } else { head }),
    );
    for pair in &comparison.pairs {
        let side =
            |place: Option<usize>| place.map_or("n/a".to_owned(), |at| number(&analysis.cells[at], claim.metric));
        let number = |value: Option<f64>, digits: usize| value.map_or("n/a".to_owned(), |v| format!("{v:.digits$}"));
        let within = within(pair.precision());
        let interval = pair.ratio.map(|ratio| format!("{} to {}{within}", times(ratio.low), times(ratio.high)));
        let interval = interval.unwrap_or_else(|| "n/a".to_owned());
        row(
            text,
            &[
                cell(&pair_title(pair)),
                side(pair.cell),
                side(pair.partner),
                pair.times_worse.map_or("n/a".to_owned(), times),
                interval,
                pair.verdict.word().to_owned(),
                number(pair.delta, 2),
                pair.adjusted_p.map_or("n/a".to_owned(), probability),
                format!("{}, {}", pair.trials[0], pair.trials[1]),
                cell(&note(pair)),
            ],
        );
    }
    text.push('\n');
}

/// How precise an interval is, behind it.
fn within(precision: Option<f64>) -> String {
    precision.map(|width| format!(" (± {:.1} %)", width * 100.0)).unwrap_or_default()
}

/// A probability as people read it; below one in ten thousand, only that it is.
fn probability(p: f64) -> String {
    if p < 1e-4 { "< 0.0001".to_owned() } else { format!("{p:.4}") }
}

fn note(pair: &Pair) -> String {
    let more = pair.trials_to_decide.map(|trials| format!("about {trials} trials a side would decide"));
    pair.notes.iter().cloned().chain(more).collect::<Vec<_>>().join("; ")
}

/// The number of one side, as the claim speaks of it.
fn number(result: &CellResult, metric: Metric) -> String {
    let Some(all) = result.all() else { return "n/a".to_owned() };
    let Some(quantity) = metric.quantity() else {
        return format!("{} of {} whole", all.success.succeeded, all.success.tried);
    };
    all.values.get(&quantity).map_or("n/a".to_owned(), |estimate| quantity.shown(estimate.median))
}

/// How the ratio moves along each axis: the geometric mean at each level.
fn along(text: &mut String, comparison: &Comparison) {
    let mut axes: BTreeMap<&str, Vec<(&str, Vec<Interval>)>> = BTreeMap::new();
    for pair in &comparison.pairs {
        for (axis, level) in &pair.levels {
            let levels = axes.entry(axis).or_default();
            let place = levels.iter().position(|(name, _)| *name == level.as_str()).unwrap_or_else(|| {
                levels.push((level, Vec::new()));
                levels.len() - 1
            });
            levels[place].1.extend(pair.known());
        }
    }
    for (axis, levels) in axes.into_iter().filter(|(_, levels)| levels.len() > 1) {
        let shown = levels.iter().map(|(level, ratios)| {
            let mean = geometric_mean(ratios).map_or("n/a".to_owned(), |mean| times(mean.estimate));
            format!("{mean} at {level} ({} of them)", ratios.len())
        });
        let _ =
            writeln!(text, "- Along {axis}, geometric means of the ratio: {}.", shown.collect::<Vec<_>>().join(", "));
    }
    text.push('\n');
}

// --- cells

fn cells(text: &mut String, analysis: &Analysis) {
    text.push_str("## Cells\n\n");
    if analysis.cells.iter().all(|cell| cell.trials.is_empty()) {
        text.push_str("No cell has an attempt that counts.\n\n");
        return;
    }
    text.push_str(
        "One value a trial (median over leechers, then over repetitions), then the median over trials. Times in seconds \
         from the start of the download; a failed download counts as infinite. Seen by `counter`: what the node itself holds; by \
         `stream`: what a reader of its API gets, in order. One is never compared with the other.\n\n",
    );
    let titles = COLUMNS.map(|quantity| format!(">{}", quantity.title()));
    let mut names = vec!["cell", "system", "seen by", "leechers"];
    names.extend(titles.iter().map(String::as_str));
    names.extend(["arrived whole", ">trials"]);
    heads(text, &names);
    for result in &analysis.cells {
        if result.trials.is_empty() {
            cell_without(text, result);
        }
        for group in result.groups.iter().filter(|_| !result.trials.is_empty()) {
            cell_row(text, result, group);
        }
    }
    text.push('\n');
}

fn trials(result: &CellResult) -> String {
    match result.state {
        CellState::Partial => format!("{} of {}", result.trials.len(), result.planned_trials),
        _ => result.trials.len().to_string(),
    }
}

fn cell_row(text: &mut String, result: &CellResult, group: &GroupResult) {
    let mut cells = vec![cell(&result.title()), cell(&result.system), result.observe.clone(), cell(&group.group)];
    let shown = |quantity: Quantity| group.values.get(&quantity).map_or("n/a".to_owned(), |e| quantity.shown(e.median));
    cells.extend(COLUMNS.map(shown));
    let success = &group.success;
    let (low, high) = (success.low * 100.0, success.high * 100.0);
    cells.push(format!("{} of {} ({low:.0} to {high:.0} %)", success.succeeded, success.tried));
    cells.push(trials(result));
    row(text, &cells);
}

fn cell_without(text: &mut String, result: &CellResult) {
    let why = if result.state == CellState::Failed { "no attempt counts" } else { "not measured" };
    let mut cells = vec![cell(&result.title()), cell(&result.system), result.observe.clone(), why.to_owned()];
    cells.extend(COLUMNS.map(|_| "n/a".to_owned()));
    cells.extend(["n/a".to_owned(), trials(result)]);
    row(text, &cells);
}

/// How well the time to 100 % is known, and where its spread lies.
fn spreads(text: &mut String, analysis: &Analysis) {
    let whole = |cell: &CellResult| cell.all()?.values.get(&Quantity::Whole).copied();
    let known: Vec<(&CellResult, Estimate)> = analysis.cells.iter().filter_map(|c| Some((c, whole(c)?))).collect();
    if !known.iter().any(|(cell, whole)| cell.spread.is_some() || whole.interval.is_some()) {
        return;
    }
    text.push_str(
        "## Spread of the time to 100 %\n\nThe 95 % interval is of the median over trials. Within and between trials: standard deviations of \
         logarithms, which read as coefficients of variation.\n\n",
    );
    heads(
        text,
        &[
            "cell",
            "system",
            "seen by",
            ">trials",
            ">median",
            ">95 % interval",
            ">within a trial",
            ">between trials",
            ">share between",
        ],
    );
    for (result, whole) in known {
        let percent =
            |share: Option<f64>, digits: usize| share.map_or("n/a".to_owned(), |s| format!("{:.digits$} %", s * 100.0));
        let spread = result.spread.as_ref();
        let time = |seconds| Quantity::Whole.shown(seconds);
        row(
            text,
            &[
                cell(&result.title()),
                cell(&result.system),
                result.observe.clone(),
                whole.trials.to_string(),
                time(whole.median),
                whole.interval.map_or("n/a".to_owned(), |(low, high)| {
                    format!("{} to {}{}", time(low), time(high), within(whole.precision()))
                }),
                percent(spread.map(|spread| spread.within), 2),
                percent(spread.map(|spread| spread.between), 2),
                percent(spread.map(|spread| spread.correlation), 0),
            ],
        );
    }
    text.push('\n');
}

fn anomalies(text: &mut String, analysis: &Analysis) {
    let odd = analysis.cells.iter().flat_map(|result| {
        let name = format!("{}, {}, {}", result.title(), result.system, result.observe);
        result.anomalies.iter().map(move |anomaly| format!("{name}: {anomaly}"))
    });
    list(text, "What is odd", &odd.collect::<Vec<_>>());
}

fn failures(text: &mut String, analysis: &Analysis) {
    let rest: Vec<_> = analysis.attempts.iter().filter(|attempt| !attempt.counts).collect();
    if rest.is_empty() {
        return;
    }
    text.push_str("## Attempts that don't count\n\n");
    heads(text, &["attempt", "outcome", "reason", "detail"]);
    for attempt in rest {
        row(text, &[&attempt.name, &attempt.outcome, &attempt.reason, &attempt.why].map(|word| cell(word)));
    }
    text.push('\n');
}

// --- how, and from where

fn method(text: &mut String, analysis: &Analysis) {
    text.push_str(
        "## Method\n\nA trial is a fresh deployment of a cell; it is the unit of every statistic, since leechers of a repetition, and \
         repetitions of a trial, are not independent. Every duration is taken by one process's monotonic clock, from the request that starts the \
         download. A download counts when its payload was verified. `docs/methodology.md` of benchgrid has the definitions, the estimators \
         and their sources.\n\n",
    );
    let planned = analysis.question.cells.iter().filter(|cell| cell.trials > 0);
    let protocols: std::collections::BTreeSet<(u32, u32)> =
        planned.map(|cell| (cell.trials, cell.repetitions)).collect();
    for (trials, repetitions) in protocols {
        let _ = writeln!(text, "- Asked for: {trials} trials of {repetitions} measured repetitions each.");
    }
    if let Some((first, last)) = analysis.span_ms {
        let day = |ms: i64| Timestamp(ms.div_euclid(1000));
        let _ = writeln!(text, "- Measured from {} to {}.", day(first), day(last));
    }
    text.push_str("- One cell again, here: `benchgrid rehearse SCENARIO --cell SLUG`; on the cluster: a commit that removes its file below `done/`.\n\n");
}

fn provenance(text: &mut String, analysis: &Analysis) {
    let with: Vec<&CellResult> = analysis.cells.iter().filter(|cell| !cell.trials.is_empty()).collect();
    if with.is_empty() {
        return;
    }
    text.push_str("## Where the numbers come from\n\n");
    heads(text, &["cell", "system", "seen by", "id", "digest", "software", "attempts"]);
    for result in with {
        let attempts: Vec<&str> = result.trials.iter().map(|trial| trial.attempt.as_str()).collect();
        let software: Vec<&str> = result.software.iter().map(String::as_str).collect();
        let words = [&result.title(), &result.system, &result.observe, &result.id, &result.digest];
        let mut cells: Vec<String> = words.iter().map(|word| cell(word)).collect();
        cells.extend([cell(&software.join(", ")), attempts.join(" ")]);
        row(text, &cells);
    }
    let _ = writeln!(text, "\n{} records were read, warm-up included.", analysis.transfers);
}
