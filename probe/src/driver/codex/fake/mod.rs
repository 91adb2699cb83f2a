//! Nodes that behave as real ones were seen to, in all three generations, on loopback addresses of their own.
//!
//! They hold blocks and exchange them at a known rate. Each behaviour names the fact it stands for; each of [`Faults`]
//! can be switched while the node runs.

use std::{
    collections::{BTreeMap, BTreeSet},
    io::Write,
    net::{TcpListener, TcpStream},
    sync::{Arc, Mutex, MutexGuard},
    thread,
    time::{Duration, Instant},
};

use serde_json::{Value, json};

use super::generation::Generation;

mod exchange;
mod faults;
mod store;
mod wire;

pub(crate) use exchange::{BLOCK_SECONDS, Network, RETRY_TIMER};
pub(crate) use faults::Faults;
use store::{BLOCK, Dataset, Store, tree};
use wire::{Request, STRAY, answer, json_answer, left, read_request, text};

/// Fact: what a store may hold where nothing else is said.
const QUOTA: u64 = 21_474_836_480;

/// One node; ends with the test program.
#[derive(Debug, Clone)]
pub(crate) struct Fake(Arc<Inner>);

#[derive(Debug)]
pub(super) struct Inner {
    generation: Generation,
    host: String,
    id: String,
    network: Network,
    state: Mutex<State>,
}

#[derive(Debug, Default)]
struct State {
    faults: Faults,
    store: Store,
    /// Peers by id.
    connected: BTreeSet<String>,
    /// How many of them it had to find by its timer.
    found: usize,
    /// Running downloads by id, with the CID.
    downloads: BTreeMap<u64, String>,
    last_download: u64,
    /// Until when what it was asked for keeps its link busy.
    sends_until: Option<Instant>,
    /// Blocks.
    sent: usize,
    /// Until when the API is closed.
    down_until: Option<Instant>,
    requests: Vec<String>,
}

