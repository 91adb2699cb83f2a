use std::{
    path::PathBuf,
    time::{Duration, SystemTime},
};

use git2::Repository;

use super::GitError;

/// A lock younger than this belongs to another writer of this moment.
pub(super) const FRESH: Duration = Duration::from_secs(5);

/// The lock file of a reference.
pub(super) fn path(repo: &Repository, reference: &str) -> PathBuf {
    repo.commondir().join(format!("{reference}.lock"))
}

/// A lock that is there for longer than `age`: left by a kill, perhaps, and only its owner knows. None when it is
/// younger, or gone.
pub(super) fn old(path: PathBuf, age: Duration) -> Option<GitError> {
    let since = path.metadata().ok()?.modified().ok()?;
    let its = SystemTime::now().duration_since(since).unwrap_or_default();
    (its > age).then_some(GitError::Locked { path, age: its })
}
