//! Whole attempts over fakes: a real coordinator and real agents, and what each fault of a node ends in.

use std::{
    sync::{
        Mutex,
        atomic::{AtomicUsize, Ordering},
    },
    thread,
    time::Duration,
};

use super::{
    fake::{BLOCK_SECONDS, Fake, Faults},
    generation::Generation,
};
use benchgrid_measures::{Kind, Outcome, Reason, Record, Verdict};

mod bed;

use bed::{Cell, Left, Plan};

const ALL: [Generation; 3] = [Generation::Codex, Generation::Renamed, Generation::Progress];

fn plan(generation: Generation) -> Plan {
    Plan { generation, bytes: 1_500_001, leechers: 1, warmup: 0, repetitions: 2, patience_seconds: 20.0 }
}

#[test]
fn a_good_cell_of_every_generation() {
    let good = |generation| {
        let plan = Plan { bytes: 2_500_001, leechers: 2, warmup: 1, ..plan(generation) };
        let cell = Cell::new(plan);
        let (outcome, left) = cell.run();
        check(generation, &outcome, &left);
        // Content is removed everywhere, but for the manifests that the bystander found.
        for (pod, node) in &cell.nodes {
            assert_eq!(node.used(), if pod == "codex-b-0" { 3 * 59 } else { 0 }, "{pod}");
            assert_eq!(node.found(), 0, "all pairs were connected before: {pod}");
        }
        let sent: usize = cell.nodes.values().map(Fake::sent).sum();
        assert_eq!(sent, 3 * 2 * 39, "every block went to every leecher once");
    };
    thread::scope(|scope| ALL.map(|generation| scope.spawn(move || good(generation))).map(drop));
}

fn check(generation: Generation, outcome: &Outcome, left: &Left) {
    let told = format!("{generation:?}: {outcome:?}\n{}", left.notes);
    assert_eq!((outcome.verdict, outcome.reason, outcome.records), (Verdict::Measured, Reason::Ok, 9), "{told}");
    let records = &left.records;
    for record in records {
        assert!(record.success && record.invalid.is_empty() && record.failure.is_none(), "{record:?}");
        assert_eq!((record.driver.as_str(), record.version.as_str()), ("codex", "v0.0.0-fake"));
        assert_eq!(record.seeders, ["codex-s-0"]);
        let timing = &record.timing;
        if record.kind == Kind::Upload {
            assert!(timing.upload_seconds.unwrap() > 0.0 && timing.time_to_100_seconds.is_none());
            continue;
        }
        // A delivery of 20 blocks comes before any of them counts; all 39 come from one link.
        let first = timing.time_to_first_byte_seconds.unwrap();
        assert!(first >= 20.0 * BLOCK_SECONDS, "{timing:?}");
        assert_eq!(timing.time_to_50_seconds, Some(first), "20 of 39 blocks are more than half");
        let whole = timing.time_to_100_seconds.unwrap();
        assert!(whole >= 39.0 * BLOCK_SECONDS && timing.time_to_90_seconds == Some(whole), "{timing:?}");
        assert_eq!(record.download_bytes_per_second, Some(2_500_001.0 / whole));
        let steps: Vec<_> = record.curve.iter().map(|point| point.bytes).collect();
        // A busy machine may look less often than there are deliveries.
        assert!(steps == [0, 1_310_720, 2_500_001] || steps == [0, 2_500_001], "{steps:?}");
    }
    for repetition in records.chunks(3) {
        // Both leechers share the seeder's link, and start within the skew of each other.
        let slowest = repetition.iter().filter_map(|record| record.timing.time_to_100_seconds).fold(0.0, f64::max);
        let skew = repetition.iter().filter_map(|record| record.timing.start_skew_seconds).fold(0.0, f64::max);
        assert!(slowest + skew + 0.02 >= 78.0 * BLOCK_SECONDS, "{slowest} {skew}");
    }
}

/// What an attempt must end in.
struct End {
    reason: Reason,
    /// Of the outcome.
    detail: &'static str,
    /// Records made, and the failure of the last one.
    records: usize,
    failure: Option<(&'static str, &'static str)>,
}

impl End {
    /// Two good repetitions.
    const OK: Self = Self { reason: Reason::Ok, detail: "", records: 4, failure: None };

    /// Before any record.
    fn before(reason: Reason, detail: &'static str) -> Self {
        Self { reason, detail, records: 0, failure: None }
    }

    /// In the first upload.
    fn upload(detail: &'static str) -> Self {
        Self { reason: Reason::TransferFailed, detail, records: 1, failure: Some(("error", detail)) }
    }

    /// In the first download, after which nothing is measured.
    fn download(reason: &'static str, detail: &'static str) -> Self {
        let outcome = "that download can't be stopped, so nothing can be measured after it";
        Self { reason: Reason::TransferFailed, detail: outcome, records: 2, failure: Some((reason, detail)) }
    }

    /// A download of the newest generation tells that it ended; the others just stand still.
    fn told(generation: Generation, held: &'static str) -> Self {
        match generation {
            Generation::Progress => Self::download("error", "the node has ended it"),
            _ => Self::download("stalled", held),
        }
    }
}

/// A fault, at which node, and what it ends in.
type Case = (&'static str, &'static str, fn(&mut Faults), fn(Generation) -> End);

const BYSTANDER: &str = "codex-b-0";
const LEECHER: &str = "codex-l-0";
const SEEDER: &str = "codex-s-0";
/// One delivery and no more.
const HELD: &str = "1310720 of 1500001 bytes held";

