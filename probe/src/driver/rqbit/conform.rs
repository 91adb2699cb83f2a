//! What this driver takes for granted of a node.
//!
//! In: a node that may be new to everybody. Out: checks, each named after the assumption.

use super::{PAUSE, Rqbit};
use crate::{
    content::Content,
    driver::{
        Checks, Description, Driver, DriverError,
        api::{failed, wait_for},
        conform::{LIMIT, read_back, removed, upload},
        torrent::Metainfo,
    },
};

pub(super) fn look(driver: &mut Rqbit, checks: &mut Checks) -> Option<()> {
    let described = driver.describe();
    let seen = |it: &Description| format!("{} {}", it.driver, it.version);
    let settings = checks.get("the node says that it is rqbit, its version and its limits", described, seen)?.settings;
    checks.that("peers come from the tracker alone: no DHT", settings["dht"] == "false", &settings["dht"]);
    let limits = settings.iter().filter(|(key, value)| key.ends_with("_bps") && *value != "null");
    let limits: Vec<_> = limits.map(|(key, value)| format!("{key} {value}")).collect();
    checks.that("the client sets no rate limit of its own", limits.is_empty(), limits.join(", "));
    Some(())
}

pub(super) fn conform(driver: &mut Rqbit, content: &Content, checks: &mut Checks) -> Option<()> {
    let handle = upload(driver, content, checks)?;
    let metainfo = Metainfo::of_handle(&handle)?;
    let stats = checks.get("a torrent tells its state", driver.stats(&metainfo), |it| it.state.clone())?;
    let told = format!("{} of {} bytes", stats.progress_bytes, stats.total_bytes);
    let whole = (stats.progress_bytes, stats.total_bytes) == (content.bytes, content.bytes);
    checks.that("what is whole is told as whole", whole, told);
    read_back(driver, content, checks);
    empty(driver, &metainfo, content, checks)?;
    removed(driver, content, checks)
}

/// The torrent again, without its file, while nobody else has it.
fn empty(driver: &mut Rqbit, metainfo: &Metainfo, content: &Content, checks: &mut Checks) -> Option<()> {
    checks.get("a torrent can be forgotten", driver.remove(content), |()| "no error".to_owned())?;
    let data = driver.place.data.clone();
    let added = checks.get("a torrent is taken", driver.add(metainfo), |it| it.output_folder.display().to_string())?;
    checks.that("it is kept where it was asked for", added.output_folder == data, added.output_folder.display());
    let live = || Ok(Some(driver.stats(metainfo)?).filter(|stats| stats.state == "live"));
    let stats = checks.get("it goes live", wait_for("live", LIMIT, PAUSE, live), |it| it.state.clone())?;
    let held = stats.progress_bytes;
    checks.that("of what is not there it tells nothing once live", held == 0 && !stats.finished, held);
    let twice = driver.add(metainfo).and_then(|_| listed_once(driver, content));
    checks.get("what is there is not added twice", twice, |()| "listed once".to_owned())
}

fn listed_once(driver: &Rqbit, content: &Content) -> Result<(), DriverError> {
    match driver.listed(&content.name)?.len() {
        1 => Ok(()),
        count => Err(failed("GET /torrents", format!("listed {count} times"))),
    }
}
