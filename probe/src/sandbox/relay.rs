//! A way out of a network that has none: a port inside, a socket file between, an address outside.
//!
//! Both halves copy bytes and know nothing of them.

use std::{
    io::{self, Read, Write},
    net::{Ipv4Addr, Shutdown, TcpListener, TcpStream},
    os::unix::net::{UnixListener, UnixStream},
    path::Path,
    thread,
};

use super::Relay;

/// The half inside: from the hub's port to the socket file, until the process ends.
pub(super) fn relay_inside(relay: &Relay) -> io::Result<()> {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, relay.port))?;
    let socket = relay.socket.clone();
    thread::spawn(move || {
        for inside in listener.incoming().flatten() {
            // Where the outside is gone, the connection ends, and whoever asked tries again.
            if let Ok(outside) = UnixStream::connect(&socket) {
                join(inside, outside);
            }
        }
    });
    Ok(())
}

/// The half outside: from the socket file to an address, `host:port`, until the process ends.
pub fn relay_outside(socket: &Path, address: String) -> io::Result<()> {
    let listener = UnixListener::bind(socket)?;
    thread::spawn(move || {
        for inside in listener.incoming().flatten() {
            if let Ok(outside) = TcpStream::connect(&address) {
                join(outside, inside);
            }
        }
    });
    Ok(())
}

fn join(tcp: TcpStream, unix: UnixStream) {
    let (Ok(tcp_too), Ok(unix_too)) = (tcp.try_clone(), unix.try_clone()) else { return };
    thread::spawn(move || {
        copy(tcp, &unix);
        let _ = unix.shutdown(Shutdown::Write);
    });
    thread::spawn(move || {
        copy(unix_too, &tcp_too);
        let _ = tcp_too.shutdown(Shutdown::Write);
    });
}

/// Copies until one side has enough; which one makes no difference.
fn copy(mut from: impl Read, mut to: impl Write) {
    let _ = io::copy(&mut from, &mut to);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bytes_pass_both_ways_to_their_end() {
        let folder = tempfile::tempdir().unwrap();
        let outside = TcpListener::bind("127.0.0.1:0").unwrap();
        let socket = folder.path().join("out");
        relay_outside(&socket, outside.local_addr().unwrap().to_string()).unwrap();
        let port = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
        relay_inside(&Relay { socket, port }).unwrap();
        let echo = thread::spawn(move || {
            let (mut stream, _) = outside.accept().unwrap();
            let mut all = Vec::new();
            stream.read_to_end(&mut all).unwrap();
            all.reverse();
            stream.write_all(&all).unwrap();
        });
        let mut stream = TcpStream::connect((Ipv4Addr::LOCALHOST, port)).unwrap();
        stream.write_all(b"abc").unwrap();
        stream.shutdown(Shutdown::Write).unwrap();
        let mut answer = String::new();
        stream.read_to_string(&mut answer).unwrap();
        assert_eq!(answer, "cba");
        echo.join().unwrap();
    }
}
