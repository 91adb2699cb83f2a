//! What a cell takes of the lab.

use serde_json::Value;

use super::overhead::{AGENT, COORDINATOR};
use super::{Needs, PlannedGroup, PlannedSystem, group::workload};
use crate::spec::{Family, Quantity};

/// Requests of all pods of a cell, and their disks.
pub(super) fn needs(systems: &[(PlannedSystem, &[Value])]) -> Needs {
    let mut needs =
        Needs { pods: 1, cpu_millis: COORDINATOR.cpu_millis, memory_bytes: COORDINATOR.memory_bytes, disk_bytes: 0 };
    for (system, objects) in systems {
        for group in &system.groups {
            let (cpu, memory) = node(system, group, objects);
            needs.pods += group.replicas;
            needs.cpu_millis += u64::from(group.replicas) * (cpu + AGENT.cpu_millis);
            needs.memory_bytes += u64::from(group.replicas) * (memory + AGENT.memory_bytes);
            needs.disk_bytes += u64::from(group.replicas) * group.data_bytes;
        }
    }
    needs
}

/// Requests of one pod of the group without the agent's.
fn node(system: &PlannedSystem, group: &PlannedGroup, objects: &[Value]) -> (u64, u64) {
    let containers = workload(objects, &system.workload).map(|set| &set["spec"]["template"]["spec"]["containers"]);
    let mut sum = (0, 0);
    for container in containers.and_then(Value::as_array).into_iter().flatten() {
        let own = |what: &str| container["resources"]["requests"][what].as_str().map(str::to_owned);
        let is_node = container["name"] == system.container.as_str();
        let cpu = group.cpu.clone().filter(|_| is_node).or_else(|| own("cpu"));
        let memory = group.memory.clone().filter(|_| is_node).or_else(|| own("memory"));
        sum.0 += cpu.as_deref().and_then(cpu_millis).unwrap_or_default();
        sum.1 += memory.as_deref().and_then(memory_bytes).unwrap_or_default();
    }
    sum
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
