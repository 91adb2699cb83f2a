//! A report as files: what people read, and what programs read.
//!
//! In: an [`Analysis`]. Out: text. Nothing is computed here but what a form of writing needs.

mod csv;
pub mod html;
mod markdown;

use std::collections::BTreeMap;

use crate::analysis::Analysis;

pub use markdown::{brief, markdown};

/// A report, as the files of its folder.
pub struct Report {
    /// Contents by path below the folder.
    pub files: BTreeMap<String, String>,
}

impl Report {
    /// Makes every file but the samples ([`crate::Campaign::samples`]), which can be many.
    pub fn of(analysis: &Analysis) -> Self {
        let files = [
            ("report.md", markdown(analysis)),
            ("cells.csv", csv::cells(analysis)),
            ("comparisons.csv", csv::comparisons(analysis)),
            ("report.json", serde_json::to_string_pretty(analysis).unwrap_or_default() + "\n"),
        ];
        let files = files.into_iter().map(|(path, text)| (path.to_owned(), text));
        Self { files: files.chain(html::pages(analysis)).collect() }
    }
}
