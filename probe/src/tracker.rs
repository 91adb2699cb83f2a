//! The cell's BitTorrent tracker: announces and scrapes over HTTP.
//!
//! In: announces of the nodes. Out: the peers of each torrent to the nodes, the counts to the coordinator (its
//! gate). Peers never expire: a client announces again after five minutes at the earliest, so a shorter life would
//! lose live ones; torrents are forgotten one by one when their repetition is over.

use std::{
    collections::BTreeMap,
    io,
    net::{IpAddr, SocketAddr},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use axum::{
    Router,
    extract::{ConnectInfo, RawQuery, State},
    http::header::CONTENT_TYPE,
    response::IntoResponse,
    routing::get,
};

use crate::driver::{Bencode, InfoHash};

/// Seconds between two announces, as asked of the clients.
const INTERVAL: i64 = 30;
/// Least seconds between two announces, as asked of the clients.
const MIN_INTERVAL: i64 = 5;
/// Most peers in one answer.
const MOST_PEERS: usize = 200;

/// The peers of every torrent; clones share them.
#[derive(Debug, Clone, Default)]
pub struct Tracker {
    swarms: Arc<Mutex<BTreeMap<InfoHash, Swarm>>>,
}

/// Peers of one torrent, by address: whether each has everything.
#[derive(Debug, Default)]
struct Swarm(BTreeMap<SocketAddr, bool>);

/// Peers of one torrent, counted.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Counts {
    /// Those that have everything.
    pub complete: u32,
    /// The others.
    pub incomplete: u32,
}

impl Tracker {
    /// A tracker without torrents.
    pub fn new() -> Self {
        Self::default()
    }

    /// How many peers announced that torrent and did not stop.
    pub fn counts(&self, infohash: InfoHash) -> Counts {
        self.lock().get(&infohash).map(Swarm::counts).unwrap_or_default()
    }

    /// Forgets a torrent and its peers.
    pub fn forget(&self, infohash: InfoHash) {
        self.lock().remove(&infohash);
    }

    /// The routes; they need the peer's address (`into_make_service_with_connect_info`).
    pub fn router(&self) -> Router {
        Router::new().route("/announce", get(announce)).route("/scrape", get(scrape)).with_state(self.clone())
    }

    /// Answers on that socket until the process ends.
    pub async fn serve(self, listener: tokio::net::TcpListener) -> io::Result<()> {
        axum::serve(listener, self.router().into_make_service_with_connect_info::<SocketAddr>()).await
    }

    fn lock(&self) -> MutexGuard<'_, BTreeMap<InfoHash, Swarm>> {
        self.swarms.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Takes an announce and answers it.
    fn announced(&self, from: IpAddr, announce: &Announce) -> Bencode {
        let me = SocketAddr::new(from, announce.port);
        let mut swarms = self.lock();
        if announce.stopped {
            if let Some(swarm) = swarms.get_mut(&announce.infohash) {
                swarm.0.remove(&me);
            }
            return Swarm::default().answer(me, announce);
        }
        let swarm = swarms.entry(announce.infohash).or_default();
        swarm.0.insert(me, announce.complete);
        swarm.answer(me, announce)
    }
}

impl Swarm {
    fn counts(&self) -> Counts {
        let complete = self.0.values().filter(|complete| **complete).count();
        let count = |number: usize| u32::try_from(number).unwrap_or(u32::MAX);
        Counts { complete: count(complete), incomplete: count(self.0.len() - complete) }
    }

