use std::{path::PathBuf, time::Duration};

use git2::{ErrorCode, Oid, Repository, Signature};

use super::{Change, GitError, Objects, Snapshot, lock};

/// A local branch, read and written without a work tree.
pub struct Branch<'r> {
    repo: &'r Repository,
    name: String,
    prefix: String,
}

/// What became of a commit.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Written {
    /// A new commit.
    Committed(Oid),
    /// The tree was like that already.
    Unchanged(Option<Oid>),
}

impl<'r> Branch<'r> {
    /// The branch of that name, whether it exists or not.
    pub fn open(repo: &'r Repository, name: &str) -> Result<Self, GitError> {
        if !git2::Branch::name_is_valid(name)? {
            let why = "Git does not allow the name".to_owned();
            return Err(GitError::BadBranch { branch: name.to_owned(), why });
        }
        Ok(Self { repo, name: name.to_owned(), prefix: String::new() })
    }

    /// The same branch, seen from one of its folders.
    #[must_use]
    pub fn within(mut self, prefix: &str) -> Self {
        prefix.trim_matches('/').clone_into(&mut self.prefix);
        self
    }

    /// Its name.
    pub fn name(&self) -> &str {
        &self.name
    }

    fn reference(&self) -> String {
        format!("refs/heads/{}", self.name)
    }

    /// Its newest commit.
    pub fn tip(&self) -> Result<Option<Oid>, GitError> {
        match self.repo.find_reference(&self.reference()) {
            Ok(reference) => Ok(Some(reference.peel_to_commit()?.id())),
            Err(error) if error.code() == ErrorCode::NotFound => Ok(None),
            Err(error) => Err(error.into()),
        }
    }

    /// Its files now.
    pub fn snapshot(&self) -> Result<Snapshot<'r>, GitError> {
        Snapshot::at(self.repo, &self.name, self.tip()?, &self.prefix)
    }

    /// A file's bytes now.
    pub fn read(&self, path: &str) -> Result<Option<Vec<u8>>, GitError> {
        self.snapshot()?.read(path)
    }

    /// Paths of all files below a folder now.
    pub fn list(&self, folder: &str) -> Result<Vec<String>, GitError> {
        self.snapshot()?.list(folder)
    }

    /// Applies a change on top of the tip and moves the branch; makes the branch, without parent, when it is missing.
    pub fn commit(&self, change: &Change, message: &str, by: &Signature<'_>) -> Result<Written, GitError> {
        let tip = self.tip()?;
        let written = write_commit(self.repo, tip, &self.prefix, change, message, by)?;
        if let Written::Committed(commit) = written {
            self.advance(tip, commit)?;
        }
        Ok(written)
    }

    /// Moves the branch by compare-and-swap.
    pub fn advance(&self, from: Option<Oid>, to: Oid) -> Result<(), GitError> {
        let name = self.reference();
        let moved = match from {
            Some(from) => self.repo.reference_matching(&name, to, true, from, "benchgrid"),
            None => self.repo.reference(&name, to, false, "benchgrid"),
        };
        match moved {
            Ok(_) => Ok(()),
            Err(error) => Err(self.refused(error)),
        }
    }

    /// A lock of another writer is gone in a moment.
    fn refused(&self, error: git2::Error) -> GitError {
        const IN_THE_WAY: [&str; 2] = ["collides with", "parent is not directory"];
        let moved = || GitError::Moved { branch: self.name.clone() };
        match error.code() {
            ErrorCode::Modified | ErrorCode::Exists | ErrorCode::NotFound => moved(),
            ErrorCode::Locked => lock::old(self.lock(), lock::FRESH).unwrap_or_else(moved),
            ErrorCode::Directory => self.bad("there are branches below that name"),
            _ if IN_THE_WAY.iter().any(|sign| error.message().contains(sign)) => {
                self.bad("another branch is in the way")
            }
            _ => error.into(),
        }
    }

    fn bad(&self, why: &str) -> GitError {
        GitError::BadBranch { branch: self.name.clone(), why: why.to_owned() }
    }

    fn lock(&self) -> PathBuf {
        lock::path(self.repo, &self.reference())
    }

    /// Refuses to begin where a lock that was left behind would make the end fail.
    pub(crate) fn refuse_old_lock(&self) -> Result<(), GitError> {
        const OLD: Duration = Duration::from_mins(1);
        lock::old(self.lock(), OLD).map_or(Ok(()), Err)
    }
}

/// Writes the commit of a change on top of another one, and moves no ref.
pub fn write_commit(
    repo: &Repository,
    parent: Option<Oid>,
    prefix: &str,
    change: &Change,
    message: &str,
    by: &Signature<'_>,
) -> Result<Written, GitError> {
    let parent = parent.map(|id| repo.find_commit(id)).transpose()?;
    let before = parent.as_ref().map(git2::Commit::tree_id);
    let mut objects = Objects::new(repo)?;
    let tree = change.apply(&mut objects, before, prefix)?;
    if before == Some(tree) {
        return Ok(Written::Unchanged(parent.map(|commit| commit.id())));
    }
    objects.write()?;
    commit_tree(repo, parent.as_ref(), tree, message, by).map(Written::Committed)
}

/// Writes the commit of a tree, and moves no ref.
pub(super) fn commit_tree(
    repo: &Repository,
    parent: Option<&git2::Commit<'_>>,
    tree: Oid,
    message: &str,
    by: &Signature<'_>,
) -> Result<Oid, GitError> {
    let parents: Vec<_> = parent.into_iter().collect();
    Ok(repo.commit(None, by, by, message, &repo.find_tree(tree)?, &parents)?)
}
