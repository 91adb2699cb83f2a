use super::{Attempt, ClusterView};

/// Where the cluster is asked.
pub trait Cluster {
    /// Namespaces, and the pods of running attempts.
    fn look(&self, active: &[Attempt]) -> ClusterView;
}

/// No cluster in sight: `conduct --once` from CI.
#[derive(Debug, Clone, Copy, Default)]
pub struct NoCluster;

impl Cluster for NoCluster {
    fn look(&self, _: &[Attempt]) -> ClusterView {
        ClusterView::Unknown
    }
}
