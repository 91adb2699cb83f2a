use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::machines::{Machines, Room, largest_first, part};
use super::{Cell, Demand, Needs, PlannedSystem, Provision, Spot, Subject, Trouble};
use crate::spec::{Concurrency, Lab, Spread, codes};

/// What a campaign takes of the lab at once, and what the lab has.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Capacity {
    /// Attempts at once that the lab's `concurrency` asks for; no more than there are.
    pub at_once: u64,
    /// How many of the largest of them have a place at once.
    pub fitting: u64,
    /// Pools, then the lab as a whole.
    pub pools: Vec<PoolUse>,
}

/// What is taken of one pool, or of the whole lab.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct PoolUse {
    /// The pool; missing: all of the lab, with the pods that name no pool, the coordinators among them.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub pool: Option<String>,
    /// Machines, where the lab says how many.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub machines: Option<u32>,
    /// What there is, as far as the lab says.
    pub has: Available,
    /// The most that any cell takes, each amount by itself.
    pub cell: Needs,
    /// The most that `atOnce` attempts take together, each amount by itself.
    pub window: Needs,
}

/// What a pool has; what is missing has no limit that we know.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Available {
    /// Pods.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub pods: Option<u64>,
    /// Processors, in thousandths.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cpu_millis: Option<u64>,
    /// Memory in bytes.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub memory_bytes: Option<u64>,
    /// Disk in bytes.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub disk_bytes: Option<u64>,
}

impl Available {
    /// Whether there is so much.
    pub(super) fn holds(&self, needs: &Needs) -> bool {
        let sides = [
            (u64::from(needs.pods), self.pods),
            (needs.cpu_millis, self.cpu_millis),
            (needs.memory_bytes, self.memory_bytes),
            (needs.disk_bytes, self.disk_bytes),
        ];
        sides.iter().all(|(asked, has)| has.is_none_or(|has| *asked <= has))
    }
}

impl From<Room> for Available {
    fn from(Room { pods, cpu_millis, memory_bytes, disk_bytes }: Room) -> Self {
        Self { pods, cpu_millis, memory_bytes, disk_bytes }
    }
}

impl Capacity {
    /// Of a campaign; the troubles say where it does not fit.
    pub(super) fn of(machines: &Machines, cells: &[Cell], lab: &Lab) -> (Self, Option<Trouble>) {
        let attempts: u64 = cells.iter().map(|cell| u64::from(cell.measure.trials)).sum();
        let at_once = match lab.spec.concurrency {
            Concurrency::Some(limit) => u64::from(limit).min(attempts),
            Concurrency::All(_) => attempts,
        };
        let all = machines.all();
        let sorted = largest_first(cells, &all);
        let window: Vec<(&Cell, u32)> = window(&sorted, at_once);
        let fitting = fitting(machines, &window);
        let named = machines.pools.iter().map(|pool| (Some(pool.name.clone()), pool.machines, pool.all()));
        let taken = |(pool, machines, has): (Option<String>, Option<u32>, Room)| {
            let (cell, window) = taken(pool.as_deref(), cells, at_once);
            PoolUse { pool, machines, has: has.into(), cell, window }
        };
        let pools = named.chain([(None, None, all)]).map(taken).collect();
        let summed = summed(machines, &window);
        let trouble = match lab.spec.concurrency {
            Concurrency::Some(_) if fitting < at_once => Some(too_many(at_once, summed, fitting, sorted[0])),
            Concurrency::All(_) if fitting < summed => Some(uneven(summed, fitting, sorted[0])),
            _ => None,
        };
        (Self { at_once, fitting, pools }, trouble)
    }
}

/// The largest cells, each as often as it has trials, so many in all.
fn window<'a>(sorted: &[&'a Cell], mut at_once: u64) -> Vec<(&'a Cell, u32)> {
    let mut window = Vec::new();
    for cell in sorted.iter().copied() {
        let times = at_once.min(u64::from(cell.measure.trials));
        if times == 0 {
            break;
        }
        at_once -= times;
        window.push((cell, u32::try_from(times).unwrap_or(u32::MAX)));
    }
    window
}

