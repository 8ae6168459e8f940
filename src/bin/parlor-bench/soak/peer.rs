//! One connection of a client, in blocking calls with time-outs.

use std::io::{ErrorKind, Read, Write};
use std::net::{Shutdown, SocketAddr, TcpStream};
use std::time::{Duration, Instant};

use memchr::memmem;
use socket2::{Domain, SockRef, Socket, Type};

use super::count::Count;
use super::door::Door;
use super::order::Key;
use super::shared::Shared;

/// Longest wait for a connect, a write or a greeting: far longer than the server may take.
const TIMEOUT: Duration = Duration::from_secs(15);
/// Longest wait of one read.
const READ_TIMEOUT: Duration = Duration::from_millis(50);

/// A client's connection.
#[derive(Debug)]
pub(super) struct Peer<'a> {
    shared: &'a Shared,
    pub(super) door: Door,
    pub(super) stream: TcpStream,
    /// The client's own address. A trace of the server's system calls names it.
    pub(super) address: SocketAddr,
    bytes: Vec<u8>,
}

/// The result of one read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Heard {
    /// The connection goes on.
    More,
    /// The server has ended the connection in order.
    End,
    /// The connection was reset.
    Reset,
}

impl<'a> Peer<'a> {
    /// Connects and sends nothing.
    pub(super) fn connect(shared: &'a Shared, door: Door) -> Option<Self> {
        Self::from_stream(shared, door, TcpStream::connect_timeout(&door.of(&shared.setup.doors), TIMEOUT).ok()?)
    }

    /// Connects with the smallest receive buffer.
    pub(super) fn connect_narrow(shared: &'a Shared, door: Door) -> Option<Self> {
        let socket = Socket::new(Domain::IPV4, Type::STREAM, None).ok()?;
        socket.set_recv_buffer_size(4096).ok()?;
        socket.connect_timeout(&door.of(&shared.setup.doors).into(), TIMEOUT).ok()?;
        Self::from_stream(shared, door, socket.into())
    }

    fn from_stream(shared: &'a Shared, door: Door, stream: TcpStream) -> Option<Self> {
        stream.set_read_timeout(Some(READ_TIMEOUT)).ok()?;
        stream.set_write_timeout(Some(TIMEOUT)).ok()?;
        stream.set_nodelay(true).ok()?;
        let address = stream.local_addr().ok()?;
        Some(Self { shared, door, stream, address, bytes: Vec::new() })
    }

    /// Connects and joins a room. `None` if the server refuses.
    pub(super) fn enter(shared: &'a Shared, door: Door, room: &str) -> Option<Self> {
        let mut peer = Self::connect(shared, door)?;
        peer.join(room).then_some(peer)
    }

    /// Joins a room and waits for the answer.
    pub(super) fn join(&mut self, room: &str) -> bool {
        self.ask_to_join(room) && self.has_joined(room)
    }

    /// Asks to join a room. Returns whether that was sent.
    pub(super) fn ask_to_join(&mut self, room: &str) -> bool {
        let mut hello = Vec::new();
        self.door.hello(room, &mut hello);
        self.send(&hello)
    }

    /// Waits until the session has joined. Returns `false` if the server refuses.
    pub(super) fn has_joined(&mut self, room: &str) -> bool {
        let welcome = self.waits_for(self.door.welcome(room));
        if welcome {
            self.shared.count(Count::Sessions);
        }
        welcome
    }

    /// Waits for these words. Returns whether they came before the end.
    pub(super) fn waits_for(&mut self, words: &[u8]) -> bool {
        let until = Instant::now() + TIMEOUT;
        let mut found = false;
        while !found && Instant::now() < until {
            if self.listen(|unit| found |= memmem::find(unit, words).is_some()) != Heard::More {
                return found;
            }
        }
        found
    }

    pub(super) fn send(&mut self, bytes: &[u8]) -> bool {
        self.stream.write_all(bytes).is_ok()
    }

    /// Reads once, and gives each whole line or packet to `each`. Counts refusals.
    pub(super) fn listen(&mut self, mut each: impl FnMut(&[u8])) -> Heard {
        let mut buffer = [0; 16 * 1024];
        match self.stream.read(&mut buffer) {
            Ok(0) => return Heard::End,
            Ok(count) => self.bytes.extend_from_slice(&buffer[..count]),
            Err(error) if matches!(error.kind(), ErrorKind::Interrupted | ErrorKind::WouldBlock) => {}
            Err(_) => return Heard::Reset,
        }
        let shared = self.shared;
        self.door.take_units(&mut self.bytes, |unit| {
            for (words, count) in Count::REFUSALS {
                if memmem::find(unit, words).is_some() {
                    shared.count(count);
                }
            }
            each(unit);
        });
        Heard::More
    }

    /// Reads until the server ends the connection, for `at_most`.
    pub(super) fn read_to_end(&mut self, at_most: Duration, mut each: impl FnMut(&[u8])) -> Heard {
        let until = Instant::now() + at_most;
        while Instant::now() < until {
            match self.listen(&mut each) {
                Heard::More => {}
                end => return end,
            }
        }
        Heard::More
    }

    pub(super) fn end_input(&self) {
        let _ = self.stream.shutdown(Shutdown::Write);
    }

    /// Ends the connection by a reset.
    pub(super) fn reset(self) {
        let _ = SockRef::from(&self.stream).set_linger(Some(Duration::ZERO));
    }
}

/// The lines of one session: those sent, and those that came back.
#[derive(Debug)]
pub(super) struct Talker {
    next: Key,
    /// The number of lines that have come back.
    pub(super) echoes: u32,
}

impl Talker {
    pub(super) fn new(shared: &Shared) -> Self {
        Self { next: Key { talker: shared.next_talker(), number: 0 }, echoes: 0 }
    }

    /// Appends lines to `out`.
    pub(super) fn say(&mut self, door: Door, lines: u32, filler: u16, out: &mut Vec<u8>) {
        for _ in 0..lines {
            door.say(&self.next.line(filler), out);
            self.next.number += 1;
        }
    }

    /// Counts a received line if it is the session's own.
    pub(super) fn hears(&mut self, unit: &[u8]) {
        if let Some(Ok(key)) = Key::read(unit)
            && key.talker == self.next.talker
            && !unit.ends_with(b"\"Past\":true}")
            && !unit.starts_with(b"--- ")
        {
            self.echoes += 1;
        }
    }

    /// The talker's number, and the number of lines that it has sent.
    pub(super) fn sent(&self) -> (u32, u32) {
        (self.next.talker, self.next.number)
    }
}
