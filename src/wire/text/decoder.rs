//! Decodes the text door: bytes that people type become commands.
//!
//! `telnet` removes telnet commands. `lines` ends, edits and cuts lines. `sniff` compares the first line
//! with other protocols. `typed` reads each line: a command, a bare word of the old chat room, or
//! something to say. `encode` writes what people see.

use std::borrow::Cow;
use std::collections::VecDeque;

use super::charset::CSI;
use super::lines::{LineEnd, Stop, TypedLine};
use super::telnet::{IAC, Step, Telnet};
use super::typed::{RENAME, typed_line};
use crate::protocol::{Charset, Command, Notice, Refusal, shortened};
use crate::wire::buffer::Buffer;
use crate::wire::sniff::{Sniffer, Verdict};
use crate::wire::{Decode, Inbound, Limits, Wire, WireError};

/// Turns the bytes of one text session into commands.
#[derive(Debug)]
pub struct TextDecoder {
    max_line: usize,
    input: Buffer,
    telnet: Telnet,
    line: TypedLine,
    sniffer: Sniffer,
    /// A first line that may belong to another protocol: the next line decides.
    held: Option<Vec<u8>>,
    crlf: bool,
    /// The character set of the session, as its lines are read.
    charset: Charset,
    /// `/charset` changes how the rest is read: the bytes are a session's.
    obeys_charset: bool,
    /// The sender was told that its bytes are not UTF-8.
    told_not_utf8: bool,
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
            line: TypedLine::new(limits.max_line),
            sniffer: Sniffer::new(Wire::Text),
            held: None,
            crlf: false,
            charset: Charset::UTF_8,
            obeys_charset: true,
            told_not_utf8: false,
            ready: VecDeque::new(),
            ended: false,
        }
    }

    /// A decoder for a line typed elsewhere, in UTF-8: its first line is not checked for another protocol.
    #[must_use]
    pub fn of_a_person(limits: Limits) -> Self {
        let mut decoder = Self::new(limits);
        decoder.sniffer.stop();
        decoder.obeys_charset = false;
        decoder
    }

    /// Whether the bytes of a read have no LF and end in a bare CR.
    fn ends_in_bare_cr(&self, read: &[u8]) -> bool {
        if self.line.has_seen_lf() || !read.contains(&b'\r') {
            return false;
        }
        // Look in a copy without telnet: an LF within a command ends no line.
        let mut telnet = self.telnet.clone();
        let (mut last, mut rest) = (None, read);
        while let Some((byte, behind)) = rest.split_first() {
            if telnet.in_data() && *byte != IAC {
                if *byte == b'\n' {
                    return false;
                }
                telnet.saw(&[*byte]);
                last = Some(*byte);
                rest = behind;
                continue;
            }
            match telnet.step(*byte) {
                Ok(Step::NotTelnet(data)) => {
                    telnet.saw(data);
                    last = None;
                }
                Ok(Step::Byte255 | Step::EraseCharacter | Step::EraseLine) => (last, rest) = (None, behind),
                Ok(_) => rest = behind,
                Err(_) => return false,
            }
        }
        telnet.in_data() && last == Some(b'\r')
    }

    fn finish_line(&mut self, end: Option<LineEnd>) -> Result<(), WireError> {
        let with_cr = matches!(end, Some(LineEnd::Lf { with_cr: true } | LineEnd::Cr));
        let too_long = self.line.text.too_long();
        let verdict = self.sniffer.line(self.line.text.kept(), with_cr, too_long.is_some())?;
        self.release();
        if let Some(bytes) = too_long {
            self.ready.push_back(Inbound::Refused(Refusal::TooLong { bytes, limit: self.max_line }));
        } else {
            match verdict {
                Verdict::Chat => {
                    let line = self.line.text.lend();
                    self.read_line(&line);
                    self.line.text.take_back(line);
                }
                Verdict::Refuse(refusal) => self.ready.push_back(Inbound::Refused(refusal)),
                Verdict::Hold => self.held = Some(self.line.text.kept().to_vec()),
            }
        }
        self.line.text.clear();
        Ok(())
    }

    /// Reads the held line as chat.
    fn release(&mut self) {
        if let Some(held) = self.held.take() {
            self.sniffer.stop();
            self.read_line(&held);
        }
    }

    /// Reads one line and appends the result to `ready`.
    fn read_line(&mut self, line: &[u8]) {
        // Nearly all lines are valid text: use the quicker check first.
        let text = std::str::from_utf8(line).map_or_else(|_| decoded(line), Cow::Borrowed);
        // A bare `quit` amid a paste or a pipe would drop what follows it.
        let more_follows = || self.input.rest().iter().any(|byte| !matches!(byte, b'\r' | b'\n' | b' ' | b'\t' | 0));
        match typed_line(&text, more_follows) {
            Some(Ok(Command::Charset(Some(charset)))) => self.read_in(charset),
            Some(Ok(command)) => {
                let hint = if matches!(command, Command::Say(_)) { rename_hint(&text) } else { None };
                self.ready.push_back(Inbound::Command(command));
                self.ready.extend(hint.map(Inbound::Tell));
            }
            Some(Err(refusal)) => self.ready.push_back(Inbound::Refused(refusal)),
            None => {} // a blank line keeps the session alive and says nothing
        }
        if matches!(text, Cow::Owned(_)) && !std::mem::replace(&mut self.told_not_utf8, true) {
            self.ready.push_back(Inbound::Tell(Notice::NotUtf8));
        }
    }

    /// Obeys `/charset` for what is read; what comes after this line is in the new set already, in the same
    /// read too. The command goes on to the manager, which does the same for what is written.
    fn read_in(&mut self, charset: Charset) {
        let charset = if self.telnet.has_spoken() { charset.for_telnet() } else { charset };
        if self.obeys_charset {
            self.charset = charset;
            self.line.text.set_charset(charset);
            self.telnet.set_charset(charset == Charset::UTF_8);
        }
        self.ready.push_back(Inbound::Command(Command::Charset(Some(charset))));
    }

    fn answer_with_crlf(&mut self) {
        if !self.crlf {
            self.crlf = true;
            self.ready.push_back(Inbound::Crlf);
        }
    }

    /// Answers as telnet has it, from the first telnet command on.
    fn answer_telnet(&mut self) {
        self.answer_with_crlf();
        if self.charset != self.charset.for_telnet() {
            self.charset = self.charset.for_telnet();
            self.ready.push_back(Inbound::Charset(self.charset));
        }
    }

    /// Takes one byte of a telnet command, which is not taken off the input yet.
    fn step_telnet(&mut self, byte: u8) -> Result<(), WireError> {
        let step = self.telnet.step(byte)?;
        if let Step::NotTelnet(data) = step {
            return self.add_data(data); // and the byte itself is data, looked at again
        }
        self.input.take(1);
        if self.telnet.has_spoken() {
            self.answer_telnet();
        }
        match step {
            Step::Byte255 => self.add_data(&[IAC])?,
            Step::Answer(bytes) => self.ready.push_back(Inbound::Answer(bytes.into())),
            Step::AreYouThere => self.ready.push_back(Inbound::Tell(Notice::StillHere)),
            Step::EraseCharacter => self.line.erase_character(),
            Step::EraseLine => self.line.erase_line(),
            Step::Nothing | Step::NotTelnet(_) => {}
        }
        Ok(())
    }

    /// Adds bytes 250 to 255 that are data.
    fn add_data(&mut self, data: &[u8]) -> Result<(), WireError> {
        self.telnet.saw(data);
        self.line.push(data);
        self.sniffer.data(data).map(|_| ())
    }

    /// Takes data up to the line end or the next telnet command.
    fn take_data(&mut self) -> Result<(), WireError> {
        let mut input = std::mem::take(&mut self.input);
        let rest = input.rest();
        let (taken, stop) = self.line.take(rest, IAC);
        let data = rest.get(..taken).unwrap_or_default();
        self.telnet.saw(data);
        let sniffed = self.sniffer.data(data);
        input.take(taken);
        self.input = input;
        if !sniffed? {
            return Ok(()); // the next bytes decide which other protocol this is
        }
        if self.line.has_seen_crlf() {
            self.answer_with_crlf();
        }
        if self.held.is_some() && !self.line.text.is_empty() && !self.sniffer.may_go_on(self.line.text.kept()) {
            self.release();
        }
        match stop {
            Stop::Ended(end) => self.finish_line(Some(end)),
            Stop::Mark => self.telnet.step(IAC).map(|_| self.input.take(1)),
            Stop::Empty => Ok(()),
        }
    }

    /// Takes the rest at the end of input; `false` if there is none.
    fn take_last(&mut self) -> Result<bool, WireError> {
        let unfinished = self.telnet.take_unfinished();
        self.add_data_unless_empty(unfinished)?;
        self.line.text.end();
        if self.line.text.is_empty() && self.held.is_none() {
            return Ok(false);
        }
        if self.line.text.is_empty() {
            self.release();
        } else {
            self.finish_line(None)?;
            self.release();
        }
        Ok(true)
    }

    fn add_data_unless_empty(&mut self, data: &[u8]) -> Result<(), WireError> {
        if data.is_empty() { Ok(()) } else { self.add_data(data) }
    }
}

