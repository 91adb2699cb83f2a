//! A server with the control node's API that delivers on a timetable and says afterwards when it did.

use std::{
    io::{BufRead, BufReader, Read, Write},
    net::{TcpListener, TcpStream},
    sync::{Arc, Mutex},
    thread,
    time::{Duration, Instant},
};

use benchgrid_probe::content::Content;

/// Name, and steps: milliseconds since the last one, thousandths of the payload that come then (0: one byte, taken from the next).
pub(crate) type Timetable = (&'static str, &'static [(u64, usize)]);

/// When what happened.
#[derive(Debug, Clone)]
pub(crate) struct Truth {
    /// The request that starts the download was there.
    pub(crate) asked: Instant,
    /// From when on so many bytes were there.
    steps: Vec<(Instant, usize)>,
}

impl Truth {
    /// When so many bytes were there.
    pub(crate) fn reached(&self, bytes: usize) -> Instant {
        self.steps.iter().find(|(_, held)| *held >= bytes).unwrap().0
    }

    /// The longest pause without a new byte.
    pub(crate) fn longest_pause(&self, t0: Instant) -> Duration {
        let instants: Vec<_> = std::iter::once(t0).chain(self.steps.iter().map(|(at, _)| *at)).collect();
        instants.windows(2).map(|pair| pair[1] - pair[0]).max().unwrap()
    }
}

/// One server, for one download.
#[derive(Debug, Clone)]
pub(crate) struct Server(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    url: String,
    content: Content,
    body: Vec<u8>,
    /// Since the start, and bytes from then on.
    steps: Vec<(Duration, usize)>,
    refresh: Duration,
    truth: Mutex<Option<Truth>>,
}

impl Server {
    /// `refresh`: how often the node's own counter is renewed, in milliseconds; 0: it is live.
    pub(crate) fn start(content: &Content, steps: &[(u64, usize)], refresh: u64) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let mut body = Vec::new();
        content.reader().unwrap().read_to_end(&mut body).unwrap();
        let (mut at, mut share) = (0, 0);
        let each = steps.iter().map(|(pause, thousandths)| {
            at += pause;
            share += thousandths;
            (Duration::from_millis(at), (body.len() * share / 1000).max(1))
        });
        let inner = Inner {
            url: format!("http://{}", listener.local_addr().unwrap()),
            content: content.clone(),
            steps: each.collect(),
            body,
            refresh: Duration::from_millis(refresh),
            truth: Mutex::new(None),
        };
        assert_eq!(inner.steps.last().unwrap().1, inner.body.len());
        let server = Self(Arc::new(inner));
        let serving = server.clone();
        thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                let server = serving.clone();
                thread::spawn(move || server.serve(stream));
            }
        });
        server
    }

    pub(crate) fn url(&self) -> String {
        self.0.url.clone()
    }

    pub(crate) fn content(&self) -> &Content {
        &self.0.content
    }

    pub(crate) fn truth(&self) -> Truth {
        self.0.truth.lock().unwrap().clone().unwrap()
    }

    fn serve(&self, mut stream: TcpStream) {
        stream.set_nodelay(true).unwrap();
        let mut requests = BufReader::new(stream.try_clone().unwrap());
        while let Some(line) = request(&mut requests) {
            let asked = Instant::now();
            match line.split_once(' ').unwrap() {
                ("POST", _) => {
                    self.fetch(asked);
                    stream.write_all(b"HTTP/1.1 202 Accepted\r\ncontent-length: 0\r\n\r\n").unwrap();
                }
                (_, path) if path.contains("/held ") => {
                    let held = self.held();
                    let json = format!(r#"{{"bytes":{held},"total":{},"peers":1}}"#, self.0.body.len());
                    answer(&mut stream, json.as_bytes());
                }
                (_, path) if path.contains("/stream?") => self.stream(&mut stream, asked),
                _ => answer(&mut stream, &self.0.body),
            }
        }
    }

    /// A download in the background: what the node holds, and from when on, is the timetable itself.
    fn fetch(&self, asked: Instant) {
        let steps = self.0.steps.iter().map(|(at, bytes)| (asked + *at, *bytes)).collect();
        *self.0.truth.lock().unwrap() = Some(Truth { asked, steps });
    }

    /// What the node's counter shows, as old as its last refresh.
    fn held(&self) -> usize {
        let truth = self.truth();
        let mut age = truth.asked.elapsed();
        if !self.0.refresh.is_zero() {
            let refreshes = age.as_nanos() / self.0.refresh.as_nanos();
            age = self.0.refresh * u32::try_from(refreshes).unwrap();
        }
        let held = truth.steps.iter().rev().find(|(at, _)| *at <= truth.asked + age);
        held.map_or(0, |(_, bytes)| *bytes)
    }

    /// A body, each step handed over when it is due, or as soon after that as this thread runs.
    fn stream(&self, stream: &mut TcpStream, asked: Instant) {
        let body = &self.0.body;
        write!(stream, "HTTP/1.1 200 OK\r\ncontent-length: {}\r\n\r\n", body.len()).unwrap();
        let mut truth = Truth { asked, steps: Vec::new() };
        let mut from = 0;
        for (at, to) in &self.0.steps {
            thread::sleep((asked + *at).saturating_duration_since(Instant::now()));
            // in pieces, so that what waits in the socket is not taken for handed over
            for piece in body[from..*to].chunks(16 * 1024) {
                from += piece.len();
                truth.steps.push((Instant::now(), from));
                if from == body.len() {
                    // the reader asks for the truth as soon as it has the last byte
                    *self.0.truth.lock().unwrap() = Some(truth.clone());
                }
                stream.write_all(piece).unwrap();
            }
        }
    }
}

/// The line of a request that was read whole.
fn request(reader: &mut BufReader<TcpStream>) -> Option<String> {
    let mut first = String::new();
    reader.read_line(&mut first).ok().filter(|count| *count > 0)?;
    let mut length = 0;
    loop {
        let mut line = String::new();
        reader.read_line(&mut line).ok()?;
        if let Some(value) = line.to_ascii_lowercase().strip_prefix("content-length:") {
            length = value.trim().parse().unwrap();
        }
        if line == "\r\n" {
            reader.read_exact(&mut vec![0; length]).ok()?;
            return Some(first);
        }
    }
}

fn answer(stream: &mut TcpStream, body: &[u8]) {
    let head = format!("HTTP/1.1 200 OK\r\ncontent-length: {}\r\n\r\n", body.len());
    stream.write_all(&[head.as_bytes(), body].concat()).unwrap();
}
