use std::fmt::Write as _;

use super::summary::{by_reason, capacity, counts, facts, has_capacity, levels, pair_lines, pair_title};
use super::{CellEntry, Comparison, PlanFile};
use crate::plan::shown::duration;

/// A plan as Markdown for a pull request.
pub fn plan_markdown(file: &PlanFile) -> String {
    let mut out = format!("### Plan of `{}` in lab `{}`\n\n", file.cells.scenario, file.cells.lab);
    line(&mut out, &format!("{}\n", counts(&file.totals)));
    for (word, fact) in facts(file) {
        line(&mut out, &format!("- {word}: {fact}"));
    }
    if let Some(against) = &file.against {
        comparison(&mut out, against);
    }
    if has_capacity(&file.capacity) {
        line(&mut out, "\n#### Capacity\n");
        let rows = capacity(&file.capacity);
        for (place, row) in rows.iter().enumerate() {
            line(&mut out, &format!("| {} |", row.join(" | ")));
            if place == 0 {
                line(&mut out, "| --- | --- | ---: | ---: | ---: |");
            }
        }
    }
    for pair in &file.pairs {
        line(&mut out, &format!("\n#### {}\n", cut(&pair_title(pair))));
        let unmatched = pair.unmatched.iter().map(|slug| format!("no partner: `{slug}`"));
        pair_lines(pair).into_iter().chain(unmatched).for_each(|text| line(&mut out, &format!("- {text}")));
    }
    line(&mut out, &format!("\n<details><summary>{} cells</summary>\n", file.cells.cells.len()));
    out.push_str("| cell | id | trials | pods | at most a trial |\n| --- | --- | ---: | ---: | ---: |\n");
    for CellEntry { id, slug, trials, needs, deadline_seconds, .. } in &file.cells.cells {
        line(
            &mut out,
            &format!("| `{slug}` | `{id}` | {trials} | {} | {} |", needs.all.pods, duration(*deadline_seconds)),
        );
    }
    out.push_str("\n</details>\n");
    for (reason, exclusions) in by_reason(&file.cells.exclusions) {
        line(&mut out, &format!("\n<details><summary>{} left out: {}</summary>\n", exclusions.len(), html(reason)));
        for exclusion in exclusions {
            line(&mut out, &format!("- {}", levels(&exclusion.levels)));
        }
        out.push_str("\n</details>\n");
    }
    out
}

fn comparison(out: &mut String, against: &Comparison) {
    line(out, &format!("\n#### Against `{}`: {}", against.reference, against.counts()));
    if against.differing().next().is_some() {
        out.push_str("\n| state | cell | id | what |\n| --- | --- | --- | --- |\n");
    }
    for cell in against.differing() {
        line(out, &format!("| {} | `{}` | `{}` | {} |", cell.state.word(), cell.slug, cell.id, cut(&cell.phrase())));
    }
}

/// Text in a cell of a table.
fn cut(text: &str) -> String {
    text.replace('|', "\\|").replace('\n', " ")
}

/// Text within a tag.
fn html(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;").replace('\n', " ")
}

fn line(out: &mut String, text: &str) {
    // writing to a String can't fail
    let _ = writeln!(out, "{text}");
}