impl Decode for TextDecoder {
    fn feed(&mut self, bytes: &[u8]) {
        if self.ends_in_bare_cr(bytes) {
            self.line.read_ends_in_bare_cr();
        }
        self.sniffer.feed(bytes);
        self.input.feed(bytes);
    }

    fn end(&mut self) {
        self.ended = true;
        self.sniffer.end();
    }

    fn next(&mut self) -> Result<Option<Inbound>, WireError> {
        loop {
            if let Some(inbound) = self.ready.pop_front() {
                return Ok(Some(inbound));
            }
            if !self.sniffer.check_head()? {
                return Ok(None);
            }
            match self.input.rest().first().copied() {
                Some(byte) if !self.telnet.in_data() => self.step_telnet(byte)?,
                Some(_) => self.take_data()?,
                None if self.ended && self.take_last()? => {}
                None => return Ok(None),
            }
        }
    }
}

/// Most characters of a name that a refusal repeats.
const QUOTED_CHARS: usize = 40;

/// The text of a line. A lone byte 0x9b becomes the control CSI, as in Latin-1: the sequence of a key begins
/// with it and may stand before a command. (Other wrong bytes and CSI are shown as U+FFFD.)
fn decoded(line: &[u8]) -> std::borrow::Cow<'_, str> {
    if !line.contains(&CSI) || std::str::from_utf8(line).is_ok() {
        return String::from_utf8_lossy(line);
    }
    let mut text = String::with_capacity(line.len());
    for chunk in line.utf8_chunks() {
        text.push_str(chunk.valid());
        match chunk.invalid() {
            [] => {}
            [CSI] => text.push('\u{9b}'),
            _ => text.push(char::REPLACEMENT_CHARACTER),
        }
    }
    text.into()
}

/// `rename mike` is chat. Its sender may have meant `rename|mike`.
fn rename_hint(line: &str) -> Option<Notice> {
    let mut words = line.split_whitespace();
    let first = words.next().filter(|word| line.starts_with(word) && word.eq_ignore_ascii_case(RENAME));
    match (first, words.next(), words.next()) {
        (Some(_), Some(name), None) => {
            let name = name.split('|').find(|part| !part.is_empty())?;
            let name = crate::protocol::clean(name.as_bytes());
            Some(Notice::RenameHint(shortened(&name, QUOTED_CHARS)))
        }
        _ => None,
    }
}
