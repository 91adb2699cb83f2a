//! A plan as people and programs read it.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{CellEntry, CellsFile, Comparison};
use crate::plan::{Plan, Totals};

/// `plan --format json`: `cells.json`, totals, and what becomes of a branch.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct PlanFile {
    /// Cells and exclusions.
    #[serde(flatten)]
    pub cells: CellsFile,
    /// What it takes.
    pub totals: Totals,
    /// Bases that a program built, by their folder on the branch, each with the program and its version.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub bases: BTreeMap<String, String>,
    /// `--against`: what becomes of the cells of a branch.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub against: Option<Comparison>,
}

impl PlanFile {
    /// Of a plan.
    pub fn of(plan: &Plan) -> Self {
        Self { cells: CellsFile::of(plan), totals: Totals::of(plan), bases: plan.foreign_bases(), against: None }
    }

    /// With what a branch has of the scenario; none where it has nothing.
    #[must_use]
    pub fn against(mut self, reference: &str, before: Option<&CellsFile>) -> Self {
        self.against = Some(Comparison::new(reference, before, &self.cells));
        self
    }
}

/// As JSON.
pub fn plan_json(file: &PlanFile) -> String {
    String::from_utf8(super::json(file)).unwrap_or_default()
}

/// As text for a terminal.
pub fn plan_text(file: &PlanFile) -> String {
    let mut out = heading(file);
    let width = file.cells.cells.iter().map(|cell| cell.slug.len()).max().unwrap_or_default();
    out.push('\n');
    for cell in &file.cells.cells {
        let CellEntry { id, slug, trials, needs, deadline_seconds, .. } = cell;
        line(
            &mut out,
            &format!(
                "{id}  {slug:width$}  {trials} trials  {} pods  at most {} a trial",
                needs.pods,
                duration(*deadline_seconds)
            ),
        );
    }
    if !file.cells.exclusions.is_empty() {
        line(&mut out, &format!("\nleft out ({}):", file.cells.exclusions.len()));
        for exclusion in &file.cells.exclusions {
            line(&mut out, &format!("  {}: {}", levels(&exclusion.levels), exclusion.reason));
        }
    }
    if let Some(against) = &file.against {
        line(&mut out, &format!("\nagainst {}: {}", against.reference, against.counts()));
        for cell in against.differing() {
            line(&mut out, &format!("  {:7}  {}  {}", cell.state.word(), cell.id, cell.slug));
        }
    }
    out
}

/// As Markdown for a pull request.
pub fn plan_markdown(file: &PlanFile) -> String {
    let mut out = format!("### Plan of `{}` in lab `{}`\n\n", file.cells.scenario, file.cells.lab);
    out.push_str(&heading(file));
    out.push_str("\n| cell | id | trials | pods | at most a trial |\n| --- | --- | ---: | ---: | ---: |\n");
    for cell in &file.cells.cells {
        let CellEntry { id, slug, trials, needs, deadline_seconds, .. } = cell;
        line(&mut out, &format!("| `{slug}` | `{id}` | {trials} | {} | {} |", needs.pods, duration(*deadline_seconds)));
    }
    if !file.cells.exclusions.is_empty() {
        line(&mut out, &format!("\n<details><summary>{} left out</summary>\n", file.cells.exclusions.len()));
        out.push_str("| combination | reason |\n| --- | --- |\n");
        for exclusion in &file.cells.exclusions {
            line(&mut out, &format!("| {} | {} |", levels(&exclusion.levels), exclusion.reason.replace('|', "\\|")));
        }
        out.push_str("\n</details>\n");
    }
    if let Some(against) = &file.against {
        line(&mut out, &format!("\n#### Against `{}`: {}", against.reference, against.counts()));
        if against.differing().next().is_some() {
            out.push_str("\n| state | cell | id |\n| --- | --- | --- |\n");
        }
        for cell in against.differing() {
            line(&mut out, &format!("| {} | `{}` | `{}` |", cell.state.word(), cell.slug, cell.id));
        }
    }
    out
}

/// Cells, pods, bytes, disk, hours.
fn heading(file: &PlanFile) -> String {
    let Totals { cells, exclusions, attempts, pods, most_pods, bytes, most_disk_bytes, hours, most_hours } =
        &file.totals;
    let mut out = format!(
        "{cells} cells, {exclusions} combinations left out, {attempts} trials\n\
        {pods} pods started in all, at most {most_pods} in a cell; disk at most {} in a cell\n\
        {} downloaded; about {hours:.1} hours, at most {most_hours:.1}, one cell at a time\n",
        bytes_shown(*most_disk_bytes),
        bytes_shown(*bytes),
    );
    for (base, program) in &file.bases {
        line(&mut out, &format!("base {base} built by {program}"));
    }
    out
}

fn line(out: &mut String, text: &str) {
    // writing to a String can't fail
    let _ = writeln!(out, "{text}");
}

fn levels(levels: &BTreeMap<String, serde_json::Value>) -> String {
    let shown = |value: &serde_json::Value| value.as_str().map_or_else(|| value.to_string(), str::to_owned);
    levels.iter().map(|(axis, value)| format!("{axis} {}", shown(value))).collect::<Vec<_>>().join(", ")
}

fn duration(seconds: u64) -> String {
    match (seconds / 3600, seconds % 3600 / 60) {
        (0, 0) => format!("{seconds} s"),
        (0, minutes) => format!("{minutes} min"),
        (hours, minutes) => format!("{hours} h {minutes} min"),
    }
}

#[expect(clippy::cast_precision_loss, reason = "shown with three digits")]
fn bytes_shown(bytes: u64) -> String {
    let mut value = bytes as f64;
    let mut unit = "B";
    for larger in ["kB", "MB", "GB", "TB", "PB"] {
        if value >= 1000.0 {
            (value, unit) = (value / 1000.0, larger);
        }
    }
    if value.fract() == 0.0 || value >= 100.0 { format!("{value:.0} {unit}") } else { format!("{value:.1} {unit}") }
}
