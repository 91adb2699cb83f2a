use crate::plan::{Demand, Provision};

/// What the lab says about conducting.
#[derive(Debug, Clone, PartialEq)]
pub struct Settings {
    /// What may be deployed at a time.
    pub room: Room,
    /// Seconds for which the place of an attempt that left stays taken.
    pub drain_seconds: u64,
    /// Seconds for which an attempt that failed stays for a look.
    pub hold_seconds: u64,
    /// Further tries at a trial that failed.
    pub retries: u32,
}

/// How much fits into the lab.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Room {
    /// Attempts at a time; none: as many as there is room for.
    pub concurrency: Option<u32>,
    /// What the lab has.
    pub has: Provision,
}

/// What of the room is taken.
#[derive(Debug, Clone)]
pub(super) struct Taken<'a> {
    room: &'a Room,
    attempts: u32,
    demand: Demand,
}

impl<'a> Taken<'a> {
    /// An empty room.
    pub(super) fn nothing(room: &'a Room) -> Self {
        Self { room, attempts: 0, demand: Demand::default() }
    }

    /// Whether one more attempt fits.
    pub(super) fn fits(&self, next: &Demand) -> bool {
        let place = self.room.concurrency.is_none_or(|limit| self.attempts < limit);
        place && self.room.has.holds(&self.demand.with(next))
    }

    /// Takes the place of one more, whether it fits or not.
    pub(super) fn take(&mut self, demand: &Demand) {
        self.attempts += 1;
        self.demand.add(demand);
    }
}
