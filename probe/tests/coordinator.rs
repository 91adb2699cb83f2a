//! Whole attempts: real nodes, agents, coordinator and store, in network namespaces.

#![expect(clippy::unwrap_used, clippy::expect_used, reason = "helpers of tests fail as tests do")]
#![expect(clippy::print_stdout, reason = "numbers for who runs the tests")]

use std::{
    thread,
    time::{Duration, Instant},
};

use benchgrid_measures::{
    CURVE_METRIC, Environment, Kind, NODE_METRIC, OUTCOME_METRIC, Observation, Phase, Reason, Verdict,
};

#[expect(dead_code, reason = "other tests use the rest")]
mod bed;
#[path = "bed/cell.rs"]
#[expect(dead_code, reason = "other tests use the rest")]
mod cell;
#[path = "bed/stored.rs"]
mod stored;

use bed::{Namespace, ip};
use benchgrid_probe::experiment::{Group, Load, Shaping};
use cell::{BASELINE, Cell, Left, Plan};

/// Everything about an attempt that went well.
fn check(cell: &Cell, left: &Left) {
    let Left { code, records, outcome, notes } = left;
    assert_eq!((outcome.verdict, outcome.reason), (Verdict::Measured, Reason::Ok), "{outcome:?}\n{notes}");
    assert_eq!(*code, Some(0));
    // Of each kind of observation a warm-up and two repetitions, each one upload and two downloads.
    let kinds = u32::try_from(cell.plan.observe.len()).unwrap();
    assert_eq!((u32::try_from(records.len()).unwrap(), outcome.records), (9 * kinds, 9 * kinds));
    for record in records {
        assert!(record.success && record.invalid.is_empty() && record.failure.is_none(), "{record:?}");
        assert_eq!(record.seeders, records[0].seeders, "one draw a trial");
        let baseline = &record.baseline;
        for rate in [baseline.up_bits_per_second, baseline.down_bits_per_second] {
            assert!((34e6..42e6).contains(&rate.unwrap()), "{baseline:?}");
        }
        let timing = &record.timing;
        if record.kind == Kind::Upload {
            assert!(timing.upload_seconds.unwrap() > 0.0);
            continue;
        }
        let mark = timing.time_to_100_seconds.unwrap();
        // 4 MB at 40 Mbit/s: 0.8 s and headers, less what the buckets let through at once.
        assert!((0.75..10.0).contains(&mark), "{timing:?}");
        assert!(timing.time_to_50_seconds.unwrap() <= timing.time_to_90_seconds.unwrap());
        assert!(timing.time_to_first_byte_seconds.unwrap() <= timing.time_to_50_seconds.unwrap());
        assert!(record.counters.received_bytes > 4_000_000, "{:?}", record.counters);
        // 4 MB in segments of 1448 bytes, each with 66 of headers, and what little else there is. Only one server sends
        // nothing twice: in a swarm's end game the last blocks are asked of every peer that has them, and the leechers
        // send each other blocks as well, so that there only a counter that counts double is told from a true one.
        let wire = record.counters.received_wire_bytes.unwrap();
        let most = if record.driver == "http" { 4_400_000 } else { 2 * 4_182_000 };
        assert!((4_182_000..most).contains(&wire), "{:?}", record.counters);
        assert_eq!(record.curve.last().unwrap().bytes, 4_000_000);
    }
    let contents: std::collections::BTreeSet<_> = records.iter().map(|record| &record.content_sha256).collect();
    assert_eq!(contents.len(), 3 * kinds as usize, "fresh content for every repetition");
    let attempt = &cell.attempt;
    let values: usize = records.iter().map(|record| record.lines().len()).sum();
    let stored = cell.stored(&format!("{{attempt=\"{attempt}\",kind!=\"\",__name__!=\"{CURVE_METRIC}\"}}"));
    assert_eq!(stored.len(), values);
    assert_eq!(cell.stored(&format!("{CURVE_METRIC}{{attempt=\"{attempt}\"}}")).len(), 6 * kinds as usize);
    let marker = cell.stored(&format!("{OUTCOME_METRIC}{{attempt=\"{attempt}\",outcome=\"measured\"}}"));
    assert_eq!(marker[0].last(), Some(f64::from(9 * kinds)));
    stored::rebuilt(cell, left);
    let machines = cell.stored(&format!("{NODE_METRIC}{{attempt=\"{attempt}\"}}"));
    assert_eq!(machines.len(), cell.pods.len());
    for record in records {
        let machine = machines.iter().find(|machine| machine.label("node") == record.node.pod).unwrap();
        assert_eq!(Environment::from_labels(&machine.metric), record.environment);
        assert!(!record.environment.kernel.is_empty());
    }
    assert_eq!(cell.leftovers(), 0);
}

