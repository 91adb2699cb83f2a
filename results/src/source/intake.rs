use std::collections::BTreeMap;
use std::io::BufRead;
use std::path::{Path, PathBuf};

use benchgrid_measures::RECORD_SCHEMA;
use serde_json::Error;

use super::{
    Mistake, Mistakes, Selection, SourceError,
    lines::{Line, Lines},
    said::{Said, Unreadable},
};
use crate::campaign::{Builder, Conflict};
use crate::{Campaign, Oddity};

/// Takes files in, line by line, and notes what is wrong with them.
pub(super) struct Intake<'a> {
    selection: &'a Selection,
    builder: Builder,
    pub(super) mistakes: Vec<Mistake>,
    /// Where each record and outcome was first seen, by name and end: which file, which line.
    places: BTreeMap<(String, i64), (usize, usize)>,
    paths: Vec<PathBuf>,
    /// Records and outcomes, those that are not wanted among them.
    pub(super) ours: usize,
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
        let taken = match std::str::from_utf8(text).map(Said::read) {
            Ok(Ok(said)) => self.take(path, line, said),
            Err(_) | Ok(Err(Unreadable::Syntax(_))) if !line.ended => {
                self.cut(path, line);
                Ok(())
            }
            Ok(Err(why)) => Err(unreadable(path, line, why)),
            Err(_) => Err(mistake(path, line, "it is not UTF-8")),
        };
        self.mistakes.extend(taken.err());
    }

    /// Takes something where it is wanted.
    fn take(&mut self, path: &Path, line: &Line<'_>, said: Said) -> Result<(), Mistake> {
        let name = said.name();
        self.ours += usize::from(name.is_some());
        if !said.is_wanted(self.selection) {
            return Ok(());
        }
        let here = (self.paths.len() - 1, line.number);
        let first = name.clone().map_or(here, |name| *self.places.entry(name).or_insert(here));
        said.put(&mut self.builder).map_err(|Conflict| Mistake::Differs {
            path: path.to_owned(),
            line: line.number,
            first_path: self.paths[first.0].clone(),
            first_line: first.1,
            id: name.map_or_else(String::new, |(name, _)| name),
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

fn unreadable(path: &Path, line: &Line<'_>, why: Unreadable) -> Mistake {
    // It is the first line of what was parsed, which is one line of the file.
    let words = |error: Error| error.to_string().replace(" at line 1 column ", " at column ");
    match why {
        Unreadable::Version(there) => {
            Mistake::Version { path: path.to_owned(), line: line.number, there, wanted: RECORD_SCHEMA }
        }
        Unreadable::Syntax(error) => mistake(path, line, format!("neither a record nor an outcome: {}", words(error))),
        Unreadable::Form(what, error) => mistake(path, line, format!("no {what}: {}", words(error))),
    }
}
