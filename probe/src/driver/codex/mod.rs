//! Codex, now Logos Storage, over its REST API.
//!
//! In: a node's API, reachable for the other nodes of the cell as well, a data directory for the upload's file. Out:
//! the [`Driver`] trait, over three generations of the API, told apart at run time.
//!
//! What shaped it, seen at a real node:
//!
//! - Status and headers of a download come before any block: only length and digest prove anything.
//! - After its answer the node sends a second one, of status 404, and closes: a body is read to its announced length,
//!   and each request has a connection of its own.
//! - A body is in order, the transfer is not: so progress is what the store holds, of a download in the background. What a
//!   reader gets of a download that is under way is a number of its own (`stream`).
//! - "Unknown", "seeder gone" and "store full" are all silence: every wait has a limit here or with who watches.
//! - A first contact costs whole seconds of the node's timers: all pairs are connected before anything is timed.
//! - A download can't be stopped for certain: after one that failed the node is good for nothing more.

use std::{
    collections::BTreeMap,
    fs::{self, File},
    path::PathBuf,
    time::{Duration, Instant},
};

use super::{Checks, Description, Driver, DriverError, Handle, Ingested, Place, Progress, api::failed};
use crate::{
    content::Content,
    retry::{Patience, Try, retry},
};

mod conform;
mod fetch;
mod generation;
mod node;

#[cfg(test)]
mod cells;
#[cfg(test)]
mod fake;
#[cfg(test)]
mod tests;

use fetch::Fetch;
use node::Node;

/// A block, of which the node verifies the digest.
const BLOCK: u64 = 65_536;
/// How long a node may take to show a manifest that it holds itself.
const LOCAL: Duration = Duration::from_secs(30);

/// Drives one node.
#[derive(Debug)]
pub struct Codex {
    place: Place,
    /// Once it was reached.
    node: Option<Node>,
    /// CIDs by the content's name.
    known: BTreeMap<String, String>,
    fetch: Option<Fetch>,
}

impl Codex {
    /// A driver of the node there.
    pub fn new(place: Place) -> Self {
        Self { place, node: None, known: BTreeMap::new(), fetch: None }
    }

    fn node(&mut self) -> Result<Node, DriverError> {
        if let Some(node) = &self.node {
            return Ok(node.clone());
        }
        let node = Node::detect(&self.place.api)?;
        Ok(self.node.insert(node).clone())
    }

    fn upload(&mut self, content: &Content, staging: &PathBuf, limit: Duration) -> Result<(String, f64), DriverError> {
        let node = self.node()?;
        let trouble = |source| DriverError::File { path: staging.clone(), source };
        content.write_to(staging).map_err(trouble)?;
        let file = File::open(staging).map_err(trouble)?;
        let start = Instant::now();
        let cid = node.upload(&file, limit)?;
        let seconds = start.elapsed().as_secs_f64();
        // An upload that broke off becomes a dataset of what had come.
        let size = node.manifest(&cid, LOCAL)?.dataset_size;
        if size != content.bytes {
            let detail = format!("the dataset has {size} bytes, the content {}", content.bytes);
            return Err(failed(&format!("upload of {}", content.name), detail));
        }
        Ok((cid, seconds))
    }
}

impl Driver for Codex {
    fn describe(&mut self) -> Result<Description, DriverError> {
        // Asked anew each time: the node may have been replaced.
        self.node = None;
        let node = self.node()?;
        let info = node.info()?;
        let space = node.space()?;
        let addresses: Vec<_> = info.addresses().cloned().collect();
        let settings = [
            ("addresses", addresses.join(" ")),
            ("api", node.generation.base().to_owned()),
            ("counter", node.generation.counter().to_owned()),
            ("generation", node.generation.name().to_owned()),
            ("peerId", info.id),
            ("quotaBytes", space.quota_max_bytes.to_string()),
            ("revision", info.storage.revision),
        ];
        Ok(Description {
            driver: "codex".to_owned(),
            version: info.storage.version,
            settings: settings.map(|(key, value)| (key.to_owned(), value)).into(),
            unit_bytes: BLOCK,
            // Steps of bytes, not of time: each look shows the store as it is.
            resolution_seconds: 0.0,
        })
    }

