//! A cell in network namespaces: nodes with agents on shaped links, a store and a coordinator at the centre.
//!
//! Needs root, iproute2, curl and the Debian package victoria-metrics. Every namespace has the names of a cell's pods
//! in its own hosts file, as a headless Service would give them.

use std::{
    collections::BTreeMap,
    fs,
    path::{Path, PathBuf},
    process::{Child, ChildStdin, Command, Output, Stdio},
    thread,
    time::{Duration, Instant},
};

use benchgrid_measures::{AttemptName, MEASUREMENT_PROTOCOL, Outcome, Record, Sample, parse_export};
use benchgrid_probe::experiment::{Experiment, Group, GroupRole, Link, Load, Measure, Store, System, host};

use crate::{Namespace, ip};

const PROBE: &str = env!("CARGO_BIN_EXE_benchgrid-probe");
const CENTRE: &str = "10.9.2.254";
const STORE: &str = "http://127.0.0.1:8428";

/// A child that ends with the test.
pub(crate) struct Ending(pub(crate) Child);

impl Ending {
    /// Waits for its end; its exit code.
    pub(crate) fn code(&mut self, limit: Duration) -> Option<i32> {
        let end = Instant::now() + limit;
        while Instant::now() < end {
            if let Some(status) = self.0.try_wait().unwrap() {
                return status.code();
            }
            thread::sleep(Duration::from_millis(50));
        }
        None
    }
}

