use std::{fs::File, io, io::Read, time::Duration};

use serde::Deserialize;

use super::generation::Generation;
use crate::{
    content::copy_hashed,
    driver::{
        DriverError,
        api::{Api, failed},
    },
};

/// A removal goes block by block: minutes for gigabytes.
const REMOVAL: Duration = Duration::from_mins(10);

/// One node's API.
#[derive(Debug, Clone)]
pub(super) struct Node {
    /// After most answers the node sends a second one that belongs to nothing, and then closes.
    api: Api,
    pub(super) generation: Generation,
}

/// What a node says of itself.
#[derive(Debug, Clone, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Info {
    /// Its peer id.
    pub(super) id: String,
    /// Where it listens.
    #[serde(default)]
    addrs: Vec<String>,
    /// Where it says that it can be reached; newer nodes say that in `addrs`.
    #[serde(default)]
    announce_addresses: Vec<String>,
    #[serde(alias = "codex")]
    pub(super) storage: Version,
    /// Peers it is connected to; older nodes don't say.
    #[serde(default)]
    pub(super) connections: Option<Vec<serde::de::IgnoredAny>>,
}

/// A node's build. May be an error text of the tool that should have found it out.
#[derive(Debug, Clone, Deserialize)]
pub(super) struct Version {
    pub(super) version: String,
    #[serde(default)]
    pub(super) revision: String,
}

/// How full a node's store is.
#[derive(Debug, Clone, Copy, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Space {
    pub(super) quota_max_bytes: u64,
    pub(super) quota_used_bytes: u64,
}

/// A dataset, as answers describe it.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Dataset {
    pub(super) manifest: Manifest,
    /// Of a download, where downloads have ids.
    pub(super) download_id: Option<u64>,
}

/// What a dataset consists of.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Manifest {
    pub(super) tree_cid: String,
    pub(super) dataset_size: u64,
    pub(super) block_size: u64,
}

/// How far a download is; gone once it has ended, well or not.
#[derive(Debug, Clone, Copy, Deserialize)]
pub(super) struct Received {
    pub(super) active: bool,
    /// Blocks.
    #[serde(default)]
    pub(super) received: u64,
}

impl Node {
    /// Finds out which API is there.
    pub(super) fn detect(url: &str) -> Result<Self, DriverError> {
        let api = Api::of_single_use(url);
        Ok(Self { generation: Generation::detect(&api)?, api })
    }

    /// Another node of the same kind.
    pub(super) fn like(&self, url: &str) -> Self {
        Self { api: Api::of_single_use(url), generation: self.generation }
    }

    fn path(&self, rest: &str) -> String {
        format!("{}{rest}", self.generation.base())
    }

    pub(super) fn info(&self) -> Result<Info, DriverError> {
        self.api.json(&self.path("/debug/info"))
    }

    pub(super) fn space(&self) -> Result<Space, DriverError> {
        self.api.json(&self.path("/space"))
    }

    /// Makes a dataset of a file; its CID.
    ///
    /// The type is part of the manifest, hence of the CID: every seeder must say the same.
    pub(super) fn upload(&self, file: &File, limit: Duration) -> Result<String, DriverError> {
        let path = self.path("/data");
        let answer = self.api.upload(&path, "application/octet-stream", file, limit)?;
        let cid = answer.trim();
        if cid.starts_with('z') && cid.bytes().all(|byte| byte.is_ascii_alphanumeric()) {
            return Ok(cid.to_owned());
        }
        Err(failed(&format!("POST {path}"), format!("{cid:?} is no CID")))
    }

    /// The manifest, from here or from the network.
    pub(super) fn manifest(&self, cid: &str, limit: Duration) -> Result<Manifest, DriverError> {
        let dataset: Dataset = self.api.json_within(&self.path(&format!("/data/{cid}/network/manifest")), limit)?;
        Ok(dataset.manifest)
    }

    /// Where a reader gets a dataset from the network. Status and headers come before any block.
    pub(super) fn stream_url(&self, url: &str, cid: &str) -> String {
        format!("{}{}", url.trim_end_matches('/'), self.path(&format!("/data/{cid}/network/stream")))
    }

    /// Starts a download in the background. Answers once the node has the manifest, which may be never.
    pub(super) fn download(&self, cid: &str, limit: Duration) -> Result<Dataset, DriverError> {
        let path = self.path(&format!("/data/{cid}/network"));
        let answer = self.api.order(&path, limit)?;
        serde_json::from_str(&answer).map_err(|error| failed(&format!("POST {path}"), format!("{error} in {answer:?}")))
    }

    /// How far a download is. The path takes the tree's CID, not the manifest's.
    pub(super) fn received(&self, tree: &str, download: u64) -> Result<Received, DriverError> {
        self.api.json(&self.path(&format!("/data/{tree}/network/progress/{download}")))
    }

    /// Reads a dataset to the end that its header announces, and no further; its SHA-256.
    pub(super) fn read(&self, cid: &str, bytes: u64) -> Result<String, DriverError> {
        let path = self.path(&format!("/data/{cid}"));
        let trouble = |detail: String| failed(&format!("GET {path}"), detail);
        let (length, body) = self.api.sized(&path)?;
        if length != Some(bytes) {
            let length = length.map_or_else(|| "no".to_owned(), |length| length.to_string());
            return Err(trouble(format!("the answer announces {length} bytes, the content has {bytes}")));
        }
        let mut body = Counted { body, bytes: 0 };
        // A body that is shorter than announced is an error of the client's.
        let digest = copy_hashed(&mut body, &mut io::sink());
        digest.map_err(|error| trouble(format!("the body broke off after {} of {bytes} bytes: {error}", body.bytes)))
    }

    /// Removes a dataset; no error when it isn't there.
    pub(super) fn remove(&self, cid: &str) -> Result<(), DriverError> {
        self.api.delete_within(&self.path(&format!("/data/{cid}")), REMOVAL).map(drop)
    }

    /// Connects to another node; nothing changes where they are connected.
    pub(super) fn dial(&self, other: &Info) -> Result<(), DriverError> {
        let mut last = failed(&format!("dial {}", other.id), "it announces no TCP address");
        for address in other.addresses() {
            match self.api.text(&self.path(&format!("/connect/{}?addrs={address}", other.id))) {
                Ok(_) => return Ok(()),
                Err(error) => last = error,
            }
        }
        Err(last)
    }
}

impl Info {
    /// Where others reach it.
    pub(super) fn addresses(&self) -> impl Iterator<Item = &String> {
        let all = if self.announce_addresses.is_empty() { &self.addrs } else { &self.announce_addresses };
        all.iter().filter(|address| address.contains("/tcp/"))
    }
}

/// Counts what is read.
struct Counted<R> {
    body: R,
    bytes: u64,
}

impl<R: Read> Read for Counted<R> {
    fn read(&mut self, out: &mut [u8]) -> io::Result<usize> {
        let count = self.body.read(out)?;
        self.bytes += count as u64;
        Ok(count)
    }
}
