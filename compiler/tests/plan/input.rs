use std::path::Path;

use benchgrid::kustomize::{NoPrograms, load_base};
use benchgrid::matrix::{Matrix, expand};
use benchgrid::plan::{Plan, Systems, Trouble, plan};
use benchgrid::spec::{
    DataSize, GroupSpec, Lab, MeasureSpec, Pool, Scenario, SystemSpec, SystemUse, Template, base_folder, load_lab,
    load_scenario, load_system,
};
use serde_json::{Value, json};

/// One change of something.
pub(crate) type Change<T> = fn(&mut T);

/// The smoke scenario in the test lab, to be changed.
pub(crate) struct Input {
    pub(crate) scenario: Scenario,
    pub(crate) matrix: Matrix,
    pub(crate) lab: Lab,
    pub(crate) systems: Systems,
}

impl Input {
    pub(crate) fn new() -> Self {
        Self::read("matrices/smoke.yaml", "labs/test.yaml")
    }

    pub(crate) fn read(scenario: &str, lab: &str) -> Self {
        let project = Path::new(env!("CARGO_MANIFEST_DIR")).join("..");
        let path = project.join(scenario);
        let scenario = load_scenario(&path).0.unwrap();
        let matrix = expand(&scenario).unwrap().0;
        let lab = load_lab(&project.join(lab)).0.unwrap().value;
        let read = |(name, using): (&String, &SystemUse)| {
            let folder = base_folder(&path, &using.base);
            let system = load_system(&folder).0.unwrap().value;
            (name.clone(), (system, load_base(&folder, name, &NoPrograms).unwrap()))
        };
        let systems = scenario.value.spec.systems.iter().map(read).collect();
        Self { scenario: scenario.value, matrix, lab, systems }
    }

    pub(crate) fn plan(&self) -> Result<Plan, Vec<Trouble>> {
        plan(&self.scenario, &self.matrix, &self.lab, &self.systems)
    }

    /// The plan of a changed input.
    pub(crate) fn with(change: impl FnOnce(&mut Self)) -> Result<Plan, Vec<Trouble>> {
        let mut input = Self::new();
        change(&mut input);
        input.plan()
    }

    pub(crate) fn http(&mut self) -> &mut SystemUse {
        self.scenario.spec.systems.get_mut("http").unwrap()
    }

    pub(crate) fn system(&mut self) -> &mut SystemSpec {
        &mut self.systems.get_mut("http").unwrap().0.spec
    }

    pub(crate) fn measure(&mut self) -> &mut MeasureSpec {
        &mut self.scenario.spec.measure
    }

    /// Gives a group a patch that replaces one value.
    pub(crate) fn patch(&mut self, kind: &str, pointer: &str, value: &str) {
        let op = json!({"op": "replace", "path": pointer, "value": value});
        let patch = json!({"target": {"kind": kind}, "ops": [op]});
        self.group("fast").patches = vec![serde_json::from_value(patch).unwrap()];
    }

    /// Gives the lab one pool, which every group runs in.
    pub(crate) fn pool(&mut self, machines: u32, each: Value) {
        let mut pool: Pool = serde_json::from_value(each).unwrap();
        pool.nodes = Some(machines);
        self.lab.spec.pools = [("p".to_owned(), pool)].into();
        self.lab.spec.defaults.pool = Some("p".to_owned());
    }

    /// The volume of one group.
    pub(crate) fn volume(&mut self, size: &str) {
        self.group("fast").data = Some(DataSize { size: Template::text(size) });
    }

    pub(crate) fn group(&mut self, name: &str) -> &mut GroupSpec {
        self.http().groups.get_mut(name).unwrap()
    }
}
