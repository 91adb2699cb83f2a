//! Steps, done at one node.
//!
//! In: a step and when it came. Out: its answer.

use std::{
    thread,
    time::{Duration, Instant},
};

use benchgrid_measures::Counters;

use crate::{
    agent::{environment, stream, transfer, transfer::Meter},
    baseline::{self, Direction},
    content::Content,
    counters::{Idle, Reading},
    driver::{self, Driver, DriverError},
    protocol::{Download, Reply, Step, StepResult, Transfer},
    shaping::LinkSeen,
};

/// The device that carries the bytes of every node of a machine: nobody's are counted on it.
const LOOPBACK: &str = "lo";

/// Works on steps.
pub struct Worker {
    driver: Box<dyn Driver>,
    device: String,
    /// Traffic of the node when it did nothing last.
    idle: Idle,
}

impl Worker {
    /// Drives a node and counts the bytes of a network device.
    pub fn new(driver: Box<dyn Driver>, device: String) -> Self {
        Self { driver, device, idle: Idle::default() }
    }

    /// Does a step that came at `arrived`.
    pub fn work(&mut self, step: Step, arrived: Instant) -> StepResult {
        let reply = match step {
            Step::Describe { limit_seconds } => self.describe(limit_seconds),
            Step::Check { bytes } => {
                Ok(Reply::Checked { broken: driver::preflight(self.driver.as_mut(), bytes).broken() })
            }
            Step::Baseline { address, bytes, limit_seconds } => transfers(&address, bytes, limit_seconds),
            Step::Ingest { content, limit_seconds } => match self.ingest(&content, limit_seconds) {
                Err(hidden @ DriverError::Hidden { .. }) => return StepResult::Hidden(text(&hidden)),
                reply => reply.map_err(|error| text(&error)),
            },
            Step::Idle { seconds } => self.idle(seconds),
            Step::Inspect => Ok(Reply::Inspected { link: LinkSeen::now(&self.device) }),
            Step::Connect { others, limit_seconds } => {
                done(self.driver.connect(&others, Duration::from_secs_f64(limit_seconds)))
            }
            Step::Find { handle, limit_seconds } => {
                done(self.driver.find(&handle, Duration::from_secs_f64(limit_seconds)))
            }
            Step::Download(order) => Ok(self.get(transfer, &order, arrived)),
            Step::Stream(order) => Ok(self.get(stream, &order, arrived)),
            Step::Remove { content } => done(self.driver.remove(&content)),
            Step::Finish => Ok(Reply::Done),
        };
        match reply {
            Ok(reply) => StepResult::Ok(Box::new(reply)),
            Err(text) => StepResult::Error(text),
        }
    }

    /// Asks the node each second until it is up.
    fn describe(&mut self, limit: f64) -> Result<Reply, String> {
        let end = Instant::now() + Duration::from_secs_f64(limit);
        let description = loop {
            match self.driver.describe() {
                Ok(description) => break description,
                Err(error) if Instant::now() >= end => return Err(text(&error)),
                Err(_) => thread::sleep(Duration::from_secs(1)),
            }
        };
        // Once they could be read, they can be read again.
        Reading::take(&self.device).map_err(|error| format!("counters of {}: {error}", self.device))?;
        Ok(Reply::Described { description, environment: environment(), link: LinkSeen::now(&self.device) })
    }

    fn ingest(&mut self, content: &Content, limit: f64) -> Result<Reply, DriverError> {
        let counted = meter(&self.device, Idle::default());
        let ingested = self.driver.ingest(content, Duration::from_secs_f64(limit))?;
        let counters = counted();
        let sha256 =
            content.sha256().map_err(|source| DriverError::File { path: content.name.clone().into(), source })?;
        Ok(Reply::Ingested { handle: ingested.handle, upload_seconds: ingested.upload_seconds, sha256, counters })
    }

    fn idle(&mut self, seconds: f64) -> Result<Reply, String> {
        let read = || Reading::take(&self.device).map_err(|error| error.to_string());
        let before = read()?;
        thread::sleep(Duration::from_secs_f64(seconds));
        self.idle = read()?.idle_since(&before);
        Ok(Reply::Done)
    }

    fn get(&mut self, how: Get, order: &Download, arrived: Instant) -> Reply {
        let (device, idle) = (&self.device, self.idle);
        Reply::Downloaded(how(self.driver.as_mut(), order, arrived, &|| meter(device, idle)))
    }
}

/// A way to get content.
type Get = fn(&mut dyn Driver, &Download, Instant, &Meter<'_>) -> Transfer;

/// Starts to count; the function ends it.
fn meter(device: &str, idle: Idle) -> Box<dyn FnOnce() -> Counters> {
    if device == LOOPBACK {
        return Box::new(Counters::default);
    }
    let device = device.to_owned();
    let before = Reading::take(&device);
    Box::new(move || match (before, Reading::take(&device)) {
        (Ok(before), Ok(after)) => after.since(&before, idle),
        _ => Counters::default(),
    })
}

fn transfers(address: &str, bytes: u64, limit: f64) -> Result<Reply, String> {
    let rate = |direction| {
        let limit = Duration::from_secs_f64(limit / 2.0);
        let measured = baseline::measure(address, direction, bytes, limit);
        measured.map_err(|error| format!("baseline {direction:?} with {address}: {error}"))
    };
    let up_bits_per_second = rate(Direction::Up)?;
    let down_bits_per_second = rate(Direction::Down)?;
    Ok(Reply::Baseline { up_bits_per_second, down_bits_per_second })
}

fn done(result: Result<(), DriverError>) -> Result<Reply, String> {
    result.map(|()| Reply::Done).map_err(|error| text(&error))
}

fn text(error: &DriverError) -> String {
    error.to_string()
}
