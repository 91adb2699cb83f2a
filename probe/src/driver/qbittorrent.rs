//! The BitTorrent reference: qBittorrent without a screen, over its Web API (version 2).
//!
//! In: the node's Web API on localhost (no login asked for), a data directory that node and agent see under the
//! same path, the cell's tracker. Out: the [`Driver`] trait. Every content is a private torrent of its own:
//! clients remember addresses by torrent, and a torrent seen before behaves otherwise.
//!
//! Seen with 4.5.2 (libtorrent 2.0.8): the list's `completed` counts blocks that are not verified yet, so progress is
//! `pieces_have`; and a client announces on a grid of whole seconds of its own, so that a start may wait for up to a
//! second before the first peer is known. The latter is the client's own doing and stays in the numbers.

use std::{
    collections::BTreeMap,
    time::{Duration, Instant},
};

use serde::Deserialize;
use serde_json::{Value, json};

use super::{
    Description, Driver, DriverError, Handle, Ingested, Place, Progress,
    api::{Api, LOOK, failed, wait_for},
    torrent::{Metainfo, PIECE_LENGTH},
};
use crate::content::Content;

/// How often qBittorrent should renew what its API tells, in milliseconds; its own default is 1500.
const REFRESH_MS: u64 = 100;
/// Pause between two looks while waiting.
const PAUSE: Duration = Duration::from_millis(10);
/// A download that has not grown for so long may have ended badly, which the torrent's own page does not say.
const QUIET: Duration = Duration::from_secs(2);
/// How long a removal may take.
const REMOVAL: Duration = Duration::from_secs(30);
/// Status of a tracker that answered.
const TRACKER_WORKING: i64 = 2;
/// States of a torrent that is offered to others (version 5 renamed none of them).
const SEEDING: [&str; 3] = ["uploading", "stalledUP", "forcedUP"];
/// Settings that matter for the numbers, and so are recorded.
const RECORDED: [&str; 23] = [
    "anonymous_mode",
    "bittorrent_protocol",
    "dht",
    "disk_io_read_mode",
    "disk_io_type",
    "disk_io_write_mode",
    "dl_limit",
    "encryption",
    "hashing_threads",
    "limit_lan_peers",
    "listen_port",
    "lsd",
    "max_connec",
    "max_connec_per_torrent",
    "max_uploads",
    "max_uploads_per_torrent",
    "pex",
    "preallocate_all",
    "queueing_enabled",
    "refresh_interval",
    "up_limit",
    "upload_choking_algorithm",
    "upload_slots_behavior",
];

/// Drives one qBittorrent.
#[derive(Debug)]
pub struct QBittorrent {
    api: Api,
    place: Place,
    current: Option<Metainfo>,
    /// Pieces at the last look, and since when there have been so many or the state was seen to be good.
    held: (u64, Instant),
}

/// A torrent, as the list tells it.
#[derive(Debug, Deserialize)]
struct Listed {
    hash: String,
    name: String,
    state: String,
}

/// A torrent, as its own page tells it.
#[derive(Debug, Deserialize)]
struct Properties {
    pieces_have: i64,
    seeds: i64,
    peers: i64,
}

#[derive(Debug, Deserialize)]
struct TrackerEntry {
    url: String,
    status: i64,
    #[serde(default)]
    msg: String,
}

impl QBittorrent {
    /// A driver of the node there.
    pub fn new(place: Place) -> Self {
        Self { api: Api::new(&place.api), place, current: None, held: (0, Instant::now()) }
    }

    /// Sets what a measurement can't do without; what the config says of slots and limits is under test and stays.
    fn prepare(&self) -> Result<(), DriverError> {
        let wanted = json!({
            "add_stopped_enabled": false,
            "add_trackers_enabled": false,
            "auto_tmm_enabled": false,
            "bittorrent_protocol": 1,
            "dht": false,
            "incomplete_files_ext": false,
            "lsd": false,
            "pex": false,
            "queueing_enabled": false,
            "refresh_interval": REFRESH_MS,
            "start_paused_enabled": false,
            "temp_path_enabled": false,
            "torrent_content_layout": "Original",
            "torrent_content_remove_option": "Delete",
            "upnp": false,
        });
        self.api.form("/api/v2/app/setPreferences", &[("json", &wanted.to_string())]).map(|_| ())
    }

