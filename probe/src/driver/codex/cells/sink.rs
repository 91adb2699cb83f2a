//! A metrics store that takes what it gets and gives it back.

use std::{
    collections::BTreeSet,
    io::Read,
    net::TcpListener,
    sync::{Arc, Mutex},
    thread,
};

use flate2::read::GzDecoder;
use serde_json::json;

use super::super::fake::{Request, read_request, text};

/// Serves until the test program ends; its base URL.
pub(super) fn start() -> String {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let base = format!("http://{}", listener.local_addr().unwrap());
    let lines = Arc::<Mutex<BTreeSet<String>>>::default();
    thread::spawn(move || {
        for mut stream in listener.incoming().flatten() {
            let lines = lines.clone();
            thread::spawn(move || {
                let Some(request) = read_request(&mut stream) else { return };
                text(&mut stream, 200, &serve(&request, &mut lines.lock().unwrap()));
            });
        }
    });
    base
}

fn serve(request: &Request, lines: &mut BTreeSet<String>) -> String {
    if request.path == "/api/v1/import/prometheus" {
        let mut body = String::new();
        GzDecoder::new(&request.body[..]).read_to_string(&mut body).unwrap();
        lines.extend(body.lines().map(str::to_owned));
    }
    if request.path != "/api/v1/export" {
        return String::new();
    }
    // All that has a kind: values of records, each a series of its own.
    let asked = |line: &&String| line.contains(",kind=") && request.query.contains(attempt(line));
    let sample = |line: &String| json!({"metric": {"__name__": line}, "values": [1], "timestamps": [1]}).to_string();
    lines.iter().filter(asked).map(|line| sample(line) + "\n").collect()
}

fn attempt(line: &str) -> &str {
    line.split("attempt=\"").nth(1).and_then(|rest| rest.split('"').next()).unwrap_or("none")
}
