//! What the verbs read: scenarios with their systems, and a lab. Every mistake is said, in one list.

use std::collections::BTreeMap;
use std::io::IsTerminal;
use std::path::{Path, PathBuf};

use super::programs::Machine;
use super::{Exit, say};
use crate::git::discover;
use crate::kustomize::{BaseError, BuiltBase, Programs, load_base};
use crate::matrix::{Matrix, expand};
use crate::plan::{Plan, Subject, Systems, Trouble, plan};
use crate::render::contract_troubles;
use crate::spec::{
    Diagnostic, Document, Lab, Located, Scenario, Severity, System, any_error, base_folder, codes, lab_of,
    load_document, load_lab, load_scenario, load_used_system, parse_document, sort, suggest, text,
};

/// That a file which was named is there.
pub(super) fn there(path: &Path) -> Result<(), Exit> {
    if path.exists() {
        return Ok(());
    }
    say(&format!("error: {} is not there", path.display()));
    Err(Exit::Usage)
}

/// The files that paths stand for; what is wrong with them is said.
pub(super) fn files(paths: &[PathBuf]) -> Result<Vec<PathBuf>, Exit> {
    super::files::files(paths).map_err(|wrong| {
        for message in wrong {
            say(&format!("error: {message}"));
        }
        Exit::Usage
    })
}

/// A lab, checked; mistakes are said.
pub(super) fn lab(path: &Path) -> Result<Lab, Exit> {
    there(path)?;
    let (lab, diagnostics) = load_lab(path);
    told(diagnostics, lab).map(|lab| lab.value)
}

/// The lab of what names none: this machine.
pub(super) fn local_lab() -> (Option<Located<Lab>>, Vec<Diagnostic>) {
    let (document, found) = parse_document(Path::new("labs/local.yaml"), LOCAL.as_bytes());
    document.map_or((None, Vec::new()), |document| lab_of(document, found))
}

const LOCAL: &str = include_str!("../../../labs/local.yaml");

/// The folder that the work tree with a file starts at, where there is one.
pub(super) fn root(path: &Path) -> Option<PathBuf> {
    discover(path).ok()?.workdir().map(Path::to_owned)
}

/// The plan of one scenario in a lab; mistakes of all files are said.
pub(super) fn planned(scenario: &Path, lab: &Path) -> Result<(Plan, Lab), Exit> {
    // Both are looked for, so that both are named.
    let (scenario_there, lab_there) = (there(scenario), there(lab));
    scenario_there.and(lab_there)?;
    let (plan, diagnostics) = read_and_plan(scenario, lab);
    told(diagnostics, plan)
}

/// The plan of a scenario in a lab that was read, both changed before they are planned; mistakes of all files are said.
pub(super) fn planned_with(
    scenario: &Path,
    lab: (Option<Located<Lab>>, Vec<Diagnostic>),
    change: &dyn Fn(&mut Scenario, &mut Lab),
) -> Result<(Plan, Lab), Exit> {
    there(scenario)?;
    let (plan, diagnostics) = plan_in(scenario, lab, change);
    told(diagnostics, plan)
}

/// The plans of scenarios in a lab; mistakes of all files are said, each once.
pub(super) fn all_planned(scenarios: &[PathBuf], lab_file: &Path) -> Result<(Vec<Plan>, Lab), Exit> {
    there(lab_file)?;
    let mut diagnostics: Vec<Diagnostic> = Vec::new();
    let mut plans: Vec<Plan> = Vec::new();
    let mut names: BTreeMap<String, &PathBuf> = BTreeMap::new();
    let mut lab = None;
    for file in scenarios {
        let (planned, found) = read_and_plan(file, lab_file);
        let new: Vec<_> = found.into_iter().filter(|diagnostic| !diagnostics.contains(diagnostic)).collect();
        diagnostics.extend(new);
        let Some((plan, its_lab)) = planned else { continue };
        match names.get(&plan.scenario) {
            Some(other) => {
                let document = load_document(file).0;
                diagnostics.extend(document.map(|document| same_name(&document, &plan.scenario, other)));
            }
            None => drop(names.insert(plan.scenario.clone(), file)),
        }
        plans.push(plan);
        lab = Some(its_lab);
    }
    told(diagnostics, lab).map(|lab| (plans, lab))
}

/// Two scenarios of one name.
pub(super) fn same_name(document: &Document, name: &str, other: &Path) -> Diagnostic {
    let message = format!("the scenario in {} is called `{name}` as well", other.display());
    document.at_value(codes::SAME_SCENARIO, "/metadata/name", message)
}

/// Says that a scenario has no such cell.
pub(super) fn no_cell(plan: &Plan, named: &str) -> Exit {
    let near = suggest(named, plan.cells.iter().flat_map(|cell| [cell.slug.as_str(), cell.id.as_str()]));
    let help = near.map_or("`benchgrid plan` lists them".to_owned(), |near| format!("did you mean `{near}`?"));
    say(&format!("error: no cell `{named}` in scenario `{}`; {help}", plan.scenario));
    Exit::Usage
}

