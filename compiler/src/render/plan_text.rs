use std::fmt::Write as _;

use super::summary::{by_reason, capacity, counts, facts, has_capacity, levels, pair_lines, pair_title};
use super::{CellEntry, PlanFile};
use crate::plan::shown::{count, duration};

/// What a plan comes to, in a few lines: how many cells, what is left out and why, what the campaign takes.
pub fn plan_brief(file: &PlanFile) -> String {
    let mut out = heading(file);
    for (reason, exclusions) in by_reason(&file.cells.exclusions) {
        line(&mut out, &format!("  left out ({}): {reason}", exclusions.len()));
    }
    out
}

fn heading(file: &PlanFile) -> String {
    let mut out = String::new();
    line(&mut out, &format!("{} in lab {}: {}", file.cells.scenario, file.cells.lab, counts(&file.totals)));
    for (word, fact) in facts(file) {
        line(&mut out, &format!("  {word:5}  {fact}"));
    }
    out
}

/// A plan as text for a terminal.
pub fn plan_text(file: &PlanFile) -> String {
    let mut out = heading(file);
    if has_capacity(&file.capacity) {
        line(&mut out, "\ncapacity:");
        table(&mut out, &capacity(&file.capacity));
    }
    for pair in &file.pairs {
        line(&mut out, &format!("\n{}", pair_title(pair)));
        let unmatched = pair.unmatched.iter().map(|slug| format!("no partner: {slug}"));
        pair_lines(pair).into_iter().chain(unmatched).for_each(|text| line(&mut out, &format!("  {text}")));
    }
    cells(&mut out, &file.cells.cells);
    for (reason, exclusions) in by_reason(&file.cells.exclusions) {
        line(&mut out, &format!("\nleft out ({}): {reason}", exclusions.len()));
        for exclusion in exclusions {
            line(&mut out, &format!("  {}", levels(&exclusion.levels)));
        }
    }
    if let Some(against) = &file.against {
        line(&mut out, &format!("\nagainst {}: {}", against.reference, against.counts()));
        for cell in against.differing() {
            let text = format!("  {:8}  {}  {}  {}", cell.state.word(), cell.id, cell.slug, cell.phrase());
            line(&mut out, text.trim_end());
        }
    }
    out
}

fn cells(out: &mut String, cells: &[CellEntry]) {
    let width = cells.iter().map(|cell| cell.slug.len()).max().unwrap_or_default();
    out.push('\n');
    for CellEntry { id, slug, trials, needs, deadline_seconds, .. } in cells {
        let (trials, pods) = (count(*trials, "trial"), count(needs.all.pods, "pod"));
        line(
            out,
            &format!("{id}  {slug:width$}  {trials:>9}  {pods:>8}  at most {} a trial", duration(*deadline_seconds)),
        );
    }
}

/// Columns: the first two to the left, numbers to the right.
fn table(out: &mut String, rows: &[[String; 5]]) {
    let width = |column: usize| rows.iter().map(|row| row[column].len()).max().unwrap_or_default();
    let [name, what, has, cell, window] = [0, 1, 2, 3, 4].map(width);
    for row in rows {
        let text =
            format!("  {:name$}  {:what$}  {:>has$}  {:>cell$}  {:>window$}", row[0], row[1], row[2], row[3], row[4]);
        line(out, text.trim_end());
    }
}

fn line(out: &mut String, text: &str) {
    // writing to a String can't fail
    let _ = writeln!(out, "{text}");
}
