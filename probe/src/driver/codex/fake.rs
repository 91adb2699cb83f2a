//! Nodes that behave as real ones were seen to, in all three generations, on loopback addresses of their own.
//!
//! Times are a tenth of the real ones or less. Each behaviour names the fact it stands for; each of [`Faults`] can be
//! switched while the node runs.

use std::{
    collections::{BTreeMap, BTreeSet},
    io::{BufRead, BufReader, Read, Write},
    net::{Shutdown, TcpListener, TcpStream},
    sync::{Arc, Mutex, MutexGuard},
    thread,
    time::{Duration, Instant},
};

use serde_json::{Value, json};
use sha2::{Digest, Sha256};

use super::generation::Generation;

/// Fact: a block is 64 KiB, the last one padded.
const BLOCK: usize = 65_536;
/// Fact: a manifest takes 56 to 59 bytes of the store.
const MANIFEST: u64 = 59;
/// Fact: blocks are delivered, and counted, 20 at a time.
const DELIVERY: usize = 20;
/// Fact: nodes that were never connected find each other on the grid of their retry timers, 2 to 11 s there.
const RETRY_TIMER: Duration = Duration::from_millis(600);
/// Fact: after the answer of a handler that wrote it itself comes a second, complete one, of 127 bytes.
const STRAY: &str = "HTTP/1.1 404 Not Found\r\nserver: fake\r\ncontent-type: text/html\r\ncontent-length: 0\r\n\
                     date: Thu, 13 Nov 2025\r\nconnection: close\r\n\r\n";
/// Fact: a request for what nobody has is not answered for hours. Longer than any test.
const SILENCE: Duration = Duration::from_mins(2);

/// What can be wrong with a node.
#[derive(Debug, Clone, Copy, Default)]
#[expect(clippy::struct_excessive_bools, reason = "switches, each of its own")]
pub(super) struct Faults {
    /// A body ends half-way, in the second answer.
    pub(super) cut_body: bool,
    /// A body has one wrong byte.
    pub(super) wrong_bytes: bool,
    /// So many requests for a manifest are answered 404.
    pub(super) absent_at_first: u32,
    /// A download is given up after its first delivery, and forgotten.
    pub(super) gives_up: bool,
    /// The node restarts after the first delivery of a download.
    pub(super) restarts: bool,
    /// How long a removal takes.
    pub(super) removal: Duration,
    /// Uploads are refused: the store is full.
    pub(super) full: bool,
    /// An upload loses its second half.
    pub(super) short_upload: bool,
    /// An upload is answered with something that is no CID.
    pub(super) no_cid: bool,
    /// The last block is not padded.
    pub(super) unpadded: bool,
    /// A removal leaves the blocks.
    pub(super) keeps_blocks: bool,
    /// A download has no id.
    pub(super) no_id: bool,
    /// Nobody can dial it.
    pub(super) unreachable: bool,
}

/// The nodes that can find each other.
#[derive(Debug, Clone, Default)]
pub(super) struct Network(Arc<Mutex<Vec<Arc<Inner>>>>);

/// One node; ends with the test program.
#[derive(Debug, Clone)]
pub(super) struct Fake(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    generation: Generation,
    id: String,
    network: Network,
    state: Mutex<State>,
}

#[derive(Debug, Default)]
struct State {
    faults: Faults,
    datasets: BTreeMap<String, Dataset>,
    /// Peers by id.
    connected: BTreeSet<String>,
    /// Running downloads by id, with the CID.
    downloads: BTreeMap<u64, String>,
    last_download: u64,
    /// Until when the API is closed.
    down_until: Option<Instant>,
    requests: Vec<String>,
}

#[derive(Debug, Clone)]
struct Dataset {
    data: Arc<Vec<u8>>,
    has: Vec<bool>,
    /// Gone once it was removed, while blocks may still come.
    manifest: bool,
}

struct Request {
    method: String,
    path: String,
    query: String,
    body: Vec<u8>,
}

