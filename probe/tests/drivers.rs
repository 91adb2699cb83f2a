//! Drivers against real nodes: an order goes in, the same bytes come out elsewhere.
//!
//! The swarms need root, iproute2 and the programs `qbittorrent-nox` (Debian's package of that name) and `rqbit`
//! (`tests/cluster/build.sh` builds it).

#![expect(clippy::unwrap_used, clippy::expect_used, clippy::print_stdout, reason = "helpers of tests are tests too")]

use std::{
    fs,
    net::SocketAddr,
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    time::{Duration, Instant},
};

use benchgrid_probe::{
    agent::Worker,
    content::Content,
    driver::{Driver, DriverError, Handle, Place, Progress, conform, driver, infohash},
    experiment::Link,
    http_node,
    protocol::{Download, Reply, Step, StepResult},
    shaping,
    tracker::{Counts, Tracker},
};

mod bed;

use bed::{Namespace, PART, ip, value};

const LIMIT: Duration = Duration::from_mins(1);

fn content(name: &str, bytes: u64) -> Content {
    Content { name: name.to_owned(), seed: Content::seed(&["drivers", name]), bytes }
}

/// Polls until everything is there.
fn finish(driver: &mut dyn Driver, content: &Content) -> Progress {
    let start = Instant::now();
    let mut last = 0;
    loop {
        let progress = driver.progress().unwrap();
        assert!(progress.verified_bytes >= last, "progress went back");
        last = progress.verified_bytes;
        if last == content.bytes {
            return progress;
        }
        assert!(start.elapsed() < LIMIT, "{last} of {} bytes after {LIMIT:?}", content.bytes);
        std::thread::sleep(Duration::from_millis(5));
    }
}

/// A node of the control system; all share one port, as in a cell, each on a loopback address of its own.
fn http_node(runtime: &tokio::runtime::Runtime, ip: &str, port: u16, data: &Path) -> (Box<dyn Driver>, u16) {
    let address: SocketAddr = format!("{ip}:{port}").parse().unwrap();
    let listener = runtime.block_on(tokio::net::TcpListener::bind(address)).unwrap();
    let port = listener.local_addr().unwrap().port();
    runtime.spawn(http_node::serve(listener, data.to_owned()));
    let place = Place {
        api: format!("http://{ip}:{port}"),
        data: data.to_owned(),
        host: ip.to_owned(),
        tracker: String::new(),
    };
    (driver("http", place).unwrap(), port)
}

#[test]
fn http_carries_content_from_one_and_from_two() {
    let runtime = tokio::runtime::Runtime::new().unwrap();
    let directories: Vec<_> = (0..3).map(|_| tempfile::tempdir().unwrap()).collect();
    let (mut first, port) = http_node(&runtime, "127.0.0.2", 0, directories[0].path());
    let (mut second, _) = http_node(&runtime, "127.0.0.3", port, directories[1].path());
    let (mut third, _) = http_node(&runtime, "127.0.0.4", port, directories[2].path());
    assert_eq!(first.describe().unwrap().unit_bytes, 1);
    for (name, bytes) in [("even.bin", 5_000_000), ("odd.bin", 3_000_001), ("one", 1)] {
        let content = content(name, bytes);
        let handle = first.ingest(&content, LIMIT).unwrap().handle;
        second.start(&handle, &content, &["127.0.0.2".to_owned()]).unwrap();
        finish(second.as_mut(), &content);
        assert_eq!(second.read_back(&content).unwrap(), content.sha256().unwrap());
        let both = ["127.0.0.2".to_owned(), "127.0.0.3".to_owned()];
        // Twice: what an earlier attempt left is no obstacle.
        for _ in 0..2 {
            third.start(&handle, &content, &both).unwrap();
            finish(third.as_mut(), &content);
            assert_eq!(third.read_back(&content).unwrap(), content.sha256().unwrap());
        }
        for node in [&mut first, &mut second, &mut third] {
            node.remove(&content).unwrap();
            node.remove(&content).unwrap();
        }
    }
    for directory in &directories {
        assert_eq!(fs::read_dir(directory).unwrap().count(), 0, "something was left behind");
    }
}

