//! The built-in control system: plain HTTP between the nodes of [`crate::http_node`].
//!
//! In: the node's own API, the host names of the seeders. Out: the [`Driver`] trait. Nothing but TCP and a disk is
//! in the way, so its times are the floor of what a link gives.

use std::{
    collections::BTreeMap,
    fs::{self, File},
    io,
    path::PathBuf,
    time::{Duration, Instant},
};

use super::{
    Description, Driver, DriverError, Handle, Ingested, Place, Progress,
    api::{Api, LOOK, failed},
};
use crate::{
    content::{Content, copy_hashed},
    http_node::{Fetch, Held, Version},
};

/// Drives one node of the control system.
#[derive(Debug)]
pub struct Http {
    api: Api,
    place: Place,
    current: Option<String>,
}

impl Http {
    /// A driver of the node there.
    pub fn new(place: Place) -> Self {
        Self { api: Api::new(&place.api), place, current: None }
    }

    fn put(&self, content: &Content, staging: &PathBuf, limit: Duration) -> Result<f64, DriverError> {
        let trouble = |source| DriverError::File { path: staging.clone(), source };
        content.write_to(staging).map_err(trouble)?;
        let file = File::open(staging).map_err(trouble)?;
        let start = Instant::now();
        self.api.put(&format!("/files/{}", content.name), &file, limit)?;
        Ok(start.elapsed().as_secs_f64())
    }
}

impl Driver for Http {
    fn describe(&mut self) -> Result<Description, DriverError> {
        let Version { version } = self.api.json("/version")?;
        Ok(Description {
            driver: "http".to_owned(),
            version,
            settings: BTreeMap::from([("ranges".to_owned(), "one connection a seeder".to_owned())]),
            unit_bytes: 1,
            resolution_seconds: 0.0,
        })
    }

    fn ingest(&mut self, content: &Content, limit: Duration) -> Result<Ingested, DriverError> {
        let staging = self.place.staging(content);
        let put = self.put(content, &staging, limit);
        // The node has its own copy by now, or never will.
        let _ = fs::remove_file(&staging);
        Ok(Ingested { upload_seconds: put?, handle: Handle(content.name.clone()) })
    }

    fn start(&mut self, handle: &Handle, content: &Content, seeders: &[String]) -> Result<(), DriverError> {
        let from = seeders.iter().map(|host| self.place.api_at(host)).collect();
        let fetch = Fetch { name: handle.0.clone(), bytes: content.bytes, from };
        let body = serde_json::to_vec(&fetch).map_err(|error| failed("POST /fetch", error.to_string()))?;
        self.api.post("/fetch", "application/json", &body)?;
        self.current = Some(fetch.name);
        Ok(())
    }

    fn stream(&mut self, handle: &Handle, content: &Content, seeders: &[String]) -> Result<String, DriverError> {
        let from: Vec<_> = seeders.iter().map(|host| self.place.api_at(host)).collect();
        self.current = Some(handle.0.clone());
        let api = self.place.api.trim_end_matches('/');
        Ok(format!("{api}/files/{}/stream?bytes={}&from={}", handle.0, content.bytes, from.join(",")))
    }

    fn progress(&mut self) -> Result<Progress, DriverError> {
        let name = self.current.as_ref().ok_or_else(|| failed("progress", "nothing was started"))?;
        let held: Held = self.api.json_within(&format!("/files/{name}/held"), LOOK)?;
        match held.error {
            Some(error) => Err(failed(&format!("fetch of {name}"), error)),
            None => Ok(Progress { verified_bytes: held.bytes, peers: Some(held.peers) }),
        }
    }

    fn read_back(&mut self, content: &Content) -> Result<String, DriverError> {
        let path = format!("/files/{}", content.name);
        let mut body = self.api.stream(&path)?;
        copy_hashed(&mut body, &mut io::sink()).map_err(|error| failed(&format!("GET {path}"), error.to_string()))
    }

    fn remove(&mut self, content: &Content) -> Result<(), DriverError> {
        self.api.delete(&format!("/files/{}", content.name))?;
        self.current = None;
        Ok(())
    }
}
