//! A link of known rate: two nodes of the control system on one cable, the leecher's end shaped.

use std::{
    fmt::Write as _,
    io::{BufRead, BufReader},
    process::Stdio,
    time::Duration,
};

use benchgrid_measures::Observation;
use benchgrid_probe::{
    content::Content,
    driver::{Place, driver},
    experiment::Link,
    http_node, shaping,
};

use crate::{
    Errors,
    bed::{Namespace, PART, ip, value},
    get, section, worker,
};

const SEEDER: &str = "10.9.3.2";
/// Payload bytes of a whole frame, and the frame on an Ethernet link: 14 + 20 + 32 + 1448.
const PAYLOAD: f64 = 1448.0;
const FRAME: f64 = 1514.0;
/// Rates, in Mbit/s, and payloads that take seconds on them.
const LINKS: [(u64, u64); 2] = [(20, 8_000_000), (100, 25_000_000)];
const ROUNDS: u32 = 3;

fn content(bytes: u64) -> Content {
    Content { name: format!("link-{bytes}"), seed: Content::seed(&["link"]), bytes }
}

#[test]
fn as_root_the_speed_on_a_link_is_its_rate() {
    let (pod, other) = (Namespace::new("link-a"), Namespace::new("link-b"));
    ip(&["-n", &pod.0, "link", "add", "eth0", "type", "veth", "peer", "name", "eth0", "netns", &other.0]);
    for (namespace, address) in [(&pod, "10.9.3.1/24"), (&other, "10.9.3.2/24")] {
        ip(&["-n", &namespace.0, "address", "add", address, "dev", "eth0"]);
        ip(&["-n", &namespace.0, "link", "set", "eth0", "up"]);
    }
    ip(&["-n", &pod.0, "route", "add", "default", "via", SEEDER]);
    let mut seeder = other.part("part", "seed").stdout(Stdio::piped()).spawn().unwrap();
    let mut lines = BufReader::new(seeder.stdout.take().unwrap()).lines();
    assert!(lines.any(|line| line.unwrap().contains("ready")));
    let printed = pod.run("part", "leech");
    seeder.kill().unwrap();
    seeder.wait().unwrap();
    let mut text = format!(
        "The speed of {ROUNDS} downloads, times {FRAME} / {PAYLOAD} for the headers, on links of known rate:\n\n\
         | seen by | link, Mbit/s | median, Mbit/s | off by | the agent's processor time, s per 100 MB |\n\
         | --- | ---: | ---: | ---: | ---: |\n"
    );
    let mut all = Vec::new();
    for (rate, bytes) in LINKS {
        for observe in ["stream", "counter"] {
            let speed: f64 = value(&printed, &format!("{observe}{rate}")).parse().unwrap();
            let cost: f64 = value(&printed, &format!("{observe}{rate}cost")).parse().unwrap();
            #[expect(clippy::cast_precision_loss, reason = "small")]
            let (off, cost) = (speed / rate as f64 - 1.0, cost * 1e8 / bytes as f64);
            writeln!(text, "| {observe} | {rate} | {speed:.2} | {:+.2} % | {cost:.2} |", off * 100.0).unwrap();
            all.push(off);
        }
    }
    section("link", &text);
    assert!(all.iter().all(|off| off.abs() <= 0.02), "a speed is off by more than 2 %");
}

/// What runs in a namespace.
pub(crate) fn part() {
    match std::env::var(PART).unwrap_or_default().as_str() {
        "seed" => seed(),
        "leech" => leech(),
        _ => {}
    }
}

/// A node of the control system, until the process ends; its API.
fn node(data: &std::path::Path) -> String {
    let runtime = Box::leak(Box::new(tokio::runtime::Runtime::new().unwrap()));
    let listener = runtime.block_on(tokio::net::TcpListener::bind("0.0.0.0:8080")).unwrap();
    runtime.spawn(http_node::serve(listener, data.to_owned()));
    "http://127.0.0.1:8080".to_owned()
}

fn seed() {
    let data = tempfile::tempdir().unwrap();
    let place =
        Place { api: node(data.path()), data: data.path().to_owned(), host: SEEDER.to_owned(), tracker: String::new() };
    let mut driver = driver("http", place).unwrap();
    for (_, bytes) in LINKS {
        driver.ingest(&content(bytes), Duration::from_mins(1)).unwrap();
    }
    println!("\nready");
    std::thread::sleep(Duration::from_mins(5));
}

fn leech() {
    let data = tempfile::tempdir().unwrap();
    let api = node(data.path());
    println!();
    for (rate, bytes) in LINKS {
        let bits = rate * 1_000_000;
        shaping::apply(
            "eth0",
            &Link { up_bits_per_second: bits, down_bits_per_second: bits, latency_seconds: 0.0, loss_ratio: 0.0 },
        )
        .unwrap();
        for (word, observe) in [("stream", Observation::Stream), ("counter", Observation::Counter)] {
            let mut speeds = Errors::default();
            let mut processor = 0.0;
            for _ in 0..ROUNDS {
                let got = get(&mut worker(api.clone()), observe, &content(bytes));
                processor += got.processor;
                let seconds = got.transfer.timing.time_to_100_seconds.unwrap();
                #[expect(clippy::cast_precision_loss, reason = "small")]
                let payload = bytes as f64 * 8.0 / 1e6 / seconds;
                speeds.0.push(payload * FRAME / PAYLOAD);
            }
            println!("{word}{rate}={} {word}{rate}cost={}", speeds.at(0.5), processor / f64::from(ROUNDS));
        }
    }
}
