use std::collections::BTreeMap;
use std::io::BufRead;
use std::path::{Path, PathBuf};

use benchgrid_measures::{Identity, Outcome, RECORD_SCHEMA, Record, stored_record};
use serde::Deserialize;
use serde::de::{DeserializeOwned, IgnoredAny};
use serde_json::Value;

use super::{
    Mistake, Mistakes, Selection, SourceError,
    lines::{Line, Lines},
};
use crate::campaign::{Builder, Conflict, NodeSample};
use crate::{Campaign, Ending, Oddity, Transfer};

/// Takes files in, line by line, and notes what is wrong with them.
pub(super) struct Intake<'a> {
    selection: &'a Selection,
    builder: Builder,
    pub(super) mistakes: Vec<Mistake>,
    /// Where each record and outcome was first seen, by name and end.
    places: BTreeMap<(String, i64), (usize, usize)>,
    paths: Vec<PathBuf>,
    /// Lines that are part of a campaign, those that are not wanted among them.
    pub(super) ours: usize,
}

/// What tells lines apart.
#[derive(Deserialize)]
struct Marks {
    schema: Option<Value>,
    valid: Option<IgnoredAny>,
    attempt: Option<IgnoredAny>,
    verdict: Option<IgnoredAny>,
    labels: Option<IgnoredAny>,
    values: Option<IgnoredAny>,
    records: Option<IgnoredAny>,
    node: Option<IgnoredAny>,
    environment: Option<IgnoredAny>,
}

impl<'a> Intake<'a> {
    pub(super) fn new(selection: &'a Selection) -> Self {
        let (builder, mistakes, places, paths) = Default::default();
        Self { selection, builder, mistakes, places, paths, ours: 0 }
    }

    /// Takes the lines of a file: records, outcomes and samples; other lines of a log are passed over.
    pub(super) fn file(&mut self, path: &Path, reader: impl BufRead) {
        self.paths.push(path.to_owned());
        let mut lines = Lines::new(reader);
        loop {
            match lines.next() {
                Ok(Some(line)) => self.line(path, &line),
                Ok(None) => return,
                Err(source) => {
                    self.mistakes.push(Mistake::Unreadable { path: path.to_owned(), source });
                    return;
                }
            }
        }
    }

    fn line(&mut self, path: &Path, line: &Line<'_>) {
        let text = line.text.strip_prefix(b"\xef\xbb\xbf").unwrap_or(line.text);
        if line.number == 1 && (text.starts_with(b"\xff\xfe") || text.starts_with(b"\xfe\xff")) {
            self.mistakes.push(mistake(path, line, "it is UTF-16; records are UTF-8"));
        }
        if !text.starts_with(b"{\"") {
            return;
        }
        let taken = match std::str::from_utf8(text) {
            Ok(text) => self.text(path, line, text),
            Err(_) if line.ended => Err(mistake(path, line, "it is not UTF-8")),
            Err(_) => {
                self.cut(path, line);
                Ok(())
            }
        };
        self.mistakes.extend(taken.err());
    }

