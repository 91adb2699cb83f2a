use std::{
    io,
    path::{Path, PathBuf},
    time::Duration,
};

use git2::{ErrorClass, ErrorCode};

use super::RemoteProblem;
use crate::spec::codes;

/// Why a branch was not read or written.
#[derive(Debug, thiserror::Error)]
pub enum GitError {
    /// There is no repository, or none that can be read.
    #[error("{}", unopened(.place, .source))]
    Open {
        /// Where it was looked for.
        place: PathBuf,
        /// Why.
        source: git2::Error,
    },
    /// There is no source commit to name.
    #[error("{place} has no commit yet")]
    NoSource {
        /// The repository.
        place: PathBuf,
    },
    /// The clone is cut off where the answer would be.
    #[error(
        "the branch was compiled from {theirs}, of a later date than this commit, and this shallow clone does not say whether it comes after it"
    )]
    Shallow {
        /// The source commit on the branch.
        theirs: String,
    },
    /// No name for a branch.
    #[error("`{branch}` can't be a branch here: {why}")]
    BadBranch {
        /// The branch.
        branch: String,
        /// Why.
        why: String,
    },
    /// A work tree stands on the branch; moving it would make every file of it look changed.
    #[error("branch `{branch}` is checked out in {place}")]
    CheckedOut {
        /// The branch.
        branch: String,
        /// Where the work tree is, or the repository that says so.
        place: PathBuf,
    },
    /// The branch exists, but holds something else.
    #[error("branch `{branch}` exists and was not written by benchgrid: it has no lab.json")]
    Foreign {
        /// The branch.
        branch: String,
    },
    /// The branch belongs to another lab.
    #[error("branch `{branch}` belongs to lab `{found}`, not to `{wanted}`")]
    OtherLab {
        /// The branch.
        branch: String,
        /// The lab in its lab.json.
        found: String,
        /// The lab to write.
        wanted: String,
    },
    /// What would be pushed is in no commit.
    #[error("the work tree {place} has changes that are not committed ({first})")]
    Dirty {
        /// The work tree.
        place: PathBuf,
        /// The first changed file.
        first: String,
    },
    /// A lock that nobody takes away.
    #[error("{path} is locked since {} s", age.as_secs())]
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
    #[error("{url} has no branch `{branch}`")]
    NoBranch {
        /// Where it was looked for.
        url: String,
        /// The branch.
        branch: String,
    },
    /// No such branch or commit here.
    #[error("{place} has no branch or commit `{reference}`")]
    NoReference {
        /// The repository.
        place: PathBuf,
        /// What was named.
        reference: String,
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
    /// Nowhere to push to.
    #[error("there is nowhere to push to: the lab has no `git.url`, and {place} no remote `origin`")]
    NoRemote {
        /// The repository.
        place: PathBuf,
    },
    /// No `git` program.
    #[error("the program `git` does not start: {0}")]
    NoProgram(io::Error),
    /// The `git` program failed.
    #[error("git {verb} {url}: {detail}")]
    Remote {
        /// What kind of failure it is.
        problem: RemoteProblem,
        /// What git was to do.
        verb: &'static str,
        /// The remote.
        url: String,
        /// What git said.
        detail: String,
    },
    /// The library failed in a repository.
    #[error("{place}: {}", .source.message())]
    Repository {
        /// The repository.
        place: PathBuf,
        /// Why.
        source: git2::Error,
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
        source: io::Error,
    },
}

impl GitError {
    /// Whether trying again on a fresh tip makes sense.
    pub(crate) fn is_race(&self) -> bool {
        matches!(self, Self::Moved { .. })
    }

    /// The same with the repository, which the library's words often leave out.
    pub(super) fn at(self, place: &Path) -> Self {
        match self {
            Self::Library(source) => Self::Repository { place: place.to_owned(), source },
            other => other,
        }
    }

