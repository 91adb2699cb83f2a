//! A node that answers as rqbit was seen to, with faults that can be switched on. It transfers nothing; its own tracker
//! is beside it.

#![expect(clippy::unused_async, reason = "the form that handlers have")]

use std::{
    collections::BTreeMap,
    net::{Ipv4Addr, TcpListener},
    sync::{Arc, Mutex, MutexGuard},
};

use axum::{
    Router,
    extract::{Path, Query, State},
    http::StatusCode,
    response::{IntoResponse, Response},
    routing::{get, post},
};
use serde_json::{Value, json};
use tokio::runtime::Runtime;

use super::Metainfo;
use crate::{driver::Place, tracker::Tracker};

/// What can be wrong with a node.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Fault {
    None,
    /// It is something else.
    Other,
    /// It finds peers elsewhere, too.
    Dht,
    /// It limits itself.
    Limit,
    /// It takes no torrent.
    Refuses,
    /// It finds an error in every torrent.
    Fails,
    /// It never ends to check.
    Initializing,
    /// It tells the tracker nothing.
    Silent,
    /// It tells too little of what is whole.
    Miscounts,
    /// It takes what it checked for what it has.
    Optimist,
    /// It keeps files in a folder of its own choice.
    Elsewhere,
    /// It adds what is there a second time.
    Twice,
    /// It forgets nothing.
    Remembers,
}

/// One node.
#[derive(Clone)]
pub(super) struct Fake(Arc<Inner>);

struct Inner {
    fault: Fault,
    tracker: Tracker,
    /// By infohash: what was added, and whether its file was there.
    torrents: Mutex<Vec<(Metainfo, bool)>>,
}

impl Fake {
    /// Starts a node with its tracker; where they are.
    pub(super) fn start(runtime: &Runtime, fault: Fault, data: &std::path::Path) -> Place {
        let tracker = Tracker::new();
        let announce = serve(runtime, tracker.router());
        let fake = Self(Arc::new(Inner { fault, tracker, torrents: Mutex::default() }));
        let router = Router::new()
            .route("/", get(Self::root))
            .route("/dht/stats", get(Self::dht))
            .route("/torrents/limits", get(Self::limits))
            .route("/torrents", get(Self::list).post(Self::add))
            .route("/torrents/{hash}/stats/v1", get(Self::stats))
            .route("/torrents/{hash}/forget", post(Self::forget))
            .with_state(fake);
        Place {
            api: serve(runtime, router),
            data: data.to_owned(),
            host: String::new(),
            tracker: format!("{announce}/announce"),
        }
    }

    fn is(&self, fault: Fault) -> bool {
        self.0.fault == fault
    }

