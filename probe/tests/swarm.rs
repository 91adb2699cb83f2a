//! Swarms of real clients: their times against the least possible ones.
//!
//! Each test prints what `docs/methodology.md` shows under "What was seen".

#![expect(clippy::unwrap_used, clippy::expect_used, reason = "helpers of tests fail as tests do")]
#![expect(clippy::print_stdout, reason = "numbers for who runs the tests")]

use std::collections::BTreeMap;

use benchgrid_measures::{Kind, Phase, Reason, Record, Verdict};
use benchgrid_probe::{
    baseline::PAYLOAD_SHARE,
    experiment::{Group, GroupRole, Link},
};

#[expect(dead_code, reason = "other tests use the rest")]
mod bed;
#[path = "bed/cell.rs"]
#[expect(dead_code, reason = "other tests use the rest")]
mod cell;

use bed::{Namespace, ip};
use cell::{Cell, Left, Plan};

/// What a link's bucket passes at once, in bytes.
const BUCKET: f64 = 65_536.0;

/// Fresh cells that a swarm may take.
const TRIES: u32 = 3;

/// Links of the measured nodes, by pod, in bits a second.
type Links = BTreeMap<String, (f64, f64)>;

#[expect(clippy::cast_precision_loss, reason = "rates stay far below 2^53 bits a second")]
fn links(plan: &Plan) -> Links {
    let both = |link: Option<Link>| link.map(|l| (l.up_bits_per_second as f64, l.down_bits_per_second as f64)).unwrap();
    let experiment = plan.experiment();
    experiment.nodes().map(|(_, group, pod)| (pod, both(group.link))).collect()
}

/// The least time in which `bytes` of payload go through links of that rate: with headers, and less what their buckets
/// pass at once.
fn least(bytes: f64, buckets: f64, rate: f64) -> f64 {
    (bytes / PAYLOAD_SHARE - buckets * BUCKET).max(0.0) * 8.0 / rate
}

/// One leecher can't have everything before its own link or those of all seeders carried it once.
fn bound_of(record: &Record, links: &Links) -> f64 {
    let seeders: f64 = record.seeders.iter().map(|pod| links[pod].0).sum();
    let bytes = size(record);
    least(bytes, 1.0, links[&record.node.pod].1).max(least(bytes, count(record.seeders.len()), seeders))
}

/// The slowest leecher not before everybody's links carried everything to all.
fn bound_of_all(record: &Record, links: &Links) -> f64 {
    let leechers = count(links.len() - record.seeders.len());
    let slowest = links.iter().filter(|(pod, _)| !record.seeders.contains(pod)).map(|(_, (_, down))| *down);
    let slowest = slowest.fold(f64::INFINITY, f64::min);
    let seeders: f64 = record.seeders.iter().map(|pod| links[pod].0).sum();
    let all: f64 = links.values().map(|(up, _)| up).sum();
    let bytes = size(record);
    let terms = [
        least(bytes, 1.0, slowest),
        least(bytes, count(record.seeders.len()), seeders),
        least(leechers * bytes, count(links.len()), all),
    ];
    terms.into_iter().fold(0.0, f64::max)
}

#[expect(clippy::cast_precision_loss, reason = "sizes stay far below 2^53")]
fn size(record: &Record) -> f64 {
    record.content_bytes as f64
}

#[expect(clippy::cast_precision_loss, reason = "small numbers")]
fn count(number: usize) -> f64 {
    number as f64
}

fn median(values: impl IntoIterator<Item = f64>) -> f64 {
    let mut values: Vec<_> = values.into_iter().collect();
    values.sort_by(f64::total_cmp);
    f64::midpoint(values[(values.len() - 1) / 2], values[values.len() / 2])
}

/// What a swarm did.
struct Seen {
    /// Median over leechers, for every repetition.
    medians: Vec<f64>,
    /// Median of them all over the bound of the slowest leecher.
    ratio: f64,
    /// The same of the slowest leecher of each repetition.
    slowest: f64,
    /// Median of the time to the first byte.
    first: f64,
    /// Median of the time from the first byte to the last.
    rest: f64,
}

