//! The floor: a server that broadcasts each line from one thread and does nothing else.
//!
//! It has no names, rooms or backpressure. Its cost is the cost of the kernel's sockets. By default it makes one write
//! for each line and listener; with `--coalesce` one write for all lines of a turn of its loop. Each line begins with
//! the sender's address and a name, as on Parlor's text door, so that both servers send the same number of bytes.

use std::io::{self, Read, Write};
use std::net::SocketAddr;
use std::process;

use memchr::memchr_iter;
use mio::net::{TcpListener, TcpStream};
use mio::{Events, Interest, Poll, Token};

use super::flags::Floor;

const LISTENER: Token = Token(usize::MAX - 1);
/// Most bytes pending for one listener. A listener with more is disconnected.
const MAX_PENDING: usize = 64 * 1024 * 1024;

/// One connection.
struct Peer {
    stream: TcpStream,
    /// The beginning of each of the peer's lines.
    head: Vec<u8>,
    /// The bytes after the last line end.
    partial: Vec<u8>,
    /// The bytes that the socket did not take.
    pending: Vec<u8>,
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
                    let peer = Some(Peer { stream, head, partial: Vec::new(), pending: Vec::new() });
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
    /// Reads and appends whole lines to `lines`. Returns `false` if the peer has gone.
    fn read(&mut self, to_end: bool, buffer: &mut [u8], lines: &mut Vec<u8>) -> bool {
        loop {
            match self.stream.read(buffer) {
                Ok(0) => return false,
                Ok(count) => {
                    for part in buffer[..count].split_inclusive(|byte| *byte == b'\n') {
                        if part.ends_with(b"\n") {
                            lines.extend_from_slice(&self.head);
                            lines.append(&mut self.partial);
                            lines.extend_from_slice(part);
                        } else {
                            self.partial.extend_from_slice(part);
                        }
                    }
                    if self.partial.len() > MAX_PENDING {
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

    /// Sends or queues. Returns `false` if the peer has gone, or reads too slowly.
    fn send(&mut self, bytes: &[u8]) -> bool {
        let mut sent = 0;
        while self.pending.is_empty() && sent < bytes.len() {
            match self.stream.write(&bytes[sent..]) {
                Ok(count) => sent += count,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => break,
                Err(_) => return false,
            }
        }
        self.pending.extend_from_slice(&bytes[sent..]);
        self.pending.len() <= MAX_PENDING
    }

    /// Sends pending bytes. Returns `false` if the peer has gone.
    fn flush(&mut self) -> bool {
        let pending = std::mem::take(&mut self.pending);
        self.send(&pending)
    }
}
