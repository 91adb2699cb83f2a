//! One GET, whose body is read as it comes.
//!
//! In: a URL, how many bytes its body must have. Out: the body, at most one piece of what has arrived at a time, never a
//! byte beyond the length announced. Its own HTTP, since each read has a limit of its own: a client with one timeout for all
//! reads can't follow the stall rule. The connection is used once, and what a node sends after its answer is not looked at.

use std::{
    io::{self, Read, Write},
    net::{TcpStream, ToSocketAddrs},
    time::Duration,
};

use ureq::http::Uri;

/// Longest head of an answer.
const HEAD: usize = 64 * 1024;
/// The least that a socket's timeout can be.
const SHORTEST: Duration = Duration::from_millis(1);

/// A body that is being read.
#[derive(Debug)]
pub(super) struct Reader {
    stream: TcpStream,
    /// Came with the head, or is the head so far.
    before: Vec<u8>,
    /// What is still to come, once the head was read.
    left: Option<u64>,
    bytes: u64,
}

impl Reader {
    /// Connects and sends the request.
    pub(super) fn open(url: &str, bytes: u64, limit: Duration) -> io::Result<Self> {
        let uri: Uri = url.parse().map_err(|error| io::Error::new(io::ErrorKind::InvalidInput, error))?;
        let wrong = |what: &str| io::Error::new(io::ErrorKind::InvalidInput, format!("{what} in {url}"));
        let host = uri.host().ok_or_else(|| wrong("no host"))?;
        let target = uri.path_and_query().ok_or_else(|| wrong("no path"))?;
        let address = (host.trim_matches(['[', ']']), uri.port_u16().unwrap_or(80)).to_socket_addrs()?.next();
        let mut stream = TcpStream::connect_timeout(&address.ok_or_else(|| wrong("no address"))?, limit.max(SHORTEST))?;
        stream.set_nodelay(true)?;
        let authority = uri.authority().map_or(host, |authority| authority.as_str());
        let request = format!(
            "GET {target} HTTP/1.1\r\nhost: {authority}\r\naccept: */*\r\naccept-encoding: identity\r\nconnection: close\r\n\r\n"
        );
        stream.write_all(request.as_bytes())?;
        Ok(Self { stream, before: Vec::new(), left: None, bytes })
    }

    /// The next bytes of the body, as soon as there are any; 0: it is at its end. `WouldBlock`: nothing within the limit.
    pub(super) fn read(&mut self, out: &mut [u8], limit: Duration) -> io::Result<usize> {
        self.stream.set_read_timeout(Some(limit.max(SHORTEST)))?;
        let left = match self.left {
            Some(left) => left,
            None => self.head()?,
        };
        let most = usize::try_from(left).unwrap_or(usize::MAX).min(out.len());
        let count = if self.before.is_empty() {
            self.stream.read(&mut out[..most])?
        } else {
            let count = most.min(self.before.len());
            out[..count].copy_from_slice(&self.before[..count]);
            self.before.drain(..count);
            count
        };
        self.left = Some(left - count as u64);
        Ok(count)
    }

    /// Reads the head; how long the body is.
    fn head(&mut self) -> io::Result<u64> {
        let mut block = [0; 4096];
        let end = loop {
            if let Some(end) = self.before.windows(4).position(|four| four == b"\r\n\r\n") {
                break end;
            }
            let count = self.stream.read(&mut block)?;
            if count == 0 || self.before.len() > HEAD {
                return Err(broken(format!("no answer but {} bytes that are no head of one", self.before.len())));
            }
            self.before.extend_from_slice(&block[..count]);
        };
        let head = String::from_utf8_lossy(&self.before[..end]).into_owned();
        self.before.drain(..end + 4);
        let length = length(&head)?;
        if length != self.bytes {
            return Err(broken(format!("the answer announces {length} bytes, the content has {}", self.bytes)));
        }
        self.left = Some(length);
        Ok(length)
    }
}

