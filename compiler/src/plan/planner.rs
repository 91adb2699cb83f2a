//! Cells, one by one.

use std::collections::BTreeMap;

use serde_json::{Value, json};

use super::capacity;
use super::experiment::{built, digest, hex};
use super::group::{GroupInput, group, replicas};
use super::machines::Machines;
use super::measure::{Settings, deadlines, measure, settings, whole_seconds};
use super::renaming::same_names;
use super::seeders::seeders;
use super::shown::bytes;
use super::value::Spot;
use super::{Base, Cell, PlannedGroup, PlannedSystem, Subject, Systems, Trouble, forecast, needs, observed};
use crate::kustomize::{BuiltBase, emit_all};
use crate::matrix::{Combination, Level, Scope};
use crate::spec::{Lab, Load, Role, Scenario, System, SystemUse, codes};
use sha2::{Digest, Sha256};

/// What every cell is planned from.
pub(super) struct Planner<'a> {
    pub(super) scenario: &'a Scenario,
    pub(super) lab: &'a Lab,
    pub(super) systems: &'a Systems,
    /// By the scenario's name of the system.
    pub(super) bases: BTreeMap<&'a str, Base>,
    pub(super) machines: &'a Machines,
}

/// A system of the cell while it is planned: the scenario's use of it, and itself.
struct Present<'a> {
    name: &'a str,
    using: &'a SystemUse,
    system: &'a System,
    base: &'a BuiltBase,
}

impl<'a> Planner<'a> {
    /// One cell, or everything that is wrong with it.
    pub(super) fn cell(&self, combination: &Combination, warnings: &mut Vec<Trouble>) -> Result<Cell, Vec<Trouble>> {
        let spec = &self.scenario.spec;
        let axes = Scope::new(&combination.levels);
        let settings = settings(&axes, &spec.measure).map_err(|trouble| vec![trouble])?;
        let mut troubles = Vec::new();
        let mut systems = Vec::new();
        let mut built = Vec::new();
        for present in self.present(combination, &axes)? {
            match self.system(&present, &axes, &settings, warnings) {
                Ok(mut system) => {
                    built.push(built_groups(&mut system, &present.base.objects, &mut troubles));
                    systems.push((system, present.base.objects.as_slice()));
                }
                Err(more) => troubles.extend(more),
            }
        }
        troubles.extend(same_names(&systems));
        let systems: Vec<PlannedSystem> = systems.into_iter().map(|(system, _)| system).collect();
        if troubles.is_empty() {
            troubles.extend(capacity::troubles(self.machines, &systems));
            volumes(&systems, &settings, &mut troubles, warnings);
            observed::missing(&settings.observe, &systems, &mut troubles, warnings);
        }
        if !troubles.is_empty() {
            return Err(troubles);
        }
        let digest = digest(&settings, spec.salt.as_deref(), &systems, built);
        let needs = needs::cell(&systems);
        let measure = measure(&settings, &systems);
        let (coordinator_seconds, deadline_seconds) = deadlines(&measure, &systems);
        let mut cell = Cell {
            id: combination.id.clone(),
            slug: combination.slug.clone(),
            levels: combination.levels.clone(),
            digest,
            systems,
            measure,
            needs,
            coordinator_seconds,
            deadline_seconds,
            expected_seconds: 0,
            records: 0,
        };
        cell.expected_seconds = whole_seconds(forecast::attempt_seconds(&cell, self.lab));
        cell.records = forecast::records(&cell);
        Ok(cell)
    }

