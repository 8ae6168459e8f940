//! One connection of a guest, in plain blocking calls that all have an end.

use std::io::{ErrorKind, Read, Write};
use std::net::{Shutdown, SocketAddr, TcpStream};
use std::time::{Duration, Instant};

use memchr::memmem;
use socket2::{Domain, SockRef, Socket, Type};

use super::Shared;
use super::count::Count;
use super::door::Door;
use super::order::Key;

/// Longest wait for a connect, a write, or a greeting: far beyond what the server promises.
const PATIENCE: Duration = Duration::from_secs(15);
/// One read waits so long at most.
const READ_WAIT: Duration = Duration::from_millis(50);

/// A guest's connection.
#[derive(Debug)]
pub(super) struct Peer<'a> {
    shared: &'a Shared,
    pub(super) door: Door,
    pub(super) stream: TcpStream,
    /// Its own: by this the server's system calls about it are found in a trace.
    pub(super) address: SocketAddr,
    bytes: Vec<u8>,
}

/// What a while of listening brought.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Heard {
    /// It goes on.
    More,
    /// The server has ended it in order.
    End,
    /// The connection was reset.
    Reset,
}

impl<'a> Peer<'a> {
    /// Connects and says nothing.
    pub(super) fn knock(shared: &'a Shared, door: Door) -> Option<Self> {
        Self::from_stream(shared, door, TcpStream::connect_timeout(&door.of(&shared.doors), PATIENCE).ok()?)
    }

    /// Connects with the least buffer for what is received.
    pub(super) fn knock_narrowly(shared: &'a Shared, door: Door) -> Option<Self> {
        let socket = Socket::new(Domain::IPV4, Type::STREAM, None).ok()?;
        socket.set_recv_buffer_size(4096).ok()?;
        socket.connect_timeout(&door.of(&shared.doors).into(), PATIENCE).ok()?;
        Self::from_stream(shared, door, socket.into())
    }

    fn from_stream(shared: &'a Shared, door: Door, stream: TcpStream) -> Option<Self> {
        stream.set_read_timeout(Some(READ_WAIT)).ok()?;
        stream.set_write_timeout(Some(PATIENCE)).ok()?;
        stream.set_nodelay(true).ok()?;
        let address = stream.local_addr().ok()?;
        Some(Self { shared, door, stream, address, bytes: Vec::new() })
    }

    /// Comes into a room; `None` if it was refused.
    pub(super) fn come(shared: &'a Shared, door: Door, room: &str) -> Option<Self> {
        let mut peer = Self::knock(shared, door)?;
        peer.is_welcome(room).then_some(peer)
    }

    /// Says hello and waits until it is in.
    pub(super) fn is_welcome(&mut self, room: &str) -> bool {
        self.greet(room) && self.is_in(room)
    }

    /// Says hello; false if that failed.
    pub(super) fn greet(&mut self, room: &str) -> bool {
        let mut hello = Vec::new();
        self.door.hello(room, &mut hello);
        self.send(&hello)
    }

    /// Waits until it is in; false if it was refused.
    pub(super) fn is_in(&mut self, room: &str) -> bool {
        let welcome = self.waits_for(self.door.welcome(room));
        if welcome {
            self.shared.count(Count::Sessions);
        }
        welcome
    }

    /// Whether these words come before an end does.
    pub(super) fn waits_for(&mut self, words: &[u8]) -> bool {
        let until = Instant::now() + PATIENCE;
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

    /// One read; every whole line or packet goes to `each`. Refusals are counted by their words.
    pub(super) fn listen(&mut self, mut each: impl FnMut(&[u8])) -> Heard {
        let mut buffer = [0; 16 * 1024];
        match self.stream.read(&mut buffer) {
            Ok(0) => return Heard::End,
            Ok(count) => self.bytes.extend_from_slice(&buffer[..count]),
            Err(error) if matches!(error.kind(), ErrorKind::Interrupted | ErrorKind::WouldBlock) => {}
            Err(_) => return Heard::Reset,
        }
        let shared = self.shared;
        self.door.take_off(&mut self.bytes, |unit| {
            for (words, count) in Count::REFUSALS {
                if memmem::find(unit, words).is_some() {
                    shared.count(count);
                }
            }
            each(unit);
        });
        Heard::More
    }

    /// Listens until the server ends it, for `at_most`.
    pub(super) fn hear_out(&mut self, at_most: Duration, mut each: impl FnMut(&[u8])) -> Heard {
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

    /// Ends it by a reset.
    pub(super) fn reset(self) {
        let _ = SockRef::from(&self.stream).set_linger(Some(Duration::ZERO));
    }
}

/// The lines that one session says, counted.
#[derive(Debug)]
pub(super) struct Voice {
    next: Key,
    /// How many of them have come back.
    pub(super) echoes: u32,
}

impl Voice {
    pub(super) fn new(shared: &Shared) -> Self {
        Self { next: Key { talker: shared.next_talker(), number: 0 }, echoes: 0 }
    }

    /// Adds so many lines to `out`.
    pub(super) fn say(&mut self, door: Door, lines: u32, filler: u16, out: &mut Vec<u8>) {
        for _ in 0..lines {
            door.say(&self.next.spell(filler), out);
            self.next.number += 1;
        }
    }

    /// Looks whether a line is one of its own.
    pub(super) fn hears(&mut self, unit: &[u8]) {
        if let Some(Ok(key)) = Key::read(unit)
            && key.talker == self.next.talker
            && !unit.ends_with(b"\"Past\":true}")
            && !unit.starts_with(b"--- ")
        {
            self.echoes += 1;
        }
    }

    /// Who it is, and how many lines it has said.
    pub(super) fn has_said(&self) -> (u32, u32) {
        (self.next.talker, self.next.number)
    }
}
