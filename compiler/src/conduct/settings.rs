use crate::plan::Needs;

/// What the lab says about conducting.
#[derive(Debug, Clone, PartialEq)]
pub struct Settings {
    /// What may be deployed at a time.
    pub room: Room,
    /// Seconds for which the place of an attempt that ended stays taken.
    pub drain_seconds: u64,
    /// Further tries at a trial that failed.
    pub retries: u32,
}

/// How much fits into the lab.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Room {
    /// Attempts at a time; none: as many as there are.
    pub concurrency: Option<u32>,
}

impl Room {
    /// Whether one more attempt fits beside those that take a place.
    ///
    /// Only their number counts so far; what each needs is passed so that capacity of pools can count as well.
    pub fn fits(&self, taken: &[Option<&Needs>], _next: &Needs) -> bool {
        self.concurrency.is_none_or(|limit| taken.len() < limit as usize)
    }
}
