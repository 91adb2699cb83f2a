//! One campaign from every source: a real store, record files, an archive, the samples of a report; and what each
//! says when it is not as it should be.
//!
//! Needs the Debian package victoria-metrics.

#![expect(clippy::unwrap_used, clippy::expect_used, reason = "a test")]

#[path = "sources/campaign.rs"]
mod campaign;
#[path = "sources/faults.rs"]
mod faults;
#[path = "sources/files.rs"]
mod files;
#[path = "sources/reference.rs"]
mod reference;
#[path = "sources/scripted.rs"]
mod scripted;
#[path = "sources/server.rs"]
mod server;
#[path = "sources/store.rs"]
mod store;
mod synthetic;
