//! A cell on loopback addresses: fakes, an agent beside each, a coordinator.

use std::{
    collections::BTreeMap,
    net::IpAddr,
    sync::atomic::{AtomicU8, Ordering},
    thread,
    time::Duration,
};

use benchgrid_measures::{AttemptName, Load, MEASUREMENT_PROTOCOL, Observation, Outcome, Record};

use super::super::{
    fake::{Fake, Network},
    generation::Generation,
};
use crate::{
    agent,
    coordinator::{self, Journal, Status},
    experiment::{Experiment, Group, GroupRole, Measure, Shaping, System},
};

/// Each cell has a subnet of loopback addresses: all nodes have the same port, as pods have.
static SUBNET: AtomicU8 = AtomicU8::new(0);
const PORT: u16 = 8080;

/// What a test asks of its cell.
#[derive(Debug, Clone)]
pub(super) struct Plan {
    pub(super) generation: Generation,
    pub(super) bytes: u64,
    pub(super) leechers: u32,
    pub(super) warmup: u32,
    pub(super) repetitions: u32,
    /// For nodes to be ready, for the gate, for something new to come.
    pub(super) patience_seconds: f64,
}

/// A cell before its experiment.
pub(super) struct Cell {
    plan: Plan,
    subnet: u8,
    /// By pod.
    pub(super) nodes: BTreeMap<String, Fake>,
    data: tempfile::TempDir,
}

/// What a coordinator left.
#[derive(Debug, Default)]
pub(super) struct Left {
    pub(super) records: Vec<Record>,
    pub(super) notes: String,
}

impl Journal for Left {
    fn record(&mut self, line: &str) {
        self.records.push(serde_json::from_str(line).unwrap());
    }

    fn note(&mut self, text: &str) {
        self.notes.push_str(text);
        self.notes.push('\n');
    }
}

impl Cell {
    pub(super) fn new(plan: Plan) -> Self {
        let subnet = SUBNET.fetch_add(1, Ordering::Relaxed);
        let network = Network::default();
        let mut cell = Self { plan, subnet, nodes: BTreeMap::new(), data: tempfile::tempdir().unwrap() };
        let pods: Vec<_> = cell.experiment().nodes().map(|(_, _, pod)| pod).collect();
        for (i, pod) in pods.into_iter().enumerate() {
            let address = format!("{}:{PORT}", cell.host(i + 1));
            let (fake, _) = Fake::start(&network, cell.plan.generation, &address);
            cell.nodes.insert(pod, fake);
        }
        cell
    }

    fn host(&self, i: usize) -> String {
        format!("127.9.{}.{i}", self.subnet)
    }

    fn experiment(&self) -> Experiment {
        let group =
            |name: &str, role, replicas| Group { name: name.to_owned(), role, replicas, link: None, driver: None };
        let groups = vec![
            group("b", GroupRole::Bootstrap, 1),
            group("l", GroupRole::Leecher, self.plan.leechers),
            group("s", GroupRole::Seeder, 1),
        ];
        let (name, driver) = ("codex".to_owned(), "codex".to_owned());
        Experiment {
            protocol: MEASUREMENT_PROTOCOL,
            lab: "bed".to_owned(),
            scenario: "fakes".to_owned(),
            cell: format!("{:010x}", self.subnet),
            digest: "abcdef".repeat(10) + "abcd",
            levels: BTreeMap::from([("fileSize".to_owned(), "some".to_owned())]),
            measure: Measure {
                observe: vec![Observation::Counter],
                file_size: self.plan.bytes,
                repetitions: self.plan.repetitions,
                warmup: self.plan.warmup,
                ready_seconds: self.plan.patience_seconds,
                gate_seconds: self.plan.patience_seconds,
                stalled_seconds: self.plan.patience_seconds,
                transfer_deadline_seconds: 40.0,
                idle_seconds: 0.0,
                cool_down_seconds: 0.0,
                baseline_bytes: 0,
                fluid_bound_seconds: None,
            },
            shaping: Shaping::None,
            systems: vec![System { name, driver, load: Load::Measured, seeders: 1, groups }],
            store: None,
        }
    }

    fn settings(&self) -> coordinator::Settings {
        let experiment = self.experiment();
        coordinator::Settings {
            attempt: AttemptName::new("fakes", &experiment.cell, "abcdef", 1, 1),
            experiment,
            api: None,
            listen: Some(self.host(254).parse::<IpAddr>().unwrap()),
            agent_port: 7070,
            tracker_port: 6969,
            ended: None,
            baseline_port: 7072,
        }
    }

    /// Runs the experiment to its end.
    pub(super) fn run(&self) -> (Outcome, Left) {
        let settings = self.settings();
        for (i, (_, group, pod)) in settings.experiment.nodes().enumerate() {
            self.agent(&settings, i, &group.name, &pod);
        }
        let mut left = Left::default();
        let outcome = coordinator::run(&settings, &Status::default(), &mut left);
        self.nodes.values().for_each(Fake::kill);
        (outcome, left)
    }

    fn agent(&self, of: &coordinator::Settings, i: usize, group: &str, pod: &str) {
        let data = self.data.path().join(pod);
        std::fs::create_dir(&data).unwrap();
        let (host, coordinator) = (self.host(i + 1), self.host(254));
        let settings = agent::Settings {
            coordinator: format!("http://{coordinator}:7070"),
            tracker: format!("http://{coordinator}:6969/announce"),
            attempt: of.attempt.to_string(),
            system: "codex".to_owned(),
            group: group.to_owned(),
            pod: pod.to_owned(),
            api: format!("http://{host}:{PORT}"),
            host,
            driver: "codex".to_owned(),
            data,
            device: "lo".to_owned(),
            patience: Duration::from_secs(10),
        };
        thread::spawn(move || agent::run(&settings, |_| {}));
    }
}