impl Fake {
    /// Starts a node on `127.0.<test>.<n>`; all nodes of a test have one port, as pods have.
    pub(super) fn start(network: &Network, generation: Generation, address: &str) -> (Self, u16) {
        let listener = TcpListener::bind(address).unwrap();
        let port = listener.local_addr().unwrap().port();
        let id = format!("16Uiu2HA{}", address.split(':').next().unwrap().replace('.', "x"));
        let inner = Arc::new(Inner { generation, id, network: network.clone(), state: Mutex::default() });
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

    pub(super) fn fault(&self, change: impl FnOnce(&mut Faults)) {
        change(&mut self.state().faults);
    }

    pub(super) fn id(&self) -> &str {
        &self.0.id
    }

    pub(super) fn connected(&self) -> BTreeSet<String> {
        self.state().connected.clone()
    }

    pub(super) fn requests(&self) -> Vec<String> {
        self.state().requests.clone()
    }

    /// Leaves the network, as a node that was killed does.
    pub(super) fn kill(&self) {
        self.0.network.0.lock().unwrap().retain(|node| node.id != self.0.id);
    }

    /// Bytes of the store.
    pub(super) fn used(&self) -> u64 {
        self.state().used()
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.0.state.lock().unwrap()
    }

    /// Fact: every connection is closed after one request, whatever was asked for.
    fn serve(&self, mut stream: TcpStream) {
        let down = self.state().down_until.is_some_and(|until| Instant::now() < until);
        let Some(request) = (!down).then(|| read_request(&mut stream)).flatten() else { return };
        self.state().requests.push(format!("{} {}", request.method, request.path));
        let base = self.0.generation.base();
        let Some(path) = request.path.strip_prefix(base) else { return answer(&mut stream, 404, "", "") };
        let parts: Vec<&str> = path.split('/').skip(1).collect();
        match (request.method.as_str(), &parts[..]) {
            ("GET", ["debug", "info"]) => json_answer(&mut stream, &self.info()),
            ("GET", ["space"]) => json_answer(&mut stream, &self.space()),
            ("GET", ["connect", peer]) => self.connect(&mut stream, peer, &request.query),
            ("POST", ["data"]) => self.upload(&mut stream, request.body),
            ("GET", ["data", cid]) => self.read(&mut stream, cid),
            ("DELETE", ["data", cid]) => self.remove(&mut stream, cid),
            ("GET", ["data", cid, "network", "stream"]) => self.stream(&mut stream, cid),
            ("GET", ["data", cid, "network", "manifest"]) => self.manifest(&mut stream, cid, None),
            ("POST", ["data", cid, "network"]) => self.download(&mut stream, cid),
            ("GET", ["data", cid, "network", "progress", id]) if self.0.generation == Generation::Progress => {
                self.progress(&mut stream, cid, id);
            }
            // Fact: a path that is not known is 404 with an empty body.
            _ => answer(&mut stream, 404, "", ""),
        }
    }

    /// Fact: where a node can be dialled is `announceAddresses`, in the newest generation `addrs`; the version has a key of
    /// the generation's name, and may be the error text of the tool that should have found it out.
    fn info(&self) -> Value {
        let address = ["/ip4/10.0.0.1/udp/8090", "/ip4/10.0.0.1/tcp/8070"];
        let spr = "spr:CiUIAhIhA";
        let version = json!({"version": "v0.0.0-fake", "revision": "bd36032"});
        match self.0.generation {
            Generation::Codex => {
                json!({"id": self.0.id, "addrs": ["/ip4/0.0.0.0/udp/1"], "announceAddresses": address, "spr": spr, "codex": version})
            }
            Generation::Renamed => {
                json!({"id": self.0.id, "addrs": [], "announceAddresses": address, "spr": spr, "storage": version})
            }
            Generation::Progress => {
                let peers = self.connected().into_iter().map(|id| json!({"peerId": id, "direct": true}));
                json!({"id": self.0.id, "addrs": address, "spr": spr, "storage": version, "connections": peers.collect::<Vec<_>>()})
            }
        }
    }

    fn space(&self) -> Value {
        json!({"totalBlocks": 0, "quotaMaxBytes": 21_474_836_480_u64, "quotaUsedBytes": self.used(), "quotaReservedBytes": 0})
    }

    /// Fact: 200 and a sentence, also when connected before; 400 without an address or where nobody answers.
    fn connect(&self, stream: &mut TcpStream, peer: &str, query: &str) {
        let other = self.0.network.find(peer);
        let Some(other) = other.filter(|other| query.starts_with("addrs=/ip4/") && !other.state().faults.unreachable)
        else {
            return answer(stream, 400, "text/plain", "Unable to dial peer");
        };
        self.state().connected.insert(peer.to_owned());
        other.state().connected.insert(self.0.id.clone());
        answer(stream, 200, "text/plain", "Successfully connected to peer");
    }

    /// Facts: no body is 500; the answer comes after everything is stored; a full store is 500 and keeps what it took;
    /// an upload that breaks off becomes a dataset of what had come.
    fn upload(&self, stream: &mut TcpStream, mut body: Vec<u8>) {
        let faults = self.state().faults;
        if body.is_empty() {
            return answer(stream, 500, "text/plain", "Request do not have body available");
        }
        if faults.full {
            return answer(stream, 500, "text/plain", "Unable to store block zDxfull");
        }
        if faults.short_upload {
            body.truncate(body.len() / 2);
        }
        let cid =
            format!("zDv{:x}", Sha256::digest(&body)[..].iter().fold(0_u64, |all, byte| all << 7 ^ u64::from(*byte)));
        let has = vec![true; body.len().div_ceil(BLOCK)];
        self.state().datasets.insert(cid.clone(), Dataset { data: Arc::new(body), has, manifest: true });
        answer(stream, 200, "text/plain", if faults.no_cid { "stored, thank you" } else { &cid });
    }

    /// Facts: headers and status say nothing of the body; a body that breaks off can end in the second answer, inside the
    /// announced length; the second answer comes after every body.
    fn read(&self, stream: &mut TcpStream, cid: &str) {
        let faults = self.state().faults;
        let dataset = self.state().datasets.get(cid).filter(|dataset| dataset.manifest).cloned();
        let Some(dataset) = dataset else {
            answer(stream, 404, "text/plain", "Block not found in local store");
            return drop(stream.write_all(STRAY.as_bytes()));
        };
        let mut body = dataset.data.to_vec();
        let head =
            format!("HTTP/1.1 200 OK\r\nContent-Length: {}\r\nContent-Disposition: attachment\r\n\r\n", body.len());
        if faults.wrong_bytes {
            body[dataset.data.len() / 2] ^= 1;
        }
        if faults.cut_body {
            body.truncate(dataset.data.len() / 2);
        }
        let _ = stream.write_all(head.as_bytes()).and_then(|()| stream.write_all(&body));
        let _ = stream.write_all(STRAY.as_bytes());
    }

    /// Facts: 200 and the head come once the manifest is there, before any block; the body is in order and stops at each block that
    /// is missing, in silence when nobody has it; a wrong end and the second answer as with every body.
    fn stream(&self, stream: &mut TcpStream, cid: &str) {
        let Some(data) = self.look_up(stream, cid) else { return };
        let has = vec![false; data.len().div_ceil(BLOCK)];
        let dataset = Dataset { data: data.clone(), has, manifest: true };
        self.state().datasets.entry(cid.to_owned()).or_insert(dataset).manifest = true;
        let (node, name) = (self.clone(), cid.to_owned());
        thread::spawn(move || node.fetch(&name, 0));
        let _ = write!(stream, "HTTP/1.1 200 OK\r\nContent-Length: {}\r\n\r\n", data.len());
        let faults = self.state().faults;
        for (n, block) in data.chunks(BLOCK).enumerate() {
            while !self.state().datasets.get(cid).is_some_and(|dataset| dataset.has[n]) {
                if left(stream) {
                    return;
                }
                thread::sleep(Duration::from_millis(2));
            }
            let mut block = block.to_vec();
            if faults.wrong_bytes && n == 1 {
                block[0] ^= 1;
            }
            if faults.cut_body && n == 2 {
                break;
            }
            let _ = stream.write_all(&block);
        }
        let _ = stream.write_all(STRAY.as_bytes());
    }

    /// Facts: 204, also for what isn't there; a download that runs goes on and fills the store with blocks of nothing.
    fn remove(&self, stream: &mut TcpStream, cid: &str) {
        let Faults { removal, keeps_blocks, .. } = self.state().faults;
        thread::sleep(removal);
        if let Some(dataset) = self.state().datasets.get_mut(cid) {
            dataset.manifest = false;
            dataset.has.fill(keeps_blocks);
        }
        let _ = stream.write_all(format!("HTTP/1.1 204 No Content\r\nServer: fake\r\n\r\n{STRAY}").as_bytes());
    }

    /// Answers with the manifest, once it is here; does so at once only where a connected peer has it.
    fn manifest(&self, stream: &mut TcpStream, cid: &str, download: Option<u64>) {
        if self.absent() {
            return answer(stream, 404, "text/plain", "Error retries exhausted");
        }
        let Some(data) = self.look_up(stream, cid) else { return };
        let has = vec![false; data.len().div_ceil(BLOCK)];
        let size = data.len();
        self.state().datasets.entry(cid.to_owned()).or_insert(Dataset { data, has, manifest: true }).manifest = true;
        let manifest =
            json!({"treeCid": tree(cid), "datasetSize": size, "blockSize": BLOCK, "filename": null, "mimetype": null});
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

    /// Facts: a connected peer has it at once, any other one after the retry timer; what nobody has is silence.
    fn look_up(&self, stream: &TcpStream, cid: &str) -> Option<Arc<Vec<u8>>> {
        let here =
            self.state().datasets.get(cid).filter(|dataset| dataset.manifest).map(|dataset| dataset.data.clone());
        if here.is_some() {
            return here;
        }
        let start = Instant::now();
        loop {
            let all = start.elapsed() >= RETRY_TIMER;
            let connected = self.connected();
            let nodes = self.0.network.nodes();
            let asked = nodes.iter().filter(|node| node.0.id != self.0.id && (all || connected.contains(&node.0.id)));
            let found =
                asked.filter_map(|node| Some(node.state().datasets.get(cid).filter(|it| it.manifest)?.data.clone()));
            if let Some(found) = found.into_iter().next() {
                return Some(found);
            }
            if start.elapsed() > SILENCE || left(stream) {
                return None;
            }
            thread::sleep(Duration::from_millis(5));
        }
    }

    /// Fact: answered once the manifest is there; the blocks come in the background, and only the newest generation tells
    /// of it.
    fn download(&self, stream: &mut TcpStream, cid: &str) {
        let number = {
            let mut state = self.state();
            state.last_download += 1;
            state.last_download
        };
        let told = (self.0.generation == Generation::Progress && !self.state().faults.no_id).then_some(number);
        if self.state().faults.absent_at_first == 0 {
            self.state().downloads.insert(number, cid.to_owned());
            let (node, cid) = (self.clone(), cid.to_owned());
            thread::spawn(move || node.fetch(&cid, number));
        }
        self.manifest(stream, cid, told);
    }

    /// Facts: blocks come in the order of their hashes, in deliveries; a peer that is gone is waited for in silence; a
    /// node that restarts forgets its downloads and keeps the blocks.
    fn fetch(&self, cid: &str, number: u64) {
        let data = loop {
            if let Some(dataset) = self.state().datasets.get(cid) {
                break dataset.data.clone();
            }
            thread::sleep(Duration::from_millis(2));
        };
        let mut order: Vec<usize> = (0..data.len().div_ceil(BLOCK)).collect();
        if self.whole(cid) {
            // Nothing to get.
            order.clear();
        }
        order.sort_by_key(|block| Sha256::digest(block.to_be_bytes()).to_vec());
        for blocks in order.chunks(DELIVERY) {
            thread::sleep(Duration::from_millis(200));
            while !self.0.network.nodes().iter().any(|node| node.0.id != self.0.id && node.whole(cid)) {
                thread::sleep(Duration::from_millis(5));
            }
            let mut state = self.state();
            if let Some(dataset) = state.datasets.get_mut(cid) {
                for block in blocks {
                    dataset.has[*block] = true;
                }
            }
            if state.faults.restarts {
                state.down_until = Some(Instant::now() + Duration::from_millis(200));
                state.downloads.clear();
                return;
            }
            if state.faults.gives_up {
                break;
            }
        }
        self.state().downloads.remove(&number);
    }

    fn whole(&self, cid: &str) -> bool {
        self.state().datasets.get(cid).is_some_and(|dataset| dataset.manifest && dataset.has.iter().all(|has| *has))
    }

    /// Facts: found by the tree's CID, not the manifest's; gone at the download's end, whether good or bad; a CID that is
    /// none is 400.
    fn progress(&self, stream: &mut TcpStream, tree_cid: &str, id: &str) {
        if !tree_cid.starts_with('z') {
            return answer(stream, 400, "text/plain", "Incorrect Cid");
        }
        let state = self.state();
        let download = id.parse().ok().and_then(|id: u64| state.downloads.get(&id)).filter(|cid| tree(cid) == tree_cid);
        let text = match download.and_then(|cid| state.datasets.get(cid)) {
            Some(dataset) => {
                let received = dataset.has.iter().filter(|has| **has).count();
                json!({"active": true, "received": received, "total": dataset.has.len(), "bytes": received * BLOCK})
            }
            None => json!({"active": false}),
        };
        drop(state);
        json_answer(stream, &text);
    }
}

impl State {
    fn used(&self) -> u64 {
        let of = |dataset: &Dataset| {
            let blocks = dataset.has.iter().filter(|has| **has).count();
            let short = dataset.data.len().next_multiple_of(BLOCK) - dataset.data.len();
            let padding = if self.faults.unpadded && dataset.has.last() == Some(&true) { short } else { 0 };
            (blocks * BLOCK - padding) as u64 + if dataset.manifest { MANIFEST } else { 0 }
        };
        self.datasets.values().map(of).sum()
    }
}

impl Network {
    fn nodes(&self) -> Vec<Fake> {
        self.0.lock().unwrap().iter().cloned().map(Fake).collect()
    }

    fn find(&self, id: &str) -> Option<Fake> {
        self.nodes().into_iter().find(|node| node.0.id == id)
    }
}

/// Fact: CIDs of trees and of manifests differ, and begin differently.
fn tree(cid: &str) -> String {
    cid.replacen("zDv", "zDz", 1)
}

fn read_request(stream: &mut TcpStream) -> Option<Request> {
    let mut reader = BufReader::new(stream);
    let mut lines = Vec::new();
    loop {
        let mut line = String::new();
        reader.read_line(&mut line).ok().filter(|count| *count > 0)?;
        if line.trim().is_empty() {
            break;
        }
        lines.push(line.trim().to_owned());
    }
    let mut words = lines.first()?.split(' ');
    let (method, target) = (words.next()?.to_owned(), words.next()?.to_owned());
    let length = lines.iter().find_map(|line| line.to_lowercase().strip_prefix("content-length: ")?.parse().ok());
    let mut body = vec![0; length.unwrap_or(0)];
    reader.read_exact(&mut body).ok()?;
    let (path, query) = target.split_once('?').unwrap_or((&target, ""));
    Some(Request { method, path: path.to_owned(), query: query.to_owned(), body })
}

/// Whether the client waits no more.
fn left(stream: &TcpStream) -> bool {
    let _ = stream.set_nonblocking(true);
    let left = stream.peek(&mut [0]).is_ok_and(|count| count == 0);
    let _ = stream.set_nonblocking(false);
    left
}

fn json_answer(stream: &mut TcpStream, value: &Value) {
    answer(stream, 200, "application/json", &value.to_string());
}

fn answer(stream: &mut TcpStream, status: u16, kind: &str, body: &str) {
    let head =
        format!("HTTP/1.1 {status} Fake\r\nContent-Type: {kind}\r\nContent-Length: {}\r\n\r\n{body}", body.len());
    let _ = stream.write_all(head.as_bytes());
    let _ = stream.shutdown(Shutdown::Write);
}