    /// Its stable code.
    pub fn code(&self) -> &'static str {
        match self {
            Self::Open { source, .. } | Self::Repository { source, .. } | Self::Library(source) => of_library(source),
            Self::NoSource { .. } => codes::NO_COMMIT,
            Self::Shallow { .. } => codes::SHALLOW,
            Self::BadBranch { .. } => codes::BAD_BRANCH,
            Self::CheckedOut { .. } => codes::CHECKED_OUT,
            Self::Foreign { .. } => codes::FOREIGN_BRANCH,
            Self::OtherLab { .. } => codes::OTHER_LAB,
            Self::Dirty { .. } => codes::DIRTY,
            Self::Locked { .. } => codes::LOCKED,
            Self::Contended { .. } | Self::Moved { .. } => codes::CONTENDED,
            Self::NoBranch { .. } => codes::NO_BRANCH,
            Self::NoReference { .. } => codes::NO_REFERENCE,
            Self::BadPath(_) | Self::NotThere(_) => codes::BRANCH_PATH,
            Self::BadFile { .. } => codes::BRANCH_FILE,
            Self::NoRemote { .. } => codes::NO_REMOTE,
            Self::NoProgram(_) => codes::NO_GIT,
            Self::Remote { problem, .. } => problem.code(),
            Self::Io { source, .. } => match source.kind() {
                io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded => codes::DISK_FULL,
                io::ErrorKind::ReadOnlyFilesystem | io::ErrorKind::PermissionDenied => codes::NOT_WRITABLE,
                _ => codes::GIT_FILES,
            },
        }
    }

    /// What to do.
    pub fn help(&self) -> String {
        match self {
            Self::OtherLab { .. } | Self::Foreign { .. } => {
                "every lab needs a branch of its own: name another one in the lab's `git.branch`".to_owned()
            }
            Self::CheckedOut { place, .. } => {
                format!("switch that work tree to another branch: `git -C {} switch --detach`", place.display())
            }
            Self::Locked { path, .. } => {
                format!("if no other git runs there, a killed one left it behind: `rm {}`", path.display())
            }
            Self::NoBranch { .. } => "`benchgrid compile --push` makes it".to_owned(),
            Self::Open { place, source } => help_to_open(&place.display().to_string(), source),
            Self::BadBranch { .. } => "name another one in the lab's `git.branch`, or with `--branch`".to_owned(),
            other => in_general(other.code()),
        }
    }
}

/// The library has one code for most things that a system call says; its message ends in the system's words.
fn of_library(error: &git2::Error) -> &'static str {
    let message = error.message();
    let says = |words: &[&str]| words.iter().any(|words| message.contains(words));
    if says(&["No space left on device", "Disk quota exceeded"]) {
        codes::DISK_FULL
    } else if says(&["Read-only file system", "Permission denied"]) {
        codes::NOT_WRITABLE
    } else if error.code() == ErrorCode::Owner {
        codes::NOT_OWNED
    } else if says(&["unsupported extension name", "unknown object format", "unsupported repository version"]) {
        codes::UNSUPPORTED
    } else if error.code() == ErrorCode::NotFound && error.class() == ErrorClass::Repository {
        codes::NO_REPOSITORY
    } else {
        codes::GIT_FILES
    }
}

fn unopened(place: &Path, error: &git2::Error) -> String {
    match of_library(error) {
        codes::NO_REPOSITORY => format!("{} is in no Git repository", place.display()),
        _ => format!("{} can't be opened as a Git repository: {}", place.display(), error.message()),
    }
}

fn help_to_open(place: &str, error: &git2::Error) -> String {
    match of_library(error) {
        codes::NOT_OWNED => {
            format!("if you trust its owner: `git config --global --add safe.directory {place}`")
        }
        codes::UNSUPPORTED if error.message().contains("partialclone") => {
            "a partial clone made by an old release of Git; clone again with a newer one, or without `--filter`"
                .to_owned()
        }
        codes::UNSUPPORTED if error.message().contains("refstorage") => {
            "store the references as files: `git refs migrate --ref-format=files`".to_owned()
        }
        code => in_general(code),
    }
}

/// What the code's explanation says, as a fragment.
fn in_general(code: &str) -> String {
    let text = crate::spec::code(code).map_or("", |code| code.explanation).trim_end_matches('.');
    let mut letters = text.chars();
    match (letters.next(), letters.clone().next()) {
        (Some(first), Some(second)) if !second.is_uppercase() => first.to_lowercase().chain(letters).collect(),
        _ => text.to_owned(),
    }
}
