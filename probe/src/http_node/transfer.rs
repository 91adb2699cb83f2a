//! One download of the control system's node.
//!
//! In: an order. Out: the file, from all seeders at once, and how far it is. Every seeder has one connection and
//! takes the next range when it is done with one, so that a slow seeder holds nobody up; what a failing one leaves,
//! the others take. A reader has it in order: what there is without a hole, as it comes.

use std::{
    collections::{BTreeMap, VecDeque},
    fs::{self, File},
    io::{self, Read},
    ops::Range,
    os::unix::fs::FileExt,
    path::PathBuf,
    sync::{
        Arc, Condvar, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicU32, AtomicU64, Ordering},
    },
    thread,
    time::Duration,
};

use axum::body::Bytes;
use ureq::Agent;

use super::{Fetch, Held};

/// How much is read and written at a time.
const CHUNK: usize = 64 * 1024;
/// Ranges for each seeder: enough that the last ones end together.
const RANGES_A_SEEDER: u64 = 8;
/// Shorter ranges would cost more in round trips than they win.
const SHORTEST_RANGE: u64 = 1024 * 1024;
/// A seeder that sends nothing for so long has failed.
const STALL: Duration = Duration::from_mins(1);

/// A download under way, or ended.
#[derive(Debug)]
pub(super) struct Transfer {
    name: String,
    total: u64,
    part: PathBuf,
    whole: PathBuf,
    file: File,
    held: AtomicU64,
    peers: AtomicU32,
    state: Mutex<State>,
    /// Something in the state changed that a reader waits for.
    news: Condvar,
}

#[derive(Debug, Default)]
struct State {
    ranges: VecDeque<Range<u64>>,
    /// Bytes that are there from the start on, without a hole.
    whole: u64,
    /// What is there behind a hole: end by start.
    islands: BTreeMap<u64, u64>,
    stopped: bool,
    done: bool,
    error: Option<String>,
}

impl Transfer {
    /// Starts it in the background.
    pub(super) fn begin(order: &Fetch, part: PathBuf, whole: PathBuf) -> io::Result<Arc<Self>> {
        let file = File::options().read(true).write(true).create(true).truncate(true).open(&part)?;
        file.set_len(order.bytes)?;
        let ranges = ranges(order.bytes, order.from.len() as u64);
        let transfer = Arc::new(Self {
            name: order.name.clone(),
            total: order.bytes,
            part,
            whole,
            file,
            held: AtomicU64::new(0),
            peers: AtomicU32::new(0),
            state: Mutex::new(State { ranges, ..State::default() }),
            news: Condvar::new(),
        });
        let (running, from) = (Arc::clone(&transfer), order.from.clone());
        thread::spawn(move || running.run(&from));
        Ok(transfer)
    }

    /// Ends it and removes what it has; a file that is already whole stays.
    pub(super) fn stop(&self) {
        let mut state = self.state();
        state.stopped = true;
        self.news.notify_all();
        if !state.done {
            let _ = fs::remove_file(&self.part);
        }
    }