    /// The systems of a cell; at least one of them is measured.
    fn present(&self, combination: &Combination, axes: &Scope) -> Result<Vec<Present<'a>>, Vec<Trouble>> {
        let mut present = Vec::new();
        let mut troubles = Vec::new();
        for (name, using) in &self.scenario.spec.systems {
            let spot = Spot::new(&Subject::Scenario, format!("/spec/systems/{name}"));
            match (is_present(name, using, combination, axes), self.systems.get(name)) {
                (Ok(true), Some((system, base))) => present.push(Present { name, using, system, base }),
                (Ok(true), None) => troubles.push(spot.trouble(codes::NOT_READ, "the system's base was not read")),
                (Ok(false), _) => {}
                (Err(error), _) => {
                    let spot = Spot::new(&Subject::Scenario, format!("{}/when", spot.pointer));
                    troubles.push(spot.trouble(codes::EVALUATION, error.message));
                }
            }
        }
        if troubles.is_empty() && !present.iter().any(|one| one.using.load == Load::Measured) {
            troubles.push(
                Trouble::scenario(codes::NO_SYSTEM, "/spec/systems", "no system is measured")
                    .help("an axis `system` whose levels are the systems' names picks one a cell; or use `when`"),
            );
        }
        if troubles.is_empty() { Ok(present) } else { Err(troubles) }
    }

    fn system(
        &self,
        present: &Present<'a>,
        axes: &Scope,
        settings: &Settings,
        warnings: &mut Vec<Trouble>,
    ) -> Result<PlannedSystem, Vec<Trouble>> {
        let mut troubles = unsupported(present);
        let input = |scope, name, spec| GroupInput {
            system_name: present.name,
            system: present.system,
            objects: &present.base.objects,
            name,
            spec,
            lab: self.lab,
            scope,
        };
        let mut counts = BTreeMap::new();
        for (name, spec) in &present.using.groups {
            match replicas(&input(axes, name, spec)) {
                Ok(count) => drop(counts.insert(name.as_str(), count)),
                Err(trouble) => troubles.push(trouble),
            }
        }
        if !troubles.is_empty() {
            return Err(troubles);
        }
        let seeders =
            seeders(present.name, present.using, &counts, settings.seeders).map_err(|trouble| vec![trouble])?;
        let scope = axes
            .clone()
            .with("measure", about(settings, seeders, &present.system.spec.driver))
            .with_hosts(present.name, &counts);
        let mut groups: Vec<PlannedGroup> = Vec::new();
        for (name, spec) in &present.using.groups {
            match group(&input(&scope, name, spec), counts[name.as_str()], warnings) {
                Ok(group) => groups.push(group),
                Err(trouble) => troubles.push(trouble),
            }
        }
        let base = &self.bases[present.name].folder;
        if troubles.is_empty() { Ok(planned(present, base, seeders, groups)) } else { Err(troubles) }
    }
}

/// The groups' objects as the experiment has them; what a pod of each takes is read from them.
fn built_groups(system: &mut PlannedSystem, objects: &[Value], troubles: &mut Vec<Trouble>) -> Vec<Vec<Value>> {
    let mut all = Vec::new();
    let mut pods = Vec::new();
    for group in &system.groups {
        let spot = Spot::new(&Subject::Scenario, format!("/spec/systems/{}/groups/{}", system.name, group.name));
        match built(objects, system, group, &spot) {
            Ok(objects) => {
                pods.push(needs::pod(&objects, system, group));
                all.push(objects);
            }
            Err(trouble) => troubles.push(trouble),
        }
    }
    for (group, pod) in system.groups.iter_mut().zip(pods) {
        group.pod = pod;
    }
    all
}

/// Volumes that can't hold what their nodes transfer.
fn volumes(systems: &[PlannedSystem], settings: &Settings, troubles: &mut Vec<Trouble>, warnings: &mut Vec<Trouble>) {
    for system in systems {
        // what a background system transfers goes on as long as the cell, and is removed meanwhile
        let transfers = match system.load {
            Load::Measured => settings.transfers(&system.driver),
            Load::Background => 1,
            Load::Idle => continue,
        };
        let (one, all) = (settings.file_size, settings.file_size.saturating_mul(transfers));
        for group in system.groups.iter().filter(|group| group.role != Role::Bootstrap && group.data_bytes < all) {
            let spot = Spot::new(&Subject::Scenario, format!("/spec/systems/{}/groups/{}", system.name, group.name));
            let has = format!("the volume of `{}-{}` has {}", system.name, group.name, bytes(group.data_bytes));
            if group.data_bytes < one {
                let message = format!("{has}, and one payload is {}", bytes(one));
                troubles.push(spot.trouble(codes::SMALL_VOLUME, message).help("enlarge `data.size`"));
            } else {
                let message = format!("{has}, and the payloads of {transfers} transfers are {}", bytes(all));
                let help = "enlarge `data.size`, unless the node frees what is removed at once";
                warnings.push(spot.trouble(codes::SMALL_VOLUME, message).help(help).warning());
            }
        }
    }
}

