//! The client's end of each wire format: requests as bytes, and what a server says as values.
//!
//! A server is not trusted: what it says is cleaned before anybody can put it on a terminal, and a
//! packet that never ends is an error, not memory. What the formats say differently comes out
//! alike, so that a program need not know which door it came in by. It does not know what the
//! client wants, nor when: [`Heard`] is all that there is to know.
//!
//! On the text door a line of one's own is known by the address before it, which the first line of
//! the greeting tells. On the others each request carries a mark that its answer brings back.

mod heard;
mod object;
mod request;
mod text;

use std::collections::VecDeque;

use memchr::memchr;

use self::object::read_object;
use self::text::TextDoor;
use super::buffer::Buffer;
use super::{Framing, Wire, WireError, frame};
use crate::protocol::clean;

pub use heard::{Heard, Kind, Speech};

/// Longest line that is taken from a server, in bytes. Its own longest is a list of people, one a
/// JSON line, of which 4096 need some hundred thousand.
const MAX_LINE: usize = 1024 * 1024;
/// Longest data of a frame that is taken from a server, in bytes: the most that `--max-frame` allows.
const MAX_FRAME: usize = 16 * 1024 * 1024;

/// The framing of a client that was not told another one: what a JSON door speaks until its peer
/// has spoken, so that a refusal at the accept is understood too.
const CLIENT_FRAMING: Framing = Framing::Gf2;

/// Turns the bytes that one server sends into what a client hears. Bytes may come in any pieces.
#[derive(Debug)]
pub struct HeardDecoder {
    format: Format,
    input: Buffer,
    /// How much of the input is known to hold no line's end.
    scanned: usize,
    ready: VecDeque<(Option<u64>, Heard)>,
    ended: bool,
    /// The room that an object has told.
    room: Option<String>,
}

#[derive(Debug)]
enum Format {
    Text(TextDoor),
    Json(Framing),
    Frame,
}

impl HeardDecoder {
    /// A decoder for one connection; `None` for relay, where nobody can tell an answer from a line.
    #[must_use]
    pub fn new(wire: Wire) -> Option<Self> {
        let format = match wire {
            Wire::Text => Format::Text(TextDoor::default()),
            Wire::Json(framing) => Format::Json(framing.unwrap_or(CLIENT_FRAMING)),
            Wire::Frame => Format::Frame,
            Wire::Relay => return None,
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

    /// The next thing, with the mark of the request that it answers, if any; `None` where more bytes
    /// are needed.
    ///
    /// # Errors
    /// Where the stream cannot be followed any further; nothing comes after an error.
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

    /// The silence after which the text door disconnects, in seconds, once it has told.
    #[must_use]
    pub fn idle_limit(&self) -> Option<u64> {
        match &self.format {
            Format::Text(door) => door.idle,
            _ => None,
        }
    }

    /// The room that this client is in, without its `#`, once the server has told.
    #[must_use]
    pub fn room(&self) -> Option<&str> {
        match &self.format {
            Format::Text(door) => door.room(),
            _ => self.room.as_deref(),
        }
    }

    /// Takes one line, packet or frame off the input; false where more bytes are needed.
    fn take_one(&mut self) -> Result<bool, WireError> {
        let rest = self.input.rest();
        let length = match &mut self.format {
            Format::Text(_) | Format::Json(Framing::Lines) => {
                let end = memchr(b'\n', rest.get(self.scanned..).unwrap_or_default()).map(|at| self.scanned + at);
                let length = end.unwrap_or(rest.len());
                if length > MAX_LINE {
                    return Err(WireError::Malformed("a line of more than 1 MiB"));
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
                    return Err(WireError::Malformed("a frame of more than 16 MiB"));
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
