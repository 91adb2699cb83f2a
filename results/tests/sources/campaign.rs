//! Records that no store finds easy.

use std::collections::BTreeMap;
use std::time::{SystemTime, UNIX_EPOCH};

use benchgrid_measures::{
    AttemptName, Baseline, Counters, CurvePoint, Environment, Failure, Identity, Kind, Node, Observation, Outcome,
    Phase, RECORD_SCHEMA, Reason, Record, Role, Timing, Verdict,
};

/// Numbers that look drawn, the same every time.
pub(crate) struct Draw(u64);

impl Draw {
    fn bits(&mut self) -> u64 {
        // Numbers of a linear congruential generator (Knuth, MMIX).
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        self.0 >> 11
    }

    /// Between 0 and a most, with all digits that a number can have.
    #[expect(clippy::cast_precision_loss, reason = "53 bits")]
    fn real(&mut self, most: f64) -> f64 {
        self.bits() as f64 / (1_u64 << 53) as f64 * most
    }

    fn some(&mut self, most: f64) -> Option<f64> {
        (!self.bits().is_multiple_of(5)).then(|| self.real(most))
    }
}

/// What coordinators made.
pub(crate) struct Made {
    pub(crate) records: Vec<Record>,
    pub(crate) outcomes: Vec<Outcome>,
}

impl Made {
    /// Their output, in order of time.
    pub(crate) fn lines(&self) -> Vec<String> {
        let records = self.records.iter().map(|record| (record.ended_ms, serde_json::to_string(record).unwrap()));
        let outcomes = self.outcomes.iter().map(|outcome| (outcome.ended_ms, serde_json::to_string(outcome).unwrap()));
        let mut lines: Vec<_> = records.chain(outcomes).collect();
        lines.sort();
        lines.into_iter().map(|(_, line)| line).collect()
    }

    /// The output of one attempt.
    pub(crate) fn of(&self, attempt: &str) -> Self {
        Self {
            records: self.records.iter().filter(|record| record.identity.attempt == attempt).cloned().collect(),
            outcomes: self.outcomes.iter().filter(|outcome| outcome.identity.attempt == attempt).cloned().collect(),
        }
    }
}

/// The present.
pub(crate) fn now_ms() -> i64 {
    i64::try_from(SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_millis()).unwrap()
}

pub(crate) fn identity(cell: u32, trial: u32, number: u32) -> Identity {
    let (cell, digest) = (format!("{cell:010x}"), format!("{:06x}", 0xabc_def - cell));
    let attempt = AttemptName::new("smoke", &cell, &digest, trial, number).to_string();
    Identity { lab: "test \"lab\"".to_owned(), scenario: "smoke".to_owned(), cell, digest, trial, number, attempt }
}

/// Attempts of every kind: measured, failed, superseded, by hand, without an outcome, and one whose name was used twice.
pub(crate) fn made(start_ms: i64) -> Made {
    let mut made = Made { records: Vec::new(), outcomes: Vec::new() };
    let mut draw = Draw(7);
    let mut at = start_ms;
    for (cell, trial, number, verdict) in [
        (1, 1, 1, Some(Verdict::Measured)),
        (1, 2, 1, Some(Verdict::Failed)),
        (1, 2, 2, Some(Verdict::Measured)),
        (2, 1, 1, Some(Verdict::Superseded)),
        (2, 1, 2, Some(Verdict::Measured)),
        (2, 0, 0, Some(Verdict::Measured)),
        // Its name is used again.
        (2, 1, 2, Some(Verdict::Measured)),
        (2, 2, 1, None),
    ] {
        let identity = identity(cell, trial, number);
        let before = made.records.len();
        for repetition in 1..=2 {
            for observe in [Observation::Counter, Observation::Stream] {
                at += 60_000;
                let which = (if repetition == 1 { Phase::Warmup } else { Phase::Measured }, repetition, observe);
                made.records.push(record(&mut draw, &identity, which, (Kind::Upload, "bt-fast-0"), at));
                let leechers = ["bt-fast-1", "bt-slow-0"].map(|pod| (Kind::Download, pod));
                made.records.extend(leechers.map(|of| record(&mut draw, &identity, which, of, at + 30_000)));
            }
        }
        at += 60_000;
        let records = u32::try_from(made.records.len() - before).unwrap();
        made.outcomes.extend(verdict.map(|verdict| outcome(&identity, verdict, records, at)));
    }
    made
}

