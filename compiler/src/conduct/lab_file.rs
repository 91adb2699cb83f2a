use serde::{Deserialize, Serialize};

use super::{ConductError, Room, Settings};
use crate::spec::{Concurrency, Family, LabSpec, Quantity, Template};

/// `lab.json`: the lab that the branch belongs to.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct LabFile {
    /// Its name.
    pub name: String,
    /// What the user wrote, with all defaults.
    pub spec: LabSpec,
}

impl LabFile {
    /// What it says about conducting.
    pub fn settings(&self) -> Result<Settings, ConductError> {
        let concurrency = match self.spec.concurrency {
            Concurrency::Some(limit) => Some(limit),
            Concurrency::All(_) => None,
        };
        Ok(Settings {
            room: Room { concurrency },
            drain_seconds: duration("drain", &self.spec.drain)?.as_secs_f64().ceil() as u64,
            retries: self.spec.retries,
        })
    }

    /// Time between two ticks.
    pub fn interval(&self) -> Result<std::time::Duration, ConductError> {
        duration("conductor.interval", &self.spec.conductor.interval)
    }
}

/// A duration of the lab: text with a unit, or 0.
fn duration(field: &'static str, template: &Template) -> Result<std::time::Duration, ConductError> {
    if template.0.as_u64() == Some(0) {
        return Ok(std::time::Duration::ZERO);
    }
    let quantity = template.0.as_str().and_then(|text| text.parse::<Quantity>().ok());
    match quantity {
        Some(Quantity { family: Family::Duration, base }) => Ok(std::time::Duration::from_nanos(base)),
        _ => Err(ConductError::BadDuration { field, value: template.0.to_string() }),
    }
}
