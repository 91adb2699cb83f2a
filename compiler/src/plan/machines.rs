//! The lab's machines, and whether pods fit on them.
//!
//! Pods are packed one cell after the other, the choosiest groups first, each on the first machine with room. Where
//! that works, there is a place for every pod; Kubernetes may fill machines worse, hardly better.

use super::needs::{cpu_millis, memory_bytes};
use super::{Cell, Needs, PlannedGroup, PlannedSystem, Subject, Trouble, needs, shown};
use crate::spec::{Lab, Spread, Template, codes};

/// What one machine, or many, have; what is not said has no limit.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct Room {
    pub(super) pods: Option<u64>,
    pub(super) cpu_millis: Option<u64>,
    pub(super) memory_bytes: Option<u64>,
    pub(super) disk_bytes: Option<u64>,
}

/// Machines that are alike.
#[derive(Debug, Clone)]
pub(super) struct PoolRoom {
    pub(super) name: String,
    /// How many; none: no limit.
    pub(super) machines: Option<u32>,
    /// What each has.
    pub(super) each: Room,
}

/// All machines of a lab.
#[derive(Debug, Clone, Default)]
pub(super) struct Machines {
    pub(super) pools: Vec<PoolRoom>,
}

/// Amounts of both sides in one order: what, asked for, there.
type Sides = [(Resource, u64, Option<u64>); 4];

/// What there may be too little of.
#[derive(Debug, Clone, Copy)]
pub(super) enum Resource {
    Pods,
    Cpu,
    Memory,
    Disk,
}

impl Resource {
    /// An amount, as people read it.
    pub(super) fn shown(self, amount: u64) -> String {
        match self {
            Self::Pods => shown::count(amount, "pod"),
            Self::Cpu if amount == 1000 => "1 processor".to_owned(),
            Self::Cpu => format!("{} processors", shown::processors(amount)),
            Self::Memory => format!("{} of memory", shown::memory(amount)),
            Self::Disk => format!("{} of disk", shown::bytes(amount)),
        }
    }
}

impl Room {
    fn sides(&self, needs: &Needs) -> Sides {
        [
            (Resource::Pods, u64::from(needs.pods), self.pods),
            (Resource::Cpu, needs.cpu_millis, self.cpu_millis),
            (Resource::Memory, needs.memory_bytes, self.memory_bytes),
            (Resource::Disk, needs.disk_bytes, self.disk_bytes),
        ]
    }

    /// What it has too little of: what, asked for, there.
    pub(super) fn short(&self, needs: &Needs) -> Option<(Resource, u64, u64)> {
        let short =
            |(what, asked, has): (Resource, u64, Option<u64>)| Some((what, asked, has.filter(|has| asked > *has)?));
        self.sides(needs).into_iter().find_map(short)
    }

    /// How many such pods fit beside what is taken.
    fn fitting(&self, taken: &Needs, pod: &Needs) -> u32 {
        let sides = self.sides(taken).into_iter().zip(self.sides(pod));
        let each = sides.filter_map(|((_, taken, has), (_, asked, _))| {
            let left = has?.saturating_sub(taken);
            left.checked_div(asked)
        });
        each.min().map_or(u32::MAX, |count| u32::try_from(count).unwrap_or(u32::MAX))
    }

    /// What so many have together.
    fn times(&self, machines: u32) -> Self {
        let all = |one: Option<u64>| one.map(|one| one.saturating_mul(u64::from(machines)));
        Self {
            pods: all(self.pods),
            cpu_millis: all(self.cpu_millis),
            memory_bytes: all(self.memory_bytes),
            disk_bytes: all(self.disk_bytes),
        }
    }

    fn with(&self, other: &Self) -> Self {
        let both = |a: Option<u64>, b: Option<u64>| Some(a?.saturating_add(b?));
        Self {
            pods: both(self.pods, other.pods),
            cpu_millis: both(self.cpu_millis, other.cpu_millis),
            memory_bytes: both(self.memory_bytes, other.memory_bytes),
            disk_bytes: both(self.disk_bytes, other.disk_bytes),
        }
    }

    /// The largest share of it that something takes, and the sum of all shares; 0 where it has no limit.
    pub(super) fn share(&self, needs: &Needs) -> (f64, f64) {
        #[expect(clippy::cast_precision_loss, reason = "a share")]
        let share = |(_, asked, has): (Resource, u64, Option<u64>)| has.map(|has| asked as f64 / (has.max(1) as f64));
        let shares = self.sides(needs).into_iter().filter_map(share);
        shares.fold((0.0, 0.0), |(largest, sum), share| (share.max(largest), sum + share))
    }
}

/// The larger of two shares first.
fn larger_first(a: (f64, f64), b: (f64, f64)) -> std::cmp::Ordering {
    b.0.total_cmp(&a.0).then(b.1.total_cmp(&a.1))
}

impl PoolRoom {
    /// What the pool has.
    pub(super) fn all(&self) -> Room {
        self.machines.map_or_else(Room::default, |machines| self.each.times(machines))
    }
}

