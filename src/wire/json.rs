//! The JSON door: gtcp's packets in whichever framing the peer uses, or one object a line.
//!
//! The first packet tells the framing; answers go out in the one received. A packet that says
//! something wrong is answered and the session goes on; a stream whose packets can no longer be
//! told apart ends.

use memchr::memchr;

use super::buffer::Buffer;
use super::framing::{Framing, LINE_TOO_LONG};
use super::packet::{self, Requests};
use super::{Decode, Encoding, Inbound, Limits, WireError};
use crate::protocol::Notice;

/// Turns the bytes of one JSON session into requests.
#[derive(Debug)]
pub struct JsonDecoder {
    max_packet: usize,
    /// `None` until the peer has shown it.
    framing: Option<Framing>,
    input: Buffer,
    /// How much of the input is known to hold no line's end.
    scanned: usize,
    ready: Requests,
    ended: bool,
}

impl JsonDecoder {
    /// A decoder for one session; `fixed` where the door takes one framing only.
    #[must_use]
    pub fn new(limits: Limits, fixed: Option<Framing>) -> Self {
        Self {
            max_packet: limits.max_packet,
            framing: fixed,
            input: Buffer::default(),
            scanned: 0,
            ready: Requests::default(),
            ended: false,
        }
    }

    /// Takes one packet off the input; false where more bytes are needed.
    fn take_packet(&mut self) -> Result<bool, WireError> {
        let rest = self.input.rest();
        if rest.is_empty() {
            return Ok(false);
        }
        let Some(framing) = self.framing else {
            let found = match Framing::detect(rest, self.max_packet).map_err(WireError::Malformed)? {
                None if self.ended && rest.first() == Some(&b'{') => Some(Framing::Lines),
                found => found,
            };
            let Some(framing) = found else { return Ok(false) };
            self.framing = Some(framing);
            self.ready.push(Inbound::Switch(Encoding::Json(framing)));
            return Ok(true);
        };
        if framing == Framing::Lines {
            return self.take_line();
        }
        let Some((length, data)) = framing.packet(rest, self.max_packet).map_err(WireError::Malformed)? else {
            return Ok(false);
        };
        packet::read(data, &mut self.ready);
        self.input.take(length);
        Ok(true)
    }

    fn take_line(&mut self) -> Result<bool, WireError> {
        let rest = self.input.rest();
        let end = memchr(b'\n', rest.get(self.scanned..).unwrap_or_default()).map(|at| self.scanned + at);
        let length = end.unwrap_or(rest.len());
        if length > self.max_packet {
            return Err(WireError::Malformed(LINE_TOO_LONG));
        }
        if end.is_none() && !self.ended {
            self.scanned = length;
            return Ok(false);
        }
        let line = rest.get(..length).unwrap_or_default().trim_ascii();
        if !line.is_empty() {
            packet::read(line, &mut self.ready);
        }
        self.input.take(length + 1);
        self.scanned = 0;
        Ok(true)
    }
}

impl Decode for JsonDecoder {
    fn feed(&mut self, bytes: &[u8]) {
        self.input.feed(bytes);
    }

    fn end(&mut self) {
        self.ended = true;
    }

    fn next(&mut self) -> Result<Option<Inbound>, WireError> {
        loop {
            if let Some(inbound) = self.ready.next() {
                return Ok(Some(inbound));
            }
            if !self.take_packet()? {
                return Ok(None);
            }
        }
    }

    /// A line may be typed by hand, so it may take its time.
    fn is_midway(&self) -> bool {
        let so_far = (self.framing, self.input.rest().first());
        !matches!(so_far, (_, None) | (Some(Framing::Lines), _) | (None, Some(b'{')))
    }
}

/// Appends the packet that a program is sent of `notice`.
pub(super) fn encode(notice: &Notice, tag: Option<&str>, framing: Framing, out: &mut Vec<u8>) {
    if let Some((_, object)) = packet::object(notice, tag, framing.longest()) {
        framing.put(&object, out);
    }
}

/// Appends a packet of a handler's own.
pub(super) fn encode_custom(act: &str, data: &str, tag: Option<&str>, framing: Framing, out: &mut Vec<u8>) {
    framing.put(&packet::custom(act, data, tag, framing.longest()), out);
}
