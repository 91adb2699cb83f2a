//! The cell's BitTorrent tracker: announces and scrapes over HTTP.
//!
//! In: announces of the nodes. Out: the peers of each torrent to the nodes, the counts to the coordinator (its
//! gate). Peers never expire: a client announces again after five minutes at the earliest, so a shorter life would
//! lose live ones; torrents are forgotten one by one when their repetition is over. How many of both there can be is
//! bounded: what comes beyond is refused with a reason, as everything is that can't be read.

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

use crate::{
    driver::{Bencode, InfoHash},
    serve::serve,
};

/// Seconds between two announces, as asked of the clients.
const INTERVAL: i64 = 30;
/// Least seconds between two announces, as asked of the clients.
const MIN_INTERVAL: i64 = 5;
/// Most peers in one answer.
const MOST_PEERS: usize = 200;
/// Most torrents at once: a cell has one for each of its systems, and those of nodes that were late to forget.
const MOST_TORRENTS: usize = 1000;
/// Most peers of a torrent.
const MOST_PEERS_A_TORRENT: usize = 10_000;
/// Most torrents in one scrape, as many as a request can name.
const MOST_SCRAPED: usize = 100;
/// Most connections at once of a tracker that stands alone.
const CONNECTIONS: usize = 1000;

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
        serve(listener.into_std()?, self.router(), CONNECTIONS)?.await;
        Ok(())
    }

    fn lock(&self) -> MutexGuard<'_, BTreeMap<InfoHash, Swarm>> {
        self.swarms.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Takes an announce and answers it.
    fn announced(&self, from: IpAddr, announce: &Announce) -> Result<Bencode, String> {
        let me = SocketAddr::new(from, announce.port);
        let mut swarms = self.lock();
        if announce.stopped {
            if let Some(swarm) = swarms.get_mut(&announce.infohash) {
                swarm.0.remove(&me);
            }
            return Ok(Swarm::default().answer(me, announce));
        }
        if swarms.len() >= MOST_TORRENTS && !swarms.contains_key(&announce.infohash) {
            return Err(format!("there are {MOST_TORRENTS} torrents here already"));
        }
        let swarm = swarms.entry(announce.infohash).or_default();
        if swarm.0.len() >= MOST_PEERS_A_TORRENT && !swarm.0.contains_key(&me) {
            return Err(format!("the torrent has {MOST_PEERS_A_TORRENT} peers already"));
        }
        swarm.0.insert(me, announce.complete);
        Ok(swarm.answer(me, announce))
    }
}

impl Swarm {
    fn counts(&self) -> Counts {
        let complete = self.0.values().filter(|complete| **complete).count();
        let count = |number: usize| u32::try_from(number).unwrap_or(u32::MAX);
        Counts { complete: count(complete), incomplete: count(self.0.len() - complete) }
    }

