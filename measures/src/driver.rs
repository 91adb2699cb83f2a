use crate::Observation;

/// What a driver declares of the nodes that it drives.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct DriverFacts {
    /// Its name in `system.yaml`.
    pub name: &'static str,
    /// How it can see progress.
    pub kinds: &'static [Observation],
    /// What a node verifies at once: the first of it is the first byte.
    pub unit: &'static str,
    /// How fine, or how fresh, the node's own counter is.
    pub resolution: &'static str,
}

/// Every driver there is; the one list that plan and probe go by.
pub const DRIVERS: [DriverFacts; 5] = [
    DriverFacts {
        name: "http",
        kinds: &[Observation::Counter],
        unit: "a byte",
        resolution: "every byte counts at once",
    },
    DriverFacts {
        name: "qbittorrent",
        kinds: &[Observation::Counter],
        unit: "a piece, 256 KiB or more",
        resolution: "refreshed every 100 ms",
    },
    DriverFacts { name: "rqbit", kinds: &[Observation::Counter], unit: "a piece, 256 KiB or more", resolution: "live" },
    DriverFacts {
        name: "codex",
        kinds: &[Observation::Counter],
        unit: "a block of 64 KiB",
        resolution: "steps of 1.3 MB",
    },
    DriverFacts {
        name: "external",
        kinds: &[Observation::Counter],
        unit: "as the sidecar says",
        resolution: "as the sidecar says",
    },
];

impl DriverFacts {
    /// The driver of that name.
    pub fn named(name: &str) -> Option<&'static Self> {
        DRIVERS.iter().find(|driver| driver.name == name)
    }
}
