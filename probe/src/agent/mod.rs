//! The agent: the probe beside one node.
//!
//! In: [`Settings`] and the coordinator's steps. Out: answers; the node is driven meanwhile. One thread asks for steps
//! all the time (that is the sign of life), another works on them one after the other.

use std::{
    path::PathBuf,
    sync::mpsc,
    thread,
    time::{Duration, Instant},
};

use crate::{
    driver::{self, DriverError, Place},
    protocol::{Order, Register, Report, Step, StepResult},
};

mod environment;
pub(crate) mod link;
mod reader;
mod stream;
mod transfer;
mod work;

use environment::environment;
use link::Link;
pub use link::LinkError;
pub(crate) use stream::stream;
pub(crate) use transfer::transfer;
pub use work::Worker;

/// What an agent must know.
#[derive(Debug, Clone)]
pub struct Settings {
    /// Base URL of the coordinator.
    pub coordinator: String,
    /// Announce URL of the cell's tracker.
    pub tracker: String,
    /// The attempt.
    pub attempt: String,
    /// System of the node.
    pub system: String,
    /// Group of the node.
    pub group: String,
    /// Name of the pod.
    pub pod: String,
    /// Host by which the other nodes reach this node.
    pub host: String,
    /// Name of the driver.
    pub driver: String,
    /// Base URL of the node's local API.
    pub api: String,
    /// The node's data directory.
    pub data: PathBuf,
    /// Network device whose bytes are counted.
    pub device: String,
    /// How long the coordinator may be out of reach before the agent gives up.
    pub patience: Duration,
}

impl Settings {
    fn place(&self) -> Place {
        Place { api: self.api.clone(), data: self.data.clone(), host: self.host.clone(), tracker: self.tracker.clone() }
    }
}

/// Why an agent ended before the experiment did.
#[derive(Debug, thiserror::Error)]
pub enum AgentError {
    /// The coordinator.
    #[error(transparent)]
    Link(#[from] LinkError),
    /// The driver.
    #[error(transparent)]
    Driver(#[from] DriverError),
    /// The thread that works on steps ended.
    #[error("the agent's worker ended")]
    Worker,
}

/// An order, and when it came.
struct Arrival {
    order: Order,
    at: Instant,
}

/// Registers and works on steps until the coordinator says that there is no more.
///
/// `tell` gets what happens, for people.
pub fn run(settings: &Settings, tell: impl Fn(&str) + Send + Clone + 'static) -> Result<(), AgentError> {
    let driver = driver::driver(&settings.driver, settings.place())?;
    let link = Link::new(&settings.coordinator, settings.patience);
    let register = Register {
        attempt: settings.attempt.clone(),
        agent: settings.pod.clone(),
        system: settings.system.clone(),
        group: settings.group.clone(),
        driver: settings.driver.clone(),
        host: settings.host.clone(),
        instance: instance(),
    };
    let registered = link.register(&register)?;
    tell(&format!("{} registered with {}", settings.pod, settings.coordinator));
    let worker = Worker::new(driver, settings.device.clone());
    let (hand, orders) = mpsc::channel();
    let (finished, end) = mpsc::channel();
    let worker = {
        let (link, register) = (link.clone(), register.clone());
        thread::spawn(move || {
            let outcome = work_on(worker, &link, &register, &orders, tell);
            // Nobody listens any more when asking for steps has failed already.
            let _ = finished.send(());
            outcome
        })
    };
    let asked = ask(&link, &register, registered.after, &hand, &end);
    drop(hand);
    asked?;
    worker.join().map_err(|_| AgentError::Worker)?
}

/// Asks for steps and hands them on, until the last one is done.
fn ask(
    link: &Link,
    register: &Register,
    mut after: u64,
    hand: &mpsc::Sender<Arrival>,
    end: &mpsc::Receiver<()>,
) -> Result<(), AgentError> {
    loop {
        let order = match link.step(register, after) {
            // Only waiting fails: something between the two cuts connections on which nothing comes for a while.
            Err(LinkError::Unreachable { .. }) if link.reaches(register) => continue,
            order => order?,
        };
        if let Some(order) = order {
            after = order.number;
            let last = order.step == Step::Finish;
            if hand.send(Arrival { order, at: Instant::now() }).is_err() {
                return Ok(());
            }
            if last {
                // The worker says so when its last answer is out, or ends without a word.
                let _ = end.recv();
                return Ok(());
            }
        } else if end.try_recv().is_ok() {
            return Ok(());
        }
    }
}

/// Works on orders as they come.
fn work_on(
    mut worker: Worker,
    link: &Link,
    register: &Register,
    orders: &mpsc::Receiver<Arrival>,
    tell: impl Fn(&str),
) -> Result<(), AgentError> {
    while let Ok(Arrival { order, at }) = orders.recv() {
        let last = order.step == Step::Finish;
        let result = worker.work(order.step, at);
        if let StepResult::Error(text) | StepResult::Hidden(text) = &result {
            tell(&format!("step {}: {text}", order.number));
        }
        let report =
            Report { agent: register.agent.clone(), instance: register.instance.clone(), number: order.number, result };
        link.report(&report)?;
        if last {
            break;
        }
    }
    Ok(())
}

/// Tells this start of the agent from others: a name is enough, it guards nothing.
fn instance() -> String {
    let since = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap_or_default();
    format!("{:x}-{:x}", since.as_nanos(), std::process::id())
}
