use crate::Record;

/// One stored number of a record.
pub struct Metric {
    /// Name in the store, with its unit as suffix.
    pub name: &'static str,
    /// What it is, for `# HELP`.
    pub help: &'static str,
    /// The record's field, as a JSON pointer; `/valid` for whether nothing voids it.
    pub field: &'static str,
    /// The number of a record; none where the record has none.
    pub value: fn(&Record) -> Option<f64>,
}

/// Name of the marker that ends an attempt: its value is the number of records the attempt made.
///
/// It is pushed last, so where it is, all records are.
pub const OUTCOME_METRIC: &str = "benchgrid_attempt_records";

/// Name of the series that says what a node ran on; its value is 1.
pub const NODE_METRIC: &str = "benchgrid_node_info";

/// Name of the progress curves' series: bytes held, verified; the last point stands at the record's timestamp.
pub const CURVE_METRIC: &str = "benchgrid_progress_bytes";

#[expect(clippy::cast_precision_loss, reason = "counts of bytes stay far below 2^53")]
#[expect(clippy::unnecessary_wraps, reason = "the form that every metric has")]
fn count(value: u64) -> Option<f64> {
    Some(value as f64)
}

/// Bits of a byte: the store has base units, which are bytes.
const BITS: f64 = 8.0;

/// A rate or a time of the counters, where they ran.
fn ran(record: &Record, value: f64) -> Option<f64> {
    (record.counters.seconds > 0.0).then_some(value)
}

/// What the network counted, where something was counted.
fn counted(record: &Record, value: u64) -> Option<f64> {
    if record.counters.seconds > 0.0 { count(value) } else { None }
}

#[expect(clippy::unnecessary_wraps, reason = "the form that every metric has")]
fn flag(value: bool) -> Option<f64> {
    Some(if value { 1.0 } else { 0.0 })
}

