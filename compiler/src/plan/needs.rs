//! What pods ask of the lab.

use serde_json::Value;

use super::overhead::{AGENT, COORDINATOR};
use super::{Needs, PlannedGroup, PlannedSystem, group::workload};
use crate::spec::{Family, Quantity};

impl Needs {
    /// Adds what `times` of another take.
    pub(super) fn add(&mut self, other: &Self, times: u32) {
        let sum = |a: u64, b: u64| a.saturating_add(b.saturating_mul(u64::from(times)));
        self.pods = self.pods.saturating_add(other.pods.saturating_mul(times));
        self.cpu_millis = sum(self.cpu_millis, other.cpu_millis);
        self.memory_bytes = sum(self.memory_bytes, other.memory_bytes);
        self.disk_bytes = sum(self.disk_bytes, other.disk_bytes);
    }
}

/// The coordinator's pod.
pub(super) fn coordinator() -> Needs {
    Needs { pods: 1, cpu_millis: COORDINATOR.cpu_millis, memory_bytes: COORDINATOR.memory_bytes, disk_bytes: 0 }
}

/// Requests of all pods of a cell, and their disks.
pub(super) fn cell(systems: &[PlannedSystem]) -> Needs {
    let mut needs = coordinator();
    for group in systems.iter().flat_map(|system| &system.groups) {
        needs.add(&group.pod, group.replicas);
    }
    needs
}

/// One pod of a group, from its built objects: its containers with the agent, or its largest init container. Init
/// containers that are restarted run beside whatever comes after them.
pub(super) fn pod(built: &[Value], system: &PlannedSystem, group: &PlannedGroup) -> Needs {
    let pod = workload(built, &system.workload).map(|set| &set["spec"]["template"]["spec"]);
    let all = |list: &str, what: &str, amount: fn(&str) -> Option<u64>| -> Vec<(bool, u64)> {
        let containers = pod.and_then(|pod| pod[list].as_array()).into_iter().flatten();
        let asked = |container| requested(container, what).as_deref().and_then(amount).unwrap_or_default();
        containers.map(|container| (container["restartPolicy"] == "Always", asked(container))).collect()
    };
    let most = |what: &str, amount: fn(&str) -> Option<u64>, agent: u64| {
        let (mut staying, mut peak) = (0, 0);
        for (stays, asked) in all("initContainers", what, amount) {
            peak = peak.max(staying + asked);
            staying += if stays { asked } else { 0 };
        }
        let beside: u64 = all("containers", what, amount).into_iter().map(|(_, asked)| asked).sum();
        peak.max(staying + beside + agent)
    };
    Needs {
        pods: 1,
        cpu_millis: most("cpu", cpu_millis, AGENT.cpu_millis),
        memory_bytes: most("memory", memory_bytes, AGENT.memory_bytes),
        disk_bytes: group.data_bytes,
    }
}

/// What a container asks for; Kubernetes takes its limit where it has no request.
fn requested(container: &Value, what: &str) -> Option<String> {
    ["requests", "limits"].into_iter().find_map(|kind| match &container["resources"][kind][what] {
        Value::String(text) => Some(text.clone()),
        Value::Number(number) => Some(number.to_string()),
        _ => None,
    })
}

/// Thousandths of a processor: `2`, `0.5`, `500m`.
pub(super) fn cpu_millis(text: &str) -> Option<u64> {
    match text.strip_suffix('m') {
        Some(millis) => millis.parse().ok().filter(|millis| *millis > 0),
        None => thousandfold(text).filter(|millis| *millis > 0),
    }
}

fn thousandfold(text: &str) -> Option<u64> {
    let (whole, fraction) = text.split_once('.').unwrap_or((text, ""));
    let digits = |part: &str| part.bytes().all(|b| b.is_ascii_digit());
    (digits(whole) && digits(fraction) && !whole.is_empty() && fraction.len() <= 3).then_some(())?;
    format!("{whole}{fraction:0<3}").parse().ok()
}

/// Bytes: as Kubernetes writes them (`2Gi`, `500M`, `1000000`), or one of our sizes (`500MB`, `2GiB`).
pub(super) fn memory_bytes(text: &str) -> Option<u64> {
    if text.bytes().all(|b| b.is_ascii_digit()) {
        return text.parse().ok().filter(|bytes| *bytes > 0);
    }
    let spelt = match text.strip_suffix('k') {
        Some(thousands) => format!("{thousands}kB"),
        None if text.ends_with('B') => text.to_owned(),
        None => format!("{text}B"),
    };
    Quantity::of(Family::Size, &spelt).map(|quantity| quantity.base).filter(|bytes| *bytes > 0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_amounts() {
        for (text, millis) in
            [("2", Some(2000)), ("0.5", Some(500)), ("250m", Some(250)), ("x", None), ("0", None), ("1.2345", None)]
        {
            assert_eq!(cpu_millis(text), millis, "{text}");
        }
        for (text, bytes) in [
            ("2Gi", Some(2 << 30)),
            ("500M", Some(500_000_000)),
            ("500MB", Some(500_000_000)),
            ("64", Some(64)),
            ("2X", None),
            ("1k", Some(1000)),
        ] {
            assert_eq!(memory_bytes(text), bytes, "{text}");
        }
    }
}