    /// Takes a line that begins as an object does.
    fn text(&mut self, path: &Path, line: &Line<'_>, text: &str) -> Result<(), Mistake> {
        let marks: Marks = match serde_json::from_str(text) {
            Ok(marks) => marks,
            Err(error) if !error.is_data() && !line.ended => {
                self.cut(path, line);
                return Ok(());
            }
            Err(error) => {
                return Err(mistake(path, line, format!("neither a record nor an outcome: {}", words(&error))));
            }
        };
        match marks {
            Marks { schema: Some(there), attempt: Some(_), .. } if there != RECORD_SCHEMA => {
                let (path, line, there) = (path.to_owned(), line.number, there.to_string());
                Err(Mistake::Version { path, line, there, wanted: RECORD_SCHEMA })
            }
            Marks { schema: Some(_), attempt: Some(_), .. } => {
                self.record(path, line, &parsed(path, line, text, "record")?)
            }
            // What an archive holds of a record that could not be had as it was printed.
            Marks { valid: Some(_), attempt: Some(_), .. } => {
                let stored: Value = parsed(path, line, text, "record")?;
                let record = stored_record(&stored)
                    .map_err(|error| mistake(path, line, format!("no record: {}", words(&error))))?;
                self.record(path, line, &record)
            }
            Marks { verdict: Some(_), attempt: Some(_), .. } => {
                let outcome: Outcome = parsed(path, line, text, "outcome")?;
                let name = format!("the outcome of {}", outcome.identity.attempt);
                let of = |name: &str| word(&outcome.identity, name);
                self.take(path, line, (&name, outcome.ended_ms), of, |builder| builder.outcome(&outcome))
            }
            Marks { labels: Some(_), values: Some(_), .. } => {
                let transfer: Transfer = parsed(path, line, text, "sample")?;
                let of = |name: &str| transfer.label(name);
                self.take(path, line, (&transfer.id, transfer.ended_ms), of, |builder| builder.transfer(&transfer))
            }
            Marks { labels: Some(_), records: Some(_), .. } => {
                let ending: Ending = parsed(path, line, text, "sample")?;
                let name = format!("the outcome of {}", ending.label("attempt"));
                let of = |name: &str| ending.label(name);
                self.take(path, line, (&name, ending.ended_ms), of, |builder| builder.ended(&ending))
            }
            Marks { node: Some(_), environment: Some(_), attempt: Some(_), .. } => {
                let node: NodeSample = parsed(path, line, text, "sample")?;
                // Nodes without a transfer that is wanted are left out at the end.
                self.builder.node_sample(node);
                Ok(())
            }
            _ => Ok(()),
        }
    }

    fn record(&mut self, path: &Path, line: &Line<'_>, record: &Record) -> Result<(), Mistake> {
        let of = |name: &str| word(&record.identity, name);
        self.take(path, line, (&record.id, record.ended_ms), of, |builder| builder.record(record))
    }

    /// Takes something by its name and end, where it is wanted.
    fn take<'t>(
        &mut self,
        path: &Path,
        line: &Line<'_>,
        (name, ended_ms): (&str, i64),
        label: impl Fn(&str) -> &'t str,
        put: impl FnOnce(&mut Builder) -> Result<(), Conflict>,
    ) -> Result<(), Mistake> {
        self.ours += 1;
        if !self.selection.wants(label) {
            return Ok(());
        }
        let here = (self.paths.len() - 1, line.number);
        let (first, first_line) = *self.places.entry((name.to_owned(), ended_ms)).or_insert(here);
        put(&mut self.builder).map_err(|Conflict| Mistake::Differs {
            path: path.to_owned(),
            line: line.number,
            first_path: self.paths[first].clone(),
            first_line,
            id: name.to_owned(),
        })
    }

    /// A last line without an end: who wrote it was killed. What it was to say is lost, which the counts of records show.
    fn cut(&mut self, path: &Path, line: &Line<'_>) {
        self.builder.odd(Oddity::CutShort { place: format!("{}:{}", path.display(), line.number) });
    }

    /// The campaign, or everything that is wrong.
    pub(super) fn finish(self, from: &str, now_ms: i64) -> Result<Campaign, SourceError> {
        if !self.mistakes.is_empty() {
            return Err(Mistakes(self.mistakes).into());
        }
        let campaign = self.builder.finish(Some(now_ms));
        if campaign.is_empty() && self.ours > 0 {
            let help = format!(": none of its {} records and outcomes is", self.ours);
            return Err(SourceError::Nothing { from: from.to_owned(), selection: self.selection.words(), help });
        }
        Ok(campaign)
    }
}

fn mistake(path: &Path, line: &Line<'_>, why: impl Into<String>) -> Mistake {
    Mistake::Line { path: path.to_owned(), line: line.number, why: why.into() }
}

/// What is wrong with the text of one line.
fn words(error: &serde_json::Error) -> String {
    error.to_string().replace(" at line 1 column ", " at column ")
}

fn parsed<T: DeserializeOwned>(path: &Path, line: &Line<'_>, text: &str, what: &str) -> Result<T, Mistake> {
    serde_json::from_str(text).map_err(|error| mistake(path, line, format!("no {what}: {}", words(&error))))
}

/// The word that a label of the selection has.
fn word<'a>(identity: &'a Identity, label: &str) -> &'a str {
    match label {
        "lab" => &identity.lab,
        "scenario" => &identity.scenario,
        "cell" => &identity.cell,
        "digest" => &identity.digest,
        _ => &identity.attempt,
    }
}
