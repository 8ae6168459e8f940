//! The text door's lines: what people type, and what it asks for.
//!
//! Telnet commands are taken out, lines are counted and cut, and each is read: a command, one of
//! the bare words of the old chat room, or something to say. What people are shown is in `shown`.

use std::collections::VecDeque;

use memchr::memchr3;

use super::buffer::Buffer;
use super::telnet::{IAC, Step, Telnet};
use super::{Decode, Encoding, Foreign, Inbound, Limits, WireError};
use crate::protocol::{Command, Nick, Notice, Refusal, clean, find_command, shortened};

/// A line buffer that has grown beyond this is given back after the line.
const KEPT_CAPACITY: usize = 512;
/// So many first bytes tell a caller who speaks another protocol: enough for the header of a
/// frame (8) or the length of a JSON packet (2 to 7).
const HEAD: usize = 8;
/// A TLS record begins with type 22 (handshake) and major version 3.
const TLS_HANDSHAKE: [u8; 2] = [0x16, 0x03];

/// Turns the bytes of one text session into commands.
#[derive(Debug)]
pub struct TextDecoder {
    max_line: usize,
    input: Buffer,
    telnet: Telnet,
    /// The line so far, at most `max_line` + 1 bytes of it (one more for a CR).
    line: Vec<u8>,
    /// How long the line really is.
    line_bytes: u64,
    ends_in_cr: bool,
    /// The first bytes of all, telnet commands left out.
    head: [u8; HEAD],
    head_bytes: usize,
    first_line_done: bool,
    crlf: bool,
    ready: VecDeque<Inbound>,
    ended: bool,
}

impl TextDecoder {
    /// A decoder for one session.
    #[must_use]
    pub fn new(limits: Limits) -> Self {
        Self {
            max_line: limits.max_line,
            input: Buffer::default(),
            telnet: Telnet::new(),
            line: Vec::new(),
            line_bytes: 0,
            ends_in_cr: false,
            head: [0; HEAD],
            head_bytes: 0,
            first_line_done: false,
            crlf: false,
            ready: VecDeque::new(),
            ended: false,
        }
    }

    /// Adds data that holds neither LF nor NUL to the line.
    fn extend_line(&mut self, data: &[u8]) -> Result<(), WireError> {
        self.look_at_head(data)?;
        let room = (self.max_line + 1).saturating_sub(self.line.len()).min(data.len());
        self.line.extend_from_slice(data.get(..room).unwrap_or_default());
        self.line_bytes += data.len() as u64;
        self.ends_in_cr = data.last() == Some(&b'\r');
        Ok(())
    }

    /// Looks at the first bytes for those of another protocol.
    fn look_at_head(&mut self, data: &[u8]) -> Result<(), WireError> {
        for byte in data {
            let Some(slot) = self.head.get_mut(self.head_bytes) else { break };
            *slot = *byte;
            self.head_bytes += 1;
            if self.head_bytes == 2 && self.head.starts_with(&TLS_HANDSHAKE) {
                return Err(WireError::Foreign(Foreign::Tls));
            }
            if *byte == 0 {
                return Err(WireError::Foreign(Foreign::Binary));
            }
        }
        Ok(())
    }

    fn finish_line(&mut self, with_lf: bool) -> Result<(), WireError> {
        let length = self.line_bytes - u64::from(self.ends_in_cr);
        if with_lf && self.ends_in_cr {
            self.answer_with_crlf();
        }
        let line = self.line.get(..usize::try_from(length).unwrap_or(usize::MAX)).unwrap_or(&self.line);
        let is_cut = length > self.max_line as u64;
        if !self.first_line_done && Foreign::is_http(line, is_cut) {
            return Err(WireError::Foreign(Foreign::Http));
        }
        if is_cut {
            self.ready.push_back(Inbound::Refused(Refusal::TooLong { bytes: length, limit: self.max_line }));
        } else {
            read_line(&clean(line), &mut self.ready);
        }
        self.first_line_done = true;
        self.line.clear();
        self.line.shrink_to(KEPT_CAPACITY);
        self.line_bytes = 0;
        self.ends_in_cr = false;
        Ok(())
    }

    fn answer_with_crlf(&mut self) {
        if !self.crlf {
            self.crlf = true;
            self.ready.push_back(Inbound::Switch(Encoding::TextCrlf));
        }
    }

    /// Takes one byte of a telnet command, which is not taken off the input yet.
    fn step_telnet(&mut self, byte: u8) -> Result<(), WireError> {
        let step = self.telnet.step(byte)?;
        if step == Step::NotTelnet {
            return self.extend_line(&[IAC]); // and the byte itself is data, looked at again
        }
        self.input.take(1);
        if self.telnet.has_spoken() {
            self.answer_with_crlf();
        }
        match step {
            Step::Byte255 => self.extend_line(&[IAC])?,
            Step::Answer(bytes) => self.ready.push_back(Inbound::Answer(bytes.into())),
            Step::AreYouThere => self.ready.push_back(Inbound::Tell(Notice::StillHere)),
            Step::Nothing | Step::NotTelnet => {}
        }
        Ok(())
    }

