//! How far the agent's marks can be trusted: against a server that delivers on a known timetable, and on a link of known rate.
//!
//! The truth is the server's own: it stamps the instants at which it hands bytes over, in this process, on the clock that the
//! agent stamps with. `cargo test --release -p benchgrid-probe --test accuracy -- --test-threads 1 --nocapture` prints the tables
//! of `docs/methodology.md`, and with `BENCHGRID_BLESS=1` writes them there; what it checks are limits, not figures. In a build
//! that is not optimised, making the bytes to compare with takes milliseconds, and the limits don't hold. The link needs root
//! and iproute2.

#![expect(clippy::unwrap_used, clippy::expect_used, clippy::print_stdout, reason = "helpers of tests are tests too")]

use std::{fmt::Write as _, fs, path::Path, thread, time::Instant};

use benchgrid_measures::{Observation, Timing};
use benchgrid_probe::{
    agent::Worker,
    content::Content,
    driver::{Handle, Place, driver},
    protocol::{Download, Reply, Step, StepResult, Transfer},
};

#[path = "accuracy/link.rs"]
mod link;
#[path = "accuracy/timetable.rs"]
mod timetable;

mod bed;

use timetable::{Server, Timetable};

/// Payload of a timetable.
const BYTES: usize = 200_000;
/// The agent's pause between two looks, in seconds.
const POLL: f64 = 0.05;
/// Timetables, each in milliseconds from the last step, with the share of the payload that comes then, in thousandths. The head of
/// a body goes out at once.
const TIMETABLES: [Timetable; 6] = [
    ("all at once", &[(0, 1000)]),
    ("late body", &[(40, 1000)]),
    ("one byte, then the rest", &[(10, 0), (20, 1000)]),
    ("bursts", &[(5, 200), (10, 200), (10, 200), (10, 200), (10, 200)]),
    ("stall", &[(5, 450), (60, 550)]),
    ("steps at the marks", &[(7, 10), (13, 490), (11, 400), (9, 100)]),
];
/// Times that each timetable is run.
const RUNS: usize = 36;

/// An agent beside a server with the control node's API.
fn worker(api: String) -> Worker {
    let place = Place { api, data: "/nowhere".into(), host: "127.0.0.1".to_owned(), tracker: String::new() };
    Worker::new(driver("http", place).unwrap(), "lo".to_owned())
}

/// One download.
struct Got {
    /// From when on all times count.
    t0: Instant,
    /// What the agent says.
    transfer: Transfer,
    /// Seconds of a processor that the agent took.
    processor: f64,
}

/// Seconds of a processor that this thread took.
fn processor() -> f64 {
    let text = fs::read_to_string("/proc/thread-self/schedstat").unwrap();
    text.split(' ').next().unwrap().parse::<f64>().unwrap() / 1e9
}

/// Gets a content, now.
fn get(worker: &mut Worker, observe: Observation, content: &Content) -> Got {
    let order = Download {
        content: content.clone(),
        sha256: content.sha256().unwrap(),
        handle: Handle(content.name.clone()),
        seeders: vec!["10.9.3.2".to_owned()],
        start_in_seconds: 0.0,
        stalled_seconds: 20.0,
        deadline_seconds: 60.0,
    };
    let step = match observe {
        Observation::Counter => Step::Download(order),
        Observation::Stream => Step::Stream(order),
    };
    let (arrived, before) = (Instant::now(), processor());
    let StepResult::Ok(reply) = worker.work(step, arrived) else { panic!("no answer") };
    let Reply::Downloaded(transfer) = *reply else { panic!("another answer") };
    assert_eq!(transfer.failure, None);
    let skew = transfer.timing.start_skew_seconds.unwrap();
    let t0 = arrived + std::time::Duration::from_secs_f64(skew);
    Got { t0, transfer, processor: processor() - before }
}

/// Errors of one number, in milliseconds.
#[derive(Debug, Default)]
struct Errors(Vec<f64>);

impl Errors {
    fn at(&self, share: f64) -> f64 {
        let mut sorted = self.0.clone();
        sorted.sort_by(f64::total_cmp);
        #[expect(
            clippy::cast_precision_loss,
            clippy::cast_possible_truncation,
            clippy::cast_sign_loss,
            reason = "hundreds"
        )]
        let place = ((sorted.len() - 1) as f64 * share).round() as usize;
        sorted[place]
    }
}

/// What is compared, in the tables' order.
const MARKS: [&str; 6] = ["start", "first byte", "50 %", "90 %", "100 %", "longest stall"];

/// Errors of many runs, by mark.
#[derive(Debug, Default)]
struct Table([Errors; MARKS.len()]);

impl Table {
    /// Adds a run: the agent's numbers against the server's stamps.
    fn add(&mut self, got: &Got, truth: &timetable::Truth) {
        let (t0, timing) = (got.t0, &got.transfer.timing);
        let since = |instant: Instant| instant.saturating_duration_since(t0).as_secs_f64();
        let marks = [
            (Some(0.0), -since(truth.asked)),
            (timing.time_to_first_byte_seconds, since(truth.reached(1))),
            (timing.time_to_50_seconds, since(truth.reached(BYTES.div_ceil(2)))),
            (timing.time_to_90_seconds, since(truth.reached((BYTES * 9).div_ceil(10)))),
            (timing.time_to_100_seconds, since(truth.reached(BYTES))),
            (timing.stall_max_seconds, truth.longest_pause(t0).as_secs_f64()),
        ];
        for (errors, (seen, was)) in self.0.iter_mut().zip(marks) {
            errors.0.push((seen.unwrap() - was) * 1000.0);
        }
    }

