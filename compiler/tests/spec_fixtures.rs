//! Every bad fixture says in comments which codes are expected on which lines: `# BG0004`, at the end of the line.

#![expect(clippy::unwrap_used, reason = "a test that can't go on has failed")]

use std::collections::BTreeSet;
use std::fmt::Write as _;
use std::path::{Path, PathBuf};

use benchgrid::cli::schema::{self, SCHEMAS};
use benchgrid::cli::validate::{check, collect};
use benchgrid::spec::{self, CODES, codes};

fn fixtures(folder: &str) -> Vec<PathBuf> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures").join(folder);
    let mut files: Vec<_> = std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).collect();
    files.sort();
    files
}

/// Codes with lines, as the comments say; sorted, and as often as they are written.
fn expected(file: &Path) -> Vec<(usize, String)> {
    let bytes = std::fs::read(file).unwrap();
    let text = String::from_utf8_lossy(&bytes);
    let mut expected = Vec::new();
    for (index, line) in text.lines().enumerate() {
        let Some((_, comment)) = line.rsplit_once("# ") else { continue };
        expected
            .extend(comment.split(' ').filter(|word| word.starts_with("BG")).map(|word| (index + 1, word.to_owned())));
    }
    expected.sort();
    expected
}

#[test]
fn every_fixture_gives_what_its_comments_say() {
    for file in fixtures("bad") {
        let checked = check(std::slice::from_ref(&file));
        let found: Vec<(usize, String)> = {
            let place = |it: &spec::Diagnostic| it.place.as_ref().map_or(0, |place| place.line);
            let mut found: Vec<_> = checked.diagnostics.iter().map(|it| (place(it), it.code.to_owned())).collect();
            found.sort();
            found
        };
        assert_eq!(found, expected(&file), "{}\n{}", file.display(), spec::text(&checked.diagnostics, false));
    }
}

#[test]
fn every_code_has_a_fixture() {
    let named: BTreeSet<String> = fixtures("bad")
        .iter()
        .filter_map(|file| file.file_name()?.to_str()?.split('-').next().map(str::to_owned))
        .collect();
    let without = [codes::UNREADABLE, codes::TOO_LARGE, codes::MORE, codes::TOO_MANY]; // made by the test below
    // tests/plan.rs causes those of plans and bases, from BG05 on
    for code in CODES.iter().filter(|code| !without.contains(&code.id) && code.id < "BG05") {
        assert!(named.contains(code.id), "{} has no fixture", code.id);
    }
}

#[test]
fn what_no_fixture_can_be() {
    let folder = tempfile::tempdir().unwrap();
    let large = folder.path().join("large.yaml");
    std::fs::write(&large, "#".repeat(spec::LARGEST_FILE + 1)).unwrap();
    assert_eq!(check(&[large]).diagnostics[0].code, codes::TOO_LARGE);
    assert_eq!(check(&[folder.path().join("none.yaml")]).diagnostics[0].code, codes::UNREADABLE);
    let codes_of = |text: &str| -> Vec<_> {
        let found = spec::parse_scenario(Path::new("x.yaml"), text.as_bytes()).1;
        found.iter().map(|it| it.code).collect()
    };
    let flood = codes_of(&"- yes\n".repeat(spec::MOST_SAID * 2));
    assert_eq!((flood.len(), flood[0], flood[spec::MOST_SAID]), (spec::MOST_SAID + 1, codes::AMBIGUOUS, codes::MORE));
    let axes: String = (0..40).fold(String::new(), |text, axis| text + &format!("    a{axis}: [1]\n"));
    let many = format!(
        "apiVersion: benchgrid.io/v1alpha1\nkind: Scenario\nmetadata: {{name: x}}\nspec:\n  axes:\n{axes}  systems: {{}}\n  measure: {{fileSize: 1MB}}\n"
    );
    assert_eq!(codes_of(&many), [codes::TOO_MANY]);
    let text =
        "\u{feff}apiVersion: benchgrid.io/v1alpha1\r\nkind: Lab\r\nmetadata: {name: é}\r\nspec: {metrics: 1}\r\n";
    let (_, found) = {
        let file = folder.path().join("lab.yaml");
        std::fs::write(&file, text).unwrap();
        spec::load_lab(&file)
    };
    let places: Vec<_> =
        found.iter().map(|it| it.place.as_ref().map(|p| (it.code, p.line, p.column, p.end_column))).collect();
    assert_eq!(places, [Some((codes::BAD_NAME, 3, 18, 19)), Some((codes::WRONG_TYPE, 4, 17, 18))]);
}

#[test]
fn places_of_collections() {
    let text = "a:\n- [1, {b: c}]\n- x\nd: [e,\n f]\ng: {}\n";
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("x.yaml");
    std::fs::write(&file, text).unwrap();
    let document = spec::load_document(&file).0.unwrap();
    for (pointer, written) in [
        ("", text.trim_end()),
        ("/a", "- [1, {b: c}]\n- x"),
        ("/a/0", "[1, {b: c}]"),
        ("/a/0/1", "{b: c}"),
        ("/a/0/1/b", "c"),
        ("/d", "[e,\n f]"),
        ("/g", "{}"),
    ] {
        let found = document.written(pointer);
        assert!(found == written || found == &written[2..], "{pointer}: {found:?}");
    }
}

