//! The telnet protocol beneath the text door (RFC 854, 855, 860): commands among the bytes.
//!
//! Telnet clients send commands between the letters, each begun by byte 255 (IAC). This machine
//! takes them out, a byte at a time, so a read may end anywhere within one. It refuses every
//! option once and remembers that, so that two programs do not refuse each other's refusals for ever.
//!
//! Byte 255 is also a letter: я in Windows-1251, ÿ in Latin-1. A peer that sends bytes that are not UTF-8
//! and negotiates no options writes letters, not telnet. Nothing after such a byte is swallowed. A peer that
//! has chosen a character set other than UTF-8 writes letters unless it has sent a telnet command.
//!
//! `DO TIMING-MARK` is answered each time, among letters too: after Ctrl-C, GNU telnet discards everything
//! until that answer comes. No text has the control character at its end.

use crate::protocol::Malformed;
use crate::wire::decode::{TIMING_MARK, WireError};

/// Interpret as command.
pub(super) const IAC: u8 = 255;
const DONT: u8 = 254;
const DO: u8 = 253;
const WONT: u8 = 252;
const WILL: u8 = 251;
const SB: u8 = 250;
const EL: u8 = 248;
const EC: u8 = 247;
const AYT: u8 = 246;
/// End of subnegotiation: the lowest command of RFC 854.
const SE: u8 = 240;
/// The lowest command of all (RFC 1184: end of file, suspend, abort; RFC 885: end of record).
const EOF: u8 = 236;

/// Longest subnegotiation that is skipped, in bytes. The longest known ones (environment, terminal
/// type) have some hundred bytes.
const MAX_SUBNEGOTIATION: usize = 4096;

/// Where in a command the bytes seen so far end.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum State {
    Data,
    Command,
    Option(u8),
    Subnegotiation {
        skipped: usize,
        iac: bool,
    },
    /// Byte 255 among letters.
    Letter,
    /// Bytes 255 and 253 among letters: a request for a timing mark may follow.
    LetterThenDo,
}

/// The outcome of one byte.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Step {
    /// More bytes are needed, or the command asks for nothing.
    Nothing,
    /// Byte 255, meant as data.
    Byte255,
    /// These bytes began no command: they are data, and so is the byte just given.
    NotTelnet(&'static [u8]),
    /// Send this.
    Answer([u8; 3]),
    /// The peer asks "are you there".
    AreYouThere,
    /// Remove the last character of the line.
    EraseCharacter,
    /// Remove the line so far.
    EraseLine,
}

/// The telnet state of one session.
#[derive(Debug, Clone)]
pub(super) struct Telnet {
    state: State,
    /// Bit 2·option is set once `DO` of it has been refused, bit 2·option + 1 for `WILL`.
    refused: [u64; 8],
    spoken: bool,
    /// An option or a subnegotiation has come: the peer is a telnet client, which doubles byte 255.
    negotiated: bool,
    encoding: Utf8Watch,
    /// The peer has chosen a character set other than UTF-8, in which byte 255 may be a letter.
    has_charset: bool,
}

impl Telnet {
    pub(super) fn new() -> Self {
        let encoding = Utf8Watch::default();
        Self { state: State::Data, refused: [0; 8], spoken: false, negotiated: false, encoding, has_charset: false }
    }

    /// Whether the next byte is data unless it is [`IAC`].
    pub(super) fn in_data(&self) -> bool {
        self.state == State::Data
    }

    /// Whether the peer has shown that it speaks telnet.
    pub(super) fn has_spoken(&self) -> bool {
        self.spoken
    }

    /// From now on, data is in UTF-8 or in another character set.
    pub(super) fn set_charset(&mut self, is_utf8: bool) {
        self.has_charset = !is_utf8;
        self.encoding = Utf8Watch::default();
    }

    /// Records data: bytes that are not UTF-8 change the meaning of byte 255.
    pub(super) fn saw(&mut self, data: &[u8]) {
        if !self.has_charset {
            self.encoding.saw(data);
        }
    }

