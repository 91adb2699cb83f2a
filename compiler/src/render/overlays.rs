use super::group::GroupFolder;
use super::groups::{Groups, groups};
use super::names::group_name;
use super::{Files, cell, coordinator, on_branch, policies, put};
use crate::plan::{Cell, Plan};
use crate::spec::Lab;

/// The folders of a plan's cells, as nobody has admitted them yet. Each is made when it is wanted: all of them at once
/// are too much to hold.
pub struct Overlays<'a> {
    plan: &'a Plan,
    lab: &'a Lab,
    /// What is the same in every cell.
    same: Files,
}

impl<'a> Overlays<'a> {
    /// Those of this plan.
    pub fn new(plan: &'a Plan, lab: &'a Lab) -> Self {
        let mut same = Files::new();
        put(&mut same, "namespace.yaml", &[cell::namespace(lab)]);
        put(&mut same, "rbac.yaml", &cell::rbac(lab));
        put(&mut same, "policies.yaml", &policies::policies(lab));
        Self { plan, lab, same }
    }

    /// The cells, by the path of their folder on the branch.
    pub fn folders(&self) -> impl Iterator<Item = (String, &'a Cell)> {
        self.plan.cells.iter().map(|cell| (self.folder(cell), cell))
    }

    /// A cell's folder.
    pub(super) fn folder(&self, cell: &Cell) -> String {
        on_branch(self.lab, &format!("overlays/{}/{}", self.plan.scenario, cell.slug))
    }

    /// The files of a cell, by their path within its folder.
    pub fn files(&self, cell: &Cell) -> Files {
        let mut files = self.own_files(cell);
        for (system, group) in groups(cell) {
            let base = &self.plan.bases[&system.base];
            let folder = group_name(&system.name, &group.name);
            GroupFolder { lab: self.lab, base, system, group }.write(&mut files, &folder);
        }
        files
    }

    /// The same without its groups' folders.
    pub fn own_files(&self, cell: &Cell) -> Files {
        let Self { plan, lab, ref same } = *self;
        let mut files = same.clone();
        put(&mut files, "cell.yaml", &[cell::config(plan, cell, lab)]);
        put(&mut files, "coordinator.yaml", &coordinator::objects(cell, lab));
        cell::kustomization(plan, cell).write(&mut files, "");
        files
    }

    /// The groups' folders of all cells.
    pub fn groups(&self) -> Groups<'a> {
        Groups::of(self.plan, self.lab)
    }
}
