//! The fingerprint of the machine below the node.
//!
//! In: `/proc` and `/sys`, and an address that the cell's policies forbid. Out: an [`Environment`]; what can't be read
//! stays empty, what only the cluster knows is the coordinator's to fill in.

use std::{
    fs,
    net::{TcpStream, ToSocketAddrs},
    path::Path,
    thread,
    time::Duration,
};

use benchgrid_measures::{Environment, Isolation};

use crate::cgroup::Groups;

/// How long the forbidden connection may take: one within a cluster takes milliseconds.
const FORBIDDEN: Duration = Duration::from_secs(2);

/// Looks at this machine.
pub(super) fn environment() -> Environment {
    let groups = Groups::own();
    Environment {
        cgroup: groups.kind(),
        cpu_limit: groups.cpu_limit(),
        memory_limit_bytes: groups.memory_limit_bytes(),
        isolation: isolation(),
        ..machine(Path::new("/"))
    }
}

/// What the files below a root say of a machine.
fn machine(root: &Path) -> Environment {
    let read = |path: &str| fs::read_to_string(root.join(path)).unwrap_or_default().trim().to_owned();
    let frequency = "sys/devices/system/cpu/cpu0/cpufreq";
    let kilohertz = read(&format!("{frequency}/cpuinfo_max_freq")).parse::<u64>().ok();
    Environment {
        kernel: read("proc/sys/kernel/osrelease"),
        cpu_model: model(&read("proc/cpuinfo")),
        cpus: thread::available_parallelism().map_or(0, |count| u32::try_from(count.get()).unwrap_or(u32::MAX)),
        cpu_frequency_hertz: kilohertz.map(|kilohertz| kilohertz * 1000),
        cpu_governor: read(&format!("{frequency}/scaling_governor")),
        memory_bytes: memory(&read("proc/meminfo")),
        clock_source: read("sys/devices/system/clocksource/clocksource0/current_clocksource"),
        ..Environment::default()
    }
}

/// Tries to connect to the cluster's API server, which the cell's policies forbid to all but the coordinator.
fn isolation() -> Isolation {
    let env = |name: &str| std::env::var(name).ok().filter(|value| !value.is_empty());
    let (Some(host), Some(port)) = (env("KUBERNETES_SERVICE_HOST"), env("KUBERNETES_SERVICE_PORT")) else {
        return Isolation::Unknown;
    };
    port.parse().map_or(Isolation::Unknown, |port| reaches(&host, port))
}

fn reaches(host: &str, port: u16) -> Isolation {
    let Some(address) = (host, port).to_socket_addrs().ok().and_then(|mut all| all.next()) else {
        return Isolation::Unknown;
    };
    match TcpStream::connect_timeout(&address, FORBIDDEN) {
        Ok(_) => Isolation::Not,
        Err(_) => Isolation::Enforced,
    }
}

/// Value of the first line `name : value`.
fn field(text: &str, name: &str) -> Option<String> {
    text.lines().find_map(|line| {
        let (key, value) = line.split_once(':')?;
        (key.trim() == name).then(|| value.trim().to_owned())
    })
}

/// Of ARM, the kernel names no model but numbers: implementer and part.
fn model(cpuinfo: &str) -> String {
    let part = || Some(format!("{} {}", field(cpuinfo, "CPU implementer")?, field(cpuinfo, "CPU part")?));
    field(cpuinfo, "model name").or_else(part).unwrap_or_default()
}

fn memory(meminfo: &str) -> u64 {
    let kib = field(meminfo, "MemTotal").and_then(|value| value.strip_suffix("kB")?.trim().parse::<u64>().ok());
    kib.unwrap_or(0) * 1024
}

#[cfg(test)]
mod tests {
    use std::net::TcpListener;

    use super::*;

    #[test]
    fn reads_what_the_machine_says() {
        assert_eq!(memory("MemFree: 1 kB\nMemTotal:       8000000 kB\n"), 8_192_000_000);
        assert_eq!(model("processor\t: 0\nmodel name\t: A CPU: fast\n"), "A CPU: fast");
        assert_eq!(model("processor\t: 0\nCPU implementer\t: 0x41\nCPU part\t: 0xd0c\n"), "0x41 0xd0c");
        assert!(!environment().kernel.is_empty());
    }

    #[test]
    fn files_that_only_some_machines_have() {
        let root = tempfile::tempdir().unwrap();
        let frequency = root.path().join("sys/devices/system/cpu/cpu0/cpufreq");
        fs::create_dir_all(&frequency).unwrap();
        fs::write(frequency.join("cpuinfo_max_freq"), "3200000\n").unwrap();
        fs::write(frequency.join("scaling_governor"), "powersave\n").unwrap();
        let seen = machine(root.path());
        assert_eq!((seen.cpu_frequency_hertz, &*seen.cpu_governor), (Some(3_200_000_000), "powersave"));
        assert_eq!((seen.memory_bytes, &*seen.clock_source), (0, ""));
    }

    #[test]
    fn a_connection_that_is_made_shows_that_nothing_is_enforced() {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let port = listener.local_addr().unwrap().port();
        assert_eq!(reaches("127.0.0.1", port), Isolation::Not);
        drop(listener);
        assert_eq!(reaches("127.0.0.1", port), Isolation::Enforced);
    }
}
