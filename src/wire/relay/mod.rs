//! The relay door: the line format of GoChat v0.2, whose client works unmodified.
//!
//! Lines come in, and go out as `ID:text` to everyone but the speaker. There are no commands, no
//! announcements and no greeting: a relay client takes every line for a person's words. `sniff`
//! recognizes a first line of another protocol.

use std::collections::VecDeque;
use std::io::Write as _;

use memchr::memchr;

use super::buffer::Buffer;
use super::sniff::{Sniffer, Verdict};
use super::{Decode, Inbound, Wire, WireError};
use crate::protocol::{Body, Command, Line, Malformed, Notice, Refusal, clean};

/// Longest line in bytes: what fits the older program's 16-bit buffer.
const MAX_LINE: usize = 65_535;
/// A line buffer that has grown beyond this is given back after the line.
const KEPT_CAPACITY: usize = 1024;

/// Splits a relay client's bytes into lines.
#[derive(Debug)]
pub struct RelayDecoder {
    input: Buffer,
    line: Vec<u8>,
    sniffer: Sniffer,
    /// A first line that may belong to another protocol: the next line decides.
    held: Option<Vec<u8>>,
    ready: VecDeque<Inbound>,
    ended: bool,
}

impl Default for RelayDecoder {
    fn default() -> Self {
        Self::new()
    }
}

impl RelayDecoder {
    /// A decoder for one session.
    #[must_use]
    pub fn new() -> Self {
        Self {
            input: Buffer::default(),
            line: Vec::new(),
            sniffer: Sniffer::new(Wire::Relay),
            held: None,
            ready: VecDeque::new(),
            ended: false,
        }
    }

    /// Adds bytes to the line; `false` if more bytes are needed to recognize another protocol.
    fn extend_line(&mut self, length: usize) -> Result<bool, WireError> {
        let part = self.input.rest().get(..length).unwrap_or_default();
        let ends_in_cr = part.last().or(self.line.last()) == Some(&b'\r');
        if self.line.len() + part.len() > MAX_LINE + usize::from(ends_in_cr) {
            return Err(WireError::Malformed(Malformed::RelayLineTooLong));
        }
        self.line.extend_from_slice(part);
        let sniffed = self.sniffer.data(part);
        self.input.take(length);
        sniffed
    }

    /// Ends the line.
    fn finish_line(&mut self) -> Result<(), WireError> {
        let with_cr = self.line.last() == Some(&b'\r');
        if with_cr {
            self.line.pop();
        }
        let line = std::mem::take(&mut self.line);
        // Any web page may make a browser send a request here, with the user's cookies in it. The room must
        // not see them.
        let verdict = self.sniffer.line(&line, with_cr, false)?;
        self.release();
        match verdict {
            Verdict::Chat => self.say(&line),
            Verdict::Refuse(refusal) => self.ready.push_back(Inbound::Refused(refusal)),
            Verdict::Hold => self.held = Some(line.clone()),
        }
        self.line = line;
        self.line.clear();
        self.line.shrink_to(KEPT_CAPACITY);
        Ok(())
    }

    /// Says the held line.
    fn release(&mut self) {
        if let Some(held) = self.held.take() {
            self.sniffer.stop();
            self.say(&held);
        }
    }

    fn say(&mut self, line: &[u8]) {
        self.ready.extend(Body::new(&clean(line)).map(|body| Inbound::Command(Command::Say(body))));
    }

    /// Takes the rest at the end of input; `false` if there is none.
    fn take_last(&mut self) -> Result<bool, WireError> {
        if self.line.is_empty() && self.held.is_none() {
            return Ok(false);
        }
        if !self.line.is_empty() {
            self.finish_line()?;
        }
        self.release();
        Ok(true)
    }
}

impl Decode for RelayDecoder {
    fn feed(&mut self, bytes: &[u8]) {
        self.sniffer.feed(bytes);
        self.input.feed(bytes);
    }

    fn end(&mut self) {
        self.ended = true;
        self.sniffer.end();
    }

    fn next(&mut self) -> Result<Option<Inbound>, WireError> {
        loop {
            if let Some(line) = self.ready.pop_front() {
                return Ok(Some(line));
            }
            if !self.sniffer.check_head()? {
                return Ok(None);
            }
            let rest = self.input.rest();
            match memchr(b'\n', rest) {
                Some(at) => {
                    let is_line = self.extend_line(at)?;
                    self.input.take(1);
                    if is_line && self.sniffer.data(b"\n")? {
                        self.finish_line()?;
                    }
                }
                None => {
                    let length = rest.len();
                    if !self.extend_line(length)? {
                        return Ok(None);
                    }
                    if self.held.is_some() && !self.line.is_empty() && !self.sniffer.may_go_on(&self.line) {
                        self.release();
                    } else if !self.ended || !self.take_last()? {
                        return Ok(None);
                    }
                }
            }
        }
    }
}

/// Appends `notice` as a relay client sees it: people's lines only. Typed text stands after an id, so it
/// cannot look like an action or a private line.
pub(super) fn encode(notice: &Notice, out: &mut Vec<u8>) {
    // Writing to a Vec cannot fail.
    let _ = match notice {
        Notice::Said(Line { from, body, .. }) => write!(out, "{}:{}\r\n", from.id, body.as_str()),
        Notice::Acted(Line { from, body, .. }) => write!(out, "* {} {}\r\n", from.id, body.as_str()),
        Notice::Told { from, body } => write!(out, ">>> {}: {}\r\n", from.id, body.as_str()),
        // A relay client gets nothing else; this caller speaks another protocol.
        Notice::Refused(refusal @ Refusal::OtherProtocol { .. }) => write!(out, "!!! {refusal}\r\n"),
        _ => Ok(()),
    };
}
