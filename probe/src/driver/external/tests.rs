//! The driver against sidecars of the contract: the example, and fakes that break each of its points.

#![expect(clippy::unused_async, reason = "the form that handlers have")]

use std::{
    collections::BTreeSet,
    net::{Ipv4Addr, TcpListener},
    process::{Child, Command, Stdio},
    sync::{Arc, Mutex},
};

use axum::{
    Router,
    body::Bytes,
    extract::{Path, State as Shared},
    http::StatusCode,
    response::{IntoResponse, Response},
    routing::{get, post},
};
use serde_json::json;

use super::*;
use crate::driver::conform::conform;

/// What can be wrong with a sidecar.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Fault {
    None,
    OtherContract,
    NoVersion,
    RefusesPeers,
    Full,
    NoHandle,
    OtherHandles,
    ShortBody,
    WrongBytes,
    KeepsContent,
    RefusesOrders,
    Waits,
    Forgets,
    Boasts,
    RefusesAbsent,
}

/// A sidecar, and a node that holds contents in memory.
#[derive(Clone)]
struct Fake(Arc<(Fault, Mutex<Held>)>);

#[derive(Default)]
struct Held {
    content: Option<Bytes>,
    downloads: BTreeSet<String>,
    uploads: u32,
}

impl Fake {
    fn router(fault: Fault) -> Router {
        Router::new()
            .route("/benchgrid/v1/node", get(Self::node))
            .route("/benchgrid/v1/contents/{name}", get(Self::read).put(Self::put).delete(Self::delete))
            .route("/benchgrid/v1/peers", post(Self::peers))
            .route("/benchgrid/v1/downloads", post(Self::download))
            .route("/benchgrid/v1/downloads/{name}", get(Self::progress))
            .with_state(Self(Arc::new((fault, Mutex::default()))))
    }

    fn is(&self, fault: Fault) -> bool {
        self.0.0 == fault
    }

    async fn node(Shared(fake): Shared<Self>) -> String {
        let contract = if fake.is(Fault::OtherContract) { 2 } else { 1 };
        let version = if fake.is(Fault::NoVersion) { "" } else { "1.4.0" };
        json!({"contract": contract, "version": version, "unitBytes": 1, "resolutionSeconds": 0.1}).to_string()
    }

    async fn peers(Shared(fake): Shared<Self>) -> StatusCode {
        if fake.is(Fault::RefusesPeers) { StatusCode::BAD_GATEWAY } else { StatusCode::NO_CONTENT }
    }

    async fn put(Shared(fake): Shared<Self>, body: Bytes) -> Response {
        let mut held = fake.0.1.lock().unwrap();
        held.uploads += 1;
        let handle = match fake.0.0 {
            Fault::Full => {
                return (StatusCode::INSUFFICIENT_STORAGE, json!({"error": "full"}).to_string()).into_response();
            }
            Fault::NoHandle => String::new(),
            Fault::OtherHandles => format!("h{}", held.uploads),
            _ => "h".to_owned(),
        };
        held.content = Some(body);
        json!({"handle": handle}).to_string().into_response()
    }

    async fn read(Shared(fake): Shared<Self>) -> Response {
        let held = fake.0.1.lock().unwrap();
        let Some(content) = held.content.clone() else { return StatusCode::NOT_FOUND.into_response() };
        match fake.0.0 {
            Fault::ShortBody => content.slice(..1000).into_response(),
            Fault::WrongBytes => vec![0_u8; content.len()].into_response(),
            _ => content.into_response(),
        }
    }

    async fn delete(Shared(fake): Shared<Self>, Path(name): Path<String>) -> StatusCode {
        let mut held = fake.0.1.lock().unwrap();
        let there = held.content.is_some() | held.downloads.remove(&name);
        if fake.is(Fault::RefusesAbsent) && !there {
            return StatusCode::NOT_FOUND;
        }
        if !fake.is(Fault::KeepsContent) {
            held.content = None;
        }
        StatusCode::NO_CONTENT
    }

    async fn download(Shared(fake): Shared<Self>, body: String) -> StatusCode {
        let order: serde_json::Value = serde_json::from_str(&body).unwrap();
        assert!(order["handle"].as_str().unwrap().starts_with('h') && order["bytes"] == 1_500_001, "{order}");
        assert_eq!(order["seeders"], json!(["localhost"]));
        if fake.is(Fault::Waits) {
            tokio::time::sleep(Duration::from_millis(700)).await;
        }
        if fake.is(Fault::RefusesOrders) {
            return StatusCode::SERVICE_UNAVAILABLE;
        }
        fake.0.1.lock().unwrap().downloads.insert(order["name"].as_str().unwrap().to_owned());
        StatusCode::ACCEPTED
    }

