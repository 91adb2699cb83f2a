use crate::Observation;

/// What a driver declares of the nodes that it drives.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct DriverFacts {
    /// Its name in `system.yaml`.
    pub name: &'static str,
    /// What its handles are: nodes whose drivers have equal ones can be in one swarm.
    pub handle: &'static str,
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
        handle: "a name",
        kinds: &[Observation::Counter, Observation::Stream],
        unit: "a byte",
        resolution: "every byte counts at once",
    },
    DriverFacts {
        name: "qbittorrent",
        handle: "a torrent",
        kinds: &[Observation::Counter],
        unit: "a piece, 256 KiB or more",
        resolution: "refreshed every 100 ms",
    },
    DriverFacts {
        name: "rqbit",
        handle: "a torrent",
        kinds: &[Observation::Counter, Observation::Stream],
        unit: "a piece, 256 KiB or more",
        resolution: "live",
    },
    DriverFacts {
        name: "codex",
        handle: "a CID",
        kinds: &[Observation::Counter, Observation::Stream],
        unit: "a block of 64 KiB",
        resolution: "steps of 1.3 MB",
    },
    DriverFacts {
        name: "external",
        handle: "as the sidecar says",
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

    /// Whether the nodes of the driver of that name can be observed so.
    pub fn gives(name: &str, kind: Observation) -> bool {
        Self::named(name).is_some_and(|driver| driver.kinds.contains(&kind))
    }
}
