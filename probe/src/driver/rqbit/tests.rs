//! The driver against a fake: what a good node shows, and how each bad one is named.

use std::fs;

use super::{
    fake::{Fake, Fault},
    *,
};
use crate::driver::conform::conform;

fn checked(fault: Fault) -> Checks {
    let runtime = tokio::runtime::Runtime::new().unwrap();
    let data = tempfile::tempdir().unwrap();
    let place = Fake::start(&runtime, fault, data.path());
    let checks = conform(&mut Rqbit::new(place));
    if checks.hold() {
        assert_eq!(fs::read_dir(data.path()).unwrap().count(), 0, "something was left behind");
    }
    checks
}

#[test]
fn a_good_node_conforms() {
    let checks = checked(Fault::None);
    assert!(checks.hold() && checks.0.len() == 16, "{checks}");
}

#[test]
fn what_is_wrong_with_a_node_is_named() {
    for (fault, name, seen) in [
        (Fault::Other, "the node says that it is rqbit, its version and its limits", "`nginx`, not rqbit"),
        (Fault::Dht, "peers come from the tracker alone: no DHT", "true"),
        (Fault::Limit, "the client sets no rate limit of its own", "upload_bps 1000"),
        (Fault::Refuses, "an upload is taken whole", "400 Bad Request error adding torrent"),
        (Fault::Fails, "an upload is taken whole", "disk on fire"),
        (Fault::Initializing, "an upload is taken whole", "not done after 1 s"),
        (Fault::Silent, "an upload is taken whole", "it knows no complete peer"),
        (Fault::Miscounts, "what is whole is told as whole", "750000 of 1500001 bytes"),
        (Fault::Optimist, "of what is not there it tells nothing once live", "1500001"),
        (Fault::Elsewhere, "it is kept where it was asked for", "/downloads"),
        (Fault::Twice, "what is there is not added twice", "listed 2 times"),
        (Fault::Remembers, "a torrent can be forgotten", "is still listed"),
    ] {
        let checks = checked(fault);
        let broken: Vec<_> = checks.0.iter().filter(|check| !check.ok).collect();
        assert!(broken.len() == 1 && broken[0].name == name && broken[0].seen.contains(seen), "{fault:?}: {checks}");
    }
}

#[test]
fn progress_counts_only_once_it_is_live() {
    let runtime = tokio::runtime::Runtime::new().unwrap();
    let data = tempfile::tempdir().unwrap();
    let place = Fake::start(&runtime, Fault::Initializing, data.path());
    let content = Content { name: "c".to_owned(), seed: Content::seed(&["rqbit"]), bytes: 300_000 };
    let made =
        Metainfo::of_reader(&mut content.reader().unwrap(), content.bytes, &content.name, &place.tracker).unwrap();
    let mut driver = Rqbit::new(place);
    assert!(driver.progress().is_err(), "nothing was started");
    assert!(driver.start(&Handle("x".to_owned()), &content, &[]).is_err(), "no torrent");
    driver.start(&made.handle(), &content, &[]).unwrap();
    assert_eq!(driver.stats(&made).unwrap().progress_bytes, 300_000, "what it checked so far");
    assert_eq!(driver.progress().unwrap(), Progress { verified_bytes: 0, peers: None });
}

#[test]
fn what_goes_into_a_url_is_escaped() {
    assert_eq!(escaped(b"/data/a b%&c\xff~"), "/data/a%20b%25%26c%FF~");
}