fn whole(test: &str, driver: &'static str) {
    let mut cell = Cell::new(test, Plan::of(driver));
    let left = cell.run();
    check(&cell, &left);
    for record in left.records.iter().filter(|record| record.kind == Kind::Download) {
        let (timing, baseline) = (&record.timing, &record.baseline);
        println!(
            "{driver}: 100 % {:.3} s, skew {:.4} s, gap {:.3} s, idle {:.0} B/s, link {:.2} / {:.2} Mbit/s",
            timing.time_to_100_seconds.unwrap(),
            timing.start_skew_seconds.unwrap(),
            timing.poll_gap_max_seconds.unwrap(),
            record.counters.idle_received_bytes_per_second,
            baseline.up_bits_per_second.unwrap() / 1e6,
            baseline.down_bits_per_second.unwrap() / 1e6,
        );
    }
    for pod in &mut cell.pods {
        assert_eq!(pod.agent.as_mut().unwrap().code(Duration::from_secs(5)), Some(0), "agent of {}", pod.name);
    }
}

#[test]
fn as_root_an_attempt_with_the_control_system() {
    whole("ok", "http");
}

#[test]
fn as_root_an_attempt_with_qbittorrent() {
    whole("qb", "qbittorrent");
}

#[test]
fn as_root_an_attempt_with_rqbit() {
    whole("rq", "rqbit");
}

#[test]
fn as_root_an_attempt_with_a_third_system_behind_its_own_sidecar() {
    whole("ext", "external");
}

/// Bytes that a node's device sent since it was made.
fn sent(namespace: &Namespace) -> u64 {
    let output = namespace.command("cat").arg("/sys/class/net/eth0/statistics/tx_bytes").output().unwrap();
    String::from_utf8(output.stdout).unwrap().trim().parse().unwrap()
}

#[test]
fn as_root_two_clients_in_one_swarm() {
    let mut plan = Plan::of("qbittorrent");
    plan.seeders = 2;
    let others = Group { driver: Some("rqbit".to_owned()), ..plan.group("others", 2) };
    plan.groups = vec![plan.group("nodes", 2), others];
    plan.file_size = 8_000_000;
    let mut cell = Cell::new("two", plan);
    let left = cell.run();
    assert_eq!((left.outcome.verdict, left.outcome.reason), (Verdict::Measured, Reason::Ok), "{}", left.notes);
    // A warm-up and two repetitions, each one upload and a download by a client of each kind.
    assert_eq!(left.records.len(), 9);
    let group = |pod: &String| pod.split('-').nth(1).unwrap().to_owned();
    for record in &left.records {
        assert!(record.success && record.invalid.is_empty(), "{record:?}");
        let (driver, version) = match record.node.group.as_str() {
            "nodes" => ("qbittorrent", "v"),
            _ => ("rqbit", "9."),
        };
        assert!(record.driver == driver && record.version.starts_with(version), "{record:?}");
        let seeders: Vec<_> = record.seeders.iter().map(group).collect();
        assert_eq!(seeders, ["nodes", "others"], "a seeder of each kind");
    }
    let downloads = left.records.iter().filter(|record| record.kind == Kind::Download);
    for record in downloads {
        println!("{}: 100 % {:.3} s", record.driver, record.timing.time_to_100_seconds.unwrap());
    }
    // Both gave: more than what proved the link, of 48 MB that were downloaded.
    for pod in cell.pods.iter().filter(|pod| left.records[0].seeders.contains(&pod.name)) {
        let sent = sent(&pod.namespace);
        println!("{} sent {sent} bytes", pod.name);
        assert!(sent > BASELINE + 4_200_000, "{} sent {sent} bytes", pod.name);
    }
}

