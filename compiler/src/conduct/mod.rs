//! Which attempts are deployed now.
//!
//! In: what the branch says (cells, attempts that run, how others ended), what the store and the cluster say about the
//! running ones, and the time. Out: one commit that ends and admits attempts. [`decide()`] is a pure function; the
//! [`Conductor`] around it fetches, asks, pushes and keeps nothing: killing it at any point loses nothing.

mod admissions;
mod archive;
mod archived;
mod change;
mod clock;
mod cluster;
mod conductor;
mod decide;
mod decision;
mod endings;
mod error;
mod held;
mod index;
mod lab;
mod logs;
mod observed;
mod past;
mod read;
mod settings;
mod state;
mod status;
mod store;
mod webhook;

pub use crate::render::Attempt;
pub use cluster::{Cluster, KubernetesCluster, NoCluster};
pub use conductor::{Admit, Conductor, Options, Tick};
pub use decide::decide;
pub use decision::{Admission, Decision, Ending, Over};
pub use error::ConductError;
pub use observed::{ClusterView, Finished, Marker, Pods, Seen, StoreView};
pub use past::Past;
pub use read::{Reading, read_state};
pub use settings::{Room, Settings};
pub use state::{By, Cell, Done, State};
pub use status::{
    FailedAttempt, Hindrance, HindranceKind, Look, Progress, Running, ScenarioStatus, Status, StoreProgress, ToGo,
};
pub use store::{Store, StoreClient};
