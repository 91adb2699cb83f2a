use benchgrid_measures::Environment;
use serde::{Deserialize, Serialize};

/// What a node ran on, as a line of samples.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct NodeSample {
    /// The attempt.
    pub(crate) attempt: String,
    /// Name of the pod.
    pub(crate) node: String,
    /// What it ran on.
    pub(crate) environment: Environment,
}
