//! The JSON door: gtcp's packets in whichever framing the peer uses, or objects as text, one after
//! another ("lines": as `nc` and `jq` send them).
//!
//! The first packet shows the framing, and answers have the same. A wrong packet is refused, and the
//! session goes on. The session ends if the bounds of packets can no longer be found.
//!
//! As text, an object ends at its closing brace: several may stand in one line, and one may span several
//! lines. White space and byte order marks between objects are ignored. After malformed JSON, reading goes
//! on after that line. If the malformed object spanned lines, it goes on at the next line that begins with
//! `{`.

use memchr::memchr;

use super::framing::Framing;
use super::request;
use super::requests::Requests;
use super::scan::{Extent, Scanner, blank};
use crate::protocol::Malformed;
use crate::wire::buffer::Buffer;
use crate::wire::{Decode, Encoding, Inbound, Limits, WireError};

/// White space of this length, in bytes, is longer than any header: text follows.
const MAX_LEADING_SPACE: usize = 8;

/// Turns the bytes of one JSON session into requests.
#[derive(Debug)]
pub struct JsonDecoder {
    max_packet: usize,
    /// `None` until the peer has shown it.
    framing: Option<Framing>,
    input: Buffer,
    /// Scans the object at the beginning of the input, in text.
    scanner: Scanner,
    /// How many bytes of a line without an object are known to hold no line end.
    scanned: usize,
    skip: Skip,
    ready: Requests,
    ended: bool,
}

/// The part of the input that is skipped after malformed JSON.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Skip {
    Nothing,
    /// The rest of its line.
    Line,
    /// Everything before a line that begins with `{`; `is_at_start` tells whether a line begins here.
    Lines {
        is_at_start: bool,
    },
}

impl JsonDecoder {
    /// A decoder for one session; `fixed` where the door takes one framing only.
    #[must_use]
    pub fn new(limits: Limits, fixed: Option<Framing>) -> Self {
        Self {
            max_packet: limits.max_packet,
            framing: fixed,
            input: Buffer::default(),
            scanner: Scanner::new(),
            scanned: 0,
            skip: Skip::Nothing,
            ready: Requests::default(),
            ended: false,
        }
    }

    /// Takes one packet, object or line off the input; false if more bytes are needed.
    fn take_one(&mut self) -> Result<bool, WireError> {
        let rest = self.input.rest();
        if rest.is_empty() {
            return Ok(false);
        }
        match self.framing {
            None => match self.detect()? {
                Some(framing) => self.switch(framing),
                None => return Ok(false),
            },
            Some(Framing::Lines) if self.skip != Skip::Nothing => return Ok(self.skip_some()),
            Some(Framing::Lines) => return self.take_text(),
            Some(framing) => {
                let packet = framing.packet(rest, self.max_packet).map_err(WireError::Malformed)?;
                let Some((length, data)) = packet else { return Ok(false) };
                request::read(data, &mut self.ready);
                self.input.take(length);
            }
        }
        Ok(true)
    }

    fn switch(&mut self, framing: Framing) {
        self.framing = Some(framing);
        self.scanner.reset();
        self.ready.push(Inbound::Switch(Encoding::Json(framing)));
    }

    /// Detects the framing from the beginning of a stream; `None` if more bytes are needed.
    ///
    /// White space before an object may be the length of a packet: `\n\n` is 2570. It is a length if the object
    /// after it has just that length; otherwise the object is text.
    fn detect(&mut self) -> Result<Option<Framing>, WireError> {
        let rest = self.input.rest();
        let (before, is_cut) = blank(rest);
        if before >= MAX_LEADING_SPACE {
            return Ok(Some(Framing::Lines));
        }
        let object = rest.get(before..).unwrap_or_default();
        let as_usual = || Framing::detect(rest, self.max_packet).map_err(WireError::Malformed);
        match object {
            [] => return Ok(None), // all white space: nothing has begun
            _ if is_cut && !self.ended => return Ok(None),
            [b'{', ..] if before > 0 => {}
            [b'{', ..] if self.ended => return Ok(Some(as_usual()?.unwrap_or(Framing::Lines))),
            _ => return as_usual(),
        }
        let begins = match object.get(1) {
            None if self.ended => return Ok(Some(Framing::Lines)),
            None => return Ok(None),
            Some(next) => matches!(next, b'"' | b'}' | b' ' | b'\t' | b'\r' | b'\n'),
        };
        if !begins {
            // A header like `\n{` is followed by a packet's object; else it is text.
            return Ok(match as_usual() {
                Ok(None) if !self.ended => None,
                Ok(Some(found)) if rest.get(found.header()) == Some(&b'{') => Some(found),
                _ => Some(Framing::Lines),
            });
        }
        let Some((framing, length)) = Framing::of_header(rest, before, self.max_packet) else {
            return Ok(Some(Framing::Lines));
        };
        Ok(match self.scanner.scan(object) {
            Extent::Ends(found) if found == length => Some(framing),
            Extent::Open if object.len() < length && !self.ended => None,
            _ => Some(Framing::Lines),
        })
    }

