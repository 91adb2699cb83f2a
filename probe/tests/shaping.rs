//! Shaping against the kernel: rates asked for are rates seen. Needs root, iproute2, and the kernel's tbf, ifb,
//! ingress, u32 and mirred.

#![expect(clippy::unwrap_used, clippy::expect_used, clippy::print_stdout, reason = "helpers of tests are tests too")]

use std::{
    io::{Read, Write},
    net::{TcpListener, TcpStream},
    thread,
    time::{Duration, Instant},
};

use benchgrid_probe::{
    counters::{Idle, Reading},
    experiment::Link,
    shaping::{self, ShapingError},
};

mod bed;

use bed::{Namespace, PART, ip, value};

const PORT: u16 = 5201;

/// Two namespaces on one cable, each end `eth0`; the first is the pod.
fn cable(test: &str) -> (Namespace, Namespace) {
    let (pod, other) = (Namespace::new(&format!("{test}-a")), Namespace::new(&format!("{test}-b")));
    ip(&["-n", &pod.0, "link", "add", "eth0", "type", "veth", "peer", "name", "eth0", "netns", &other.0]);
    for (namespace, address) in [(&pod, "10.9.0.1/24"), (&other, "10.9.0.2/24")] {
        ip(&["-n", &namespace.0, "address", "add", address, "dev", "eth0"]);
        ip(&["-n", &namespace.0, "link", "set", "eth0", "up"]);
    }
    ip(&["-n", &pod.0, "route", "add", "default", "via", "10.9.0.2"]);
    (pod, other)
}

/// Bits a second of payload, from one namespace to the other.
fn transfer(from: &Namespace, to: &Namespace, address: &str, bytes: u64) -> f64 {
    let receiver = to.part("part", &format!("receive {bytes}")).stdout(std::process::Stdio::piped()).spawn().unwrap();
    from.run("part", &format!("send {address} {bytes}"));
    let output = receiver.wait_with_output().unwrap();
    let printed = String::from_utf8(output.stdout).unwrap();
    value(&printed, "rate").parse().unwrap()
}

#[test]
fn as_root_rates_asked_for_are_rates_seen_in_both_directions() {
    let (pod, other) = cable("rate");
    for (up, down) in [(20_000_000_u32, 50_000_000_u32), (50_000_000, 20_000_000)] {
        // Again and again: every step replaces what is there.
        for _ in 0..2 {
            pod.run("part", &format!("apply {up} {down} 0 0"));
        }
        let rates = pod.run("part", "in-force");
        assert_eq!((value(&rates, "up"), value(&rates, "down")), (&*up.to_string(), &*down.to_string()));
        let bytes = 6_000_000;
        let sent = transfer(&pod, &other, "10.9.0.2", bytes);
        let received = transfer(&other, &pod, "10.9.0.1", bytes);
        println!("asked {up} / {down}, seen {sent:.0} / {received:.0} bit/s");
        for (asked, seen) in [(up, sent), (down, received)] {
            let share = seen / f64::from(asked);
            assert!((0.9..=1.1).contains(&share), "asked for {asked} bit/s, seen {seen} bit/s");
        }
    }
    pod.run("part", "remove");
    pod.run("part", "remove");
    assert!(pod.run("part", "in-force").contains("rates=none"));
    assert!(transfer(&pod, &other, "10.9.0.2", 20_000_000) > 200e6, "the link is still shaped");
}

/// Counters of a transfer, at both ends: what the sender's formula gives, and what the pod's buckets let through.
fn counted(from: &Namespace, to: &Namespace, address: &str) -> (Counted, Counted) {
    let bytes = 20_000_000;
    let receiver =
        to.part("part", &format!("count receive {bytes}")).stdout(std::process::Stdio::piped()).spawn().unwrap();
    let sent = from.run("part", &format!("count send {address} {bytes}"));
    let printed = String::from_utf8(receiver.wait_with_output().unwrap().stdout).unwrap();
    (Counted::of(&sent), Counted::of(&printed))
}

#[derive(Debug)]
struct Counted {
    device: f64,
    packets: f64,
    segments: f64,
    again: f64,
    wire: f64,
    /// By the buckets: sent, received.
    passed: Option<(f64, f64)>,
}

impl Counted {
    fn of(printed: &str) -> Self {
        let number = |key: &str| value(printed, key).parse::<f64>().ok();
        Self {
            device: number("device").unwrap(),
            packets: number("packets").unwrap(),
            segments: number("segments").unwrap(),
            again: number("again").unwrap(),
            wire: number("wire").unwrap(),
            passed: number("up").zip(number("down")),
        }
    }
}

