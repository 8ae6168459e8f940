//! The relay door: the line format of GoChat v0.2, whose client works unmodified.
//!
//! Lines in, `ID:text` out, to everyone but the speaker. No commands, no announcements, no greeting:
//! a relay client takes every line that it receives for somebody's. Only HTTP is known, by a first line.

use memchr::memchr;
use std::io::Write as _;

use super::buffer::Buffer;
use super::foreign::Foreign;
use super::{Decode, Inbound, WireError};
use crate::protocol::{Body, Command, Line, Notice, clean};

/// Longest line in bytes: what fits the older program's 16-bit buffer.
const MAX_LINE: usize = 65_535;
/// A line buffer that has grown beyond this is given back after the line.
const KEPT_CAPACITY: usize = 1024;

/// Splits a relay client's bytes into lines.
#[derive(Debug, Default)]
pub struct RelayDecoder {
    input: Buffer,
    line: Vec<u8>,
    /// A line has come: from then on it is a relay client, whatever it says.
    begun: bool,
    ended: bool,
}

impl RelayDecoder {
    /// A decoder for one session.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    fn extend_line(&mut self, length: usize) -> Result<(), WireError> {
        let part = self.input.rest().get(..length).unwrap_or_default();
        let ends_in_cr = part.last().or(self.line.last()) == Some(&b'\r');
        if self.line.len() + part.len() > MAX_LINE + usize::from(ends_in_cr) {
            return Err(WireError::Malformed("a line longer than 65535 bytes"));
        }
        self.line.extend_from_slice(part);
        self.input.take(length);
        Ok(())
    }

    /// Ends the line; `None` where it says nothing.
    fn finish_line(&mut self) -> Result<Option<Inbound>, WireError> {
        if self.line.last() == Some(&b'\r') {
            self.line.pop();
        }
        // Any web page may make a browser send a request here, with the user's cookies in it: the room
        // is not to hear them.
        if !std::mem::replace(&mut self.begun, true) && Foreign::is_http(&self.line, false) {
            return Err(WireError::Foreign(Foreign::Http));
        }
        let body = Body::new(&clean(&self.line));
        self.line.clear();
        self.line.shrink_to(KEPT_CAPACITY);
        Ok(body.map(|body| Inbound::Command(Command::Say(body))))
    }
}

impl Decode for RelayDecoder {
    fn feed(&mut self, bytes: &[u8]) {
        self.input.feed(bytes);
    }

    fn end(&mut self) {
        self.ended = true;
    }

    fn next(&mut self) -> Result<Option<Inbound>, WireError> {
        loop {
            let rest = self.input.rest();
            match memchr(b'\n', rest) {
                Some(at) => {
                    self.extend_line(at)?;
                    self.input.take(1);
                    if let Some(line) = self.finish_line()? {
                        return Ok(Some(line));
                    }
                }
                None => {
                    let length = rest.len();
                    self.extend_line(length)?;
                    return if self.ended { self.finish_line() } else { Ok(None) };
                }
            }
        }
    }
}

/// Appends what a relay client is shown of `notice`: what people say, and nothing else. What is typed stands
/// behind an id: no typed line looks like an action or a private line.
pub(super) fn encode(notice: &Notice, out: &mut Vec<u8>) {
    // Writing to a Vec cannot fail.
    let _ = match notice {
        Notice::Said(Line { from, body, .. }) => write!(out, "{}:{}\r\n", from.id, body.as_str()),
        Notice::Acted(Line { from, body, .. }) => write!(out, "* {} {}\r\n", from.id, body.as_str()),
        Notice::Told { from, body } => write!(out, ">>> {}: {}\r\n", from.id, body.as_str()),
        _ => Ok(()),
    };
}
