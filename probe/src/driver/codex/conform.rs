//! What this driver takes for granted of a node.
//!
//! In: a node that may be new to everybody. Out: checks, each named after the assumption.

use super::{BLOCK, Codex, LOCAL, generation::Generation, node::Node};
use crate::{
    content::Content,
    driver::{
        Checks, Description, Driver,
        api::failed,
        conform::{read_back, upload},
    },
};

/// More than any manifest was seen to take; less than a block by far.
const MANIFEST: u64 = 1024;

pub(super) fn look(driver: &mut Codex, bytes: u64, checks: &mut Checks) -> Option<()> {
    let seen = |it: &Description| format!("{}, version {}", it.settings["generation"], it.version);
    let described = checks.get("one of the known APIs is there", driver.describe(), seen)?;
    let addresses = &described.settings["addresses"];
    checks.that("the node announces a TCP address", !addresses.is_empty(), format!("{addresses:?}"));
    let seen = |it: &super::node::Space| format!("{} of {}", it.quota_used_bytes, it.quota_max_bytes);
    let space = checks.get("the store tells its used bytes", driver.node().and_then(|node| node.space()), seen)?;
    // A full store is silent: a download into it would only stand still.
    let room = space.quota_max_bytes.saturating_sub(space.quota_used_bytes);
    let needed = bytes.next_multiple_of(BLOCK) + MANIFEST;
    checks.that("the store has room for a content", room >= needed, format!("{room} bytes free, {needed} needed"));
    Some(())
}

pub(super) fn conform(driver: &mut Codex, content: &Content, checks: &mut Checks) -> Option<()> {
    let node = driver.node().ok()?;
    let before = used(&node, "used bytes are told before an upload", checks)?;
    let cid = upload(driver, content, checks)?.0;
    manifest(&node, &cid, content, checks)?;
    let grown = used(&node, "used bytes are told after an upload", checks)?.saturating_sub(before);
    let blocks = content.bytes.next_multiple_of(BLOCK);
    let ok = (blocks..blocks + MANIFEST).contains(&grown);
    checks.that("the store grows by padded blocks and a manifest", ok, format!("{grown} bytes for {}", content.bytes));
    if let Some(again) = upload(driver, content, checks) {
        checks.that("the same upload gives the same CID", again.0 == cid, again.0);
    }
    download(&node, &cid, checks);
    read_back(driver, content, checks);
    checks.get("a removal ends well", driver.remove(content), |()| "no error".to_owned())?;
    let after = used(&node, "used bytes are told after a removal", checks)?;
    checks.that("a removal frees all that an upload took", after == before, format!("{before} before, {after} after"));
    checks.get("what is not there can be removed", node.remove(&cid), |()| "no error".to_owned())
}

fn used(node: &Node, name: &'static str, checks: &mut Checks) -> Option<u64> {
    checks.get(name, node.space(), |it| it.quota_used_bytes.to_string()).map(|it| it.quota_used_bytes)
}

fn manifest(node: &Node, cid: &str, content: &Content, checks: &mut Checks) -> Option<()> {
    let seen = |it: &super::node::Manifest| format!("{} bytes, tree {}", it.dataset_size, it.tree_cid);
    let manifest = checks.get("a manifest is shown", node.manifest(cid, LOCAL), seen)?;
    checks.that("a dataset is as large as its content", manifest.dataset_size == content.bytes, manifest.dataset_size);
    checks.that("a block has 64 KiB", manifest.block_size == BLOCK, manifest.block_size);
    Some(())
}

/// Of what is there already: the order is taken, and told of as the generation tells.
fn download(node: &Node, cid: &str, checks: &mut Checks) -> Option<()> {
    let seen = |it: &super::node::Dataset| it.download_id.map_or("no id".to_owned(), |id| format!("id {id}"));
    let dataset = checks.get("a background download is taken", node.download(cid, LOCAL), seen)?;
    if node.generation != Generation::Progress {
        return Some(());
    }
    let received = match dataset.download_id {
        Some(id) => node.received(&dataset.manifest.tree_cid, id),
        None => Err(failed("background download", "the answer has no downloadId")),
    };
    checks.get("a download tells its progress", received, |it| format!("active: {}", it.active)).map(drop)
}
