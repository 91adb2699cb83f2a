use std::{fs, path::Path};

use git2::Repository;
use serde::Deserialize;

use super::{GitError, Snapshot, open};

/// Refuses a branch that a work tree stands on, unborn ones included.
pub(super) fn not_checked_out(repo: &Repository, branch: &str) -> Result<(), GitError> {
    let common = repo.commondir();
    let mut heads = Vec::new();
    // Of a bare repository, HEAD is only the name of the branch to clone.
    if let Some(work_tree) = open(common)?.workdir() {
        heads.push((common.join("HEAD"), work_tree.to_owned()));
    }
    for entry in fs::read_dir(common.join("worktrees")).into_iter().flatten().flatten() {
        let place = fs::read_to_string(entry.path().join("gitdir")).unwrap_or_default();
        let place = Path::new(place.trim()).parent().unwrap_or(common).to_owned();
        heads.push((entry.path().join("HEAD"), place));
    }
    let wanted = format!("ref: refs/heads/{branch}");
    for (head, place) in heads {
        if fs::read_to_string(&head).is_ok_and(|text| text.trim() == wanted) {
            return Err(GitError::CheckedOut { branch: branch.to_owned(), place });
        }
    }
    Ok(())
}

/// The one field of lab.json that says whose branch it is.
#[derive(Deserialize)]
struct Named {
    metadata: Name,
}

#[derive(Deserialize)]
struct Name {
    name: String,
}

/// Refuses a branch that somebody else's files are on.
pub(super) fn ours(snapshot: &Snapshot<'_>, lab: &str) -> Result<(), GitError> {
    if snapshot.is_empty() {
        return Ok(());
    }
    let branch = || snapshot.branch().to_owned();
    let named = snapshot.json::<Named>("lab.json").map_err(|_| GitError::Foreign { branch: branch() })?;
    match named {
        None => Err(GitError::Foreign { branch: branch() }),
        Some(Named { metadata }) if metadata.name != lab => {
            Err(GitError::OtherLab { branch: branch(), found: metadata.name, wanted: lab.to_owned() })
        }
        Some(_) => Ok(()),
    }
}