#[test]
fn http_passes_on_to_a_reader_in_order() {
    let runtime = tokio::runtime::Runtime::new().unwrap();
    let directories: Vec<_> = (0..3).map(|_| tempfile::tempdir().unwrap()).collect();
    let (mut first, port) = http_node(&runtime, "127.0.0.6", 0, directories[0].path());
    let (mut second, _) = http_node(&runtime, "127.0.0.7", port, directories[1].path());
    let (third, _) = http_node(&runtime, "127.0.0.8", port, directories[2].path());
    let mut worker = Worker::new(third, "lo".to_owned());
    for (name, bytes) in [("even.bin", 5_000_000), ("odd.bin", 3_000_001), ("one", 1)] {
        let content = content(name, bytes);
        let handle = first.ingest(&content, LIMIT).unwrap().handle;
        second.ingest(&content, LIMIT).unwrap();
        let order = Download {
            sha256: content.sha256().unwrap(),
            content,
            handle,
            seeders: vec!["127.0.0.6".to_owned(), "127.0.0.7".to_owned()],
            start_in_seconds: 0.0,
            stalled_seconds: 5.0,
            deadline_seconds: 60.0,
        };
        // What was read is held afterwards, and is no obstacle.
        for step in [Step::Stream(order.clone()), Step::Download(order.clone()), Step::Stream(order.clone())] {
            let StepResult::Ok(reply) = worker.work(step, Instant::now()) else { panic!("{name}") };
            let Reply::Downloaded(done) = *reply else { panic!("{name}") };
            assert_eq!(done.failure, None, "{name}");
        }
        first.remove(&order.content).unwrap();
        let StepResult::Ok(_) = worker.work(Step::Remove { content: order.content.clone() }, Instant::now()) else {
            panic!("{name}")
        };
        let alone = Download { seeders: vec!["127.0.0.6".to_owned()], ..order };
        let StepResult::Ok(reply) = worker.work(Step::Stream(alone), Instant::now()) else { panic!("{name}") };
        let Reply::Downloaded(done) = *reply else { panic!("{name}") };
        assert!(done.failure.is_some_and(|it| it.reason == "error" && it.detail.contains("broke off after 0")));
    }
}

#[test]
fn http_tells_of_a_fetch_that_fails() {
    let runtime = tokio::runtime::Runtime::new().unwrap();
    let directory = tempfile::tempdir().unwrap();
    let (mut node, _) = http_node(&runtime, "127.0.0.5", 0, directory.path());
    let content = content("absent.bin", 1000);
    let handle = Handle(content.name.clone());
    // It asks itself, and has nothing.
    node.start(&handle, &content, &["127.0.0.5".to_owned()]).unwrap();
    let start = Instant::now();
    let error = loop {
        match node.progress() {
            Err(error) => break error,
            Ok(_) => assert!(start.elapsed() < LIMIT),
        }
        std::thread::sleep(Duration::from_millis(5));
    };
    assert!(matches!(error, DriverError::Node { .. }) && error.to_string().contains("404"), "{error}");
    assert!(node.start(&handle, &content, &[]).unwrap_err().to_string().contains("no node to fetch from"));
    node.remove(&content).unwrap();
}

/// Link of every node of the swarm.
const BITS_PER_SECOND: u64 = 50_000_000;
const TRACKER: &str = "10.9.1.254";
/// The same over IPv6, for contents with that in their names.
const TRACKER6: &str = "fd09::254";
const SIX: &str = "six";

/// One again: a name that was there before. Then sizes around a block and a piece.
const CONTENTS: [(&str, u64); 6] = [
    ("even", 5_000_000),
    ("odd", 3_000_001),
    ("odd", 3_000_001),
    ("one", 1),
    ("block", 16 * 1024 - 1),
    ("piece", 256 * 1024 + 1),
];

/// A BitTorrent client in a namespace of its own; ends with the test.
struct Pod {
    client: &'static str,
    namespace: Namespace,
    directory: tempfile::TempDir,
    node: Child,
}

impl Pod {
    fn new(switch: &Namespace, client: &'static str, name: &str, address: &str) -> Self {
        let namespace = Namespace::new(name);
        ip(&["-n", &switch.0, "link", "add", name, "type", "veth", "peer", "name", "eth0", "netns", &namespace.0]);
        ip(&["-n", &switch.0, "link", "set", name, "master", "br0", "up"]);
        ip(&["-n", &namespace.0, "address", "add", &format!("{address}/24"), "dev", "eth0"]);
        let six = format!("fd09::{}/64", address.rsplit_once('.').unwrap().1);
        ip(&["-n", &namespace.0, "-6", "address", "add", &six, "dev", "eth0", "nodad"]);
        ip(&["-n", &namespace.0, "link", "set", "eth0", "up"]);
        ip(&["-n", &namespace.0, "route", "add", "default", "via", TRACKER]);
        namespace.run("part", "shape");
        let directory = tempfile::tempdir().unwrap();
        fs::create_dir_all(directory.path().join("data")).unwrap();
        let mut node = program(client, &namespace, directory.path());
        node.env("HOME", directory.path()).stdin(Stdio::null()).stdout(Stdio::null());
        let node = node.stderr(fs::File::create(directory.path().join("log")).unwrap()).spawn().unwrap();
        Self { client, namespace, directory, node }
    }

