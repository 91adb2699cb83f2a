//! Whether a live node is as its driver takes it to be.
//!
//! In: a driver and its node. Out: [`Checks`]: one line for each assumption, with what was seen. Some only look; they
//! are the preflight of every attempt as well. The others bring a small content in and out.

use std::{fmt, time::Duration};

use super::{Driver, DriverError, Handle, Ingested};
use crate::content::Content;

/// How long a small upload, or a small step, may take; fakes are quick.
pub(crate) const LIMIT: Duration = Duration::from_secs(if cfg!(test) { 1 } else { 60 });
/// No multiple of a block, a piece or a delivery.
const BYTES: u64 = 1_500_001;

/// One assumption.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Check {
    /// What the driver takes for granted.
    pub name: &'static str,
    /// What the node did.
    pub seen: String,
    /// Whether that is the same.
    pub ok: bool,
}

/// What was checked, in order. What can't be checked after a failure is left out.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Checks(pub Vec<Check>);

impl Checks {
    /// Whether every assumption holds.
    pub fn hold(&self) -> bool {
        self.0.iter().all(|check| check.ok)
    }

    /// Those that don't hold, each as a sentence.
    pub fn broken(&self) -> Vec<String> {
        let broken = self.0.iter().filter(|check| !check.ok);
        broken.map(|check| format!("not so: {}: {}", check.name, check.seen)).collect()
    }

    /// Adds one that holds if there is a value; the value.
    pub(crate) fn get<T>(
        &mut self,
        name: &'static str,
        result: Result<T, DriverError>,
        seen: impl FnOnce(&T) -> String,
    ) -> Option<T> {
        let text = match &result {
            Ok(value) => seen(value),
            Err(error) => error.to_string(),
        };
        self.0.push(Check { name, seen: text, ok: result.is_ok() });
        result.ok()
    }

    /// Adds one that holds or not.
    pub(crate) fn that(&mut self, name: &'static str, ok: bool, seen: impl fmt::Display) {
        self.0.push(Check { name, seen: seen.to_string(), ok });
    }
}

impl fmt::Display for Checks {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let width = |text: &str| text.chars().count();
        let name = self.0.iter().map(|check| width(check.name)).max().unwrap_or(0);
        writeln!(f, "{:name$}  ok  seen", "check")?;
        for check in &self.0 {
            let word = if check.ok { "ok" } else { "NO" };
            writeln!(f, "{:name$}  {word}  {}", check.name, check.seen.replace('\n', " "))?;
        }
        Ok(())
    }
}

/// Checks a node that is to carry contents of so many bytes, without a change to it.
pub fn preflight(driver: &mut dyn Driver, bytes: u64) -> Checks {
    let mut checks = Checks::default();
    // Without a value: a failure after which nothing more can be checked.
    let _ = driver.look(bytes, &mut checks);
    checks
}

/// Checks a node with a small content of its own, which is removed at the end.
pub fn conform(driver: &mut dyn Driver) -> Checks {
    // Fresh at each call: a node that has seen the content behaves otherwise.
    let seed = Content::seed(&["conform", &format!("{:?}", std::time::SystemTime::now())]);
    let content = Content { name: format!("conform-{}", &seed[..8]), seed, bytes: BYTES };
    let mut checks = Checks::default();
    let _ = driver.look(BYTES, &mut checks).and_then(|()| driver.conform(&content, &mut checks));
    checks
}

/// What every driver takes for granted and can see.
pub(crate) fn answers<D: Driver + ?Sized>(driver: &mut D, checks: &mut Checks) -> Option<()> {
    let seen = |it: &super::Description| format!("{} {}", it.driver, it.version);
    checks.get("the node answers and says what it is", driver.describe(), seen).map(drop)
}

/// What every driver takes for granted of a content.
pub(crate) fn carries<D: Driver + ?Sized>(driver: &mut D, content: &Content, checks: &mut Checks) -> Option<()> {
    upload(driver, content, checks)?;
    read_back(driver, content, checks);
    removed(driver, content, checks)
}

/// Removes a content, and once more.
pub(crate) fn removed<D: Driver + ?Sized>(driver: &mut D, content: &Content, checks: &mut Checks) -> Option<()> {
    checks.get("a removal ends well", driver.remove(content), |()| "no error".to_owned())?;
    checks.get("what is not there can be removed", driver.remove(content), |()| "no error".to_owned())
}

pub(crate) fn upload<D: Driver + ?Sized>(driver: &mut D, content: &Content, checks: &mut Checks) -> Option<Handle> {
    let ingested = driver.ingest(content, LIMIT);
    let seen = |it: &Ingested| format!("{} bytes in {:.3} s", content.bytes, it.upload_seconds);
    checks.get("an upload is taken whole", ingested, seen).map(|it| it.handle)
}

pub(crate) fn read_back<D: Driver + ?Sized>(driver: &mut D, content: &Content, checks: &mut Checks) {
    let read = driver.read_back(content);
    let digest = checks.get("what is read back is whole", read, |_| format!("{} bytes", content.bytes));
    if let Some(digest) = digest {
        let ok = content.sha256().is_ok_and(|sha256| sha256 == digest);
        checks.that("what is read back has the content's SHA-256", ok, digest);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::driver::{Place, driver};

    #[test]
    fn the_control_system_conforms_and_silence_does_not() {
        let runtime = tokio::runtime::Runtime::new().unwrap();
        let data = tempfile::tempdir().unwrap();
        let listener = runtime.block_on(tokio::net::TcpListener::bind("127.0.0.1:0")).unwrap();
        let api = format!("http://{}", listener.local_addr().unwrap());
        runtime.spawn(crate::http_node::serve(listener, data.path().to_owned()));
        let place = Place { api, data: data.path().to_owned(), host: String::new(), tracker: String::new() };
        let checks = conform(driver("http", place.clone()).unwrap().as_mut());
        assert!(checks.hold() && checks.0.len() == 6, "{checks}");
        let table = checks.to_string();
        assert!(table.starts_with("check ") && table.contains("what is read back is whole "), "{table}");

        let nobody = Place { api: "http://127.0.0.1:9".to_owned(), ..place };
        let checks = conform(driver("http", nobody).unwrap().as_mut());
        assert!(!checks.hold() && checks.to_string().contains("  NO  GET /version"), "{checks}");
    }
}