    /// Takes data up to the next byte that means something, or that byte.
    fn take_data(&mut self) -> Result<(), WireError> {
        let mut input = std::mem::take(&mut self.input);
        let rest = input.rest();
        let (length, outcome) = match (memchr3(b'\n', IAC, 0, rest), rest.first()) {
            (Some(0), Some(b'\n')) => (1, self.look_at_head(b"\n").and_then(|()| self.finish_line(true))),
            (Some(0), Some(0)) => (1, self.look_at_head(&[0])),
            (Some(0), _) => (1, self.telnet.step(IAC).map(|_| ())),
            (end, _) => {
                let data = rest.get(..end.unwrap_or(rest.len())).unwrap_or_default();
                (data.len(), self.extend_line(data))
            }
        };
        input.take(length);
        self.input = input;
        outcome
    }
}

impl Decode for TextDecoder {
    fn feed(&mut self, bytes: &[u8]) {
        self.input.feed(bytes);
    }

    fn end(&mut self) {
        self.ended = true;
    }

    fn next(&mut self) -> Result<Option<Inbound>, WireError> {
        loop {
            if let Some(inbound) = self.ready.pop_front() {
                return Ok(Some(inbound));
            }
            match self.input.rest().first() {
                Some(byte) if !self.telnet.in_data() => self.step_telnet(*byte)?,
                Some(_) => self.take_data()?,
                None if self.ended && (self.line_bytes > 0 || self.telnet.holds_255()) => {
                    if self.telnet.holds_255() {
                        self.telnet = Telnet::new();
                        self.extend_line(&[IAC])?;
                    }
                    self.finish_line(false)?;
                }
                None => return Ok(None),
            }
        }
    }
}

/// Reads one clean line; what it amounts to is appended to `ready`.
fn read_line(line: &str, ready: &mut VecDeque<Inbound>) {
    let hint = rename_hint(line);
    let command = match read_command(line) {
        Some(Ok(command)) => command,
        Some(Err(refusal)) => return ready.push_back(Inbound::Refused(refusal)),
        None => match literal(line) {
            Some(body) => Command::Say(body),
            None => return, // a blank line keeps the session alive and says nothing
        },
    };
    ready.push_back(Inbound::Command(command));
    ready.extend(hint.map(Inbound::Tell));
}

/// The command that a line is, if it is one.
fn read_command(line: &str) -> Option<Result<Command, Refusal>> {
    if let Some(rest) = line.strip_prefix('/') {
        if rest.starts_with('/') {
            return None;
        }
        let (word, args) = rest.split_once(char::is_whitespace).unwrap_or((rest, ""));
        let found = find_command(word, &format!("//{}", shortened(rest, REPEATED)));
        return Some(found.and_then(|spec| spec.parse(args)));
    }
    let line = line.trim_end();
    if line.eq_ignore_ascii_case("who") {
        return Some(Ok(Command::UserList));
    } else if line.eq_ignore_ascii_case("help") {
        return Some(Ok(Command::Help(None)));
    } else if line.eq_ignore_ascii_case("quit") {
        return Some(Ok(Command::Quit(None)));
    }
    let (word, names) = line.split_once('|')?;
    if !word.eq_ignore_ascii_case("rename") {
        return None;
    }
    let name = names.split('|').next().unwrap_or_default();
    Some(if name.trim().is_empty() { Err(Refusal::NoName) } else { Nick::parse(name).map(Command::Rename) })
}

/// What a line that is no command says. `\who` and `//who` say `who` and `/who`; a backslash
/// before anything else is only a backslash.
fn literal(line: &str) -> Option<crate::protocol::Body> {
    let escaped = match line.strip_prefix('\\') {
        Some(rest) if is_special(rest) => Some(rest),
        Some(_) => None,
        None => line.strip_prefix('/'),
    };
    crate::protocol::Body::new(escaped.unwrap_or(line))
}

/// Whether a line would not be sent as it stands.
pub(super) fn is_special(line: &str) -> bool {
    let inner = line.trim_start_matches('\\');
    inner.starts_with('/') || read_command(inner).is_some()
}

/// Characters of a line or a name that are repeated to who typed it.
const REPEATED: usize = 40;

/// `rename mike` is chat; whoever sends it perhaps means `rename|mike`.
fn rename_hint(line: &str) -> Option<Notice> {
    let mut words = line.split_whitespace();
    let first = words.next().filter(|word| line.starts_with(word) && word.eq_ignore_ascii_case("rename"));
    match (first, words.next(), words.next()) {
        (Some(_), Some(name), None) => {
            let name = name.split('|').find(|part| !part.is_empty())?;
            Some(Notice::RenameHint(shortened(name, REPEATED)))
        }
        _ => None,
    }
}
