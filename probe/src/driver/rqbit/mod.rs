//! A second BitTorrent client: rqbit, over its HTTP API.
//!
//! In: the node's API on localhost, a data directory that node and agent see under the same path, the cell's tracker.
//! Out: the [`Driver`] trait. Contents and handles are those of [`super::QBittorrent`], so that both can be in one swarm.
//!
//! Seen with 9.0.1, and why the driver does what it does:
//! - `progress_bytes` is what was checked while the state is `initializing`, whole or not: it counts once it is `live`;
//! - a torrent that is there already is answered as if it were added, so whatever is there goes first;
//! - `delete` removes the data directory itself when it is empty: the torrent is forgotten, the agent removes the file;
//! - it does not tell whether its tracker took an announcement: the tracker is asked.

use std::{
    collections::BTreeMap,
    fmt::Write as _,
    io::Read,
    path::PathBuf,
    time::{Duration, Instant},
};

use serde::Deserialize;
use serde_json::Value;

use super::{
    Bencode, Checks, Description, Driver, DriverError, Handle, Ingested, Place, Progress,
    api::{Api, failed, wait_for},
    torrent::{Metainfo, PIECE_LENGTH},
};
use crate::content::Content;

mod conform;
#[cfg(test)]
mod fake;
#[cfg(test)]
mod tests;

/// Pause between two looks while waiting.
const PAUSE: Duration = Duration::from_millis(10);

/// Pause between two looks in the timed part.
const BRIEF: Duration = Duration::from_millis(1);
/// How long an empty torrent may take to be checked.
const LIVE: Duration = Duration::from_secs(10);

/// Drives one rqbit.
#[derive(Debug)]
pub struct Rqbit {
    api: Api,
    place: Place,
    current: Option<Metainfo>,
}

#[derive(Debug, Deserialize)]
struct Root {
    server: String,
    version: String,
}

#[derive(Debug, Deserialize)]
struct Torrents {
    torrents: Vec<Listed>,
}

#[derive(Debug, Deserialize)]
struct Listed {
    info_hash: String,
    name: Option<String>,
}

#[derive(Debug, Deserialize)]
struct Added {
    details: Listed,
    output_folder: PathBuf,
}

/// A torrent's state.
#[derive(Debug, Deserialize)]
struct Stats {
    state: String,
    error: Option<String>,
    progress_bytes: u64,
    total_bytes: u64,
    finished: bool,
    live: Option<Live>,
}

#[derive(Debug, Deserialize)]
struct Live {
    snapshot: Snapshot,
}

#[derive(Debug, Deserialize)]
struct Snapshot {
    peer_stats: Peers,
}

#[derive(Debug, Deserialize)]
struct Peers {
    live: u32,
}

impl Rqbit {
    /// A driver of the node there.
    pub fn new(place: Place) -> Self {
        Self { api: Api::new(&place.api), place, current: None }
    }

    fn add(&self, metainfo: &Metainfo) -> Result<Added, DriverError> {
        let folder = escaped(self.place.data.as_os_str().as_encoded_bytes());
        let path = format!("/torrents?overwrite=true&output_folder={folder}");
        let answer = self.api.post(&path, "application/x-bittorrent", &metainfo.torrent)?;
        let added: Added = serde_json::from_str(&answer)
            .map_err(|error| failed("POST /torrents", format!("{error} in {answer:?}")))?;
        if added.details.info_hash != metainfo.infohash.to_string() {
            let detail = format!("added {}, not {}", added.details.info_hash, metainfo.infohash);
            return Err(failed("POST /torrents", detail));
        }
        Ok(added)
    }

    fn listed(&self, name: &str) -> Result<Vec<Listed>, DriverError> {
        let all: Torrents = self.api.json("/torrents")?;
        Ok(all.torrents.into_iter().filter(|torrent| torrent.name.as_deref() == Some(name)).collect())
    }

    /// Makes the node forget every torrent of that name; files stay.
    fn forget(&self, name: &str) -> Result<(), DriverError> {
        for torrent in self.listed(name)? {
            self.api.post(&format!("/torrents/{}/forget", torrent.info_hash), "application/json", b"")?;
        }
        match self.listed(name)?.first() {
            Some(torrent) => Err(failed("forget", format!("{} is still listed", torrent.info_hash))),
            None => Ok(()),
        }
    }

    fn stats(&self, metainfo: &Metainfo) -> Result<Stats, DriverError> {
        let stats: Stats = self.api.json(&format!("/torrents/{}/stats/v1", metainfo.infohash))?;
        match stats.state.as_str() {
            "error" => Err(failed("torrent", stats.error.unwrap_or_else(|| "in state error".to_owned()))),
            _ => Ok(stats),
        }
    }

    /// Whether the content was checked and is offered.
    fn checked(&self, metainfo: &Metainfo) -> Result<Option<Stats>, DriverError> {
        let stats = self.stats(metainfo)?;
        Ok((stats.state == "live" && stats.finished).then_some(stats))
    }

