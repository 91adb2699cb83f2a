use std::{path::PathBuf, time::Duration};

/// Why a branch was not read or written.
#[derive(Debug, thiserror::Error)]
pub enum GitError {
    /// A work tree stands on the branch; moving it would make every file of it look changed.
    #[error("branch `{branch}` is checked out in {place}; switch that work tree to another branch first")]
    CheckedOut {
        /// The branch.
        branch: String,
        /// Where the work tree is, or the repository that says so.
        place: PathBuf,
    },
    /// The branch exists, but holds something else.
    #[error("branch `{branch}` exists and was not written by benchgrid (it has no lab.json); name another one")]
    Foreign {
        /// The branch.
        branch: String,
    },
    /// The branch belongs to another lab.
    #[error("branch `{branch}` belongs to lab `{found}`, not to `{wanted}`; every lab needs a branch of its own")]
    OtherLab {
        /// The branch.
        branch: String,
        /// The lab in its lab.json.
        found: String,
        /// The lab to write.
        wanted: String,
    },
    /// What would be pushed is in no commit.
    #[error("the work tree {place} has changes that are not committed ({first}); commit them, or leave out --push")]
    Dirty {
        /// The work tree.
        place: PathBuf,
        /// The first changed file.
        first: String,
    },
    /// A lock that nobody takes away.
    #[error("{path} is locked since {} s; if no other git runs there, remove the file", age.as_secs())]
    Locked {
        /// The lock file.
        path: PathBuf,
        /// Its age.
        age: Duration,
    },
    /// Others kept writing first.
    #[error("branch `{branch}` moved under every one of {tries} tries")]
    Contended {
        /// The branch.
        branch: String,
        /// How often it was tried.
        tries: u32,
    },
    /// The ref moved between reading and writing. Read again and retry.
    #[error("branch `{branch}` moved meanwhile")]
    Moved {
        /// The branch.
        branch: String,
    },
    /// No such branch.
    #[error("{url} has no branch `{branch}`; `benchgrid compile --push` makes it")]
    NoBranch {
        /// Where it was looked for.
        url: String,
        /// The branch.
        branch: String,
    },
    /// No such branch or commit here.
    #[error("{place} has no branch or commit `{reference}`; fetch it, or compile first")]
    NoReference {
        /// The repository.
        place: PathBuf,
        /// What was named.
        reference: String,
    },
    /// There is no source commit to name.
    #[error("{place} has no commit yet; commit the sources first, the branch names the commit it was made from")]
    NoSource {
        /// The repository.
        place: PathBuf,
    },
    /// A path can't be both a file and a folder, or be empty.
    #[error("`{0}` can't be written to the branch: it is empty, leaves the branch, or is file and folder at once")]
    BadPath(String),
    /// What is to be copied is not there.
    #[error("`{0}` is not on the branch")]
    NotThere(String),
    /// A file of the branch does not hold what it should.
    #[error("`{path}` on branch `{branch}` can't be read: {why}")]
    BadFile {
        /// The branch.
        branch: String,
        /// Path on the branch.
        path: String,
        /// What is wrong with it.
        why: String,
    },
    /// No `git` program.
    #[error("the program `git` does not start: {0}")]
    NoProgram(std::io::Error),
    /// The `git` program failed.
    #[error("git {verb} {url}: {detail}")]
    Program {
        /// `fetch` or `push`.
        verb: &'static str,
        /// The remote.
        url: String,
        /// What git said.
        detail: String,
    },
    /// The library failed.
    #[error("{}", .0.message())]
    Library(#[from] git2::Error),
    /// The file system failed.
    #[error("{path}: {source}")]
    Io {
        /// The file.
        path: PathBuf,
        /// Why.
        source: std::io::Error,
    },
}

impl GitError {
    /// Whether trying again on a fresh tip makes sense.
    pub(crate) fn is_race(&self) -> bool {
        matches!(self, Self::Moved { .. })
    }
}