    fn ingest(&mut self, content: &Content, limit: Duration) -> Result<Ingested, DriverError> {
        if content.bytes == 0 {
            return Err(failed(&format!("upload of {}", content.name), "a node takes no content of 0 bytes"));
        }
        let staging = self.place.staging(content);
        let uploaded = self.upload(content, &staging, limit);
        // The node has its own copy by now, or never will.
        let _ = fs::remove_file(&staging);
        let (cid, upload_seconds) = uploaded?;
        self.known.insert(content.name.clone(), cid.clone());
        Ok(Ingested { handle: Handle(cid), upload_seconds })
    }

    fn connect(&mut self, others: &[String], limit: Duration) -> Result<(), DriverError> {
        let node = self.node()?;
        let start = Instant::now();
        for host in others {
            let other = node.like(&self.place.api_at(host));
            let whole = limit.saturating_sub(start.elapsed());
            let given_up = |seconds, last| failed(&format!("connect to {host}"), format!("not in {seconds} s: {last}"));
            retry(Patience { whole, ..PATIENCE }, given_up, || {
                other.info().and_then(|info| node.dial(&info)).map_err(|error| Try::Again(error.to_string()))
            })?;
        }
        Ok(())
    }

    fn find(&mut self, Handle(cid): &Handle, limit: Duration) -> Result<(), DriverError> {
        let node = self.node()?;
        let start = Instant::now();
        let given_up =
            |seconds, last| failed(&format!("manifest of {cid}"), format!("not found in {seconds} s: {last}"));
        retry(Patience { whole: limit, ..PATIENCE }, given_up, || {
            // One request that waits finds it sooner than many that don't.
            let left = limit.saturating_sub(start.elapsed()).max(Duration::from_secs(1));
            node.manifest(cid, left).map(drop).map_err(|error| Try::Again(error.to_string()))
        })
    }

    fn start(&mut self, Handle(cid): &Handle, content: &Content, _seeders: &[String]) -> Result<(), DriverError> {
        let node = self.node()?;
        self.known.insert(content.name.clone(), cid.clone());
        self.fetch = Some(Fetch::start(&node, cid)?);
        Ok(())
    }

    fn stream(&mut self, Handle(cid): &Handle, content: &Content, _: &[String]) -> Result<String, DriverError> {
        let node = self.node()?;
        self.known.insert(content.name.clone(), cid.clone());
        Ok(node.stream_url(&self.place.api, cid))
    }

    fn progress(&mut self) -> Result<Progress, DriverError> {
        self.fetch.as_mut().ok_or_else(|| failed("progress", "nothing was started"))?.progress()
    }

    fn read_back(&mut self, content: &Content) -> Result<String, DriverError> {
        let node = self.node()?;
        let cid = self.known.get(&content.name);
        let cid = cid.ok_or_else(|| failed("read back", format!("{} is not known here", content.name)))?;
        let before = node.space()?.quota_used_bytes;
        let digest = node.read(cid, content.bytes)?;
        // A node that lacks blocks gets them while it is read, without a word.
        match node.space()?.quota_used_bytes.saturating_sub(before) {
            0 => Ok(digest),
            grown => Err(failed("read back", format!("the store grew by {grown} bytes meanwhile: it was not whole"))),
        }
    }

    fn remove(&mut self, content: &Content) -> Result<(), DriverError> {
        self.fetch = None;
        let Some(cid) = self.known.get(&content.name) else { return Ok(()) };
        let cid = cid.clone();
        self.node()?.remove(&cid)?;
        self.known.remove(&content.name);
        Ok(())
    }

    fn look(&mut self, bytes: u64, checks: &mut Checks) -> Option<()> {
        conform::look(self, bytes, checks)
    }

    fn conform(&mut self, content: &Content, checks: &mut Checks) -> Option<()> {
        conform::conform(self, content, checks)
    }
}

/// Pauses while a node is waited for.
const PATIENCE: Patience =
    Patience { first: Duration::from_millis(100), longest: Duration::from_secs(1), whole: Duration::ZERO };
