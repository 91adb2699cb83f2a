//! What stands on the deploy branch.
//!
//! In: plans and the lab. Out: files, path by path: bases, overlays, Argo CD's objects, the conductor's, and a page that
//! says what is there. The conductor's admission of a cell is here too, since it rewrites what this room wrote. Pure.

mod admit;
mod argocd;
mod attempt;
mod branch;
mod cell;
mod cells_file;
mod change;
mod comparison;
mod conductor;
mod coordinator;
mod furniture;
mod group;
mod kustomization;
mod names;
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
pub use plan_markdown::plan_markdown;
pub use plan_text::plan_text;
pub use summary::{PlanFile, plan_json};

use std::collections::{BTreeMap, BTreeSet};

use serde::Serialize;
use serde_json::Value;

use crate::kustomize::{BuildError, build, emit_all, kind};
use crate::plan::{Cell, Plan};
use crate::spec::Lab;

/// Files by path on the branch.
pub type Files = BTreeMap<String, Vec<u8>>;

/// Files that depend on which scenarios are on the branch.
pub const INDEX: [&str; 2] = ["README.md", "argocd-apps/kustomization.yaml"];

/// Everything that a compile owns on the branch, but `hydrator.metadata`, which names the source commit. `kept` names
/// scenarios that are on the branch and stay as they are: only their `ApplicationSet`s are written. The lab's `git.url`
/// must be filled in.
pub fn files(plans: &[Plan], kept: &BTreeSet<String>, lab: &Lab) -> Files {
    let mut files = Files::new();
    for plan in plans {
        scenario(&mut files, plan, lab);
    }
    let scenarios = plans.iter().map(|plan| plan.scenario.clone()).chain(kept.iter().cloned()).collect();
    branch::write(&mut files, &|path| on_branch(lab, path), &scenarios, lab);
    files
}

/// One cell, built: all its objects as YAML, as its overlay gives them.
pub fn show(plan: &Plan, cell: &Cell, lab: &Lab) -> Result<String, BuildError> {
    let mut objects = built(plan, cell, lab)?;
    objects.sort_by_key(|object| kind(object) != "Namespace");
    Ok(emit_all(&objects))
}

/// One cell's objects, as its overlay gives them.
fn built(plan: &Plan, cell: &Cell, lab: &Lab) -> Result<Vec<Value>, BuildError> {
    let mut files = Files::new();
    bases(&mut files, plan, lab);
    let folder = overlay(lab, plan, cell);
    cell::write(&mut files, &folder, plan, cell, lab);
    build(&files, &folder)
}

/// Bases, overlays and `cells.json` of a scenario.
fn scenario(files: &mut Files, plan: &Plan, lab: &Lab) {
    bases(files, plan, lab);
    for cell in &plan.cells {
        cell::write(files, &overlay(lab, plan, cell), plan, cell, lab);
    }
    files.insert(on_branch(lab, &format!("overlays/{}/cells.json", plan.scenario)), json(&CellsFile::of(plan)));
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

/// A cell's folder.
fn overlay(lab: &Lab, plan: &Plan, cell: &Cell) -> String {
    on_branch(lab, &format!("overlays/{}/{}", plan.scenario, cell.slug))
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