/// Every stored number, in the order of the documentation.
pub const METRICS: &[Metric] = &[
    Metric {
        name: "benchgrid_time_to_first_byte_seconds",
        help: "Start of the download to the first verified unit held.",
        field: "/timing/time_to_first_byte_seconds",
        value: |r| r.timing.time_to_first_byte_seconds,
    },
    Metric {
        name: "benchgrid_time_to_50_seconds",
        help: "Start of the download to half of the payload verified.",
        field: "/timing/time_to_50_seconds",
        value: |r| r.timing.time_to_50_seconds,
    },
    Metric {
        name: "benchgrid_time_to_90_seconds",
        help: "Start of the download to 90 percent of the payload verified.",
        field: "/timing/time_to_90_seconds",
        value: |r| r.timing.time_to_90_seconds,
    },
    Metric {
        name: "benchgrid_time_to_100_seconds",
        help: "Start of the download to the whole payload verified.",
        field: "/timing/time_to_100_seconds",
        value: |r| r.timing.time_to_100_seconds,
    },
    Metric {
        name: "benchgrid_upload_seconds",
        help: "Request that brings the content in to the node offering it to others.",
        field: "/timing/upload_seconds",
        value: |r| r.timing.upload_seconds,
    },
    Metric {
        name: "benchgrid_start_skew_seconds",
        help: "Actual start minus planned start.",
        field: "/timing/start_skew_seconds",
        value: |r| r.timing.start_skew_seconds,
    },
    Metric {
        name: "benchgrid_poll_gap_max_seconds",
        help: "Longest pause between two looks at the node's progress.",
        field: "/timing/poll_gap_max_seconds",
        value: |r| r.timing.poll_gap_max_seconds,
    },
    Metric {
        name: "benchgrid_stall_max_seconds",
        help: "Longest time without a newly verified byte.",
        field: "/timing/stall_max_seconds",
        value: |r| r.timing.stall_max_seconds,
    },
    Metric {
        name: "benchgrid_download_bytes_per_second",
        help: "Payload over the time to 100 percent.",
        field: "/download_bytes_per_second",
        value: |r| r.download_bytes_per_second,
    },
    Metric {
        name: "benchgrid_content_bytes",
        help: "Size of the payload.",
        field: "/content_bytes",
        value: |r| count(r.content_bytes),
    },
    Metric {
        name: "benchgrid_network_received_bytes",
        help: "Bytes the pod received over the timed part, as its device counts.",
        field: "/counters/received_bytes",
        value: |r| counted(r, r.counters.received_bytes),
    },
    Metric {
        name: "benchgrid_network_sent_bytes",
        help: "Bytes the pod sent over the timed part, as its device counts.",
        field: "/counters/sent_bytes",
        value: |r| counted(r, r.counters.sent_bytes),
    },
    Metric {
        name: "benchgrid_network_sent_wire_bytes",
        help: "Bytes the pod sent, with the headers that segmentation offload hides.",
        field: "/counters/sent_wire_bytes",
        value: |r| counted(r, r.counters.sent_wire_bytes),
    },
    Metric {
        name: "benchgrid_network_received_wire_bytes",
        help: "Bytes the pod received behind its shaped link, with the headers that offload hides.",
        field: "/counters/received_wire_bytes",
        value: |r| r.counters.received_wire_bytes.and_then(count),
    },
    Metric {
        name: "benchgrid_network_idle_received_bytes_per_second",
        help: "Bytes a second the pod received while idle, before the timed part.",
        field: "/counters/idle_received_bytes_per_second",
        value: |r| ran(r, r.counters.idle_received_bytes_per_second),
    },
    Metric {
        name: "benchgrid_network_idle_sent_bytes_per_second",
        help: "Bytes a second the pod sent while idle, before the timed part.",
        field: "/counters/idle_sent_bytes_per_second",
        value: |r| ran(r, r.counters.idle_sent_bytes_per_second),
    },
    Metric {
        name: "benchgrid_network_counted_seconds",
        help: "How long the network counters ran.",
        field: "/counters/seconds",
        value: |r| ran(r, r.counters.seconds),
    },
    Metric {
        name: "benchgrid_agent_throttled_seconds",
        help: "How long the agent was kept from running by its processor limit, over the timed part.",
        field: "/counters/agent_throttled_seconds",
        value: |r| r.counters.agent_throttled_seconds,
    },
    Metric {
        name: "benchgrid_network_segments_sent",
        help: "TCP segments sent over the timed part.",
        field: "/counters/segments_sent",
        value: |r| counted(r, r.counters.segments_sent),
    },
    Metric {
        name: "benchgrid_network_segments_retransmitted",
        help: "TCP segments sent again over the timed part.",
        field: "/counters/segments_retransmitted",
        value: |r| counted(r, r.counters.segments_retransmitted),
    },
    Metric {
        name: "benchgrid_baseline_up_bytes_per_second",
        help: "Payload rate of the plain transfer from this node, in preflight.",
        field: "/baseline/up_bits_per_second",
        value: |r| r.baseline.up_bits_per_second.map(|bits| bits / BITS),
    },
    Metric {
        name: "benchgrid_baseline_down_bytes_per_second",
        help: "Payload rate of the plain transfer to this node, in preflight.",
        field: "/baseline/down_bits_per_second",
        value: |r| r.baseline.down_bits_per_second.map(|bits| bits / BITS),
    },
    Metric {
        name: "benchgrid_fluid_bound_seconds",
        help: "Least possible time for the slowest leecher, from the links asked.",
        field: "/fluid_bound_seconds",
        value: |r| r.fluid_bound_seconds,
    },
    Metric {
        name: "benchgrid_success",
        help: "1 when the payload arrived whole and verified, else 0.",
        field: "/success",
        value: |r| flag(r.success),
    },
    Metric {
        name: "benchgrid_valid",
        help: "1 when nothing voids the repetition, else 0.",
        field: "/valid",
        value: |r| flag(r.invalid.is_empty()),
    },
];

impl Metric {
    /// The record's field, from what is stored.
    pub(crate) fn restored(&self, stored: f64) -> f64 {
        if self.field.ends_with("bits_per_second") { stored * BITS } else { stored }
    }
}

/// What a metric of any kind is, for `# HELP`.
pub(crate) fn help(name: &str) -> &'static str {
    match name {
        OUTCOME_METRIC => "Records that the attempt made; pushed after all of them.",
        NODE_METRIC => "What a node ran on, as labels; 1.",
        CURVE_METRIC => "Payload held and verified, over the time of a transfer.",
        _ => METRICS.iter().find(|metric| metric.name == name).map_or("", |metric| metric.help),
    }
}
