//! One timed download as a reader of the node's own API has it: in order, every byte compared as it comes.
//!
//! In: a driver that names the request, what to get, when to start. Out: a [`Transfer`] whose marks are the instants at which
//! reads returned. There is no polling: a read waits for bytes, and its end is stamped before anything else is done.

use std::{
    io::{self, Read},
    time::Instant,
};

use benchgrid_measures::Failure;

use super::{
    reader::Reader,
    transfer::{Meter, Watch, timed},
};
use crate::{
    content::{Content, ContentReader},
    driver::Driver,
    protocol::{Download, Transfer},
};

/// Most bytes of one read.
const BLOCK: usize = 64 * 1024;

/// Waits for the planned start and reads the content; `arrived` is when the step came.
pub(crate) fn stream(driver: &mut dyn Driver, order: &Download, arrived: Instant, meter: &Meter<'_>) -> Transfer {
    // Made ready before t0: the first comparison must not wait for a generator.
    let mut expected = match Expected::new(&order.content) {
        Ok(expected) => expected,
        Err(error) => {
            return Transfer { failure: Some(Failure::new("error", error.to_string())), ..Transfer::default() };
        }
    };
    let mut transfer = timed(order, arrived, meter, |watch| read(driver, order, &mut expected, watch));
    match &transfer.failure {
        None => {
            let start = Instant::now();
            transfer.failure = same(order);
            transfer.timing.verify_seconds = Some(start.elapsed().as_secs_f64());
        }
        // Marks of a corrupt download say nothing, so they go.
        Some(failure) if failure.reason == "corrupt" => transfer.timing.forget_marks(),
        Some(_) => {}
    }
    transfer
}

/// Whether what was compared with is what the seeders hold.
fn same(order: &Download) -> Option<Failure> {
    match order.content.sha256() {
        Ok(sha256) if sha256 == order.sha256 => None,
        Ok(sha256) => {
            Some(Failure::new("error", format!("the content's SHA-256 is {sha256}, the seeders' {}", order.sha256)))
        }
        Err(error) => Some(Failure::new("error", error.to_string())),
    }
}

/// Reads to the end, or until the transfer has failed.
fn read(driver: &mut dyn Driver, order: &Download, expected: &mut Expected, watch: &mut Watch<'_>) -> Option<Failure> {
    let url = match driver.stream(&order.handle, &order.content, &order.seeders) {
        Ok(url) => url,
        Err(error) => return Some(Failure::new("error", error.to_string())),
    };
    let trouble = |text: String| Some(Failure::new("error", format!("GET {url}: {text}")));
    let mut reader = match Reader::open(&url, order.content.bytes, watch.patience(Instant::now())) {
        Ok(reader) => reader,
        Err(error) => return trouble(error.to_string()),
    };
    let mut block = vec![0; BLOCK];
    while expected.seen < order.content.bytes {
        if let Some(failure) = watch.hopeless(None, Instant::now()) {
            return Some(Failure { detail: failure.detail + &expected.wrong(), ..failure });
        }
        let asked = Instant::now();
        watch.looked(asked);
        match reader.read(&mut block, watch.patience(asked)) {
            Ok(0) => {
                let (seen, bytes) = (expected.seen, order.content.bytes);
                return trouble(format!("the body broke off after {seen} of {bytes} bytes{}", expected.wrong()));
            }
            Ok(count) => {
                let came = Instant::now();
                watch.waited(came);
                match expected.take(&block[..count]) {
                    Ok(right) => watch.see(right, came),
                    Err(error) => return trouble(error.to_string()),
                }
            }
            // The limits were those of the stall rule and the deadline, which are looked at above.
            Err(error) if again(error.kind()) => watch.waited(Instant::now()),
            Err(error) => return trouble(error.to_string()),
        }
    }
    let wrong = expected.wrong();
    if wrong.is_empty() {
        None
    } else {
        Some(Failure::new("corrupt", format!("{} bytes were read{wrong}", expected.seen)))
    }
}