impl Drop for Ending {
    fn drop(&mut self) {
        let _: Option<ChildStdin> = self.0.stdin.take();
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// What a test asks of its cell.
#[derive(Debug, Clone)]
pub(crate) struct Plan {
    pub(crate) driver: &'static str,
    pub(crate) replicas: u32,
    pub(crate) seeders: u32,
    /// Rate asked for, both ways.
    pub(crate) rate: Option<u64>,
    /// Whether it is put in force.
    pub(crate) shaped: bool,
    pub(crate) file_size: u64,
    pub(crate) repetitions: u32,
    pub(crate) ready_seconds: f64,
    pub(crate) write: String,
    /// Systems of two nodes each that are there as well, by name.
    pub(crate) beside: Vec<(&'static str, Load)>,
    /// Driver of a second group of the measured system, as large as the first.
    pub(crate) second: Option<&'static str>,
}

impl Plan {
    pub(crate) fn of(driver: &'static str) -> Self {
        Self {
            driver,
            replicas: 3,
            seeders: 1,
            rate: Some(40_000_000),
            shaped: true,
            file_size: 4_000_000,
            repetitions: 2,
            ready_seconds: 60.0,
            write: STORE.to_owned(),
            beside: Vec::new(),
            second: None,
        }
    }

    fn experiment(&self) -> Experiment {
        let link =
            self.rate.map(|rate| Link { up_bits_per_second: rate, down_bits_per_second: rate, latency_seconds: 0.0 });
        Experiment {
            protocol: MEASUREMENT_PROTOCOL,
            lab: "bed".to_owned(),
            scenario: "smoke".to_owned(),
            cell: "0123456789".to_owned(),
            digest: "abcdef".repeat(10) + "abcd",
            levels: BTreeMap::from([("fileSize".to_owned(), "4MB".to_owned())]),
            measure: Measure {
                file_size: self.file_size,
                repetitions: self.repetitions,
                warmup: 1,
                ready_seconds: self.ready_seconds,
                gate_seconds: 30.0,
                stalled_seconds: 20.0,
                transfer_deadline_seconds: 60.0,
                idle_seconds: 0.5,
                cool_down_seconds: 0.2,
                baseline_bytes: 2_000_000,
                fluid_bound_seconds: Some(0.8),
            },
            systems: [("bt", Load::Measured, self.seeders, self.replicas)]
                .into_iter()
                .chain(self.beside.iter().map(|(name, load)| (*name, *load, 1, 2)))
                .map(|(name, load, seeders, replicas)| System {
                    name: name.to_owned(),
                    driver: self.driver.to_owned(),
                    load,
                    seeders,
                    groups: [Some(("nodes", None)), self.second.map(|driver| ("others", Some(driver.to_owned())))]
                        .into_iter()
                        .flatten()
                        .filter(|(group, _)| name == "bt" || *group == "nodes")
                        .map(|(name, driver)| (name.to_owned(), driver))
                        .map(|(name, driver)| Group { name, driver, role: GroupRole::Any, replicas, link })
                        .collect(),
                })
                .collect(),
            store: Some(Store { write: self.write.clone(), read: STORE.to_owned() }),
        }
    }
}

/// One node's pod.
pub(crate) struct Pod {
    pub(crate) name: String,
    driver: String,
    pub(crate) namespace: Namespace,
    _node: Ending,
    pub(crate) agent: Option<Ending>,
}

/// The whole cell.
pub(crate) struct Cell {
    pub(crate) plan: Plan,
    pub(crate) attempt: AttemptName,
    pub(crate) pods: Vec<Pod>,
    centre: Namespace,
    _store: Ending,
    files: tempfile::TempDir,
}

/// What a coordinator left.
pub(crate) struct Left {
    pub(crate) code: Option<i32>,
    pub(crate) records: Vec<Record>,
    pub(crate) outcome: Outcome,
    pub(crate) notes: String,
}

impl Cell {
    /// Namespaces, links, nodes; no agent yet.
    pub(crate) fn new(test: &str, plan: Plan) -> Self {
        let files = tempfile::tempdir().unwrap();
        let centre = Namespace::new(&format!("{test}-c"));
        ip(&["-n", &centre.0, "link", "add", "br0", "type", "bridge"]);
        ip(&["-n", &centre.0, "address", "add", &format!("{CENTRE}/24"), "dev", "br0"]);
        ip(&["-n", &centre.0, "link", "set", "br0", "up"]);
        let data = format!("-storageDataPath={}", files.path().join("store").display());
        let mut store = centre.command("victoria-metrics");
        store.args([&data, "-httpListenAddr=127.0.0.1:8428", "-search.latencyOffset=0s"]);
        let store = Ending(quiet(&mut store));
        let experiment = plan.experiment();
        let nodes = experiment.nodes().map(|(system, group, pod)| (pod, system.driver(group).to_owned()));
        let (names, drivers): (Vec<_>, Vec<_>) = nodes.unzip();
        let attempt = AttemptName::new("smoke", "0123456789", "abcdef", 1, 1);
        fs::write(files.path().join("cell.json"), serde_json::to_string(&experiment).unwrap()).unwrap();
        let mut cell = Self { plan, attempt, pods: Vec::new(), centre, _store: store, files };
        let hosts = hosts(&names);
        for (i, node) in names.iter().zip(&drivers).enumerate() {
            cell.add(test, i, node, &hosts);
        }
        cell
    }

    fn add(&mut self, test: &str, i: usize, (name, driver): (&String, &String), hosts: &str) {
        let namespace = Namespace::new(&format!("{test}-{i}"));
        let etc = Path::new("/etc/netns").join(&namespace.0);
        fs::create_dir_all(&etc).unwrap();
        fs::write(etc.join("hosts"), hosts).unwrap();
        let (port, centre) = (format!("p{i}"), self.centre.0.clone());
        ip(&["-n", &centre, "link", "add", &port, "type", "veth", "peer", "name", "eth0", "netns", &namespace.0]);
        ip(&["-n", &centre, "link", "set", &port, "master", "br0", "up"]);
        ip(&["-n", &namespace.0, "address", "add", &format!("{}/24", address(i)), "dev", "eth0"]);
        ip(&["-n", &namespace.0, "link", "set", "eth0", "up"]);
        ip(&["-n", &namespace.0, "route", "add", "default", "via", CENTRE]);
        if let (Some(rate), true) = (self.plan.rate, self.plan.shaped) {
            let mut shape = namespace.command(PROBE);
            shape.args(["shape"]).env("BENCHGRID_UP_BPS", rate.to_string());
            let output = shape.env("BENCHGRID_DOWN_BPS", rate.to_string()).output().unwrap();
            assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        }
        let data = self.data(name);
        fs::create_dir_all(&data).unwrap();
        let node = Ending(self.node(&namespace, (name, driver), &data));
        self.pods.push(Pod { name: name.clone(), driver: driver.clone(), namespace, _node: node, agent: None });
    }

    fn node(&self, namespace: &Namespace, (name, driver): (&str, &str), data: &Path) -> Child {
        match driver {
            "http" => {
                let mut node = namespace.command(PROBE);
                return quiet(node.arg("http-node").env("BENCHGRID_DATA", data));
            }
            "rqbit" => {
                let mut node = namespace.command("rqbit");
                node.args(["--http-api-listen-addr=127.0.0.1:8080", "--disable-dht", "--disable-lsd", "--ipv4-only"]);
                node.args(["--disable-upnp-port-forward", "--listen-ip=0.0.0.0", "--listen-port=4240"]);
                node.args(["server", "start", "--disable-persistence"]).arg(data).env("HOME", self.files.path());
                return quiet(&mut node);
            }
            // The documentation's example of a third system.
            "external" => {
                let mut node = namespace.command("python3");
                node.arg(concat!(env!("CARGO_MANIFEST_DIR"), "/../docs/examples/external.py"));
                return quiet(node.arg(data).args(["8080", "7001"]));
            }
            _ => {}
        }
        let profile = self.files.path().join(format!("{name}-profile"));
        let config = profile.join("qBittorrent/config");
        fs::create_dir_all(&config).unwrap();
        fs::write(config.join("qBittorrent.conf"), include_str!("qBittorrent.conf")).unwrap();
        let mut node = namespace.command("qbittorrent-nox");
        quiet(node.arg(format!("--profile={}", profile.display())).env("HOME", &profile))
    }

    fn data(&self, name: &str) -> PathBuf {
        self.files.path().join(format!("{name}-data"))
    }

    /// Starts a node's agent.
    pub(crate) fn agent(&mut self, i: usize) {
        let data = self.data(&self.pods[i].name);
        let pod = &mut self.pods[i];
        let mut agent = pod.namespace.command(PROBE);
        agent
            .arg("agent")
            .env("BENCHGRID_COORDINATOR", "http://coordinator:7070")
            .env("BENCHGRID_ATTEMPT", self.attempt.to_string())
            .env("BENCHGRID_SYSTEM", pod.name.split('-').next().unwrap())
            .env("BENCHGRID_GROUP", pod.name.split('-').nth(1).unwrap())
            .env("BENCHGRID_POD", &pod.name)
            .env("BENCHGRID_DRIVER", &pod.driver)
            .env("BENCHGRID_API", "http://127.0.0.1:8080")
            .env("BENCHGRID_DATA", data);
        pod.agent = Some(Ending(quiet(&mut agent)));
    }

    /// Starts the coordinator.
    pub(crate) fn coordinator(&self) -> Child {
        let mut coordinator = self.centre.command(PROBE);
        coordinator
            .arg("coordinator")
            .env("BENCHGRID_CELL", self.files.path().join("cell.json"))
            .env("BENCHGRID_ATTEMPT", self.attempt.to_string())
            .env("BENCHGRID_TERMINATION_LOG", self.files.path().join("termination-log"));
        coordinator.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap()
    }

    /// Starts all agents and the coordinator; what it left at its end.
    pub(crate) fn run(&mut self) -> Left {
        (0..self.pods.len()).for_each(|i| self.agent(i));
        self.left(self.coordinator())
    }

    /// Waits for a coordinator's end; the termination message must be its last line.
    pub(crate) fn left(&self, coordinator: Child) -> Left {
        let Output { status, stdout, stderr } = coordinator.wait_with_output().unwrap();
        let (lines, notes) = (String::from_utf8(stdout).unwrap(), String::from_utf8_lossy(&stderr).into_owned());
        let mut lines: Vec<_> = lines.lines().collect();
        let last = lines.pop().unwrap_or_else(|| panic!("no outcome: {notes}"));
        assert_eq!(fs::read_to_string(self.files.path().join("termination-log")).unwrap(), last);
        Left {
            code: status.code(),
            records: lines.iter().map(|line| serde_json::from_str(line).unwrap()).collect(),
            outcome: serde_json::from_str(last).unwrap(),
            notes,
        }
    }

    /// What the store has for a selector, once it shows what it took last.
    pub(crate) fn stored(&self, selector: &str) -> Vec<Sample> {
        thread::sleep(Duration::from_secs(3));
        let mut curl = self.centre.command("curl");
        curl.args(["-sfG", &format!("{STORE}/api/v1/export"), "-d", "start=0", "-d", "end=4000000000"]);
        let output = curl.args(["--data-urlencode", &format!("match[]={selector}")]).output().unwrap();
        assert!(output.status.success(), "the store does not answer");
        parse_export(&String::from_utf8(output.stdout).unwrap()).unwrap()
    }

    /// Files in the data directories of nodes whose names begin so.
    pub(crate) fn held(&self, prefix: &str) -> usize {
        let pods = self.pods.iter().filter(|pod| pod.name.starts_with(prefix));
        pods.map(|pod| fs::read_dir(self.data(&pod.name)).unwrap().count()).sum()
    }

    /// Files left in the data directories of the measured nodes.
    pub(crate) fn leftovers(&self) -> usize {
        self.held("bt-")
    }
}

impl Drop for Cell {
    fn drop(&mut self) {
        for pod in &self.pods {
            let _ = fs::remove_dir_all(Path::new("/etc/netns").join(&pod.namespace.0));
        }
    }
}

fn address(i: usize) -> String {
    format!("10.9.2.{}", i + 1)
}

fn hosts(names: &[String]) -> String {
    let pods = names.iter().enumerate().map(|(i, name)| format!("{} {}\n", address(i), host(name)));
    pods.chain(["127.0.0.1 localhost\n".to_owned(), format!("{CENTRE} coordinator\n")]).collect()
}

fn quiet(command: &mut Command) -> Child {
    let program = format!("{command:?}");
    let child = command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null()).spawn();
    child.unwrap_or_else(|error| panic!("{program}: {error}"))
}