const CASES: [Case; 20] = [
    (
        "an API that never opens",
        LEECHER,
        |it| it.closed = true,
        |_| End::before(Reason::NotReady, "node codex-l-0: GET /api/storage/v1/debug/info"),
    ),
    (
        "no address",
        SEEDER,
        |it| it.hidden = true,
        |_| End::before(Reason::Preflight, "node codex-s-0: not so: the node announces a TCP address"),
    ),
    (
        "a small store",
        LEECHER,
        |it| it.quota = Some(1_500_001),
        |_| {
            End::before(
                Reason::Preflight,
                "node codex-l-0: not so: the store has room for a content: 1500001 bytes free",
            )
        },
    ),
    (
        "an upload that is refused",
        SEEDER,
        |it| it.full = true,
        |_| End::upload("500 Internal Server Error Unable to store block"),
    ),
    (
        "an upload that breaks off",
        SEEDER,
        |it| it.short_upload = true,
        |_| End::upload("the dataset has 750000 bytes, the content 1500001"),
    ),
    ("an upload without a CID", SEEDER, |it| it.no_cid = true, |_| End::upload("is no CID")),
    (
        "a node that nobody can dial",
        LEECHER,
        |it| it.unreachable = true,
        |_| End { records: 1, ..End::before(Reason::Gate, "connect to 127.9.") },
    ),
    ("404 at first, at the gate", BYSTANDER, |it| it.absent_at_first = 2, |_| End::OK),
    (
        "404 for ever, at the gate",
        BYSTANDER,
        |it| it.absent_at_first = u32::MAX,
        |_| End { records: 1, ..End::before(Reason::Gate, "Error retries exhausted") },
    ),
    (
        "404 to the order",
        LEECHER,
        |it| it.absent_at_first = u32::MAX,
        |_| End::download("error", "404 Not Found Error retries exhausted"),
    ),
    ("a download that is given up", LEECHER, |it| it.gives_up = true, |generation| End::told(generation, HELD)),
    ("a restart in the middle", LEECHER, |it| it.restarts = true, |generation| End::told(generation, HELD)),
    ("a seeder that dies in the middle", SEEDER, |it| it.dies = true, |_| End::download("stalled", HELD)),
    (
        "a store that is full in silence",
        LEECHER,
        |it| it.full = true,
        |_| End::download("stalled", "0 of 1500001 bytes held"),
    ),
    (
        "a body that breaks off",
        LEECHER,
        |it| it.cut_body = true,
        |_| End::download("error", "the body broke off after 750127 of 1500001 bytes"),
    ),
    ("wrong bytes", LEECHER, |it| it.wrong_bytes = true, |_| End::download("corrupt", "SHA-256 is")),
    ("blocks that a removal leaves", LEECHER, |it| it.keeps_blocks = true, |_| End::OK),
    ("a slow removal", LEECHER, |it| it.removal = Duration::from_millis(1500), |_| End::OK),
    ("a download without an id", LEECHER, |it| it.no_id = true, |_| End::OK),
    ("an API that pauses", LEECHER, |it| it.pauses = true, |_| End::OK),
];

/// How many attempts run at the same time.
const AT_ONCE: usize = 10;

#[test]
fn every_fault_ends_in_the_right_record() {
    let cases: Vec<_> = ALL.into_iter().flat_map(|generation| CASES.map(|case| (generation, case))).collect();
    let (next, wrong) = (AtomicUsize::new(0), Mutex::new(Vec::new()));
    thread::scope(|scope| {
        for _ in 0..AT_ONCE {
            scope.spawn(|| {
                while let Some((generation, case)) = cases.get(next.fetch_add(1, Ordering::Relaxed)) {
                    let found = differs(*generation, case);
                    wrong.lock().unwrap().extend(found);
                }
            });
        }
    });
    let wrong = wrong.into_inner().unwrap();
    assert!(wrong.is_empty(), "{} of {}:\n{}", wrong.len(), cases.len(), wrong.join("\n"));
}

/// Runs a case; what is not as it should be.
fn differs(generation: Generation, (name, pod, fault, end): &Case) -> Option<String> {
    let end = end(generation);
    let cell =
        Cell::new(if end.waits() { Plan { patience_seconds: 5.0, ..plan(generation) } } else { plan(generation) });
    cell.nodes[*pod].fault(fault);
    let (outcome, left) = cell.run();
    let records = &left.records;
    let is = end.is(&outcome, records);
    (!is).then(|| format!("{generation:?}, {name}: {outcome:?} {records:?}"))
}

impl End {
    /// Whether it comes only when somebody loses patience.
    fn waits(&self) -> bool {
        matches!(self.failure, Some(("stalled", _))) || matches!(self.reason, Reason::Gate | Reason::NotReady)
    }

    fn is(&self, outcome: &Outcome, records: &[Record]) -> bool {
        let last = records.last().and_then(|record| record.failure.as_ref());
        let failure = match (last, self.failure) {
            (None, None) => true,
            (Some(last), Some((reason, detail))) => last.reason == reason && last.detail.contains(detail),
            _ => false,
        };
        let failed = records.iter().filter(|record| !record.success).count();
        let unproven = records.iter().filter(|record| !record.success && record.timing.time_to_100_seconds.is_some());
        outcome.reason == self.reason
            && outcome.detail.contains(self.detail)
            && records.len() == self.records
            && outcome.records as usize == self.records
            && failure
            && failed == usize::from(self.failure.is_some())
            && unproven.count() == 0
            // A node that fails is a result; nothing about it is unknown.
            && records.iter().all(|record| record.invalid.is_empty())
    }
}
