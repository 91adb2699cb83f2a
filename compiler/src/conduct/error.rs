use crate::git::GitError;
use crate::plan::Trouble;

/// Why a tick changed nothing.
#[derive(Debug, thiserror::Error)]
pub enum ConductError {
    /// The branch can't be read or written.
    #[error(transparent)]
    Git(#[from] GitError),
    /// The branch is not one of ours.
    #[error("{} of {url} has no lab.json; `benchgrid compile --push` writes it", folder(.branch, .prefix))]
    NoLab {
        /// The repository.
        url: String,
        /// The branch.
        branch: String,
        /// The folder of the branch; empty: its root.
        prefix: String,
    },
    /// A setting of lab.json can't be used.
    #[error("lab.json: {field} is {value}, which is no duration")]
    BadDuration {
        /// Which setting.
        field: &'static str,
        /// Its value.
        value: String,
    },
    /// The pools of lab.json can't be used.
    #[error("lab.json: {}", .0.iter().map(ToString::to_string).collect::<Vec<_>>().join("; "))]
    Pools(Vec<Trouble>),
    /// The cluster that this process runs in can't be used.
    #[error("the cluster: {0}")]
    Cluster(#[from] benchgrid_probe::kubernetes::KubernetesError),
    /// Something that should be writable as JSON is not.
    #[error("{0}")]
    Json(#[from] serde_json::Error),
}

fn folder(branch: &str, prefix: &str) -> String {
    if prefix.is_empty() { format!("branch `{branch}`") } else { format!("folder `{prefix}` of branch `{branch}`") }
}