    /// Peers for one of them: the others; a peer that has everything needs none that have everything too.
    ///
    /// Counted from its own address on, and around: where there are more than fit, each gets others.
    fn answer(&self, me: SocketAddr, announce: &Announce) -> Bencode {
        let mut peers = Vec::new();
        let mut peers6 = Vec::new();
        let around = self.0.range(me..).chain(self.0.range(..me));
        let others = around.filter(|(peer, complete)| **peer != me && !(announce.complete && **complete));
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
    let announce = Announce::parse(&query.unwrap_or_default());
    let answer = announce.and_then(|announce| tracker.announced(from.ip().to_canonical(), &announce));
    bencoded(&answer.unwrap_or_else(|reason| failure(&reason)))
}

async fn scrape(State(tracker): State<Tracker>, RawQuery(query): RawQuery) -> impl IntoResponse {
    let query = query.unwrap_or_default();
    let asked: Result<Vec<InfoHash>, String> =
        fields(&query).filter(|(key, _)| *key == "info_hash").map(|(_, value)| read_infohash(&value)).collect();
    let asked = match asked {
        Ok(asked) if asked.is_empty() => tracker.lock().keys().copied().take(MOST_SCRAPED).collect(),
        Ok(asked) if asked.len() > MOST_SCRAPED => {
            return bencoded(&failure(&format!("more than {MOST_SCRAPED} torrents at once")));
        }
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
        tracker.announced(ip.parse().unwrap(), &Announce::parse(&query).unwrap()).unwrap()
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
    fn as_many_as_are_wanted_and_others_for_each() {
        let tracker = Tracker::new();
        for i in 1..=250_u32 {
            hello(&tracker, &format!("10.0.0.{i}"), "port=1&left=5");
        }
        for (wanted, peers_sent) in [("0", 0), ("1", 1), ("50", 50), ("-1", 200), ("many", 200), ("9999", 200)] {
            let answer = hello(&tracker, "10.0.0.7", &format!("port=1&left=5&numwant={wanted}"));
            assert_eq!(peers(&answer).len(), 6 * peers_sent, "numwant {wanted}");
        }
        let first = |ip: &str| peers(&hello(&tracker, ip, "port=1&left=5&numwant=1")).to_vec();
        assert_eq!(first("10.0.0.7"), [10, 0, 0, 8, 0, 1]);
        assert_eq!(first("10.0.0.250"), [10, 0, 0, 1, 0, 1]);
    }

    #[test]
    fn nothing_grows_without_end() {
        let tracker = Tracker::new();
        let announce = |hash: u64, port: u16| {
            let mut infohash = [0; 20];
            infohash[..8].copy_from_slice(&hash.to_be_bytes());
            let infohash = InfoHash(infohash);
            let announce = Announce { infohash, port, complete: false, stopped: false, wanted: 1 };
            tracker.announced("10.0.0.1".parse().unwrap(), &announce).map(drop)
        };
        for hash in 0..MOST_TORRENTS as u64 {
            announce(hash, 1).unwrap();
        }
        assert_eq!(announce(u64::MAX, 1).unwrap_err(), "there are 1000 torrents here already");
        for port in 2..=10_000 {
            announce(0, port).unwrap();
        }
        assert_eq!(announce(0, 10_001).unwrap_err(), "the torrent has 10000 peers already");
        announce(0, 10_000).unwrap();
        assert_eq!(tracker.lock().len(), MOST_TORRENTS);
    }

    #[test]
    fn what_is_no_announce_is_answered_with_a_reason() {
        let runtime = tokio::runtime::Runtime::new().unwrap();
        let tracker = Tracker::new();
        let listener = runtime.block_on(tokio::net::TcpListener::bind("127.0.0.1:0")).unwrap();
        let base = format!("http://{}", listener.local_addr().unwrap());
        runtime.spawn(tracker.clone().serve(listener));
        let ask = |path: &str| {
            let mut answer = ureq::get(format!("{base}{path}")).call().unwrap();
            Bencode::decode(&answer.body_mut().read_to_vec().unwrap()).unwrap()
        };
        let reason = |path: &str| {
            let answer = ask(path);
            String::from_utf8(answer.get("failure reason").expect(path).as_bytes().unwrap().to_vec()).unwrap()
        };
        assert_eq!(reason("/announce"), "info_hash is missing");
        assert_eq!(reason("/announce?info_hash=abc"), "info_hash has 3 bytes, not 20");
        assert_eq!(reason(&format!("/announce?info_hash={ESCAPED}")), "port is missing or not a port");
        assert_eq!(reason(&format!("/announce?info_hash={ESCAPED}&port=70000")), "port is missing or not a port");
        assert_eq!(reason("/scrape?info_hash=%00"), "info_hash has 1 bytes, not 20");
        let many = format!("info_hash={ESCAPED}&").repeat(101);
        assert_eq!(reason(&format!("/scrape?{many}")), "more than 100 torrents at once");
        assert!(tracker.lock().is_empty());
        // without `left` a peer does not count as complete; an unknown torrent has no peers
        ask(&format!("/announce?info_hash={ESCAPED}&port=1&key=%ff&compact=0&no_peer_id=1&odd"));
        assert_eq!(tracker.counts(HASH), Counts { complete: 0, incomplete: 1 });
        let answer = ask(&format!("/scrape?info_hash={}", "%07".repeat(20)));
        let Some(Bencode::Dict(files)) = answer.get("files") else { panic!("{answer:?}") };
        assert_eq!(files[&vec![7; 20]].get("incomplete").unwrap().as_int(), Some(0));
    }

    #[test]
    fn bad_announces_are_refused() {
        assert!(Announce::parse("port=1").unwrap_err().contains("missing"));
        assert!(Announce::parse("info_hash=abc&port=1").unwrap_err().contains("3 bytes"));
        assert!(Announce::parse(&format!("info_hash={ESCAPED}&port=0")).is_err());
        assert_eq!(unescape("%zz%4"), b"%zz%4");
    }
}
