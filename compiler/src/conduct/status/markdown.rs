use std::fmt::Write;

use super::text::{COLUMNS, MOST_FAILED, row};
use super::{FailedAttempt, Running, Status};

impl Status {
    /// For an issue or the summary of a job.
    pub fn markdown(&self) -> String {
        let mut out = format!("### Lab {} at {}\n\n{}\n", code(&self.lab), self.at, self.headline());
        for hindrance in &self.hindrances {
            line(&mut out, &format!("\n**Held up:** {}", code(&hindrance.text)));
        }
        out.push('\n');
        table(&mut out, &COLUMNS, 1);
        for (name, scenario) in &self.scenarios {
            let [_, numbers @ ..] = row(name, scenario);
            line(&mut out, &format!("| {} | {} |", code(name), numbers.join(" | ")));
        }
        if !self.running.is_empty() {
            out.push_str("\n#### Runs now\n\n");
            table(&mut out, &["attempt", "what", "since", "expected to end", "deadline", "records"], 6);
        }
        for running in &self.running {
            let Running { attempt, since, expected, deadline, .. } = running;
            let expected = expected.map(|time| time.to_string()).unwrap_or_default();
            let [attempt, what] = [attempt, &running.what()].map(|text| code(text));
            let records = running.progress().unwrap_or_default();
            line(&mut out, &format!("| {attempt} | {what} | {since} | {expected} | {deadline} | {records} |"));
        }
        if let Some(why) = &self.records_unknown {
            line(&mut out, &format!("\nRecords are not counted: {}", code(why)));
        }
        if let Some(title) = (!self.failed.is_empty()).then(|| self.failed_title()) {
            line(&mut out, &format!("\n#### F{}\n", &title[1..]));
            table(&mut out, &["attempt", "what", "ended", "why", "log"], 5);
        }
        for failed in self.failed.iter().take(MOST_FAILED) {
            let FailedAttempt { attempt, ended, log, .. } = failed;
            let log = log.as_deref().map(code).unwrap_or_default();
            let [attempt, what, why] = [attempt, &failed.what(), &failed.why()].map(|text| code(text));
            line(&mut out, &format!("| {attempt} | {what} | {ended} | {why} | {log} |"));
        }
        out
    }
}

/// A table's head; columns after the first `left` are numbers.
fn table(out: &mut String, columns: &[&str], left: usize) {
    let rule = |place| if place < left { "---" } else { "---:" };
    let rules: Vec<_> = (0..columns.len()).map(rule).collect();
    line(out, &format!("| {} |\n| {} |", columns.join(" | "), rules.join(" | ")));
}

/// Text as it is, within a table too: nothing in it is markup, names somebody, or ends the cell.
fn code(text: &str) -> String {
    let text = text.split_whitespace().collect::<Vec<_>>().join(" ").replace('`', "'").replace('|', "\\|");
    if text.is_empty() { text } else { format!("`{text}`") }
}

fn line(out: &mut String, text: &str) {
    // writing to a String can't fail
    let _ = writeln!(out, "{text}");
}
