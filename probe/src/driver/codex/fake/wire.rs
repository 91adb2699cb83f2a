//! Just as much of HTTP as nodes were seen to speak.

use std::{
    io::{BufRead, BufReader, Read, Write},
    net::{Shutdown, TcpStream},
};

use serde_json::Value;

/// Fact: after the answer of a handler that wrote it itself comes a second, complete one, of 127 bytes.
pub(super) const STRAY: &str = "HTTP/1.1 404 Not Found\r\nserver: fake\r\ncontent-type: text/html\r\n\
                                content-length: 0\r\ndate: Thu, 13 Nov 2025\r\nconnection: close\r\n\r\n";

pub(super) struct Request {
    pub(super) method: String,
    pub(super) path: String,
    pub(super) query: String,
    /// Headers that become part of a dataset.
    pub(super) kind: String,
    pub(super) body: Vec<u8>,
}

pub(super) fn read_request(stream: &mut TcpStream) -> Option<Request> {
    let mut reader = BufReader::new(stream);
    let mut lines = Vec::new();
    loop {
        let mut line = String::new();
        reader.read_line(&mut line).ok().filter(|count| *count > 0)?;
        if line.trim().is_empty() {
            break;
        }
        lines.push(line.trim().to_owned());
    }
    let mut words = lines.first()?.split(' ');
    let (method, target) = (words.next()?.to_owned(), words.next()?.to_owned());
    let header = |name: &str| {
        let value =
            lines.iter().find_map(|line| line.split_once(": ").filter(|(key, _)| key.eq_ignore_ascii_case(name)));
        value.map(|(_, value)| value.to_owned()).unwrap_or_default()
    };
    let mut body = vec![0; header("content-length").parse().unwrap_or(0)];
    reader.read_exact(&mut body).ok()?;
    let (path, query) = target.split_once('?').unwrap_or((&target, ""));
    let kind = format!("{} {}", header("content-type"), header("content-disposition"));
    Some(Request { method, path: path.to_owned(), query: query.to_owned(), kind, body })
}

/// Whether the client waits no more.
pub(super) fn left(stream: &TcpStream) -> bool {
    let _ = stream.set_nonblocking(true);
    let left = stream.peek(&mut [0]).is_ok_and(|count| count == 0);
    let _ = stream.set_nonblocking(false);
    left
}

pub(super) fn json_answer(stream: &mut TcpStream, value: &Value) {
    answer(stream, 200, "application/json", &value.to_string());
}

pub(super) fn answer(stream: &mut TcpStream, status: u16, kind: &str, body: &str) {
    let head =
        format!("HTTP/1.1 {status} Fake\r\nContent-Type: {kind}\r\nContent-Length: {}\r\n\r\n{body}", body.len());
    let _ = stream.write_all(head.as_bytes());
    let _ = stream.shutdown(Shutdown::Write);
}

pub(super) fn text(stream: &mut TcpStream, status: u16, body: &str) {
    answer(stream, status, "text/plain", body);
}
