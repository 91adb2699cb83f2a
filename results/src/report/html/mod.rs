//! The report as pages that need nothing else: no script, no network, no other file.
//!
//! In: an [`Analysis`]. Out: `index.html` and a page for each cell, by path. Everything that comes from results passes
//! [`element`], which escapes it. Pure: the same analysis gives the same bytes.

mod cell_page;
mod element;
mod failures;
mod figures;
mod heat_map;
mod index;
mod measures;
mod names;
mod number;
mod page;
mod progress;
mod reproduce;
mod tables;
mod view;
mod words;

use std::collections::BTreeMap;

use crate::analysis::Analysis;

/// Every page, by its path in the report's folder: `index.html`, `cells/<slug>.html`.
pub fn pages(analysis: &Analysis) -> BTreeMap<String, String> {
    let view = view::View::new(analysis);
    let cells = view.pages.iter().map(|page| (format!("cells/{}", page.file), cell_page::page(&view, page).written()));
    cells.chain([("index.html".to_owned(), index::page(&view).written())]).collect()
}
