//! What breaks while a swarm transfers: the cell ends by itself, the records say what happened, and what was measured before
//! is in the store.
//!
//! Node 0 seeds, nodes 1 and 2 download.

#![expect(clippy::unwrap_used, clippy::expect_used, reason = "helpers of tests fail as tests do")]
#![expect(clippy::print_stdout, reason = "what a failed test prints is shown")]

use std::{
    collections::{BTreeMap, BTreeSet},
    process::Child,
    thread,
    time::{Duration, Instant},
};

use benchgrid_measures::{CURVE_METRIC, Kind, Phase, Reason, Record, Verdict};
use benchgrid_probe::experiment::{Group, GroupRole, Link};

#[expect(dead_code, reason = "other tests use the rest")]
mod bed;
#[path = "bed/cell.rs"]
#[expect(dead_code, reason = "other tests use the rest")]
mod cell;

use bed::{Namespace, ip};
use cell::{Cell, Left, Plan};

/// The seeder of every test.
const SEEDER: usize = 0;
/// Its leechers.
const LEECHERS: [usize; 2] = [1, 2];
/// The payload: 4 s at the links' rate.
const BYTES: u64 = 10_000_000;
const RATE: u64 = 20_000_000;

fn plan(driver: &'static str, repetitions: u32) -> Plan {
    let link =
        Some(Link { up_bits_per_second: RATE, down_bits_per_second: RATE, latency_seconds: 0.0, loss_ratio: 0.0 });
    let group = |name: &str, role, replicas| Group { name: name.to_owned(), driver: None, role, replicas, link };
    let groups = vec![group("s", GroupRole::Seeder, 1), group("l", GroupRole::Leecher, 2)];
    Plan { groups, file_size: BYTES, repetitions, stalled_seconds: 12.0, ..Plan::of(driver) }
}

/// A cell in the middle of its first measured transfer.
fn in_the_middle(test: &str, plan: Plan) -> (Cell, Child) {
    let mut cell = Cell::new(test, plan);
    (0..3).for_each(|i| cell.agent(i));
    let coordinator = cell.coordinator();
    cell.until_in("measured 1, counter", &LEECHERS, BYTES / 4);
    (cell, coordinator)
}

/// Sends a signal to a process that this test started.
fn signal(name: &str, process: u32) {
    let status = std::process::Command::new("kill").args([&format!("-{name}"), &process.to_string()]).status();
    assert!(status.unwrap().success());
}

/// Everything about these records is in the store, each value once, and nothing else. The store keeps some 15 digits.
fn in_the_store(cell: &Cell, records: &[Record]) {
    let attempt = &cell.attempt;
    let stored = |selector: &str| -> BTreeMap<String, BTreeSet<u64>> {
        let mut stored: BTreeMap<String, BTreeSet<u64>> = BTreeMap::new();
        for series in cell.stored(&format!("{{attempt=\"{attempt}\",kind!=\"\",{selector}}}")) {
            for (stamp, value) in series.timestamps.iter().zip(&series.values) {
                stored.entry(format!("{:?} {stamp}", series.metric)).or_default().insert(value.to_bits());
            }
        }
        stored
    };
    let expected: BTreeMap<String, f64> = records
        .iter()
        .flat_map(Record::lines)
        .map(|line| {
            let mut labels = line.labels;
            labels.retain(|_, value| !value.is_empty());
            labels.insert("__name__".to_owned(), line.name);
            (format!("{labels:?} {}", line.timestamp_ms), line.value)
        })
        .collect();
    assert!(!expected.is_empty());
    let found = stored(&format!("__name__!=\"{CURVE_METRIC}\""));
    assert_eq!(found.keys().collect::<Vec<_>>(), expected.keys().collect::<Vec<_>>());
    for (key, value) in &expected {
        let near = |bits: &u64| (f64::from_bits(*bits) - value).abs() <= value.abs() * 1e-12;
        assert!(found[key].len() == 1 && found[key].iter().all(near), "{key}: {value}, stored as {:?}", found[key]);
    }
    let points: usize = records.iter().map(|record| record.curve.len()).sum();
    assert_eq!(stored(&format!("__name__=\"{CURVE_METRIC}\"")).values().map(BTreeSet::len).sum::<usize>(), points);
}

/// Downloads of a measured repetition, in the order of the nodes.
fn downloads(left: &Left, repetition: u32) -> Vec<&Record> {
    let of = |record: &&Record| {
        (record.kind, record.phase, record.repetition) == (Kind::Download, Phase::Measured, repetition)
    };
    left.records.iter().filter(of).collect()
}

/// Why a record is a failure, in one line.
fn failure(record: &Record) -> String {
    assert!(!record.success && record.timing.time_to_100_seconds.is_none(), "{record:?}");
    record.failure.as_ref().map(|failure| format!("{}: {}", failure.reason, failure.detail)).unwrap()
}