    /// The bytes of an unfinished command at the end of input, which may be data.
    pub(super) fn take_unfinished(&mut self) -> &'static [u8] {
        match std::mem::replace(&mut self.state, State::Data) {
            State::Command | State::Letter => &[IAC],
            State::LetterThenDo => &[IAC, DO],
            State::Data | State::Option(_) | State::Subnegotiation { .. } => &[],
        }
    }

    /// Takes one byte: [`IAC`] while in data, any byte otherwise.
    pub(super) fn step(&mut self, byte: u8) -> Result<Step, WireError> {
        // A UTF-8 character that byte 255 cuts short belongs to another encoding, unless the peer speaks telnet.
        let is_cut = self.encoding.tail_bytes > 0 && !self.spoken;
        let is_letter = match self.has_charset {
            true => !self.spoken,
            false => (self.encoding.is_broken || is_cut) && !self.negotiated,
        };
        let (state, step) = match (self.state, byte) {
            (State::Data, _) if is_letter => (State::Letter, Step::Nothing),
            (State::Letter, DO) => (State::LetterThenDo, Step::Nothing),
            (State::Letter, _) => (State::Data, Step::NotTelnet(&[IAC])),
            (State::LetterThenDo, TIMING_MARK) => (State::Data, self.negotiate(DO, TIMING_MARK)),
            (State::LetterThenDo, _) => (State::Data, Step::NotTelnet(&[IAC, DO])),
            (State::Data, _) => (State::Command, Step::Nothing),
            (State::Command, IAC) => (State::Data, Step::Byte255),
            (State::Command, 0..EOF) => (State::Data, Step::NotTelnet(&[IAC])),
            // Rare telnet commands are common letters: я before м, н, о, п.
            (State::Command, EOF..SE) if !self.spoken => (State::Data, Step::NotTelnet(&[IAC])),
            (State::Command, SB) => (State::Subnegotiation { skipped: 0, iac: false }, Step::Nothing),
            (State::Command, WILL..=DONT) => (State::Option(byte), Step::Nothing),
            (State::Command, AYT) => (State::Data, Step::AreYouThere),
            (State::Command, EC) => (State::Data, Step::EraseCharacter),
            (State::Command, EL) => (State::Data, Step::EraseLine),
            (State::Command, _) => (State::Data, Step::Nothing),
            // Keep the line end if the text is not UTF-8.
            (State::Option(verb), b'\n' | b'\r') if self.encoding.is_broken => (State::Data, not_telnet(verb)),
            (State::Option(verb), option) => (State::Data, self.negotiate(verb, option)),
            (State::Subnegotiation { iac: true, .. }, SE) => (State::Data, Step::Nothing),
            // The IAC that may end it is not counted.
            (State::Subnegotiation { skipped, .. }, _) if skipped > MAX_SUBNEGOTIATION => {
                return Err(WireError::Malformed(Malformed::SubnegotiationTooLong));
            }
            (State::Subnegotiation { skipped, iac }, _) => {
                (State::Subnegotiation { skipped: skipped + 1, iac: byte == IAC && !iac }, Step::Nothing)
            }
        };
        let is_command = state == State::Data && !matches!(step, Step::NotTelnet(_) | Step::Byte255);
        self.spoken |= is_command;
        self.negotiated |= is_command && matches!(self.state, State::Option(_) | State::Subnegotiation { .. });
        self.state = state;
        Ok(step)
    }

    fn negotiate(&mut self, verb: u8, option: u8) -> Step {
        match (verb, option) {
            (DO, TIMING_MARK) => Step::Answer([IAC, WONT, TIMING_MARK]),
            (DO, _) if self.first_time(option, 0) => Step::Answer([IAC, WONT, option]),
            (WILL, _) if self.first_time(option, 1) => Step::Answer([IAC, DONT, option]),
            _ => Step::Nothing,
        }
    }

    fn first_time(&mut self, option: u8, side: u32) -> bool {
        let bit = u32::from(option) * 2 + side;
        let Some(word) = self.refused.get_mut((bit / 64) as usize) else { return false };
        let mask = 1 << (bit % 64);
        let first = *word & mask == 0;
        *word |= mask;
        first
    }
}

fn not_telnet(verb: u8) -> Step {
    Step::NotTelnet(match verb {
        WILL => &[IAC, WILL],
        WONT => &[IAC, WONT],
        DO => &[IAC, DO],
        _ => &[IAC, DONT],
    })
}

/// Detects text that is not UTF-8, whatever pieces it comes in.
#[derive(Debug, Clone, Copy, Default)]
struct Utf8Watch {
    /// An incomplete character, at most three bytes.
    tail: [u8; 3],
    tail_bytes: usize,
    is_broken: bool,
}

impl Utf8Watch {
    fn saw(&mut self, mut data: &[u8]) {
        while self.tail_bytes > 0 && !self.is_broken {
            let Some((byte, rest)) = data.split_first() else { return };
            let mut joined = [0; 4];
            let (tail, next) = joined.split_at_mut(self.tail_bytes);
            tail.copy_from_slice(self.tail.get(..self.tail_bytes).unwrap_or_default());
            if let Some(next) = next.first_mut() {
                *next = *byte;
            }
            data = rest;
            let length = self.tail_bytes + 1;
            self.tail_bytes = 0;
            self.check(joined.get(..length).unwrap_or_default());
        }
        if !self.is_broken {
            self.check(data);
        }
    }

    fn check(&mut self, data: &[u8]) {
        let Err(error) = std::str::from_utf8(data) else { return };
        let tail = data.get(error.valid_up_to()..).unwrap_or_default();
        match self.tail.get_mut(..tail.len()) {
            Some(kept) if error.error_len().is_none() => {
                kept.copy_from_slice(tail);
                self.tail_bytes = tail.len();
            }
            _ => self.is_broken = true,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn broken_text_is_noticed_in_any_pieces(
            bytes in proptest::collection::vec(prop_oneof![any::<u8>(), Just(b'a'), Just(0xc3), Just(0xa9), Just(0xe5), Just(0xae)], 0..12),
            cuts in proptest::collection::vec(1_usize..4, 12),
        ) {
            let mut watch = Utf8Watch::default();
            let mut rest = bytes.as_slice();
            for cut in cuts {
                let (left, right) = rest.split_at(cut.min(rest.len()));
                watch.saw(left);
                rest = right;
            }
            let is_broken = std::str::from_utf8(&bytes).is_err_and(|error| error.error_len().is_some());
            prop_assert_eq!(watch.is_broken, is_broken);
        }
    }
}
