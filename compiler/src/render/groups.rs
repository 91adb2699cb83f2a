use std::collections::BTreeMap;

use super::Files;
use super::group::GroupFolder;
use super::names::group_name;
use crate::parallel;
use crate::plan::{Cell, Plan, PlannedGroup, PlannedSystem};
use crate::spec::Lab;

/// The groups' folders of a plan's cells, equal ones once.
pub struct Groups<'a> {
    distinct: Vec<GroupFolder<'a>>,
    /// For each cell, in the plan's order: name of the folder, and which of them it is.
    of_cells: Vec<Vec<(String, usize)>>,
}

impl<'a> Groups<'a> {
    pub(super) fn of(plan: &'a Plan, lab: &'a Lab) -> Self {
        let described = parallel::map(&plan.cells, |cell| {
            groups(cell).map(|(system, group)| described(system, group)).collect::<Vec<_>>()
        });
        let mut known = BTreeMap::new();
        let mut distinct = Vec::new();
        let mut of_cells = Vec::with_capacity(plan.cells.len());
        for (cell, described) in plan.cells.iter().zip(described) {
            let mut of_cell = Vec::with_capacity(described.len());
            for ((system, group), described) in groups(cell).zip(described) {
                let place = *known.entry(described).or_insert_with(|| {
                    distinct.push(GroupFolder { lab, base: &plan.bases[&system.base], system, group });
                    distinct.len() - 1
                });
                of_cell.push((group_name(&system.name, &group.name), place));
            }
            of_cells.push(of_cell);
        }
        Self { distinct, of_cells }
    }

    /// Each distinct folder: its files, made when they are wanted.
    pub fn distinct<'b>(&'b self) -> impl Iterator<Item = impl Fn() -> Files + use<'a, 'b>> {
        self.distinct.iter().map(|group| {
            move || {
                let mut files = Files::new();
                group.write(&mut files, "");
                files
            }
        })
    }

    /// For each cell, in the plan's order: name of the folder, and which of the distinct ones it is.
    pub fn of_cells(&self) -> impl Iterator<Item = &[(String, usize)]> {
        self.of_cells.iter().map(Vec::as_slice)
    }
}

/// Every group of a cell, with its system.
pub(super) fn groups(cell: &Cell) -> impl Iterator<Item = (&PlannedSystem, &PlannedGroup)> {
    cell.systems.iter().flat_map(|system| system.groups.iter().map(move |group| (system, group)))
}

/// All that a group's folder is made from, as text.
fn described(system: &PlannedSystem, group: &PlannedGroup) -> String {
    let PlannedSystem {
        name,
        base,
        driver,
        workload,
        container,
        api_port,
        data_path,
        // what the coordinator is told
        load: _,
        seeders: _,
        groups: _,
    } = system;
    format!("{:?}", (name, base, driver, workload, container, api_port, data_path, group))
}
