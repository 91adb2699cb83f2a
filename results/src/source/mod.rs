//! Reads what was measured.
//!
//! In: a store's raw export, record files, or an archive of them; and which part is wanted. Out: one
//! [`Campaign`](crate::Campaign), the same from each, or everything that is wrong with what was read. Everything is read
//! line by line: memory holds what becomes part of the campaign, and one line.

mod archive;
mod error;
mod files;
mod intake;
mod lines;
mod said;
mod selection;
mod store;

pub use archive::{ArchiveFile, from_archive};
pub use error::{Mistake, Mistakes, SourceError};
pub use files::{archive_files, from_records};
pub use selection::Selection;
pub use store::from_store;
