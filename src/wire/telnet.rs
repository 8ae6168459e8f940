//! The telnet protocol beneath the text door (RFC 854, 855, 860): commands among the bytes.
//!
//! Telnet clients send commands between the letters, each begun by byte 255 (IAC). This machine
//! takes them out, a byte at a time, so a read may end anywhere within one. It refuses every
//! option and remembers which it has refused, so that two refusers cannot keep each other busy.
//!
//! One answer matters more than the rest: after Ctrl-C, GNU telnet throws away what it receives
//! until its `DO TIMING-MARK` is answered. Each one is answered.

use super::WireError;

/// Interpret as command.
pub(super) const IAC: u8 = 255;
const DONT: u8 = 254;
const DO: u8 = 253;
const WONT: u8 = 252;
const WILL: u8 = 251;
const SB: u8 = 250;
const AYT: u8 = 246;
/// The lowest command (end of subnegotiation); below it, 255 was not a command's beginning.
const SE: u8 = 240;
/// The option of RFC 860.
pub(super) const TIMING_MARK: u8 = 6;

/// Longest subnegotiation that is skipped, in bytes. The longest known ones (environment, terminal
/// type) have some hundred bytes.
const MAX_SUBNEGOTIATION: usize = 4096;

/// Where in a command the bytes seen so far end.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum State {
    Data,
    Command,
    Option(u8),
    Subnegotiation { skipped: usize, iac: bool },
}

/// What one byte amounts to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Step {
    /// More bytes are needed, or the command asks for nothing.
    Nothing,
    /// Byte 255, meant as data.
    Byte255,
    /// Byte 255 was no command's beginning: it is data, and so is the byte just given.
    NotTelnet,
    /// Send this.
    Answer([u8; 3]),
    /// The peer asks whether we are there.
    AreYouThere,
}

/// The telnet state of one session.
#[derive(Debug)]
pub(super) struct Telnet {
    state: State,
    /// Bit 2·option is set once `DO` of it has been refused, bit 2·option + 1 for `WILL`.
    refused: [u64; 8],
    spoken: bool,
}

impl Telnet {
    pub(super) fn new() -> Self {
        Self { state: State::Data, refused: [0; 8], spoken: false }
    }

    /// Whether the next byte is data unless it is [`IAC`].
    pub(super) fn in_data(&self) -> bool {
        self.state == State::Data
    }

    /// Whether the peer has shown that it speaks telnet.
    pub(super) fn has_spoken(&self) -> bool {
        self.spoken
    }

    /// Whether input ended within a command that may have been none: one byte 255 is left over.
    pub(super) fn holds_255(&self) -> bool {
        self.state == State::Command
    }

    /// Takes one byte: [`IAC`] while in data, any byte otherwise.
    pub(super) fn step(&mut self, byte: u8) -> Result<Step, WireError> {
        let (state, step) = match (self.state, byte) {
            (State::Data, _) => (State::Command, Step::Nothing),
            (State::Command, IAC) => (State::Data, Step::Byte255),
            (State::Command, 0..SE) => (State::Data, Step::NotTelnet),
            (State::Command, SB) => (State::Subnegotiation { skipped: 0, iac: false }, Step::Nothing),
            (State::Command, WILL..=DONT) => (State::Option(byte), Step::Nothing),
            (State::Command, AYT) => (State::Data, Step::AreYouThere),
            (State::Command, _) => (State::Data, Step::Nothing),
            (State::Option(verb), option) => (State::Data, self.negotiate(verb, option)),
            (State::Subnegotiation { iac: true, .. }, SE) => (State::Data, Step::Nothing),
            // The IAC that may end it is not counted.
            (State::Subnegotiation { skipped, .. }, _) if skipped > MAX_SUBNEGOTIATION => {
                return Err(WireError::Malformed("a telnet subnegotiation longer than 4096 bytes"));
            }
            (State::Subnegotiation { skipped, iac }, _) => {
                (State::Subnegotiation { skipped: skipped + 1, iac: byte == IAC && !iac }, Step::Nothing)
            }
        };
        self.state = state;
        self.spoken |= state == State::Data && !matches!(step, Step::NotTelnet | Step::Byte255);
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