    async fn progress(Shared(fake): Shared<Self>, Path(name): Path<String>) -> Response {
        if fake.is(Fault::Forgets) || !fake.0.1.lock().unwrap().downloads.contains(&name) {
            return StatusCode::NOT_FOUND.into_response();
        }
        let held = if fake.is(Fault::Boasts) { 1000 } else { 0 };
        json!({"verifiedBytes": held, "peers": 1}).to_string().into_response()
    }
}

fn place(api: String, data: &std::path::Path) -> Place {
    Place { api, data: data.to_owned(), host: String::new(), tracker: String::new() }
}

fn checked(fault: Fault) -> Checks {
    let runtime = tokio::runtime::Runtime::new().unwrap();
    let listener = runtime.block_on(tokio::net::TcpListener::bind("127.0.0.1:0")).unwrap();
    let api = format!("http://{}", listener.local_addr().unwrap());
    let limit = axum::extract::DefaultBodyLimit::disable();
    runtime.spawn(async move { axum::serve(listener, Fake::router(fault).layer(limit)).await });
    let data = tempfile::tempdir().unwrap();
    let checks = conform(&mut External::new(place(api, data.path())));
    assert_eq!(fs::read_dir(data.path()).unwrap().count(), 0, "something was left behind");
    checks
}

#[test]
fn a_good_sidecar_conforms() {
    let checks = checked(Fault::None);
    assert!(checks.hold() && checks.0.len() == 17, "{checks}");
}

#[test]
fn what_is_wrong_with_a_sidecar_is_named() {
    let speaks = "the sidecar speaks this contract and says what node it has";
    for (fault, name, seen) in [
        (Fault::OtherContract, speaks, "the sidecar speaks contract 2, this probe 1"),
        (Fault::NoVersion, "version, unit and resolution are said", "version , unit 1"),
        (Fault::RefusesPeers, "nodes can be connected, or need not be", "502"),
        (Fault::Full, "an upload is taken whole", "507 Insufficient Storage {\"error\":\"full\"}"),
        (Fault::NoHandle, "an upload is taken whole", "the handle is empty"),
        (Fault::OtherHandles, "equal content has an equal handle", "h2"),
        (Fault::ShortBody, "what is read back is whole", "announced with 1000 bytes, not 1500001"),
        (Fault::WrongBytes, "what is read back has the content's SHA-256", ""),
        (Fault::KeepsContent, "a removal takes the content away", "it is still there"),
        (Fault::RefusesOrders, "a download is taken", "503"),
        (Fault::Waits, "it is taken at once, before it is done", "0.7"),
        (Fault::Forgets, "progress is told", "404"),
        (Fault::Boasts, "of what nobody has, nothing is told to be held", "1000 bytes"),
        (Fault::RefusesAbsent, "what is not there can be removed", "404"),
    ] {
        let checks = checked(fault);
        let broken: Vec<_> = checks.0.iter().filter(|check| !check.ok).collect();
        let named = broken.first().is_some_and(|check| check.name == name && check.seen.contains(seen));
        assert!(named && broken.len() == 1, "{fault:?}: {checks}");
    }
}

/// The example of the documentation; ends with the test.
struct Example {
    node: Child,
    driver: External,
    data: tempfile::TempDir,
}

impl Example {
    fn start(api_port: u16, peer_port: u16) -> Self {
        let data = tempfile::tempdir().unwrap();
        let script = concat!(env!("CARGO_MANIFEST_DIR"), "/../docs/examples/external.py");
        let mut node = Command::new("python3");
        node.arg(script).arg(data.path()).args([api_port, peer_port].map(|port| port.to_string()));
        let node = node.stdin(Stdio::null()).stdout(Stdio::null()).spawn();
        let node = node.expect("this test needs the program python3");
        let mut driver = External::new(place(format!("http://127.0.0.1:{api_port}"), data.path()));
        let up = |_| {
            std::thread::sleep(Duration::from_millis(50));
            driver.describe().is_ok()
        };
        assert!((0..1200).any(up), "the example does not come up in a minute");
        Self { node, driver, data }
    }
}

impl Drop for Example {
    fn drop(&mut self) {
        let _ = self.node.kill();
        let _ = self.node.wait();
    }
}

/// Free when asked.
fn port() -> u16 {
    TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap().local_addr().unwrap().port()
}

#[test]
fn the_example_conforms() {
    let mut example = Example::start(port(), port());
    let checks = conform(&mut example.driver);
    assert!(checks.hold(), "{checks}");
    assert_eq!(fs::read_dir(example.data.path()).unwrap().count(), 0, "something was left behind");
}