impl Machines {
    /// As the lab says.
    pub(super) fn of(lab: &Lab) -> Result<Self, Vec<Trouble>> {
        let mut troubles = Vec::new();
        let mut pools = Vec::new();
        for (name, pool) in &lab.spec.pools {
            let mut amount = |field: &str, template: &Option<Template>, read: fn(&str) -> Option<u64>| {
                let value = &template.as_ref()?.0;
                let text = value.as_str().map_or_else(|| value.to_string(), str::to_owned);
                let read = read(&text);
                if read.is_none() {
                    let message = format!("`{text}` is no amount that a machine can have");
                    let pointer = format!("/spec/pools/{name}/{field}");
                    let help = "write 16 or 500m processors; 64Gi or 1TB of memory or disk";
                    troubles.push(Trouble::new(codes::AMOUNT, Subject::Lab, pointer, message).help(help));
                }
                read
            };
            let each = Room {
                pods: pool.pods.map(u64::from),
                cpu_millis: amount("cpu", &pool.cpu, cpu_millis),
                memory_bytes: amount("memory", &pool.memory, memory_bytes),
                disk_bytes: amount("disk", &pool.disk, memory_bytes),
            };
            pools.push(PoolRoom { name: name.clone(), machines: pool.nodes, each });
        }
        if troubles.is_empty() { Ok(Self { pools }) } else { Err(troubles) }
    }

    /// What the whole lab has; without pools nothing is known.
    pub(super) fn all(&self) -> Room {
        self.pools.iter().map(PoolRoom::all).reduce(|sum, pool| sum.with(&pool)).unwrap_or_default()
    }

    /// Pools that a group may run in; all where it names none.
    pub(super) fn pools_of<'a>(&'a self, pool: Option<&'a str>) -> impl Iterator<Item = (usize, &'a PoolRoom)> {
        self.pools.iter().enumerate().filter(move |(_, room)| pool.is_none_or(|name| room.name == name))
    }

    /// Empty machines.
    pub(super) fn empty(&self) -> Packing<'_> {
        Packing { machines: self, used: vec![Vec::new(); self.pools.len()], cells: 0 }
    }
}

/// One machine that something runs on.
#[derive(Debug, Clone, Default)]
struct Machine {
    taken: Needs,
    /// The last cell that put nodes here, how many, and whether they suffer no other node of the cell.
    cell: usize,
    nodes: u32,
    alone: bool,
}

/// Machines that are being filled.
#[derive(Debug, Clone)]
pub(super) struct Packing<'a> {
    machines: &'a Machines,
    /// By pool; machines that nothing runs on are left out.
    used: Vec<Vec<Machine>>,
    cells: usize,
}

/// A group that has no place for all its nodes; none: the coordinator.
pub(super) struct Misfit<'a> {
    pub(super) group: Option<(&'a PlannedSystem, &'a PlannedGroup)>,
    pub(super) placed: u32,
}

impl Packing<'_> {
    /// Places one more cell. After a misfit the machines are not to be used any more.
    pub(super) fn place<'c>(&mut self, systems: &'c [PlannedSystem]) -> Result<(), Misfit<'c>> {
        self.cells += 1;
        let all = self.machines.all();
        let mut groups: Vec<(&PlannedSystem, &PlannedGroup)> =
            systems.iter().flat_map(|system| system.groups.iter().map(move |group| (system, group))).collect();
        let key = |group: &PlannedGroup| (group.spread != Spread::Required, group.pool.is_none());
        groups.sort_by(|(_, a), (_, b)| key(a).cmp(&key(b)).then(larger_first(all.share(&a.pod), all.share(&b.pod))));
        for (system, group) in groups {
            let left = self.fill(group.pool.as_deref(), &group.pod, group.replicas, Some(group.spread));
            if left > 0 {
                return Err(Misfit { group: Some((system, group)), placed: group.replicas - left });
            }
        }
        match self.fill(None, &needs::coordinator(), 1, None) {
            0 => Ok(()),
            _ => Err(Misfit { group: None, placed: 0 }),
        }
    }

    /// Places pods; how many are left. `spread` is none for what is no node.
    fn fill(&mut self, pool: Option<&str>, pod: &Needs, mut left: u32, spread: Option<Spread>) -> u32 {
        if self.machines.pools.is_empty() {
            return 0;
        }
        for (place, room) in self.machines.pools_of(pool) {
            let Some(most) = room.machines else { return 0 };
            let used = &mut self.used[place];
            let mut next = 0;
            while left > 0 && next < most as usize {
                if next == used.len() {
                    used.push(Machine::default());
                }
                left -= used[next].take(&room.each, pod, left, spread, self.cells);
                next += 1;
            }
        }
        left
    }
}

impl Machine {
    /// Takes as many pods as it can; how many.
    fn take(&mut self, room: &Room, pod: &Needs, wanted: u32, spread: Option<Spread>, cell: usize) -> u32 {
        if self.cell != cell {
            (self.cell, self.nodes, self.alone) = (cell, 0, false);
        }
        let allowed = match spread {
            Some(Spread::Required) => u32::from(self.nodes == 0),
            Some(_) if self.alone => 0,
            _ => u32::MAX,
        };
        let count = room.fitting(&self.taken, pod).min(allowed).min(wanted);
        self.taken.add(pod, count);
        if spread.is_some() && count > 0 {
            self.nodes += count;
            self.alone = spread == Some(Spread::Required);
        }
        count
    }
}

/// What of a cell runs in one pool; `None`: all of it.
pub(super) fn part(systems: &[PlannedSystem], pool: Option<&str>) -> Needs {
    let mut needs = if pool.is_none() { needs::coordinator() } else { Needs::default() };
    for group in systems.iter().flat_map(|system| &system.groups) {
        if pool.is_none() || group.pool.as_deref() == pool {
            needs.add(&group.pod, group.replicas);
        }
    }
    needs
}

/// The cells that take most of a lab first.
pub(super) fn largest_first<'a>(cells: &'a [Cell], all: &Room) -> Vec<&'a Cell> {
    let mut sorted: Vec<&Cell> = cells.iter().collect();
    sorted.sort_by(|a, b| larger_first(all.share(&a.needs), all.share(&b.needs)));
    sorted
}
