use crate::spec::codes;

/// What kind of failure the `git` program had at a remote; told from what it said, in its untranslated words.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RemoteProblem {
    /// It could not be reached, or did not answer.
    Network,
    /// It knows us not, or we may not do this.
    Denied,
    /// It, or a hook here, would not have this commit.
    Refused,
    /// There is no repository.
    NotThere,
    /// A disk is full, here or there.
    NoSpace,
    /// Files here or there may not be written.
    NotWritable,
    /// Something else.
    Other,
}

impl RemoteProblem {
    /// Told from git's output; the first kind that fits.
    pub(super) fn of(output: &str) -> Self {
        let text = output.to_lowercase();
        SIGNS
            .iter()
            .find(|(_, signs)| signs.iter().any(|sign| text.contains(sign)))
            .map_or(Self::Other, |(problem, _)| *problem)
    }

    /// Its stable code.
    pub fn code(self) -> &'static str {
        match self {
            Self::Network => codes::NETWORK,
            Self::Denied => codes::DENIED,
            Self::Refused => codes::REFUSED,
            Self::NotThere => codes::NO_SUCH_REMOTE,
            Self::NoSpace => codes::DISK_FULL,
            Self::NotWritable => codes::NOT_WRITABLE,
            Self::Other => codes::GIT_PROGRAM,
        }
    }
}

const SIGNS: [(RemoteProblem, &[&str]); 6] = [
    (RemoteProblem::NoSpace, &["no space left on device", "disk quota exceeded"]),
    (
        RemoteProblem::Denied,
        &[
            "authentication failed",
            "could not read username",
            "could not read password",
            "permission denied (",
            "host key verification failed",
            "returned error: 401",
            "returned error: 403",
            "access denied",
            "detected dubious ownership",
            "not exported",
        ],
    ),
    (RemoteProblem::NotWritable, &["read-only file system", "permission denied", "unable to create temporary object"]),
    (
        RemoteProblem::Refused,
        &["[remote rejected]", "hook declined", "protected branch", "failed to push some refs to"],
    ),
    (
        RemoteProblem::Network,
        &[
            "could not resolve",
            "couldn't connect",
            "failed to connect",
            "unable to connect",
            "connection refused",
            "connection reset",
            "timed out",
            "too slow",
            "no answer within",
            "network is unreachable",
            "no route to host",
            "name resolution",
            "name or service not known",
            "early eof",
            "hung up unexpectedly",
            "rpc failed",
            "empty reply from server",
            "returned error: 5",
        ],
    ),
    (
        RemoteProblem::NotThere,
        &["does not appear to be a git repository", "not found", "does not exist", "returned error: 404"],
    ),
];