fn outcome(identity: &Identity, verdict: Verdict, records: u32, ended_ms: i64) -> Outcome {
    let (reason, detail) = match verdict {
        Verdict::Measured => (Reason::Ok, String::new()),
        Verdict::Failed => (Reason::Invalid, "a \"pod\" was\nkilled \\ évicted | twice".to_owned()),
        Verdict::Superseded => (Reason::Superseded, "nobody wants it".to_owned()),
    };
    Outcome { identity: identity.clone(), verdict, reason, detail, records, ended_ms }
}

pub(crate) fn record(
    draw: &mut Draw,
    identity: &Identity,
    (phase, repetition, observe): (Phase, u32, Observation),
    (kind, pod): (Kind, &str),
    ended_ms: i64,
) -> Record {
    let success = !draw.bits().is_multiple_of(6);
    let bytes = draw.bits() % 10_000_000_000;
    let upload = kind == Kind::Upload;
    let group = pod.split('-').nth(1).unwrap();
    Record {
        schema: RECORD_SCHEMA,
        id: Record::name(&identity.attempt, phase, repetition, observe, kind, pod),
        identity: identity.clone(),
        levels: BTreeMap::from([("fileSize".to_owned(), "5MB".to_owned()), ("net".to_owned(), "\"\\{é}".to_owned())]),
        node: Node {
            system: "bt".to_owned(),
            group: group.to_owned(),
            pod: pod.to_owned(),
            role: if upload { Role::Seeder } else { Role::Leecher },
        },
        kind,
        phase,
        repetition,
        observe,
        driver: "qbittorrent".to_owned(),
        version: if group == "slow" { String::new() } else { "v5.0\n".to_owned() },
        environment: environment(pod),
        content_bytes: bytes,
        content_sha256: "00".to_owned(),
        seeders: vec!["bt-fast-0".to_owned()],
        success,
        failure: (!success).then(|| Failure::new("stalled", "no news")),
        invalid: if draw.bits().is_multiple_of(7) { vec!["restart".to_owned()] } else { Vec::new() },
        ended_ms,
        timing: Timing {
            time_to_first_byte_seconds: draw.some(0.01),
            time_to_50_seconds: draw.some(3.0),
            time_to_90_seconds: draw.some(70.0),
            time_to_100_seconds: draw.some(900.0),
            upload_seconds: if upload { draw.some(1e-5) } else { None },
            start_skew_seconds: Some(-draw.real(1e-3)),
            poll_gap_max_seconds: draw.some(1e-7),
            stall_max_seconds: Some(0.1 + 0.2),
            verify_seconds: draw.some(1.0),
        },
        download_bytes_per_second: draw.some(1.25e9),
        counters: Counters {
            received_bytes: bytes + 1,
            sent_bytes: draw.bits(),
            sent_wire_bytes: draw.bits() % (1 << 40),
            seconds: if draw.bits().is_multiple_of(4) { 0.0 } else { draw.real(100.0) },
            idle_received_bytes_per_second: draw.real(1e7),
            ..Counters::default()
        },
        baseline: Baseline { up_bits_per_second: draw.some(1e8), ..Baseline::default() },
        fluid_bound_seconds: draw.some(1.0 / 3.0),
        curve: if upload { Vec::new() } else { curve(draw) },
    }
}

fn environment(pod: &str) -> Environment {
    Environment {
        kernel: "6.1".to_owned(),
        cpus: 4,
        cpu_limit: Some(0.1),
        machine: format!("worker of {pod}"),
        image: "r/i@sha256:00".to_owned(),
        ..Environment::default()
    }
}

fn curve(draw: &mut Draw) -> Vec<CurvePoint> {
    let (mut seconds, mut bytes) = (0.0, 0);
    let mut points = vec![CurvePoint { seconds, bytes }];
    for _ in 0..20 {
        seconds += 0.0011 + draw.real(0.9);
        bytes += draw.bits() % 1_000_000;
        points.push(CurvePoint { seconds, bytes });
    }
    points
}
