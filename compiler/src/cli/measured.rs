//! What the verbs that report read: a store, record files or an archive, and which part of it.

use std::path::{Path, PathBuf};
use std::time::SystemTime;

use benchgrid_results::{
    Campaign, Mistake, Mistakes, Selection, SourceError, archive_files, from_archive, from_records, from_store,
};

use super::{Exit, fail, fail_git, inputs, say};
use crate::git::{GitError, Snapshot, discover};

/// How many oddities are said one by one.
const SAID: usize = 20;

/// Where results are read, and which.
#[derive(Debug, clap::Args)]
pub(super) struct Measured {
    /// Lab file; its store is read, where nothing else is named
    #[arg(long, value_name = "FILE", required_unless_present_any = ["records", "archive"])]
    pub(super) lab: Option<PathBuf>,
    /// Base URL of the store, where this machine reaches it by another address than the lab file says
    #[arg(long, value_name = "URL")]
    store: Option<String>,
    /// Record files (what coordinators print), samples.jsonl of reports, or folders of rehearsals, instead of the store
    #[arg(long, value_name = "FILE|DIR", num_args = 1.., conflicts_with = "store")]
    records: Vec<PathBuf>,
    /// Archive of records instead of the store: a folder, or a branch, tag or commit of the repository that this folder is in
    #[arg(long, value_name = "DIR|REF", conflicts_with_all = ["store", "records"])]
    archive: Option<String>,
    /// Only this scenario
    #[arg(long, value_name = "NAME")]
    scenario: Option<String>,
    /// Only the cell of this id; can be repeated
    #[arg(long, value_name = "ID")]
    cell: Vec<String>,
    /// Only cells whose digest begins so, 6 hex digits or more; can be repeated
    #[arg(long, value_name = "HEX", value_parser = digest)]
    digest: Vec<String>,
    /// Only the attempt of this name; can be repeated
    #[arg(long, value_name = "NAME")]
    attempt: Vec<String>,
}

fn digest(text: &str) -> Result<String, String> {
    let hex = text.len() >= 6 && text.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f'));
    hex.then(|| text.to_owned()).ok_or_else(|| "a digest has 6 hex digits or more, in lower case".to_owned())
}

impl Measured {
    /// Whether files are read that any lab may have left, a rehearsal's say.
    pub(super) fn is_of_any_lab(&self) -> bool {
        !self.records.is_empty()
    }

    /// What was measured, of one scenario where it is named; what is wrong with it, and what is odd about it, is said.
    pub(super) fn read(&self, scenario: Option<&str>) -> Result<Campaign, Exit> {
        let mut selection = Selection {
            lab: None,
            scenario: scenario.or(self.scenario.as_deref()).map(str::to_owned),
            cells: self.cell.clone(),
            digests: self.digest.clone(),
            attempts: self.attempt.clone(),
        };
        let now = now_ms();
        if let (Some(_), Some(path)) = (&self.archive, &self.lab) {
            // several labs may share an archive
            selection.lab = Some(inputs::lab(path)?.metadata.name);
        }
        let read = match (&self.archive, &self.lab) {
            _ if !self.records.is_empty() => {
                self.records.iter().try_for_each(|path| inputs::there(path))?;
                from_records(&self.records, &selection, now)
            }
            (Some(archive), _) if Path::new(archive).is_dir() => {
                from_archive(archive, archive_files(Path::new(archive)), &selection, now)
            }
            (Some(archive), _) => from_branch(archive, &selection, now).map_err(|error| fail_git(&error))?,
            (None, Some(path)) => {
                let lab = inputs::lab(path)?;
                let store = self.store.as_ref().unwrap_or(&lab.spec.metrics.read);
                selection.lab = Some(lab.metadata.name);
                from_store(store, &selection, now)
            }
            (None, None) => return Err(Exit::Usage),
        };
        told(read)
    }
}

/// What was read; what is wrong with it, and what is odd about it, is said.
pub(super) fn told(read: Result<Campaign, SourceError>) -> Result<Campaign, Exit> {
    let campaign = read.map_err(|error| refused(&error))?;
    warn(&campaign);
    Ok(campaign)
}

/// Reads an archive from a commit of the repository that this folder is in.
pub(super) fn from_branch(
    reference: &str,
    selection: &Selection,
    now_ms: i64,
) -> Result<Result<Campaign, SourceError>, GitError> {
    let repo = discover(Path::new("."))?;
    let snapshot = Snapshot::of(&repo, reference, "")?;
    let file = |path: String| match snapshot.read(&path) {
        Ok(bytes) => Ok((path.into(), bytes.unwrap_or_default())),
        Err(error) => Err((path.into(), std::io::Error::other(error))),
    };
    Ok(from_archive(reference, snapshot.list("")?.into_iter().map(file), selection, now_ms))
}

/// Says what is wrong: 1 for what is in files or not there, 2 for a folder without records, 3 for the rest.
fn refused(error: &SourceError) -> Exit {
    match error {
        SourceError::Mistakes(Mistakes(mistakes)) => {
            for mistake in mistakes {
                say(&format!("error: {mistake}"));
            }
            match mistakes {
                all if all.iter().all(Mistake::is_environment) => Exit::Environment,
                all if all.iter().all(|mistake| matches!(mistake, Mistake::NothingIn { .. })) => Exit::Usage,
                _ => Exit::No,
            }
        }
        SourceError::Nothing { .. } => fail(Exit::No, error),
        _ => fail(Exit::Environment, error),
    }
}

fn warn(campaign: &Campaign) {
    if campaign.is_empty() {
        say("warning: there is no record and no outcome in these files; each is a line that starts with `{\"`");
    }
    for oddity in campaign.oddities.iter().take(SAID) {
        say(&format!("warning: {oddity}"));
    }
    if let Some(more) = campaign.oddities.len().checked_sub(SAID).filter(|more| *more > 0) {
        say(&format!("warning: and {more} more of the kind"));
    }
}

/// Now, in milliseconds since 1970.
pub(super) fn now_ms() -> i64 {
    let since = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
    i64::try_from(since.as_millis()).unwrap_or(i64::MAX)
}
