use benchgrid_measures::{
    Baseline, Counters, CurvePoint, Environment, Failure, Identity, Kind, Node, Observation, Phase, RECORD_SCHEMA,
    Record, Role, Timing,
};

use super::{Design, Pair, Side, Trouble, draw::Draw};

/// Standard deviation of the logarithms of a trial's repetitions, and of a repetition's leechers.
const REPETITIONS: f64 = 0.02;
const LEECHERS: f64 = 0.03;

/// Every node's link, both ways, in bits a second.
const LINK: u64 = 50_000_000;

/// One deployed system of a trial.
struct Swarm<'a> {
    design: &'a Design,
    pair: &'a Pair,
    side: Side,
    identity: &'a Identity,
    /// Seconds that a transfer of this trial takes, but for chance within it.
    seconds: f64,
    bound: f64,
}

/// The records of one trial.
pub(super) fn records(design: &Design, pair: &Pair, side: Side, identity: &Identity, began_ms: i64) -> Vec<Record> {
    let mut draw = Draw::new([design.seed, pair.index as u64, side as u64, identity.trial.into()]);
    let bound = bound(pair, leechers(design, pair));
    let ratio = if side == Side::Level { pair.ratio } else { 1.0 };
    let mode = if pair.trouble == Trouble::TwoModes && draw.happens(0.3) { 1.3 } else { 1.0 };
    let seconds = (1.3 * bound + 0.5) * ratio * mode * draw.factor(design.between);
    let swarm = Swarm { design, pair, side, identity, seconds, bound };
    let measured = (1..=design.repetitions).map(|number| (Phase::Measured, number));
    let mut ended_ms = began_ms;
    let mut records = Vec::new();
    for (phase, number) in std::iter::once((Phase::Warmup, 1)).chain(measured) {
        ended_ms += 60_000;
        swarm.repetition(phase, number, ended_ms, &mut draw, &mut records);
    }
    records
}

fn leechers(design: &Design, pair: &Pair) -> u32 {
    (pair.network_size - pair.seeders).min(design.leechers)
}

#[expect(clippy::cast_precision_loss, reason = "sizes of files")]
fn bound(pair: &Pair, leechers: u32) -> f64 {
    let once = pair.file.1 as f64 * 8.0 / LINK as f64;
    let (seeders, leechers) = (f64::from(pair.seeders), f64::from(leechers));
    once.max(once / seeders).max(leechers * once / (seeders + leechers))
}

impl Swarm<'_> {
    fn repetition(&self, phase: Phase, number: u32, ended_ms: i64, draw: &mut Draw, records: &mut Vec<Record>) {
        let mut upload = self.record(phase, number, Kind::Upload, 0, ended_ms - 30_000);
        upload.timing = Timing { upload_seconds: Some(self.seconds * draw.factor(LEECHERS)), ..Timing::default() };
        records.push(upload);
        let seconds = self.seconds * draw.factor(REPETITIONS);
        let straggles = self.pair.trouble == Trouble::Stragglers && draw.happens(0.2);
        for node in 0..leechers(self.design, self.pair) {
            let late = if straggles && node == 0 { 4.0 } else { 1.0 };
            let own = seconds * draw.factor(LEECHERS) * late;
            let mut record = self.record(phase, number, Kind::Download, self.pair.seeders + node, ended_ms);
            if self.pair.trouble == Trouble::Failures && draw.happens(0.03) {
                record.success = false;
                record.failure = Some(Failure::new("stalled", "no verified byte for 120 s"));
            } else {
                self.arrives(&mut record, own);
            }
            records.push(record);
        }
    }

    fn arrives(&self, record: &mut Record, seconds: f64) {
        let rounded = |part: f64| Some((seconds * part * 1e6).round() / 1e6);
        record.timing.time_to_first_byte_seconds = rounded(0.02);
        record.timing.time_to_50_seconds = rounded(0.5);
        record.timing.time_to_90_seconds = rounded(0.9);
        record.timing.time_to_100_seconds = rounded(1.0);
        let (bytes, points) = (record.content_bytes, u64::from(self.design.points));
        #[expect(clippy::cast_precision_loss, reason = "sizes of files")]
        {
            record.download_bytes_per_second = Some(bytes as f64 / seconds);
            let at = |point: u64| ((seconds * point as f64 / points as f64) * 1e3).round() / 1e3;
            let point = |point: u64| CurvePoint { seconds: at(point), bytes: bytes / points * point };
            record.curve = (1..=points).map(point).collect();
        }
        if let Some(last) = record.curve.last_mut() {
            last.bytes = bytes;
        }
    }

    fn record(&self, phase: Phase, repetition: u32, kind: Kind, node: u32, ended_ms: i64) -> Record {
        let pod = format!("{}-nodes-{node}", self.side.system());
        let role = if kind == Kind::Upload { Role::Seeder } else { Role::Leecher };
        let bytes = self.pair.file.1;
        Record {
            schema: RECORD_SCHEMA,
            id: Record::name(&self.identity.attempt, phase, repetition, Observation::Counter, kind, &pod),
            identity: self.identity.clone(),
            levels: self.pair.cell_levels(self.side),
            node: Node { system: self.side.system().to_owned(), group: "nodes".to_owned(), pod, role },
            kind,
            phase,
            repetition,
            observe: Observation::Counter,
            driver: self.side.system().to_owned(),
            version: "synthetic 1".to_owned(),
            environment: Environment { kernel: "6.1.0".to_owned(), cpus: 4, ..Environment::default() },
            content_bytes: bytes,
            content_sha256: "0".repeat(64),
            seeders: (0..self.pair.seeders).map(|seeder| format!("{}-nodes-{seeder}", self.side.system())).collect(),
            success: true,
            failure: None,
            invalid: Vec::new(),
            ended_ms,
            timing: Timing { poll_gap_max_seconds: Some(0.05), start_skew_seconds: Some(0.001), ..Timing::default() },
            download_bytes_per_second: None,
            counters: Counters {
                received_bytes: bytes + bytes / 20,
                sent_bytes: bytes / 2,
                sent_wire_bytes: bytes / 2,
                seconds: self.seconds,
                ..Counters::default()
            },
            baseline: Baseline {
                up_asked_bits_per_second: Some(LINK),
                down_asked_bits_per_second: Some(LINK),
                ..Baseline::default()
            },
            fluid_bound_seconds: Some(self.bound),
            curve: Vec::new(),
        }
    }
}