/// How many attempts of a window have a place.
fn fitting(machines: &Machines, window: &[(&Cell, u32)]) -> u64 {
    let mut packing = machines.empty();
    let mut placed = 0;
    for (cell, times) in window {
        for _ in 0..*times {
            if packing.place(&cell.systems).is_err() {
                return placed;
            }
            placed += 1;
        }
    }
    placed
}

/// How many attempts of a window the lab holds by their sums: so many the conductor admits at most.
fn summed(machines: &Machines, window: &[(&Cell, u32)]) -> u64 {
    let has = Provision::of_machines(machines);
    let mut sum = Demand::default();
    let mut held = 0;
    for (cell, times) in window {
        let demand = Demand::of(cell);
        for _ in 0..*times {
            sum.add(&demand);
            if !has.holds(&sum) {
                return held;
            }
            held += 1;
        }
    }
    held
}

/// The most of a pool that one cell takes, and so many attempts at once: each amount by itself, so that no order of
/// the cells takes more.
fn taken(pool: Option<&str>, cells: &[Cell], at_once: u64) -> (Needs, Needs) {
    let parts: Vec<(Needs, u64)> =
        cells.iter().map(|cell| (part(&cell.systems, pool), u64::from(cell.measure.trials))).collect();
    let most = |amount: fn(&Needs) -> u64| -> (u64, u64) {
        let mut amounts: Vec<(u64, u64)> = parts.iter().map(|(part, trials)| (amount(part), *trials)).collect();
        amounts.sort_unstable_by(|a, b| b.cmp(a));
        let mut left = at_once;
        let mut sum = 0_u64;
        for (amount, trials) in &amounts {
            let times = left.min(*trials);
            left -= times;
            sum = sum.saturating_add(amount.saturating_mul(times));
        }
        (amounts.first().map_or(0, |(amount, _)| *amount), sum)
    };
    let pods = most(|needs| u64::from(needs.pods));
    let cpu = most(|needs| needs.cpu_millis);
    let memory = most(|needs| needs.memory_bytes);
    let disk = most(|needs| needs.disk_bytes);
    let needs = |of: fn((u64, u64)) -> u64| Needs {
        pods: u32::try_from(of(pods)).unwrap_or(u32::MAX),
        cpu_millis: of(cpu),
        memory_bytes: of(memory),
        disk_bytes: of(disk),
    };
    (needs(|(cell, _)| cell), needs(|(_, window)| window))
}

/// More than fit are asked for. The conductor goes by sums: what they hold and the machines don't, it admits.
fn too_many(at_once: u64, summed: u64, fitting: u64, largest: &Cell) -> Trouble {
    let start = format!("{at_once} attempts at once don't fit into the lab: of the largest, such as {}", largest.slug);
    let message = format!("{start}, only {fitting} can run at once");
    let help = if fitting < summed {
        format!(
            "by their sums {summed} would: pods of some would wait until `measure.ready` is over; {fitting} is safe"
        )
    } else {
        "the others wait for their places; enlarge the pools, if that takes too long".to_owned()
    };
    Spot::new(&Subject::Lab, "/spec/concurrency").trouble(codes::WINDOW, message).help(help).warning()
}

/// As many as fit are asked for, and the machines are cut so that sums mislead.
fn uneven(summed: u64, fitting: u64, largest: &Cell) -> Trouble {
    let start = format!("{summed} attempts at once fit into the lab by their sums, but not onto its machines");
    let message = format!("{start}: of the largest, such as {}, only {fitting} can run at once", largest.slug);
    let trouble = Spot::new(&Subject::Lab, "/spec/concurrency").trouble(codes::WINDOW, message);
    let help = format!("pods of some would wait until `measure.ready` is over; `concurrency: {fitting}` is safe");
    trouble.help(help).warning()
}

