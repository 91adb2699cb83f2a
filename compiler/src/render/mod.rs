//! What stands on the deploy branch.
//!
//! In: plans and the lab. Out: files, path by path: bases, overlays, Argo CD's objects, the conductor's, and a page that
//! says what is there; what built cells break of the cell contract. The conductor's admission of a cell is here too, since it rewrites what this room wrote. Pure.

mod admit;
mod argocd;
mod attempt;
mod branch;
mod cell;
mod cells_file;
mod change;
mod comparison;
mod conductor;
mod contract;
mod coordinator;
mod dashboards;
mod furniture;
mod group;
mod groups;
mod kustomization;
mod names;
mod overlays;
mod plan_markdown;
mod plan_text;
mod policies;
mod security;
mod summary;

pub use admit::{AdmitError, admit, attempt};
pub use attempt::Attempt;
pub use cells_file::{CellEntry, CellsFile, ExclusionEntry};
pub use change::changes;
pub use comparison::{CellState, ComparedCell, Comparison};
pub use contract::contract_troubles;
pub use dashboards::dashboards;
pub use groups::Groups;
pub use overlays::Overlays;
pub use plan_markdown::plan_markdown;
pub use plan_text::{plan_brief, plan_text};
pub use summary::{PlanFile, plan_json};

use std::collections::{BTreeMap, BTreeSet};

use serde::Serialize;
use serde_json::Value;

use crate::kustomize::{BuildError, build, emit_all, kind};
use crate::plan::{Cell, Plan};
use crate::spec::Lab;

/// Files by path on the branch.
pub type Files = BTreeMap<String, Vec<u8>>;

/// Files that depend on which scenarios are on the branch, beside the scenarios' `ApplicationSet`s.
const INDEX: [&str; 2] = ["README.md", "argocd-apps/kustomization.yaml"];

/// Everything that a compile owns on the branch, but `hydrator.metadata`, which names the source commit. `kept` names
/// scenarios that are on the branch and stay as they are: only their `ApplicationSet`s are written. The lab's `git.url`
/// must be filled in.
pub fn files(plans: &[Plan], kept: &BTreeSet<String>, lab: &Lab) -> Files {
    let mut files = shared(plans, lab);
    let scenarios = plans.iter().map(|plan| plan.scenario.clone()).chain(kept.iter().cloned()).collect();
    branch::write(&mut files, &|path| on_branch(lab, path), &scenarios, lab);
    for plan in plans {
        let overlays = Overlays::new(plan, lab);
        for (folder, cell) in overlays.folders() {
            files.extend(within(&folder, overlays.files(cell)));
        }
    }
    files
}

/// The same without the cells' folders, see [`Overlays`], and without the files of [`index`].
pub fn shared(plans: &[Plan], lab: &Lab) -> Files {
    let mut files = Files::new();
    let scenarios = plans.iter().map(|plan| plan.scenario.clone()).collect();
    branch::write(&mut files, &|path| on_branch(lab, path), &scenarios, lab);
    files.retain(|path, _| !is_index(lab, &scenarios, path));
    for plan in plans {
        bases(&mut files, plan, lab);
        files.insert(on_branch(lab, &format!("overlays/{}/cells.json", plan.scenario)), json(&CellsFile::of(plan)));
    }
    files
}

/// The files that depend on which scenarios are on the branch: all their `ApplicationSet`s too, since another address
/// or namespace in the lab moves those of scenarios that are not compiled now.
pub fn index(scenarios: &BTreeSet<String>, lab: &Lab) -> Files {
    let mut files = Files::new();
    branch::write(&mut files, &|path| on_branch(lab, path), scenarios, lab);
    files.retain(|path, _| is_index(lab, scenarios, path));
    files
}

fn is_index(lab: &Lab, scenarios: &BTreeSet<String>, path: &str) -> bool {
    let is = |known: &str| on_branch(lab, known) == path;
    INDEX.iter().any(|known| is(known)) || scenarios.iter().any(|scenario| is(&branch::application_set(scenario)))
}

/// Files of a folder, by their path on the branch.
fn within(folder: &str, files: Files) -> impl Iterator<Item = (String, Vec<u8>)> {
    files.into_iter().map(move |(path, bytes)| (format!("{folder}/{path}"), bytes))
}

/// One cell, built: all its objects, as its overlay gives them, the Namespace first.
pub fn built(plan: &Plan, cell: &Cell, lab: &Lab) -> Result<Vec<Value>, BuildError> {
    let mut files = Files::new();
    bases(&mut files, plan, lab);
    let overlays = Overlays::new(plan, lab);
    let folder = overlays.folder(cell);
    files.extend(within(&folder, overlays.files(cell)));
    let mut objects = build(&files, &folder)?;
    objects.sort_by_key(|object| kind(object) != "Namespace");
    Ok(objects)
}

/// The same as YAML.
pub fn show(plan: &Plan, cell: &Cell, lab: &Lab) -> Result<String, BuildError> {
    Ok(emit_all(&built(plan, cell, lab)?))
}

/// What Argo CD's root deploys where this is the only scenario: projects, the conductor's Application, the scenario's
/// `ApplicationSet`. The lab's `git.url` must be filled in.
pub fn argocd_objects(plan: &Plan, lab: &Lab) -> Result<Vec<Value>, BuildError> {
    let mut files = Files::new();
    branch::write(&mut files, &|path| on_branch(lab, path), &[plan.scenario.clone()].into(), lab);
    build(&files, &on_branch(lab, "argocd-apps"))
}

fn bases(files: &mut Files, plan: &Plan, lab: &Lab) {
    for base in plan.bases.values() {
        let folder = on_branch(lab, &format!("base/{}", base.folder));
        put(files, &format!("{folder}/manifest.yaml"), &base.objects);
        let resources = vec!["manifest.yaml".to_owned()];
        let empty = names::Labels::new();
        kustomization::Kustomization { resources, namespace: None, labels: empty, patches: Vec::new() }
            .write(files, &folder);
    }
}

/// A path below the folder of the branch that the lab says.
fn on_branch(lab: &Lab, path: &str) -> String {
    match lab.spec.git.prefix.trim_matches('/') {
        "" => path.to_owned(),
        prefix => format!("{prefix}/{path}"),
    }
}

/// Objects as one file.
fn put(files: &mut Files, path: &str, objects: &[Value]) {
    files.insert(path.to_owned(), emit_all(objects).into_bytes());
}

/// JSON as the branch has it: indented, one line feed at the end.
fn json<T: Serialize>(value: &T) -> Vec<u8> {
    // our own types: maps have text keys, numbers are finite
    let mut text = serde_json::to_vec_pretty(value).unwrap_or_default();
    text.push(b'\n');
    text
}
