use std::{
    hash::{BuildHasher, RandomState},
    time::Duration,
};

/// Waits that grow and differ between processes, so that writers who collided once don't collide again.
#[derive(Debug)]
pub struct Backoff {
    tries: u32,
    limit: u32,
}

impl Backoff {
    /// Tries before a writer gives up.
    pub const TRIES: u32 = 30;

    /// At most this many tries.
    pub fn new(limit: u32) -> Self {
        Self { tries: 0, limit }
    }

    /// Waits before the next try; false when there is none left.
    pub fn again(&mut self) -> bool {
        self.tries += 1;
        if self.tries >= self.limit {
            return false;
        }
        let ceiling = 20_u64 << self.tries.min(5);
        // The hasher's keys are random for each process and instance: jitter without a generator.
        let jitter = RandomState::new().hash_one(self.tries) % ceiling;
        std::thread::sleep(Duration::from_millis(5 + jitter));
        true
    }

    /// How often it was tried.
    pub fn tries(&self) -> u32 {
        self.tries
    }
}
