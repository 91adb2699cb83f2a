use serde::{Deserialize, Serialize};

use super::transfer::{Labels, words};

/// How an attempt ended, by its marker.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Ending {
    /// Labels of the marker. None is empty.
    #[serde(with = "words")]
    pub labels: Labels,
    /// How many records the attempt made.
    pub records: f64,
    /// When it ended, in milliseconds since 1970.
    pub ended_ms: i64,
}

impl Ending {
    /// A label's value, empty where it is missing.
    pub fn label(&self, name: &str) -> &str {
        self.labels.get(name).map_or("", |value| &**value)
    }

    /// Lab, scenario and cell.
    pub(crate) fn cell(&self) -> [&str; 3] {
        ["lab", "scenario", "cell"].map(|name| self.label(name))
    }

    /// Whether it is an overlay itself that was deployed: trials of a campaign count from 1.
    pub fn by_hand(&self) -> bool {
        self.label("trial") == "0"
    }
}
