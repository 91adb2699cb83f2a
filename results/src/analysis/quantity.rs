use serde::Serialize;

use crate::Transfer;

/// A quantity of the tables.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Quantity {
    /// Upload of one client, seconds.
    Upload,
    /// Time to first byte, seconds.
    FirstByte,
    /// Time to 50 %, seconds.
    Half,
    /// Time to 90 %, seconds.
    Ninety,
    /// Time to 100 %, seconds.
    Whole,
    /// Time until the last leecher of the repetition has 100 %, seconds.
    Last,
    /// Payload a second, bytes.
    Speed,
    /// Least possible time of the slowest leecher, from the links, over the time it took; 0 to 1.
    Efficiency,
    /// Bytes received, as the pod's device counts.
    Received,
    /// Bytes received over the payload's bytes.
    Overhead,
    /// Bytes that passed the shaped link, with all headers, over the payload's bytes.
    WireOverhead,
    /// Longest time without a newly verified byte, seconds.
    Stall,
}

/// What a quantity is counted in.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub enum Unit {
    /// Seconds.
    Seconds,
    /// Bytes a second.
    BytesPerSecond,
    /// Bytes.
    Bytes,
    /// A number without a unit.
    Ratio,
}

impl Quantity {
    /// In the order of the tables.
    pub const ALL: [Self; 12] = [
        Self::Upload,
        Self::FirstByte,
        Self::Half,
        Self::Ninety,
        Self::Whole,
        Self::Last,
        Self::Speed,
        Self::Efficiency,
        Self::Received,
        Self::Overhead,
        Self::WireOverhead,
        Self::Stall,
    ];

    /// The quantity of one transfer. A failed download took forever and moved nothing; none where it does not apply.
    pub fn of(self, transfer: &Transfer) -> Option<f64> {
        let upload = transfer.label("kind") == "upload";
        if upload != (self == Self::Upload) {
            return None;
        }
        let failed = transfer.value("benchgrid_success") == Some(0.0);
        let time = |metric| transfer.value(metric).or(failed.then_some(f64::INFINITY));
        let per_payload = |metric| {
            Some(transfer.value(metric)? / transfer.value("benchgrid_content_bytes").filter(|bytes| *bytes > 0.0)?)
        };
        match self {
            Self::Upload => time("benchgrid_upload_seconds"),
            Self::FirstByte => time("benchgrid_time_to_first_byte_seconds"),
            Self::Half => time("benchgrid_time_to_50_seconds"),
            Self::Ninety => time("benchgrid_time_to_90_seconds"),
            Self::Whole | Self::Last => time("benchgrid_time_to_100_seconds"),
            Self::Speed => transfer.value("benchgrid_download_bytes_per_second").or(failed.then_some(0.0)),
            Self::Efficiency => {
                Some(transfer.value("benchgrid_fluid_bound_seconds")? / time("benchgrid_time_to_100_seconds")?)
            }
            Self::Received => transfer.value("benchgrid_network_received_bytes"),
            Self::Overhead => per_payload("benchgrid_network_received_bytes"),
            Self::WireOverhead => per_payload("benchgrid_network_received_wire_bytes"),
            Self::Stall => transfer.value("benchgrid_stall_max_seconds"),
        }
    }

    /// What it is counted in.
    pub fn unit(self) -> Unit {
        match self {
            Self::Upload | Self::FirstByte | Self::Half | Self::Ninety | Self::Whole | Self::Last | Self::Stall => {
                Unit::Seconds
            }
            Self::Speed => Unit::BytesPerSecond,
            Self::Received => Unit::Bytes,
            Self::Efficiency | Self::Overhead | Self::WireOverhead => Unit::Ratio,
        }
    }

    /// Its heading in tables.
    pub fn title(self) -> &'static str {
        match self {
            Self::Upload => "upload",
            Self::FirstByte => "TTFB",
            Self::Half => "T50",
            Self::Ninety => "T90",
            Self::Whole => "T100",
            Self::Last => "last leecher",
            Self::Speed => "speed",
            Self::Efficiency => "efficiency",
            Self::Received => "bytes received",
            Self::Overhead => "received / payload",
            Self::WireOverhead => "wire / payload",
            Self::Stall => "longest stall",
        }
    }

    /// A value as people read it, with its unit.
    pub fn shown(self, value: f64) -> String {
        match self.unit() {
            _ if value.is_infinite() => "∞".to_owned(),
            Unit::Seconds => format!("{value:.3} s"),
            Unit::BytesPerSecond => format!("{:.2} Mbit/s", value * 8.0 / 1e6),
            Unit::Bytes => format!("{:.3} MB", value / 1e6),
            Unit::Ratio => format!("{value:.3}"),
        }
    }
}