/// The length that the head of a good answer announces.
fn length(head: &str) -> io::Result<u64> {
    let mut lines = head.split("\r\n");
    let status = lines.next().unwrap_or_default();
    if status.split(' ').nth(1) != Some("200") {
        return Err(broken(format!("the answer is {status:?}")));
    }
    let fields = lines.filter_map(|line| line.split_once(':'));
    let mut lengths = fields.filter(|(name, _)| name.eq_ignore_ascii_case("content-length"));
    let length = lengths.next().and_then(|(_, value)| value.trim().parse().ok());
    length.ok_or_else(|| broken("the answer announces no length".to_owned()))
}

fn broken(text: String) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, text)
}

#[cfg(test)]
mod tests {
    use std::{net::TcpListener, thread, time::Instant};

    use super::*;

    const LIMIT: Duration = Duration::from_secs(5);

    /// A server that answers one request with these pieces, each after a pause.
    fn served(pieces: &[(u64, &'static [u8])]) -> String {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let url = format!("http://{}/x?y=1", listener.local_addr().unwrap());
        let pieces = pieces.to_vec();
        thread::spawn(move || {
            let (mut stream, _) = listener.accept().unwrap();
            let mut request = [0; 1024];
            let count = stream.read(&mut request).unwrap();
            assert!(request[..count].starts_with(b"GET /x?y=1 HTTP/1.1\r\nhost: 127.0.0.1:"));
            for (pause, piece) in pieces {
                thread::sleep(Duration::from_millis(pause));
                stream.write_all(piece).unwrap();
            }
        });
        url
    }

    fn all(url: &str, bytes: u64) -> io::Result<Vec<u8>> {
        let mut reader = Reader::open(url, bytes, LIMIT)?;
        let (mut body, mut block) = (Vec::new(), [0; 7]);
        loop {
            match reader.read(&mut block, LIMIT)? {
                0 => return Ok(body),
                count => body.extend_from_slice(&block[..count]),
            }
        }
    }

    #[test]
    fn a_body_ends_where_it_says() {
        let stray: &[u8] = b"HTTP/1.1 404 Not Found\r\n\r\n";
        let url =
            served(&[(0, b"HTTP/1.1 200 OK\r\nConTent-length:  10\r\n"), (5, b"\r\nabc"), (5, b"defghij"), (0, stray)]);
        assert_eq!(all(&url, 10).unwrap(), b"abcdefghij");
        let url = served(&[(0, b"HTTP/1.1 200 OK\r\nContent-Length: 1\r\n\r\naHTTP/1.1 404 Not Found\r\n\r\n")]);
        assert_eq!(all(&url, 1).unwrap(), b"a");
        let url = served(&[(0, b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nabc")]);
        assert_eq!(all(&url, 9).unwrap(), b"abc", "it is for the caller to count");
    }

    #[test]
    fn other_answers_are_errors() {
        for (answer, said) in [
            (&b"HTTP/1.1 404 Not Found\r\ncontent-length: 9\r\n\r\n"[..], "404 Not Found"),
            (b"HTTP/1.1 200 OK\r\n\r\nabc", "announces no length"),
            (b"HTTP/1.1 200 OK\r\ncontent-length: 8\r\n\r\n", "announces 8 bytes, the content has 9"),
            (b"HTTP/1.1 200", "12 bytes that are no head"),
        ] {
            let error = all(&served(&[(0, answer)]), 9).unwrap_err().to_string();
            assert!(error.contains(said), "{error}");
        }
        assert!(Reader::open("nothing", 1, LIMIT).is_err());
    }

    #[test]
    fn silence_ends_at_the_limit_and_may_go_on() {
        let url = served(&[(0, b"HTTP/1.1 200 OK\r\ncontent-length: 1\r\n\r\n"), (300, b"a")]);
        let mut reader = Reader::open(&url, 1, LIMIT).unwrap();
        let (start, mut block) = (Instant::now(), [0; 8]);
        let error = reader.read(&mut block, Duration::from_millis(50)).unwrap_err();
        assert_eq!(error.kind(), io::ErrorKind::WouldBlock);
        assert!(start.elapsed() < Duration::from_millis(250));
        assert_eq!(reader.read(&mut block, LIMIT).unwrap(), 1);
    }
}