fn ended(left: &Left, reason: Reason) {
    let verdict = if reason == Reason::Ok { Verdict::Measured } else { Verdict::Failed };
    assert_eq!((left.outcome.verdict, left.outcome.reason), (verdict, reason), "{:?}\n{}", left.outcome, left.notes);
    assert_eq!(left.code, Some(i32::from(reason != Reason::Ok)));
    let warmup = left.records.iter().filter(|record| record.phase == Phase::Warmup);
    assert_eq!(warmup.filter(|record| record.success && record.invalid.is_empty()).count(), 3, "{}", left.notes);
}

#[test]
fn as_root_a_seeders_client_is_killed() {
    let (mut cell, coordinator) = in_the_middle("f-seed", plan("qbittorrent", 2));
    cell.pods[SEEDER].node = None;
    let left = cell.left(coordinator);
    ended(&left, Reason::TransferFailed);
    assert!(left.outcome.detail.starts_with("upload to bt-s-0: "), "{}", left.outcome.detail);
    let downloads = downloads(&left, 1);
    assert_eq!(downloads.len(), 2);
    for record in downloads {
        assert!(failure(record).starts_with("stalled: nothing new for 12 s, "), "{}", failure(record));
        assert!(record.invalid.iter().any(|text| text.starts_with("node bt-s-0, removing ")), "{:?}", record.invalid);
        assert!(record.timing.time_to_first_byte_seconds.is_some());
    }
    in_the_store(&cell, &left.records);
}

#[test]
fn as_root_a_leechers_client_is_killed_while_its_agent_lives() {
    let (mut cell, coordinator) = in_the_middle("f-leech", plan("qbittorrent", 2));
    cell.pods[LEECHERS[0]].node = None;
    let left = cell.left(coordinator);
    ended(&left, Reason::Invalid);
    for repetition in [1, 2] {
        let [dead, other] = downloads(&left, repetition)[..] else { panic!("{}", left.notes) };
        assert!(failure(dead).starts_with("error: "), "{}", failure(dead));
        assert!(other.success, "{other:?}");
        assert!(other.invalid.iter().any(|text| text.starts_with("node bt-l-0, removing ")), "{:?}", other.invalid);
    }
    in_the_store(&cell, &left.records);
}

#[test]
fn as_root_a_leechers_client_is_stuck() {
    let (cell, coordinator) = in_the_middle("f-stuck", plan("qbittorrent", 1));
    let stuck = cell.pods[LEECHERS[0]].node.as_ref().unwrap().0.id();
    signal("STOP", stuck);
    let start = Instant::now();
    // It goes on when its transfer was given up.
    thread::sleep(Duration::from_secs(20));
    signal("CONT", stuck);
    let left = cell.left(coordinator);
    assert!(start.elapsed() < Duration::from_secs(45), "{:?}", start.elapsed());
    ended(&left, Reason::Ok);
    let [dead, other] = downloads(&left, 1)[..] else { panic!("{}", left.notes) };
    assert!(
        failure(dead).starts_with("stalled: ") || failure(dead).starts_with("error: only errors"),
        "{}",
        failure(dead)
    );
    assert!(other.success && other.invalid.is_empty(), "{other:?}");
    in_the_store(&cell, &left.records);
}

#[test]
fn as_root_an_agent_is_killed() {
    let (mut cell, coordinator) = in_the_middle("f-agent", plan("http", 1));
    cell.pods[LEECHERS[0]].agent = None;
    let left = cell.left(coordinator);
    ended(&left, Reason::Invalid);
    let [dead, other] = downloads(&left, 1)[..] else { panic!("{}", left.notes) };
    assert_eq!(failure(dead), "agent-lost: the agent fell silent for 30 s");
    assert!(other.success && !other.invalid.is_empty(), "{other:?}");
    in_the_store(&cell, &left.records);
}

#[test]
fn as_root_the_coordinator_is_killed() {
    let (mut cell, mut coordinator) = in_the_middle("f-kill", Plan { patience: 5, ..plan("http", 1) });
    let (records, outcome) = cell.printed();
    coordinator.kill().unwrap();
    coordinator.wait().unwrap();
    assert_eq!((records.len(), outcome), (3, None));
    for pod in &mut cell.pods {
        assert_eq!(pod.agent.as_mut().unwrap().code(Duration::from_secs(15)), Some(3), "agent of {}", pod.name);
    }
    in_the_store(&cell, &records);
}

#[test]
fn as_root_the_coordinator_is_asked_to_end() {
    let (cell, coordinator) = in_the_middle("f-term", plan("http", 1));
    let start = Instant::now();
    signal("TERM", coordinator.id());
    let left = cell.left(coordinator);
    assert!(start.elapsed() < Duration::from_secs(5));
    assert_eq!((left.code, left.outcome.reason, left.outcome.records), (Some(143), Reason::Deadline, 3));
    assert!(left.outcome.detail.ends_with("while measured 1, counter"), "{}", left.outcome.detail);
    assert_eq!(left.records.len(), 3);
    in_the_store(&cell, &left.records);
}

