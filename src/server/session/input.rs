//! The input of one session: bytes from its stream, decoded into items.

use std::collections::VecDeque;

use rustix::io::Errno;

use crate::wire::{Decode, Inbound, Limits, Protocol, Wire, WireError};

use super::super::stream::Stream;

/// The size of the first read: enough for anything that a person types.
const SMALL_READ: usize = 2 * 1024;
/// A session that fills its reads gets larger ones, up to this size.
pub(in super::super) const LARGE_READ: usize = 32 * 1024;
/// Most items that are decoded at once, and most commands in one event. Undecoded input takes a fiftieth of
/// the memory.
pub(in super::super) const EVENT_COMMANDS: usize = 512;

/// The input of a session that the manager does not have yet.
pub(super) struct Input {
    decoder: Box<dyn Decode>,
    buffer: Vec<u8>,
    /// Decoded items that were not sent on.
    pub(super) items: VecDeque<Inbound>,
    /// Why nothing more will be decoded.
    pub(super) broken: Option<WireError>,
    /// Whether the end of input was read.
    pub(super) has_ended: bool,
    /// Whether a byte has come.
    pub(super) has_bytes: bool,
    /// Whether the decoder may have more items in what was read.
    pub(super) is_undecoded: bool,
}

impl Input {
    pub(super) fn new(wire: Wire, limits: Limits) -> Self {
        Self {
            decoder: wire.decoder(limits),
            buffer: Vec::new(),
            items: VecDeque::new(),
            broken: None,
            has_ended: false,
            has_bytes: false,
            is_undecoded: false,
        }
    }

    /// The input of a session of which the setup has read `bytes`.
    #[cfg(feature = "web")]
    pub(super) fn begun(wire: Wire, limits: Limits, bytes: &[u8]) -> Self {
        let mut input = Self::new(wire, limits);
        input.decoder.feed(bytes);
        input.has_bytes = true;
        input.decode();
        input
    }

    /// Reads once, without waiting, and decodes.
    ///
    /// If the server `has_ended_it`, an unfinished rest is dropped: the peer might still have sent the rest of it.
    pub(super) fn read(&mut self, stream: &Stream, has_ended_it: bool) -> Result<(), Errno> {
        if self.buffer.len() == self.buffer.capacity() {
            let larger = (self.buffer.capacity() * 4).clamp(SMALL_READ, LARGE_READ);
            self.buffer = Vec::with_capacity(larger);
        }
        self.buffer.clear();
        let count = stream.recv(&mut self.buffer)?;
        if count > 0 {
            self.decoder.feed(&self.buffer);
            self.has_bytes = true;
        } else {
            self.has_ended = true;
            if !has_ended_it {
                self.decoder.end();
            }
        }
        self.decode();
        Ok(())
    }

    /// The number of bytes of the last read.
    pub(super) fn last_read(&self) -> usize {
        self.buffer.len()
    }

    /// Whether the last read took as much as it could.
    pub(super) fn has_filled_buffer(&self) -> bool {
        !self.buffer.is_empty() && self.buffer.len() == self.buffer.capacity()
    }

    /// Decodes what was read, until one event is full.
    pub(super) fn decode(&mut self) {
        self.is_undecoded = true;
        while self.items.len() < EVENT_COMMANDS {
            match self.decoder.next() {
                Ok(Some(item)) => {
                    self.items.push_back(item);
                    continue;
                }
                Ok(None) => {}
                Err(error) => self.broken = Some(error),
            }
            self.is_undecoded = false;
            return;
        }
    }

    /// The other protocol that the first bytes belong to.
    pub(super) fn wrong_protocol(&self) -> Option<Protocol> {
        match self.broken {
            Some(WireError::WrongProtocol(protocol)) if self.items.is_empty() => Some(protocol),
            _ => None,
        }
    }

    /// Whether an item has come that is more than a sign of how to answer.
    pub(super) fn has_item(&self) -> bool {
        self.items.iter().any(|item| !matches!(item, Inbound::Switch(_) | Inbound::Crlf | Inbound::Charset(_)))
    }

    /// Whether a frame or packet is unfinished.
    pub(super) fn is_midway(&self) -> bool {
        self.decoder.is_midway()
    }

    /// Whether an object is open as text.
    pub(super) fn is_open(&self) -> bool {
        self.decoder.is_open()
    }

    /// Refuses the open object.
    pub(super) fn give_up(&mut self) {
        self.decoder.give_up();
        self.decode();
    }

    /// Gives the memory of the buffer back: a silent session needs none.
    pub(super) fn release_buffer(&mut self) {
        self.buffer = Vec::new();
    }
}