/// The plan of one scenario in a lab, and the mistakes of all files.
pub fn read_and_plan(scenario: &Path, lab: &Path) -> (Option<(Plan, Lab)>, Vec<Diagnostic>) {
    plan_in(scenario, load_lab(lab), &|_, _| {})
}

fn plan_in(
    scenario: &Path,
    (mut lab, mut diagnostics): (Option<Located<Lab>>, Vec<Diagnostic>),
    change: &dyn Fn(&mut Scenario, &mut Lab),
) -> (Option<(Plan, Lab)>, Vec<Diagnostic>) {
    let (scenario, found) = load_scenario(scenario);
    diagnostics.extend(found);
    let Some(mut scenario) = scenario else { return (None, diagnostics) };
    if let Some(lab) = &mut lab {
        change(&mut scenario.value, &mut lab.value);
    }
    let systems = Files::read(&scenario, &mut diagnostics);
    let matrix = matrix(&scenario, &mut diagnostics);
    let (Some(lab), Some(matrix), Some(bases)) = (lab, matrix, systems.complete(&scenario)) else {
        return (None, diagnostics);
    };
    if any_error(&diagnostics) {
        // A plan of half a file would only repeat what is said already.
        return (None, diagnostics);
    }
    let place = |trouble: &Trouble| systems.place(trouble, &scenario, &lab);
    match plan(&scenario.value, &matrix, &lab.value, &bases) {
        Ok(plan) => {
            diagnostics.extend(plan.warnings.iter().map(place));
            diagnostics.extend(contract_troubles(&plan, &lab.value).iter().map(place));
            (Some((plan, lab.value.clone())), diagnostics)
        }
        Err(troubles) => {
            diagnostics.extend(troubles.iter().map(place));
            (None, diagnostics)
        }
    }
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
        // with an empty line before what is said next
        say(&format!("{}\n", rendered(&diagnostics).trim_end()));
    }
    match value {
        Some(value) if !any_error(&diagnostics) => Ok(value),
        _ if only_programs(&diagnostics) => Err(Exit::Environment),
        _ => Err(Exit::No),
    }
}

/// Whether the files may be sound, and the machine is what is in the way.
fn only_programs(diagnostics: &[Diagnostic]) -> bool {
    let machine = [codes::NO_PROGRAM, codes::PROGRAM_UNUSABLE];
    let mut errors = diagnostics.iter().filter(|diagnostic| diagnostic.severity == Severity::Error).peekable();
    errors.peek().is_some() && errors.all(|error| machine.contains(&error.code))
}

/// Diagnostics for stderr, in colours where a person looks.
pub(super) fn rendered(diagnostics: &[Diagnostic]) -> String {
    text(diagnostics, colours(&std::io::stderr()))
}

/// Whether a person looks, who did not ask for plain text.
pub(super) fn colours(stream: &impl IsTerminal) -> bool {
    stream.is_terminal() && std::env::var_os("NO_COLOR").is_none_or(|value| value.is_empty())
}

/// The systems of a scenario, as their files say.
struct Files(BTreeMap<String, Read>);

/// One system: its `system.yaml` and its base, as far as they could be read.
struct Read {
    system: Option<Located<System>>,
    base: Option<BuiltBase>,
}

/// The base in a folder, for the system that the folder says it is.
pub(super) fn base(
    folder: &Path,
    system: Option<&Located<System>>,
    programs: &dyn Programs,
) -> Result<BuiltBase, BaseError> {
    let named = system.map(|system| system.metadata.name.clone());
    let name = named.or_else(|| folder.file_name()?.to_str().map(str::to_owned)).unwrap_or_default();
    load_base(folder, &name, programs)
}

impl Files {
    fn read(scenario: &Located<Scenario>, diagnostics: &mut Vec<Diagnostic>) -> Self {
        let root = root(&scenario.document.file);
        let mut read = BTreeMap::new();
        for (name, system) in &scenario.value.spec.systems {
            let (loaded, found) = load_used_system(scenario, name, root.as_deref());
            diagnostics.extend(found);
            let folder = base_folder(&scenario.document.file, &system.base);
            // Of a base that can't be read as a system's, this has been said.
            let base = loaded.as_ref().and_then(|loaded| {
                let pointer = format!("/spec/systems/{name}/base");
                let refused = |error: BaseError| scenario.diagnostic(error.code(), &pointer, error.to_string());
                base(&folder, Some(loaded), &Machine::default()).map_err(|error| diagnostics.push(refused(error))).ok()
            });
            read.insert(name.clone(), Read { system: loaded, base });
        }
        Self(read)
    }

    /// All of them, where all could be read.
    fn complete(&self, scenario: &Located<Scenario>) -> Option<Systems> {
        let systems = self.0.iter().filter_map(|(name, Read { system, base })| {
            Some((name.clone(), (system.as_ref()?.value.clone(), base.clone()?)))
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
        diagnostic.help.clone_from(&trouble.help);
        diagnostic
    }
}
