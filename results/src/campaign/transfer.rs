use std::collections::BTreeMap;
use std::sync::Arc;

use benchgrid_measures::{CurvePoint, METRICS};
use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// Names and their values. Many transfers have the same ones, so each text is kept once.
pub type Labels = BTreeMap<Arc<str>, Arc<str>>;

/// How [`Labels`] are written and read.
pub(super) mod words {
    use super::{Arc, BTreeMap, Deserialize, Deserializer, Labels, Serializer};

    pub(in crate::campaign) fn serialize<S: Serializer>(labels: &Labels, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_map(labels.iter().map(|(name, value)| (&**name, &**value)))
    }

    pub(in crate::campaign) fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Labels, D::Error> {
        let labels = BTreeMap::<String, String>::deserialize(deserializer)?;
        Ok(labels.into_iter().map(|(name, value)| (Arc::from(name), Arc::from(value))).collect())
    }
}

/// One record, as far as it is stored.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Transfer {
    /// The record's name: `<attempt>/<phase><repetition>/<observe>/<kind>/<pod>`.
    pub id: String,
    /// Labels of the record: identity, node, phase, axes. None is empty.
    #[serde(with = "words")]
    pub labels: Labels,
    /// Stored numbers by metric.
    #[serde(deserialize_with = "known")]
    pub values: BTreeMap<&'static str, f64>,
    /// Progress, from nothing at 0 seconds; points stand on whole milliseconds.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub curve: Vec<CurvePoint>,
    /// Wall clock at the end, in milliseconds since 1970.
    pub ended_ms: i64,
}

impl Transfer {
    /// A label's value, empty where it is missing.
    pub fn label(&self, name: &str) -> &str {
        self.labels.get(name).map_or("", |value| &**value)
    }

    /// A stored number.
    pub fn value(&self, metric: &str) -> Option<f64> {
        self.values.get(metric).copied()
    }

    /// Levels of the cell, by axis.
    pub fn levels(&self) -> BTreeMap<&str, &str> {
        self.labels.iter().filter_map(|(name, level)| Some((name.strip_prefix("axis_")?, &**level))).collect()
    }
}

/// The metric of that name; none where this release has no such metric.
pub(crate) fn metric(name: &str) -> Option<&'static str> {
    METRICS.iter().map(|metric| metric.name).find(|known| *known == name)
}

/// Numbers of the metrics that there are; others are passed over, as those of a store are.
fn known<'de, D: Deserializer<'de>>(deserializer: D) -> Result<BTreeMap<&'static str, f64>, D::Error> {
    let values = BTreeMap::<String, f64>::deserialize(deserializer)?;
    Ok(values.into_iter().filter_map(|(name, value)| Some((metric(&name)?, value))).collect())
}
