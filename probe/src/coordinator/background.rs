//! Systems that transfer without a pause beside the measured ones.
//!
//! In: the [`Cell`] and one of its background systems. Out: load on the machines and links, notes, and whether it was
//! there: a background that stopped voids what was measured without it. Its transfers leave no records.

use std::{
    sync::{
        Mutex, MutexGuard, PoisonError,
        atomic::{AtomicBool, Ordering},
    },
    thread::{self, ScopedJoinHandle},
    time::{Duration, Instant},
};

use benchgrid_measures::{Observation, Phase, Reason};

use crate::{
    coordinator::{
        draw::{Parts, Which},
        end::End,
        repetition::{self, Cell, Yield},
    },
    experiment::System,
    protocol::Reply,
};

/// Pause between two looks at a background that starts or ends.
const LOOK: Duration = Duration::from_millis(50);

/// One background system.
pub(super) struct Background<'a> {
    cell: &'a Cell<'a>,
    system: &'a System,
    parts: &'a Parts,
    stop: AtomicBool,
    seen: Mutex<Seen>,
}

/// What became of it since somebody asked.
#[derive(Debug, Default)]
struct Seen {
    /// Its first transfer began.
    began: bool,
    /// Transfers that came to their end.
    transfers: u32,
    /// It transfers no more.
    ended: Option<End>,
    notes: Vec<String>,
    /// Transfers in which nothing arrived.
    failed: Vec<String>,
}

impl<'a> Background<'a> {
    pub(super) fn new(cell: &'a Cell<'a>, system: &'a System, parts: &'a Parts) -> Self {
        Self { cell, system, parts, stop: AtomicBool::new(false), seen: Mutex::default() }
    }

    fn seen(&self) -> MutexGuard<'_, Seen> {
        // nothing that holds the lock can panic half-way
        self.seen.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Transfers until it is stopped, or can't go on.
    pub(super) fn run(&self) {
        let mut number = 0;
        while !self.stop.load(Ordering::Relaxed) {
            number += 1;
            if let Err(end) = self.transfer(number) {
                if !self.stop.load(Ordering::Relaxed) {
                    self.seen().ended = Some(end);
                }
                return;
            }
        }
    }

    /// Content in, downloads, content out.
    fn transfer(&self, number: u32) -> Result<(), End> {
        let mut out = Yield::default();
        let which = Which { phase: Phase::Measured, number, observe: Observation::Counter };
        let offers = [self.cell.bring_in(self.system, self.parts, which, &mut out)?];
        self.cell.gate(&offers[0])?;
        self.seen().began = true;
        let start = Instant::now();
        let answers = self.cell.download(&offers, which.observe);
        let seconds = start.elapsed().as_secs_f64();
        let arrived = |answer: &_| matches!(answer, Ok(Reply::Downloaded(transfer)) if transfer.failure.is_none());
        let arrived = answers.values().filter(|answer| arrived(answer)).count();
        self.cell.bring_out(&offers, &mut out);
        let text = format!("transfer {number}: {arrived} of {} downloads succeeded in {seconds:.3} s", answers.len());
        let mut seen = self.seen();
        if arrived == 0 && !self.stop.load(Ordering::Relaxed) {
            seen.failed.push(text.clone());
        }
        seen.transfers = number;
        seen.notes.push(text.clone());
        drop(seen);
        if arrived < answers.len() && repetition::goes_on(&self.system.driver) {
            let text = format!("{text}; a download that failed can't be stopped");
            return Err(End::new(Reason::TransferFailed, text));
        }
        Ok(())
    }

    /// Waits until its transfers run; why not, where they don't.
    pub(super) fn under_way(&self) -> Result<(), End> {
        match &self.once(|seen| seen.began).ended {
            Some(end) => Err(End::new(end.reason, format!("{}: {}", self.name(), end.detail))),
            None => Ok(()),
        }
    }

    /// What happened since the last look, and what of it voids a repetition.
    ///
    /// Only a transfer that ends well shows that the load was there until now, so the one under way is awaited.
    pub(super) fn news(&self, out: &mut Yield) {
        let before = self.seen().transfers;
        let mut seen = self.once(|seen| seen.transfers > before);
        out.notes.extend(seen.notes.drain(..).map(|note| format!("{}: {note}", self.name())));
        out.invalid.extend(seen.failed.drain(..).map(|failed| format!("{}: {failed}", self.name())));
        if let Some(end) = &seen.ended {
            out.invalid.push(format!("{} had stopped: {}", self.name(), end.detail));
        }
    }

    /// Waits for something to be seen, or its end: the limits of its steps bound both.
    fn once(&self, wanted: impl Fn(&Seen) -> bool) -> MutexGuard<'_, Seen> {
        loop {
            let seen = self.seen();
            if wanted(&seen) || seen.ended.is_some() {
                return seen;
            }
            drop(seen);
            thread::sleep(LOOK);
        }
    }

    /// Stops it, whatever it is at.
    pub(super) fn stop(&self, thread: &ScopedJoinHandle<'_, ()>) {
        self.stop.store(true, Ordering::Relaxed);
        let pods: Vec<_> = self.parts.seeders.iter().chain(&self.parts.leechers).cloned().collect();
        while !thread.is_finished() {
            self.cell.swarm.give_up(&pods);
            thread::sleep(LOOK);
        }
    }

    fn name(&self) -> String {
        format!("background {}", self.system.name)
    }
}