fn within(share: f64, seen: f64, truth: f64, what: &str) {
    println!("{what}: {seen} of {truth}, {:+.3} %", (seen / truth - 1.0) * 100.0);
    assert!((seen / truth - 1.0).abs() <= share, "{what}: {seen}, truth is {truth}");
}

#[test]
fn as_root_wire_bytes_are_those_on_the_wire() {
    let (pod, other) = cable("wire");
    pod.run("part", "apply 200000000 200000000 0 0");
    // With offload: devices count bundles of segments.
    let (sent, _) = counted(&pod, &other, "10.9.0.2");
    assert!(sent.packets < sent.segments * 0.95, "nothing is bundled here: {sent:?}");
    within(0.01, sent.wire, sent.passed.unwrap().0, "sent by the pod");
    let (theirs, received) = counted(&other, &pod, "10.9.0.1");
    assert!(received.device < received.passed.unwrap().1 * 0.997, "headers are hidden: {received:?}");
    // What the bucket drops is sent again, and comes through once.
    within(0.01, theirs.wire - theirs.again * 1514.0, received.passed.unwrap().1, "received by the pod");
    // Without: what devices count is what is on the wire, and so the measure of the buckets' own count.
    for namespace in [&pod, &other] {
        ip(&["-n", &namespace.0, "link", "set", "eth0", "gso_max_segs", "1"]);
    }
    let (sent, _) = counted(&pod, &other, "10.9.0.2");
    within(0.01, sent.packets, sent.segments, "packets without offload");
    within(0.001, sent.passed.unwrap().0, sent.device, "counted by the bucket");
    within(0.001, sent.wire, sent.device, "by the formula");
}

#[test]
fn as_root_half_done_shaping_is_seen_and_completed() {
    let (pod, _other) = cable("half");
    assert!(pod.run("part", "in-force").contains("rates=none"));
    assert!(pod.run("part", "device").contains("device=eth0"));
    // What a run that was killed may leave, and what others may have put there.
    tc(&pod, "qdisc add dev eth0 root handle 1: tbf rate 1mbit burst 64kb latency 50ms");
    ip(&["-n", &pod.0, "link", "add", shaping::IFB, "type", "ifb"]);
    tc(&pod, "qdisc add dev eth0 ingress");
    assert!(pod.run("part", "in-force").contains("rates=none"));
    pod.run("part", "apply 30000000 40000000 0 0");
    let rates = pod.run("part", "in-force");
    assert_eq!((value(&rates, "up"), value(&rates, "down")), ("30000000", "40000000"));
    // Every part counts.
    ip(&["-n", &pod.0, "link", "set", shaping::IFB, "down"]);
    assert!(pod.run("part", "in-force").contains("rates=none"));
    pod.run("part", "apply 30000000 40000000 0 0");
    tc(&pod, "filter del dev eth0 ingress");
    assert!(pod.run("part", "in-force").contains("rates=none"));
    // Another kind of discipline at the same place.
    tc(&pod, "qdisc del dev eth0 root");
    tc(&pod, "qdisc add dev eth0 root handle 1: htb");
    pod.run("part", "apply 100000000000 40000000 0 0");
    assert_eq!(value(&pod.run("part", "in-force"), "up"), "100000000000");
}

#[test]
fn as_root_latency_is_added_or_the_missing_module_named() {
    let (pod, _other) = cable("late");
    let lost = pod.run("part", "apply 30000000 40000000 0 0.001");
    let printed = pod.run("part", "apply 30000000 40000000 0.02 0.001");
    if printed.contains("error=") {
        assert!(printed.contains("error=loss: the kernel has no sch_netem; load the module"), "{printed}");
        assert!(lost.contains("sch_netem"), "{lost}");
        println!("no netem in this kernel: only the error was tested");
        return;
    }
    let seen = pod.run("part", "in-force");
    assert_eq!(value(&seen, "latency"), "0.02");
    assert!((value(&seen, "loss").parse::<f64>().unwrap() - 0.001).abs() < 1e-8, "{seen}");
    let ping = pod.command("ping").args(["-c", "3", "-i", "0.2", "10.9.0.2"]).output().unwrap();
    let ping = String::from_utf8_lossy(&ping.stdout).into_owned();
    assert!(ping.contains("time=2"), "{ping}");
}

