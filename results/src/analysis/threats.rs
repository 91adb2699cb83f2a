//! What threatens the result: what a reader has to know before they believe it.

use std::collections::BTreeMap;

use super::anomalies::counted;
use super::{AttemptResult, CellResult, CellState, Comparison, PairVerdict, Question};

/// Trials below which an interval says little, whatever it says.
const FEW: usize = 5;

/// Oddities that are said one by one.
const ODDITIES: usize = 5;

/// One sentence for each threat.
pub(super) fn threats(
    oddities: &[String],
    question: &Question,
    cells: &[CellResult],
    comparisons: &[Comparison],
    attempts: &[AttemptResult],
) -> Vec<String> {
    let mut found = Vec::new();
    states(question, cells, &mut found);
    let few = cells.iter().filter(|cell| (1..FEW).contains(&cell.trials.len())).count();
    if few > 0 {
        found.push(format!("{} on fewer than {FEW} trials: their intervals are wide, or missing.", rest(few)));
    }
    left_out(attempts, &mut found);
    let noted = comparisons.iter().flat_map(|comparison| &comparison.pairs);
    let apart = noted.clone().filter(|pair| pair.notes.iter().any(|note| note.contains(" apart"))).count();
    if apart > 0 {
        found.push(format!(
            "{} measured too far apart: what changed in the lab between the sides is in the ratio.",
            were(apart, "pair")
        ));
    }
    let one_sided = noted.filter(|pair| pair.verdict == PairVerdict::Missing && pair.trials != [0, 0]).count();
    if one_sided > 0 {
        found.push(format!("{} of one side only: they have no ratio.", were(one_sided, "pair")));
    }
    let unshaped = cells.iter().filter(|cell| !cell.trials.is_empty() && cell.fluid_bound_seconds.is_none()).count();
    if unshaped > 0 {
        found.push(format!("{} without a bound from its links: some link has no rate, so how near it comes to the possible is unknown.", counted(unshaped, "result")));
    }
    versions(cells, &mut found);
    let odd = cells.iter().filter(|cell| !cell.anomalies.is_empty()).count();
    if odd > 0 {
        found
            .push(format!("{} something odd, said with the cell; nothing of it is left out of the numbers.", has(odd)));
    }
    found.extend(oddities.iter().take(ODDITIES).cloned());
    let more = oddities.len().saturating_sub(ODDITIES);
    if more > 0 {
        found.push(format!("And {more} more of such oddities."));
    }
    found
}

fn states(question: &Question, cells: &[CellResult], found: &mut Vec<String>) {
    let count = |state| cells.iter().filter(|cell| cell.state == state).count();
    let all = counted(cells.len(), "result");
    for (state, words) in [
        (CellState::Missing, "not measured at all"),
        (CellState::Failed, "tried, and no attempt counts"),
        (CellState::Partial, "measured in fewer trials than asked for"),
    ] {
        let count = count(state);
        if count > 0 {
            found.push(format!("{count} of {all}: {words}."));
        }
    }
    if !question.planned {
        found.push("No scenario was given: what is missing altogether can't be seen.".to_owned());
    }
    for (reason, combinations) in &question.excluded {
        found.push(format!("{} of levels left out by the scenario: {reason}.", counted(*combinations, "combination")));
    }
}

fn left_out(attempts: &[AttemptResult], found: &mut Vec<String>) {
    let mut reasons: BTreeMap<&str, usize> = BTreeMap::new();
    for attempt in attempts.iter().filter(|attempt| attempt.outcome == "failed") {
        *reasons.entry(&attempt.reason).or_default() += 1;
    }
    let failed: usize = reasons.values().sum();
    if failed > 0 {
        let reasons: Vec<String> = reasons.iter().map(|(reason, count)| format!("{count} {reason}")).collect();
        let attempts = attempts.len();
        found.push(format!(
            "{failed} of {} failed ({}): if what made them fail also makes downloads slow, the numbers are too good.",
            counted(attempts, "attempt"),
            reasons.join(", ")
        ));
    }
}

/// Software that is not the same in all cells of a system.
fn versions(cells: &[CellResult], found: &mut Vec<String>) {
    let mut systems: BTreeMap<&str, Vec<&str>> = BTreeMap::new();
    for cell in cells {
        let all = systems.entry(&cell.system).or_default();
        all.extend(cell.software.iter().map(String::as_str));
        all.sort_unstable();
        all.dedup();
    }
    for (system, versions) in systems.iter().filter(|(_, versions)| versions.len() > 1) {
        found.push(format!("{system} was not one software in all cells: {}.", versions.join(", ")));
    }
}

fn rest(count: usize) -> String {
    if count == 1 { "1 result rests".to_owned() } else { format!("{count} results rest") }
}

fn were(count: usize, word: &str) -> String {
    format!("{} {}", counted(count, word), if count == 1 { "was" } else { "were" })
}

fn has(count: usize) -> String {
    if count == 1 { "1 result has".to_owned() } else { format!("{count} results have") }
}
