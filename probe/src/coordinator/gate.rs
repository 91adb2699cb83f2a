//! The gate: whether every seeder is visible to the others.
//!
//! In: a driver's name, the handle of the content, its seeders. Out: nothing, or why the gate stays shut. Each driver
//! has its own way to know; this is the place for them.

use std::{
    thread,
    time::{Duration, Instant},
};

use crate::{
    coordinator::swarm::Swarm,
    driver::{Handle, InfoHash, infohash},
    protocol::Step,
    tracker::Tracker,
};

/// Pause between two looks at the tracker, which lives in this process.
const LOOK: Duration = Duration::from_millis(100);

/// How a driver's seeders are known to be visible.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Gate {
    /// The cell's tracker counts as many complete peers as there are seeders.
    Tracker(InfoHash),
    /// Nothing is to be discovered: leechers are told where the seeders are. The first one must answer.
    Answers,
}

impl Gate {
    fn of(driver: &str, handle: &Handle) -> Result<Self, String> {
        match driver {
            "qbittorrent" => infohash(handle).map(Self::Tracker).ok_or_else(|| "the handle is no torrent".to_owned()),
            _ => Ok(Self::Answers),
        }
    }
}

/// Waits for the gate of one content to open.
pub(super) fn open(
    driver: &str,
    handle: &Handle,
    seeders: &[String],
    (swarm, tracker): (&Swarm, &Tracker),
    limit: Duration,
) -> Result<(), String> {
    match Gate::of(driver, handle)? {
        Gate::Tracker(infohash) => tracker_counts(tracker, infohash, seeders.len(), limit),
        Gate::Answers => {
            let first = seeders.first().ok_or("there are no seeders")?;
            let step = Step::Describe { limit_seconds: limit.as_secs_f64() };
            swarm.one(first, &step, limit).map(drop).map_err(|trouble| format!("seeder {first}: {trouble}"))
        }
    }
}

fn tracker_counts(tracker: &Tracker, infohash: InfoHash, seeders: usize, limit: Duration) -> Result<(), String> {
    let end = Instant::now() + limit;
    loop {
        let complete = tracker.counts(infohash).complete;
        if usize::try_from(complete).is_ok_and(|complete| complete >= seeders) {
            return Ok(());
        }
        if Instant::now() >= end {
            let seconds = limit.as_secs_f64();
            return Err(format!("tracker shows {complete} of {seeders} seeders complete after {seconds} s"));
        }
        thread::sleep(LOOK);
    }
}

/// Forgets a content that was removed.
pub(super) fn forget(tracker: &Tracker, driver: &str, handle: &Handle) {
    if let Ok(Gate::Tracker(infohash)) = Gate::of(driver, handle) {
        tracker.forget(infohash);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_shut_gate_says_what_it_saw() {
        let error = tracker_counts(&Tracker::new(), InfoHash([7; 20]), 2, Duration::from_millis(150)).unwrap_err();
        assert_eq!(error, "tracker shows 0 of 2 seeders complete after 0.15 s");
    }

    #[test]
    fn a_handle_that_is_no_torrent() {
        let error = Gate::of("qbittorrent", &Handle("x".to_owned())).unwrap_err();
        assert_eq!(error, "the handle is no torrent");
        assert_eq!(Gate::of("http", &Handle("x".to_owned())), Ok(Gate::Answers));
    }
}
