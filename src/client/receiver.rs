//! The receiving half of a connection: it reads, decodes, and keeps the session alive.

use std::fmt;
use std::io::{ErrorKind, Read};
use std::net::ToSocketAddrs;
use std::time::{Duration, Instant};

use super::backlog::Backlog;
use super::door::Door;
use super::{ClientError, Talker};
use crate::wire::{Heard, HeardDecoder, Kind, Speech, Wire, WireError};

/// Interval of the keep-alives: a third of the idle limit of a text door that has told no other.
const KEEP_ALIVE: Duration = Duration::from_secs(10);
/// Shortest interval of the keep-alives, however short the idle limit is.
const MIN_KEEP_ALIVE: Duration = Duration::from_millis(200);
/// Most bytes of one read.
const READ: usize = 16 * 1024;

/// The receiving half of a connection.
#[derive(Debug)]
pub(super) struct Receiver {
    pub talker: Talker,
    pub door: Door,
    decoder: HeardDecoder,
    buffer: Vec<u8>,
    /// When the last keep-alive was sent.
    kept_alive: Instant,
    /// The client's name, as far as the server has told it.
    pub name: Option<String>,
    last_words: Option<String>,
    /// The door has let the client in: from here on only a farewell tells why the end comes.
    is_in: bool,
    ended: bool,
}

impl Receiver {
    /// Connects before the deadline.
    pub(super) fn connect(
        address: &(impl ToSocketAddrs + fmt::Display),
        wire: Wire,
        until: Instant,
    ) -> Result<Self, ClientError> {
        let decoder = HeardDecoder::new(wire).ok_or(ClientError::Relay)?;
        Ok(Self {
            talker: Talker::connect(address, wire, until)?,
            door: Door::of(wire),
            decoder,
            buffer: vec![0; READ],
            kept_alive: Instant::now(),
            name: None,
            last_words: None,
            is_in: false,
            ended: false,
        })
    }

    /// Waits for the greeting of a text door. Other events go to the backlog.
    pub(super) fn wait_for_greeting(&mut self, backlog: &mut Backlog, until: Instant) -> Result<(), ClientError> {
        loop {
            match self.listen(until)? {
                Some((_, Heard::Here(address))) => {
                    self.name = Some(address);
                    return Ok(());
                }
                Some((_, heard)) => backlog.push(heard),
                None => return Err(self.no_answer(self.door.doubt)),
            }
            if Instant::now() >= until {
                return Err(self.no_answer(self.door.doubt));
            }
        }
    }

    /// Records that the door has let the client in.
    pub(super) fn let_in(&mut self) {
        (self.is_in, self.last_words) = (true, None);
    }

    /// The room that the client is in, as far as the server has told it.
    pub(super) fn room(&self) -> Option<&str> {
        self.decoder.room()
    }

    /// Waits for the next event, with the mark of the request that it answers. Sends keep-alives meanwhile.
    pub(super) fn listen(&mut self, deadline: Instant) -> Result<Option<(Option<u64>, Heard)>, ClientError> {
        let mut looked = false; // bytes that have arrived are read even if no time is left
        loop {
            let next = self.decoder.next().map_err(|error| self.malformed(&error))?;
            if let Some((tag, heard)) = next {
                self.note(tag, &heard);
                return Ok(Some((tag, heard)));
            }
            if self.ended {
                let (address, last_words) = (self.address(), self.last_words.take());
                return Err(ClientError::Closed { address, last_words });
            }
            let now = Instant::now();
            if now >= deadline && looked {
                return Ok(None);
            }
            // The greeting tells the idle limit, so the interval may change.
            let mut keep_alive_at = self.kept_alive + self.keep_alive_interval();
            if now >= keep_alive_at {
                self.talker.keep_alive();
                self.kept_alive = now;
                keep_alive_at = now + self.keep_alive_interval();
            }
            let wait = deadline.min(keep_alive_at).saturating_duration_since(now);
            self.read(wait.max(Duration::from_millis(1)))?;
            looked = true;
        }
    }

    /// Reads once.
    fn read(&mut self, wait: Duration) -> Result<(), ClientError> {
        let mut stream = &self.talker.0.stream;
        match stream.set_read_timeout(Some(wait)).and_then(|()| stream.read(&mut self.buffer)) {
            Ok(0) => {
                self.decoder.end();
                self.ended = true;
            }
            Ok(count) => self.decoder.feed(self.buffer.get(..count).unwrap_or_default()),
            Err(error) => match error.kind() {
                ErrorKind::WouldBlock | ErrorKind::TimedOut | ErrorKind::Interrupted => {}
                // The server has closed with unread input.
                ErrorKind::ConnectionReset => self.ended = true,
                _ => return Err(ClientError::Receive { address: self.address(), error }),
            },
        }
        Ok(())
    }

    /// Notes what an event tells about this client itself.
    fn note(&mut self, tag: Option<u64>, heard: &Heard) {
        match heard {
            Heard::YouAre(name) => self.name = Some(name.clone()),
            // The name is missing if the packet had no room for it.
            Heard::Speech(Speech { kind: Kind::Said, mine: true, name, .. }) if !name.is_empty() => {
                self.name = Some(name.clone());
            }
            _ => {}
        }
        self.last_words = match heard {
            Heard::Refused { text, .. } | Heard::Info(text) if !self.is_in || heard.is_farewell() => Some(text.clone()),
            // A refusal without the mark of a request is one of the whole session.
            Heard::Refused { text, .. } if tag.is_none() && self.door.marks_answers => Some(text.clone()),
            Heard::Leave => Some("the server asked this client to leave".to_owned()),
            _ => None,
        };
    }

    fn keep_alive_interval(&self) -> Duration {
        match self.decoder.idle_limit() {
            Some(seconds) => (Duration::from_secs(seconds) / 3).clamp(MIN_KEEP_ALIVE, KEEP_ALIVE),
            None => KEEP_ALIVE,
        }
    }

    /// The server's address as it was given.
    pub(super) fn address(&self) -> String {
        self.talker.0.address.clone()
    }

    /// The error of a request without an answer.
    pub(super) fn no_answer(&self, attempted: &'static str) -> ClientError {
        ClientError::NoAnswer { address: self.address(), attempted }
    }

    fn malformed(&self, error: &WireError) -> ClientError {
        let what = match error {
            WireError::Malformed(what) => what.to_string(),
            WireError::WrongProtocol(protocol) => format!("that is {}", protocol.name()),
        };
        ClientError::Malformed { address: self.address(), what }
    }
}
