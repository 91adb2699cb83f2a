//! The plain TCP transfer that proves a link's rate.
//!
//! In: a peer and a number of bytes. Out: payload bits a second, as the receiving side saw them.
//!
//! One connection is one transfer. The dialling side sends a byte, `u` (it will send) or `d` (it wants to receive),
//! and the number of bytes, 8 bytes big endian. Then the payload goes one way. The receiver takes the time; for `u` it
//! answers with the rate, 8 bytes of a big-endian double.
//!
//! The first third of the payload is left out of the rate: in it lie TCP's slow start and the burst that a token bucket
//! passes at once. The rate is the median of those from five marks about the middle on to the end: a lost segment holds
//! back what came after it, which then is read all at once, and a mark within that shows a rate above the link's.

use std::{
    io::{self, Read, Write},
    net::{SocketAddr, TcpListener, TcpStream, ToSocketAddrs},
    sync::Arc,
    thread,
    time::{Duration, Instant},
};

use crate::experiment::Link;

/// Size of one read or write.
const BLOCK: usize = 64 << 10;

/// Payload share of a full Ethernet frame of TCP with time stamps: what remains of a link's rate.
pub const PAYLOAD_SHARE: f64 = 1448.0 / 1514.0;

/// How far a measured rate may be from the expected one, as a share of the rate asked: as the measuring practice
/// that the design follows (a plain tbf was within 5 %).
pub const TOLERANCE: f64 = 0.10;

/// Sixteenths of the payload from which on a rate is taken.
const MARKS: [u64; 5] = [6, 7, 8, 9, 10];

/// Longest silence on a connection.
const SILENCE: Duration = Duration::from_secs(30);
/// How long a peer may take to say what it wants.
const HEAD: Duration = Duration::from_secs(5);
/// How long a transfer may take, however slow its link: a stuck one must end.
const LONGEST: Duration = Duration::from_mins(30);
/// Most transfers at once; the coordinator asks for a few.
const AT_ONCE: usize = 64;
/// Pause after a connection that could not be taken.
const PAUSE: Duration = Duration::from_millis(100);

/// First byte of a connection on which the dialling side will send.
const UP: u8 = b'u';
/// First byte of a connection on which the dialling side will receive.
const DOWN: u8 = b'd';

/// A transfer's direction, seen from the side that dials.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Direction {
    /// The dialling side sends.
    Up,
    /// The dialling side receives.
    Down,
}

impl Direction {
    fn letter(self) -> u8 {
        match self {
            Self::Up => UP,
            Self::Down => DOWN,
        }
    }
}

/// Bytes under way at most that one stream keeps up with: a quarter of the most that a kernel buffers for a sender
/// by default (4 MiB, tcp(7)), so that an unlucky moment does not matter.
const ONE_STREAM: f64 = 1024.0 * 1024.0;

/// Whether a measured payload rate agrees with the rate asked of the link.
///
/// One stream can't fill a link that loses packets, or that has more bytes under way than a kernel buffers. Of such a
/// link the transfer only shows that it is not faster than asked.
#[expect(clippy::cast_precision_loss, reason = "rates stay far below 2^53 bits a second")]
pub fn agrees(asked_bits_per_second: u64, measured_bits_per_second: f64, link: &Link) -> bool {
    let asked = asked_bits_per_second as f64;
    let over = measured_bits_per_second - asked * PAYLOAD_SHARE;
    let fills = link.loss_ratio <= 0.0 && asked / 8.0 * link.latency_seconds <= ONE_STREAM;
    let most = asked * TOLERANCE;
    over <= most && (!fills || over >= -most)
}

/// The sentence of a rate that is not the one asked for.
#[expect(clippy::cast_precision_loss, reason = "far below 2^53")]
pub fn sentence(pod: &str, way: &str, asked: u64, measured: f64) -> String {
    let [asked, measured] = [asked as f64, measured].map(|rate| rate / 1e6);
    let expected = asked * PAYLOAD_SHARE;
    format!(
        "node {pod} {way}: asked {asked:.3} Mbit/s (payload {expected:.3} within {:.0} % of the rate), measured {measured:.3}",
        TOLERANCE * 100.0
    )
}