    fn add(&self, metainfo: &Metainfo) -> Result<(), DriverError> {
        let action = "POST /api/v2/torrents/add";
        let savepath = self.place.data.display().to_string();
        let fields = [
            ("savepath", savepath.as_str()),
            ("autoTMM", "false"),
            ("contentLayout", "Original"),
            ("paused", "false"),
            ("stopped", "false"),
        ];
        // The boundary must not occur in the torrent; its own hash can't be guessed before it is made.
        let boundary = format!("benchgrid-{}", metainfo.infohash);
        let body = multipart(&boundary, &fields, &metainfo.torrent);
        let kind = format!("multipart/form-data; boundary={boundary}");
        let answer = self.api.post("/api/v2/torrents/add", &kind, &body)?;
        if added(&answer) { Ok(()) } else { Err(failed(action, answer)) }
    }

    /// Adds; where the torrent is there already, that one goes first.
    fn add_anew(&self, metainfo: &Metainfo) -> Result<(), DriverError> {
        if let Err(refused) = self.add(metainfo) {
            if self.listed(&metainfo.name)?.is_empty() {
                return Err(refused);
            }
            self.delete(&metainfo.name, false)?;
            return self.add(metainfo);
        }
        Ok(())
    }

    fn listed(&self, name: &str) -> Result<Vec<Listed>, DriverError> {
        let all: Vec<Listed> = self.api.json("/api/v2/torrents/info")?;
        Ok(all.into_iter().filter(|torrent| torrent.name == name).collect())
    }

    fn delete(&self, name: &str, files: bool) -> Result<(), DriverError> {
        wait_for(&format!("removal of {name}"), REMOVAL, PAUSE, || {
            let hashes: Vec<String> = self.listed(name)?.into_iter().map(|torrent| torrent.hash).collect();
            if hashes.is_empty() {
                return Ok(Some(()));
            }
            let files = if files { "true" } else { "false" };
            let fields = [("hashes", hashes.join("|")), ("deleteFiles", files.to_owned())];
            let fields = fields.each_ref().map(|(key, value)| (*key, value.as_str()));
            self.api.form("/api/v2/torrents/delete", &fields)?;
            Ok(None)
        })
    }

    /// The torrent's state, unless it is one of trouble; none for a moment after it was added.
    fn state(&self, metainfo: &Metainfo) -> Result<Option<String>, DriverError> {
        let path = format!("/api/v2/torrents/info?hashes={}", metainfo.infohash);
        let listed: Vec<Listed> = self.api.json_within(&path, LOOK)?;
        match listed.into_iter().next().map(|torrent| torrent.state) {
            Some(state) if state == "error" || state == "missingFiles" => {
                Err(failed(&metainfo.name, format!("torrent in state {state}, as with a full disk")))
            }
            state => Ok(state),
        }
    }

    /// Whether the torrent's content was checked and is offered.
    fn checked(&self, metainfo: &Metainfo) -> Result<Option<()>, DriverError> {
        let state = self.state(metainfo)?;
        Ok(state.filter(|state| SEEDING.contains(&state.as_str())).map(drop))
    }

    /// Whether the tracker took an announcement; `said` is what the node says of it meanwhile.
    fn announced(&self, metainfo: &Metainfo, said: &mut String) -> Result<Option<()>, DriverError> {
        let path = format!("/api/v2/torrents/trackers?hash={}", metainfo.infohash);
        let trackers: Vec<TrackerEntry> = self.api.json(&path)?;
        let Some(ours) = trackers.into_iter().find(|entry| entry.url == self.place.tracker) else { return Ok(None) };
        *said = format!("status {}, message `{}`", ours.status, ours.msg);
        Ok((ours.status == TRACKER_WORKING).then_some(()))
    }
}

impl Driver for QBittorrent {
    fn describe(&mut self) -> Result<Description, DriverError> {
        let version = self.api.text("/api/v2/app/version")?.trim().to_owned();
        self.prepare()?;
        let preferences: Value = self.api.json("/api/v2/app/preferences")?;
        let build: BTreeMap<String, Value> = self.api.json("/api/v2/app/buildInfo")?;
        let mut settings: BTreeMap<String, String> = RECORDED
            .iter()
            .filter_map(|key| Some(((*key).to_owned(), plain(preferences.get(*key)?))))
            .chain(build.iter().map(|(key, value)| (format!("build_{key}"), plain(value))))
            .collect();
        let api = self.api.text("/api/v2/app/webapiVersion")?.trim().to_owned();
        settings.insert("web_api".to_owned(), api);
        // Where an old version doesn't tell the interval, its config was not heard and the default holds.
        let refresh = preferences.get("refresh_interval").and_then(Value::as_f64).unwrap_or(1500.0);
        Ok(Description {
            driver: "qbittorrent".to_owned(),
            version,
            settings,
            unit_bytes: PIECE_LENGTH,
            resolution_seconds: refresh / 1000.0,
        })
    }

