//! The one contract between what measures and what reports.
//!
//! In: nothing. Out: the [`Record`] (one JSON line, the truth), the names and units of the metrics
//! made from it, how a record is put together from them again, the marker that ends an attempt, the name that identifies an attempt, and a second
//! as files have it.

mod attempt_name;
mod driver;
mod environment;
mod exposition;
mod load;
mod metric;
mod outcome;
mod record;
mod stored;
mod timestamp;

pub use attempt_name::{AttemptName, AttemptNameError};
pub use driver::{DRIVERS, DriverFacts};
pub use environment::{Cgroup, Environment, Isolation};
pub use exposition::{ExpositionLine, Sample, exposition, parse_export, sample_line};
pub use load::Load;
pub use metric::{CURVE_METRIC, METRICS, Metric, NODE_METRIC, OUTCOME_METRIC};
pub use outcome::{Outcome, Reason, Verdict};
pub use record::{
    Baseline, Counters, CurvePoint, Failure, Identity, Kind, Node, Observation, Phase, RECORD_SCHEMA, Record, Role,
    Timing,
};
pub use stored::{as_stored, rebuild, record_fields, stored_part, stored_record};
pub use timestamp::{Timestamp, TimestampError};

/// Number of the measurement protocol: what is measured, when and how.
///
/// It is part of a cell's digest: a change of it makes every cell a different experiment.
pub const MEASUREMENT_PROTOCOL: u32 = 1;
