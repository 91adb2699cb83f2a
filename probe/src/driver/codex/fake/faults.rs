use std::time::Duration;

/// What can be wrong with a node.
#[derive(Debug, Clone, Copy, Default)]
#[expect(clippy::struct_excessive_bools, reason = "switches, each of its own")]
pub(crate) struct Faults {
    /// The API takes connections and never answers.
    pub(crate) closed: bool,
    /// Every eighth answer comes half a second late. Seen at nodes that transfer 100 MB: 0.33 to 0.51 s.
    pub(crate) pauses: bool,
    /// It announces no address: what finds out its own is wrong.
    pub(crate) hidden: bool,
    /// Nobody can dial it.
    pub(crate) unreachable: bool,
    /// It does not tell its used bytes.
    pub(crate) no_space: bool,
    /// How many bytes its store may hold, as it tells.
    pub(crate) quota: Option<u64>,
    /// Its store is full, whatever it tells: uploads are refused, downloads stand still.
    pub(crate) full: bool,
    /// An upload loses its second half.
    pub(crate) short_upload: bool,
    /// An upload is answered with something that is no CID.
    pub(crate) no_cid: bool,
    /// The same upload gives another CID each time.
    pub(crate) fresh_cids: bool,
    /// It tells of blocks of another size.
    pub(crate) big_blocks: bool,
    /// The last block is not padded.
    pub(crate) unpadded: bool,
    /// So many requests for a manifest are answered 404.
    pub(crate) absent_at_first: u32,
    /// A download has no id.
    pub(crate) no_id: bool,
    /// A download is given up after its first delivery, and forgotten.
    pub(crate) gives_up: bool,
    /// The node restarts after the first delivery of a download.
    pub(crate) restarts: bool,
    /// The node is gone for good after the first delivery that it sent.
    pub(crate) dies: bool,
    /// A body ends half-way, in the second answer.
    pub(crate) cut_body: bool,
    /// A body has one wrong byte.
    pub(crate) wrong_bytes: bool,
    /// How long a removal takes.
    pub(crate) removal: Duration,
    /// A removal is refused.
    pub(crate) keeps: bool,
    /// A removal of what isn't there is refused.
    pub(crate) misses: bool,
    /// A removal leaves the blocks.
    pub(crate) keeps_blocks: bool,
}
