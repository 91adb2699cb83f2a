//! How nodes find each other and move blocks.

use std::{
    collections::BTreeSet,
    net::TcpStream,
    sync::{Arc, Mutex},
    thread,
    time::{Duration, Instant},
};

use sha2::{Digest, Sha256};

use super::{Fake, Inner, store::Dataset, wire::left};

/// Fact: blocks are delivered, and counted, 20 at a time: 1,310,720 bytes.
const DELIVERY: usize = 20;
/// Fact: blocks are asked for in windows of 1024, in each in the order of their hashes.
const WINDOW: usize = 1024;
/// Fact: nodes that were never connected find each other on the grid of their retry timers, 2 to 11 s.
pub(crate) const RETRY_TIMER: Duration = Duration::from_secs(2);
/// Fact: a request for what nobody has is not answered for hours. Longer than any test.
const SILENCE: Duration = Duration::from_mins(2);
/// Pause between two looks at something that others change.
const LOOK: Duration = Duration::from_millis(10);

/// How long a block is on its way, in seconds: a delivery takes 0.2 s, as at a link of 52 Mbit/s.
pub(crate) const BLOCK_SECONDS: f64 = 0.01;

/// The nodes that can find each other.
#[derive(Debug, Clone, Default)]
pub(crate) struct Network(pub(super) Arc<Mutex<Vec<Arc<Inner>>>>);

impl Network {
    pub(super) fn nodes(&self) -> Vec<Fake> {
        self.0.lock().unwrap().iter().cloned().map(Fake).collect()
    }

    pub(super) fn find(&self, id: &str) -> Option<Fake> {
        self.nodes().into_iter().find(|node| node.0.id == id)
    }
}

impl Fake {
    /// Facts: a connected peer is asked at once, any other one after the retry timer, and is connected from then on.
    fn peers(&self, since: Instant) -> Vec<Self> {
        let all = since.elapsed() >= RETRY_TIMER;
        let connected: BTreeSet<String> = self.connected();
        let mut peers = self.0.network.nodes();
        peers.retain(|node| node.0.id != self.0.id && (all || connected.contains(&node.0.id)));
        peers
    }

    fn is_gone(&self) -> bool {
        self.0.network.find(&self.0.id).is_none()
    }

    fn meet(&self, peer: &Self) {
        let mut state = self.state();
        state.found += usize::from(state.connected.insert(peer.0.id.clone()));
        drop(state);
        peer.state().connected.insert(self.0.id.clone());
    }

    /// The size of a dataset, once its manifest is here; none when the client left before.
    ///
    /// Fact: what nobody has is silence.
    pub(super) fn look_up(&self, stream: &TcpStream, cid: &str) -> Option<usize> {
        let start = Instant::now();
        loop {
            if let Some(size) = self.state().store.shown(cid).map(|dataset| dataset.size) {
                return Some(size);
            }
            let mut peers = self.peers(start).into_iter();
            let found = peers.find_map(|peer| {
                let size = peer.state().store.shown(cid)?.size;
                Some((peer, size))
            });
            if let Some((peer, size)) = found {
                self.meet(&peer);
                let mut state = self.state();
                state.store.0.entry(cid.to_owned()).or_insert_with(|| Dataset::empty(size)).manifest = true;
                return Some(size);
            }
            if self.is_gone() || start.elapsed() > SILENCE || left(stream) {
                return None;
            }
            thread::sleep(LOOK);
        }
    }

    /// Gets what is missing of a dataset, its manifest being here.
    ///
    /// Facts: nobody can stop it, a removal neither; a node that restarts forgets it and keeps the blocks.
    pub(super) fn fetch(&self, cid: &str, download: u64) {
        for blocks in self.missing(cid).chunks(DELIVERY) {
            self.delivery(cid, blocks);
            let mut state = self.state();
            if state.faults.restarts {
                state.down_until = Some(Instant::now() + Duration::from_millis(200));
                state.downloads.clear();
                return;
            }
            if state.faults.gives_up {
                break;
            }
        }
        self.state().downloads.remove(&download);
    }

    fn missing(&self, cid: &str) -> Vec<usize> {
        let state = self.state();
        let Some(dataset) = state.store.0.get(cid) else { return Vec::new() };
        let mut missing: Vec<usize> =
            (0..dataset.blocks.len()).filter(|block| dataset.blocks[*block].is_none()).collect();
        missing.sort_by_key(|block| (block / WINDOW, Sha256::digest([cid.as_bytes(), &block.to_be_bytes()].concat())));
        missing
    }

    /// Facts: nodes that are complete are used as sources in equal shares, others hardly; one that is gone is waited for in
    /// silence; so is room in a store that is full.
    fn delivery(&self, cid: &str, wanted: &[usize]) {
        let start = Instant::now();
        for turn in 0.. {
            if self.is_gone() {
                return;
            }
            let mut sources = self.peers(start);
            sources.retain(|peer| peer.state().store.shown(cid).is_some_and(Dataset::is_whole));
            if sources.is_empty() || self.state().faults.full {
                thread::sleep(LOOK);
                continue;
            }
            let source = &sources[(wanted[0] + turn) % sources.len()];
            self.meet(source);
            if let Some(blocks) = source.send(cid, wanted) {
                let mut state = self.state();
                let Some(dataset) = state.store.0.get_mut(cid) else { return };
                for (block, data) in blocks {
                    dataset.blocks[block] = Some(data);
                }
                return;
            }
        }
    }

    /// Sends blocks, one delivery after the other; none when it lost them meanwhile.
    fn send(&self, cid: &str, wanted: &[usize]) -> Option<Vec<(usize, Arc<Vec<u8>>)>> {
        let done = {
            let mut state = self.state();
            let takes = Duration::from_secs_f64(BLOCK_SECONDS) * u32::try_from(wanted.len()).unwrap();
            let done = state.sends_until.map_or_else(Instant::now, |until| until.max(Instant::now())) + takes;
            state.sends_until = Some(done);
            done
        };
        thread::sleep(done.saturating_duration_since(Instant::now()));
        if self.is_gone() {
            return None;
        }
        let mut state = self.state();
        let dataset = state.store.shown(cid)?;
        let blocks =
            wanted.iter().map(|block| Some((*block, dataset.blocks[*block].clone()?))).collect::<Option<_>>()?;
        state.sent += wanted.len();
        let dies = state.faults.dies;
        drop(state);
        if dies {
            self.kill();
        }
        Some(blocks)
    }
}
