//! A cell in network namespaces: nodes with agents on shaped links, a store and a coordinator at the centre.
//!
//! Needs root, iproute2, curl and the Debian package victoria-metrics. Every namespace has the names of a cell's pods
//! in its own hosts file, as a headless Service would give them.

use std::{
    collections::BTreeMap,
    fs,
    os::unix::process::ExitStatusExt,
    path::{Path, PathBuf},
    process::{Child, ChildStdin, Command, Stdio},
    thread,
    time::{Duration, Instant},
};

use benchgrid_measures::{AttemptName, MEASUREMENT_PROTOCOL, Observation, Outcome, Record, Sample, parse_export};
use benchgrid_probe::experiment::{Experiment, Group, GroupRole, Link, Load, Measure, Shaping, Store, System, host};

use crate::{Namespace, ip};

const PROBE: &str = env!("CARGO_BIN_EXE_benchgrid-probe");
const CENTRE: &str = "10.9.2.254";
/// Bytes that prove a link: more than a second at the rates of the tests.
pub(crate) const BASELINE: u64 = 6_000_000;
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
    /// Who is said to shape.
    pub(crate) shaping: Shaping,
    pub(crate) file_size: u64,
    pub(crate) observe: Vec<Observation>,
    pub(crate) repetitions: u32,
    pub(crate) ready_seconds: f64,
    pub(crate) write: String,
    /// Systems of two nodes each that are there as well, by name.
    pub(crate) beside: Vec<(&'static str, Load)>,
    /// Groups of the measured system; none: `replicas` nodes at `rate`, any of which may seed.
    pub(crate) groups: Vec<Group>,
    pub(crate) stalled_seconds: f64,
    /// Seconds after which an agent gives its coordinator up.
    pub(crate) patience: u64,
    /// A node whose data directory has so many bytes.
    pub(crate) small_disk: Option<(usize, u64)>,
    /// The library libfaketime, through which the coordinator sees a wall clock that the test can set.
    pub(crate) clock: Option<&'static str>,
}

impl Plan {
    pub(crate) fn of(driver: &'static str) -> Self {
        Self {
            driver,
            replicas: 3,
            seeders: 1,
            rate: Some(40_000_000),
            shaped: true,
            shaping: Shaping::Tc,
            file_size: 4_000_000,
            observe: vec![Observation::Counter],
            repetitions: 2,
            ready_seconds: 60.0,
            write: STORE.to_owned(),
            beside: Vec::new(),
            groups: Vec::new(),
            stalled_seconds: 20.0,
            patience: 300,
            small_disk: None,
            clock: None,
        }
    }

    /// Groups of the measured system.
    fn measured(&self) -> Vec<Group> {
        if !self.groups.is_empty() {
            return self.groups.clone();
        }
        vec![self.group("nodes", self.replicas)]
    }

    /// Nodes any of which may seed, with the plan's link.
    pub(crate) fn group(&self, name: &str, replicas: u32) -> Group {
        Group { name: name.to_owned(), driver: None, role: GroupRole::Any, replicas, link: self.link() }
    }

    fn link(&self) -> Option<Link> {
        self.rate.map(|rate| Link {
            up_bits_per_second: rate,
            down_bits_per_second: rate,
            latency_seconds: 0.0,
            loss_ratio: 0.0,
        })
    }

