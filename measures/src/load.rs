use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// What a system does in a cell.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Load {
    /// Its transfers are measured.
    #[default]
    Measured,
    /// It transfers beside the measured ones.
    Background,
    /// It is only there.
    Idle,
}

impl Load {
    /// Whether it is what needs no telling.
    pub fn is_measured(&self) -> bool {
        *self == Self::Measured
    }
}