impl Fake {
    /// Starts a node on an address `127.x.y.z:port`; all nodes of a test have one port, as pods have.
    pub(crate) fn start(network: &Network, generation: Generation, address: &str) -> (Self, u16) {
        let listener = TcpListener::bind(address).unwrap();
        let port = listener.local_addr().unwrap().port();
        let host = address.split(':').next().unwrap().to_owned();
        let id = format!("16Uiu2HA{}", host.replace('.', "x"));
        let inner = Arc::new(Inner { generation, host, id, network: network.clone(), state: Mutex::default() });
        network.0.lock().unwrap().push(inner.clone());
        let fake = Self(inner);
        let serving = fake.clone();
        thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                let node = serving.clone();
                thread::spawn(move || node.serve(stream));
            }
        });
        (fake, port)
    }

    pub(crate) fn fault(&self, change: impl FnOnce(&mut Faults)) {
        change(&mut self.state().faults);
    }

    pub(crate) fn id(&self) -> &str {
        &self.0.id
    }

    pub(crate) fn connected(&self) -> BTreeSet<String> {
        self.state().connected.clone()
    }

    pub(crate) fn requests(&self) -> Vec<String> {
        self.state().requests.clone()
    }

    /// Leaves the network, as a node that was killed does.
    pub(crate) fn kill(&self) {
        self.0.network.0.lock().unwrap().retain(|node| node.id != self.0.id);
    }

    /// Bytes of the store.
    pub(crate) fn used(&self) -> u64 {
        let state = self.state();
        state.store.used(state.faults.unpadded)
    }

    /// Blocks that it sent to others.
    pub(crate) fn sent(&self) -> usize {
        self.state().sent
    }

    /// Peers that nobody had connected it to before it needed them.
    pub(crate) fn found(&self) -> usize {
        self.state().found
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.0.state.lock().unwrap()
    }

    /// Fact: every connection is closed after one request, whatever was asked for.
    fn serve(&self, mut stream: TcpStream) {
        let state = self.state();
        let down = state.faults.closed || state.down_until.is_some_and(|until| Instant::now() < until);
        let late = state.faults.pauses && state.requests.len() % 8 == 7;
        drop(state);
        let Some(request) = (!down).then(|| read_request(&mut stream)).flatten() else { return };
        self.state().requests.push(format!("{} {}", request.method, request.path));
        if late {
            thread::sleep(Duration::from_millis(500));
        }
        let base = self.0.generation.base();
        let Some(path) = request.path.strip_prefix(base) else { return answer(&mut stream, 404, "", "") };
        let parts: Vec<&str> = path.split('/').skip(1).collect();
        let progress = self.0.generation == Generation::Progress;
        match (request.method.as_str(), &parts[..]) {
            ("GET", ["debug", "info"]) => json_answer(&mut stream, &self.info()),
            ("GET", ["space"]) if !self.state().faults.no_space => json_answer(&mut stream, &self.space()),
            ("GET", ["connect", peer]) => self.connect(&mut stream, peer, &request.query),
            ("POST", ["data"]) => self.upload(&mut stream, request),
            ("GET", ["data", cid]) => self.read(&mut stream, cid),
            ("GET", ["data", cid, "exists"]) => self.exists(&mut stream, cid),
            ("DELETE", ["data", cid]) => self.remove(&mut stream, cid),
            ("GET", ["data", cid, "network", "manifest"]) => self.manifest(&mut stream, cid, None),
            ("GET", ["data", cid, "network", "stream"]) => self.stream(&mut stream, cid),
            ("POST", ["data", cid, "network"]) => self.download(&mut stream, cid),
            ("GET", ["data", cid, "network", "progress", id]) if progress => self.progress(&mut stream, cid, id),
            // Fact: a path that is not known is 404 with an empty body.
            _ => answer(&mut stream, 404, "", ""),
        }
    }

    /// Fact: where a node can be dialled is `announceAddresses`, in the newest generation `addrs`; the version has a key of
    /// the generation's name, and may be the error text of the tool that should have found it out.
    fn info(&self) -> Value {
        let mut addresses = vec!["/ip4/0.0.0.0/udp/8090".to_owned()];
        if !self.state().faults.hidden {
            addresses.push(format!("/ip4/{}/tcp/8070", self.0.host));
        }
        let (id, spr) = (&self.0.id, "spr:CiUIAhIhA");
        let version = json!({"version": "v0.0.0-fake", "revision": "bd36032"});
        match self.0.generation {
            Generation::Codex => {
                json!({"id": id, "addrs": ["/ip4/0.0.0.0/udp/1"], "announceAddresses": addresses, "spr": spr, "codex": version})
            }
            Generation::Renamed => {
                json!({"id": id, "addrs": [], "announceAddresses": addresses, "spr": spr, "storage": version})
            }
            Generation::Progress => {
                let peers = self.connected().into_iter().map(|id| json!({"peerId": id, "direct": true}));
                let peers: Vec<_> = peers.collect();
                json!({"id": id, "addrs": addresses, "spr": spr, "storage": version, "connections": peers})
            }
        }
    }

    fn space(&self) -> Value {
        let quota = self.state().faults.quota.unwrap_or(QUOTA);
        json!({"totalBlocks": 0, "quotaMaxBytes": quota, "quotaUsedBytes": self.used(), "quotaReservedBytes": 0})
    }

    /// Fact: 200 and a sentence, also when connected before; 400 without an address or where nobody answers.
    fn connect(&self, stream: &mut TcpStream, peer: &str, query: &str) {
        let other = self.0.network.find(peer);
        let other = other.filter(|other| query == format!("addrs=/ip4/{}/tcp/8070", other.0.host));
        let Some(other) = other.filter(|other| !other.state().faults.unreachable) else {
            return text(stream, 400, "Unable to dial peer");
        };
        self.state().connected.insert(peer.to_owned());
        other.state().connected.insert(self.0.id.clone());
        text(stream, 200, "Successfully connected to peer");
    }

    /// Facts: no body is 500; a type with a parameter is 422; the answer comes after everything is stored; a full store is
    /// 500; an upload that breaks off becomes a dataset of what had come.
    fn upload(&self, stream: &mut TcpStream, Request { mut body, kind, .. }: Request) {
        let faults = self.state().faults;
        if body.is_empty() {
            return text(stream, 500, "Request do not have body available");
        }
        if kind.contains(';') {
            return text(stream, 422, "The MIME type is not valid");
        }
        if faults.full || faults.quota.is_some_and(|quota| self.used() + body.len() as u64 > quota) {
            return text(stream, 500, "Unable to store block zDxfull");
        }
        if faults.short_upload {
            body.truncate(body.len() / 2);
        }
        let fresh = if faults.fresh_cids { self.requests().len() } else { 0 };
        let cid = store::cid(&body, &format!("{kind}{fresh}"));
        self.state().store.0.insert(cid.clone(), Dataset::whole(&body));
        text(stream, 200, if faults.no_cid { "stored, thank you" } else { &cid });
    }

    /// Fact: what is not here is 404 at once, with a second answer after it.
    fn read(&self, stream: &mut TcpStream, cid: &str) {
        let size = self.state().store.shown(cid).map(|dataset| dataset.size);
        if let Some(size) = size {
            return self.body(stream, cid, size);
        }
        text(stream, 404, "Block not found in local store");
        let _ = stream.write_all(STRAY.as_bytes());
    }

    /// Fact: a reader makes the node fetch; the fetch goes on when the reader left.
    fn stream(&self, stream: &mut TcpStream, cid: &str) {
        let Some(size) = self.look_up(stream, cid) else { return };
        self.begin(cid);
        self.body(stream, cid, size);
    }

    /// Facts: headers and status say nothing of the body; the body is in order and waits for each block, also for one that
    /// never comes; one that breaks off can end in the second answer, inside the announced length; the second answer comes
    /// after every body.
    fn body(&self, stream: &mut TcpStream, cid: &str, size: usize) {
        let faults = self.state().faults;
        let head = format!("HTTP/1.1 200 OK\r\nContent-Length: {size}\r\nContent-Disposition: attachment\r\n\r\n");
        let _ = stream.write_all(head.as_bytes());
        let mut left = if faults.cut_body { size / 2 } else { size };
        for block in 0..size.div_ceil(BLOCK) {
            let Some(data) = self.wait_for(stream, cid, block) else { return };
            let mut data = data[..BLOCK.min(left)].to_vec();
            left -= data.len();
            if faults.wrong_bytes && block == 0 {
                data[0] ^= 1;
            }
            if stream.write_all(&data).is_err() || left == 0 {
                break;
            }
        }
        let _ = stream.write_all(STRAY.as_bytes());
    }

    fn wait_for(&self, stream: &TcpStream, cid: &str, block: usize) -> Option<Arc<Vec<u8>>> {
        loop {
            if let Some(data) = self.state().store.0.get(cid).and_then(|dataset| dataset.blocks[block].clone()) {
                return Some(data);
            }
            if left(stream) {
                return None;
            }
            thread::sleep(Duration::from_millis(10));
        }
    }

    /// Fact: true as soon as the manifest is here, with no block of the data.
    fn exists(&self, stream: &mut TcpStream, cid: &str) {
        let exists = self.state().store.shown(cid).is_some();
        json_answer(stream, &json!({cid: exists}));
    }

    /// Facts: 204, also for what isn't there; a download that runs goes on and fills the store with blocks of nothing.
    fn remove(&self, stream: &mut TcpStream, cid: &str) {
        let faults = self.state().faults;
        thread::sleep(faults.removal);
        let there = self.state().store.shown(cid).is_some();
        if there && faults.keeps || !there && faults.misses {
            return text(stream, 500, "no such dataset");
        }
        if let Some(dataset) = self.state().store.0.get_mut(cid) {
            dataset.manifest = false;
            if !faults.keeps_blocks {
                dataset.blocks.fill(None);
            }
        }
        let _ = stream.write_all(format!("HTTP/1.1 204 No Content\r\nServer: fake\r\n\r\n{STRAY}").as_bytes());
    }

    /// Answers with the manifest, once it is here.
    fn manifest(&self, stream: &mut TcpStream, cid: &str, download: Option<u64>) {
        if self.absent() {
            return text(stream, 404, "Error retries exhausted");
        }
        let Some(size) = self.look_up(stream, cid) else { return };
        let block = if self.state().faults.big_blocks { 2 * BLOCK } else { BLOCK };
        let manifest =
            json!({"treeCid": tree(cid), "datasetSize": size, "blockSize": block, "filename": null, "mimetype": null});
        let mut dataset = json!({"cid": cid, "manifest": manifest});
        if let Some(download) = download {
            dataset["downloadId"] = json!(download);
        }
        json_answer(stream, &dataset);
    }

    fn absent(&self) -> bool {
        let left = &mut self.state().faults.absent_at_first;
        let absent = *left > 0;
        *left = left.saturating_sub(1);
        absent
    }

    /// Fact: answered once the manifest is there; the blocks come in the background, and only the newest generation tells
    /// of it.
    fn download(&self, stream: &mut TcpStream, cid: &str) {
        if self.absent() {
            return text(stream, 404, "Error retries exhausted");
        }
        if self.look_up(stream, cid).is_none() {
            return;
        }
        let number = self.begin(cid);
        let told = self.0.generation == Generation::Progress && !self.state().faults.no_id;
        self.manifest(stream, cid, told.then_some(number));
    }

    /// Starts to fetch; its number.
    fn begin(&self, cid: &str) -> u64 {
        let mut state = self.state();
        state.last_download += 1;
        let number = state.last_download;
        state.downloads.insert(number, cid.to_owned());
        let (node, cid) = (self.clone(), cid.to_owned());
        thread::spawn(move || node.fetch(&cid, number));
        number
    }

    /// Facts: found by the tree's CID, not the manifest's; gone at the download's end, whether good or bad; a CID that is
    /// none is 400.
    fn progress(&self, stream: &mut TcpStream, tree_cid: &str, id: &str) {
        if !tree_cid.starts_with('z') {
            return text(stream, 400, "Incorrect Cid");
        }
        let state = self.state();
        let download = id.parse().ok().and_then(|id: u64| state.downloads.get(&id)).filter(|cid| tree(cid) == tree_cid);
        let value = match download.and_then(|cid| state.store.0.get(cid)) {
            Some(dataset) => {
                let (received, total) = (dataset.held(), dataset.blocks.len());
                json!({"active": true, "received": received, "total": total, "bytes": received * BLOCK})
            }
            None => json!({"active": false}),
        };
        drop(state);
        json_answer(stream, &value);
    }
}
