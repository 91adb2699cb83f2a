use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::{Environment, ExpositionLine, METRICS, as_stored};

/// Version of the [`Record`]'s form.
pub const RECORD_SCHEMA: u32 = 1;

/// Which attempt of which cell a record belongs to.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
pub struct Identity {
    /// Name of the lab. Stored.
    pub lab: String,
    /// Name of the scenario. Stored.
    pub scenario: String,
    /// Id of the cell, 10 hex digits. Stored.
    pub cell: String,
    /// First 6 hex digits of the cell's digest. Stored.
    pub digest: String,
    /// Which fresh deployment of the cell, from 1. Stored.
    pub trial: u32,
    /// Which try at the trial, from 1. Stored, in the attempt's name.
    pub number: u32,
    /// Name of the attempt: its namespace, Application and directory. Stored.
    pub attempt: String,
}

/// The node that a record speaks of.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
pub struct Node {
    /// The scenario's name of the system. Stored.
    pub system: String,
    /// Group of the system. Stored.
    pub group: String,
    /// Name of the pod, also the host part of its DNS name. Stored.
    pub pod: String,
    /// What the node did in this repetition. Stored.
    pub role: Role,
}

/// What a node does in a repetition.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Role {
    /// Holds the content before the others start.
    Seeder,
    /// Downloads it.
    Leecher,
}

/// What a record measures.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Kind {
    /// The first seeder brings the content in, alone.
    Upload,
    /// One leecher gets it.
    Download,
}

/// Whether a repetition counts.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Phase {
    /// Discarded by every summary.
    Warmup,
    /// Counts.
    Measured,
}

/// How progress was seen; times of different kinds are never compared.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Observation {
    /// How much the node itself holds, verified, in any order.
    Counter,
    /// What a reader of the node's own download API got, in order.
    Stream,
}

/// Why a transfer failed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Failure {
    /// A word of a fixed set: `stalled`, `deadline`, `corrupt`, `error`, `agent-lost`. Stored.
    pub reason: String,
    /// What happened, for people. Not stored.
    pub detail: String,
}

impl Failure {
    /// A failure of that word, and what happened.
    pub fn new(reason: &str, detail: impl Into<String>) -> Self {
        Self { reason: reason.to_owned(), detail: detail.into() }
    }
}

/// Durations of one transfer, in seconds of the agent's monotonic clock, from the instant at which
/// the request that starts the download is sent (t0).
///
/// A mark is missing where the transfer did not reach it.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Timing {
    /// First verified unit held (`counter`) or first verified payload byte read (`stream`). Stored.
    pub time_to_first_byte_seconds: Option<f64>,
    /// Half of the payload verified. Stored.
    pub time_to_50_seconds: Option<f64>,
    /// 90 % of the payload verified. Stored.
    pub time_to_90_seconds: Option<f64>,
    /// The whole payload verified. Stored.
    pub time_to_100_seconds: Option<f64>,
    /// Upload only: from the request that brings the content in until the node offers it to others. Stored.
    pub upload_seconds: Option<f64>,
    /// How late this node started against the planned start. Stored.
    pub start_skew_seconds: Option<f64>,
    /// Longest time without a look: from the start of one look at the node's progress to the end of the next (`counter`), or
    /// between the end of a read and the next one (`stream`). The error bound of every mark. Stored.
    pub poll_gap_max_seconds: Option<f64>,
    /// Longest time without a newly verified byte. Stored.
    pub stall_max_seconds: Option<f64>,
    /// After the timed part: reading the content back and hashing it (`counter`), or hashing what the bytes were compared with
    /// (`stream`). Not stored.
    pub verify_seconds: Option<f64>,
}

