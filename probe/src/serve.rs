//! HTTP servers that strangers can't hold up.
//!
//! In: a listener, a router, how many connections at once. Out: answers. A connection on which no request comes in time is
//! closed, a request's body has a limit of size and of time, and beyond the number of connections new ones wait: the
//! process's memory and descriptors stay bounded whatever is sent.

use std::{convert::Infallible, future::Future, net::SocketAddr, sync::Arc, time::Duration};

use axum::{
    Router,
    body::{Body, to_bytes},
    extract::{ConnectInfo, Request},
    http::StatusCode,
    response::{IntoResponse, Response},
};
use hyper::{body::Incoming, server::conn::http1, service::service_fn};
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::{
    net::{TcpListener, TcpStream},
    sync::Semaphore,
};
use tower_service::Service as _;

/// How long the head of a request may take, and a connection may rest between two: clients of ours rest for less.
const HEAD: Duration = Duration::from_secs(20);
/// How long the body of a request may take.
const BODY: Duration = Duration::from_secs(20);
/// Most bytes of a request's body: the torrent of the largest file has a third of that.
const MOST_BODY: usize = 4 << 20;
/// Pause after a connection that could not be taken: the process is out of descriptors.
const PAUSE: Duration = Duration::from_millis(100);

/// Serves a router on a listener until the process ends, at most so many connections at once.
pub(crate) fn serve(
    listener: std::net::TcpListener,
    router: Router,
    connections: usize,
) -> std::io::Result<impl Future<Output = ()>> {
    listener.set_nonblocking(true)?;
    Ok(async move {
        // It can only fail when the process is out of resources; the experiment then sees silent agents.
        let Ok(listener) = TcpListener::from_std(listener) else { return };
        let places = Arc::new(Semaphore::new(connections));
        while let Ok(place) = Arc::clone(&places).acquire_owned().await {
            match listener.accept().await {
                Ok((stream, from)) => {
                    let router = router.clone();
                    tokio::spawn(async move {
                        connection(stream, from, router).await;
                        drop(place);
                    });
                }
                Err(_) => tokio::time::sleep(PAUSE).await,
            }
        }
    })
}

async fn connection(stream: TcpStream, from: SocketAddr, router: Router) {
    // Small answers must not wait for an acknowledgement.
    let _ = stream.set_nodelay(true);
    let service = service_fn(move |request| answer(request, from, router.clone()));
    let mut server = http1::Builder::new();
    server.timer(TokioTimer::new()).header_read_timeout(HEAD);
    // How a connection ends is the client's business.
    let _ = server.serve_connection(TokioIo::new(stream), service).await;
}

/// Reads the whole request, then answers it.
async fn answer(
    request: hyper::Request<Incoming>,
    from: SocketAddr,
    mut router: Router,
) -> Result<Response, Infallible> {
    let (mut head, body) = request.into_parts();
    head.extensions.insert(ConnectInfo(from));
    let body = match tokio::time::timeout(BODY, to_bytes(Body::new(body), MOST_BODY)).await {
        Ok(Ok(body)) => body,
        Ok(Err(_)) => {
            return Ok((StatusCode::PAYLOAD_TOO_LARGE, "the body is too long, or ended early").into_response());
        }
        // Not the client's fault where its link is slow: it may try again.
        Err(_) => return Ok((StatusCode::SERVICE_UNAVAILABLE, "the body took too long").into_response()),
    };
    router.call(Request::from_parts(head, Body::from(body))).await
}

#[cfg(test)]
mod tests {
    use std::{
        io::{Read, Write},
        net::TcpStream,
        time::Instant,
    };

    use axum::routing::post;

    use super::*;

    fn server(runtime: &tokio::runtime::Runtime, connections: usize) -> SocketAddr {
        let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        let router = Router::new().route("/", post(|body: String| async move { body.len().to_string() }));
        runtime.spawn(serve(listener, router, connections).unwrap());
        address
    }

    /// What comes back on a connection on which that is sent, until it is closed.
    fn said(address: SocketAddr, request: &[u8]) -> String {
        let mut stream = TcpStream::connect(address).unwrap();
        stream.set_read_timeout(Some(HEAD * 2)).unwrap();
        // What is refused early may be closed before all of it was sent.
        let _ = stream.write_all(request);
        let mut answer = Vec::new();
        let _ = stream.read_to_end(&mut answer);
        String::from_utf8_lossy(&answer).into_owned()
    }

    #[test]
    fn who_sends_nothing_holds_a_place_for_a_while_only() {
        let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap();
        let address = server(&runtime, 3);
        let half = [&b""[..], b"POST / HT", b"POST / HTTP/1.1\r\nhost: x\r\ncontent-length: 5\r\n\r\nab"];
        let stuck: Vec<_> = half
            .iter()
            .map(|text| {
                let mut stream = TcpStream::connect(address).unwrap();
                stream.write_all(text).unwrap();
                stream
            })
            .collect();
        let start = Instant::now();
        let answer =
            said(address, b"POST / HTTP/1.1\r\nhost: x\r\nconnection: close\r\ncontent-length: 5\r\n\r\nhello");
        assert!(answer.ends_with("\r\n\r\n5"), "{answer}");
        let waited = start.elapsed();
        assert!(waited > HEAD / 2 && waited < HEAD * 3 / 2, "all places were taken, {waited:?}");
        drop(stuck);
    }

    #[test]
    fn what_is_no_request_or_too_long_is_refused() {
        let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap();
        let address = server(&runtime, 9);
        assert!(said(address, &[0x16; 4096]).starts_with("HTTP/1.1 400"));
        assert!(said(address, &b"GET /".repeat(1 << 20)).starts_with("HTTP/1.1 4"), "a head without an end");
        let long =
            format!("POST / HTTP/1.1\r\nhost: x\r\nconnection: close\r\ncontent-length: {}\r\n\r\n", MOST_BODY + 1);
        let mut long = long.into_bytes();
        long.resize(long.len() + MOST_BODY + 1, b'x');
        let answer = said(address, &long);
        assert!(answer.starts_with("HTTP/1.1 413") || answer.is_empty(), "{answer}");
        let answer = said(address, b"POST / HTTP/1.1\r\nhost: x\r\nconnection: close\r\ncontent-length: 2\r\n\r\nok");
        assert!(answer.ends_with("\r\n\r\n2"), "{answer}");
    }
}
