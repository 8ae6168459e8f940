//! One connection of the bench: a non-blocking socket, what it has to send, and how far its session is.

use std::io::{self, IoSliceMut, Read, Write};
use std::mem;
use std::net::Shutdown;
use std::os::fd::AsRawFd;
use std::time::{Duration, Instant};

use memchr::memmem;
use mio::net::TcpStream;
use nix::sys::socket::{ControlMessageOwned, MsgFlags, recvmsg, setsockopt, sockopt::ReceiveTimestampns};
use nix::sys::time::TimeSpec;

use super::target::{Role, Wire};
use super::websocket::WebSocket;

/// The first words of the notice by which Parlor tells a talker that it exceeds the rate limit, on each wire that
/// has notices.
const SLOW_DOWN: &[u8] = b"Slow down: ";

/// One connection.
#[derive(Debug)]
pub(super) struct Connection {
    pub(super) stream: TcpStream,
    pub(super) role: Role,
    pub(super) state: State,
    pub(super) begun: Instant,
    pub(super) output: Output,
    /// Bytes received before the session has joined; later the beginning of a payload whose end is missing.
    pub(super) rest: Vec<u8>,
    /// Payloads received since the last [`Swarm::reset_counts`](super::swarm::Swarm::reset_counts).
    pub(super) delivered: u64,
    /// Why it failed: the error of its connect, or what the server did that its protocol forbids.
    pub(super) failure: Option<io::Error>,
    /// Whether the socket is read.
    pub(super) reads: bool,
    /// When the kernel received the last bytes that were read, since the epoch. `None` without
    /// [`Connection::ask_for_arrivals`], or if the kernel did not say.
    pub(super) arrived: Option<Duration>,
    stamped: bool,
    input: Input,
}

/// The state of what is received.
#[derive(Debug, Default)]
struct Input {
    /// The protocol around the text, on that wire.
    websocket: Option<WebSocket>,
    notices: NoticeFinder,
}

/// How far a session is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum State {
    Connecting,
    Greeting,
    Joined,
    /// The server has ended it, or it failed.
    Closed,
}

/// Bytes to send.
#[derive(Debug, Default)]
pub(super) struct Output {
    pub(super) bytes: Vec<u8>,
    written: usize,
}

impl Output {
    /// Writes until the socket takes no more.
    fn flush(&mut self, stream: &mut TcpStream) -> io::Result<()> {
        while self.written < self.bytes.len() {
            match stream.write(&self.bytes[self.written..]) {
                Ok(count) => self.written += count,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => return Ok(()),
                Err(error) => return Err(error),
            }
        }
        self.clear();
        Ok(())
    }

    fn clear(&mut self) {
        self.bytes.clear();
        self.written = 0;
    }
}

/// Finds [`SLOW_DOWN`] in what a talker receives, also across two reads.
#[derive(Debug, Default)]
struct NoticeFinder {
    /// The end of the bytes so far, shorter than the notice.
    tail: Vec<u8>,
}

impl NoticeFinder {
    fn is_in(&mut self, bytes: &[u8]) -> bool {
        let most = SLOW_DOWN.len() - 1;
        self.tail.extend_from_slice(&bytes[..bytes.len().min(most)]);
        let is_in = [&self.tail, bytes].iter().any(|bytes| memmem::find(bytes, SLOW_DOWN).is_some());
        if let Some(start) = bytes.len().checked_sub(most) {
            self.tail.clear();
            self.tail.extend_from_slice(&bytes[start..]);
        }
        self.tail.drain(..self.tail.len().saturating_sub(most));
        is_in
    }
}

impl Connection {
    /// A connection that has just been begun.
    pub(super) fn new(stream: TcpStream, role: Role, begun: Instant) -> Self {
        Self {
            stream,
            role,
            state: State::Connecting,
            begun,
            output: Output::default(),
            rest: Vec::new(),
            delivered: 0,
            failure: None,
            reads: true,
            arrived: None,
            stamped: false,
            input: Input::default(),
        }
    }

    /// Makes the kernel note when it receives the bytes that are read later.
    pub(super) fn ask_for_arrivals(&mut self) -> Result<(), String> {
        setsockopt(&self.stream, ReceiveTimestampns, &true)
            .map_err(|error| format!("cannot have the kernel note when lines arrive: {error}"))?;
        self.stamped = true;
        Ok(())
    }