    fn run(&self, part: &str) -> String {
        self.namespace.run("part", &format!("{part} {} {}", self.client, self.data().display()))
    }

    fn data(&self) -> PathBuf {
        self.directory.path().join("data")
    }
}

impl Drop for Pod {
    fn drop(&mut self) {
        if std::thread::panicking() {
            let log = fs::read_to_string(self.directory.path().join("log")).unwrap_or_default();
            println!("{}: ended {:?}; {log}", self.namespace.0, self.node.try_wait());
        }
        let _ = self.node.kill();
        let _ = self.node.wait();
    }
}

/// The client's command line, as in a cell; the API only on loopback.
fn program(client: &str, namespace: &Namespace, directory: &Path) -> Command {
    if client == "rqbit" {
        let mut node = namespace.command("rqbit");
        node.args(["--http-api-listen-addr=127.0.0.1:8080", "--disable-dht", "--disable-lsd", "--ipv4-only"]);
        node.args(["--disable-upnp-port-forward", "--listen-ip=0.0.0.0", "--listen-port=4240"]);
        node.args(["server", "start", "--disable-persistence"]).arg(directory.join("downloads"));
        return node;
    }
    let config = directory.join("qBittorrent/config");
    fs::create_dir_all(&config).unwrap();
    fs::write(config.join("qBittorrent.conf"), CONFIG).unwrap();
    let mut node = namespace.command("qbittorrent-nox");
    node.arg(format!("--profile={}", directory.display()));
    node
}

/// As the cell's config has it.
const CONFIG: &str = r"[LegalNotice]
Accepted=true

[BitTorrent]
Session\BTProtocol=TCP
Session\DHTEnabled=false
Session\LSDEnabled=false
Session\PeXEnabled=false
Session\Port=6881
Session\QueueingSystemEnabled=false
Session\RefreshInterval=100

[Network]
PortForwardingEnabled=false

[Preferences]
WebUI\Address=127.0.0.1
WebUI\CSRFProtection=false
WebUI\HostHeaderValidation=false
WebUI\LocalHostAuth=false
WebUI\Port=8080
";

/// A switch with a tracker at its address.
struct Bed {
    switch: Namespace,
    tracker: Ending,
}

impl Bed {
    fn new() -> Self {
        let switch = Namespace::new("switch");
        ip(&["-n", &switch.0, "link", "add", "br0", "type", "bridge"]);
        ip(&["-n", &switch.0, "address", "add", &format!("{TRACKER}/24"), "dev", "br0"]);
        ip(&["-n", &switch.0, "-6", "address", "add", &format!("{TRACKER6}/64"), "dev", "br0", "nodad"]);
        ip(&["-n", &switch.0, "link", "set", "br0", "up"]);
        let tracker = Ending(switch.part("part", "tracker").stdout(Stdio::null()).spawn().unwrap());
        Self { switch, tracker }
    }

    /// Contents through one seeder to one leecher; what each took.
    fn carries(&mut self, seeder: &Pod, leecher: &Pod, contents: &[(&str, u64)]) {
        println!("{}", seeder.run("describe"));
        leecher.run("describe");
        for (name, bytes) in contents.iter().copied() {
            // A torrent is another one for each pair: the tracker would know clients of the one before.
            let name = format!("{}-{}-{name}", seeder.client, leecher.client);
            let ingested = seeder.run(&format!("ingest {name} {bytes}"));
            let counts = self.switch.run("part", &format!("scrape {}", value(&ingested, "handle")));
            assert_eq!(value(&counts, "counts").split('/').next(), Some("1"), "complete ones");
            let downloaded = leecher.run(&format!("download {name} {bytes} {}", value(&ingested, "handle")));
            let digest = content(&name, bytes).sha256().unwrap();
            assert_eq!(value(&downloaded, "digest"), digest);
            let seconds: f64 = value(&downloaded, "seconds").parse().unwrap();
            println!(
                "{name}: upload {} s, first piece {} s, whole {seconds} s, {} looks of at most {} s, peers {}",
                value(&ingested, "upload"),
                value(&downloaded, "first"),
                value(&downloaded, "looks"),
                value(&downloaded, "gap"),
                value(&downloaded, "peers"),
            );
            let buckets = 2.0 * 65_536.0;
            let bound = (f64::from(u32::try_from(bytes).unwrap()) - buckets) * 8.0 / 50e6;
            assert!(seconds >= bound, "{bytes} bytes in {seconds} s: faster than the link");
            assert!(seconds < 30.0, "{bytes} bytes took {seconds} s");
            seeder.run(&format!("remove {name} {bytes}"));
            for pod in [seeder, leecher] {
                assert_eq!(fs::read_dir(pod.data()).unwrap().count(), 0, "something was left behind");
            }
        }
        assert!(self.tracker.0.try_wait().unwrap().is_none(), "the tracker ended");
    }
}