#[test]
fn as_root_a_store_that_refuses() {
    let mut plan = Plan::of("http");
    plan.write.push_str("/nowhere");
    plan.rate = None;
    plan.repetitions = 1;
    let left = Cell::new("store", plan).run();
    assert_eq!((left.outcome.verdict, left.outcome.reason), (Verdict::Failed, Reason::Store), "{}", left.notes);
    let detail = &left.outcome.detail;
    assert!(detail.contains("/nowhere/api/v1/import") && detail.contains(": refused"), "{detail}");
    assert_eq!(left.code, Some(1));
    // All the same, everything is on standard output.
    assert_eq!((left.records.len(), left.outcome.records), (6, 6));
}

#[test]
fn as_root_two_kinds_of_observation_take_turns() {
    let mut plan = Plan::of("http");
    plan.observe = vec![Observation::Counter, Observation::Stream];
    let mut cell = Cell::new("kinds", plan);
    let left = cell.run();
    check(&cell, &left);
    let ids: std::collections::BTreeSet<_> = left.records.iter().map(|record| &record.id).collect();
    assert_eq!(ids.len(), left.records.len());
    let uploads = left.records.iter().filter(|record| record.kind == Kind::Upload);
    let order: Vec<_> = uploads.map(|record| record.observe).collect();
    let (one, other) = (order[0], order[1]);
    assert_eq!((one != other, &order[..]), (true, &[one, other, other, one, one, other][..]));
    let read = left.records.iter().filter(|record| record.observe == Observation::Stream);
    for record in read.filter(|record| record.kind == Kind::Download) {
        // 4 MB at 40 Mbit/s, in order as they come: no poll is in the way of a first byte.
        assert!(record.timing.time_to_first_byte_seconds.unwrap() < 0.2, "{:?}", record.timing);
        assert!(record.curve.len() > 50, "{}", record.curve.len());
    }
    let seen = cell.stored("benchgrid_time_to_100_seconds{observe=\"stream\"}");
    assert_eq!(seen.len(), 6);
}

#[test]
fn as_root_an_agent_that_never_comes() {
    let mut plan = Plan::of("http");
    plan.ready_seconds = 2.0;
    let mut cell = Cell::new("absent", plan);
    cell.agent(0);
    cell.agent(2);
    let left = cell.left(cell.coordinator());
    assert_eq!(left.outcome.reason, Reason::NotReady);
    assert_eq!(left.outcome.detail, "1 of 3 agents did not register within 2 s: bt-nodes-1");
    assert_eq!((left.code, left.records.len()), (Some(1), 0));
    let marker = cell.stored(&format!("{OUTCOME_METRIC}{{reason=\"not-ready\"}}"));
    assert_eq!(marker[0].last(), Some(0.0));
}

#[test]
fn as_root_a_link_that_is_not_shaped() {
    let mut plan = Plan::of("http");
    plan.shaped = false;
    let left = Cell::new("bare", plan.clone()).run();
    assert_eq!(left.outcome.reason, Reason::Baseline, "{}", left.notes);
    let detail = &left.outcome.detail;
    let expected = "shaping not in force on bt-nodes-0: asked up 40 Mbit/s, down 40 Mbit/s, is not shaped; shaping";
    assert!(detail.starts_with(expected), "{detail}");
    // Where others should shape, only the transfer can tell.
    plan.shaping = Shaping::None;
    let left = Cell::new("base", plan).run();
    assert_eq!(left.outcome.reason, Reason::Baseline, "{}", left.notes);
    let detail = &left.outcome.detail;
    assert!(detail.starts_with("node bt-nodes-0 up: asked 40.000 Mbit/s (payload 38.256"), "{detail}");
    assert_eq!(left.code, Some(1));
}

/// Waits until content was brought in and is gone again.
fn wait_for_a_repetition(cell: &Cell) {
    let end = Instant::now() + Duration::from_secs(40);
    for held in [true, false] {
        while (cell.held("bt-") > 0) != held {
            assert!(Instant::now() < end, "no repetition in time");
            thread::sleep(Duration::from_millis(10));
        }
    }
}

