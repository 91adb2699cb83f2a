//! A store that answers exports as it is told.

use std::io::{BufRead, BufReader, Write};
use std::net::{TcpListener, TcpStream};
use std::thread;
use std::time::Duration;

/// What it does with a request for an export.
#[derive(Debug, Clone)]
pub(crate) enum Answer {
    /// Status, header lines and a body whose length is said.
    Whole(u16, &'static str, String),
    /// Fewer bytes than are said.
    Short(String),
    /// A body without a length, ended by the connection.
    Open(String),
    /// Chunks, without the last one that ends them.
    Chunks(String),
    /// Some bytes at a time.
    Drip(String, usize, Duration),
}

/// Starts one; its base URL. `partial` is how it answers each time it is asked for names.
pub(crate) fn scripted(partial: Vec<bool>, answer: Answer) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let base = format!("http://{}", listener.local_addr().unwrap());
    // Ends with the test's process.
    thread::spawn(move || {
        let mut partial = partial.into_iter();
        for stream in listener.incoming().map_while(Result::ok) {
            let (mut stream, path) = request(stream);
            if path.contains("/api/v1/label/") {
                let names = format!("{{\"isPartial\":{},\"data\":[\"a\"]}}", partial.next().unwrap_or(false));
                let _ = write!(
                    stream,
                    "HTTP/1.1 200 x\r\ncontent-length: {}\r\nconnection: close\r\n\r\n{names}",
                    names.len()
                );
            } else {
                // A client that has seen enough goes away.
                let _ = give(&mut stream, &answer);
            }
        }
    });
    base
}

fn request(stream: TcpStream) -> (TcpStream, String) {
    let mut lines = BufReader::new(stream.try_clone().unwrap()).lines().map_while(Result::ok);
    let first = lines.next().unwrap_or_default();
    lines.find(String::is_empty);
    (stream, first)
}

fn give(stream: &mut TcpStream, answer: &Answer) -> std::io::Result<()> {
    let head = |status, more: &str| format!("HTTP/1.1 {status} x\r\nconnection: close\r\n{more}\r\n");
    match answer {
        Answer::Whole(status, more, body) => {
            let more = format!("{more}content-length: {}\r\n", body.len());
            write!(stream, "{}{body}", head(*status, &more))
        }
        Answer::Short(body) => {
            write!(stream, "{}{body}", head(200, &format!("content-length: {}\r\n", body.len() + 1000)))
        }
        Answer::Open(body) => write!(stream, "{}{body}", head(200, "")),
        Answer::Chunks(body) => {
            write!(stream, "{}{:x}\r\n{body}\r\n", head(200, "transfer-encoding: chunked\r\n"), body.len())
        }
        Answer::Drip(body, bytes, pause) => {
            write!(stream, "{}", head(200, &format!("content-length: {}\r\n", body.len())))?;
            for part in body.as_bytes().chunks(*bytes) {
                stream.write_all(part)?;
                stream.flush()?;
                thread::sleep(*pause);
            }
            Ok(())
        }
    }
}
