//! Four renderers of one list.

#![expect(clippy::unwrap_used, reason = "a test that can't go on has failed")]

use std::path::{Path, PathBuf};

use benchgrid::cli::validate::check;
use benchgrid::spec::{self, CODES};

#[test]
fn four_renderers_of_one_list() {
    let fixture = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/bad/BG0308-evaluation.yaml");
    let mut diagnostics = check(&[fixture]).diagnostics;
    for place in diagnostics.iter_mut().filter_map(|it| it.place.as_mut()) {
        place.file = PathBuf::from("matrices/bad one.yaml");
    }
    insta::assert_snapshot!("text", spec::text(&diagnostics, false));
    insta::assert_snapshot!("json", spec::json(&diagnostics[..1]));
    insta::assert_snapshot!("github", spec::github(&diagnostics));
    let sarif: serde_json::Value = serde_json::from_str(&spec::sarif(&diagnostics[..1])).unwrap();
    insta::assert_snapshot!("sarif", serde_json::to_string_pretty(&sarif["runs"][0]["results"]).unwrap());
    assert_eq!(sarif["runs"][0]["tool"]["driver"]["rules"].as_array().unwrap().len(), CODES.len());
}
