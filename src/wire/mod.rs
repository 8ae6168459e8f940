//! The bytes: how each door's clients write what they mean, and how they are answered.
//!
//! Codecs take slices and return values; "more is needed" is `None`, not an error. A decoder
//! belongs to one reader and keeps what is unfinished, so a read may end anywhere. An encoder
//! appends to a buffer, once per format, whatever the number of listeners.
//!
//! No rule of the chat is known here, and no socket.

#![deny(clippy::indexing_slicing)]

mod buffer;
mod foreign;
mod relay;
mod telnet;
mod text;

use std::fmt;

use crate::protocol::{Command, Notice, Refusal};

pub use foreign::Foreign;
pub use relay::RelayDecoder;
pub use text::TextDecoder;

/// A wire format: what is spoken at a door.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Wire {
    /// Lines for people with telnet or nc.
    Text,
    /// Lines as GoChat's client speaks them.
    Relay,
}

impl Wire {
    /// Every wire format.
    pub const ALL: [Self; 2] = [Self::Text, Self::Relay];

    /// Its name, which is also the scheme of `--listen SCHEME://…`.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Text => "text",
            Self::Relay => "relay",
        }
    }

    /// How a session at this door is answered until it has shown that it wants it otherwise.
    #[must_use]
    pub fn first_encoding(self) -> Encoding {
        match self {
            Self::Text => Encoding::TextLf,
            Self::Relay => Encoding::Relay,
        }
    }

    /// A decoder for one session.
    #[must_use]
    pub fn decoder(self, limits: Limits) -> Box<dyn Decode> {
        match self {
            Self::Text => Box::new(TextDecoder::new(limits)),
            Self::Relay => Box::new(RelayDecoder::new()),
        }
    }
}

impl fmt::Display for Wire {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// What bounds a decoder's memory, whatever its peer sends.
#[derive(Debug, Clone, Copy)]
pub struct Limits {
    /// Longest line of the text door, in bytes, without its end.
    pub max_line: usize,
}

/// One direction of one session: bytes in, values out.
pub trait Decode: Send {
    /// Takes the bytes of one read. Call [`Decode::next`] until it has no more before feeding again.
    fn feed(&mut self, bytes: &[u8]);

    /// Says that no more bytes come: what is unfinished counts as finished, where the format says so.
    fn end(&mut self);

    /// The next whole thing; `None` where more bytes are needed.
    ///
    /// # Errors
    /// Where the stream cannot be followed any further; nothing comes after an error.
    fn next(&mut self) -> Result<Option<Inbound>, WireError>;
}

/// One whole thing that a peer sent.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Inbound {
    /// It asks for something.
    Command(Command),
    /// It asked for something that cannot be done.
    Refused(Refusal),
    /// It is to be told something that needs no decision.
    Tell(Notice),
    /// The protocol below the chat is answered with these bytes.
    Answer(Box<[u8]>),
    /// From now on it is answered in this encoding.
    Switch(Encoding),
}

/// Why a stream cannot be followed any further.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum WireError {
    /// The bytes break the format; the words say how, for the peer and the log.
    Malformed(&'static str),
    /// They are of another protocol.
    Foreign(Foreign),
}

/// A wire format as one session receives it. Sessions with the same encoding share their bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Encoding {
    /// Text, lines end in LF.
    TextLf,
    /// Text, lines end in CRLF: for those who sent CRLF or speak telnet.
    TextCrlf,
    /// Relay.
    Relay,
}

impl Encoding {
    /// How many there are; [`Encoding::index`] is below it.
    pub const COUNT: usize = 3;
    /// Every encoding, in the order of [`Encoding::index`].
    pub const ALL: [Self; Self::COUNT] = [Self::TextLf, Self::TextCrlf, Self::Relay];

    /// Its number, for tables by encoding.
    #[must_use]
    pub fn index(self) -> usize {
        self as usize
    }

    /// Appends `notice` to `out`. Nothing, where this format has no words for it.
    pub fn encode(self, notice: &Notice, out: &mut Vec<u8>) {
        match self {
            Self::TextLf => text::encode(notice, "\n", out),
            Self::TextCrlf => text::encode(notice, "\r\n", out),
            Self::Relay => relay::encode(notice, out),
        }
    }

    /// Whether a session in this format receives its own lines, unless it says otherwise.
    #[must_use]
    pub fn echoes(self) -> bool {
        !matches!(self, Self::Relay)
    }
}
