use std::path::Path;

use git2::Repository;

use super::GitError;

/// The repository in this folder: a work tree, a `.git`, or a bare one.
pub fn open(place: &Path) -> Result<Repository, GitError> {
    Repository::open(place).map_err(|source| GitError::Open { place: place.to_owned(), source })
}

/// The repository that holds this file or folder.
pub fn discover(path: &Path) -> Result<Repository, GitError> {
    let place = std::path::absolute(path).map_err(|source| GitError::Io { path: path.to_owned(), source })?;
    Repository::discover(&place).map_err(|source| GitError::Open { place, source })
}
