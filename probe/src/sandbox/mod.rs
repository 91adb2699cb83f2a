//! A cell's pods on one machine: a network of its own, without a cluster and without root.
//!
//! In: a [`Sandbox`], written to a file: pods with their processes, links and folders, and the coordinator. Out: the
//! coordinator's records and notes in files, an exit code. The program starts itself again for each part:
//!
//! - [`enter`] leaves the user, mount, network and process namespaces of its caller, and starts
//! - [`supervise`], process 1 there: it has the hub of the network, starts the pods and the coordinator, and takes
//!   everything down with itself, when the coordinator ends or when its standard input ends;
//! - [`pod`], once a pod, has a network and a file system of its own, and starts what the pod's containers are.
//!
//! Where namespaces are forbidden, [`supervise`] runs by itself, and pods are addresses of the loopback device.

mod hub;
mod leash;
mod namespaces;
mod pod;
mod relay;
mod root;
mod spec;
mod supervise;

pub use leash::leash;
pub use namespaces::enter;
pub use pod::pod;
pub use relay::relay_outside;
pub use spec::{Isolation, Mount, Pod, Process, Program, Relay, Sandbox, address, hub_address};
pub use supervise::supervise;

/// Why a sandbox can't be.
#[derive(Debug, thiserror::Error)]
pub enum SandboxError {
    /// A file.
    #[error("{path}: {source}")]
    File {
        /// Which.
        path: std::path::PathBuf,
        /// What the system said.
        source: std::io::Error,
    },
    /// A system call.
    #[error("{step}: {source}")]
    System {
        /// What was tried.
        step: String,
        /// What the system said.
        source: std::io::Error,
    },
    /// The network.
    #[error(transparent)]
    Network(#[from] crate::shaping::ShapingError),
    /// A process that should have started, or ended well.
    #[error("{0}")]
    Process(String),
}

/// Bytes that a folder's file system has left for this user.
pub fn free_bytes(folder: &std::path::Path) -> Option<u64> {
    let found = nix::sys::statvfs::statvfs(folder).ok()?;
    Some(found.blocks_available().saturating_mul(found.fragment_size()))
}

/// Names the step of a system call that failed.
fn step<E: Into<std::io::Error>>(step: impl Into<String>) -> impl FnOnce(E) -> SandboxError {
    move |source| SandboxError::System { step: step.into(), source: source.into() }
}

/// Names the file that something went wrong with.
fn file<E: Into<std::io::Error>>(path: &std::path::Path) -> impl FnOnce(E) -> SandboxError {
    let path = path.to_owned();
    move |source| SandboxError::File { path, source: source.into() }
}
