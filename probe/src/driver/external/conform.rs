//! What the contract asks of a sidecar, as far as one node alone can show it.
//!
//! In: a node that may be new to everybody. Out: checks, each named after what is asked.

use std::time::{Duration, Instant};

use super::External;
use crate::{
    content::Content,
    driver::{
        Checks, Description, Driver, DriverError, Handle,
        api::failed,
        conform::{LIMIT, read_back, upload},
    },
};

/// An order is taken, and progress told, well within this.
const SOON: Duration = Duration::from_millis(500);

pub(super) fn look(driver: &mut External, checks: &mut Checks) -> Option<()> {
    let described = driver.describe();
    let seen = |it: &Description| {
        format!("version {}, unit {} bytes, resolution {} s", it.version, it.unit_bytes, it.resolution_seconds)
    };
    let described = checks.get("the sidecar speaks this contract and says what node it has", described, seen)?;
    let sane = described.unit_bytes > 0 && described.resolution_seconds >= 0.0 && !described.version.is_empty();
    checks.that("version, unit and resolution are said", sane, seen(&described));
    Some(())
}

pub(super) fn conform(driver: &mut External, content: &Content, checks: &mut Checks) -> Option<()> {
    checks.get("nodes can be connected, or need not be", driver.connect(&[], LIMIT), |()| "no error".to_owned());
    let handle = upload(driver, content, checks)?;
    read_back(driver, content, checks);
    let again = upload(driver, content, checks)?;
    checks.that("equal content has an equal handle", again == handle, &again.0);
    checks.get("a removal ends well", driver.remove(content), |()| "no error".to_owned())?;
    let gone = match driver.read_back(content) {
        Ok(_) => Err(failed("read back", "it is still there")),
        Err(error) => Ok(error.to_string()),
    };
    checks.get("a removal takes the content away", gone, Clone::clone);
    absent(driver, &handle, content, checks)?;
    checks.get("a removal ends a download", driver.remove(content), |()| "no error".to_owned())?;
    checks.get("what is not there can be removed", driver.remove(content), |()| "no error".to_owned())
}

/// A download of what nobody has, from this node itself.
fn absent(driver: &mut External, handle: &Handle, content: &Content, checks: &mut Checks) -> Option<()> {
    let start = Instant::now();
    let taken = driver.start(handle, content, &["localhost".to_owned()]);
    checks.get("a download is taken", taken, |()| "no error".to_owned())?;
    let took = start.elapsed();
    checks.that("it is taken at once, before it is done", took < SOON, format!("{:.3} s", took.as_secs_f64()));
    let start = Instant::now();
    let told = match driver.progress() {
        Ok(progress) => Ok(format!("{} bytes", progress.verified_bytes)),
        // That it failed is as true.
        Err(DriverError::Node { action, detail }) if action.starts_with("download of ") => Ok(detail),
        Err(error) => Err(error),
    };
    let nothing = told.as_ref().is_ok_and(|text| !text.ends_with(" bytes") || text == "0 bytes");
    let told = checks.get("progress is told", told, Clone::clone)?;
    checks.that("of what nobody has, nothing is told to be held", nothing, told);
    let took = start.elapsed();
    checks.that("progress is told at once", took < SOON, format!("{:.3} s", took.as_secs_f64()));
    Some(())
}
