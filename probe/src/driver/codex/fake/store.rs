//! What a node holds: manifests and blocks.

use std::{collections::BTreeMap, sync::Arc};

use sha2::{Digest, Sha256};

/// Fact: a block is 64 KiB, the last one padded.
pub(super) const BLOCK: usize = 65_536;
/// Fact: a manifest takes 56 to 59 bytes of the store.
const MANIFEST: u64 = 59;

/// One dataset of a node, whole or not.
#[derive(Debug, Clone)]
pub(super) struct Dataset {
    /// Bytes of the payload.
    pub(super) size: usize,
    /// Gone once it was removed, while blocks may still come.
    pub(super) manifest: bool,
    pub(super) blocks: Vec<Option<Arc<Vec<u8>>>>,
}

/// Datasets by CID.
#[derive(Debug, Default)]
pub(super) struct Store(pub(super) BTreeMap<String, Dataset>);

impl Dataset {
    /// Nothing of it but the manifest.
    pub(super) fn empty(size: usize) -> Self {
        Self { size, manifest: true, blocks: vec![None; size.div_ceil(BLOCK)] }
    }

    /// All of it.
    pub(super) fn whole(body: &[u8]) -> Self {
        let padded = |block: &[u8]| {
            let mut block = block.to_vec();
            block.resize(BLOCK, 0);
            Some(Arc::new(block))
        };
        Self { size: body.len(), manifest: true, blocks: body.chunks(BLOCK).map(padded).collect() }
    }

    pub(super) fn held(&self) -> usize {
        self.blocks.iter().flatten().count()
    }

    pub(super) fn is_whole(&self) -> bool {
        self.manifest && self.held() == self.blocks.len()
    }

    /// Bytes of a block that belong to the payload.
    pub(super) fn payload(&self, block: usize) -> usize {
        BLOCK.min(self.size - block * BLOCK)
    }
}

impl Store {
    /// The dataset of that CID, unless it was removed.
    pub(super) fn shown(&self, cid: &str) -> Option<&Dataset> {
        self.0.get(cid).filter(|dataset| dataset.manifest)
    }

    /// Fact: used bytes are whole blocks and manifests, also of datasets that were removed in the middle.
    pub(super) fn used(&self, unpadded: bool) -> u64 {
        let of = |dataset: &Dataset| {
            let last = dataset.blocks.last().is_some_and(Option::is_some);
            let short = if unpadded && last { BLOCK - dataset.payload(dataset.blocks.len() - 1) } else { 0 };
            (dataset.held() * BLOCK - short) as u64 + if dataset.manifest { MANIFEST } else { 0 }
        };
        self.0.values().map(of).sum()
    }
}

/// Fact: what headers say of a body is part of its CID.
pub(super) fn cid(body: &[u8], kind: &str) -> String {
    let digest = Sha256::new().chain_update(body).chain_update(kind).finalize();
    format!("zDv{:x}", digest.iter().fold(0_u64, |all, byte| all.rotate_left(7) ^ u64::from(*byte)))
}

/// Fact: CIDs of trees and of manifests differ, and begin differently.
pub(super) fn tree(cid: &str) -> String {
    cid.replacen("zDv", "zDz", 1)
}