/// Everything arrived, nothing faster than the links allow; prints a line of the table.
fn check(name: &str, plan: &Plan, left: &Left) -> Seen {
    assert_eq!(
        (left.outcome.verdict, left.outcome.reason),
        (Verdict::Measured, Reason::Ok),
        "{:?}\n{}",
        left.outcome,
        left.notes
    );
    let links = links(plan);
    let downloads: Vec<_> = left.records.iter().filter(|record| record.kind == Kind::Download).collect();
    let mut repetitions: BTreeMap<u32, Vec<f64>> = BTreeMap::new();
    let mut slowest: BTreeMap<(bool, u32), f64> = BTreeMap::new();
    for record in &downloads {
        assert!(record.success && record.invalid.is_empty(), "{record:?}");
        let (time, bound) = (record.timing.time_to_100_seconds.unwrap(), bound_of(record, &links));
        assert!(time >= bound, "{} took {time} s, its links need {bound} s", record.id);
        let last = slowest.entry((record.phase == Phase::Measured, record.repetition)).or_insert(0.0);
        *last = last.max(time);
        if record.phase == Phase::Measured {
            repetitions.entry(record.repetition).or_default().push(time);
        }
    }
    let all = bound_of_all(downloads[0], &links);
    assert!(slowest.values().all(|last| *last >= all), "{slowest:?}, the links need {all} s");
    let measured = || downloads.iter().filter(|record| record.phase == Phase::Measured);
    let medians: Vec<_> = repetitions.into_values().map(median).collect();
    let whole = median(medians.iter().copied());
    let first = |record: &Record| record.timing.time_to_first_byte_seconds.unwrap();
    let seen = Seen {
        ratio: whole / all,
        slowest: median(slowest.iter().filter(|((measured, _), _)| *measured).map(|(_, last)| *last)) / all,
        first: median(measured().map(|record| first(record))),
        rest: median(measured().map(|record| record.timing.time_to_100_seconds.unwrap() - first(record))),
        medians,
    };
    println!(
        "| {name} | {:.0} MB | {} | {} | {all:.2} | {whole:.2} | {:.2} | {:.2} | {:.2} | {:.2} | {:.1} |",
        size(downloads[0]) / 1e6,
        downloads[0].seeders.len(),
        links.len() - downloads[0].seeders.len(),
        seen.ratio,
        seen.slowest,
        seen.first,
        seen.rest / all,
        100.0 * variation(&seen.medians),
    );
    println!("medians of the repetitions: {:.3?}", seen.medians);
    seen
}

/// Standard deviation over mean.
fn variation(values: &[f64]) -> f64 {
    let mean = values.iter().sum::<f64>() / count(values.len());
    let squares: f64 = values.iter().map(|value| (value - mean).powi(2)).sum();
    (squares / (count(values.len()) - 1.0)).sqrt() / mean
}

fn plan(driver: &'static str, nodes: u32, seeders: u32, rate: u64, bytes: u64) -> Plan {
    Plan { replicas: nodes, seeders, rate: Some(rate), file_size: bytes, repetitions: 3, ..Plan::of(driver) }
}

/// Measures a swarm in fresh cells, until one is measured, as a campaign does: real clients crash now and then, which must
/// never count as measured, and a machine that is busy for a moment may not prove its links.
fn swarm(test: &str, name: &str, plan: &Plan) -> Seen {
    for _ in 0..TRIES {
        let mut cell = Cell::new(test, plan.clone());
        let left = cell.run();
        let crashed = cell.crashed();
        if crashed.is_empty() && left.outcome.reason != Reason::Baseline {
            return check(name, plan, &left);
        }
        println!("{name}: once more: {} {}", crashed.join(", "), left.outcome.detail);
        assert_eq!(left.outcome.verdict, Verdict::Failed, "{crashed:?}: {:?}", left.outcome);
    }
    panic!("{name}: nothing was measured in {TRIES} tries");
}

#[test]
fn as_root_one_seeder_and_one_leecher() {
    let http = swarm("pair-h", "http, 40 Mbit/s", &plan("http", 2, 1, 40_000_000, 10_000_000));
    let qbittorrent = swarm("pair-q", "qbittorrent, 40 Mbit/s", &plan("qbittorrent", 2, 1, 40_000_000, 10_000_000));
    // The control has nothing but TCP between it and the link.
    assert!(http.ratio < 1.1, "{}", http.ratio);
    assert!(qbittorrent.ratio >= 1.0);
}

#[test]
fn as_root_eight_nodes() {
    swarm("eight", "qbittorrent, 20 Mbit/s", &plan("qbittorrent", 8, 2, 20_000_000, 10_000_000));
}

#[test]
fn as_root_sixteen_nodes_with_four_seeders() {
    swarm("many", "qbittorrent, 20 Mbit/s", &plan("qbittorrent", 16, 4, 20_000_000, 24_000_000));
}

#[test]
fn as_root_links_of_several_kinds() {
    let group = |name: &str, role, replicas, up: u64, down: u64| {
        let link = Link {
            up_bits_per_second: up * 1_000_000,
            down_bits_per_second: down * 1_000_000,
            latency_seconds: 0.0,
            loss_ratio: 0.0,
        };
        Group { name: name.to_owned(), driver: None, role, replicas, link: Some(link) }
    };
    let groups = vec![
        group("fast", GroupRole::Seeder, 1, 40, 40),
        group("home", GroupRole::Leecher, 3, 10, 40),
        group("slow", GroupRole::Leecher, 2, 5, 10),
    ];
    let plan = Plan { groups, ..plan("qbittorrent", 6, 1, 40_000_000, 8_000_000) };
    let mut cell = Cell::new("mixed", plan.clone());
    let left = cell.run();
    check("qbittorrent, 1 of 40/40, 3 of 10/40, 2 of 5/10 Mbit/s", &plan, &left);
    let of = |group: &str| {
        let records = left.records.iter().filter(|record| record.node.group == group && record.kind == Kind::Download);
        median(records.map(|record| record.timing.time_to_100_seconds.unwrap()))
    };
    println!("home {:.2} s, slow {:.2} s", of("home"), of("slow"));
    assert!(of("slow") > of("home"));
}