/// Serves transfers of at most so many bytes on the listener, each in a thread of its own, until the process ends.
pub fn serve(listener: TcpListener, most_bytes: u64) {
    thread::spawn(move || {
        let running = Arc::new(());
        for stream in listener.incoming() {
            // Out of descriptors: some are free again when a transfer ends.
            let Ok(stream) = stream else {
                thread::sleep(PAUSE);
                continue;
            };
            if Arc::strong_count(&running) > AT_ONCE {
                continue;
            }
            let place = Arc::clone(&running);
            // A peer that goes away in the middle notices itself, as one does that got no thread; there is nobody to
            // tell here.
            let _ = thread::Builder::new().spawn(move || {
                let _ = answer(stream, most_bytes);
                drop(place);
            });
        }
    });
}

fn answer(mut stream: TcpStream, most_bytes: u64) -> io::Result<()> {
    prepare(&stream)?;
    // Whoever means it says at once what it wants.
    stream.set_read_timeout(Some(HEAD))?;
    let mut head = [0; 9];
    stream.read_exact(&mut head)?;
    stream.set_read_timeout(Some(SILENCE))?;
    let [direction, size @ ..] = head;
    let bytes = u64::from_be_bytes(size);
    if bytes > most_bytes {
        return Err(io::ErrorKind::InvalidInput.into());
    }
    let end = Instant::now() + LONGEST;
    match direction {
        UP => {
            let rate = receive(&mut stream, bytes, end)?;
            stream.write_all(&rate.to_be_bytes())
        }
        DOWN => send(&mut stream, bytes, end),
        _ => Err(io::ErrorKind::InvalidInput.into()),
    }
}

/// Transfers `bytes` to or from `address`; the payload rate in bits a second.
pub fn measure(address: &str, direction: Direction, bytes: u64, limit: Duration) -> io::Result<f64> {
    let mut stream = dial(address)?;
    let deadline = Instant::now() + limit;
    // A thread per connection would hide an overall limit; closing the stream ends whatever waits.
    let (done, ended) = std::sync::mpsc::channel::<()>();
    let handle = stream.try_clone()?;
    let watch = thread::spawn(move || {
        if ended.recv_timeout(deadline - Instant::now()) == Err(std::sync::mpsc::RecvTimeoutError::Timeout) {
            // Already closed: nothing waits any more.
            let _ = handle.shutdown(std::net::Shutdown::Both);
        }
    });
    let rate = transfer(&mut stream, direction, bytes, deadline);
    drop(done);
    // The watching thread holds no state; how it ended does not matter.
    let _ = watch.join();
    match rate {
        Err(_) if Instant::now() >= deadline => {
            Err(io::Error::new(io::ErrorKind::TimedOut, format!("not done after {} s", limit.as_secs_f64())))
        }
        other => other,
    }
}

fn transfer(stream: &mut TcpStream, direction: Direction, bytes: u64, end: Instant) -> io::Result<f64> {
    let mut head = [0; 9];
    head[0] = direction.letter();
    head[1..].copy_from_slice(&bytes.to_be_bytes());
    stream.write_all(&head)?;
    match direction {
        Direction::Down => receive(stream, bytes, end),
        Direction::Up => {
            send(stream, bytes, end)?;
            let mut rate = [0; 8];
            stream.read_exact(&mut rate)?;
            Ok(f64::from_be_bytes(rate))
        }
    }
}

fn dial(address: &str) -> io::Result<TcpStream> {
    let addresses: Vec<SocketAddr> = address.to_socket_addrs()?.collect();
    let first = addresses.first().ok_or_else(|| io::Error::other(format!("{address} has no address")))?;
    let stream = TcpStream::connect_timeout(first, SILENCE)?;
    prepare(&stream)?;
    Ok(stream)
}

fn prepare(stream: &TcpStream) -> io::Result<()> {
    stream.set_nodelay(true)?;
    stream.set_read_timeout(Some(SILENCE))?;
    stream.set_write_timeout(Some(SILENCE))
}

fn send(stream: &mut TcpStream, bytes: u64, end: Instant) -> io::Result<()> {
    let block = vec![0x5a; BLOCK];
    let mut left = bytes;
    while left > 0 {
        let part = usize::try_from(left).unwrap_or(BLOCK).min(BLOCK);
        stream.write_all(&block[..part])?;
        in_time(end)?;
        left -= part as u64;
    }
    Ok(())
}

fn in_time(end: Instant) -> io::Result<()> {
    if Instant::now() < end { Ok(()) } else { Err(io::ErrorKind::TimedOut.into()) }
}