fn there_is(program: &str, from: &str) {
    let found = Command::new(program).arg("--version").output();
    found.unwrap_or_else(|error| panic!("this test needs the program {program} ({from}): {error}"));
}

#[test]
fn as_root_qbittorrent_carries_content_through_shaped_links() {
    there_is("qbittorrent-nox", "Debian package qbittorrent-nox");
    let mut bed = Bed::new();
    let seeder = Pod::new(&bed.switch, "qbittorrent", "seeder", "10.9.1.1");
    let leecher = Pod::new(&bed.switch, "qbittorrent", "leecher", "10.9.1.2");
    bed.carries(&seeder, &leecher, &CONTENTS);
    // Without an address of the other kind in the tracker's answers.
    bed.carries(&seeder, &leecher, &[(SIX, 1_000_000)]);
    // The compiler and the coordinator refuse it before; the node does as well.
    println!("{}", seeder.run("refuse none 0"));
}

#[test]
fn as_root_rqbit_carries_content_to_itself_and_to_qbittorrent_and_back() {
    there_is("rqbit", "built by tests/cluster/build.sh");
    let mut bed = Bed::new();
    let first = Pod::new(&bed.switch, "rqbit", "first", "10.9.1.1");
    let second = Pod::new(&bed.switch, "rqbit", "second", "10.9.1.2");
    bed.carries(&first, &second, &CONTENTS);
    drop(second);
    let other = Pod::new(&bed.switch, "qbittorrent", "other", "10.9.1.3");
    bed.carries(&first, &other, &CONTENTS);
    bed.carries(&other, &first, &CONTENTS);
}

#[test]
fn as_root_real_clients_conform() {
    let bed = Bed::new();
    for (client, name, address) in [("qbittorrent", "qb", "10.9.1.1"), ("rqbit", "rq", "10.9.1.2")] {
        let pod = Pod::new(&bed.switch, client, name, address);
        pod.run("describe");
        println!("{}", pod.run("conform"));
        assert_eq!(fs::read_dir(pod.data()).unwrap().count(), 0, "something was left behind");
    }
}

/// A child that ends with the test.
struct Ending(Child);

