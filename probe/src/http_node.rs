//! A node of the built-in control system: files over plain HTTP.
//!
//! In: requests of the local driver (put, fetch, held, stream, delete) and of other nodes (get), one port for both. Out:
//! files in the data directory; a fetched one appears under its name when it is whole. "Verified" means received and
//! written here: digests are the agent's business.

use std::{
    collections::BTreeMap,
    fs::{self, File},
    io::{self, Write},
    net::SocketAddr,
    os::unix::fs::FileExt,
    path::{Path, PathBuf},
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicU64, Ordering},
    },
};

use axum::{
    Json, Router,
    body::{Body, Bytes},
    extract::{Path as UrlPath, Query, State},
    http::{HeaderMap, StatusCode, header},
    response::{IntoResponse, Response},
    routing::{get, post},
    serve::ListenerExt as _,
};
use futures_util::StreamExt as _;
use serde::{Deserialize, Serialize};
use tokio::sync::mpsc;

mod transfer;

use transfer::Transfer;

/// How much of a file is read and sent at a time.
const CHUNK: usize = 256 * 1024;
/// Chunks that wait between disk and network.
const CHUNKS_AHEAD: usize = 4;
/// Longest name of a file.
const LONGEST_NAME: usize = 200;

/// What a node says of itself.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Version {
    /// Version of the program.
    pub version: String,
}

/// An order to download.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Fetch {
    /// Name of the file, there and here.
    pub name: String,
    /// Its size.
    pub bytes: u64,
    /// Base URLs of nodes that have it.
    pub from: Vec<String>,
}

/// Query of a reader's request.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
struct Source {
    /// Size of the file.
    bytes: u64,
    /// Base URLs of nodes that have it, with commas.
    from: String,
}

/// How much of a file a node has.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Held {
    /// Bytes received and written; all of them only when the file is offered to others.
    pub bytes: u64,
    /// Size of the file.
    pub total: u64,
    /// Nodes it is being fetched from.
    pub peers: u32,
    /// Why the fetch ended before the file was whole.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub error: Option<String>,
}

/// Answers on that address until the process ends.
pub async fn run(listen: SocketAddr, data: PathBuf) -> io::Result<()> {
    serve(tokio::net::TcpListener::bind(listen).await?, data).await
}

/// Answers on that socket until the process ends.
pub async fn serve(listener: tokio::net::TcpListener, data: PathBuf) -> io::Result<()> {
    fs::create_dir_all(&data)?;
    // Small answers must not wait for an acknowledgement.
    let listener = listener.tap_io(|stream| {
        let _ = stream.set_nodelay(true);
    });
    axum::serve(listener, router(data)).await
}

/// The routes of a node that keeps its files there.
pub fn router(data: PathBuf) -> Router {
    let node = Arc::new(Node { data, fetches: Mutex::default(), parts: AtomicU64::new(0) });
    Router::new()
        .route("/version", get(version))
        .route("/fetch", post(fetch))
        .route("/files/{name}", get(read).put(store).delete(delete))
        .route("/files/{name}/held", get(held))
        .route("/files/{name}/stream", get(pass_on))
        .with_state(node)
}

/// The node's state: the directory holds the whole files, the map the fetches since the start.
#[derive(Debug)]
struct Node {
    data: PathBuf,
    fetches: Mutex<BTreeMap<String, Arc<Transfer>>>,
    parts: AtomicU64,
}

impl Node {
    fn fetches(&self) -> MutexGuard<'_, BTreeMap<String, Arc<Transfer>>> {
        self.fetches.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn file(&self, name: &str) -> PathBuf {
        self.data.join(name)
    }

    /// A hidden path that no other write uses.
    fn part(&self, name: &str) -> PathBuf {
        let number = self.parts.fetch_add(1, Ordering::Relaxed);
        self.data.join(format!(".{name}.{number}.part"))
    }

    /// Stops the fetch of a file and removes it.
    fn forget(&self, name: &str) -> io::Result<()> {
        if let Some(fetch) = self.fetches().remove(name) {
            fetch.stop();
        }
        match fs::remove_file(self.file(name)) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
            _ => Ok(()),
        }
    }

    /// Starts a fetch.
    fn begin(&self, order: Fetch) -> Result<Arc<Transfer>, NodeError> {
        check(&order.name)?;
        if order.from.is_empty() {
            return Err(NodeError::NoSeeder);
        }
        // What an earlier, broken attempt left must not count as fetched.
        self.forget(&order.name)?;
        let transfer = Transfer::begin(&order, self.part(&order.name), self.file(&order.name))?;
        self.fetches().insert(order.name, Arc::clone(&transfer));
        Ok(transfer)
    }

    fn held(&self, name: &str) -> Option<Held> {
        if let Some(fetch) = self.fetches().get(name) {
            return Some(fetch.held());
        }
        let total = self.file(name).metadata().ok()?.len();
        Some(Held { bytes: total, total, peers: 0, error: None })
    }
}