    fn ingest(&mut self, content: &Content, limit: Duration) -> Result<Ingested, DriverError> {
        self.remove(content)?;
        let metainfo = self.place.make_payload(content)?;
        let start = Instant::now();
        self.add(&metainfo)?;
        wait_for(&format!("check of {}", content.name), limit, PAUSE, || self.checked(&metainfo))?;
        let mut said = String::new();
        wait_for("announce", limit.saturating_sub(start.elapsed()), PAUSE, || self.announced(&metainfo, &mut said))
            .map_err(|error| match error {
                DriverError::Slow { .. } => DriverError::Hidden {
                    tracker: self.place.tracker.clone(),
                    seconds: limit.as_secs_f64(),
                    detail: said.clone(),
                },
                other => other,
            })?;
        let upload_seconds = start.elapsed().as_secs_f64();
        Ok(Ingested { handle: metainfo.handle(), upload_seconds })
    }

    fn start(&mut self, handle: &Handle, content: &Content, _seeders: &[String]) -> Result<(), DriverError> {
        let metainfo = Metainfo::of_handle(handle).ok_or_else(|| failed("start", "the handle is no torrent"))?;
        // A file left behind would be checked and found whole.
        self.place.remove_payload(content)?;
        self.add_anew(&metainfo)?;
        self.current = Some(metainfo);
        self.held = (0, Instant::now());
        Ok(())
    }

    fn progress(&mut self) -> Result<Progress, DriverError> {
        let metainfo = self.current.as_ref().ok_or_else(|| failed("progress", "nothing was started"))?;
        let path = format!("/api/v2/torrents/properties?hash={}", metainfo.infohash);
        let properties: Properties = match self.api.json_within(&path, LOOK) {
            Ok(properties) => properties,
            // For a moment after it was added it is not known.
            Err(DriverError::Node { detail, .. }) if detail.starts_with("404") => {
                return Ok(Progress { verified_bytes: 0, peers: None });
            }
            Err(error) => return Err(error),
        };
        let pieces = u64::try_from(properties.pieces_have).unwrap_or(0);
        let peers = u32::try_from(properties.seeds.max(0).saturating_add(properties.peers.max(0))).ok();
        let verified_bytes = metainfo.verified(pieces);
        if self.held.0 != pieces {
            self.held = (pieces, Instant::now());
        } else if verified_bytes < metainfo.bytes && self.held.1.elapsed() > QUIET {
            self.state(metainfo)?;
            self.held.1 = Instant::now();
        }
        Ok(Progress { verified_bytes, peers })
    }

    fn read_back(&mut self, content: &Content) -> Result<String, DriverError> {
        self.place.hash_payload(content)
    }

    fn remove(&mut self, content: &Content) -> Result<(), DriverError> {
        self.delete(&content.name, true)?;
        self.current = None;
        self.place.remove_payload(content)
    }
}

/// Whether an answer to `torrents/add` says that it was added: a word, or in newer versions counts.
fn added(answer: &str) -> bool {
    let counted = || serde_json::from_str::<Value>(answer).ok()?.get("failure_count")?.as_i64();
    answer.trim() == "Ok." || counted() == Some(0)
}

/// A setting as text.
fn plain(value: &Value) -> String {
    value.as_str().map_or_else(|| value.to_string(), str::to_owned)
}

/// A form with one file.
fn multipart(boundary: &str, fields: &[(&str, &str)], torrent: &[u8]) -> Vec<u8> {
    let mut body = Vec::new();
    for (name, value) in fields {
        let field = format!("--{boundary}\r\nContent-Disposition: form-data; name=\"{name}\"\r\n\r\n{value}\r\n");
        body.extend_from_slice(field.as_bytes());
    }
    let file = format!(
        "--{boundary}\r\nContent-Disposition: form-data; name=\"torrents\"; filename=\"content.torrent\"\r\n\
         Content-Type: application/x-bittorrent\r\n\r\n"
    );
    body.extend_from_slice(file.as_bytes());
    body.extend_from_slice(torrent);
    body.extend_from_slice(format!("\r\n--{boundary}--\r\n").as_bytes());
    body
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn answers_of_add_are_told_apart() {
        assert!(added("Ok."));
        assert!(!added("Fails."));
        assert!(added(r#"{"added_torrent_ids":["a"],"failure_count":0,"pending_count":0,"success_count":1}"#));
        assert!(!added(r#"{"failure_count":1}"#));
    }

    #[test]
    fn forms_end_with_their_file() {
        let body = multipart("b", &[("savepath", "/data")], b"d1:ae");
        let text = String::from_utf8(body).unwrap();
        assert!(text.starts_with("--b\r\nContent-Disposition: form-data; name=\"savepath\"\r\n\r\n/data\r\n--b\r\n"));
        assert!(text.ends_with("\r\n\r\nd1:ae\r\n--b--\r\n"));
    }
}
