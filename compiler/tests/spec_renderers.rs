//! Four renderers of one list.

#![expect(clippy::unwrap_used, reason = "a test that can't go on has failed")]

use std::path::{Path, PathBuf};

use benchgrid::cli::validate::check;
use benchgrid::spec::{self, CODES, Diagnostic, Severity};
use serde_json::Value;

/// What is said of one fixture, as of a file whose name holds a blank.
fn diagnostics(fixture: &str) -> Vec<Diagnostic> {
    let fixture = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/bad").join(fixture);
    let mut diagnostics = check(&[fixture]).diagnostics;
    for place in diagnostics.iter_mut().filter_map(|it| it.place.as_mut()) {
        place.file = PathBuf::from("./matrices/bad one.yaml");
    }
    diagnostics
}

/// Thirteen errors and eleven warnings, one of each without a place.
fn many() -> Vec<Diagnostic> {
    let one = &diagnostics("BG0308-evaluation.yaml")[0];
    let numbered = |number: usize, severity| Diagnostic {
        message: format!("no. {number}: 100 %, a\nb"),
        severity,
        place: one.place.clone().filter(|_| number > 0),
        ..one.clone()
    };
    let errors = (0..13).map(|number| numbered(number, Severity::Error));
    errors.chain((0..11).map(|number| numbered(number, Severity::Warning))).collect()
}

#[test]
fn four_renderers_of_one_list() {
    let diagnostics = diagnostics("BG0308-evaluation.yaml");
    insta::assert_snapshot!("text", spec::text(&diagnostics, false));
    insta::assert_snapshot!("json", spec::json(&diagnostics[..1]));
    insta::assert_snapshot!("github", spec::github(&diagnostics));
    let sarif: Value = serde_json::from_str(&spec::sarif(&diagnostics[..1])).unwrap();
    insta::assert_snapshot!("sarif", serde_json::to_string_pretty(&sarif["runs"][0]["results"]).unwrap());
}

#[test]
fn text_says_code_place_help_and_fix() {
    for diagnostic in diagnostics("BG0308-evaluation.yaml") {
        let text = spec::text(std::slice::from_ref(&diagnostic), false);
        let place = diagnostic.place.unwrap();
        let head = format!("error[{}]: {}", diagnostic.code, diagnostic.message);
        assert_eq!(text.lines().next(), Some(head.as_str()));
        assert!(text.contains(&format!("--> {}:{}:{}", place.file.display(), place.line, place.column)), "{text}");
        assert!(text.contains(diagnostic.help.as_deref().unwrap()), "{text}");
        assert!(
            diagnostic
                .fix
                .is_none_or(|fix| text.contains(&format!("+     - when: fileSize >= {fix}")) || text.contains(&fix))
        );
    }
    assert!(spec::text(&many(), true).contains('\u{1b}'));
    assert!(!spec::text(&many(), false).contains('\u{1b}'));
}

#[test]
fn json_is_a_list_with_every_part() {
    let found = diagnostics("BG0308-evaluation.yaml");
    let list: Vec<Value> = serde_json::from_str(&spec::json(&found)).unwrap();
    assert_eq!(list.len(), found.len());
    let place = found[0].place.as_ref().unwrap();
    let expected = serde_json::json!({
        "code": found[0].code, "severity": "error", "message": found[0].message, "path": found[0].path,
        "file": place.file, "line": place.line, "column": place.column, "endLine": place.end_line,
        "endColumn": place.end_column, "help": found[0].help, "fix": found[0].fix,
    });
    assert_eq!(list[0], expected);
}

/// One workflow command as GitHub's runner reads it: kind, properties, message.
fn command(line: &str) -> (String, Vec<(String, String)>, String) {
    let (head, message) = line.strip_prefix("::").unwrap().split_once("::").unwrap();
    let (kind, properties) = head.split_once(' ').unwrap();
    let data = |text: &str| text.replace("%0A", "\n").replace("%0D", "\r").replace("%25", "%");
    let property = |text: &str| data(&text.replace("%3A", ":").replace("%2C", ","));
    let properties = properties.split(',').map(|pair| pair.split_once('=').unwrap());
    (kind.to_owned(), properties.map(|(key, value)| (key.to_owned(), property(value))).collect(), data(message))
}

