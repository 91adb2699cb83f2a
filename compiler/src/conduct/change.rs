use benchgrid_measures::Timestamp;
use std::{collections::BTreeMap, fmt::Write};

use super::{Admission, Admit, Attempt, ConductError, Decision, State};
use crate::git::{Change, Snapshot};

/// A decision as a change of the branch, with the commit's message and what could not be done.
pub(super) struct Planned {
    pub(super) change: Change,
    pub(super) message: String,
    /// A line each for the log.
    pub(super) lines: Vec<String>,
    pub(super) problems: Vec<String>,
}

impl Planned {
    /// `logs`: what the containers of attempts that failed said, by attempt.
    pub(super) fn new(
        (decision, mut logs): (&Decision, BTreeMap<String, String>),
        state: &State,
        snapshot: &Snapshot<'_>,
        admit: Admit,
        now: Timestamp,
    ) -> Result<Self, ConductError> {
        let (mut change, mut lines, mut problems) = (Change::default(), Vec::new(), Vec::new());
        for ending in &decision.end {
            let done = ending.done(now, &state.lab);
            if !ending.held {
                change.remove.push(folder(&ending.attempt));
            }
            change.write.insert(done.path("json"), json(&done)?);
            if let Some(log) = logs.remove(&done.attempt) {
                change.write.insert(done.path("log"), log.into_bytes());
            }
            lines.push(ending.to_string());
        }
        for attempt in &decision.release {
            change.remove.push(folder(attempt));
            lines.push(format!("let go {}: {}", attempt.attempt, attempt.slug));
        }
        let left = lines.len();
        for admission in &decision.admit {
            match self::admit(admission, snapshot, admit, now, &mut change)? {
                Ok(()) => lines.push(admission.to_string()),
                Err(why) => problems.push(format!("can't admit {}: {why}", admission.name)),
            }
        }
        Ok(Self { message: message(&lines, left), change, lines, problems })
    }
}

/// Where an attempt stands while it is deployed.
fn folder(attempt: &Attempt) -> String {
    format!("active/{}/{}", attempt.scenario, attempt.attempt)
}

/// The cell's tree under the attempt's name; only the top kustomization.yaml differs, and attempt.json is new.
fn admit(
    admission: &Admission,
    snapshot: &Snapshot<'_>,
    rewrite: Admit,
    now: Timestamp,
    change: &mut Change,
) -> Result<Result<(), String>, ConductError> {
    let mut attempt = admission.attempt(now);
    let from = format!("overlays/{}/{}", attempt.scenario, attempt.slug);
    let to = folder(&attempt);
    let path = format!("{from}/kustomization.yaml");
    let text = snapshot.read(&path)?.and_then(|bytes| String::from_utf8(bytes).ok());
    let rewritten = match text.map(|text| rewrite(&text, &admission.name)) {
        Some(Ok(text)) => text,
        Some(Err(why)) => return Ok(Err(format!("{path}: {why}"))),
        None => return Ok(Err(format!("{path} is missing or no text"))),
    };
    let Some(overlay) = snapshot.id(&from)? else { return Ok(Err(format!("{from} is missing"))) };
    let tree = snapshot.folder_with(overlay, "kustomization.yaml", Some(rewritten.as_bytes()))?;
    attempt.tree = tree.to_string();
    change.copy.push((from, to.clone()));
    change.write.insert(format!("{to}/kustomization.yaml"), rewritten.into_bytes());
    change.write.insert(format!("{to}/attempt.json"), json(&attempt)?);
    Ok(Ok(()))
}

fn json<T: serde::Serialize>(value: &T) -> Result<Vec<u8>, ConductError> {
    Ok(format!("{}\n", serde_json::to_string_pretty(value)?).into_bytes())
}

/// `left`: how many of the lines are of attempts that ended or left.
fn message(lines: &[String], left: usize) -> String {
    let subject = match lines {
        [one] => one.split(':').next().unwrap_or(one).to_owned(),
        many => format!("{left} ended, {} admitted", many.len() - left),
    };
    let mut text = format!("Conduct: {subject}\n\n");
    for line in lines {
        // Writing to a string can't fail.
        let _ = writeln!(text, "{line}");
    }
    text
}
