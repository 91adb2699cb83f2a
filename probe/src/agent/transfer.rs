//! One timed download.
//!
//! In: a driver, what to get, when to start. Out: a [`Transfer`]: marks by first observation (nothing is
//! interpolated), progress, the node's network, the reason of a failure. Every duration is a difference of this
//! process's monotonic clock.

use std::{
    thread,
    time::{Duration, Instant},
};

use benchgrid_measures::{Counters, CurvePoint, Failure, Timing};

use crate::{
    driver::{Driver, DriverError},
    protocol::{Download, Transfer},
};

/// Pause between two looks: half of the finest resolution a driver has (100 ms), so that no step of the node's own
/// counter is missed, at 20 local requests a second.
const POLL: Duration = Duration::from_millis(50);

/// Least time between two points of a curve, in seconds: stores keep milliseconds.
const APART: f64 = 0.0011;

/// Most points of a curve that are kept.
const POINTS: usize = 200;

/// A node that gave only errors for so long has failed: much longer than a busy node needs to answer, much shorter
/// than a stall.
const ERRORS: Duration = Duration::from_secs(10);

/// Reads the node's network counters; none where they can't be read.
pub(crate) type Meter<'a> = dyn Fn() -> Box<dyn FnOnce() -> Counters> + 'a;

/// Waits for the planned start and gets the content; `arrived` is when the step came.
pub(crate) fn transfer(driver: &mut dyn Driver, order: &Download, arrived: Instant, meter: &Meter<'_>) -> Transfer {
    let mut transfer = timed(order, arrived, meter, |watch| {
        let started = driver.start(&order.handle, &order.content, &order.seeders);
        started.err().map(|error| Failure::new("error", error.to_string())).or_else(|| watch.until_the_end(driver))
    });
    if transfer.failure.is_none() {
        verify(driver, order, &mut transfer);
    }
    transfer
}

/// Waits for the planned start, then counts the node's network while `run` gets the content.
pub(super) fn timed(
    order: &Download,
    arrived: Instant,
    meter: &Meter<'_>,
    run: impl FnOnce(&mut Watch<'_>) -> Option<Failure>,
) -> Transfer {
    let planned = Duration::from_secs_f64(order.start_in_seconds.max(0.0));
    thread::sleep((arrived + planned).saturating_duration_since(Instant::now()));
    let counted = meter();
    let t0 = Instant::now();
    let mut watch = Watch::new(order, t0);
    watch.timing.start_skew_seconds = Some((t0 - arrived).as_secs_f64() - order.start_in_seconds);
    let failure = run(&mut watch);
    let counters = counted();
    Transfer { counters, failure, ..watch.finish() }
}

/// Reads the content back. Marks of a download whose content is not proven say nothing, so they go.
fn verify(driver: &mut dyn Driver, order: &Download, transfer: &mut Transfer) {
    let start = Instant::now();
    transfer.failure = match driver.read_back(&order.content) {
        Ok(sha256) if sha256 == order.sha256 => None,
        Ok(sha256) => {
            let detail = format!("SHA-256 is {sha256}, should be {}", order.sha256);
            Some(Failure::new("corrupt", detail))
        }
        Err(error) => Some(Failure::new("error", error.to_string())),
    };
    let timing = &mut transfer.timing;
    if transfer.failure.is_some() {
        timing.forget_marks();
    }
    timing.verify_seconds = Some(start.elapsed().as_secs_f64());
}

/// What is seen of a running download.
pub(super) struct Watch<'a> {
    order: &'a Download,
    t0: Instant,
    /// When the last look that got an answer was begun; for a reader, the end of its last wait.
    looked: Instant,
    /// Last time the node held more than before.
    grew: Instant,
    bytes: u64,
    gap: Duration,
    stall: Duration,
    peers: Option<u32>,
    timing: Timing,
    curve: Curve,
}

