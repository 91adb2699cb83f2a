//! The fingerprint of the machine below the node.
//!
//! In: `/proc` and `/sys`. Out: an [`Environment`]; what can't be read stays empty.

use std::{fs, path::Path, thread};

use crate::protocol::Environment;

/// Looks at this machine.
pub(super) fn environment() -> Environment {
    let read = |path: &str| fs::read_to_string(path).unwrap_or_default();
    Environment {
        kernel: read("/proc/sys/kernel/osrelease").trim().to_owned(),
        cpu_model: field(&read("/proc/cpuinfo"), "model name").unwrap_or_default(),
        cpus: thread::available_parallelism().map_or(0, usize::from),
        memory_bytes: memory(&read("/proc/meminfo")),
        cgroup: if Path::new("/sys/fs/cgroup/cgroup.controllers").exists() { 2 } else { 1 },
    }
}

/// Value of the first line `name : value`.
fn field(text: &str, name: &str) -> Option<String> {
    text.lines().find_map(|line| {
        let (key, value) = line.split_once(':')?;
        (key.trim() == name).then(|| value.trim().to_owned())
    })
}

fn memory(meminfo: &str) -> u64 {
    let kib = field(meminfo, "MemTotal").and_then(|value| value.strip_suffix("kB")?.trim().parse::<u64>().ok());
    kib.unwrap_or(0) * 1024
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_proc() {
        assert_eq!(memory("MemFree: 1 kB\nMemTotal:       8000000 kB\n"), 8_192_000_000);
        assert_eq!(field("processor\t: 0\nmodel name\t: A CPU: fast\n", "model name").as_deref(), Some("A CPU: fast"));
        assert!(!environment().kernel.is_empty());
    }
}
