use std::{io::Read, net::TcpListener};

use flate2::read::GzDecoder;

use super::{
    scripted::{Answer, Scripted},
    *,
};

fn store(base: &str) -> Store {
    Store::new(&Urls { write: format!("{base}/"), read: format!("{base}/") })
}

fn status(status: u16, body: &str) -> Answer {
    Answer::Status(status, body.to_owned())
}

#[test]
fn a_retry_sends_the_same_bytes() {
    // Busy, too much at once, and a connection that breaks.
    let scripted = Scripted::new(vec![status(503, "no"), status(429, "no"), Answer::Nothing, status(204, "")]);
    let parcel = Parcel::new("/api/v1/import", "{}\n");
    store(&scripted.base).push(&parcel, Duration::from_secs(30)).unwrap();
    let requests = scripted.requests();
    let mut text = String::new();
    GzDecoder::new(&requests[0].body[..]).read_to_string(&mut text).unwrap();
    assert_eq!(text, "{}\n");
    for request in &requests {
        assert_eq!((&*request.line, &request.body), ("POST /api/v1/import", &parcel.body));
        assert!(request.head.to_lowercase().contains("content-encoding: gzip\r\n"), "{}", request.head);
    }
    let pauses: Vec<_> = requests.windows(2).map(|pair| (pair[1].at - pair[0].at).as_secs_f64()).collect();
    assert!(pauses[1] > pauses[0] * 1.2 && pauses[2] > pauses[1] * 1.2, "each pause is longer: {pauses:?}");
}

#[test]
fn a_refusal_is_final_and_says_why() {
    for code in [400, 401, 404, 413] {
        let scripted = Scripted::new(vec![status(code, "no\n")]);
        let base = scripted.base.clone();
        let error = store(&base).push(&Parcel::new("/api/v1/import", "x"), PATIENCE).unwrap_err();
        assert_eq!(scripted.requests().len(), 1);
        assert_eq!(error.to_string(), format!("{base}/api/v1/import: refused with status {code}: no"));
    }
}

#[test]
fn nobody_there_is_given_up() {
    let port = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
    let start = Instant::now();
    let base = format!("http://127.0.0.1:{port}");
    let error = store(&base).push(&Parcel::new("/api/v1/import", "x"), Duration::from_secs(2)).unwrap_err();
    assert!(matches!(error, StoreError::Unreachable { .. }), "{error}");
    assert!(start.elapsed() < Duration::from_secs(3));
}

#[test]
fn values_that_do_not_show_yet_are_looked_for_again_but_not_at_once() {
    let series = |name: &str| format!("{{\"metric\":{{\"__name__\":\"{name}\"}},\"values\":[1],\"timestamps\":[7]}}\n");
    let scripted =
        Scripted::new(vec![status(200, &series("a")), status(200, &(series("a") + &series("b") + &series("b")))]);
    let start = Instant::now();
    store(&scripted.base).confirm("a1", 2, (1000, 2000), PATIENCE).unwrap();
    let requests = scripted.requests();
    let looks: Vec<_> = requests.iter().map(|request| (request.at - start).as_secs()).collect();
    assert_eq!(looks, [3, 14], "a store remembers for ten seconds that there was nothing");
    assert!(requests.iter().all(|request| request.line == "GET /api/v1/export"), "{requests:?}");
    for part in ["start=0.000", "end=62.000", "attempt%3D%22a1%22"] {
        assert!(requests[0].head.contains(part), "{part}: {}", requests[0].head);
    }
}

#[test]
fn an_answer_that_cant_be_read_is_no_confirmation() {
    let scripted = Scripted::new(vec![status(200, "<html>")]);
    let error = store(&scripted.base).confirm("a1", 2, (1000, 2000), PATIENCE).unwrap_err();
    assert!(matches!(error, StoreError::Odd { .. }), "{error}");
}

#[test]
fn a_store_that_hangs_is_asked_no_longer_than_the_patience() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let base = format!("http://{}", listener.local_addr().unwrap());
    let start = Instant::now();
    let error = store(&base).confirm("a1", 2, (1000, 2000), Duration::from_secs(4)).unwrap_err();
    assert!(matches!(error, StoreError::Unreachable { .. }), "{error}");
    assert!(start.elapsed() < Duration::from_secs(10), "{:?}", start.elapsed());
}

#[test]
fn stamps_are_seconds_with_a_fraction() {
    assert_eq!(seconds(1_700_000_000_042), "1700000000.042");
}
