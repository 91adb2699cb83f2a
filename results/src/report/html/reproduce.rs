//! Commands that measure cells again.

use super::element::{Element, element, text};
use super::page::{heads, table};
use super::view::View;
use crate::analysis::CellResult;

/// One command for each cell.
pub(super) fn all(view: &View<'_>) -> Vec<Element> {
    if view.pages.is_empty() {
        return Vec::new();
    }
    let rows = view.pages.iter().filter_map(|page| {
        let result = view.analysis.cells.get(*page.results.first()?)?;
        let link = text("a", view.title(result)).with("href", format!("cells/{}", page.file));
        let command = element("td").child(text("code", command(view, result)));
        Some(element("tr").child(element("th").with("scope", "row").child(link)).child(command))
    });
    let rows: Vec<Element> = rows.collect();
    let summary = text("summary", format!("Commands of {}", super::number::counted(rows.len(), "cell")));
    let words = "A cell is rehearsed on one machine, without a cluster, by the command beside it; the scenario's file is the one that was measured. On the \
                 cluster it is measured again after a commit that removes its folder below done/ from the deploy branch.";
    vec![
        text("p", words),
        element("details").child(summary).child(table("commands", "Commands", vec![heads(&["cell", "command"])], rows)),
    ]
}

/// The command that measures a cell again.
pub(super) fn command(view: &View<'_>, result: &CellResult) -> String {
    let scenario = match view.analysis.question.scenario.as_str() {
        "" => "SCENARIO".to_owned(),
        name => format!("{name}.yaml"),
    };
    let trials = result.planned_trials.max(1);
    format!("benchgrid rehearse {} --cell {} --trials {trials}", quoted(&scenario), quoted(&result.slug))
}

/// A word for a shell.
fn quoted(word: &str) -> String {
    let plain = |letter: char| letter.is_ascii_alphanumeric() || "-_./=,+".contains(letter);
    if !word.is_empty() && word.chars().all(plain) {
        word.to_owned()
    } else {
        format!("'{}'", word.replace('\'', "'\\''"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_reach_the_shell_whole() {
        assert_eq!(quoted("a.b-1"), "a.b-1");
        assert_eq!(quoted("it's; rm"), "'it'\\''s; rm'");
        assert_eq!(quoted(""), "''");
    }
}