fn again(kind: io::ErrorKind) -> bool {
    matches!(kind, io::ErrorKind::WouldBlock | io::ErrorKind::TimedOut | io::ErrorKind::Interrupted)
}

/// The content as it should be, beside what comes.
struct Expected {
    reader: ContentReader,
    /// Made and not yet compared.
    ahead: Vec<u8>,
    at: usize,
    /// Bytes that came, right or wrong.
    seen: u64,
    /// Bytes before the first wrong one.
    right: Option<u64>,
}

impl Expected {
    fn new(content: &Content) -> io::Result<Self> {
        let mut expected = Self { reader: content.reader()?, ahead: vec![0; BLOCK], at: BLOCK, seen: 0, right: None };
        expected.refill()?;
        Ok(expected)
    }

    fn refill(&mut self) -> io::Result<()> {
        let count = self.reader.read(&mut self.ahead)?;
        self.ahead.truncate(count);
        self.at = 0;
        Ok(())
    }

    /// Compares the next bytes; how many are right so far.
    fn take(&mut self, mut bytes: &[u8]) -> io::Result<u64> {
        while !bytes.is_empty() {
            if self.at == self.ahead.len() {
                self.refill()?;
            }
            let ahead = &self.ahead[self.at..];
            let count = ahead.len().min(bytes.len());
            if ahead[..count] != bytes[..count] && self.right.is_none() {
                let first = ahead.iter().zip(bytes).take_while(|(should, is)| should == is).count();
                self.right = Some(self.seen + first as u64);
            }
            self.seen += count as u64;
            self.at += count;
            bytes = &bytes[count..];
        }
        Ok(self.right.unwrap_or(self.seen))
    }

    /// What to say of wrong bytes.
    fn wrong(&self) -> String {
        self.right.map_or_else(String::new, |right| format!(", byte {right} is not the content's"))
    }
}

#[cfg(test)]
mod tests {
    use std::{io::Write, net::TcpListener, thread, time::Duration};

    use benchgrid_measures::Counters;

    use super::*;
    use crate::driver::{Handle, Place, driver};

    const BYTES: usize = 300_000;

    fn content() -> Content {
        Content { name: "c".to_owned(), seed: Content::seed(&["stream"]), bytes: BYTES as u64 }
    }

    /// Reads from a server that sends good headers, then these parts of what `spoil` leaves of the content, each after a pause.
    fn run(spoil: fn(&mut Vec<u8>), parts: &[(u64, std::ops::Range<usize>)], order: &Download) -> Transfer {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let place = Place {
            api: format!("http://{}", listener.local_addr().unwrap()),
            data: "/nowhere".into(),
            host: String::new(),
            tracker: String::new(),
        };
        let parts = parts.to_vec();
        let server = thread::spawn(move || {
            let (mut stream, _) = listener.accept().unwrap();
            let mut request = [0; 1024];
            let count = stream.read(&mut request).unwrap();
            let line = format!("GET /files/c/stream?bytes={BYTES}&from=http://s:");
            assert!(request[..count].starts_with(line.as_bytes()));
            let mut body = Vec::new();
            content().reader().unwrap().read_to_end(&mut body).unwrap();
            spoil(&mut body);
            write!(stream, "HTTP/1.1 200 OK\r\nContent-Length: {BYTES}\r\n\r\n").unwrap();
            for (pause, part) in parts {
                thread::sleep(Duration::from_millis(pause));
                // The reader may have given up.
                let _ = stream.write_all(&body[part]);
            }
        });
        let mut driver = driver("http", place).unwrap();
        let done = stream(driver.as_mut(), order, Instant::now(), &|| Box::new(Counters::default));
        server.join().unwrap();
        done
    }

