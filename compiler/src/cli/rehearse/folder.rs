use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::fs::{self, OpenOptions};
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};
use std::time::{SystemTime, UNIX_EPOCH};

use benchgrid_measures::Timestamp;
use benchgrid_results::analysis::{Analysis, Question};
use benchgrid_results::{Selection, SourceError, from_records, markdown};

use crate::cli::measured::now_ms;
use crate::rehearsal::names;

/// The summary of a folder.
const SUMMARY: &str = "summary.md";

/// Where a rehearsal leaves what it made.
pub(super) struct Folder {
    pub(super) path: PathBuf,
    pub(super) scenario: String,
    made: bool,
}

/// Why a folder can't be used.
#[derive(Debug, thiserror::Error)]
pub(super) enum FolderError {
    /// Something is in it.
    #[error("{0} is not empty; records of two rehearsals would mix")]
    NotEmpty(PathBuf),
    /// The system.
    #[error("{0}: {1}")]
    File(PathBuf, io::Error),
}

impl FolderError {
    pub(super) fn is_usage(&self) -> bool {
        matches!(self, Self::NotEmpty(_))
    }
}

impl Folder {
    /// The folder that was asked for, or a new one in this folder.
    pub(super) fn make(asked: Option<&Path>, scenario: &str) -> Result<Self, FolderError> {
        let path = asked.map_or_else(|| PathBuf::from(format!("{scenario}-{}", now())), Path::to_owned);
        let file = |error| FolderError::File(path.clone(), error);
        let made = !path.exists();
        fs::create_dir_all(&path).map_err(file)?;
        if fs::read_dir(&path).map_err(file)?.next().is_some() {
            return Err(FolderError::NotEmpty(path));
        }
        fs::write(path.join(names::RECORDS), "").map_err(file)?;
        Ok(Self { path, scenario: scenario.to_owned(), made })
    }

    /// Takes back what [`Self::make`] did, where nothing came of it.
    pub(super) fn unmake(&self) {
        let _ = fs::remove_file(self.path.join(names::RECORDS));
        if self.made {
            let _ = fs::remove_dir(&self.path);
        }
    }

    /// The folder of an attempt, absolute.
    pub(super) fn attempt(&self, slug: &str, trial: u32) -> io::Result<PathBuf> {
        let path = self.path.join(slug).join(format!("trial-{trial}"));
        fs::create_dir_all(&path)?;
        path.canonicalize()
    }

    /// Adds the records of an attempt to all records; a line that was cut short by a kill is left where it is.
    pub(super) fn collect(&self, attempt: &Path) -> io::Result<()> {
        let text = fs::read_to_string(attempt.join(names::RECORDS)).unwrap_or_default();
        let whole: String = text.split_inclusive('\n').filter(|line| line.ends_with('\n')).collect();
        OpenOptions::new().append(true).open(self.path.join(names::RECORDS))?.write_all(whole.as_bytes())
    }

    /// Writes the summary; its text.
    pub(super) fn summary(
        &self,
        remark: Option<&str>,
        left_out: &BTreeMap<&str, Vec<String>>,
    ) -> Result<String, SourceError> {
        let campaign = from_records(&[self.path.join(names::RECORDS)], &Selection::default(), now_ms())?;
        let questions = Question::found(&campaign).into_iter();
        let mut text: String = questions.map(|question| markdown(&Analysis::new(&campaign, question))).collect();
        if let Some(remark) = remark {
            let _ = write!(text, "\n## How it was measured\n\n{remark}\n");
        }
        if !left_out.is_empty() {
            text.push_str("\n## Left out\n\n");
            for (cell, reasons) in left_out {
                let _ = writeln!(text, "- {cell}: {}", reasons.join("; "));
            }
        }
        let path = self.path.join(SUMMARY);
        fs::write(&path, &text).map_err(|source| SourceError::File { path, source })?;
        Ok(text)
    }
}

/// Now, as part of a file's name.
fn now() -> String {
    let seconds = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default().as_secs();
    Timestamp(i64::try_from(seconds).unwrap_or_default()).to_string().replace([':', '-'], "").to_lowercase()
}