fn planned(present: &Present<'_>, base: &str, seeders: u32, groups: Vec<PlannedGroup>) -> PlannedSystem {
    let spec = &present.system.spec;
    PlannedSystem {
        name: present.name.to_owned(),
        base: base.to_owned(),
        driver: spec.driver.clone(),
        workload: spec.workload.clone(),
        container: spec.container.clone(),
        api_port: spec.ports.get("api").copied().unwrap_or_default(),
        data_path: spec.data.path.clone(),
        load: present.using.load,
        seeders,
        groups,
    }
}

fn is_present(
    name: &str,
    using: &SystemUse,
    combination: &Combination,
    axes: &Scope,
) -> Result<bool, crate::matrix::ExpressionError> {
    match (&using.when, combination.levels.get("system")) {
        (Some(when), _) => axes.condition(when),
        (None, Some(level)) => Ok(matches!(level, Level::Text(_) | Level::Object(_)) && level.to_string() == name),
        (None, None) => Ok(true),
    }
}

/// What the language has and the probe has not yet.
fn unsupported(present: &Present<'_>) -> Vec<Trouble> {
    let spot = |field: &str| Spot::new(&Subject::Scenario, format!("/spec/systems/{}{field}", present.name));
    let system = Subject::System(present.name.to_owned());
    let mut troubles = Vec::new();
    if present.using.join.is_some() {
        troubles.push(spot("/join").trouble(codes::JOIN, "base capacity can't be joined yet"));
    }
    let spec = &present.system.spec;
    if !spec.ports.contains_key("api") {
        troubles.push(
            Spot::new(&system, "/spec/ports")
                .trouble(codes::NO_API_PORT, "no port `api`; the driver would not find the node"),
        );
    }
    troubles
}

/// `measure` as expressions see it.
fn about(settings: &Settings, seeders: u32, driver: &str) -> Value {
    json!({
        "fileSize": settings.file_size, "seeders": seeders, "trials": settings.trials,
        "repetitions": settings.repetitions, "warmup": settings.warmup,
        "transfers": settings.transfers(driver),
    })
}

/// A base by its content.
pub(super) fn base(system: &System, base: &BuiltBase) -> Base {
    let digest = hex(&Sha256::digest(emit_all(&base.objects)));
    let folder = format!("{}-{}", system.metadata.name, &digest[..8]);
    Base { folder, objects: base.objects.clone(), built_by: base.built_by.clone() }
}

/// Troubles of many cells as one list: what is said twice is said once, with the cell it was first seen in.
///
/// The words may differ from cell to cell, so a trouble is known by its code and place, and by which of those of one
/// code and place in its cell it is.
pub(super) fn gathered(all: Vec<(String, Trouble)>) -> Vec<Trouble> {
    type Key = (&'static str, Subject, Box<str>, usize);
    let mut places: BTreeMap<Key, usize> = BTreeMap::new();
    let mut gathered: Vec<(String, Trouble, usize)> = Vec::new();
    let mut cell = (String::new(), Vec::<Trouble>::new());
    for (slug, trouble) in all {
        if cell.0 != slug {
            cell = (slug.clone(), Vec::new());
        }
        if cell.1.contains(&trouble) {
            continue;
        }
        let alike = |known: &&Trouble| {
            (known.code, &known.subject, &known.pointer) == (trouble.code, &trouble.subject, &trouble.pointer)
        };
        let key = (trouble.code, trouble.subject.clone(), trouble.pointer.clone(), cell.1.iter().filter(alike).count());
        cell.1.push(trouble.clone());
        if let Some(place) = places.get(&key) {
            gathered[*place].2 += 1;
        } else {
            places.insert(key, gathered.len());
            gathered.push((slug, trouble, 0));
        }
    }
    let named = |(slug, mut trouble, more): (String, Trouble, usize)| {
        let others = if more == 0 { String::new() } else { format!(" and {more} more") };
        trouble.message = format!("{} (cell {slug}{others})", trouble.message);
        trouble
    };
    gathered.into_iter().map(named).collect()
}