#[expect(clippy::cast_precision_loss, reason = "a transfer stays far below 2^53 bits")]
fn receive(stream: &mut TcpStream, bytes: u64, end: Instant) -> io::Result<f64> {
    let mut block = vec![0; BLOCK];
    let mut got = 0_u64;
    // How much had come at each mark, and when.
    let mut marks: Vec<(u64, Instant)> = Vec::new();
    while got < bytes {
        let n = stream.read(&mut block)?;
        in_time(end)?;
        if n == 0 {
            return Err(io::Error::new(io::ErrorKind::UnexpectedEof, format!("{got} of {bytes} bytes came")));
        }
        got += n as u64;
        if MARKS.get(marks.len()).is_some_and(|sixteenths| got >= bytes / 16 * sixteenths) {
            marks.push((got, Instant::now()));
        }
    }
    let done = Instant::now();
    let since = |(before, at): &(u64, Instant)| (got - before) as f64 * 8.0 / (done - *at).as_secs_f64().max(1e-9);
    let mut rates: Vec<_> = marks.iter().map(since).collect();
    rates.sort_by(f64::total_cmp);
    rates.get(rates.len() / 2).copied().ok_or_else(|| io::Error::other("no bytes to transfer"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn transfers_both_ways() {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap().to_string();
        serve(listener, 8 << 20);
        for direction in [Direction::Up, Direction::Down] {
            let rate = measure(&address, direction, 8 << 20, Duration::from_secs(20)).unwrap();
            assert!(rate > 1e7, "{direction:?}: {rate}");
        }
    }

    #[test]
    fn stuck_peers_and_wild_wishes_block_nobody() {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap().to_string();
        serve(listener, 1 << 20);
        let closed = |sent: &[u8]| {
            let mut stream = TcpStream::connect(&address).unwrap();
            stream.write_all(sent).unwrap();
            stream.set_read_timeout(Some(HEAD + HEAD)).unwrap();
            stream.read(&mut [0; 1]).is_ok_and(|count| count == 0)
        };
        let wish = |letter: u8, bytes: u64| [&[letter][..], &bytes.to_be_bytes()[..]].concat();
        assert!(closed(&wish(DOWN, u64::MAX)) && closed(&wish(UP, 1 << 21)) && closed(&wish(b'G', 1)));
        let stuck: Vec<_> = (0..AT_ONCE).map(|_| TcpStream::connect(&address).unwrap()).collect();
        thread::sleep(HEAD + HEAD / 2);
        measure(&address, Direction::Down, 1 << 20, Duration::from_secs(5)).unwrap();
        drop(stuck);
    }

    #[test]
    fn a_silent_peer_is_given_up() {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap().to_string();
        let error = measure(&address, Direction::Down, 1000, Duration::from_millis(200)).unwrap_err();
        assert_eq!(error.kind(), io::ErrorKind::TimedOut, "{error}");
    }

    const LINK: Link = Link { up_bits_per_second: 0, down_bits_per_second: 0, latency_seconds: 0.0, loss_ratio: 0.0 };

    #[test]
    fn agrees_within_a_tenth() {
        assert!(agrees(50_000_000, 47_900_000.0, &LINK));
        assert!(agrees(20_000_000, 18_700_000.0, &LINK));
        assert!(agrees(20_000_000, 19_900_000.0, &LINK));
        assert!(!agrees(50_000_000, 40_000_000.0, &LINK));
        assert!(!agrees(50_000_000, 13e9, &LINK));
    }

    #[test]
    fn a_link_that_one_stream_cant_fill_only_must_not_be_faster() {
        let lossy = Link { loss_ratio: 0.01, ..LINK };
        let long = Link { latency_seconds: 0.2, ..LINK };
        for link in [lossy, long] {
            assert!(agrees(50_000_000, 2_000_000.0, &link), "{link:?}");
            assert!(!agrees(50_000_000, 56_000_000.0, &link), "{link:?}");
        }
        let near = Link { latency_seconds: 0.1, ..LINK };
        assert!(!agrees(50_000_000, 40_000_000.0, &near), "625 kB under way: one stream keeps up");
    }

    #[test]
    fn a_link_that_is_not_shaped_is_named() {
        assert_eq!(
            sentence("bt-nodes-1", "down", 50_000_000, 13e9),
            "node bt-nodes-1 down: asked 50.000 Mbit/s (payload 47.820 within 10 % of the rate), measured 13000.000"
        );
    }
}
