//! A hundred agents on one coordinator, some of them odd, among strangers who send it nonsense.
//!
//! Everything is on loopback; it needs Debian's package victoria-metrics.

#![expect(clippy::unwrap_used, clippy::expect_used, reason = "helpers of tests fail as tests do")]
#![expect(clippy::print_stdout, reason = "numbers for who runs the tests")]

use std::{
    collections::BTreeMap,
    fs::{self, File},
    io::{self, Read, Write},
    net::{Shutdown, SocketAddr, TcpListener, TcpStream},
    path::Path,
    process::{Child, Command, Stdio},
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
        mpsc,
    },
    thread::{self, JoinHandle},
    time::{Duration, Instant},
};

use benchgrid_measures::{AttemptName, Kind, MEASUREMENT_PROTOCOL, Observation, Outcome, Phase, Reason, Record};
use benchgrid_probe::{
    agent::{self, AgentError},
    experiment::{Experiment, Group, GroupRole, Load, Measure, Shaping, Store, System},
    http_node,
    protocol::{PROTOCOL_VERSION, VERSION_HEADER},
};

const NODES: usize = 100;
const SEEDERS: u32 = 4;
const REPETITIONS: u32 = 3;
/// These agents come later than the others.
const LATE: usize = 10;
/// The connections of this node's agent are cut again and again.
const CUT: usize = 40;
/// This node's agent starts twice.
const TWICE: usize = 41;
/// This node's agent falls silent in the last repetition.
const DEAD: usize = 42;
/// What the coordinator may need, in bytes.
const MOST_MEMORY: u64 = 64 << 20;

/// A process that ends with the test.
struct Ending(Child);

impl Drop for Ending {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// Where everything listens, and its files.
struct Bed {
    ports: [u16; 5],
    files: tempfile::TempDir,
    attempt: AttemptName,
}

impl Bed {
    fn new() -> Self {
        // Bound all at once, so that they differ.
        let listeners = [0; 5].map(|_: u8| TcpListener::bind("127.0.0.1:0").unwrap());
        let ports = listeners.each_ref().map(|listener| listener.local_addr().unwrap().port());
        let attempt = AttemptName::new("hundred", "0123456789", "abcdef", 1, 1);
        Self { ports, files: tempfile::tempdir().unwrap(), attempt }
    }

    fn agents(&self) -> SocketAddr {
        SocketAddr::from(([127, 0, 0, 1], self.ports[0]))
    }

    fn store(&self) -> Ending {
        let data = format!("-storageDataPath={}", self.files.path().join("store").display());
        let mut store = Command::new("victoria-metrics");
        store.args([data, format!("-httpListenAddr=127.0.0.1:{}", self.ports[3])]);
        Ending(store.stdout(Stdio::null()).stderr(Stdio::null()).spawn().expect("this test needs victoria-metrics"))
    }

    fn experiment(&self) -> Experiment {
        let store = format!("http://127.0.0.1:{}", self.ports[3]);
        let replicas = u32::try_from(NODES).unwrap();
        let group = Group { name: "nodes".to_owned(), driver: None, role: GroupRole::Any, replicas, link: None };
        Experiment {
            protocol: MEASUREMENT_PROTOCOL,
            lab: "bed".to_owned(),
            scenario: "hundred".to_owned(),
            cell: "0123456789".to_owned(),
            digest: "abcdef".repeat(10) + "abcd",
            levels: BTreeMap::new(),
            measure: Measure {
                file_size: 1_000_000,
                observe: vec![Observation::Counter],
                repetitions: REPETITIONS,
                warmup: 1,
                ready_seconds: 60.0,
                gate_seconds: 60.0,
                stalled_seconds: 30.0,
                transfer_deadline_seconds: 60.0,
                idle_seconds: 0.5,
                cool_down_seconds: 0.2,
                baseline_bytes: 0,
                fluid_bound_seconds: None,
            },
            shaping: Shaping::None,
            systems: vec![System {
                name: "h".to_owned(),
                driver: "http".to_owned(),
                load: Load::Measured,
                seeders: SEEDERS,
                groups: vec![group],
            }],
            store: Some(Store { write: store.clone(), read: store }),
        }
    }

    fn coordinator(&self) -> Ending {
        let cell = self.files.path().join("cell.json");
        fs::write(&cell, serde_json::to_string(&self.experiment()).unwrap()).unwrap();
        let file = |name| File::create(self.files.path().join(name)).unwrap();
        let mut coordinator = Command::new(env!("CARGO_BIN_EXE_benchgrid-probe"));
        coordinator.args(["coordinator", "--listen", "127.0.0.1", "--attempt", &self.attempt.to_string(), "--cell"]);
        coordinator.arg(cell);
        for (option, port) in ["--agent-port", "--tracker-port", "--baseline-port"].iter().zip(self.ports) {
            coordinator.args([*option, &port.to_string()]);
        }
        coordinator.stdout(file("records")).stderr(file("notes"));
        Ending(coordinator.spawn().unwrap())
    }

