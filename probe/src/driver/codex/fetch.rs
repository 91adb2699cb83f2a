use std::{
    sync::mpsc::{self, Receiver, TryRecvError},
    thread,
    time::Duration,
};

use super::node::{Dataset, Manifest, Node};
use crate::driver::{DriverError, Progress, api::failed};

/// Beyond any stall or deadline: whether a node's silence lasts too long is for who watches the download to say.
const SILENCE: Duration = Duration::from_hours(24);

/// One download in the background.
///
/// The order is given from a thread of its own: the node answers once it has the manifest, and where it can't get one it
/// may be silent for hours. To the one who watches, that is a download without progress.
#[derive(Debug)]
pub(super) struct Fetch {
    node: Node,
    cid: String,
    /// Used bytes of the store before it.
    before: u64,
    order: Order,
    peers: Option<u32>,
}

#[derive(Debug)]
enum Order {
    Given(Receiver<Result<Dataset, DriverError>>),
    Taken(Dataset),
    Refused(String),
}

impl Fetch {
    /// Gives the order.
    pub(super) fn start(node: &Node, cid: &str) -> Result<Self, DriverError> {
        let before = node.space()?.quota_used_bytes;
        let (tell, answer) = mpsc::channel();
        let (asked, name) = (node.clone(), cid.to_owned());
        // Nobody listens any more when the download was given up.
        thread::spawn(move || drop(tell.send(asked.download(&name, SILENCE))));
        Ok(Self { node: node.clone(), cid: cid.to_owned(), before, order: Order::Given(answer), peers: None })
    }

    /// How far it is.
    pub(super) fn progress(&mut self) -> Result<Progress, DriverError> {
        self.listen();
        match &self.order {
            Order::Given(_) => Ok(Progress { verified_bytes: 0, peers: None }),
            Order::Refused(detail) => Err(failed("background download", detail.clone())),
            Order::Taken(Dataset { manifest, download_id: None }) => {
                let used = self.used()?;
                Ok(Progress { verified_bytes: stored(manifest, used), peers: self.peers })
            }
            Order::Taken(Dataset { manifest, download_id: Some(download) }) => {
                Ok(Progress { verified_bytes: self.received(manifest, *download)?, peers: self.peers })
            }
        }
    }

    /// Takes the node's answer to the order, once it is there.
    fn listen(&mut self) {
        let Order::Given(answer) = &self.order else { return };
        self.order = match answer.try_recv() {
            Err(TryRecvError::Empty) => return,
            Err(TryRecvError::Disconnected) => Order::Refused("the order was not given".to_owned()),
            Ok(Err(error)) => Order::Refused(error.to_string()),
            Ok(Ok(dataset)) => {
                let peers = self.node.info().ok().and_then(|info| info.connections);
                self.peers = peers.and_then(|peers| u32::try_from(peers.len()).ok());
                Order::Taken(dataset)
            }
        };
    }

    fn used(&self) -> Result<u64, DriverError> {
        Ok(self.node.space()?.quota_used_bytes.saturating_sub(self.before))
    }

    /// A download is forgotten at its end, whether it went well or not: then only the store knows.
    fn received(&self, manifest: &Manifest, download: u64) -> Result<u64, DriverError> {
        let received = self.node.received(&manifest.tree_cid, download)?;
        if received.active {
            return Ok(received.received.saturating_mul(manifest.block_size).min(manifest.dataset_size));
        }
        let used = self.used()?;
        if stored(manifest, used) == manifest.dataset_size {
            return Ok(manifest.dataset_size);
        }
        let (cid, size) = (&self.cid, manifest.dataset_size);
        let detail = format!("the node has ended it, and its store grew by {used} bytes of {size}");
        Err(failed(&format!("background download of {cid}"), detail))
    }
}

/// Bytes of the dataset among the bytes that a store grew by: whole blocks, the last one padded, and a manifest that is
/// smaller than a block.
fn stored(manifest: &Manifest, used: u64) -> u64 {
    let blocks = used / manifest.block_size.max(1);
    blocks.saturating_mul(manifest.block_size).min(manifest.dataset_size)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_store_counts_padded_blocks_and_a_manifest() {
        let manifest = |dataset_size| Manifest { tree_cid: "zDz".to_owned(), dataset_size, block_size: 65_536 };
        // Seen at a real node: size of the dataset, what the store grew by.
        for (size, used) in
            [(1, 65_592), (65_535, 65_594), (65_536, 65_594), (65_537, 131_130), (10_000_000, 10_027_067)]
        {
            assert_eq!(stored(&manifest(size), used), size, "{size}");
            assert!(stored(&manifest(size), used - 65_536) < size, "one block of {size} is missing");
        }
        assert_eq!(stored(&manifest(10_000_000), 59), 0, "only the manifest is there");
        assert_eq!(stored(&manifest(10_000_000), 1_310_720 + 59), 1_310_720);
    }
}
