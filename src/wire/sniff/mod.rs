//! Decides whether a session at the text or the relay door speaks another protocol.
//!
//! It compares bytes and lines with the table of `sniff`, until the first line that is not blank is chat.
//! From then on it looks at nothing.

mod protocol;

use self::protocol::{HEAD, is_redis, is_undecided, is_utf16, may_become_utf16, of_head, of_known_head};
use crate::wire::invisible::Opening;
use crate::wire::{Wire, WireError};

pub use self::protocol::Protocol;
pub(super) use self::protocol::is_taken_for_another;
use crate::protocol::Refusal;

/// The length of two characters of UTF-16, in bytes.
const UTF16_BYTES: usize = 4;
/// The first key of a request of the JSON door, in lower case.
const ACT: &str = "\"act\"";
/// Most bytes of a first line that are compared.
const COMPARED_BYTES: usize = 512;

/// The sniffer's decision about a line.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Verdict {
    /// It is chat.
    Chat,
    /// It is refused; the session stays.
    Refuse(Refusal),
    /// It is chat, unless the next line continues a protocol: hold it until then.
    Hold,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum State {
    /// Only blank lines so far.
    First,
    /// A line of this protocol was refused: the next one is compared too.
    Refused(Protocol),
    /// A line that may begin a request of this protocol is held.
    Held(Protocol),
    /// The session is chat.
    Done,
}

/// Watches the beginning of one session.
#[derive(Debug)]
pub(super) struct Sniffer {
    wire: Wire,
    state: State,
    head: [u8; HEAD],
    head_bytes: usize,
    data_bytes: usize,
    after_cr: bool,
    /// A NUL was among the first bytes.
    has_nul: bool,
    ended: bool,
}

impl Sniffer {
    pub(super) fn new(wire: Wire) -> Self {
        Self {
            wire,
            state: State::First,
            head: [0; HEAD],
            head_bytes: 0,
            data_bytes: 0,
            after_cr: false,
            has_nul: false,
            ended: false,
        }
    }

    /// Stops sniffing: everything is chat from now on.
    pub(super) fn stop(&mut self) {
        self.state = State::Done;
    }

    /// Takes the bytes of one read, as they came.
    pub(super) fn feed(&mut self, bytes: &[u8]) {
        if self.state != State::First {
            return;
        }
        let free = self.head.get_mut(self.head_bytes..).unwrap_or_default();
        let count = free.len().min(bytes.len());
        for (slot, byte) in free.iter_mut().zip(bytes) {
            *slot = *byte;
        }
        self.head_bytes += count;
    }

    /// Says that no more bytes come.
    pub(super) fn end(&mut self) {
        self.ended = true;
    }

    /// Whether the decoder may go on: `false` if the next bytes decide the protocol.
    pub(super) fn check_head(&self) -> Result<bool, WireError> {
        if self.state != State::First {
            return Ok(true);
        }
        let head = self.head.get(..self.head_bytes).unwrap_or_default();
        if let Some(protocol) = of_head(head, self.wire) {
            return Err(WireError::WrongProtocol(protocol));
        }
        if !self.ended && (is_undecided(head) || self.has_nul && may_become_utf16(head)) {
            return Ok(false);
        }
        let is_text = is_utf16(head.get(..UTF16_BYTES).unwrap_or_default());
        match self.has_nul {
            true if is_text => Err(WireError::WrongProtocol(Protocol::Named("UTF-16"))),
            true => Err(WireError::WrongProtocol(Protocol::Binary)),
            false => Ok(true),
        }
    }

    /// Takes data of the first line, without telnet commands.
    pub(super) fn data(&mut self, bytes: &[u8]) -> Result<bool, WireError> {
        if self.state != State::First {
            return Ok(true);
        }
        for byte in bytes.iter().take(HEAD.saturating_sub(self.data_bytes)) {
            self.has_nul |= *byte == 0 && !self.after_cr;
            self.after_cr = *byte == b'\r';
        }
        self.data_bytes += bytes.len();
        self.check_head()
    }

    /// Whether a line with this beginning may continue the held line.
    pub(super) fn may_go_on(&self, line: &[u8]) -> bool {
        match self.state {
            State::Held(Protocol::Json) => {
                line.trim_ascii_start().iter().zip(ACT.bytes()).all(|(byte, act)| byte.to_ascii_lowercase() == act)
            }
            State::Held(_) => line.starts_with(b"$"),
            _ => false,
        }
    }

    /// Decides about a line. `with_cr`: a CR ended it. `is_cut`: the line is longer.
    pub(super) fn line(&mut self, line: &[u8], with_cr: bool, is_cut: bool) -> Result<Verdict, WireError> {
        if self.state == State::Done {
            return Ok(Verdict::Chat);
        }
        if self.state == State::First && is_utf16(line) {
            return Err(WireError::WrongProtocol(Protocol::Named("UTF-16")));
        }
        let text = String::from_utf8_lossy(line.get(..COMPARED_BYTES).unwrap_or(line));
        let text = Opening::of(&text).rest.trim_end();
        if text.is_empty() && !matches!(self.state, State::Held(_)) {
            return Ok(Verdict::Chat);
        }
        // A file may stand behind blank lines.
        if self.state == State::First
            && let Some(protocol) = of_known_head(line)
        {
            return Err(WireError::WrongProtocol(protocol));
        }
        let before = std::mem::replace(&mut self.state, State::Done);
        if let State::Held(protocol) = before {
            let is_its = match protocol {
                Protocol::Json => text.to_ascii_lowercase().starts_with(ACT),
                _ => is_redis(line, b'$'),
            };
            return if is_its { Err(WireError::WrongProtocol(protocol)) } else { Ok(Verdict::Chat) };
        }
        let held = match text {
            // An object over several lines, as `jq .` writes it.
            "{" => Some(Protocol::Json),
            _ => (with_cr && is_redis(line, b'*')).then_some(Protocol::Named("Redis")),
        };
        if let Some(protocol) = held {
            self.state = State::Held(protocol);
            return Ok(Verdict::Hold);
        }
        let found = Protocol::of_line(text, with_cr, is_cut || line.len() > COMPARED_BYTES);
        match (before, found) {
            (State::Refused(first), found) if found.is_some() || first.goes_on(text) => {
                Err(WireError::WrongProtocol(found.unwrap_or(first)))
            }
            (_, Some(protocol)) if protocol.may_stay() => {
                self.state = State::Refused(protocol);
                Ok(Verdict::Refuse(protocol.refusal(text, self.wire)))
            }
            (_, Some(protocol)) => Err(WireError::WrongProtocol(protocol)),
            (_, None) => Ok(Verdict::Chat),
        }
    }
}