impl<'a> Watch<'a> {
    fn new(order: &'a Download, t0: Instant) -> Self {
        Self {
            order,
            t0,
            looked: t0,
            grew: t0,
            bytes: 0,
            gap: Duration::ZERO,
            stall: Duration::ZERO,
            peers: None,
            timing: Timing::default(),
            curve: Curve::new(),
        }
    }

    /// Looks every [`POLL`] until everything is there or the transfer has failed.
    fn until_the_end(&mut self, driver: &mut dyn Driver) -> Option<Failure> {
        let mut next = Instant::now();
        loop {
            let asked = Instant::now();
            let error = match driver.progress() {
                Ok(progress) => {
                    self.peers = self.peers.max(progress.peers);
                    let now = Instant::now();
                    // The answer is of an instant between the two, so what is new came after the last look was begun.
                    self.looked(now);
                    self.waited(asked);
                    self.see(progress.verified_bytes, now);
                    None
                }
                Err(error) => Some(error),
            };
            if self.bytes >= self.order.content.bytes {
                return None;
            }
            if let Some(failure) = self.hopeless(error.as_ref(), Instant::now()) {
                return Some(failure);
            }
            // A look that took longer than the period is not made up for.
            next = (next + POLL).max(Instant::now());
            thread::sleep(next.saturating_duration_since(Instant::now()));
        }
    }

    /// Up to now, what came since the last look could not be seen.
    pub(super) fn looked(&mut self, now: Instant) {
        self.gap = self.gap.max(now - self.looked);
    }

    /// What came up to now is seen.
    pub(super) fn waited(&mut self, now: Instant) {
        self.looked = now;
    }

    /// So many bytes are verified now.
    pub(super) fn see(&mut self, bytes: u64, now: Instant) {
        if bytes <= self.bytes {
            return;
        }
        self.stall = self.stall.max(now - self.grew);
        self.grew = now;
        self.bytes = bytes;
        let seconds = (now - self.t0).as_secs_f64();
        self.curve.add(CurvePoint { seconds, bytes });
        let total = u128::from(self.order.content.bytes);
        let reached = |percent: u128| u128::from(bytes) * 100 >= total * percent;
        let timing = &mut self.timing;
        timing.time_to_first_byte_seconds.get_or_insert(seconds);
        for (percent, mark) in [
            (50, &mut timing.time_to_50_seconds),
            (90, &mut timing.time_to_90_seconds),
            (100, &mut timing.time_to_100_seconds),
        ] {
            if reached(percent) {
                mark.get_or_insert(seconds);
            }
        }
    }

    /// How much longer silence is no failure.
    pub(super) fn patience(&self, now: Instant) -> Duration {
        let stalled = self.grew + Duration::from_secs_f64(self.order.stalled_seconds);
        let end = stalled.min(self.t0 + Duration::from_secs_f64(self.order.deadline_seconds));
        end.saturating_duration_since(now)
    }

    pub(super) fn hopeless(&self, error: Option<&DriverError>, now: Instant) -> Option<Failure> {
        let said = error.map(|error| format!("; its last answer: {error}")).unwrap_or_default();
        let held = || format!("{} of {} bytes held", self.bytes, self.order.content.bytes);
        if let Some(error) = error
            && now - self.looked > ERRORS
        {
            return Some(Failure::new(
                "error",
                format!("only errors for {} s, last: {error}; {}", ERRORS.as_secs(), held()),
            ));
        }
        if (now - self.grew).as_secs_f64() > self.order.stalled_seconds {
            return Some(Failure::new(
                "stalled",
                format!("nothing new for {} s, {}{said}", self.order.stalled_seconds, held()),
            ));
        }
        if (now - self.t0).as_secs_f64() > self.order.deadline_seconds {
            return Some(Failure::new(
                "deadline",
                format!("not done after {} s, {}{said}", self.order.deadline_seconds, held()),
            ));
        }
        None
    }

    fn finish(self) -> Transfer {
        let open = if self.bytes < self.order.content.bytes { self.grew.elapsed() } else { Duration::ZERO };
        let mut timing = self.timing;
        timing.poll_gap_max_seconds = Some(self.gap.as_secs_f64());
        timing.stall_max_seconds = Some(self.stall.max(open).as_secs_f64());
        Transfer { timing, curve: self.curve.points(), peers: self.peers, ..Transfer::default() }
    }
}