/// What the pod's network interface and TCP stack counted over the timed part.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Counters {
    /// Bytes received, as the device counts them. Stored.
    pub received_bytes: u64,
    /// Bytes sent, as the device counts them. Stored.
    pub sent_bytes: u64,
    /// Packets received, as the device counts them (super-packets where offloads are on). Not stored.
    pub received_packets: u64,
    /// Packets sent, as the device counts them. Not stored.
    pub sent_packets: u64,
    /// TCP segments sent. Stored.
    pub segments_sent: u64,
    /// TCP segments sent again. Stored.
    pub segments_retransmitted: u64,
    /// Bytes sent with the headers that segmentation offload hides: device bytes plus 66 for every
    /// segment that the device did not count as a packet (Ethernet 14 + IP 20 + TCP 32). Stored.
    pub sent_wire_bytes: u64,
    /// Bytes that passed the shaping of what the node receives, with all headers, those lost there left out; missing
    /// where the probe does not shape the link. Stored.
    #[serde(default)]
    pub received_wire_bytes: Option<u64>,
    /// Bytes a second received while idle, before t0. Stored.
    pub idle_received_bytes_per_second: f64,
    /// Bytes a second sent while idle, before t0. Stored.
    pub idle_sent_bytes_per_second: f64,
    /// How long the counters ran, in seconds; 0: nothing was counted, and nothing of it is stored. Stored.
    pub seconds: f64,
    /// How long the agent's container was kept from running by its processor limit: looks were late then. Stored.
    #[serde(default)]
    pub agent_throttled_seconds: Option<f64>,
    /// How often that happened. Not stored.
    #[serde(default)]
    pub agent_throttled_periods: Option<u64>,
    /// Processes of the agent's container that were killed for want of memory. Not stored.
    #[serde(default)]
    pub agent_oom_kills: Option<u64>,
}

/// The plain TCP transfer that proves that a node's link is shaped as asked.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Baseline {
    /// Rate asked for what the node sends, in bits a second; missing where the link is unshaped. Not stored.
    pub up_asked_bits_per_second: Option<u64>,
    /// Rate asked for what the node receives. Not stored.
    pub down_asked_bits_per_second: Option<u64>,
    /// Payload rate measured sending, in bits a second. Stored as bytes a second.
    pub up_bits_per_second: Option<f64>,
    /// Payload rate measured receiving, in bits a second. Stored as bytes a second.
    pub down_bits_per_second: Option<f64>,
}

/// One point of a progress curve.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct CurvePoint {
    /// Seconds since t0. Stored, to the millisecond.
    pub seconds: f64,
    /// Verified bytes held then. Stored.
    pub bytes: u64,
}

/// One leecher in one repetition, or one upload: the truth, one JSON line.
///
/// The whole record is printed by the coordinator. The store has the fields that are marked as stored: numbers as metrics, words
/// as their labels.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Record {
    /// Form of the record: [`RECORD_SCHEMA`]. Not stored.
    pub schema: u32,
    /// Unique name: `<attempt>/<phase><repetition>/<observe>/<kind>/<pod>`. Stored, in the words that it consists of.
    pub id: String,
    /// The attempt it belongs to.
    #[serde(flatten)]
    pub identity: Identity,
    /// Levels of the cell, by axis, as people read them. Stored, as labels `axis_<name>`.
    pub levels: BTreeMap<String, String>,
    /// The node.
    #[serde(flatten)]
    pub node: Node,
    /// Upload or download. Stored.
    pub kind: Kind,
    /// Warm-up or measured. Stored.
    pub phase: Phase,
    /// Number of the repetition within its phase, from 1. Stored.
    pub repetition: u32,
    /// How progress was seen. Stored.
    pub observe: Observation,
    /// Which driver spoke to the node. Stored.
    pub driver: String,
    /// Version of the node's software, as it says. Stored.
    pub version: String,
    /// What the node ran on.
    #[serde(default)]
    pub environment: Environment,
    /// Size of the payload in bytes. Stored.
    pub content_bytes: u64,
    /// SHA-256 of the payload, hex. Not stored.
    pub content_sha256: String,
    /// Names of the pods that seeded. Not stored.
    pub seeders: Vec<String>,
    /// Whether the payload arrived whole and verified. Stored, as 1 or 0.
    pub success: bool,
    /// Why not.
    pub failure: Option<Failure>,
    /// Reasons for which the repetition can't be used, whatever its numbers; empty: valid. Not stored; whether it is valid is.
    pub invalid: Vec<String>,
    /// Wall clock at the end, in milliseconds since 1970. Stored, as the frozen timestamp of every value.
    pub ended_ms: i64,
    /// Durations.
    pub timing: Timing,
    /// Payload bytes over the time to 100 %. Stored.
    pub download_bytes_per_second: Option<f64>,
    /// The node's network over the timed part.
    pub counters: Counters,
    /// The node's link, as proven in preflight.
    pub baseline: Baseline,
    /// Least possible time for the slowest leecher of this repetition, in seconds, from the links asked (Kumar and Ross 2006);
    /// missing where a link is unshaped. Stored.
    pub fluid_bound_seconds: Option<f64>,
    /// Progress, at most 200 points: a series of its own.
    pub curve: Vec<CurvePoint>,
}