/// What keeps a cell from the machines, each group's own trouble first.
pub(super) fn troubles(machines: &Machines, systems: &[PlannedSystem]) -> Vec<Trouble> {
    let groups = systems.iter().flat_map(|system| system.groups.iter().map(move |group| (system, group)));
    let alone: Vec<Trouble> = groups.filter_map(|(system, group)| group_trouble(machines, system, group)).collect();
    if !alone.is_empty() {
        return alone;
    }
    match machines.empty().place(systems) {
        Ok(()) => Vec::new(),
        Err(misfit) => vec![cell_trouble(machines, systems, &misfit)],
    }
}

fn spot_of(system: &PlannedSystem, group: &super::PlannedGroup) -> Spot {
    Spot::new(&Subject::Scenario, format!("/spec/systems/{}/groups/{}", system.name, group.name))
}

/// A pod that no machine can take, or more pods that must be apart than there are machines.
fn group_trouble(machines: &Machines, system: &PlannedSystem, group: &super::PlannedGroup) -> Option<Trouble> {
    let spot = spot_of(system, group);
    let pools: Vec<_> = machines.pools_of(group.pool.as_deref()).map(|(_, pool)| pool).collect();
    let place = group.pool.as_ref().map_or_else(|| "the lab".to_owned(), |pool| format!("pool `{pool}`"));
    let shorts: Option<Vec<_>> = pools.iter().map(|pool| pool.each.short(&group.pod)).collect();
    if let Some((what, asked, has)) = shorts.and_then(|all| all.first().copied()) {
        let message = format!(
            "a pod of `{}-{}` asks for {}, its agent's included; a machine of {place} has {}",
            system.name,
            group.name,
            what.shown(asked),
            what.shown(has)
        );
        return Some(spot.trouble(codes::NO_MACHINE, message).help("ask for less, or name a pool of larger machines"));
    }
    let all: Option<u64> = pools.iter().map(|pool| pool.machines.map(u64::from)).sum();
    let few =
        all.filter(|all| !pools.is_empty() && group.spread == Spread::Required && u64::from(group.replicas) > *all)?;
    let message = format!(
        "the {} nodes of `{}-{}` want a machine each, and {place} has {few}",
        group.replicas, system.name, group.name
    );
    Some(spot.trouble(codes::NO_MACHINE, message).help("write `spread: preferred`, or exclude the combination"))
}

/// All pods together don't fit: there is too little of something, or it can't be cut so.
fn cell_trouble(machines: &Machines, systems: &[PlannedSystem], misfit: &super::machines::Misfit<'_>) -> Trouble {
    let spot =
        misfit.group.map_or_else(|| Spot::new(&Subject::Lab, "/spec/pools"), |(system, group)| spot_of(system, group));
    let wholes =
        machines.pools.iter().map(|pool| (Some(pool.name.as_str()), pool.all())).chain([(None, machines.all())]);
    let short = wholes.into_iter().find_map(|(pool, has)| Some((pool, has.short(&part(systems, pool))?)));
    let message = if let Some((pool, (what, asked, has))) = short {
        let place = pool.map_or_else(|| "the lab".to_owned(), |pool| format!("pool `{pool}`"));
        format!("the cell asks for {} of {place}, which has {}", what.shown(asked), what.shown(has))
    } else {
        let who = misfit.group.map_or_else(
            || "the coordinator has no place".to_owned(),
            |(system, group)| {
                let (placed, all) = (misfit.placed, group.replicas);
                format!("{placed} of the {all} nodes of `{}-{}` have a place", system.name, group.name)
            },
        );
        format!("the cell's pods don't fit on the machines, though their sum would: {who}")
    };
    spot.trouble(codes::CELL_TOO_LARGE, message).help("exclude the combination, ask for less, or enlarge the pool")
}