    /// Peers for one of them: the others; a peer that has everything needs none that have everything too.
    fn answer(&self, me: SocketAddr, announce: &Announce) -> Bencode {
        let mut peers = Vec::new();
        let mut peers6 = Vec::new();
        let others = self.0.iter().filter(|(peer, complete)| **peer != me && !(announce.complete && **complete));
        for (peer, _) in others.take(announce.wanted) {
            let bytes = match peer.ip() {
                IpAddr::V4(ip) => {
                    peers.extend_from_slice(&ip.octets());
                    &mut peers
                }
                IpAddr::V6(ip) => {
                    peers6.extend_from_slice(&ip.octets());
                    &mut peers6
                }
            };
            bytes.extend_from_slice(&peer.port().to_be_bytes());
        }
        let counts = self.counts();
        let mut answer = BTreeMap::from([
            (b"complete".to_vec(), Bencode::Int(counts.complete.into())),
            (b"incomplete".to_vec(), Bencode::Int(counts.incomplete.into())),
            (b"interval".to_vec(), Bencode::Int(INTERVAL)),
            (b"min interval".to_vec(), Bencode::Int(MIN_INTERVAL)),
            (b"peers".to_vec(), Bencode::Bytes(peers)),
        ]);
        if !peers6.is_empty() {
            answer.insert(b"peers6".to_vec(), Bencode::Bytes(peers6));
        }
        Bencode::Dict(answer)
    }
}

/// What a peer says.
#[derive(Debug, PartialEq, Eq)]
struct Announce {
    infohash: InfoHash,
    port: u16,
    complete: bool,
    stopped: bool,
    wanted: usize,
}

impl Announce {
    fn parse(query: &str) -> Result<Self, String> {
        let fields: BTreeMap<&str, Vec<u8>> = fields(query).collect();
        let text = |key: &str| fields.get(key).and_then(|value| std::str::from_utf8(value).ok());
        let infohash = fields.get("info_hash").ok_or("info_hash is missing")?;
        let port = text("port").and_then(|port| port.parse().ok()).filter(|port| *port > 0);
        let wanted = text("numwant").and_then(|wanted| wanted.parse().ok());
        Ok(Self {
            infohash: read_infohash(infohash)?,
            port: port.ok_or("port is missing or not a port")?,
            complete: text("left") == Some("0"),
            stopped: text("event") == Some("stopped"),
            wanted: wanted.unwrap_or(MOST_PEERS).min(MOST_PEERS),
        })
    }
}

async fn announce(
    State(tracker): State<Tracker>,
    ConnectInfo(from): ConnectInfo<SocketAddr>,
    RawQuery(query): RawQuery,
) -> impl IntoResponse {
    bencoded(&match Announce::parse(&query.unwrap_or_default()) {
        Ok(announce) => tracker.announced(from.ip().to_canonical(), &announce),
        Err(reason) => failure(&reason),
    })
}

async fn scrape(State(tracker): State<Tracker>, RawQuery(query): RawQuery) -> impl IntoResponse {
    let query = query.unwrap_or_default();
    let asked: Result<Vec<InfoHash>, String> =
        fields(&query).filter(|(key, _)| *key == "info_hash").map(|(_, value)| read_infohash(&value)).collect();
    let asked = match asked {
        Ok(asked) if asked.is_empty() => tracker.lock().keys().copied().collect(),
        Ok(asked) => asked,
        Err(reason) => return bencoded(&failure(&reason)),
    };
    let files = asked.into_iter().map(|infohash| {
        let counts = tracker.counts(infohash);
        let file = Bencode::dict([
            ("complete", Bencode::Int(counts.complete.into())),
            ("downloaded", Bencode::Int(counts.complete.into())),
            ("incomplete", Bencode::Int(counts.incomplete.into())),
        ]);
        (infohash.0.to_vec(), file)
    });
    bencoded(&Bencode::dict([("files", Bencode::Dict(files.collect()))]))
}

fn bencoded(value: &Bencode) -> impl IntoResponse + use<> {
    ([(CONTENT_TYPE, "text/plain")], value.encode())
}

fn failure(reason: &str) -> Bencode {
    Bencode::dict([("failure reason", Bencode::text(reason))])
}

fn read_infohash(value: &[u8]) -> Result<InfoHash, String> {
    value.try_into().map(InfoHash).map_err(|_| format!("info_hash has {} bytes, not 20", value.len()))
}

