//! The least that a server can do: each line to everybody, by one thread, and nothing else.
//!
//! No names, no rooms, no threads, no promise to anyone who reads slowly: what it costs is what the
//! kernel's sockets cost. Plain, it makes one write for each line and listener; with `--coalesce`
//! one for all lines of a turn of its loop. A line goes out behind its sender's address and a name, as
//! on Parlor's text door, so that both send the same number of bytes.

use std::io::{self, Read, Write};
use std::net::SocketAddr;
use std::process;

use memchr::memchr_iter;
use mio::net::{TcpListener, TcpStream};
use mio::{Events, Interest, Poll, Token};

use super::flags::Floor;

const LISTENER: Token = Token(usize::MAX - 1);
/// A listener who has so many bytes waiting is put out: there has to be an end somewhere.
const MOST_WAITING: usize = 64 * 1024 * 1024;

/// One connection.
struct Peer {
    stream: TcpStream,
    /// What stands before each of its lines.
    head: Vec<u8>,
    /// What came after the last line end.
    begun: Vec<u8>,
    /// What the socket did not take.
    waiting: Vec<u8>,
}

/// Serves until it is killed.
pub(super) fn serve(how: &Floor) -> Result<(), String> {
    if !how.listen.ip().is_loopback() {
        return Err(format!("{} is not of this machine; the floor serves loopback only", how.listen));
    }
    let fail = |error: io::Error| format!("cannot serve on {}: {error}", how.listen);
    let mut listener = TcpListener::bind(how.listen).map_err(fail)?;
    let mut poll = Poll::new().map_err(fail)?;
    poll.registry().register(&mut listener, LISTENER, Interest::READABLE).map_err(fail)?;
    say_ready(listener.local_addr().map_err(fail)?)?;

    let mut events = Events::with_capacity(4096);
    let mut peers: Vec<Option<Peer>> = Vec::new();
    let mut buffer = vec![0; 256 * 1024];
    let mut lines = Vec::new();
    loop {
        match poll.poll(&mut events, None) {
            Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
            outcome => outcome.map_err(fail)?,
        }
        lines.clear();
        for event in &events {
            if event.token() == LISTENER {
                while let Ok((mut stream, address)) = listener.accept() {
                    let place = peers.iter().position(Option::is_none).unwrap_or(peers.len());
                    let interest = Interest::READABLE | Interest::WRITABLE;
                    if stream.set_nodelay(true).is_err()
                        || stream.write(b"hello\n").is_err()
                        || poll.registry().register(&mut stream, Token(place), interest).is_err()
                    {
                        continue;
                    }
                    let head = format!("[{address}]t{place}: ").into_bytes();
                    let peer = Some(Peer { stream, head, begun: Vec::new(), waiting: Vec::new() });
                    if place == peers.len() { peers.push(peer) } else { peers[place] = peer }
                }
                continue;
            }
            let place = event.token().0;
            let Some(peer) = &mut peers[place] else { continue };
            let lives = (!event.is_writable() || peer.flush())
                && (!event.is_readable() || peer.read(event.is_read_closed(), &mut buffer, &mut lines));
            if !lives {
                peers[place] = None;
            }
        }
        if lines.is_empty() {
            continue;
        }
        if how.coalesce {
            send(&mut peers, &lines);
        } else {
            let mut start = 0;
            for end in memchr_iter(b'\n', &lines) {
                send(&mut peers, &lines[start..=end]);
                start = end + 1;
            }
        }
    }
}

#[expect(clippy::print_stdout, reason = "the ready line")]
fn say_ready(address: SocketAddr) -> Result<(), String> {
    println!("floor ready pid={} floor={address}", process::id());
    io::stdout().flush().map_err(|error| format!("cannot write the ready line: {error}"))
}

fn send(peers: &mut [Option<Peer>], bytes: &[u8]) {
    for place in peers {
        if let Some(peer) = place
            && !peer.send(bytes)
        {
            *place = None;
        }
    }
}

impl Peer {
    /// Whole lines go to the end of `lines`. False: it has gone.
    fn read(&mut self, to_end: bool, buffer: &mut [u8], lines: &mut Vec<u8>) -> bool {
        loop {
            match self.stream.read(buffer) {
                Ok(0) => return false,
                Ok(count) => {
                    for part in buffer[..count].split_inclusive(|byte| *byte == b'\n') {
                        if part.ends_with(b"\n") {
                            lines.extend_from_slice(&self.head);
                            lines.append(&mut self.begun);
                            lines.extend_from_slice(part);
                        } else {
                            self.begun.extend_from_slice(part);
                        }
                    }
                    if self.begun.len() > MOST_WAITING {
                        return false;
                    }
                    if count < buffer.len() && !to_end {
                        return true;
                    }
                }
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return error.kind() == io::ErrorKind::WouldBlock,
            }
        }
    }

    /// False: it has gone, or takes too little.
    fn send(&mut self, bytes: &[u8]) -> bool {
        let mut sent = 0;
        while self.waiting.is_empty() && sent < bytes.len() {
            match self.stream.write(&bytes[sent..]) {
                Ok(count) => sent += count,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => break,
                Err(_) => return false,
            }
        }
        self.waiting.extend_from_slice(&bytes[sent..]);
        self.waiting.len() <= MOST_WAITING
    }

    /// The socket takes more. False: it has gone.
    fn flush(&mut self) -> bool {
        let waiting = std::mem::take(&mut self.waiting);
        self.send(&waiting)
    }
}