#[test]
fn github_keeps_its_limit_and_loses_nothing() {
    let found = many();
    let commands: Vec<_> = spec::github(&found).lines().map(command).collect();
    for (kind, severity) in [("error", Severity::Error), ("warning", Severity::Warning)] {
        let of: Vec<_> = commands.iter().filter(|(found, ..)| found == kind).collect();
        assert_eq!(of.len(), 10, "{kind}");
        let said = of.iter().map(|(_, _, message)| message.as_str()).collect::<Vec<_>>().join("\n");
        for diagnostic in found.iter().filter(|it| it.severity == severity) {
            assert_eq!(said.matches(&diagnostic.message).count(), 1, "{}", diagnostic.message);
        }
    }
    let known = ["file", "line", "endLine", "col", "endColumn", "title"];
    assert!(commands.iter().flat_map(|(_, properties, _)| properties).all(|(key, _)| known.contains(&key.as_str())));
    let ten = spec::github(&found[..10]);
    assert_eq!((ten.lines().count(), ten.contains("more, since")), (10, false));
}

#[test]
fn sarif_has_what_2_1_0_requires() {
    let found = many();
    let log: Value = serde_json::from_str(&spec::sarif(&found)).unwrap();
    assert_eq!(log["version"], "2.1.0");
    let [run] = log["runs"].as_array().unwrap().as_slice() else { panic!("one run") };
    let driver = &run["tool"]["driver"];
    assert!(driver["name"].is_string() && driver["informationUri"].as_str().unwrap().starts_with("https://"));
    let rules = driver["rules"].as_array().unwrap();
    let ids: Vec<_> = rules.iter().map(|rule| rule["id"].as_str().unwrap()).collect();
    assert!(ids.iter().eq(CODES.iter().map(|code| &code.id)));
    for text in ["shortDescription", "fullDescription", "help"] {
        assert!(rules.iter().all(|rule| rule[text]["text"].as_str().is_some_and(|text| !text.is_empty())), "{text}");
    }
    let results = run["results"].as_array().unwrap();
    assert_eq!(results.len(), found.len());
    for (result, diagnostic) in results.iter().zip(&found) {
        assert!(result["message"]["text"].as_str().unwrap().starts_with(&diagnostic.message));
        assert!(["error", "warning"].contains(&result["level"].as_str().unwrap()));
        assert_eq!(ids[usize::try_from(result["ruleIndex"].as_u64().unwrap()).unwrap()], result["ruleId"]);
        let Some(place) = &diagnostic.place else { continue };
        let physical = &result["locations"][0]["physicalLocation"];
        assert_eq!(physical["artifactLocation"]["uri"], "matrices/bad%20one.yaml");
        assert_eq!(physical["region"]["startLine"], place.line);
        assert!(physical["region"]["endColumn"].as_u64() > physical["region"]["startColumn"].as_u64());
        let change = &result["fixes"][0]["artifactChanges"][0];
        assert_eq!(change["artifactLocation"]["uri"], "matrices/bad%20one.yaml");
        assert_eq!(change["replacements"][0]["deletedRegion"], physical["region"]);
        assert_eq!(change["replacements"][0]["insertedContent"]["text"], diagnostic.fix.clone().unwrap());
    }
}

#[test]
fn sarif_names_files_from_the_root_as_such() {
    let mut found = many();
    found[1].place.as_mut().unwrap().file = PathBuf::from("/a b/c.yaml");
    let log: Value = serde_json::from_str(&spec::sarif(&found[1..2])).unwrap();
    let location = &log["runs"][0]["results"][0]["locations"][0]["physicalLocation"]["artifactLocation"];
    assert_eq!(location["uri"], "file:///a%20b/c.yaml");
}
