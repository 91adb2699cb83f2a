//! The report as pages. What a browser makes of them is looked at by tests/pages.py, in what the last test here writes.

#![expect(clippy::cast_precision_loss, reason = "counts of a fixture")]

mod fixture;

use std::collections::BTreeMap;
use std::fs;
use std::io;
use std::path::Path;

use benchgrid_results::analysis::Analysis;
use benchgrid_results::html::pages;

fn all() -> [(&'static str, Analysis); 6] {
    [
        ("reference", fixture::reference()),
        ("groups", fixture::groups()),
        ("systems", fixture::systems()),
        ("single", fixture::single()),
        ("empty", fixture::empty()),
        ("hostile", fixture::hostile()),
    ]
}

#[test]
fn every_cell_has_a_page_and_every_link_leads_to_one() {
    for (name, analysis) in all() {
        let pages = pages(&analysis);
        let cells: std::collections::BTreeSet<&str> = analysis.cells.iter().map(|cell| cell.id.as_str()).collect();
        assert_eq!(pages.len(), cells.len() + 1, "{name}");
        for (path, text) in &pages {
            for link in text.split("href=\"").skip(1).filter_map(|rest| rest.split('"').next()) {
                let there = match link.split_once('#') {
                    Some((_, anchor)) => text.contains(&format!("id=\"{anchor}\"")),
                    None if link == "data:," => true,
                    None if path == "index.html" => pages.contains_key(link),
                    None => link == "../index.html" || pages.contains_key(&format!("cells/{link}")),
                };
                assert!(there, "{name}: {path}: {link}");
            }
        }
    }
}

#[test]
fn the_index_of_the_reference_matrix_stays_small() {
    let pages = pages(&fixture::reference());
    assert!(pages["index.html"].len() < 500_000, "{}", pages["index.html"].len());
    let largest = pages.iter().max_by_key(|(_, text)| text.len()).unwrap();
    assert!(largest.1.len() < 500_000, "{}: {}", largest.0, largest.1.len());
}

#[test]
fn nothing_hostile_leaves_its_place() {
    for (path, text) in pages(&fixture::hostile()) {
        // the style sheet is ours
        let (head, rest) = text.split_once("<style>").unwrap();
        let (_, body) = rest.split_once("</style>").unwrap();
        for part in [head, body] {
            for inside in ["<script", "<img", "</style", "\0"] {
                assert!(!part.contains(inside), "{path} has {inside}");
            }
        }
        assert!(text.matches("&lt;script&gt;").count() > 20, "{path}: the fixture is not in it");
    }
}

#[test]
fn the_same_analysis_gives_the_same_bytes() {
    assert_eq!(pages(&fixture::reference()), pages(&fixture::reference()));
}

/// What a browser opens, one folder each.
#[test]
fn pages_for_the_browser() {
    for (name, analysis) in all() {
        write(&Path::new(env!("CARGO_TARGET_TMPDIR")).join("pages").join(name), &pages(&analysis)).unwrap();
    }
}

fn write(folder: &Path, pages: &BTreeMap<String, String>) -> io::Result<()> {
    // of an earlier run
    let _ = fs::remove_dir_all(folder);
    fs::create_dir_all(folder.join("cells"))?;
    for (path, text) in pages {
        fs::write(folder.join(path), text)?;
    }
    Ok(())
}
