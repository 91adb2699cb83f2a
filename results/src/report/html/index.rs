//! The first page: question, answer, every cell, figures over all cells, what failed, what threatens it.

use super::element::{Element, element, text};
use super::failures;
use super::figures;
use super::heat_map;
use super::number;
use super::page::{Page, Section, fact, facts};
use super::reproduce;
use super::tables;
use super::view::View;
use super::words;
use crate::analysis::{Analysis, AnswerForm, CellState, Quantity};

/// The page.
pub(super) fn page(view: &View<'_>) -> Page {
    let analysis = view.analysis;
    let sections = [
        Section::some("map", "Ratios at a glance", maps(view)),
        Section::some("cells", "Cells", cells(view)),
        Section::some("times", "Time to 100 %", figures::times::drawn(view)),
        Section::some("curves", "Progress", figures::curves::of_all(view)),
        Section::some("bound", "Against the least possible time", figures::efficiency::drawn(view)),
        Section::some("failures", "What failed, and why", failures::all(view)),
        Section::some("threats", "Threats to validity", threats(analysis)),
        Section::some("reproduce", "Reproduce", reproduce::all(view)),
        Section::some("definitions", "What the numbers mean", definitions()),
    ];
    Page {
        title: words::heading(analysis),
        above: text("p", above(analysis)).class("above"),
        heading: words::heading(analysis),
        lead: vec![answer(analysis), summary(analysis)],
        sections: sections.into_iter().flatten().collect(),
        footer: "Every record behind these numbers is in samples.jsonl, every row in cells.csv, in the same folder."
            .to_owned(),
    }
}

fn above(analysis: &Analysis) -> String {
    let question = &analysis.question;
    let named = [("scenario", &question.scenario), ("lab", &question.lab)];
    let words = named.iter().filter(|(_, name)| !name.is_empty()).map(|(what, name)| format!("{what} {name}"));
    let words = words.collect::<Vec<_>>().join(", ");
    if words.is_empty() { "benchgrid report".to_owned() } else { words }
}

/// The answer in one sentence, and what goes with it.
fn answer(analysis: &Analysis) -> Element {
    let form = match analysis.answer.form {
        AnswerForm::Clear => "clear",
        AnswerForm::Mixed => "mixed",
        AnswerForm::Undecided => "undecided",
        AnswerForm::Broken => "broken",
        AnswerForm::Empty => "empty",
        AnswerForm::Plain => "plain",
    };
    let block = element("section").class(format!("answer {form}")).with("aria-label", "Answer");
    let block = block.child(text("p", analysis.answer.sentence.as_str()));
    if analysis.answer.details.is_empty() {
        return block;
    }
    block.child(element("ul").children(analysis.answer.details.iter().map(|detail| text("li", detail.as_str()))))
}

/// How much there is.
fn summary(analysis: &Analysis) -> Element {
    let count = |state| analysis.cells.iter().filter(|result| result.state == state).count();
    let states = [CellState::Measured, CellState::Partial, CellState::Failed, CellState::Missing];
    let words = states.iter().map(|state| (count(*state), state.word())).filter(|(count, _)| *count > 0);
    let words = words.map(|(count, word)| format!("{count} {word}")).collect::<Vec<_>>().join(", ");
    let mut rows = vec![fact("Cells", if words.is_empty() { "none".to_owned() } else { words })];
    if !analysis.question.excluded.is_empty() {
        let reasons = analysis.question.excluded.iter().map(|(reason, count)| format!("{count}: {reason}"));
        rows.push(fact("Combinations left out", reasons.collect::<Vec<_>>().join("; ")));
    }
    let trials: usize = analysis.cells.iter().map(|result| result.trials.len()).sum();
    rows.push(fact("Trials that count", trials.to_string()));
    rows.push(fact("Transfers read", format!("{}, warm-up included", analysis.transfers)));
    let attempts = analysis.attempts.iter().filter(|attempt| attempt.counts).count();
    rows.push(fact("Attempts", format!("{attempts} of {} count", analysis.attempts.len())));
    if let Some((first, last)) = analysis.span_ms {
        rows.push(fact("Measured", format!("{} to {}", number::moment(first), number::moment(last))));
    }
    facts(rows)
}