#[test]
fn as_root_without_the_capability_the_error_says_so() {
    let (pod, _other) = cable("cap");
    let program = std::env::current_exe().unwrap();
    let output = pod
        .command("setpriv")
        .args(["--bounding-set", "-net_admin", "--inh-caps", "-net_admin", "--reuid", "1", "--clear-groups"])
        .arg(program)
        .args(["--exact", "part", "--ignored", "--nocapture"])
        .env(PART, "apply 30000000 40000000 0 0")
        .output()
        .expect("this test needs the program `setpriv` (package util-linux)");
    let printed = String::from_utf8_lossy(&output.stdout);
    assert!(printed.contains("NET_ADMIN"), "{printed}{}", String::from_utf8_lossy(&output.stderr));
}

fn tc(namespace: &Namespace, arguments: &str) {
    let status = namespace.command("tc").args(arguments.split(' ')).status().unwrap();
    assert!(status.success(), "tc {arguments}");
}

/// A part of a test above, inside a namespace.
#[test]
#[ignore = "a part of the other tests"]
fn part() {
    let part = std::env::var(PART).unwrap_or_default();
    let words: Vec<&str> = part.split(' ').collect();
    match words[..] {
        ["apply", up, down, latency, loss] => apply(Link {
            up_bits_per_second: up.parse().unwrap(),
            down_bits_per_second: down.parse().unwrap(),
            latency_seconds: latency.parse().unwrap(),
            loss_ratio: loss.parse().unwrap(),
        }),
        ["in-force"] => match shaping::in_force("eth0").unwrap() {
            None => println!("\nrates=none"),
            Some(rates) => println!(
                "\nup={} down={} latency={} loss={}",
                rates.up_bits_per_second, rates.down_bits_per_second, rates.latency_seconds, rates.loss_ratio
            ),
        },
        ["device"] => println!("\ndevice={}", shaping::default_device()),
        ["remove"] => shaping::remove("eth0").unwrap(),
        ["count", "send", address, bytes] => count(|| send(address, bytes.parse().unwrap())),
        ["count", "receive", bytes] => count(|| receive(bytes.parse().unwrap())),
        ["receive", bytes] => receive(bytes.parse().unwrap()),
        ["send", address, bytes] => send(address, bytes.parse().unwrap()),
        _ => {}
    }
}

fn apply(link: Link) {
    match shaping::apply("eth0", &link) {
        Ok(report) => println!("\ndevice={} burst={}", report.device, report.up_burst_bytes),
        Err(error @ (ShapingError::NoModule { .. } | ShapingError::NotPermitted { .. })) => println!("\nerror={error}"),
        Err(error) => panic!("{error}"),
    }
}

fn count(transfer: impl FnOnce()) {
    let (before, passed) = (Reading::take("eth0").unwrap(), shaping::passed("eth0").unwrap());
    transfer();
    // The last acknowledgements.
    thread::sleep(Duration::from_millis(200));
    let counters = Reading::take("eth0").unwrap().since(&before, Idle::default());
    let device = counters.sent_bytes.max(counters.received_bytes);
    println!("\ndevice={device} packets={} wire={}", counters.sent_packets, counters.sent_wire_bytes);
    println!("segments={} again={}", counters.segments_sent, counters.segments_retransmitted);
    if let (Some(before), Some(after)) = (passed, shaping::passed("eth0").unwrap()) {
        println!("up={} down={}", after.0 - before.0, after.1 - before.1);
    } else {
        println!("up=none down=none");
    }
}

fn send(address: &str, bytes: usize) {
    let start = Instant::now();
    let mut stream = loop {
        match TcpStream::connect((address, PORT)) {
            Ok(stream) => break stream,
            Err(error) => assert!(start.elapsed() < Duration::from_secs(10), "{error}"),
        }
        thread::sleep(Duration::from_millis(20));
    };
    stream.write_all(&vec![7; bytes]).unwrap();
    stream.shutdown(std::net::Shutdown::Write).unwrap();
    // The other side closes when it has all.
    let _ = stream.read(&mut [0]);
}

fn receive(bytes: usize) {
    let (mut stream, _) = TcpListener::bind(("0.0.0.0", PORT)).unwrap().accept().unwrap();
    let start = Instant::now();
    let mut rest = bytes;
    let mut block = vec![0; 65_536];
    while rest > 0 {
        let count = stream.read(&mut block).unwrap();
        assert!(count > 0, "{rest} bytes are missing");
        rest -= count;
    }
    let bits = f64::from(u32::try_from(bytes).unwrap()) * 8.0;
    println!("\nrate={}", bits / start.elapsed().as_secs_f64());
}
