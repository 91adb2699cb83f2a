use std::fmt;

use super::to_go::minutes;
use super::{FailedAttempt, Hindrance, Running, ScenarioStatus, Status};

/// Failed attempts that people are shown; JSON has all.
pub(super) const MOST_FAILED: usize = 10;

impl fmt::Display for Status {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "lab {} at {}\n{}", self.lab, self.at, self.headline())?;
        for Hindrance { text, .. } in &self.hindrances {
            writeln!(f, "! {text}")?;
        }
        let names = self.scenarios.iter().map(|(name, scenario)| row(name, scenario));
        table(f, &[vec![COLUMNS.map(str::to_owned)], names.collect()].concat())?;
        if !self.running.is_empty() {
            writeln!(f, "\nruns now:")?;
        }
        for running in &self.running {
            writeln!(f, "  {}\n    {}\n    {}", running.attempt, running.what(), running.times())?;
            if let Some(records) = running.progress() {
                writeln!(f, "    {records}")?;
            }
        }
        if let Some(why) = &self.records_unknown {
            writeln!(f, "  records are not counted: {why}")?;
        }
        if !self.failed.is_empty() {
            writeln!(f, "\n{}:", self.failed_title())?;
        }
        for failed in self.failed.iter().take(MOST_FAILED) {
            writeln!(f, "  {}\n    {}, at {}", failed.attempt, failed.what(), failed.ended)?;
            writeln!(f, "    {}", failed.why())?;
            if let Some(log) = &failed.log {
                writeln!(f, "    log: {log}")?;
            }
        }
        Ok(())
    }
}

/// Columns of the scenarios' table.
pub(super) const COLUMNS: [&str; 10] =
    ["scenario", "cells", "trials", "done", "running", "to retry", "given up", "waiting", "superseded", "to go"];

/// A scenario in these columns.
pub(super) fn row(name: &str, s: &ScenarioStatus) -> [String; 10] {
    let [cells, trials, done, running] = [s.cells, s.trials, s.done, s.running].map(|number| number.to_string());
    let [failed, given_up, waiting, superseded] =
        [s.failed, s.given_up, s.waiting, s.superseded].map(|number| number.to_string());
    let to_go = s.to_go_seconds.map(minutes).unwrap_or_default();
    [name.to_owned(), cells, trials, done, running, failed, given_up, waiting, superseded, to_go]
}

/// The first column to the left, the others to the right.
fn table(f: &mut fmt::Formatter<'_>, rows: &[[String; 10]]) -> fmt::Result {
    let mut widths = [0; 10];
    for row in rows {
        for (width, text) in widths.iter_mut().zip(row) {
            *width = (*width).max(text.chars().count());
        }
    }
    writeln!(f)?;
    for [first, rest @ ..] in rows {
        let numbers: Vec<_> = rest.iter().zip(&widths[1..]).map(|(text, width)| format!("  {text:>width$}")).collect();
        let line = format!("{first:0$}{1}", widths[0], numbers.concat());
        writeln!(f, "{}", line.trim_end())?;
    }
    Ok(())
}

/// `slug, trial 2`, and which try where it is not the first.
fn what(slug: &str, trial: u32, number: u32) -> String {
    if number > 1 { format!("{slug}, trial {trial}, try {number}") } else { format!("{slug}, trial {trial}") }
}

impl Running {
    pub(super) fn what(&self) -> String {
        what(&self.slug, self.trial, self.number)
    }

    fn times(&self) -> String {
        let expected = self.expected.map(|time| format!(", expected to end at {time}")).unwrap_or_default();
        format!("since {}{expected}, deadline {}", self.since, self.deadline)
    }

    /// `4 of 12 records, newest measured 1, counter`, where it is known.
    pub(super) fn progress(&self) -> Option<String> {
        let records = self.records?;
        let of = self.expected_records.map(|expected| format!(" of {expected}")).unwrap_or_default();
        let newest = self.newest.as_ref().map(|newest| format!(", newest {newest}")).unwrap_or_default();
        Some(format!("{records}{of} records{newest}"))
    }
}

impl FailedAttempt {
    pub(super) fn what(&self) -> String {
        what(&self.slug, self.trial, self.number)
    }

    pub(super) fn why(&self) -> String {
        let detail = self.detail.split_whitespace().collect::<Vec<_>>().join(" ");
        if detail.is_empty() { self.reason.to_string() } else { format!("{}: {detail}", self.reason) }
    }
}

impl Status {
    /// What stands above the failed attempts.
    pub(super) fn failed_title(&self) -> String {
        match self.failed.len() {
            many if many > MOST_FAILED => format!("failed, the newest {MOST_FAILED} of {many}"),
            _ => "failed, the newest first".to_owned(),
        }
    }
}
