//! Turns what was stored into what people read.
//!
//! In: VictoriaMetrics, or record files. Out: transfers, one value a trial, and tables in Markdown, CSV and JSON lines.
//! The unit of statistics is the trial: leechers of a repetition, and repetitions of a trial, are not independent.

pub mod analysis;
mod report;
mod source;
pub mod statistics;
mod summary;
mod transfer;

pub use report::{Report, html, markdown};
pub use source::{SourceError, from_records, from_store};
pub use statistics::{Spread, median, spread};
pub use summary::{CellSummary, GroupSummary, Quantity, summarise};
pub use transfer::{Campaign, Ending, Transfer};
