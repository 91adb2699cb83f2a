use std::collections::{BTreeMap, BTreeSet};

use benchgrid_measures::{Outcome, Reason, Timestamp, Verdict};

/// What store and cluster say at one moment.
#[derive(Debug, Clone, PartialEq)]
pub struct Seen {
    /// The metrics store.
    pub store: StoreView,
    /// The cluster.
    pub cluster: ClusterView,
}

/// What the store says about running attempts.
#[derive(Debug, Clone, PartialEq)]
pub enum StoreView {
    /// Outcomes, by attempt; one that is not here has none yet.
    Heard(BTreeMap<String, Marker>),
    /// It does not answer, and why.
    Silent(String),
}

/// An outcome in the store.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Marker {
    /// Measured or failed.
    pub verdict: Verdict,
    /// Why, one word.
    pub reason: Reason,
    /// Why, for people.
    pub detail: String,
    /// How many records it covers.
    pub records: u32,
    /// When the attempt ended, by the coordinator's clock.
    pub ended: Timestamp,
}

/// What the cluster says.
#[derive(Debug, Clone, PartialEq)]
pub enum ClusterView {
    /// It can't be seen from here: `conduct --once` in CI. The lab's `drain` stands in.
    Unknown,
    /// It should answer and does not, and why.
    Silent(String),
    /// What is there.
    Seen {
        /// Names of all namespaces.
        namespaces: BTreeSet<String>,
        /// Pods of running attempts, by attempt.
        pods: BTreeMap<String, Pods>,
    },
}

/// The pods of one attempt.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Pods {
    /// How many there are.
    pub count: usize,
    /// When the first of them was made.
    pub since: Option<Timestamp>,
    /// Whether the coordinator runs or has run.
    pub started: bool,
    /// The coordinator, once it ended.
    pub finished: Option<Finished>,
    /// What keeps pods from running, a sentence each.
    pub troubles: Vec<String>,
}

/// A coordinator that ended.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Finished {
    /// When.
    pub at: Option<Timestamp>,
    /// What it left as its last word, if it did.
    pub outcome: Option<Outcome>,
}
