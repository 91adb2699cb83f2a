use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::{ExpositionLine, Identity, NODE_METRIC};

/// What a node ran on: the fingerprint of its machine, and what the agent beside it may take of that.
///
/// Texts are empty and numbers missing where nobody can tell. Stored fields are labels of `benchgrid_node_info`,
/// one series a node.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default)]
pub struct Environment {
    /// Release of the kernel. Stored.
    pub kernel: String,
    /// Model of the processor. Stored.
    pub cpu_model: String,
    /// Processors that the agent may be scheduled on. Stored.
    pub cpus: u32,
    /// Highest frequency of the first processor, in hertz. Stored.
    pub cpu_frequency_hertz: Option<u64>,
    /// What governs the frequency of the first processor. Stored.
    pub cpu_governor: String,
    /// Memory of the machine in bytes. Stored.
    pub memory_bytes: u64,
    /// Source of the kernel's clocks. Stored.
    pub clock_source: String,
    /// Control groups of the machine. Stored.
    pub cgroup: Cgroup,
    /// Processors that the agent's container may use at most. Stored.
    pub cpu_limit: Option<f64>,
    /// Memory that the agent's container may use at most, in bytes. Stored.
    pub memory_limit_bytes: Option<u64>,
    /// Name of the machine in the cluster. Stored.
    pub machine: String,
    /// Images of the node's containers as pulled, the agent's left out. Stored.
    pub image: String,
    /// Whether the node's pod is kept from what lies outside of its cell. Stored.
    pub isolation: Isolation,
}

/// Control groups of a machine.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Cgroup {
    /// Each controller has a tree of its own.
    V1,
    /// One tree for all.
    V2,
    /// Both are there.
    Hybrid,
    /// None is seen.
    #[default]
    None,
}

/// Whether a connection that the cell's policies forbid failed.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Isolation {
    /// It failed.
    Enforced,
    /// It was made: nothing enforces the policies.
    Not,
    /// Nobody tried, or its failure says nothing.
    #[default]
    Unknown,
}

impl Environment {
    /// The line that is stored of a node: its value is 1, the labels are what matters.
    pub fn line(&self, identity: &Identity, of: [&str; 3], timestamp_ms: i64) -> ExpositionLine {
        let mut labels = identity.labels();
        labels.extend(["system", "group", "node"].map(str::to_owned).into_iter().zip(of.map(str::to_owned)));
        labels.extend(self.labels());
        ExpositionLine { name: NODE_METRIC.to_owned(), labels, value: 1.0, timestamp_ms }
    }

    /// Every field as text, by its name.
    fn labels(&self) -> BTreeMap<String, String> {
        let Ok(serde_json::Value::Object(fields)) = serde_json::to_value(self) else { return BTreeMap::new() };
        let text = |value| match value {
            serde_json::Value::Null => String::new(),
            serde_json::Value::String(text) => text,
            other => other.to_string(),
        };
        fields.into_iter().map(|(name, value)| (name, text(value))).collect()
    }

    /// The fields again, from the labels of a stored line; what can't be read stays empty.
    pub fn from_labels(labels: &BTreeMap<String, String>) -> Self {
        let text = |name: &str| labels.get(name).cloned().unwrap_or_default();
        let word = |name: &str| serde_json::Value::String(text(name));
        Self {
            kernel: text("kernel"),
            cpu_model: text("cpu_model"),
            cpus: text("cpus").parse().unwrap_or(0),
            cpu_frequency_hertz: text("cpu_frequency_hertz").parse().ok(),
            cpu_governor: text("cpu_governor"),
            memory_bytes: text("memory_bytes").parse().unwrap_or(0),
            clock_source: text("clock_source"),
            cgroup: serde_json::from_value(word("cgroup")).unwrap_or_default(),
            cpu_limit: text("cpu_limit").parse().ok(),
            memory_limit_bytes: text("memory_limit_bytes").parse().ok(),
            machine: text("machine"),
            image: text("image"),
            isolation: serde_json::from_value(word("isolation")).unwrap_or_default(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_field_comes_back_from_its_label() {
        let environment = Environment {
            kernel: "6.1".to_owned(),
            cpu_model: "A \"CPU\"".to_owned(),
            cpus: 4,
            cpu_frequency_hertz: Some(3_200_000_000),
            cpu_governor: "performance".to_owned(),
            memory_bytes: 8 << 30,
            clock_source: "tsc".to_owned(),
            cgroup: Cgroup::Hybrid,
            cpu_limit: Some(0.1),
            memory_limit_bytes: Some(64 << 20),
            machine: "worker-1".to_owned(),
            image: "r/i@sha256:00".to_owned(),
            isolation: Isolation::Not,
        };
        for environment in [environment, Environment::default()] {
            let labels = environment.labels();
            assert_eq!(Environment::from_labels(&labels), environment, "{labels:?}");
        }
    }

    #[test]
    fn a_line_has_the_labels_of_attempt_and_node() {
        let identity = Identity {
            lab: "l".to_owned(),
            scenario: "s".to_owned(),
            cell: "c".to_owned(),
            digest: "d".to_owned(),
            trial: 1,
            number: 1,
            attempt: "a".to_owned(),
        };
        let line = Environment::default().line(&identity, ["bt", "nodes", "bt-nodes-0"], 7);
        let has = |name: &str| line.labels.get(name).map(String::as_str);
        assert_eq!([has("attempt"), has("system"), has("node")], [Some("a"), Some("bt"), Some("bt-nodes-0")]);
        assert_eq!([has("isolation"), has("cgroup"), has("cpu_limit")], [Some("unknown"), Some("none"), Some("")]);
        assert!(line.labels.len() <= 30, "old stores drop labels above 30");
    }
}