    pub(crate) fn experiment(&self) -> Experiment {
        let two = || vec![self.group("nodes", 2)];
        Experiment {
            protocol: MEASUREMENT_PROTOCOL,
            lab: "bed".to_owned(),
            scenario: "smoke".to_owned(),
            cell: "0123456789".to_owned(),
            digest: "abcdef".repeat(10) + "abcd",
            levels: BTreeMap::from([("fileSize".to_owned(), "4MB".to_owned())]),
            measure: Measure {
                file_size: self.file_size,
                observe: self.observe.clone(),
                repetitions: self.repetitions,
                warmup: 1,
                ready_seconds: self.ready_seconds,
                gate_seconds: 30.0,
                stalled_seconds: self.stalled_seconds,
                transfer_deadline_seconds: 60.0,
                idle_seconds: 0.5,
                cool_down_seconds: 0.2,
                baseline_bytes: BASELINE,
                fluid_bound_seconds: Some(0.8),
            },
            shaping: self.shaping,
            systems: [("bt", Load::Measured, self.seeders, self.measured())]
                .into_iter()
                .chain(self.beside.iter().map(|(name, load)| (*name, *load, 1, two())))
                .map(|(name, load, seeders, groups)| System {
                    name: name.to_owned(),
                    driver: self.driver.to_owned(),
                    load,
                    seeders,
                    groups,
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
    /// The storage node itself.
    pub(crate) node: Option<Ending>,
    pub(crate) agent: Option<Ending>,
}

/// The whole cell.
pub(crate) struct Cell {
    pub(crate) plan: Plan,
    pub(crate) attempt: AttemptName,
    pub(crate) pods: Vec<Pod>,
    pub(crate) centre: Namespace,
    pub(crate) store: Option<Ending>,
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
        let experiment = plan.experiment();
        let nodes = experiment.nodes().map(|(system, group, pod)| (pod, system.driver(group).to_owned(), group.link));
        let nodes: Vec<_> = nodes.collect();
        let attempt = AttemptName::new("smoke", "0123456789", "abcdef", 1, 1);
        let mut cell = Self { plan, attempt, pods: Vec::new(), centre, store: None, files };
        cell.write();
        cell.start_store();
        let hosts = hosts(nodes.iter().map(|(pod, ..)| pod));
        for (i, (name, driver, link)) in nodes.iter().enumerate() {
            cell.add(test, i, (name, driver), *link, &hosts);
        }
        cell
    }

    /// What the coordinator is told.
    fn write(&self) {
        let text = serde_json::to_string(&self.plan.experiment()).unwrap();
        fs::write(self.files.path().join("cell.json"), text).unwrap();
    }

    /// Clients that ended by a signal of their own.
    pub(crate) fn crashed(&mut self) -> Vec<String> {
        let signal = |pod: &mut Pod| {
            let signal = pod.node.as_mut()?.0.try_wait().ok()??.signal()?;
            Some(format!("signal {signal} at {}", pod.name))
        };
        self.pods.iter_mut().filter_map(signal).collect()
    }

    /// Starts the store, or starts it again with what it holds.
    pub(crate) fn start_store(&mut self) {
        let data = format!("-storageDataPath={}", self.files.path().join("store").display());
        let mut store = self.centre.command("victoria-metrics");
        store.args([&data, "-httpListenAddr=127.0.0.1:8428", "-search.latencyOffset=0s"]);
        self.store = Some(Ending(quiet(&mut store)));
    }

    fn add(&mut self, test: &str, i: usize, (name, driver): (&str, &str), link: Option<Link>, hosts: &str) {
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
        if let (Some(link), true) = (link, self.plan.shaped) {
            let mut shape = namespace.command(PROBE);
            shape.args(["shape"]).env("BENCHGRID_UP_BPS", link.up_bits_per_second.to_string());
            let output = shape.env("BENCHGRID_DOWN_BPS", link.down_bits_per_second.to_string()).output().unwrap();
            assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        }
        let data = self.data(name);
        fs::create_dir_all(&data).unwrap();
        if let Some((_, bytes)) = self.plan.small_disk.filter(|(node, _)| *node == i) {
            let mut mount = Command::new("mount");
            mount.args(["-t", "tmpfs", "-o", &format!("size={bytes}"), "none"]);
            assert!(mount.arg(&data).status().unwrap().success());
        }
        let node = Ending(self.node(&namespace, (name, driver), &data));
        let (name, driver) = (name.to_owned(), driver.to_owned());
        self.pods.push(Pod { name, driver, namespace, node: Some(node), agent: None });
    }

    fn node(&self, namespace: &Namespace, (name, driver): (&str, &str), data: &Path) -> Child {
        match driver {
            "http" => {
                let mut node = namespace.command(PROBE);
                return self.logged(name, node.arg("http-node").env("BENCHGRID_DATA", data));
            }
            "rqbit" => {
                let mut node = namespace.command("rqbit");
                node.args(["--http-api-listen-addr=127.0.0.1:8080", "--disable-dht", "--disable-lsd", "--ipv4-only"]);
                node.args(["--disable-upnp-port-forward", "--listen-ip=0.0.0.0", "--listen-port=4240"]);
                node.args(["server", "start", "--disable-persistence"]).arg(data).env("HOME", self.files.path());
                return self.logged(name, &mut node);
            }
            // The documentation's example of a third system.
            "external" => {
                let mut node = namespace.command("python3");
                node.arg(concat!(env!("CARGO_MANIFEST_DIR"), "/../docs/examples/external.py"));
                return self.logged(name, node.arg(data).args(["8080", "7001"]));
            }
            _ => {}
        }
        let profile = self.files.path().join(format!("{name}-profile"));
        let config = profile.join("qBittorrent/config");
        fs::create_dir_all(&config).unwrap();
        fs::write(config.join("qBittorrent.conf"), include_str!("qBittorrent.conf")).unwrap();
        let mut node = namespace.command("qbittorrent-nox");
        self.logged(name, node.arg(format!("--profile={}", profile.display())).env("HOME", &profile))
    }

    /// Starts a node; what it says is kept for a test that fails.
    fn logged(&self, name: &str, command: &mut Command) -> Child {
        let log = fs::File::create(self.log(name)).unwrap();
        command.stdin(Stdio::null()).stdout(log.try_clone().unwrap()).stderr(log).spawn().unwrap()
    }

    fn log(&self, name: &str) -> PathBuf {
        self.files.path().join(format!("{name}.log"))
    }

    fn data(&self, name: &str) -> PathBuf {
        self.files.path().join(format!("{name}-data"))
    }

    /// Starts a node's agent.
    pub(crate) fn agent(&mut self, i: usize) {
        let data = self.data(&self.pods[i].name);
        let pod = &mut self.pods[i];
        let group = pod.name.split('-').nth(1).unwrap();
        let mut agent = pod.namespace.command(PROBE);
        agent
            .arg("agent")
            .env("BENCHGRID_COORDINATOR", "http://coordinator:7070")
            .env("BENCHGRID_ATTEMPT", self.attempt.to_string())
            .env("BENCHGRID_SYSTEM", pod.name.split('-').next().unwrap())
            .env("BENCHGRID_GROUP", group)
            .env("BENCHGRID_PATIENCE_SECONDS", self.plan.patience.to_string())
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
        if let Some(library) = self.plan.clock {
            self.set_clock("+0");
            coordinator.env("LD_PRELOAD", library).env("FAKETIME_TIMESTAMP_FILE", self.files.path().join("clock"));
            coordinator.env("FAKETIME_NO_CACHE", "1").env("FAKETIME_DONT_FAKE_MONOTONIC", "1");
        }
        let file = |name| fs::File::create(self.files.path().join(name)).unwrap();
        coordinator.stdin(Stdio::null()).stdout(file("records")).stderr(file("notes")).spawn().unwrap()
    }

    /// Starts all agents and the coordinator; what it left at its end.
    pub(crate) fn run(&mut self) -> Left {
        (0..self.pods.len()).for_each(|i| self.agent(i));
        self.left(self.coordinator())
    }

    /// What the coordinator said so far.
    pub(crate) fn notes(&self) -> String {
        fs::read_to_string(self.files.path().join("notes")).unwrap()
    }

    /// Records on the coordinator's standard output, and the line behind them.
    pub(crate) fn printed(&self) -> (Vec<Record>, Option<String>) {
        let text = fs::read_to_string(self.files.path().join("records")).unwrap();
        let mut lines: Vec<_> = text.lines().collect();
        let outcome = lines.pop_if(|line| serde_json::from_str::<Record>(line).is_err()).map(str::to_owned);
        (lines.iter().map(|line| serde_json::from_str(line).unwrap()).collect(), outcome)
    }

    /// Waits until the coordinator has said that.
    pub(crate) fn until(&self, note: &str) {
        let end = Instant::now() + Duration::from_mins(2);
        while !self.notes().lines().any(|line| line == note) {
            assert!(Instant::now() < end, "`{note}` was never said: {}", self.notes());
            thread::sleep(Duration::from_millis(20));
        }
    }

    /// Bytes that a node's device received.
    pub(crate) fn received(&self, i: usize) -> u64 {
        let mut cat = self.pods[i].namespace.command("cat");
        let output = cat.arg("/sys/class/net/eth0/statistics/rx_bytes").output().unwrap();
        String::from_utf8(output.stdout).unwrap().trim().parse().unwrap()
    }

    /// Waits for the middle of a transfer: that repetition has begun, and one of these nodes has that much of it.
    pub(crate) fn until_in(&self, repetition: &str, nodes: &[usize], bytes: u64) {
        let end = Instant::now() + Duration::from_mins(3);
        let mut before = vec![0; nodes.len()];
        loop {
            let begun = self.notes().lines().any(|line| line == repetition);
            let received: Vec<_> = nodes.iter().map(|i| self.received(*i)).collect();
            if !begun {
                before = received;
            } else if received.iter().zip(&before).any(|(received, before)| *received >= before + bytes) {
                return;
            }
            assert!(Instant::now() < end, "nobody received {bytes} bytes: {}", self.notes());
            thread::sleep(Duration::from_millis(20));
        }
    }

    /// Sets the coordinator's wall clock, by so much from the true one: `-2d`.
    pub(crate) fn set_clock(&self, by: &str) {
        fs::write(self.files.path().join("clock"), by).unwrap();
    }

    /// Takes a node's link down, or up again.
    pub(crate) fn link(&self, i: usize, state: &str) {
        ip(&["-n", &self.centre.0, "link", "set", &format!("p{i}"), state]);
    }

    /// Waits for a coordinator's end; the termination message must be its last line.
    pub(crate) fn left(&self, coordinator: Child) -> Left {
        let code = Ending(coordinator).code(Duration::from_mins(5));
        let notes = self.notes();
        assert!(code.is_some(), "the coordinator does not end: {notes}");
        let (records, outcome) = self.printed();
        let last = outcome.unwrap_or_else(|| panic!("no outcome: {notes}"));
        assert_eq!(fs::read_to_string(self.files.path().join("termination-log")).unwrap(), last);
        Left { code, records, outcome: serde_json::from_str(&last).unwrap(), notes }
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
        if let Some((node, _)) = self.plan.small_disk {
            let data = self.data(&self.pods[node].name);
            self.pods[node].node = None;
            let _ = Command::new("umount").arg(data).status();
        }
        for pod in self.pods.iter_mut().filter(|_| thread::panicking()) {
            let ended = pod.node.as_mut().map(|node| node.0.try_wait());
            let log = fs::read_to_string(self.files.path().join(format!("{}.log", pod.name))).unwrap_or_default();
            let last: String = log.chars().skip(log.chars().count().saturating_sub(2000)).collect();
            if !matches!(ended, Some(Ok(None))) {
                println!("node {} ended, {ended:?}: {last}", pod.name);
            }
        }
        for pod in &self.pods {
            let _ = fs::remove_dir_all(Path::new("/etc/netns").join(&pod.namespace.0));
        }
    }
}

fn address(i: usize) -> String {
    format!("10.9.2.{}", i + 1)
}

fn hosts<'a>(names: impl Iterator<Item = &'a String>) -> String {
    let pods = names.enumerate().map(|(i, name)| format!("{} {}\n", address(i), host(name)));
    pods.chain(["127.0.0.1 localhost\n".to_owned(), format!("{CENTRE} coordinator\n")]).collect()
}

fn quiet(command: &mut Command) -> Child {
    let program = format!("{command:?}");
    let child = command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null()).spawn();
    child.unwrap_or_else(|error| panic!("{program}: {error}"))
}
