use crate::driver::{
    DriverError,
    api::{Api, failed},
};

/// Which of the three APIs that nodes have had.
///
/// A node says nothing of it, and its version may be an error text: what tells them apart is which paths exist.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Generation {
    /// Codex, until the end of 2025: paths begin with `codex`; nothing tells how far a download is.
    Codex,
    /// Logos Storage, early 2026: the same under a new name.
    Renamed,
    /// Logos Storage with its new block exchange: a download has an id and tells its progress.
    Progress,
}

impl Generation {
    /// Asks the node there.
    pub(super) fn detect(api: &Api) -> Result<Self, DriverError> {
        match api.text(&format!("{}/debug/info", Self::Renamed.base())) {
            Ok(_) => {}
            Err(error) if !absent(&error) => return Err(error),
            Err(_) => {
                let path = format!("{}/debug/info", Self::Codex.base());
                return match api.text(&path) {
                    Ok(_) => Ok(Self::Codex),
                    Err(error) if absent(&error) => Err(failed("GET debug/info", NEITHER)),
                    Err(error) => Err(error),
                };
            }
        }
        // The CID is none, which only a node that knows the path can complain of.
        match api.text(&format!("{}/data/none/network/progress/0", Self::Progress.base())) {
            Err(error) if absent(&error) => Ok(Self::Renamed),
            Err(error) if !answered(&error) => Err(error),
            _ => Ok(Self::Progress),
        }
    }

    /// What all paths begin with.
    pub(super) fn base(self) -> &'static str {
        match self {
            Self::Codex => "/api/codex/v1",
            Self::Renamed | Self::Progress => "/api/storage/v1",
        }
    }

    /// Its name in records.
    pub(super) fn name(self) -> &'static str {
        match self {
            Self::Codex => "codex",
            Self::Renamed => "storage",
            Self::Progress => "storage with progress",
        }
    }

    /// What progress is read from.
    pub(super) fn counter(self) -> &'static str {
        match self {
            Self::Codex | Self::Renamed => "used bytes of the store, in steps of 1310720",
            Self::Progress => "blocks that the download has received",
        }
    }
}

const NEITHER: &str = "neither /api/storage/v1 nor /api/codex/v1 is there: no Codex or Logos Storage node answers here";

/// Whether the node has no such path.
fn absent(error: &DriverError) -> bool {
    matches!(error, DriverError::Node { detail, .. } if detail.starts_with("404"))
}

/// Whether an answer came at all, with a status of its own.
fn answered(error: &DriverError) -> bool {
    matches!(error, DriverError::Node { detail, .. } if detail.starts_with('4'))
}
