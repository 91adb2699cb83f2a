//! Payloads: fresh for every repetition, the same on every seeder.
//!
//! In: a seed and a size. Out: bytes of a ChaCha8 stream, never compressible, and their SHA-256.

use serde::{Deserialize, Serialize};

/// Names one payload.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Content {
    /// File name, also the torrent's; unique to the repetition.
    pub name: String,
    /// Seed of the stream, 64 hex digits.
    pub seed: String,
    /// Size in bytes.
    pub bytes: u64,
}