    /// How far it is.
    pub(super) fn held(&self) -> Held {
        let state = self.state();
        let held = self.held.load(Ordering::Relaxed);
        // The file can be read by others only once it bears its name: all bytes are held then, not a moment before.
        let bytes = if state.done { self.total } else { held.min(self.total.saturating_sub(1)) };
        Held { bytes, total: self.total, peers: self.peers.load(Ordering::Relaxed), error: state.error.clone() }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn run(&self, from: &[String]) {
        let errors: Vec<String> = thread::scope(|scope| {
            let workers: Vec<_> = from.iter().map(|base| scope.spawn(|| self.work(base))).collect();
            let ended = workers.into_iter().map(|worker| worker.join().unwrap_or_else(|_| Some("panicked".to_owned())));
            ended.flatten().collect()
        });
        let mut state = self.state();
        if state.stopped {
            return;
        }
        self.news.notify_all();
        if self.held.load(Ordering::Relaxed) < self.total {
            state.error = Some(errors.join("; "));
            let _ = fs::remove_file(&self.part);
            return;
        }
        match fs::rename(&self.part, &self.whole) {
            Ok(()) => state.done = true,
            Err(error) => state.error = Some(error.to_string()),
        }
    }

    /// Takes ranges from one seeder until there are none; says why it ended before.
    fn work(&self, base: &str) -> Option<String> {
        let agent: Agent = Agent::config_builder()
            .timeout_connect(Some(STALL))
            .timeout_recv_response(Some(STALL))
            .timeout_per_read(Some(STALL))
            .build()
            .into();
        self.peers.fetch_add(1, Ordering::Relaxed);
        let mut error = None;
        while let Some(mut range) = self.next() {
            if let Err(trouble) = self.copy(&agent, base, &mut range) {
                error = Some(format!("{base}: {trouble}"));
                self.state().ranges.push_front(range);
                break;
            }
        }
        self.peers.fetch_sub(1, Ordering::Relaxed);
        error
    }

    fn next(&self) -> Option<Range<u64>> {
        let mut state = self.state();
        if state.stopped { None } else { state.ranges.pop_front() }
    }

    /// Fetches a range; what is left of it stays in `range`.
    fn copy(&self, agent: &Agent, base: &str, range: &mut Range<u64>) -> Result<(), String> {
        let url = format!("{}/files/{}", base.trim_end_matches('/'), self.name);
        let request = agent.get(url).header("range", format!("bytes={}-{}", range.start, range.end - 1));
        let answer = request.call().map_err(|error| error.to_string())?;
        if answer.status().as_u16() != 206 {
            return Err(format!("{} instead of a range", answer.status()));
        }
        let mut body = answer.into_body().into_reader();
        let mut chunk = vec![0; CHUNK];
        while range.start < range.end {
            let left = usize::try_from(range.end - range.start).unwrap_or(CHUNK).min(CHUNK);
            let count = body.read(&mut chunk[..left]).map_err(|error| error.to_string())?;
            if count == 0 {
                return Err(format!("ended {} bytes early", range.end - range.start));
            }
            self.file.write_all_at(&chunk[..count], range.start).map_err(|error| error.to_string())?;
            let came = range.start..range.start + count as u64;
            range.start = came.end;
            self.held.fetch_add(count as u64, Ordering::Relaxed);
            let mut state = self.state();
            if state.stopped {
                return Err("stopped".to_owned());
            }
            state.add(came);
            self.news.notify_all();
        }
        Ok(())
    }

    /// Gives a reader the file in order, as it comes; `send` says whether there is still one.
    pub(super) fn pass_on(&self, most: usize, send: &dyn Fn(io::Result<Bytes>) -> bool) {
        let mut at = 0;
        while at < self.total {
            let chunk = self.behind(at).and_then(|end| {
                let mut chunk = vec![0; usize::try_from(end - at).unwrap_or(most).min(most)];
                self.file.read_exact_at(&mut chunk, at).map(|()| Bytes::from(chunk))
            });
            at = chunk.as_ref().map_or(self.total, |chunk| at + chunk.len() as u64);
            if !send(chunk) {
                return;
            }
        }
    }

    /// Waits until there is something behind that place without a hole; its end.
    fn behind(&self, at: u64) -> io::Result<u64> {
        let mut state = self.state();
        loop {
            if state.whole > at {
                return Ok(state.whole);
            }
            if state.stopped || state.error.is_some() {
                return Err(io::Error::other(state.error.clone().unwrap_or_else(|| "stopped".to_owned())));
            }
            state = self.news.wait(state).unwrap_or_else(PoisonError::into_inner);
        }
    }
}

impl State {
    /// Bytes that came, each once.
    fn add(&mut self, came: Range<u64>) {
        if came.start != self.whole {
            match self.islands.range_mut(..came.start).next_back() {
                Some((_, end)) if *end == came.start => *end = came.end,
                _ => drop(self.islands.insert(came.start, came.end)),
            }
            return;
        }
        self.whole = came.end;
        while let Some(end) = self.islands.remove(&self.whole) {
            self.whole = end;
        }
    }
}

/// Cuts a file into ranges for that many seeders.
fn ranges(total: u64, seeders: u64) -> VecDeque<Range<u64>> {
    // A lone seeder sends everything in one go; more get shares small enough to even out.
    let length = if seeders == 1 { total } else { (total / (seeders * RANGES_A_SEEDER)).max(SHORTEST_RANGE) };
    let mut ranges = VecDeque::new();
    let mut start = 0;
    while start < total {
        let end = start.saturating_add(length).min(total);
        ranges.push_back(start..end);
        start = end;
    }
    ranges
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn holes_hold_a_reader_up() {
        let mut state = State::default();
        for (came, whole) in [(4..5, 0), (5..6, 0), (0..2, 2), (6..9, 2), (2..3, 3), (3..4, 9), (9..10, 10)] {
            state.add(came);
            assert_eq!(state.whole, whole);
        }
        assert!(state.islands.is_empty());
    }

    #[test]
    fn ranges_cover_the_file_once() {
        for (total, seeders) in [(0, 1), (1, 1), (1, 3), (5_000_000, 1), (3_000_001, 2), (1 << 30, 4)] {
            let ranges = ranges(total, seeders);
            let mut at = 0;
            for range in &ranges {
                assert_eq!(range.start, at);
                assert!(range.end > range.start);
                at = range.end;
            }
            assert_eq!(at, total);
            assert!(ranges.len() as u64 <= seeders * RANGES_A_SEEDER + 1);
        }
        assert_eq!(ranges(5_000_000, 1).len(), 1);
    }
}
