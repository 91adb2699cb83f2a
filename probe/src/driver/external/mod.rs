//! Any system at all: a sidecar of its own that speaks the contract of `docs/reference/external-driver.md`.
//!
//! In: the sidecar's address, host names of other nodes. Out: the [`Driver`] trait. The contract is HTTP alone: content
//! goes in and out as bodies, so that the sidecar shares nothing with the agent but localhost.

use std::{
    collections::BTreeMap,
    fs::{self, File},
    io::{self, Read},
    path::PathBuf,
    time::{Duration, Instant},
};

use serde::{Deserialize, Serialize};

use super::{
    Checks, Description, Driver, DriverError, Handle, Ingested, Place, Progress,
    api::{Api, failed},
};
use crate::content::{Content, copy_hashed};

mod conform;
#[cfg(test)]
mod tests;

/// The contract that this driver speaks.
const CONTRACT: u32 = 1;
/// Before every path.
const ROOT: &str = "/benchgrid/v1";

/// Drives one node through its sidecar.
#[derive(Debug)]
pub struct External {
    api: Api,
    place: Place,
    /// Name and size of what is being downloaded.
    current: Option<(String, u64)>,
}

/// `GET node`
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Node {
    contract: u32,
    version: String,
    #[serde(default)]
    settings: BTreeMap<String, String>,
    unit_bytes: u64,
    resolution_seconds: f64,
}

/// `PUT contents/NAME`
#[derive(Debug, Deserialize)]
struct Taken {
    handle: String,
}

/// `POST peers`
#[derive(Debug, Serialize)]
struct Peers<'a> {
    hosts: &'a [String],
}

/// `POST downloads`
#[derive(Debug, Serialize)]
struct Order<'a> {
    name: &'a str,
    handle: &'a str,
    bytes: u64,
    seeders: &'a [String],
}

/// `GET downloads/NAME`
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
struct State {
    verified_bytes: u64,
    #[serde(default)]
    peers: Option<u32>,
    #[serde(default)]
    error: Option<String>,
}

impl External {
    /// A driver of the node there.
    pub fn new(place: Place) -> Self {
        Self { api: Api::new(&place.api), place, current: None }
    }

    fn content(content: &Content) -> String {
        format!("{ROOT}/contents/{}", content.name)
    }

    /// Hidden, since the node may keep its own files in the same directory.
    fn staging(&self, content: &Content) -> PathBuf {
        self.place.data.join(format!(".ingest-{}", content.name))
    }

    fn put(&self, content: &Content, staging: &PathBuf, limit: Duration) -> Result<Ingested, DriverError> {
        let trouble = |source| DriverError::File { path: staging.clone(), source };
        content.write_to(staging).map_err(trouble)?;
        let file = File::open(staging).map_err(trouble)?;
        let path = Self::content(content);
        let start = Instant::now();
        let answer = self.api.put(&path, &file, limit)?;
        let upload_seconds = start.elapsed().as_secs_f64();
        let taken: Result<Taken, _> = serde_json::from_str(&answer);
        match taken {
            Ok(taken) if !taken.handle.is_empty() => Ok(Ingested { handle: Handle(taken.handle), upload_seconds }),
            Ok(_) => Err(failed(&format!("PUT {path}"), "the handle is empty")),
            Err(error) => Err(failed(&format!("PUT {path}"), format!("{error} in {answer:?}"))),
        }
    }

    fn post(&self, path: &str, body: &impl Serialize) -> Result<(), DriverError> {
        let path = format!("{ROOT}/{path}");
        let body = serde_json::to_vec(body).map_err(|error| failed(&format!("POST {path}"), error.to_string()))?;
        self.api.post(&path, "application/json", &body).map(drop)
    }
}

impl Driver for External {
    fn describe(&mut self) -> Result<Description, DriverError> {
        let path = format!("{ROOT}/node");
        let node: Node = self.api.json(&path)?;
        if node.contract != CONTRACT {
            let detail = format!("the sidecar speaks contract {}, this probe {CONTRACT}", node.contract);
            return Err(failed(&format!("GET {path}"), detail));
        }
        Ok(Description {
            driver: "external".to_owned(),
            version: node.version,
            settings: node.settings,
            unit_bytes: node.unit_bytes,
            resolution_seconds: node.resolution_seconds,
        })
    }

    fn ingest(&mut self, content: &Content, limit: Duration) -> Result<Ingested, DriverError> {
        let staging = self.staging(content);
        let put = self.put(content, &staging, limit);
        // The sidecar has read it by now, or never will.
        let _ = fs::remove_file(&staging);
        put
    }

    fn connect(&mut self, others: &[String], limit: Duration) -> Result<(), DriverError> {
        let body = serde_json::to_vec(&Peers { hosts: others });
        let body = body.map_err(|error| failed("POST peers", error.to_string()))?;
        match self.api.post_within(&format!("{ROOT}/peers"), "application/json", &body, limit) {
            // Nodes that find each other by themselves have no such path.
            Err(DriverError::Node { detail, .. }) if detail.starts_with("404") || detail.starts_with("501") => Ok(()),
            other => other.map(drop),
        }
    }

    fn start(&mut self, handle: &Handle, content: &Content, seeders: &[String]) -> Result<(), DriverError> {
        let order = Order { name: &content.name, handle: &handle.0, bytes: content.bytes, seeders };
        self.post("downloads", &order)?;
        self.current = Some((content.name.clone(), content.bytes));
        Ok(())
    }

    fn progress(&mut self) -> Result<Progress, DriverError> {
        let (name, bytes) = self.current.as_ref().ok_or_else(|| failed("progress", "nothing was started"))?;
        let path = format!("{ROOT}/downloads/{name}");
        let state: State = self.api.json(&path)?;
        if let Some(error) = state.error {
            return Err(failed(&format!("download of {name}"), error));
        }
        if state.verified_bytes > *bytes {
            let detail = format!("{} of {bytes} bytes are more than there are", state.verified_bytes);
            return Err(failed(&format!("GET {path}"), detail));
        }
        Ok(Progress { verified_bytes: state.verified_bytes, peers: state.peers })
    }

    fn read_back(&mut self, content: &Content) -> Result<String, DriverError> {
        let path = Self::content(content);
        let trouble = |detail: String| failed(&format!("GET {path}"), detail);
        let (length, body) = self.api.sized(&path)?;
        if length != Some(content.bytes) {
            let length = length.map_or("no length".to_owned(), |length| format!("{length} bytes"));
            return Err(trouble(format!("announced with {length}, not {}", content.bytes)));
        }
        // A body without end must not be read to it.
        copy_hashed(&mut body.take(content.bytes), &mut io::sink()).map_err(|error| trouble(error.to_string()))
    }

    fn remove(&mut self, content: &Content) -> Result<(), DriverError> {
        self.api.delete(&Self::content(content))?;
        self.current = None;
        Ok(())
    }

    fn look(&mut self, _bytes: u64, checks: &mut Checks) -> Option<()> {
        conform::look(self, checks)
    }

    fn conform(&mut self, content: &Content, checks: &mut Checks) -> Option<()> {
        conform::conform(self, content, checks)
    }
}