impl Drop for Ending {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// A part of the swarm's test, inside a namespace.
#[test]
#[ignore = "a part of the other tests"]
fn part() {
    let part = std::env::var(PART).unwrap_or_default();
    let words: Vec<&str> = part.split(' ').collect();
    match words[..] {
        ["shape"] => {
            let rate = BITS_PER_SECOND;
            let link =
                Link { up_bits_per_second: rate, down_bits_per_second: rate, latency_seconds: 0.0, loss_ratio: 0.0 };
            shaping::apply(&shaping::default_device(), &link).unwrap();
            assert_eq!(shaping::in_force("eth0").unwrap().unwrap().down_bits_per_second, rate);
        }
        ["tracker"] => serve_tracker(),
        ["scrape", handle] => scrape(handle),
        [ref order @ .., client, data] => obey(order, bittorrent(client, data, order).as_mut(), client),
        _ => {}
    }
}

fn obey(order: &[&str], driver: &mut dyn Driver, client: &str) {
    let content = |name, bytes: &str| content(name, bytes.parse().unwrap());
    match *order {
        ["describe"] => describe(driver, client),
        ["conform"] => {
            let checks = conform(driver);
            println!("\n{checks}");
            assert!(checks.hold());
        }
        ["ingest", name, bytes] => ingest(&content(name, bytes), driver),
        ["download", name, bytes, handle] => download(&content(name, bytes), handle, driver),
        ["refuse", name, bytes] => {
            let error = driver.ingest(&content(name, bytes), Duration::from_secs(2)).unwrap_err();
            println!("\nrefused: {error}");
        }
        ["remove", name, bytes] => driver.remove(&content(name, bytes)).unwrap(),
        _ => panic!("{order:?}"),
    }
}

/// A driver that announces where the name of the content says.
fn bittorrent(client: &str, data: &str, order: &[&str]) -> Box<dyn Driver> {
    let six = order.get(1).is_some_and(|name| name.ends_with(SIX));
    let tracker = if six { format!("[{TRACKER6}]") } else { TRACKER.to_owned() };
    let place = Place {
        api: "http://127.0.0.1:8080".to_owned(),
        data: data.into(),
        host: String::new(),
        tracker: format!("http://{tracker}:6969/announce"),
    };
    driver(client, place).unwrap()
}

fn serve_tracker() {
    let runtime = tokio::runtime::Runtime::new().unwrap();
    let tracker = Tracker::new();
    assert_eq!(tracker.counts(benchgrid_probe::driver::InfoHash([0; 20])), Counts::default());
    let listener = runtime.block_on(tokio::net::TcpListener::bind("[::]:6969")).unwrap();
    runtime.block_on(tracker.serve(listener)).unwrap();
}

fn scrape(handle: &str) {
    use benchgrid_probe::driver::Bencode;
    let hash = infohash(&Handle(handle.to_owned())).unwrap();
    let digits: Vec<char> = hash.to_string().chars().collect();
    let escaped: String = digits.chunks(2).flat_map(|pair| ['%', pair[0], pair[1]]).collect();
    let mut answer = ureq::get(format!("http://{TRACKER}:6969/scrape?info_hash={escaped}")).call().unwrap();
    let answer = Bencode::decode(&answer.body_mut().read_to_vec().unwrap()).unwrap();
    let Some(Bencode::Dict(files)) = answer.get("files") else { panic!("{answer:?}") };
    let file = &files[&hash.0.to_vec()];
    let count = |key: &str| file.get(key).unwrap().as_int().unwrap();
    println!("\ncounts={}/{}", count("complete"), count("incomplete"));
}

fn describe(driver: &mut dyn Driver, client: &str) {
    let start = Instant::now();
    let description = loop {
        match driver.describe() {
            Ok(description) => break description,
            Err(error) => assert!(start.elapsed() < LIMIT, "{error}"),
        }
        std::thread::sleep(Duration::from_millis(50));
    };
    let (wanted, resolution): (&[_], _) = match client {
        "rqbit" => (&[("dht", "false"), ("upload_bps", "null")], 0.0),
        _ => (&[("dht", "false"), ("pex", "false"), ("lsd", "false"), ("bittorrent_protocol", "1")], 0.1),
    };
    for (setting, wanted) in wanted {
        assert_eq!(description.settings[*setting], *wanted, "{setting}");
    }
    assert!((description.resolution_seconds - resolution).abs() < 1e-9, "{description:?}");
    println!("\n{description:?}");
}

fn ingest(content: &Content, driver: &mut dyn Driver) {
    let ingested = driver.ingest(content, LIMIT).unwrap();
    println!("\nupload={:.3} handle={}", ingested.upload_seconds, ingested.handle.0);
}

fn download(content: &Content, handle: &str, driver: &mut dyn Driver) {
    let start = Instant::now();
    driver.start(&Handle(handle.to_owned()), content, &[]).unwrap();
    let (mut first, mut looks, mut gap, mut last, mut peers) = (None, 0, Duration::ZERO, start, 0);
    let seconds = loop {
        let progress = driver.progress().unwrap();
        looks += 1;
        gap = gap.max(last.elapsed());
        last = Instant::now();
        peers = peers.max(progress.peers.unwrap_or(0));
        if progress.verified_bytes > 0 {
            first.get_or_insert(start.elapsed().as_secs_f64());
        }
        let whole = progress.verified_bytes == content.bytes;
        // The last piece is shorter, and comes when it comes.
        let pieces = [0, content.bytes % (256 * 1024)]
            .into_iter()
            .any(|last| progress.verified_bytes.checked_sub(last).is_some_and(|rest| rest.is_multiple_of(256 * 1024)));
        assert!(whole || pieces, "no whole pieces: {progress:?}");
        if whole {
            break start.elapsed().as_secs_f64();
        }
        assert!(start.elapsed() < LIMIT, "{progress:?} after {LIMIT:?}");
        std::thread::sleep(Duration::from_millis(10));
    };
    let digest = driver.read_back(content).unwrap();
    driver.remove(content).unwrap();
    driver.remove(content).unwrap();
    println!(
        "\nseconds={seconds:.3} first={:.3} looks={looks} gap={:.4} peers={peers} digest={digest}",
        first.unwrap(),
        gap.as_secs_f64()
    );
}
