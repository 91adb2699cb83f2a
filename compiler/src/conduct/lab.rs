//! What `lab.json` on the branch says about conducting. It holds the lab as the user wrote it, with all defaults.

use std::time::Duration;

use super::{ConductError, Room, Settings};
use crate::plan::Provision;
use crate::spec::{Concurrency, Lab, Template};

impl Settings {
    /// The settings of a lab.
    pub fn of(lab: &Lab) -> Result<Self, ConductError> {
        let concurrency = match lab.spec.concurrency {
            Concurrency::Some(limit) => Some(limit),
            Concurrency::All(_) => None,
        };
        Ok(Self {
            room: Room { concurrency, has: Provision::of(lab).map_err(ConductError::Pools)? },
            drain_seconds: whole_seconds(duration("drain", &lab.spec.drain)?),
            hold_seconds: whole_seconds(duration("hold", &lab.spec.hold)?),
            retries: lab.spec.retries,
        })
    }
}

/// Time between two ticks.
pub(super) fn interval(lab: &Lab) -> Result<Duration, ConductError> {
    duration("conductor.interval", &lab.spec.conductor.interval)
}

/// Rounded up: the branch knows whole seconds, and a place is rather taken too long.
fn whole_seconds(duration: Duration) -> u64 {
    duration.as_secs() + u64::from(duration.subsec_nanos() > 0)
}

/// A duration of the lab: text with a unit, or 0.
fn duration(field: &'static str, template: &Template) -> Result<Duration, ConductError> {
    template.duration().ok_or_else(|| ConductError::BadDuration { field, value: template.0.to_string() })
}
