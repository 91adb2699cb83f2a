//! Turns what was stored into what people read.
//!
//! In: VictoriaMetrics, or record files. Out: transfers, one value a trial, comparisons, and a report of them.
//! The unit of statistics is the trial: leechers of a repetition, and repetitions of a trial, are not independent.

pub mod analysis;
mod campaign;
mod report;
mod source;
pub mod statistics;

pub use campaign::{Campaign, Ending, Labels, LeftOut, Oddity, Transfer};
pub use report::{Report, brief, html, markdown};
pub use source::{
    ArchiveFile, Mistake, Mistakes, Selection, SourceError, archive_files, from_archive, from_records, from_store,
};
