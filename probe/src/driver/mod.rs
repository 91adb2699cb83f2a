//! Drivers: how the probe speaks to a node.
//!
//! In: a node's local API and its data directory. Out: the [`Driver`] trait, one implementation for each kind of
//! node. A driver blocks; its caller gives it a thread. It never measures: durations are taken by the agent, except
//! where only the driver can see the instant (an upload's end).

use std::{path::PathBuf, time::Duration};

use serde::{Deserialize, Serialize};

use crate::content::Content;

mod api;
mod codex;
mod conform;
mod external;
mod http;
mod payload;
mod qbittorrent;
mod rqbit;
mod torrent;

pub use codex::Codex;
pub use conform::{Check, Checks, conform, preflight};
pub use external::External;
pub use http::Http;
pub use qbittorrent::QBittorrent;
pub use rqbit::Rqbit;
pub use torrent::{Bencode, InfoHash, Metainfo, infohash};

/// Where a driver finds its node.
#[derive(Debug, Clone)]
pub struct Place {
    /// Base URL of the node's local API.
    pub api: String,
    /// The node's data directory, shared with the agent.
    pub data: PathBuf,
    /// This node's own host name, as the other nodes of the cell resolve it.
    pub host: String,
    /// Announce URL of the cell's tracker.
    pub tracker: String,
}

impl Place {
    /// Base URL of the API of the node at a host: nodes have it on the same port everywhere.
    fn api_at(&self, host: &str) -> String {
        let port = self.api.rsplit_once(':').map_or("80", |(_, port)| port.trim_end_matches('/'));
        format!("http://{host}:{port}")
    }
}

/// What a driver says of itself and of its node.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Description {
    /// Name of the driver.
    pub driver: String,
    /// Version the node gives.
    pub version: String,
    /// Settings that matter for the numbers.
    pub settings: std::collections::BTreeMap<String, String>,
    /// Unit of verification in bytes (a piece, a block; 1: every byte counts).
    pub unit_bytes: u64,
    /// How fresh the node's own counter is, in seconds.
    pub resolution_seconds: f64,
}

/// What a leecher must know to get the content, opaque to all but the driver.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Handle(pub String);

/// The end of an ingest.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Ingested {
    /// For the leechers; equal on every seeder of the same content.
    pub handle: Handle,
    /// From the request that brings the content in until the node offers it, in seconds.
    pub upload_seconds: f64,
}

/// How far a download is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Progress {
    /// Bytes that the node holds and has verified.
    pub verified_bytes: u64,
    /// Peers it is connected to, where it says.
    pub peers: Option<u32>,
}

/// A driver's trouble.
#[derive(Debug, thiserror::Error)]
pub enum DriverError {
    /// The node does not answer, or not as it should.
    #[error("{action}: {detail}")]
    Node {
        /// What was tried.
        action: String,
        /// What came back.
        detail: String,
    },
    /// A file beside the node.
    #[error("{path}: {source}")]
    File {
        /// Which.
        path: PathBuf,
        /// Why.
        source: std::io::Error,
    },
    /// Something took longer than it may.
    #[error("{action}: not done after {seconds} s")]
    Slow {
        /// What was tried.
        action: String,
        /// How long it was given.
        seconds: f64,
    },
    /// The node has the content, but could not make it known.
    #[error("the tracker {tracker} took no announcement within {seconds} s: {detail}")]
    Hidden {
        /// Where it announces.
        tracker: String,
        /// How long it tried.
        seconds: f64,
        /// What the node says of the tracker.
        detail: String,
    },
    /// The node has no download API that a reader could use, or none that the driver knows.
    #[error("the driver gives no stream")]
    NoStream,
    /// A driver of that name does not exist.
    #[error("unknown driver `{0}`; there are codex, external, http, qbittorrent and rqbit")]
    Unknown(String),
}

/// One node, driven.
pub trait Driver: Send {
    /// Asks the node who it is; fails while it is not up.
    fn describe(&mut self) -> Result<Description, DriverError>;

    /// Makes the content available from this node and waits until it is offered to others.
    ///
    /// The content is generated first, outside the upload's time.
    fn ingest(&mut self, content: &Content, limit: Duration) -> Result<Ingested, DriverError>;

    /// Connects the node to the nodes of these host names. Nothing to do where the system finds its peers by itself.
    fn connect(&mut self, _others: &[String], _limit: Duration) -> Result<(), DriverError> {
        Ok(())
    }

    /// Waits until this node, which takes no part, can find the content. Asked only of drivers whose gate it is.
    fn find(&mut self, _handle: &Handle, _limit: Duration) -> Result<(), DriverError> {
        Ok(())
    }

    /// Starts to download; returns once the node took the order. `seeders` are host names.
    fn start(&mut self, handle: &Handle, content: &Content, seeders: &[String]) -> Result<(), DriverError>;

    /// Starts to download for a reader: the URL whose body is the content, in order, of announced length, as it comes. The
    /// request is for the caller to send. Asked only of drivers that declare [`Observation::Stream`].
    ///
    /// [`Observation::Stream`]: benchgrid_measures::Observation::Stream
    fn stream(&mut self, _: &Handle, _: &Content, _: &[String]) -> Result<String, DriverError> {
        Err(DriverError::NoStream)
    }

    /// How far the download is.
    fn progress(&mut self) -> Result<Progress, DriverError>;

    /// SHA-256 (hex) of what the node holds, read back after the transfer.
    fn read_back(&mut self, content: &Content) -> Result<String, DriverError>;

    /// Removes the content from the node, data included; no error when it isn't there.
    fn remove(&mut self, content: &Content) -> Result<(), DriverError>;

    /// Checks what the driver takes for granted of its node and can see without a change to it, contents of so many
    /// bytes being planned; none where the rest could not be checked.
    fn look(&mut self, _bytes: u64, checks: &mut Checks) -> Option<()> {
        conform::answers(self, checks)
    }

    /// Checks the rest, with a content that comes and goes; none as above.
    fn conform(&mut self, content: &Content, checks: &mut Checks) -> Option<()> {
        conform::carries(self, content, checks)
    }
}

/// Makes the driver of that name.
pub fn driver(name: &str, place: Place) -> Result<Box<dyn Driver>, DriverError> {
    match name {
        "codex" => Ok(Box::new(Codex::new(place))),
        "external" => Ok(Box::new(External::new(place))),
        "http" => Ok(Box::new(Http::new(place))),
        "qbittorrent" => Ok(Box::new(QBittorrent::new(place))),
        "rqbit" => Ok(Box::new(Rqbit::new(place))),
        other => Err(DriverError::Unknown(other.to_owned())),
    }
}