    /// Takes one object, or one line without an object, off the text.
    fn take_text(&mut self) -> Result<bool, WireError> {
        let (before, is_cut) = blank(self.input.rest());
        self.input.take(before);
        let rest = self.input.rest();
        if rest.first() != Some(&b'{') {
            return if rest.is_empty() || is_cut && !self.ended { Ok(before > 0) } else { self.take_line() };
        }
        match self.scanner.scan(rest) {
            Extent::Ends(length) if length <= self.max_packet => {
                request::read(rest.get(..length).unwrap_or_default(), &mut self.ready);
                self.input.take(length);
            }
            Extent::Open if rest.len() <= self.max_packet => {
                if !self.ended {
                    return Ok(false);
                }
                request::read(rest, &mut self.ready);
                self.input.take(rest.len());
            }
            Extent::Breaks(at) if at <= self.max_packet => {
                let object = rest.get(..at).unwrap_or_default();
                self.skip = match memchr(b'\n', object) {
                    Some(_) => Skip::Lines { is_at_start: object.ends_with(b"\n") },
                    None => Skip::Line,
                };
                request::read(rest.get(..=at).unwrap_or_default(), &mut self.ready);
                self.input.take(at);
            }
            _ => return Err(WireError::Malformed(Malformed::ObjectTooLong)),
        }
        self.scanner.reset();
        Ok(true)
    }

    /// Takes and refuses a line that does not begin with an object.
    fn take_line(&mut self) -> Result<bool, WireError> {
        let rest = self.input.rest();
        let end = memchr(b'\n', rest.get(self.scanned..).unwrap_or_default()).map(|at| self.scanned + at);
        let length = end.unwrap_or(rest.len());
        if length > self.max_packet {
            return Err(WireError::Malformed(Malformed::ObjectTooLong));
        }
        if end.is_none() && !self.ended {
            self.scanned = length;
            return Ok(false);
        }
        request::read(rest.get(..length).unwrap_or_default(), &mut self.ready);
        self.input.take(length + 1);
        self.scanned = 0;
        Ok(true)
    }

    /// Skips some of the input; false if all of it was skipped.
    fn skip_some(&mut self) -> bool {
        let rest = self.input.rest();
        if self.skip == (Skip::Lines { is_at_start: true }) && rest.first() == Some(&b'{') {
            self.skip = Skip::Nothing;
            return true;
        }
        let end = memchr(b'\n', rest);
        self.skip = match (self.skip, end) {
            (Skip::Line, Some(_)) => Skip::Nothing,
            (Skip::Lines { .. }, end) => Skip::Lines { is_at_start: end.is_some() },
            (other, _) => other,
        };
        self.input.take(end.map_or(rest.len(), |end| end + 1));
        true
    }

    /// Whether the input ends within an object as text.
    fn has_open_object(&self) -> bool {
        let rest = self.input.rest();
        let is_text = matches!(self.framing, None | Some(Framing::Lines)) && self.skip == Skip::Nothing;
        is_text && rest.get(blank(rest).0) == Some(&b'{')
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
            if !self.take_one()? {
                return Ok(None);
            }
        }
    }

    /// A person may type text by hand, so it has more time than a packet.
    fn is_midway(&self) -> bool {
        let rest = self.input.rest();
        match self.framing {
            Some(Framing::Lines) => false,
            Some(_) => !rest.is_empty(),
            None => rest.get(blank(rest).0).is_some_and(|byte| *byte != b'{'),
        }
    }

    fn is_open(&self) -> bool {
        self.has_open_object()
    }

    fn give_up(&mut self) {
        if !self.has_open_object() {
            return;
        }
        if self.framing.is_none() {
            self.switch(Framing::Lines);
        }
        let rest = self.input.rest();
        request::refuse_open(rest, &mut self.ready);
        self.skip = Skip::Lines { is_at_start: rest.ends_with(b"\n") };
        self.input.take(rest.len());
        self.scanner.reset();
    }
}