    fn order() -> Download {
        Download {
            content: content(),
            sha256: content().sha256().unwrap(),
            handle: Handle("c".to_owned()),
            seeders: vec!["s".to_owned()],
            start_in_seconds: 0.0,
            stalled_seconds: 5.0,
            deadline_seconds: 5.0,
        }
    }

    fn failure(done: &Transfer) -> (&str, &str) {
        let failure = done.failure.as_ref().expect("it must fail");
        (&failure.reason, &failure.detail)
    }

    #[test]
    fn marks_are_the_ends_of_reads() {
        let done = run(|_| {}, &[(100, 0..1), (100, 1..200_000), (200, 200_000..BYTES)], &order());
        assert_eq!(done.failure, None);
        let t = &done.timing;
        let at = |mark: Option<f64>| mark.unwrap();
        assert!((0.1..0.19).contains(&at(t.time_to_first_byte_seconds)), "headers are no first byte: {t:?}");
        assert!((0.2..0.39).contains(&at(t.time_to_50_seconds)), "{t:?}");
        assert!(at(t.time_to_90_seconds) >= 0.4 && at(t.time_to_100_seconds) >= 0.4, "{t:?}");
        assert!(at(t.stall_max_seconds) >= 0.19 && at(t.poll_gap_max_seconds) < 0.1, "{t:?}");
        assert_eq!(done.curve.last().unwrap().bytes, BYTES as u64);
    }

    #[test]
    fn wrong_bytes_take_the_marks_back() {
        let done = run(|body| body[250_000] ^= 1, &[(0, 0..BYTES)], &order());
        assert_eq!(failure(&done), ("corrupt", "300000 bytes were read, byte 250000 is not the content's"));
        assert_eq!((done.timing.time_to_first_byte_seconds, done.timing.time_to_50_seconds), (None, None));
        assert_eq!(done.curve.last().unwrap().bytes, 250_000, "no byte behind a wrong one counts");
        let other = Download { sha256: "00".to_owned(), ..order() };
        let (reason, detail) = (run(|_| {}, &[(0, 0..BYTES)], &other), "the seeders' 00");
        assert!(failure(&reason).1.ends_with(detail), "{reason:?}");
    }

    #[test]
    fn a_body_that_ends_early_is_an_error() {
        let done = run(|_| {}, &[(0, 0..200_000)], &order());
        let (reason, detail) = failure(&done);
        assert!(reason == "error" && detail.ends_with("the body broke off after 200000 of 300000 bytes"), "{detail}");
        assert!(done.timing.time_to_50_seconds.is_some() && done.timing.time_to_90_seconds.is_none());
        // a node's second answer may come within the announced length
        let done = run(|body| body[200_000..200_004].copy_from_slice(b"HTTP"), &[(0, 0..200_004)], &order());
        assert!(failure(&done).1.ends_with("of 300000 bytes, byte 200000 is not the content's"), "{done:?}");
    }

    #[test]
    fn silence_is_a_stall_and_slowness_the_deadline() {
        let patient = |stalled_seconds, deadline_seconds| Download { stalled_seconds, deadline_seconds, ..order() };
        let done = run(|_| {}, &[(0, 0..10), (600, 10..20)], &patient(0.2, 5.0));
        assert_eq!(failure(&done), ("stalled", "nothing new for 0.2 s, 10 of 300000 bytes held"));
        let t = &done.timing;
        assert!((0.2..0.5).contains(&t.stall_max_seconds.unwrap()), "{t:?}");
        let silent = run(|_| {}, &[(500, 0..1)], &patient(0.2, 5.0));
        assert_eq!(
            failure(&silent),
            ("stalled", "nothing new for 0.2 s, 0 of 300000 bytes held"),
            "headers are silence"
        );
        let trickle: Vec<_> = (0..8).map(|i| (50, i..i + 1)).collect();
        let done = run(|_| {}, &trickle, &patient(5.0, 0.2));
        assert_eq!(failure(&done).0, "deadline");
    }
}