impl Identity {
    /// The labels of every value stored about the attempt.
    pub fn labels(&self) -> BTreeMap<String, String> {
        BTreeMap::from([
            ("lab".to_owned(), self.lab.clone()),
            ("scenario".to_owned(), self.scenario.clone()),
            ("cell".to_owned(), self.cell.clone()),
            ("digest".to_owned(), self.digest.clone()),
            ("trial".to_owned(), self.trial.to_string()),
            ("attempt".to_owned(), self.attempt.clone()),
        ])
    }
}

impl Timing {
    /// Takes the marks back: those of a corrupt download say nothing.
    pub fn forget_marks(&mut self) {
        self.time_to_first_byte_seconds = None;
        self.time_to_50_seconds = None;
        self.time_to_90_seconds = None;
        self.time_to_100_seconds = None;
    }
}

impl Record {
    /// Longest version that is kept (it becomes a label value, and stores drop long ones).
    pub const VERSION_LENGTH: usize = 100;

    /// Names a record.
    pub fn name(attempt: &str, phase: Phase, repetition: u32, observe: Observation, kind: Kind, pod: &str) -> String {
        let (phase, observe, kind) = (phase.word(), observe.word(), kind.word());
        format!("{attempt}/{phase}{repetition}/{observe}/{kind}/{pod}")
    }

    /// The labels of every value stored from this record.
    pub fn labels(&self) -> BTreeMap<String, String> {
        let mut labels = self.identity.labels();
        labels.extend([
            ("system".to_owned(), self.node.system.clone()),
            ("group".to_owned(), self.node.group.clone()),
            ("node".to_owned(), self.node.pod.clone()),
            ("role".to_owned(), self.node.role.word()),
            ("kind".to_owned(), self.kind.word()),
            ("phase".to_owned(), self.phase.word()),
            ("repetition".to_owned(), self.repetition.to_string()),
            ("observe".to_owned(), self.observe.word()),
            ("driver".to_owned(), self.driver.clone()),
            ("version".to_owned(), self.version.clone()),
        ]);
        if let Some(failure) = &self.failure {
            labels.insert("failure".to_owned(), failure.reason.clone());
        }
        for (axis, level) in &self.levels {
            labels.insert(format!("axis_{axis}"), level.clone());
        }
        labels
    }

    /// When each point of the curve was seen: the last one at the record's frozen timestamp, the others before it.
    pub fn curve_stamps(&self) -> Vec<i64> {
        let end = self.curve.last().map_or(0.0, |point| point.seconds);
        #[expect(clippy::cast_possible_truncation, reason = "a transfer's milliseconds fit")]
        let stamp = |point: &CurvePoint| self.ended_ms - ((end - point.seconds) * 1e3).round() as i64;
        self.curve.iter().map(stamp).collect()
    }

    /// Every number that is stored, by its metric, with the digits that the store keeps; only finite ones.
    pub fn values(&self) -> impl Iterator<Item = (&'static str, f64)> {
        let values = METRICS.iter().filter_map(|metric| Some((metric.name, (metric.value)(self)?)));
        values.filter(|(_, value)| value.is_finite()).map(|(name, value)| (name, as_stored(value)))
    }

    /// Every value that is stored, with its timestamp.
    pub fn lines(&self) -> Vec<ExpositionLine> {
        let labels = self.labels();
        let line = |(name, value): (&str, f64)| ExpositionLine {
            name: name.to_owned(),
            labels: labels.clone(),
            value,
            timestamp_ms: self.ended_ms,
        };
        self.values().map(line).collect()
    }
}

macro_rules! words {
    ($($type:ty),*) => {$(
        impl $type {
            /// The word, as serde writes it.
            pub fn word(self) -> String {
                match serde_json::to_value(self) {
                    Ok(serde_json::Value::String(text)) => text,
                    _ => String::new(),
                }
            }
        }
    )*};
}
words!(Kind, Observation, Phase, Role);