    fn torrents(&self) -> MutexGuard<'_, Vec<(Metainfo, bool)>> {
        self.0.torrents.lock().unwrap()
    }

    async fn root(State(fake): State<Self>) -> String {
        let server = if fake.is(Fault::Other) { "nginx" } else { "rqbit" };
        json!({"apis": {}, "server": server, "version": "9.0.1"}).to_string()
    }

    /// Fact: switched off, it is not found.
    async fn dht(State(fake): State<Self>) -> Response {
        let off = json!({"error_kind": "dht_disabled", "human_readable": "DHT is disabled", "status": 404});
        if fake.is(Fault::Dht) {
            "{}".into_response()
        } else {
            (StatusCode::NOT_FOUND, off.to_string()).into_response()
        }
    }

    async fn limits(State(fake): State<Self>) -> String {
        json!({"upload_bps": fake.is(Fault::Limit).then_some(1000), "download_bps": null}).to_string()
    }

    async fn list(State(fake): State<Self>) -> String {
        let torrents: Vec<_> = fake.torrents().iter().enumerate().map(|(id, (it, _))| details(id, it)).collect();
        json!({"torrents": torrents}).to_string()
    }

    /// Fact: what is there already is answered as if it were added.
    async fn add(
        State(fake): State<Self>,
        Query(query): Query<BTreeMap<String, String>>,
        body: axum::body::Bytes,
    ) -> Response {
        if fake.is(Fault::Refuses) {
            return (StatusCode::BAD_REQUEST, "error adding torrent").into_response();
        }
        assert_eq!(query["overwrite"], "true");
        let metainfo = Metainfo::parse(&body).unwrap();
        let folder = &query["output_folder"];
        let whole =
            std::path::Path::new(folder).join(&metainfo.name).metadata().is_ok_and(|it| it.len() == metainfo.bytes);
        fake.keep(&metainfo, whole);
        if whole && !fake.is(Fault::Silent) {
            fake.announce(&metainfo).await;
        }
        let folder = if fake.is(Fault::Elsewhere) { "/downloads" } else { folder.as_str() };
        json!({"id": 0, "details": details(0, &metainfo), "output_folder": folder, "seen_peers": null})
            .to_string()
            .into_response()
    }

    fn keep(&self, metainfo: &Metainfo, whole: bool) {
        let mut torrents = self.torrents();
        let known = torrents.iter().any(|(it, _)| it.infohash == metainfo.infohash);
        if !known || self.is(Fault::Twice) {
            torrents.push((metainfo.clone(), whole));
        }
    }

    async fn announce(&self, metainfo: &Metainfo) {
        let torrent = super::Bencode::decode(&metainfo.torrent).unwrap();
        let announce = String::from_utf8(torrent.get("announce").unwrap().as_bytes().unwrap().to_vec()).unwrap();
        let url = format!("{announce}?info_hash={}&port=4240&left=0", super::escaped(&metainfo.infohash.0));
        tokio::task::spawn_blocking(move || ureq::get(&url).call().unwrap()).await.unwrap();
        assert_eq!(self.0.tracker.counts(metainfo.infohash).complete, 1);
    }

    /// Fact: while a torrent is checked, progress is what was checked, whole or not.
    async fn stats(State(fake): State<Self>, Path(hash): Path<String>) -> Response {
        let torrents = fake.torrents();
        let Some((it, whole)) = torrents.iter().find(|(it, _)| it.infohash.to_string() == hash) else {
            return StatusCode::NOT_FOUND.into_response();
        };
        let (state, progress) = match fake.0.fault {
            Fault::Fails => ("error", 0),
            Fault::Initializing => ("initializing", it.bytes),
            Fault::Miscounts if *whole => ("live", it.bytes / 2),
            Fault::Optimist => ("live", it.bytes),
            _ => ("live", if *whole { it.bytes } else { 0 }),
        };
        let live = json!({"snapshot": {"fetched_bytes": 0, "peer_stats": {"live": 0, "seen": 0}}});
        json!({
            "state": state, "error": (state == "error").then_some("disk on fire"), "file_progress": [],
            "progress_bytes": progress, "total_bytes": it.bytes, "finished": *whole,
            "live": (state == "live").then_some(live),
        })
        .to_string()
        .into_response()
    }

    async fn forget(State(fake): State<Self>, Path(hash): Path<String>) -> &'static str {
        if !fake.is(Fault::Remembers) {
            fake.torrents().retain(|(it, _)| it.infohash.to_string() != hash);
        }
        "{}"
    }
}

fn details(id: usize, it: &Metainfo) -> Value {
    json!({"id": id, "info_hash": it.infohash.to_string(), "name": it.name, "output_folder": "/data", "total_pieces": 1})
}

/// Serves on a free port of loopback; the base URL.
fn serve(runtime: &Runtime, router: Router) -> String {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
    listener.set_nonblocking(true).unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    let _guard = runtime.enter();
    let listener = tokio::net::TcpListener::from_std(listener).unwrap();
    let service = router.into_make_service_with_connect_info::<std::net::SocketAddr>();
    runtime.spawn(async move { axum::serve(listener, service).await });
    url
}