fn maps(view: &View<'_>) -> Vec<Element> {
    let comparisons = &view.analysis.comparisons;
    let mut content = Vec::new();
    for (place, comparison) in comparisons.iter().enumerate() {
        let Some(maps) = heat_map::maps(view, comparison, &format!("map-{place}")) else { continue };
        let metric = words::metric(comparison.claim.metric);
        let (level, baseline) = (&comparison.level, &comparison.baseline);
        let margin = number::digits(comparison.claim.margin);
        content.push(text(
            "h3",
            format!("{level} against {baseline}: {metric}, seen by {}, margin {margin}", comparison.observe),
        ));
        content.push(maps);
    }
    if !content.is_empty() {
        let words = "How many times worse the one is than the other: above 1 worse, below 1 better, whatever is measured. The sign is the verdict on the \
                     claim that it is not worse by more than the margin.";
        content.splice(0..0, [text("p", words)].into_iter().chain(heat_map::legend()));
    }
    content
}

fn cells(view: &View<'_>) -> Vec<Element> {
    let comparisons = &view.analysis.comparisons;
    let mut content = Vec::new();
    for (place, comparison) in comparisons.iter().enumerate() {
        let claim = words::claim(comparison.claim, &comparison.level, &comparison.baseline);
        let mut sentence =
            format!("Claim: {claim}, seen by {}. Verdict: {}.", comparison.observe, comparison.verdict.word());
        if let Some(mean) = comparison.mean {
            let ends = comparison.mean_interval.map(|(low, high)| format!(" ({})", number::range(low, high)));
            let ends = ends.unwrap_or_default();
            sentence = format!("{sentence} Geometric mean of the ratios: {}{ends}.", number::times(mean));
        }
        content.push(text("p", sentence));
        content.push(tables::pairs(view, comparison, &format!("pairs-{place}")));
    }
    content.extend(tables::singles(view, "singles"));
    content
}

fn threats(analysis: &Analysis) -> Vec<Element> {
    if analysis.threats.is_empty() {
        return vec![text("p", "None was found in what was read.")];
    }
    vec![element("ul").children(analysis.threats.iter().map(|threat| text("li", threat.as_str())))]
}

fn definitions() -> Vec<Element> {
    let terms = [
        (
            "Trial",
            "One fresh deployment of a cell. It is the unit of the statistics: leechers of a repetition and repetitions of a trial are not independent.",
        ),
        (
            "Value of a trial",
            "Median over the leechers of a repetition, then the median over the repetitions of the trial. A cell's number is the median over its trials.",
        ),
        ("Interval", "95 %, over trials."),
        ("Times worse", "Ratio of the level to the baseline, turned so that above 1 is worse, whatever the metric."),
        (
            "Non-inferior",
            "The whole interval of the ratio is within the margin. Inferior: all of it is beyond. Undecided: the margin lies in it, or there is none. Missing: a side has no number.",
        ),
        (
            "Seen by",
            "counter: what the node itself holds, verified; stream: what a reader of its API gets, in order. One is never compared with the other.",
        ),
        ("Arrived", "Downloads whose payload was whole and had the right digest, of those tried."),
    ];
    let terms = terms.into_iter().map(|(term, words)| (term.to_owned(), words));
    let quantities =
        Quantity::ALL.into_iter().map(|quantity| (quantity.title().to_owned(), words::definition(quantity)));
    let entries = terms.chain(quantities).flat_map(|(term, words)| [text("dt", term), text("dd", words)]);
    let list = element("dl").class("terms").children(entries);
    vec![element("details").child(text("summary", "Definitions")).child(list)]
}
