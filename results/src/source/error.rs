use std::{fmt, io, path::PathBuf};

/// What can go wrong reading results.
#[derive(Debug, thiserror::Error)]
pub enum SourceError {
    /// The store does not answer.
    #[error("the store at {url} does not answer: {source}")]
    Unreachable {
        /// Where it was asked.
        url: String,
        /// Why not.
        source: Box<ureq::Error>,
    },
    /// The store says no.
    #[error("the store at {url} answered {status}: {text}")]
    Refused {
        /// Where it was asked.
        url: String,
        /// Status of the answer.
        status: u16,
        /// Its own words.
        text: String,
    },
    /// The store is somewhere else.
    #[error(
        "the store at {url} answered {status} and points to {to}: is a login before it? Name the address that answers itself"
    )]
    Redirect {
        /// Where it was asked.
        url: String,
        /// Status of the answer.
        status: u16,
        /// Where to.
        to: String,
    },
    /// A page for people came.
    #[error(
        "the store at {url} answered a page for people, not data: a login, or another address than the store's? It begins: {text}"
    )]
    Page {
        /// Where it was asked.
        url: String,
        /// Its first words.
        text: String,
    },
    /// The store answers something else than what was asked.
    #[error(
        "the store at {url} answered something that is no {what}, in line {line}: {source}; the line begins: {text}"
    )]
    Odd {
        /// Where it was asked.
        url: String,
        /// What was asked for.
        what: &'static str,
        /// Which line of the answer, from 1.
        line: usize,
        /// What is wrong with it.
        source: serde_json::Error,
        /// Its first words.
        text: String,
    },
    /// The answer ended too early.
    #[error("the answer of the store at {url} was cut short in line {line}: {why}; nothing of it is used")]
    Cut {
        /// Where it was asked.
        url: String,
        /// Which line of the answer, from 1.
        line: usize,
        /// How.
        why: String,
    },
    /// Part of the store is not there.
    #[error(
        "the store at {url} says that its answer is partial (isPartial): some of its storage nodes don't answer, so results would be missing; \
         try again when all are up"
    )]
    Partial {
        /// Where it was asked.
        url: String,
    },
    /// What was asked for is not there.
    #[error("{from} holds nothing of {selection}{help}")]
    Nothing {
        /// Where it was looked for.
        from: String,
        /// What was.
        selection: String,
        /// What is there.
        help: String,
    },
    /// Files are not as they should be.
    #[error(transparent)]
    Mistakes(#[from] Mistakes),
    /// A file can't be read or written.
    #[error("{path}: {source}")]
    File {
        /// Which.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
}

/// Everything that is wrong with the files that were read, in their order.
#[derive(Debug)]
pub struct Mistakes(pub Vec<Mistake>);

impl std::error::Error for Mistakes {}

impl fmt::Display for Mistakes {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let texts: Vec<String> = self.0.iter().map(ToString::to_string).collect();
        f.write_str(&texts.join("\n"))
    }
}

/// What is wrong with a file of results.
#[derive(Debug, thiserror::Error)]
pub enum Mistake {
    /// It can't be read.
    #[error("{path}: {source}")]
    Unreadable {
        /// Which.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// A line that begins as a record does is none.
    #[error("{path}:{line}: {why}")]
    Line {
        /// Which file.
        path: PathBuf,
        /// Which line, from 1.
        line: usize,
        /// What is wrong with it.
        why: String,
    },
    /// A record of another release.
    #[error(
        "{path}:{line}: a record of version {there}; this release reads version {wanted}: use the release that measured it"
    )]
    Version {
        /// Which file.
        path: PathBuf,
        /// Which line, from 1.
        line: usize,
        /// The version it says.
        there: String,
        /// The version that is read.
        wanted: u32,
    },
    /// Two different things have one name and end at one instant.
    #[error("{path}:{line}: {id} is there twice and differs: see {first_path}:{first_line}")]
    Differs {
        /// Which file.
        path: PathBuf,
        /// Which line, from 1.
        line: usize,
        /// File of the first one.
        first_path: PathBuf,
        /// Line of the first one.
        first_line: usize,
        /// Its name.
        id: String,
    },
    /// A folder without any file of records.
    #[error(
        "{path}: no record is in this folder: neither records.jsonl, samples.jsonl nor any other .jsonl file with one"
    )]
    NothingIn {
        /// Which.
        path: PathBuf,
    },
    /// A file of an archive has no checksum.
    #[error("{path}: its checksum is missing: {path}.sha256 is not there")]
    NoChecksum {
        /// Which.
        path: PathBuf,
    },
    /// A file of an archive is not what its checksum says.
    #[error("{path}: it is not what was archived: its SHA-256 is {there}, {path}.sha256 says {said}")]
    Checksum {
        /// Which.
        path: PathBuf,
        /// What it has.
        there: String,
        /// What it should have, as its checksum's file says.
        said: String,
    },
    /// A checksum without its file.
    #[error("{path}: it is not there, only its checksum is")]
    Gone {
        /// Which.
        path: PathBuf,
    },
}

impl Mistake {
    /// Whether the machine is to blame, not what is in the file.
    pub fn is_environment(&self) -> bool {
        matches!(self, Self::Unreadable { .. })
    }
}
