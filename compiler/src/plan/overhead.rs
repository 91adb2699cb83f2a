//! What our own containers ask for: requests, which are the limits.

/// Processors (in thousandths) and memory (in bytes) of one of our containers.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Overhead {
    pub(crate) cpu_millis: u64,
    pub(crate) memory_bytes: u64,
}

/// The agent beside a node: it hashes and samples, and must do so in time.
pub(crate) const AGENT: Overhead = Overhead { cpu_millis: 250, memory_bytes: 128 << 20 };

/// The coordinator with its tracker.
pub(crate) const COORDINATOR: Overhead = Overhead { cpu_millis: 250, memory_bytes: 256 << 20 };

/// The init container that shapes the link; it ends before the node starts, so that a pod does not ask for it beside the others.
pub(crate) const SHAPE: Overhead = Overhead { cpu_millis: 50, memory_bytes: 64 << 20 };
