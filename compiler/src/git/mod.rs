//! Files become a commit on the deploy branch.
//!
//! In: files by path, what compile owns on the branch, and the source commit they were made from. Out: Git objects, a
//! commit on top of the branch and, when asked for, a push that never forces. Objects are written by library without
//! work tree and index; the network is the `git` program's business, credentials included. The ref moves last, by
//! compare-and-swap, so a kill at any point leaves the branch as it was.

mod backoff;
mod branch;
mod change;
mod error;
mod guard;
mod history;
mod lock;
mod merge;
mod objects;
mod open;
mod pack;
mod problem;
mod provenance;
mod publish;
mod remote;
mod snapshot;
mod tree;

pub use backoff::Backoff;
pub use branch::{Branch, Written, write_commit};
pub use change::Change;
pub use error::GitError;
pub use history::FolderChange;
pub use objects::Objects;
pub use open::{discover, open};
pub use problem::RemoteProblem;
pub use provenance::{Metadata, Provenance};
pub use publish::{Folder, Folders, Index, Make, Ownership, Publication, Published, publish};
pub use remote::{Pushed, Remote, without_user};
pub use snapshot::Snapshot;