    /// How many peers with everything the tracker knows.
    fn complete(&self, metainfo: &Metainfo) -> Result<u64, DriverError> {
        let (base, _) = self.place.tracker.rsplit_once("/announce").unwrap_or((&self.place.tracker, ""));
        let path = format!("/scrape?info_hash={}", escaped(&metainfo.infohash.0));
        let mut answer = Vec::new();
        Api::new(base).stream(&path)?.read_to_end(&mut answer).map_err(|error| failed("scrape", error.to_string()))?;
        let counted = || {
            let answer = Bencode::decode(&answer)?;
            let Bencode::Dict(files) = answer.get("files")? else { return None };
            // A torrent that nobody announced is not in it.
            let Some(file) = files.get(metainfo.infohash.0.as_slice()) else { return Some(0) };
            u64::try_from(file.get("complete")?.as_int()?).ok()
        };
        counted().ok_or_else(|| failed("scrape", format!("{:?}", String::from_utf8_lossy(&answer))))
    }

    /// Waits until the tracker knows a peer with everything. The first seeder, whose upload is timed, is alone; that all
    /// the others are known is for the gate to see.
    fn announced(&self, metainfo: &Metainfo, limit: Duration) -> Result<(), DriverError> {
        let mut said = String::new();
        let known = || {
            match self.complete(metainfo) {
                Ok(0) => "it knows no complete peer".clone_into(&mut said),
                Ok(_) => return Ok(Some(())),
                Err(error) => said = error.to_string(),
            }
            Ok(None)
        };
        wait_for("announce", limit, PAUSE, known).map_err(|_| DriverError::Hidden {
            tracker: self.place.tracker.clone(),
            seconds: limit.as_secs_f64(),
            detail: said,
        })
    }

    /// Whether the distributed hash table is on; the API says "no" with a 404.
    fn dht(&self) -> Result<bool, DriverError> {
        match self.api.text("/dht/stats") {
            Ok(_) => Ok(true),
            Err(DriverError::Node { detail, .. }) if detail.starts_with("404") => Ok(false),
            Err(error) => Err(error),
        }
    }
}

impl Driver for Rqbit {
    fn describe(&mut self) -> Result<Description, DriverError> {
        let Root { server, version } = self.api.json("/")?;
        if server != "rqbit" {
            return Err(failed("GET /", format!("the node says that it is `{server}`, not rqbit")));
        }
        let limits: BTreeMap<String, Value> = self.api.json("/torrents/limits")?;
        let mut settings: BTreeMap<String, String> =
            limits.into_iter().map(|(key, value)| (key, value.to_string())).collect();
        settings.insert("dht".to_owned(), self.dht()?.to_string());
        Ok(Description {
            driver: "rqbit".to_owned(),
            version,
            settings,
            unit_bytes: PIECE_LENGTH,
            resolution_seconds: 0.0,
        })
    }

    fn ingest(&mut self, content: &Content, limit: Duration) -> Result<Ingested, DriverError> {
        self.remove(content)?;
        let metainfo = self.place.make_payload(content)?;
        let start = Instant::now();
        self.add(&metainfo)?;
        wait_for(&format!("check of {}", content.name), limit, PAUSE, || self.checked(&metainfo))?;
        self.announced(&metainfo, limit.saturating_sub(start.elapsed()))?;
        let upload_seconds = start.elapsed().as_secs_f64();
        Ok(Ingested { handle: metainfo.handle(), upload_seconds })
    }

    fn start(&mut self, handle: &Handle, content: &Content, _seeders: &[String]) -> Result<(), DriverError> {
        let metainfo = Metainfo::of_handle(handle).ok_or_else(|| failed("start", "the handle is no torrent"))?;
        self.remove(content)?;
        self.add(&metainfo)?;
        self.current = Some(metainfo);
        Ok(())
    }

    fn stream(&mut self, handle: &Handle, content: &Content, seeders: &[String]) -> Result<String, DriverError> {
        self.start(handle, content, seeders)?;
        let metainfo = self.current.as_ref().ok_or_else(|| failed("stream", "nothing was started"))?;
        // A reader is refused while the torrent is being checked, which takes milliseconds.
        wait_for("start of the torrent", LIVE, BRIEF, || Ok((self.stats(metainfo)?.state == "live").then_some(())))?;
        Ok(format!("{}/torrents/{}/stream/0", self.place.api.trim_end_matches('/'), metainfo.infohash))
    }

    fn progress(&mut self) -> Result<Progress, DriverError> {
        let metainfo = self.current.as_ref().ok_or_else(|| failed("progress", "nothing was started"))?;
        let stats = self.stats(metainfo)?;
        let peers = stats.live.map(|live| live.snapshot.peer_stats.live);
        Ok(Progress { verified_bytes: if stats.state == "live" { stats.progress_bytes } else { 0 }, peers })
    }

    fn read_back(&mut self, content: &Content) -> Result<String, DriverError> {
        self.place.hash_payload(content)
    }

    fn remove(&mut self, content: &Content) -> Result<(), DriverError> {
        self.forget(&content.name)?;
        self.current = None;
        self.place.remove_payload(content)
    }

    fn look(&mut self, _bytes: u64, checks: &mut Checks) -> Option<()> {
        conform::look(self, checks)
    }

    fn conform(&mut self, content: &Content, checks: &mut Checks) -> Option<()> {
        conform::conform(self, content, checks)
    }
}

/// Bytes as they may stand in a URL.
fn escaped(bytes: &[u8]) -> String {
    bytes.iter().fold(String::new(), |mut text, byte| {
        match byte {
            b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'-' | b'.' | b'_' | b'~' | b'/' => text.push(char::from(*byte)),
            // Writing to a String can't fail.
            _ => drop(write!(text, "%{byte:02X}")),
        }
        text
    })
}