    fn notes(&self) -> String {
        fs::read_to_string(self.files.path().join("notes")).unwrap()
    }

    fn until(&self, note: &str) {
        let end = Instant::now() + Duration::from_mins(3);
        while !self.notes().lines().any(|line| line == note) {
            assert!(Instant::now() < end, "`{note}` was never said: {}", self.notes());
            thread::sleep(Duration::from_millis(50));
        }
    }

    /// Starts the agent of a node, with another way to the coordinator.
    fn agent(&self, i: usize, coordinator: SocketAddr) -> JoinHandle<Result<(), AgentError>> {
        let host = host(i);
        let settings = agent::Settings {
            coordinator: format!("http://{coordinator}"),
            tracker: String::new(),
            attempt: self.attempt.to_string(),
            system: "h".to_owned(),
            group: "nodes".to_owned(),
            pod: format!("h-nodes-{i}"),
            api: format!("http://{host}:{}", self.ports[4]),
            host,
            driver: "http".to_owned(),
            data: self.data(i),
            device: "lo".to_owned(),
            patience: Duration::from_secs(20),
        };
        thread::spawn(move || agent::run(&settings, |_| ()))
    }

    fn data(&self, i: usize) -> std::path::PathBuf {
        self.files.path().join(format!("data-{i}"))
    }

    /// All nodes, each on a loopback address of its own.
    fn nodes(&self, runtime: &tokio::runtime::Runtime) {
        for i in 0..NODES {
            let address: SocketAddr = format!("{}:{}", host(i), self.ports[4]).parse().unwrap();
            let listener = runtime.block_on(tokio::net::TcpListener::bind(address)).unwrap();
            fs::create_dir_all(self.data(i)).unwrap();
            runtime.spawn(http_node::serve(listener, self.data(i)));
        }
    }
}

fn host(i: usize) -> String {
    format!("127.0.1.{}", i + 1)
}

/// A way to the coordinator that can be cut, and stopped.
struct Way {
    address: SocketAddr,
    /// Nothing passes any more.
    silent: Arc<AtomicBool>,
}

impl Way {
    /// Connections live for `life`.
    fn new(to: SocketAddr, life: Duration) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let (address, silent) = (listener.local_addr().unwrap(), Arc::new(AtomicBool::new(false)));
        let stopped = Arc::clone(&silent);
        thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                let stopped = Arc::clone(&stopped);
                thread::spawn(move || pass(&stream, to, life, &stopped));
            }
        });
        Self { address, silent }
    }
}

fn pass(near: &TcpStream, to: SocketAddr, life: Duration, silent: &AtomicBool) {
    let Ok(far) = TcpStream::connect(to) else { return };
    let copy = |mut from: TcpStream, mut to: TcpStream| thread::spawn(move || io::copy(&mut from, &mut to).is_ok());
    copy(near.try_clone().unwrap(), far.try_clone().unwrap());
    copy(far.try_clone().unwrap(), near.try_clone().unwrap());
    let end = Instant::now() + life;
    while Instant::now() < end && !silent.load(Ordering::Relaxed) {
        thread::sleep(Duration::from_millis(20));
    }
    let _ = far.shutdown(Shutdown::Both);
    if !silent.load(Ordering::Relaxed) {
        let _ = near.shutdown(Shutdown::Both);
    }
}

/// What comes back for some bytes.
fn said(to: SocketAddr, bytes: &[u8]) -> String {
    let mut stream = TcpStream::connect(to).unwrap();
    stream.set_read_timeout(Some(Duration::from_mins(1))).unwrap();
    let _ = stream.write_all(bytes);
    let mut answer = Vec::new();
    let _ = stream.read_to_end(&mut answer);
    String::from_utf8_lossy(&answer).into_owned()
}

/// Sends nonsense to all three ports, and leaves connections behind on which nothing comes.
fn bother(bed: &Bed) -> Vec<TcpStream> {
    let refused = said(
        bed.agents(),
        format!("POST /v1/register HTTP/1.1\r\nhost: x\r\n{VERSION_HEADER}: 99\r\nconnection: close\r\ncontent-length: 2\r\n\r\n{{}}").as_bytes(),
    );
    assert!(refused.starts_with("HTTP/1.1 426"), "{refused}");
    assert!(refused.contains(&format!("protocol {PROTOCOL_VERSION}")) && refused.contains("agent 99"), "{refused}");
    let mut large = format!(
        "POST /v1/result HTTP/1.1\r\nhost: x\r\n{VERSION_HEADER}: {PROTOCOL_VERSION}\r\nconnection: close\r\ncontent-length: {}\r\n\r\n",
        64 << 20
    )
    .into_bytes();
    large.resize(16 << 20, b' ');
    let mut stuck = Vec::new();
    for port in &bed.ports[..3] {
        let address = SocketAddr::from(([127, 0, 0, 1], *port));
        said(address, &large);
        said(address, &vec![0xff; 100_000]);
        for part in [&b""[..], b"GET /v1/st", b"d"] {
            for _ in 0..60 {
                let mut stream = TcpStream::connect(address).unwrap();
                stream.write_all(part).unwrap();
                stuck.push(stream);
            }
        }
    }
    stuck
}

