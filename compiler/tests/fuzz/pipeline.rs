//! Every room that a file of the user's goes through.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use benchgrid::kustomize::{load_base, read_documents};
use benchgrid::matrix::{check_settings, expand};
use benchgrid::plan::{Plan, Systems, plan};
use benchgrid::render::{PlanFile, files, plan_json, plan_markdown, plan_text, show};
use benchgrid::spec::{
    self, Diagnostic, Document, Lab, Scenario, System, any_error, code, load_lab, load_scenario, load_system,
};
use serde_json::Value;

/// Cells that are planned of a large scenario.
const MOST_CELLS: usize = 6;

/// What an input is completed with: a scenario, a lab, and a base.
pub(crate) struct Pipeline {
    scenario: Scenario,
    matrix: benchgrid::matrix::Matrix,
    lab: Lab,
    systems: Systems,
}

impl Pipeline {
    pub(crate) fn new(project: &Path) -> Self {
        let scenario = load_scenario(&project.join("matrices/smoke.yaml")).0.unwrap();
        let matrix = expand(&scenario).unwrap().0;
        let lab = load_lab(&project.join("labs/test.yaml")).0.unwrap().value;
        let base = |name: &str| {
            let folder = project.join("base").join(name);
            (load_system(&folder).0.unwrap().value, load_base(&folder, name, &benchgrid::kustomize::NoPrograms).unwrap())
        };
        let systems = [("http".to_owned(), base("http")), ("bittorrent".to_owned(), base("qbittorrent"))].into();
        Self { scenario: scenario.value, matrix, lab, systems }
    }

    /// Reads, expands, plans and renders; panics where something is not as it must be. How far it came.
    pub(crate) fn run(&self, bytes: &[u8]) -> &'static str {
        let _ = std::str::from_utf8(bytes).map(read_documents);
        let (document, found) = spec::parse_document(Path::new("input.yaml"), bytes);
        let Some(document) = document else {
            assert!(any_error(&found), "nothing was read, and nothing said");
            check(&found);
            return "refused";
        };
        let kind = document.tree.get("kind").and_then(Value::as_str).map(str::to_owned);
        let mut furthest = "read";
        let mut note = |reached: Option<&'static str>| furthest = reached.unwrap_or(furthest);
        let of = |name: &str| kind.as_deref().is_none_or(|kind| kind == name);
        if of("Scenario") {
            note(self.scenario(document.clone(), found.clone()));
        }
        if of("Lab") {
            note(self.lab(document.clone(), found.clone()));
        }
        if of("System") {
            note(self.system(document, found));
        }
        furthest
    }

    fn scenario(&self, document: Document, found: Vec<Diagnostic>) -> Option<&'static str> {
        let (scenario, mut found) = spec::scenario_of(document, found);
        let Some(scenario) = scenario else {
            assert!(any_error(&found), "no value, and no error");
            check(&found);
            return None;
        };
        let matrix = match expand(&scenario) {
            Ok((matrix, warnings)) => {
                found.extend(warnings);
                Some(matrix)
            }
            Err(errors) => {
                assert!(any_error(&errors) || any_error(&found), "no matrix, and no error");
                found.extend(errors);
                None
            }
        };
        if let Some(mut matrix) = matrix.filter(|_| !any_error(&found)) {
            found.extend(check_settings(&scenario, &matrix, &found));
            matrix.cells.truncate(MOST_CELLS);
            matrix.exclusions.truncate(MOST_CELLS);
            let stub = &self.systems["http"];
            let systems =
                scenario.spec.systems.keys().map(|name| (name.clone(), self.systems.get(name).unwrap_or(stub).clone()));
            check(&found);
            return Some(rendered(plan(&scenario.value, &matrix, &self.lab, &systems.collect()), &self.lab));
        }
        check(&found);
        None
    }

    fn lab(&self, document: Document, found: Vec<Diagnostic>) -> Option<&'static str> {
        let (lab, found) = spec::lab_of(document, found);
        check(&found);
        assert!(lab.is_some() || any_error(&found), "no value, and no error");
        let lab = lab.filter(|_| !any_error(&found))?.value;
        Some(rendered(plan(&self.scenario, &self.matrix, &lab, &self.systems), &lab))
    }

    fn system(&self, document: Document, found: Vec<Diagnostic>) -> Option<&'static str> {
        let (system, found) = spec::system_of(document, found);
        check(&found);
        assert!(system.is_some() || any_error(&found), "no value, and no error");
        let system: System = system.filter(|_| !any_error(&found))?.value;
        let mut systems = self.systems.clone();
        systems.get_mut("http").unwrap().0 = system;
        Some(rendered(plan(&self.scenario, &self.matrix, &self.lab, &systems), &self.lab))
    }
}

/// The branch of a plan, and one cell as Kubernetes gets it.
fn rendered(plan: Result<Plan, Vec<benchgrid::plan::Trouble>>, lab: &Lab) -> &'static str {
    let plan = match plan {
        Ok(plan) => plan,
        Err(troubles) => {
            assert!(!troubles.is_empty(), "no plan, and no word");
            assert!(troubles.iter().all(|trouble| code(trouble.code).is_some()), "{troubles:?}");
            return "expanded";
        }
    };
    let file = PlanFile::of(&plan);
    let _ = (plan_text(&file), plan_markdown(&file), plan_json(&file));
    if let Some(cell) = plan.cells.first() {
        show(&plan, cell, lab).unwrap_or_else(|error| panic!("a cell that was planned can't be built: {error}"));
    }
    files(&[plan], &BTreeSet::new(), lab);
    "planned"
}

/// Diagnostics have known codes and places in the file, and all renderers take them.
fn check(diagnostics: &[Diagnostic]) {
    for diagnostic in diagnostics {
        assert!(code(diagnostic.code).is_some(), "{diagnostic:?}");
        let place = diagnostic.place.as_ref().unwrap_or_else(|| panic!("no place: {diagnostic:?}"));
        assert!(place.text.get(place.bytes.clone()).is_some(), "{place:?}");
        let lines = place.text.bytes().filter(|byte| *byte == b'\n').count() + 1;
        assert!(1 <= place.line && place.line <= place.end_line && place.end_line <= lines, "{place:?}");
        assert!(place.column >= 1 && place.end_column >= 1, "{place:?}");
        assert_eq!(place.file, PathBuf::from("input.yaml"));
    }
    let _ = (spec::text(diagnostics, true), spec::text(diagnostics, false), spec::github(diagnostics));
    let parsed = |text: String| -> Value { serde_json::from_str(&text).unwrap() };
    assert_eq!(parsed(spec::json(diagnostics)).as_array().unwrap().len(), diagnostics.len());
    assert!(parsed(spec::sarif(diagnostics))["runs"].is_array());
}