#[test]
fn as_root_the_store_hangs_and_is_started_anew() {
    let (mut cell, coordinator) = in_the_middle("f-store", plan("http", 3));
    let store = cell.store.as_ref().unwrap().0.id();
    signal("STOP", store);
    cell.until("measured 2, counter");
    assert!(cell.notes().contains("the store has to wait: "), "{}", cell.notes());
    signal("CONT", store);
    cell.until("measured 3, counter");
    // What it took last is not on its disk yet.
    cell.store = None;
    cell.until("storing the records");
    thread::sleep(Duration::from_secs(5));
    cell.start_store();
    let left = cell.left(coordinator);
    ended(&left, Reason::Ok);
    assert_eq!(left.records.len(), 12);
    in_the_store(&cell, &left.records);
}

#[test]
fn as_root_a_leechers_disk_is_full() {
    let mut cell = Cell::new("f-disk", Plan { small_disk: Some((LEECHERS[0], 6_000_000)), ..plan("qbittorrent", 1) });
    let left = cell.run();
    let downloads: Vec<_> = left.records.iter().filter(|record| record.kind == Kind::Download).collect();
    assert_eq!((left.outcome.reason, downloads.len()), (Reason::Ok, 4), "{:?}\n{}", left.outcome, left.notes);
    for pair in downloads.chunks(2) {
        let text = failure(pair[0]);
        assert!(text.contains("torrent in state error, as with a full disk; "), "{text}");
        assert!(pair[1].success, "{:?}", pair[1]);
    }
    in_the_store(&cell, &left.records);
}

#[test]
fn as_root_a_seeders_disk_is_full() {
    let mut cell = Cell::new("f-full", Plan { small_disk: Some((SEEDER, 6_000_000)), ..plan("qbittorrent", 1) });
    let left = cell.run();
    assert_eq!((left.outcome.reason, left.records.len()), (Reason::TransferFailed, 1), "{:?}", left.outcome);
    assert!(left.outcome.detail.contains("No space left on device"), "{:?}", left.outcome);
    assert!(failure(&left.records[0]).contains("No space left on device"));
    in_the_store(&cell, &left.records);
}

#[test]
fn as_root_a_link_goes_down() {
    let (cell, coordinator) = in_the_middle("f-down", plan("qbittorrent", 1));
    cell.link(LEECHERS[0], "down");
    let left = cell.left(coordinator);
    ended(&left, Reason::Invalid);
    let [dead, other] = downloads(&left, 1)[..] else { panic!("{}", left.notes) };
    assert_eq!(failure(dead), "agent-lost: the agent fell silent for 30 s");
    assert!(other.success, "{other:?}");
    in_the_store(&cell, &left.records);
}

#[test]
fn as_root_a_link_goes_down_and_up_again() {
    let (cell, coordinator) = in_the_middle("f-updown", Plan { stalled_seconds: 20.0, ..plan("qbittorrent", 1) });
    cell.link(LEECHERS[0], "down");
    thread::sleep(Duration::from_secs(4));
    cell.link(LEECHERS[0], "up");
    let left = cell.left(coordinator);
    ended(&left, Reason::Ok);
    let [cut, other] = downloads(&left, 1)[..] else { panic!("{}", left.notes) };
    assert!(cut.success && other.success, "{cut:?} {other:?}");
    assert!(cut.timing.stall_max_seconds.unwrap() > 3.0, "{:?}", cut.timing);
    in_the_store(&cell, &left.records);
}

/// `apt-get install faketime`, then `cargo test -p benchgrid-probe --test faults clock -- --ignored`.
#[test]
#[ignore = "it needs Debian's package faketime"]
fn as_root_the_wall_clock_is_set() {
    let library = option_env!("FAKETIME").unwrap_or("/usr/lib/x86_64-linux-gnu/faketime/libfaketimeMT.so.1");
    assert!(std::path::Path::new(library).exists(), "this test needs Debian's package faketime");
    let now = || i64::try_from(std::time::UNIX_EPOCH.elapsed().unwrap().as_millis()).unwrap();
    let start = now();
    let (cell, coordinator) = in_the_middle("f-clock", Plan { clock: Some(library), ..plan("http", 3) });
    cell.set_clock("-3h");
    cell.until("measured 2, counter");
    cell.set_clock("+30d");
    let left = cell.left(coordinator);
    ended(&left, Reason::Ok);
    assert_eq!(left.records.len(), 12);
    let downloads: Vec<_> = left.records.iter().filter(|record| record.kind == Kind::Download).collect();
    let stamps: Vec<_> = downloads.iter().map(|record| record.ended_ms).collect();
    assert!(stamps.is_sorted() && stamps[0] > start && stamps[7] < now(), "{start} {stamps:?}");
    for record in downloads {
        assert!((3.9..20.0).contains(&record.timing.time_to_100_seconds.unwrap()), "{:?}", record.timing);
    }
    in_the_store(&cell, &left.records);
}