/// A request that can't be answered.
#[derive(Debug, thiserror::Error)]
enum NodeError {
    #[error("{0:?} is no name of a file: letters, digits, '-', '_' and '.', not first")]
    Name(String),
    #[error("{0} is not here")]
    Missing(String),
    #[error("no node to fetch from")]
    NoSeeder,
    #[error("the range is not in the file")]
    Range,
    #[error("the body ended early: {0}")]
    Body(axum::Error),
    #[error("{0}")]
    Disk(#[from] io::Error),
    #[error("{0}")]
    Task(#[from] tokio::task::JoinError),
}

impl IntoResponse for NodeError {
    fn into_response(self) -> Response {
        let status = match &self {
            Self::Name(_) | Self::NoSeeder | Self::Body(_) => StatusCode::BAD_REQUEST,
            Self::Missing(_) => StatusCode::NOT_FOUND,
            Self::Range => StatusCode::RANGE_NOT_SATISFIABLE,
            Self::Disk(_) | Self::Task(_) => StatusCode::INTERNAL_SERVER_ERROR,
        };
        (status, self.to_string()).into_response()
    }
}

async fn version() -> Json<Version> {
    Json(Version { version: env!("CARGO_PKG_VERSION").to_owned() })
}

async fn fetch(State(node): State<Arc<Node>>, Json(order): Json<Fetch>) -> Result<StatusCode, NodeError> {
    node.begin(order)?;
    Ok(StatusCode::ACCEPTED)
}

/// Fetches, and gives the reader what has come of the file, in order.
async fn pass_on(
    State(node): State<Arc<Node>>,
    UrlPath(name): UrlPath<String>,
    Query(source): Query<Source>,
) -> Result<Response, NodeError> {
    let from = source.from.split(',').filter(|base| !base.is_empty()).map(str::to_owned).collect();
    let transfer = node.begin(Fetch { name, bytes: source.bytes, from })?;
    let answer = Response::builder()
        .header(header::CONTENT_TYPE, "application/octet-stream")
        .header(header::CONTENT_LENGTH, source.bytes);
    let body = body(move |send| transfer.pass_on(CHUNK, send));
    answer.body(body).map_err(|error| NodeError::Disk(io::Error::other(error)))
}

async fn held(State(node): State<Arc<Node>>, UrlPath(name): UrlPath<String>) -> Result<Json<Held>, NodeError> {
    check(&name)?;
    node.held(&name).map(Json).ok_or(NodeError::Missing(name))
}

async fn delete(State(node): State<Arc<Node>>, UrlPath(name): UrlPath<String>) -> Result<StatusCode, NodeError> {
    check(&name)?;
    node.forget(&name)?;
    Ok(StatusCode::NO_CONTENT)
}

async fn store(
    State(node): State<Arc<Node>>,
    UrlPath(name): UrlPath<String>,
    body: Body,
) -> Result<StatusCode, NodeError> {
    check(&name)?;
    node.forget(&name)?;
    let part = node.part(&name);
    let stored = write_body(&part, body).await.and_then(|()| Ok(fs::rename(&part, node.file(&name))?));
    if stored.is_err() {
        let _ = fs::remove_file(&part);
    }
    stored.map(|()| StatusCode::CREATED)
}

/// Writes a body to a file, disk and network at the same time.
async fn write_body(path: &Path, body: Body) -> Result<(), NodeError> {
    let mut file = File::create(path)?;
    let (sender, mut receiver) = mpsc::channel::<Bytes>(CHUNKS_AHEAD);
    let writer = tokio::task::spawn_blocking(move || {
        while let Some(chunk) = receiver.blocking_recv() {
            file.write_all(&chunk)?;
        }
        Ok::<(), io::Error>(())
    });
    let mut chunks = body.into_data_stream();
    let mut broken = None;
    while let Some(chunk) = chunks.next().await {
        match chunk {
            // The writer hangs up when the disk fails; its own error says why.
            Ok(chunk) => {
                if sender.send(chunk).await.is_err() {
                    break;
                }
            }
            Err(error) => {
                broken = Some(NodeError::Body(error));
                break;
            }
        }
    }
    drop(sender);
    writer.await??;
    broken.map_or(Ok(()), Err)
}

async fn read(
    State(node): State<Arc<Node>>,
    UrlPath(name): UrlPath<String>,
    headers: HeaderMap,
) -> Result<Response, NodeError> {
    check(&name)?;
    let file = match File::open(node.file(&name)) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Err(NodeError::Missing(name)),
        file => file?,
    };
    let total = file.metadata()?.len();
    let asked = headers.get(header::RANGE).map(|range| range.to_str().unwrap_or_default());
    let (status, start, end) = match asked {
        None => (StatusCode::OK, 0, total),
        Some(range) => {
            let (start, end) = parse_range(range, total).ok_or(NodeError::Range)?;
            (StatusCode::PARTIAL_CONTENT, start, end)
        }
    };
    let mut answer = Response::builder()
        .status(status)
        .header(header::ACCEPT_RANGES, "bytes")
        .header(header::CONTENT_TYPE, "application/octet-stream")
        .header(header::CONTENT_LENGTH, end - start);
    if status == StatusCode::PARTIAL_CONTENT {
        answer = answer.header(header::CONTENT_RANGE, format!("bytes {start}-{}/{total}", end - 1));
    }
    answer.body(stream(file, start, end)).map_err(|error| NodeError::Disk(io::Error::other(error)))
}

/// Reads part of a file as a body.
fn stream(file: File, start: u64, end: u64) -> Body {
    body(move |send| {
        let mut at = start;
        while at < end {
            let mut chunk = vec![0; usize::try_from(end - at).unwrap_or(CHUNK).min(CHUNK)];
            let read = file.read_exact_at(&mut chunk, at).map(|()| Bytes::from(chunk));
            at = read.as_ref().map_or(end, |chunk| at + chunk.len() as u64);
            if !send(read) {
                return;
            }
        }
    })
}

/// A body made by a thread, a few chunks ahead of the network. Its `send` says whether there is still a reader; an error ends the
/// body short.
fn body(make: impl FnOnce(&dyn Fn(io::Result<Bytes>) -> bool) + Send + 'static) -> Body {
    let (sender, mut receiver) = mpsc::channel::<io::Result<Bytes>>(CHUNKS_AHEAD);
    tokio::task::spawn_blocking(move || make(&|chunk| sender.blocking_send(chunk).is_ok()));
    Body::from_stream(futures_util::stream::poll_fn(move |context| receiver.poll_recv(context)))
}

/// First byte and end of a single range; nothing where it is not one or not in the file.
fn parse_range(range: &str, total: u64) -> Option<(u64, u64)> {
    let (first, last) = range.strip_prefix("bytes=")?.split_once('-')?;
    let (start, end) = match (first, last) {
        ("", last) => (total.saturating_sub(last.parse().ok()?), total),
        (first, "") => (first.parse().ok()?, total),
        (first, last) => (first.parse().ok()?, last.parse::<u64>().ok()?.saturating_add(1).min(total)),
    };
    (start < end).then_some((start, end))
}

/// A name must stay in the data directory, and out of the node's own hidden files.
fn check(name: &str) -> Result<(), NodeError> {
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"-_.".contains(&byte);
    if name.is_empty() || name.len() > LONGEST_NAME || name.starts_with('.') || !name.bytes().all(plain) {
        return Err(NodeError::Name(name.to_owned()));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ranges_are_read() {
        assert_eq!(parse_range("bytes=0-0", 10), Some((0, 1)));
        assert_eq!(parse_range("bytes=5-", 10), Some((5, 10)));
        assert_eq!(parse_range("bytes=-3", 10), Some((7, 10)));
        assert_eq!(parse_range("bytes=2-99", 10), Some((2, 10)));
        for bad in ["bytes=10-", "bytes=4-3", "bytes=-0", "bytes=a-b", "lines=1-2", "bytes=1-2,4-5"] {
            assert_eq!(parse_range(bad, 10), None, "{bad}");
        }
        assert_eq!(parse_range("bytes=0-", 0), None);
    }

    #[test]
    fn names_stay_in_the_directory() {
        assert!(check("bg-x-0123.bin").is_ok());
        for bad in ["", ".", "..", ".x", "a/b", "a\\b", "a b", "ä", &"a".repeat(201)] {
            assert!(check(bad).is_err(), "{bad}");
        }
    }
}