#[test]
fn as_root_a_link_that_loses_its_shape_voids_the_repetition() {
    let mut cell = Cell::new("loses", Plan::of("http"));
    (0..3).for_each(|i| cell.agent(i));
    let coordinator = cell.coordinator();
    // The warm-up, and the first repetition.
    (0..2).for_each(|_| wait_for_a_repetition(&cell));
    let mut tc = cell.pods[1].namespace.command("tc");
    assert!(tc.args(["qdisc", "del", "dev", "eth0", "root"]).status().unwrap().success());
    let left = cell.left(coordinator);
    assert_eq!((left.outcome.verdict, left.outcome.reason), (Verdict::Failed, Reason::Invalid), "{}", left.notes);
    let reason = "shaping not in force on bt-nodes-1: asked up 40 Mbit/s, down 40 Mbit/s, is not shaped";
    assert_eq!(left.outcome.detail, reason);
    assert_eq!(left.records.len(), 9, "its data are kept");
    for record in &left.records {
        let void = record.phase == Phase::Measured && record.repetition == 2;
        assert_eq!(record.invalid, if void { vec![reason.to_owned()] } else { Vec::new() }, "{}", record.id);
    }
}

#[test]
fn as_root_nodes_that_give_nothing_end_the_trial() {
    let mut plan = Plan::of("http");
    plan.rate = None;
    let mut cell = Cell::new("none", plan);
    // The seeder's links are cut as soon as the nodes are known: agents still speak, nodes get nothing.
    for pod in &cell.pods {
        let mut filter = pod.namespace.command("ip");
        let status = filter.args(["route", "add", "blackhole", "10.9.2.0/29"]).status().unwrap();
        assert!(status.success());
    }
    let left = cell.run();
    assert_eq!(left.outcome.reason, Reason::TransferFailed, "{:?}\n{}", left.outcome, left.notes);
    assert_eq!(left.records.len(), 6, "a warm-up and a repetition");
    let failed = left.records.iter().filter(|record| record.kind == Kind::Download && !record.success);
    assert_eq!(failed.count(), 4);
    assert!(left.records.iter().all(|record| record.timing.time_to_100_seconds.is_none()));
    stored::rebuilt(&cell, &left);
}

#[test]
fn as_root_a_background_and_an_idle_system_beside_the_measured_one() {
    let mut plan = Plan::of("http");
    plan.beside = vec![("bg", Load::Background), ("calm", Load::Idle)];
    let mut cell = Cell::new("beside", plan);
    let left = cell.run();
    check(&cell, &left);
    assert!(left.records.iter().all(|record| record.node.system == "bt"), "the background leaves no records");
    let transfers = left.notes.matches("background bg: transfer ").count();
    assert!(transfers >= 3, "a transfer takes a second, the experiment many: {}", left.notes);
    assert!(!left.notes.contains("calm: transfer"), "{}", left.notes);
}

#[test]
fn as_root_a_background_that_stops_voids_what_is_measured_without_it() {
    let mut plan = Plan::of("http");
    plan.beside = vec![("bg", Load::Background)];
    let mut cell = Cell::new("stops", plan);
    (0..cell.pods.len()).for_each(|i| cell.agent(i));
    let coordinator = cell.coordinator();
    let end = Instant::now() + Duration::from_mins(1);
    while cell.held("bg-") == 0 && Instant::now() < end {
        thread::sleep(Duration::from_millis(100));
    }
    cell.pods.iter_mut().filter(|pod| pod.name.starts_with("bg-")).for_each(|pod| pod.agent = None);
    let left = cell.left(coordinator);
    assert_eq!((left.outcome.verdict, left.outcome.reason), (Verdict::Failed, Reason::Invalid), "{}", left.notes);
    assert!(left.outcome.detail.contains("background bg"), "{:?}", left.outcome);
}

#[test]
fn as_root_a_coordinator_asked_to_end_says_what_it_was_at() {
    let cell = Cell::new("term", Plan::of("http"));
    let coordinator = cell.coordinator();
    thread::sleep(Duration::from_secs(1));
    let status = std::process::Command::new("kill").arg(coordinator.id().to_string()).status().unwrap();
    assert!(status.success());
    let left = cell.left(coordinator);
    assert_eq!(left.code, Some(143));
    assert_eq!(left.outcome.reason, Reason::Deadline);
    assert!(left.outcome.detail.ends_with("while waiting for all nodes"), "{}", left.outcome.detail);
}