#[test]
fn every_fix_that_is_offered_mends() {
    // Put in place of the bytes, a fix leaves no diagnostic of its code at its place.
    let folder = tempfile::tempdir().unwrap();
    for file in fixtures("bad") {
        for diagnostic in check(std::slice::from_ref(&file)).diagnostics {
            let (Some(fix), Some(place)) = (diagnostic.fix, diagnostic.place) else { continue };
            let mut text = place.text.to_string();
            text.replace_range(place.bytes.clone(), &fix);
            let mended = folder.path().join("bad").join("mended.yaml");
            std::fs::create_dir_all(folder.path().join("bad")).unwrap();
            std::fs::create_dir_all(folder.path().join("base")).unwrap();
            std::fs::copy(file.parent().unwrap().join("../base/system.yaml"), folder.path().join("base/system.yaml"))
                .unwrap();
            std::fs::write(&mended, &text).unwrap();
            let left = check(&[mended]).diagnostics;
            let same = |it: &spec::Diagnostic| {
                it.code == diagnostic.code && it.place.as_ref().is_some_and(|at| at.bytes.start == place.bytes.start)
            };
            assert!(
                !left.iter().any(same),
                "{}: `{fix}` does not mend {}:\n{text}",
                file.display(),
                diagnostic.message
            );
        }
    }
}

#[test]
fn paths_that_hold_nothing() {
    let folder = tempfile::tempdir().unwrap();
    assert!(collect(&[folder.path().to_owned()]).is_err());
    assert!(collect(&[folder.path().join("none.yaml")]).is_err());
    std::fs::write(folder.path().join("kustomization.yaml"), "kind: Kustomization\n").unwrap();
    assert!(collect(&[folder.path().to_owned()]).is_err());
    std::fs::write(folder.path().join("lab.yaml"), "kind: Lab\n").unwrap();
    assert_eq!(collect(&[folder.path().to_owned()]).unwrap().len(), 1);
}

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

/// `BENCHGRID_BLESS=1` writes what is committed instead of comparing it.
fn committed(path: &str, text: &str) {
    let file = Path::new(env!("CARGO_MANIFEST_DIR")).join("..").join(path);
    if std::env::var_os("BENCHGRID_BLESS").is_some() {
        std::fs::create_dir_all(file.parent().unwrap()).unwrap();
        std::fs::write(&file, text).unwrap();
    }
    assert_eq!(std::fs::read_to_string(&file).unwrap_or_default(), text, "{path} is stale: run with BENCHGRID_BLESS=1");
}

#[test]
fn schemas_are_fresh_and_accept_the_examples() {
    for kind in SCHEMAS {
        committed(&format!("schemas/{kind}.schema.json"), &schema::text(kind).unwrap());
    }
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("..");
    for (kind, file) in [("scenario", "matrices/codex-vs-bittorrent.yaml"), ("system", "base/codex/system.yaml")] {
        let (document, _) = spec::load_document(&root.join(file));
        let validator = jsonschema::draft7::new(&spec::schema(kind).unwrap()).unwrap();
        assert!(validator.is_valid(&document.unwrap().tree), "{file}");
    }
}

#[test]
fn documentation_lists_every_code() {
    let mut text = String::from(
        "# Diagnostics\n\nWhat `benchgrid validate` and every verb that reads files can say; BG05xx and BG06xx come from the verbs that plan. Codes are stable: a code that is no longer used \
         is not given away again.\nPlaces are line and column from 1, in characters. A fix replaces the marked text.\n\n\
         | code | what | why, and what to do |\n| --- | --- | --- |\n",
    );
    for code in CODES {
        let _ = writeln!(text, "| {} | {} | {} |", code.id, code.title, code.explanation.replace('|', "\\|"));
    }
    text += "\nEvery code below BG0500 has a file that causes it in `compiler/tests/fixtures/bad`, with the code beside the line; \
             `compiler/tests/plan.rs` causes the others, which need a lab and built bases.\n";
    committed("docs/reference/diagnostics.md", &text);
}

proptest::proptest! {
    #![proptest_config(proptest::prelude::ProptestConfig::with_cases(64))]

    /// A fixture with some bytes replaced is read or refused, and every place is within the text.
    #[test]
    fn damaged_files_never_panic(pick in 0_usize..1000, at in 0_usize..1000, cut in 0_usize..8, put in "[ \\t\\n:{}\\[\\]&*!|>'\"#,\\-?é0-9a-z%\r~<]{0,6}") {
        let mut files = fixtures("bad");
        files.retain(|file| !file.to_string_lossy().contains("BG0312")); // a million combinations take their time
        let bytes = std::fs::read(&files[pick % files.len()]).unwrap();
        let mut text = String::from_utf8_lossy(&bytes).into_owned();
        let floor = |text: &str, at: usize| (0..=at.min(text.len())).rev().find(|at| text.is_char_boundary(*at)).unwrap();
        let start = floor(&text, at % (text.len() + 1));
        let end = floor(&text, start + cut).max(start);
        text.replace_range(start..end, &put);
        let (scenario, found) = spec::parse_scenario(Path::new("damaged.yaml"), text.as_bytes());
        let more = scenario.map(|scenario| benchgrid::matrix::expand(&scenario).map_or_else(|errors| errors, |(_, warnings)| warnings));
        let all: Vec<_> = found.into_iter().chain(more.unwrap_or_default()).collect();
        for place in all.iter().filter_map(|it| it.place.as_ref()) {
            assert!(place.text.get(place.bytes.clone()).is_some(), "{place:?}");
        }
        let _ = (spec::text(&all, true), spec::sarif(&all));
    }
}