/// Fields of a query; values are bytes, not text: an infohash is no UTF-8.
fn fields(query: &str) -> impl Iterator<Item = (&str, Vec<u8>)> {
    query.split('&').filter_map(|field| field.split_once('=')).map(|(key, value)| (key, unescape(value)))
}

fn unescape(value: &str) -> Vec<u8> {
    let mut bytes = Vec::with_capacity(value.len());
    let mut rest = value.as_bytes();
    while let Some((&first, after)) = rest.split_first() {
        let digit = |at: usize| after.get(at).and_then(|digit| char::from(*digit).to_digit(16));
        if let (b'%', Some(high), Some(low)) = (first, digit(0), digit(1)) {
            bytes.push(u8::try_from(high << 4 | low).unwrap_or_default());
            rest = &after[2..];
        } else {
            bytes.push(first);
            rest = after;
        }
    }
    bytes
}

#[cfg(test)]
mod tests {
    use super::*;

    const HASH: InfoHash = InfoHash(*b"\x00\xff abc&=%+0123456789");
    const ESCAPED: &str = "%00%ff%20abc%26%3D%25%2b0123456789";

    fn hello(tracker: &Tracker, ip: &str, rest: &str) -> Bencode {
        let query = format!("info_hash={ESCAPED}&peer_id=x&compact=1&{rest}");
        tracker.announced(ip.parse().unwrap(), &Announce::parse(&query).unwrap())
    }

    fn peers(answer: &Bencode) -> &[u8] {
        answer.get("peers").unwrap().as_bytes().unwrap()
    }

    #[test]
    fn peers_learn_of_each_other() {
        let tracker = Tracker::new();
        assert_eq!(peers(&hello(&tracker, "10.0.0.1", "port=6881&left=0&event=started")), b"");
        let answer = hello(&tracker, "10.0.0.2", "port=6881&left=7&event=started");
        assert_eq!(peers(&answer), [10, 0, 0, 1, 0x1a, 0xe1]);
        assert_eq!(answer.get("interval").unwrap().as_int(), Some(30));
        assert_eq!(tracker.counts(HASH), Counts { complete: 1, incomplete: 1 });
        hello(&tracker, "10.0.0.2", "port=6881&left=0&event=completed");
        assert_eq!(tracker.counts(HASH), Counts { complete: 2, incomplete: 0 });
        hello(&tracker, "10.0.0.2", "port=6881&left=0&event=stopped");
        assert_eq!(tracker.counts(HASH), Counts { complete: 1, incomplete: 0 });
        tracker.forget(HASH);
        hello(&tracker, "10.0.0.1", "port=6881&left=0&event=stopped");
        assert_eq!(tracker.counts(HASH), Counts::default());
        assert!(tracker.lock().is_empty());
    }

    #[test]
    fn seeders_are_not_sent_to_seeders() {
        let tracker = Tracker::new();
        hello(&tracker, "10.0.0.1", "port=1&left=0");
        assert_eq!(peers(&hello(&tracker, "10.0.0.2", "port=1&left=0")), b"");
        assert_eq!(peers(&hello(&tracker, "10.0.0.3", "port=1&left=5&numwant=1")).len(), 6);
        assert_eq!(peers(&hello(&tracker, "10.0.0.1", "port=1&left=0")), [10, 0, 0, 3, 0, 1]);
    }

    #[test]
    fn six_is_apart() {
        let tracker = Tracker::new();
        hello(&tracker, "fd00::1", "port=1&left=0");
        let answer = hello(&tracker, "10.0.0.3", "port=1&left=5");
        assert_eq!(peers(&answer), b"");
        assert_eq!(answer.get("peers6").unwrap().as_bytes().unwrap().len(), 18);
    }

    #[test]
    fn bad_announces_are_refused() {
        assert!(Announce::parse("port=1").unwrap_err().contains("missing"));
        assert!(Announce::parse("info_hash=abc&port=1").unwrap_err().contains("3 bytes"));
        assert!(Announce::parse(&format!("info_hash={ESCAPED}&port=0")).is_err());
        assert_eq!(unescape("%zz%4"), b"%zz%4");
    }
}