/// Looks at a process's memory until it is told to stop; the most there was, in bytes.
fn memory(process: u32) -> (mpsc::Sender<()>, JoinHandle<u64>) {
    let (stop, stopped) = mpsc::channel::<()>();
    let look = move || {
        let mut most = 0;
        while stopped.recv_timeout(Duration::from_millis(100)) == Err(mpsc::RecvTimeoutError::Timeout) {
            let status = fs::read_to_string(Path::new("/proc").join(process.to_string()).join("status"));
            let status = status.unwrap_or_default();
            let peak =
                status.lines().find_map(|line| line.strip_prefix("VmHWM:")?.trim().strip_suffix(" kB")?.parse().ok());
            most = peak.map_or(most, |kib: u64| kib * 1024);
        }
        most
    };
    (stop, thread::spawn(look))
}

#[test]
fn a_hundred_agents_through_a_whole_attempt() {
    let bed = Bed::new();
    let runtime = tokio::runtime::Runtime::new().unwrap();
    bed.nodes(&runtime);
    let _store = bed.store();
    let mut coordinator = bed.coordinator();
    let (stop, peak) = memory(coordinator.0.id());
    let end = Instant::now() + Duration::from_secs(10);
    while TcpStream::connect(bed.agents()).is_err() && Instant::now() < end {
        thread::sleep(Duration::from_millis(20));
    }
    let (cut, dead) = (Way::new(bed.agents(), Duration::from_millis(700)), Way::new(bed.agents(), Duration::MAX / 4));
    let way = |i| {
        if i == CUT {
            cut.address
        } else if i == DEAD {
            dead.address
        } else {
            bed.agents()
        }
    };
    let first = bed.agent(TWICE, bed.agents());
    thread::sleep(Duration::from_secs(1));
    let (early, late): (Vec<_>, Vec<_>) = (0..NODES).partition(|i| *i < NODES - LATE);
    let mut agents: Vec<_> = early.into_iter().map(|i| (i, bed.agent(i, way(i)))).collect();
    let stuck = bother(&bed);
    thread::sleep(Duration::from_secs(2));
    assert!(!bed.notes().contains("measuring the links"), "some are not there yet");
    agents.extend(late.into_iter().map(|i| (i, bed.agent(i, way(i)))));
    let replaced = first.join().unwrap().unwrap_err().to_string();
    assert!(replaced.contains("another start of the agent `h-nodes-41` has registered since"), "{replaced}");
    bed.until(&format!("measured {REPETITIONS}, counter"));
    dead.silent.store(true, Ordering::Relaxed);
    let code = coordinator.0.wait().unwrap().code();
    drop((stop, stuck));
    let peak = peak.join().unwrap();
    println!(
        "{NODES} agents: the coordinator had at most {:.1} MB",
        f64::from(u32::try_from(peak >> 10).unwrap()) / 1024.0
    );
    check(&bed, code);
    assert!(peak > 0 && peak < MOST_MEMORY, "{peak} bytes");
    for (i, agent) in agents {
        assert_eq!(agent.join().unwrap().is_ok(), i != DEAD, "agent {i}");
    }
}

fn check(bed: &Bed, code: Option<i32>) {
    let text = fs::read_to_string(bed.files.path().join("records")).unwrap();
    let mut lines: Vec<_> = text.lines().collect();
    let outcome: Outcome = serde_json::from_str(lines.pop().unwrap()).unwrap();
    let records: Vec<Record> = lines.iter().map(|line| serde_json::from_str(line).unwrap()).collect();
    assert_eq!((outcome.reason, code), (Reason::Invalid, Some(1)), "{outcome:?}\n{}", bed.notes());
    let leechers = NODES - usize::try_from(SEEDERS).unwrap();
    assert_eq!(records.len(), 4 * (leechers + 1));
    let last = |record: &&Record| record.phase == Phase::Measured && record.repetition == REPETITIONS;
    for record in records.iter().filter(|record| !last(record)) {
        assert!(record.success && record.invalid.is_empty(), "{record:?}");
    }
    let failed = records.iter().filter(|record| last(record) && !record.success);
    let failed: Vec<_> = failed.map(|record| (record.kind, record.node.pod.as_str())).collect();
    assert!(failed.is_empty() || failed == [(Kind::Download, "h-nodes-42")], "{failed:?}");
    assert!(outcome.detail.contains("h-nodes-42") && outcome.detail.contains("fell silent"), "{}", outcome.detail);
    let skew = records.iter().filter_map(|record| record.timing.start_skew_seconds).fold(0.0, f64::max);
    println!("start skew at most {skew:.3} s");
}