/// Leaves out what comes so soon after the point before it that the store could not tell them apart; the first and the
/// last stay.
fn apart(points: Vec<CurvePoint>) -> Vec<CurvePoint> {
    let last = points.last().copied();
    let mut kept: Vec<CurvePoint> = Vec::with_capacity(points.len());
    for point in points {
        if kept.last().is_none_or(|before| point.seconds - before.seconds >= APART) {
            kept.push(point);
        }
    }
    if let Some(last) = last.filter(|last| kept.last() != Some(last)) {
        if kept.len() > 1 {
            kept.pop();
        }
        kept.push(last);
    }
    kept
}

/// A progress curve that never holds more than twice as many points as are kept.
#[derive(Debug, Clone)]
pub(super) struct Curve {
    points: Vec<CurvePoint>,
    /// Every how many points one is taken, a power of two.
    stride: usize,
    seen: usize,
    last: Option<CurvePoint>,
}

impl Default for Curve {
    fn default() -> Self {
        Self::new()
    }
}

impl Curve {
    /// A curve that starts with nothing at t0.
    pub(super) fn new() -> Self {
        Self { points: vec![CurvePoint { seconds: 0.0, bytes: 0 }], stride: 1, seen: 0, last: None }
    }

    /// Adds a point after all others.
    pub(super) fn add(&mut self, point: CurvePoint) {
        self.last = Some(point);
        self.seen += 1;
        if self.seen.is_multiple_of(self.stride) {
            self.points.push(point);
        }
        if self.points.len() > 2 * POINTS {
            self.points = self.points.iter().copied().step_by(2).collect();
            self.stride *= 2;
        }
    }

    /// At most 200 points, evenly taken, the first and the last always among them.
    pub(super) fn points(self) -> Vec<CurvePoint> {
        let mut points = self.points;
        if let Some(last) = self.last
            && points.last() != Some(&last)
        {
            points.push(last);
        }
        let points = apart(points);
        let count = points.len();
        if count <= POINTS {
            return points;
        }
        (0..POINTS).map(|i| points[i * (count - 1) / (POINTS - 1)]).collect()
    }
}

#[cfg(test)]
mod tests {
    use std::collections::{BTreeMap, VecDeque};

    use super::*;
    use crate::{
        content::Content,
        driver::{Description, Handle, Ingested, Progress},
    };

    /// A node that follows a script: one entry a look, the last one for ever.
    struct Script {
        looks: VecDeque<Option<u64>>,
        sha256: &'static str,
    }

    fn trouble() -> DriverError {
        DriverError::Node { action: "progress".to_owned(), detail: "500".to_owned() }
    }

    impl Driver for Script {
        fn describe(&mut self) -> Result<Description, DriverError> {
            Ok(Description {
                driver: "script".to_owned(),
                version: "1".to_owned(),
                settings: BTreeMap::new(),
                unit_bytes: 1,
                resolution_seconds: 0.0,
            })
        }
        fn ingest(&mut self, _: &Content, _: Duration) -> Result<Ingested, DriverError> {
            Err(trouble())
        }
        fn start(&mut self, _: &Handle, _: &Content, _: &[String]) -> Result<(), DriverError> {
            Ok(())
        }
        fn progress(&mut self) -> Result<Progress, DriverError> {
            let look = if self.looks.len() > 1 { self.looks.pop_front() } else { self.looks.front().copied() };
            let bytes = look.flatten().ok_or_else(trouble)?;
            Ok(Progress { verified_bytes: bytes, peers: Some(1) })
        }
        fn read_back(&mut self, _: &Content) -> Result<String, DriverError> {
            Ok(self.sha256.to_owned())
        }
        fn remove(&mut self, _: &Content) -> Result<(), DriverError> {
            Ok(())
        }
    }