    /// Goes on where the socket has become writable: finishes the connect, or sends.
    pub(super) fn became_writable(&mut self, wire: Wire, index: usize) {
        if self.state == State::Connecting {
            let server = match (self.stream.take_error(), self.stream.peer_addr()) {
                (Ok(None), Ok(server)) => server,
                (Ok(None), Err(error)) if error.kind() == io::ErrorKind::NotConnected => return,
                (Ok(Some(error)) | Err(error), _) | (_, Err(error)) => {
                    self.failure = Some(error);
                    return self.fail();
                }
            };
            let _ = self.stream.set_nodelay(true);
            self.state = State::Greeting;
            wire.hello(self.role, index, &mut self.output.bytes);
            if wire == Wire::Ws {
                let first = mem::take(&mut self.output.bytes);
                self.input.websocket = Some(WebSocket::begin(server, first, &mut self.output.bytes));
            }
            if wire.is_welcome(self.role, &[]) {
                self.state = State::Joined;
            }
        }
        self.flush();
    }

    /// Sends until the socket takes no more.
    pub(super) fn flush(&mut self) {
        if self.output.flush(&mut self.stream).is_err() {
            self.fail();
        }
    }

    /// Reads until the socket is empty, or `to_end` until its end. Returns whether anything came.
    pub(super) fn read(
        &mut self,
        wire: Wire,
        to_end: bool,
        buffer: &mut [u8],
        mut heard: impl FnMut(&mut Self, &[u8]),
    ) -> bool {
        let mut moved = false;
        while self.state != State::Closed {
            let count = match self.receive(buffer) {
                Ok(0) => {
                    self.fail();
                    return true;
                }
                Ok(count) => count,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => break,
                Err(_) => {
                    self.fail();
                    return true;
                }
            };
            moved = true;
            let Some(bytes) = self.text_of(&mut buffer[..count]) else { return true };
            if bytes.is_empty() {
                // The beginning of a frame, or a frame of the protocol's own.
            } else if self.state == State::Joined {
                heard(self, bytes);
            } else {
                self.rest.extend_from_slice(bytes);
                if wire.is_welcome(self.role, &self.rest) {
                    self.state = State::Joined;
                    self.rest.clear();
                }
            }
            // A short read has emptied the socket, and later bytes are another edge. An end that has come already
            // is none.
            if count < buffer.len() && !to_end {
                break;
            }
        }
        moved
    }

    /// The text in these bytes. By WebSocket they are frames, and some need an answer. `None`: it has failed.
    fn text_of<'a>(&mut self, bytes: &'a mut [u8]) -> Option<&'a [u8]> {
        let Some(websocket) = &mut self.input.websocket else { return Some(bytes) };
        match websocket.receive(bytes, &mut self.output.bytes) {
            Ok(length) => {
                self.flush();
                Some(&bytes[..length])
            }
            Err(fault) => {
                self.failure = Some(io::Error::other(fault));
                self.fail();
                None
            }
        }
    }

    /// Whether the server says in these bytes, or across the last ones and these, to slow down.
    pub(super) fn is_slowed(&mut self, bytes: &[u8]) -> bool {
        self.input.notices.is_in(bytes)
    }

    /// Ends the sending side. The server's end is still awaited.
    pub(super) fn leave(&mut self, wire: Wire) {
        if let Some(websocket) = &mut self.input.websocket {
            websocket.leaves = true;
        }
        self.output.bytes.extend_from_slice(wire.goodbye());
        self.flush();
        if wire.goodbye().is_empty() {
            // It fails only if the server has ended the connection already.
            let _ = self.stream.shutdown(Shutdown::Write);
        }
    }

    fn fail(&mut self) {
        self.state = State::Closed;
        self.output.clear();
    }

    /// One read, with the time of arrival if the kernel notes it.
    fn receive(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        if !self.stamped {
            return self.stream.read(buffer);
        }
        let mut control = [0; 128]; // more than the one message takes
        let mut slices = [IoSliceMut::new(buffer)];
        let received = recvmsg::<()>(self.stream.as_raw_fd(), &mut slices, Some(&mut control), MsgFlags::MSG_DONTWAIT)?;
        self.arrived = received.cmsgs().ok().and_then(|mut messages| {
            messages.find_map(|message| match message {
                ControlMessageOwned::ScmTimestampns(time) => Some(since_epoch(time)),
                _ => None,
            })
        });
        Ok(received.bytes)
    }
}

fn since_epoch(time: TimeSpec) -> Duration {
    Duration::new(u64::try_from(time.tv_sec()).unwrap_or(0), u32::try_from(time.tv_nsec()).unwrap_or(0))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn notice_across_two_reads_is_found() {
        let text = b"*** Slow down: your lines";
        for cut in 0..=text.len() {
            let mut notices = NoticeFinder::default();
            let first = notices.is_in(&text[..cut]);
            assert!(notices.is_in(&text[cut..]) || first, "cut at {cut}");
        }
        assert!(!NoticeFinder::default().is_in(b"Slow it down: please"));
    }
}
