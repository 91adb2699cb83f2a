//! What the verbs read: scenarios with their systems, and a lab. Every mistake is said, in one list.

use std::collections::BTreeMap;
use std::io::IsTerminal;
use std::path::{Path, PathBuf};

use serde_json::Value;

use super::{Exit, say};
use crate::kustomize::load_base;
use crate::matrix::{Matrix, expand};
use crate::plan::{Plan, Subject, Systems, Trouble, plan};
use crate::spec::{
    Diagnostic, Lab, Located, Scenario, System, any_error, base_folder, load_lab, load_scenario, load_system, sort,
    text,
};

/// That a file which was named is there.
pub(super) fn there(path: &Path) -> Result<(), Exit> {
    if path.exists() {
        return Ok(());
    }
    say(&format!("error: {} is not there", path.display()));
    Err(Exit::Usage)
}

/// A lab, checked; mistakes are said.
pub(super) fn lab(path: &Path) -> Result<Lab, Exit> {
    there(path)?;
    let (lab, diagnostics) = load_lab(path);
    told(diagnostics, lab).map(|lab| lab.value)
}

/// The plan of one scenario in a lab; mistakes of all files are said.
pub(super) fn planned(scenario: &Path, lab: &Path) -> Result<(Plan, Lab), Exit> {
    there(scenario)?;
    there(lab)?;
    let (lab, mut diagnostics) = load_lab(lab);
    let (scenario, found) = load_scenario(scenario);
    diagnostics.extend(found);
    let Some(scenario) = scenario else { return told(diagnostics, None) };
    let systems = Files::read(&scenario, &mut diagnostics);
    let matrix = matrix(&scenario, &mut diagnostics);
    let (Some(lab), Some(matrix), Some(bases)) = (lab, matrix, systems.complete(&scenario)) else {
        return told(diagnostics, None);
    };
    if any_error(&diagnostics) {
        // A plan of half a file would only repeat what is said already.
        return told(diagnostics, None);
    }
    let place = |trouble: &Trouble| systems.place(trouble, &scenario, &lab);
    let plan = match plan(&scenario.value, &matrix, &lab.value, &bases) {
        Ok(plan) => {
            diagnostics.extend(plan.warnings.iter().map(place));
            Some(plan)
        }
        Err(troubles) => {
            diagnostics.extend(troubles.iter().map(place));
            None
        }
    };
    told(diagnostics, plan.map(|plan| (plan, lab.value.clone())))
}

fn matrix(scenario: &Located<Scenario>, diagnostics: &mut Vec<Diagnostic>) -> Option<Matrix> {
    let (matrix, found) = match expand(scenario) {
        Ok((matrix, warnings)) => (Some(matrix), warnings),
        Err(errors) => (None, errors),
    };
    diagnostics.extend(found);
    matrix
}

/// Says the diagnostics; the value, when none of them is an error.
fn told<T>(mut diagnostics: Vec<Diagnostic>, value: Option<T>) -> Result<T, Exit> {
    sort(&mut diagnostics);
    if !diagnostics.is_empty() {
        say(rendered(&diagnostics).trim_end());
    }
    match value {
        Some(value) if !any_error(&diagnostics) => Ok(value),
        _ => Err(Exit::No),
    }
}

/// Diagnostics for stderr, in colours where a person looks.
pub(super) fn rendered(diagnostics: &[Diagnostic]) -> String {
    let colours = std::io::stderr().is_terminal() && std::env::var_os("NO_COLOR").is_none();
    text(diagnostics, colours)
}

/// The systems of a scenario, as their files say.
struct Files(BTreeMap<String, Read>);

/// One system: its `system.yaml` and the objects of its base, as far as they could be read.
struct Read {
    system: Option<Located<System>>,
    objects: Option<Vec<Value>>,
}

impl Files {
    fn read(scenario: &Located<Scenario>, diagnostics: &mut Vec<Diagnostic>) -> Self {
        let mut read = BTreeMap::new();
        for (name, system) in &scenario.value.spec.systems {
            let folder = base_folder(&scenario.document.file, &system.base);
            let (system, found) = load_system(&folder);
            diagnostics.extend(found);
            let objects = load_base(&folder).map_err(|error| {
                let pointer = format!("/spec/systems/{name}/base");
                diagnostics.push(scenario.diagnostic(error.code(), &pointer, error.to_string()));
            });
            read.insert(name.clone(), Read { system, objects: objects.ok() });
        }
        Self(read)
    }

    /// All of them, where all could be read.
    fn complete(&self, scenario: &Located<Scenario>) -> Option<Systems> {
        let systems = self.0.iter().filter_map(|(name, Read { system, objects })| {
            Some((name.clone(), (system.as_ref()?.value.clone(), objects.clone()?)))
        });
        let systems: Systems = systems.collect();
        (systems.len() == scenario.value.spec.systems.len()).then_some(systems)
    }

    /// A trouble of the plan, at its place.
    fn place(&self, trouble: &Trouble, scenario: &Located<Scenario>, lab: &Located<Lab>) -> Diagnostic {
        let Trouble { code, pointer, message, .. } = trouble;
        let in_scenario = |pointer: &str| scenario.diagnostic(code, pointer, message);
        let mut diagnostic = match &trouble.subject {
            Subject::Scenario => in_scenario(pointer),
            Subject::Lab => lab.diagnostic(code, pointer, message),
            Subject::System(name) => match self.0.get(name).and_then(|read| read.system.as_ref()) {
                Some(system) => system.diagnostic(code, pointer, message),
                None => in_scenario(&format!("/spec/systems/{name}")),
            },
            Subject::Base(name) => in_scenario(&format!("/spec/systems/{name}/base")),
        };
        diagnostic.severity = trouble.severity;
        if let Some(help) = &trouble.help {
            diagnostic = diagnostic.help(help);
        }
        diagnostic
    }
}

/// Scenario files directly in a folder, by name; files of another kind are passed over.
pub(super) fn scenarios(folder: &Path) -> std::io::Result<Vec<PathBuf>> {
    let mut found = Vec::new();
    for entry in std::fs::read_dir(folder)? {
        let path = entry?.path();
        let yaml = path.extension().is_some_and(|extension| extension == "yaml" || extension == "yml");
        let kind = |text: String| text.lines().any(|line| line.trim_end() == "kind: Scenario");
        if yaml && std::fs::read_to_string(&path).is_ok_and(kind) {
            found.push(path);
        }
    }
    found.sort();
    Ok(found)
}
