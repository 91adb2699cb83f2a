//! Cells, one by one.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Value, json};

use super::experiment::{digest, hex};
use super::group::{GroupInput, group, replicas};
use super::measure::{Settings, deadlines, measure, settings};
use super::needs::needs;
use super::renaming::same_names;
use super::value::Spot;
use super::{Base, Cell, PlannedGroup, PlannedSystem, Subject, Systems, Trouble};
use crate::kustomize::{BuiltBase, emit_all};
use crate::matrix::{Combination, Level, Scope};
use crate::spec::{Lab, Load, MeasureSpec, Role, Scenario, System, SystemUse, codes};
use sha2::{Digest, Sha256};

/// Driver names that the probe has.
const DRIVERS: [&str; 2] = ["http", "qbittorrent"];

/// What every cell is planned from.
pub(super) struct Planner<'a> {
    pub(super) scenario: &'a Scenario,
    pub(super) lab: &'a Lab,
    pub(super) systems: &'a Systems,
    /// By the scenario's name of the system.
    pub(super) bases: BTreeMap<&'a str, Base>,
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
        for present in self.present(combination, &axes)? {
            match self.system(&present, &axes, &settings, warnings) {
                Ok(system) => systems.push((system, present.base.objects.as_slice())),
                Err(more) => troubles.extend(more),
            }
        }
        troubles.extend(same_names(&systems));
        if !troubles.is_empty() {
            return Err(troubles);
        }
        let digest =
            digest(&settings, &spec.measure, spec.salt.as_deref(), &systems).map_err(|trouble| vec![trouble])?;
        let needs = needs(&systems);
        let systems: Vec<PlannedSystem> = systems.into_iter().map(|(system, _)| system).collect();
        let measure = measure(&settings, &systems);
        let (coordinator_seconds, deadline_seconds) = deadlines(&measure, needs.pods - 1);
        Ok(Cell {
            id: combination.id.clone(),
            slug: combination.slug.clone(),
            levels: combination.levels.clone(),
            digest,
            systems,
            measure,
            needs,
            coordinator_seconds,
            deadline_seconds,
        })
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
        warnings.extend(unknown_driver(present));
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
            seeders(present, &counts, settings, &self.scenario.spec.measure).map_err(|trouble| vec![trouble])?;
        let scope = axes.clone().with("measure", about(settings, seeders));
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
    if present.using.load != Load::Measured {
        troubles.push(spot("/load").trouble(codes::LOAD, "systems that are not measured can't be deployed yet"));
    }
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

/// A driver that the probe lacks: the cells can be planned, and looked at, but nothing would be measured.
fn unknown_driver(present: &Present<'_>) -> Option<Trouble> {
    let driver = &present.system.spec.driver;
    let known = DRIVERS.contains(&driver.as_str());
    let spot = Spot::new(&Subject::System(present.name.to_owned()), "/spec/driver");
    let message = format!("the probe has no driver `{driver}` yet; it has {}", DRIVERS.join(", "));
    (!known).then(|| spot.trouble(codes::NO_DRIVER, message).help("the cells would end as failed").warning())
}

/// How many nodes of a system seed, and that it can be so.
fn seeders(
    present: &Present<'_>,
    counts: &BTreeMap<&str, u32>,
    settings: &Settings,
    spec: &MeasureSpec,
) -> Result<u32, Trouble> {
    let of = |role: Role| -> u32 {
        let groups = present.using.groups.iter().filter(|(_, group)| group.role == role);
        groups.map(|(name, _)| counts[name.as_str()]).sum()
    };
    let (fixed, any, leechers) = (of(Role::Seeder), of(Role::Any), of(Role::Leecher));
    let spot = Spot::new(&Subject::Scenario, "/spec/measure/seeders");
    let seeders = match (settings.seeders, any) {
        (Some(seeders), _) => seeders,
        (None, 0) => fixed,
        (None, _) => {
            let trouble = Spot::new(&Subject::Scenario, "/spec/measure").trouble(
                codes::SEEDERS,
                format!("`{}` has nodes of any role, and nothing says how many seed", present.name),
            );
            return Err(trouble.help("give measure.seeders, or the groups a role"));
        }
    };
    let refuse = |message: String| {
        if spec.seeders.is_some() {
            spot.trouble(codes::WRONG_SEEDERS, message)
        } else {
            Spot::new(&Subject::Scenario, format!("/spec/systems/{}/groups", present.name))
                .trouble(codes::WRONG_SEEDERS, message)
        }
    };
    if seeders == 0 {
        return Err(refuse(format!("no node of `{}` would seed", present.name)));
    }
    if seeders < fixed || seeders > fixed + any {
        let message = format!("`{}` can't have {seeders} seeders: {fixed} always seed, {any} may", present.name);
        return Err(refuse(message).help("exclude the combination, or change the groups"));
    }
    if fixed + any + leechers == seeders {
        let message = format!("no node of `{}` would be left to download: all {seeders} seed", present.name);
        return Err(refuse(message).help("exclude the combination, or change the groups"));
    }
    Ok(seeders)
}

/// `measure` as expressions see it.
fn about(settings: &Settings, seeders: u32) -> Value {
    json!({
        "fileSize": settings.file_size, "seeders": seeders, "trials": settings.trials,
        "repetitions": settings.repetitions, "warmup": settings.warmup,
    })
}

/// A base by its content.
pub(super) fn base(system: &System, base: &BuiltBase) -> Base {
    let digest = hex(&Sha256::digest(emit_all(&base.objects)));
    let folder = format!("{}-{}", system.metadata.name, &digest[..8]);
    Base { folder, objects: base.objects.clone(), built_by: base.built_by.clone() }
}

/// Troubles of many cells as one list: what is said twice is said once, with the cell it was first seen in.
pub(super) fn gathered(all: Vec<(String, Trouble)>) -> Vec<Trouble> {
    let mut gathered: Vec<(String, Trouble, BTreeSet<String>)> = Vec::new();
    for (slug, trouble) in all {
        let same = |(_, known, _): &&mut (String, Trouble, BTreeSet<String>)| {
            (known.code, &known.subject, &known.pointer) == (trouble.code, &trouble.subject, &trouble.pointer)
        };
        match gathered.iter_mut().find(same) {
            Some((_, _, cells)) => drop(cells.insert(slug)),
            None => gathered.push((slug.clone(), trouble, BTreeSet::from([slug]))),
        }
    }
    gathered
        .into_iter()
        .map(|(slug, mut trouble, cells)| {
            let more = cells.len() - 1;
            let others = if more == 0 { String::new() } else { format!(" and {more} more") };
            trouble.message = format!("{} (cell {slug}{others})", trouble.message);
            trouble
        })
        .collect()
}