    fn join(&mut self, other: Self) {
        for (errors, more) in self.0.iter_mut().zip(other.0) {
            errors.0.extend(more.0);
        }
    }

    /// Rows of the table.
    fn rows(&self, seen_by: &str, stated: &str) -> String {
        MARKS.iter().zip(&self.0).fold(String::new(), |mut text, (mark, errors)| {
            let (median, p99, most) = (errors.at(0.5), errors.at(0.99), errors.at(1.0));
            let runs = errors.0.len();
            let _ = writeln!(text, "| {seen_by} | {mark} | {runs} | {median:.2} | {p99:.2} | {most:.2} | {stated} |");
            text
        })
    }
}

const HEAD: &str = "| seen by | number | runs | median error, ms | 99 % of runs, ms | most, ms | stated |\n\
                    | --- | --- | ---: | ---: | ---: | ---: | --- |\n";

/// What a look costs is why there are not more of them.
#[test]
fn a_look_is_cheap() {
    let steps: Vec<(u64, usize)> = (0..100).map(|_| (50, 10)).collect();
    let server = Server::start(&content("looks", 0), &steps, 0);
    let got = get(&mut worker(server.url()), Observation::Counter, server.content());
    let share = got.processor / got.transfer.timing.time_to_100_seconds.unwrap();
    println!("looks and all: {:.3} % of a processor, {:.3} s in 5 s", share * 100.0, got.processor);
    assert!(share < 0.01 || cfg!(debug_assertions), "sampling takes more than 1 % of a processor");
}

#[test]
fn marks_are_those_of_the_timetable() {
    let streamed = streamed();
    let live = counted(0);
    let stale = counted(100);
    let cores = thread::available_parallelism().unwrap();
    let mut text = format!("Timetables of {BYTES} bytes, on a machine with {cores} processors:\n\n{HEAD}");
    text += &streamed.rows("stream", "1 ms");
    text += &live.rows("counter, live", "50 ms");
    text += &stale.rows("counter, refreshed each 100 ms", "150 ms");
    section("timetable", &text);
    // Before anything is judged, all of it is printed.
    for errors in &streamed.0[1..5] {
        assert!(errors.at(0.0) >= 0.0, "no byte is read before it was sent");
        assert!(errors.at(0.5) <= 1.0, "a reader's marks are within 1 ms");
    }
    assert!(streamed.0[0].at(0.5) <= 1.0, "the request is at the server within 1 ms of t0");
    assert!(streamed.0[5].at(0.5).abs() <= 1.0, "stalls are within 1 ms");
    for (table, stated) in [(&live, POLL * 1e3), (&stale, POLL * 1e3 + 100.0)] {
        for errors in &table.0[1..5] {
            assert!(errors.at(0.0) >= 0.0 && errors.at(0.5) <= stated, "a counter's marks are within {stated} ms");
        }
    }
}

/// One after the other: nothing else may disturb them.
fn streamed() -> Table {
    let mut table = Table::default();
    for (name, steps) in TIMETABLES {
        for run in 0..RUNS {
            let server = Server::start(&content(name, run), steps, 0);
            let got = get(&mut worker(server.url()), Observation::Stream, server.content());
            table.add(&got, &server.truth());
        }
    }
    table
}

/// Four at a time: looks are 50 ms apart. The node's own counter is refreshed so often, in milliseconds; 0: it is live.
fn counted(refresh: u64) -> Table {
    let mut table = Table::default();
    let lane = |lane: usize| {
        let mut table = Table::default();
        for (name, steps) in TIMETABLES {
            for run in (lane..RUNS).step_by(4) {
                let server = Server::start(&content(name, run), steps, refresh);
                let got = get(&mut worker(server.url()), Observation::Counter, server.content());
                let mut one = Table::default();
                one.add(&got, &server.truth());
                bounded(&one, &got.transfer.timing, refresh);
                table.join(one);
            }
        }
        table
    };
    thread::scope(|scope| {
        let lanes: Vec<_> = (0..4).map(|n| scope.spawn(move || lane(n))).collect();
        for lane in lanes {
            table.join(lane.join().unwrap());
        }
    });
    table
}

/// The bound that a record gives for its own marks holds, in each run.
fn bounded(one: &Table, timing: &Timing, refresh: u64) {
    let stale = f64::from(u32::try_from(refresh).unwrap());
    let bound = timing.poll_gap_max_seconds.unwrap() * 1e3 + stale;
    for (mark, errors) in MARKS.iter().zip(&one.0).skip(1).take(4) {
        assert!((0.0..=bound).contains(&errors.0[0]), "{mark}: {} ms off, bound {bound} ms", errors.0[0]);
    }
}

fn content(name: &str, run: usize) -> Content {
    Content { name: "c".to_owned(), seed: Content::seed(&["accuracy", name, &run.to_string()]), bytes: BYTES as u64 }
}

/// Prints a section of the methodology; writes it there when it is blessed.
fn section(name: &str, text: &str) {
    println!("\n{text}");
    if std::env::var_os("BENCHGRID_BLESS").is_none() {
        return;
    }
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../docs/methodology.md");
    let page = fs::read_to_string(&path).unwrap();
    let (from, to) = (format!("<!-- accuracy: {name} -->\n"), "<!-- end -->");
    let (before, rest) = page.split_once(&from).unwrap();
    let (_, after) = rest.split_once(to).unwrap();
    fs::write(&path, format!("{before}{from}\n{text}\n{to}{after}")).unwrap();
}

/// A part of the test of the link, inside a namespace.
#[test]
#[ignore = "a part of another test"]
fn part() {
    link::part();
}
