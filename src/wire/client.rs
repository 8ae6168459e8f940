//! The client's side of each wire format: it encodes requests and decodes what a server sends.
//!
//! A server is not trusted: its text is cleaned before it can reach a terminal, and a packet that never
//! ends is an error, so its memory is bounded. Every format decodes to the same values ([`Heard`]), so a
//! program need not know which door it uses. This module does not know what the client wants, nor when.
//!
//! On the text door a client knows its own line by the address before it; the first line of the greeting
//! tells that address. On the others each request carries a mark, and its answer returns the mark.

use std::collections::VecDeque;

use memchr::memchr;

use super::buffer::Buffer;
use super::heard::Heard;
use super::json::read_object;
use super::text::TextDoor;
use super::{Framing, Wire, WireError, frame};
use crate::protocol::{Malformed, clean};

/// Longest line accepted from a server, in bytes. A list of 4096 people as one JSON line takes some hundred
/// thousand.
const MAX_LINE: usize = 1024 * 1024;
/// Longest frame data accepted from a server, in bytes: the most that `--max-frame` allows.
const MAX_FRAME: usize = 16 * 1024 * 1024;

/// The framing of a client that chose none. A JSON door uses it until its peer has sent something, so a
/// refusal at the accept is understood too.
pub(super) const CLIENT_FRAMING: Framing = Framing::Gf2;

/// Decodes the bytes of one server. Bytes may come in any pieces.
#[derive(Debug)]
pub struct HeardDecoder {
    format: Format,
    input: Buffer,
    /// How many bytes of the input are known to hold no line end.
    scanned: usize,
    ready: VecDeque<(Option<u64>, Heard)>,
    ended: bool,
    /// The room that an object last named.
    room: Option<String>,
}

#[derive(Debug)]
enum Format {
    Text(TextDoor),
    Json(Framing),
    Frame,
}

impl HeardDecoder {
    /// A decoder for one connection. `None` for relay, where an answer cannot be told from a line, and for http,
    /// which the client does not speak.
    #[must_use]
    pub fn new(wire: Wire) -> Option<Self> {
        let format = match wire {
            Wire::Text => Format::Text(TextDoor::default()),
            Wire::Json(framing) => Format::Json(framing.unwrap_or(CLIENT_FRAMING)),
            Wire::Frame => Format::Frame,
            Wire::Relay => return None,
            #[cfg(feature = "web")]
            Wire::Web(_) => return None,
        };
        Some(Self { format, input: Buffer::default(), scanned: 0, ready: VecDeque::new(), ended: false, room: None })
    }

    /// Takes the bytes of one read. Call [`HeardDecoder::next`] until it has no more before feeding
    /// again.
    pub fn feed(&mut self, bytes: &[u8]) {
        self.input.feed(bytes);
    }

    /// Says that no more bytes come: a last line without an end counts.
    pub fn end(&mut self) {
        self.ended = true;
    }

    /// The next event, with the mark of the request that it answers, if any; `None` if more bytes are
    /// needed.
    ///
    /// # Errors
    /// If the stream is malformed; nothing comes after an error.
    #[allow(clippy::should_implement_trait)] // as `Decode::next`
    pub fn next(&mut self) -> Result<Option<(Option<u64>, Heard)>, WireError> {
        loop {
            if let Some(heard) = self.ready.pop_front() {
                return Ok(Some(heard));
            }
            if !self.take_one()? {
                return Ok(None);
            }
        }
    }

    /// The text door's idle limit in seconds, once the server has told it.
    #[must_use]
    pub fn idle_limit(&self) -> Option<u64> {
        match &self.format {
            Format::Text(door) => door.idle,
            _ => None,
        }
    }

    /// The room that this client is in, without its `#`, once the server has told it.
    #[must_use]
    pub fn room(&self) -> Option<&str> {
        match &self.format {
            Format::Text(door) => door.room(),
            _ => self.room.as_deref(),
        }
    }

    /// Decodes one line, packet or frame of the input; false if more bytes are needed.
    fn take_one(&mut self) -> Result<bool, WireError> {
        let rest = self.input.rest();
        let length = match &mut self.format {
            Format::Text(_) | Format::Json(Framing::Lines) => {
                let end = memchr(b'\n', rest.get(self.scanned..).unwrap_or_default()).map(|at| self.scanned + at);
                let length = end.unwrap_or(rest.len());
                if length > MAX_LINE {
                    return Err(WireError::Malformed(Malformed::ServerLineTooLong));
                }
                if end.is_none() && (rest.is_empty() || !self.ended) {
                    self.scanned = length;
                    if let Format::Text(door) = &mut self.format
                        && self.ended
                    {
                        door.finish(&mut self.ready);
                    }
                    return Ok(!self.ready.is_empty());
                }
                let line = rest.get(..length).unwrap_or_default();
                match &mut self.format {
                    Format::Text(door) => door.read(line, &mut self.ready),
                    _ if line.trim_ascii().is_empty() => {}
                    _ => read_object(line, &mut self.ready, &mut self.room),
                }
                self.scanned = 0;
                length + 1
            }
            Format::Json(framing) => {
                let packet = framing.packet(rest, framing.longest()).map_err(WireError::Malformed)?;
                let Some((length, data)) = packet else { return Ok(false) };
                read_object(data, &mut self.ready, &mut self.room);
                length
            }
            Format::Frame => {
                let Some((route, length)) = frame::head(rest) else { return Ok(false) };
                if length > MAX_FRAME {
                    return Err(WireError::Malformed(Malformed::ServerFrameTooLong));
                }
                let Some(data) = rest.get(frame::HEADER..frame::HEADER + length) else { return Ok(false) };
                match (route, data.first()) {
                    (0, None) => {} // a heartbeat
                    (frame::ERROR_ROUTE, _) => {
                        self.ready.push_back((None, Heard::Refused { code: None, text: clean(data).into_owned() }));
                    }
                    (_, Some(b'{')) => read_object(data, &mut self.ready, &mut self.room),
                    _ => self.ready.push_back((None, Heard::Other(format!("route {route}: {}", clean(data))))),
                }
                frame::HEADER + length
            }
        };
        self.input.take(length);
        Ok(true)
    }
}
