//! What the built cells of a plan break of the cell contract, at the places of the user's files.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use serde_json::Value;

use super::{built, group::is_of};
use crate::kustomize::{Violation, check_cell, kind, name, survives_kustomize};
use crate::plan::{Cell, Plan, PlannedGroup, PlannedSystem, Trouble};
use crate::spec::{Lab, PatchSpec, codes};

/// Every violation, said once, with the cell it was first seen in.
///
/// Cells that differ in numbers and texts only break the contract alike, so one of each shape is built and checked.
pub fn contract_troubles(plan: &Plan, lab: &Lab) -> Vec<Trouble> {
    let mut shapes: BTreeMap<String, Vec<&Cell>> = BTreeMap::new();
    for cell in &plan.cells {
        shapes.entry(shape(cell)).or_default().push(cell);
    }
    let mut seen: BTreeMap<(&str, String, String), (Trouble, &str, usize)> = BTreeMap::new();
    for cells in shapes.values() {
        for trouble in cell_troubles(plan, cells[0], lab) {
            let key = (trouble.code, trouble.pointer.to_string(), trouble.message.clone());
            seen.entry(key).or_insert((trouble, &cells[0].slug, 0)).2 += cells.len();
        }
    }
    seen.into_values()
        .map(|(mut trouble, slug, cells)| {
            let others = if cells == 1 { String::new() } else { format!(" and {} more", cells - 1) };
            trouble.message = format!("{} (cell {slug}{others})", trouble.message);
            trouble
        })
        .collect()
}

/// Everything of a cell that can make the difference. Replicas, sizes and rates can't, nor can texts of variables,
/// arguments and levels but by letters that kustomize does not know.
fn shape(cell: &Cell) -> String {
    let mut shape = format!("{:?}", cell.levels.values().all(|level| survives_kustomize(&level.to_string())));
    for PlannedSystem { name, base, container, api_port, data_path, groups, .. } in &cell.systems {
        // writing to a String can't fail
        let _ = write!(shape, "{:?}", (name, base, container, api_port, data_path));
        for group in groups {
            let PlannedGroup { name, images, cpu, memory, link, pool, spread, env, args, patches, .. } = group;
            let carried = env.values().chain(args).all(|text| survives_kustomize(text));
            let _ = write!(
                shape,
                "{:?}",
                (name, images.keys(), cpu, memory, link.is_some(), pool, spread, env.keys(), carried, patches)
            );
        }
    }
    shape
}

fn cell_troubles(plan: &Plan, cell: &Cell, lab: &Lab) -> Vec<Trouble> {
    let objects = match built(plan, cell, lab) {
        Ok(objects) => objects,
        Err(error) => return vec![Trouble::scenario(codes::PATCH, "/spec/systems", error.to_string())],
    };
    let mut troubles = Vec::new();
    for violation in check_cell(&objects) {
        let object = objects.iter().find(|it| kind(it) == violation.kind && name(it) == violation.name);
        let message = format!("{} `{}`, {}: {}", violation.kind, violation.name, violation.pointer, violation.message);
        let trouble = Trouble::scenario(violation.code, place(cell, object, &violation), message);
        troubles.push(match violation.help {
            Some(help) => trouble.help(help),
            None => trouble,
        });
    }
    troubles
}

/// The user's patch that touches the place, else the group of the object, else the systems.
fn place(cell: &Cell, object: Option<&Value>, violation: &Violation) -> String {
    let groups = cell.systems.iter().flat_map(|system| system.groups.iter().map(move |group| (system, group)));
    let Some((system, group)) =
        object.and_then(|object| groups.into_iter().find(|(system, group)| is_of(object, system, group)))
    else {
        return "/spec/systems".to_owned();
    };
    let at = format!("/spec/systems/{}/groups/{}", system.name, group.name);
    match group.patches.iter().rposition(|patch| touches(patch, violation)) {
        Some(n) => format!("{at}/patches/{n}"),
        None => at,
    }
}

/// Whether a patch says something at the violation's place, above it or below it.
fn touches(patch: &PatchSpec, violation: &Violation) -> bool {
    let target = &patch.target;
    // objects of a base but its one workload keep their names as the beginning
    let named =
        target.name.as_deref().is_none_or(|name| target.kind == "StatefulSet" || violation.name.starts_with(name));
    let wrong: Vec<&str> = violation.pointer.split('/').collect();
    let near = |op: &Value| {
        let steps: Vec<&str> = op["path"].as_str().unwrap_or_default().split('/').collect();
        // a place in a list may have moved: the shaping container comes before others, `-` is the end
        steps.len() > 1 && steps.iter().zip(&wrong).all(|(a, b)| a == b || is_place(a) && is_place(b))
    };
    target.kind == violation.kind && named && patch.ops.iter().any(near)
}

fn is_place(step: &str) -> bool {
    step == "-" || !step.is_empty() && step.bytes().all(|b| b.is_ascii_digit())
}