    fn run(looks: &[Option<u64>], sha256: &'static str, stalled: f64, deadline: f64) -> Transfer {
        let order = Download {
            content: Content { name: "c".to_owned(), seed: "00".repeat(32), bytes: 1000 },
            sha256: "good".to_owned(),
            handle: Handle(String::new()),
            seeders: Vec::new(),
            start_in_seconds: 0.05,
            stalled_seconds: stalled,
            deadline_seconds: deadline,
        };
        let mut script = Script { looks: looks.iter().copied().collect(), sha256 };
        transfer(&mut script, &order, Instant::now(), &|| Box::new(Counters::default))
    }

    #[test]
    fn points_of_a_curve_are_apart() {
        let mut curve = Curve::new();
        for (bytes, seconds) in [0.0005, 0.1, 0.1004, 0.1008, 0.2, 0.2001].into_iter().enumerate() {
            curve.add(CurvePoint { seconds, bytes: bytes as u64 + 1 });
        }
        let kept: Vec<_> = curve.points().iter().map(|point| (point.seconds, point.bytes)).collect();
        assert_eq!(kept, [(0.0, 0), (0.1, 2), (0.2001, 6)]);
    }

    #[test]
    fn marks_are_first_observations() {
        let done = run(&[Some(0), Some(10), Some(500), None, Some(899), Some(1000)], "good", 5.0, 5.0);
        assert_eq!(done.failure, None);
        let at = |mark: Option<f64>| mark.unwrap();
        let t = &done.timing;
        assert!((0.04..0.2).contains(&at(t.time_to_first_byte_seconds)), "{t:?}");
        assert!((0.09..0.3).contains(&at(t.time_to_50_seconds)), "{t:?}");
        assert!(at(t.time_to_90_seconds) >= 0.24 && t.time_to_90_seconds == t.time_to_100_seconds, "{t:?}");
        assert!(at(t.poll_gap_max_seconds) >= 0.09, "the failed look widens the gap: {t:?}");
        assert!(at(t.start_skew_seconds) < 0.1, "{t:?}");
        let held: Vec<u64> = done.curve.iter().map(|point| point.bytes).collect();
        assert_eq!(held, [0, 10, 500, 899, 1000]);
    }

    #[test]
    fn failures_have_their_word() {
        let word = |transfer: &Transfer| transfer.failure.as_ref().map(|failure| failure.reason.clone()).unwrap();
        let stalled = run(&[Some(0), Some(400)], "good", 0.3, 5.0);
        assert_eq!(word(&stalled), "stalled");
        assert!(stalled.timing.stall_max_seconds.unwrap() >= 0.3 && stalled.timing.time_to_50_seconds.is_none());
        let dead = run(&[Some(400), None], "good", 0.3, 5.0).failure.unwrap();
        assert_eq!(dead.detail, "nothing new for 0.3 s, 400 of 1000 bytes held; its last answer: progress: 500");
        let growing: Vec<Option<u64>> = (1..500).map(Some).collect();
        assert_eq!(word(&run(&growing, "good", 1.0, 0.3)), "deadline");
        let corrupt = run(&[Some(1000)], "bad", 1.0, 1.0);
        assert_eq!(word(&corrupt), "corrupt");
        assert_eq!(corrupt.timing.time_to_100_seconds, None);
    }

    #[test]
    fn a_curve_stays_small_and_whole() {
        for count in [0_u64, 1, 150, 199, 200, 401, 5_000, 216_000] {
            let mut curve = Curve::new();
            for i in 1..=count {
                #[expect(clippy::cast_precision_loss, reason = "small numbers")]
                curve.add(CurvePoint { seconds: i as f64, bytes: i });
            }
            let points = curve.points();
            assert!(points.len() <= POINTS, "{count}: {}", points.len());
            assert_eq!(points.first().unwrap().bytes, 0);
            assert_eq!(points.last().unwrap().bytes, count);
            assert!(points.windows(2).all(|pair| pair[0].bytes < pair[1].bytes), "{count}");
        }
    }
}
