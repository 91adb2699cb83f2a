//! A store that answers as it is told, for tests.
//!
//! In: answers, one a request. Out: the requests, as they came.

use std::{
    io::{BufRead, BufReader, Read, Write},
    net::{TcpListener, TcpStream},
    thread,
    time::Instant,
};

/// What it does with a request.
#[derive(Debug, Clone)]
pub(crate) enum Answer {
    /// A status and a body.
    Status(u16, String),
    /// The connection is closed without a word.
    Nothing,
}

/// A request as it came.
#[derive(Debug)]
pub(crate) struct Request {
    pub(crate) at: Instant,
    /// Method and path, the query left out.
    pub(crate) line: String,
    /// All of its head.
    pub(crate) head: String,
    pub(crate) body: Vec<u8>,
}

/// The store.
pub(crate) struct Scripted {
    pub(crate) base: String,
    requests: thread::JoinHandle<Vec<Request>>,
}

impl Scripted {
    /// One that gives these answers, and then no more.
    pub(crate) fn new(answers: Vec<Answer>) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let base = format!("http://{}", listener.local_addr().unwrap());
        let serve = move |answer: &Answer| Request::take(&mut listener.accept().unwrap().0, answer);
        Self { base, requests: thread::spawn(move || answers.iter().map(serve).collect()) }
    }

    /// What came, once all answers were given.
    pub(crate) fn requests(self) -> Vec<Request> {
        self.requests.join().unwrap()
    }
}

impl Request {
    fn take(stream: &mut TcpStream, answer: &Answer) -> Self {
        let at = Instant::now();
        let mut reader = BufReader::new(stream.try_clone().unwrap());
        let (mut head, mut length) = (String::new(), 0);
        while !head.ends_with("\r\n\r\n") {
            let start = head.len();
            reader.read_line(&mut head).unwrap();
            if let Some(value) = head[start..].to_lowercase().strip_prefix("content-length:") {
                length = value.trim().parse().unwrap();
            }
        }
        let mut body = vec![0; length];
        reader.read_exact(&mut body).unwrap();
        if let Answer::Status(status, text) = answer {
            let head = format!("HTTP/1.1 {status} x\r\ncontent-length: {}\r\nconnection: close\r\n\r\n", text.len());
            stream.write_all((head + text).as_bytes()).unwrap();
        }
        let line = head.split([' ', '?']).take(2).collect::<Vec<_>>().join(" ");
        Self { at, line, head, body }
    }
}
