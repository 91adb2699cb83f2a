//! The coordinator: the probe that runs a cell's experiment.
//!
//! In: [`Settings`]: the experiment, the attempt's name, where to listen. Out: records and notes to a [`Journal`] as
//! they come, and the [`Outcome`]. Handlers of the HTTP side only move messages; the experiment itself is one thread's
//! linear code ([`attempt`], [`repetition`]).

use std::{
    net::{IpAddr, Ipv4Addr, Ipv6Addr, TcpListener},
    panic::{AssertUnwindSafe, catch_unwind},
    path::PathBuf,
    sync::{Arc, Mutex, PoisonError},
};

use benchgrid_measures::{AttemptName, Outcome, Reason};
use tokio::runtime::Runtime;

use crate::{baseline, experiment::Experiment, kubernetes, serve::serve, tracker::Tracker};

mod attempt;
mod background;
mod draw;
mod end;
mod fate;
mod fingerprint;
mod gate;
mod images;
mod ledger;
mod preflight;
mod repetition;
mod server;
mod swarm;

pub use ledger::{STORE_BETWEEN, STORE_CLOSING};

use attempt::Attempt;
use end::End;
use swarm::{Expected, Swarm};

/// Most connections at once on a port, those of the nodes apart.
const CONNECTIONS: usize = 64;
/// Most connections at once on a port for each node: its agent asks and reports, and may do both again after an error.
const CONNECTIONS_A_NODE: usize = 4;

/// What a coordinator must know.
#[derive(Debug, Clone)]
pub struct Settings {
    /// The cell.
    pub experiment: Experiment,
    /// Which try at which trial.
    pub attempt: AttemptName,
    /// The cluster to ask about pods; none outside of one.
    pub api: Option<kubernetes::Api>,
    /// Outside of a cluster, the file that gets a line for each container that ended by itself.
    pub ended: Option<PathBuf>,
    /// Address to listen on; none: all.
    pub listen: Option<IpAddr>,
    /// Port for agents.
    pub agent_port: u16,
    /// Port of the tracker.
    pub tracker_port: u16,
    /// Port of plain transfers.
    pub baseline_port: u16,
}

/// Where a coordinator writes.
pub trait Journal: Send {
    /// A record: one line of JSON.
    fn record(&mut self, line: &str);
    /// What happens, for people.
    fn note(&mut self, text: &str);
}

/// What a coordinator is doing; clones show the same.
#[derive(Debug, Clone, Default)]
pub struct Status(Arc<Mutex<(String, u32)>>);

impl Status {
    fn set(&self, doing: &str) {
        doing.clone_into(&mut self.0.lock().unwrap_or_else(PoisonError::into_inner).0);
    }

    fn add(&self, records: usize) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).1 += u32::try_from(records).unwrap_or(u32::MAX);
    }

    /// The outcome of a coordinator that is ended from outside in the middle of things.
    pub fn interrupted(&self, settings: &Settings) -> Outcome {
        let (doing, records) = self.0.lock().unwrap_or_else(PoisonError::into_inner).clone();
        let text = format!("ended from outside (its deadline, or the removal of the cell) while {doing}");
        End::new(Reason::Deadline, text).outcome(&settings.experiment.identity(&settings.attempt), records)
    }
}

/// Runs an attempt. A defect of this code is an outcome as well.
pub fn run(settings: &Settings, status: &Status, journal: &mut dyn Journal) -> Outcome {
    let internal = |text: String| {
        let records = status.0.lock().unwrap_or_else(PoisonError::into_inner).1;
        End::new(Reason::Internal, text).outcome(&settings.experiment.identity(&settings.attempt), records)
    };
    let experiment = || {
        let (runtime, swarm, tracker) = open(settings)?;
        let outcome = Attempt::new(settings, (swarm, tracker), status, journal).run();
        runtime.shutdown_background();
        Ok::<_, std::io::Error>(outcome)
    };
    match catch_unwind(AssertUnwindSafe(experiment)) {
        Ok(Ok(outcome)) => outcome,
        Ok(Err(error)) => internal(format!("the coordinator can't listen: {error}")),
        Err(panic) => {
            let text = panic.downcast_ref::<String>().cloned();
            let text = text.or_else(|| panic.downcast_ref::<&str>().map(|text| (*text).to_owned()));
            internal(format!("a defect of the coordinator: {}", text.unwrap_or_default()))
        }
    }
}

/// Opens the three ports.
fn open(settings: &Settings) -> std::io::Result<(Runtime, Swarm, Tracker)> {
    let nodes = settings.experiment.nodes().map(|(system, group, pod)| {
        let (system, driver) = (system.name.clone(), system.driver(group).to_owned());
        (pod, Expected { system, group: group.name.clone(), driver })
    });
    let swarm = Swarm::new(&settings.attempt.to_string(), nodes);
    let connections = CONNECTIONS + CONNECTIONS_A_NODE * settings.experiment.nodes().count();
    let tracker = Tracker::new();
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build()?;
    for (port, router) in
        [(settings.agent_port, server::router(swarm.clone())), (settings.tracker_port, tracker.router())]
    {
        runtime.spawn(serve(listen(settings.listen, port)?, router, connections)?);
    }
    let most_bytes = settings.experiment.measure.baseline_bytes;
    baseline::serve(listen(settings.listen, settings.baseline_port)?, most_bytes);
    Ok((runtime, swarm, tracker))
}

/// Listens on an address, or on all: of both families where there are both.
fn listen(address: Option<IpAddr>, port: u16) -> std::io::Result<TcpListener> {
    match address {
        Some(address) => TcpListener::bind((address, port)),
        None => TcpListener::bind((Ipv6Addr::UNSPECIFIED, port))
            .or_else(|_| TcpListener::bind((Ipv4Addr::UNSPECIFIED, port))),
    }
    .map_err(|error| std::io::Error::new(error.kind(), format!("port {port}: {error}")))
}
