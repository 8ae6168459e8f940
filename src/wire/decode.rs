//! The values that a decoder hands out, whatever the wire format.

use std::fmt;

use super::encoding::Encoding;
use super::format::Wire;
use super::sniff::Protocol;
use crate::protocol::{Charset, Command, Malformed, Notice, Refusal, shortened};

/// The limits that bound a decoder's memory, whatever its peer sends.
#[derive(Debug, Clone, Copy)]
pub struct Limits {
    /// Longest line of the text door, in bytes, without its end.
    pub max_line: usize,
    /// Longest packet of the JSON door, in bytes, without its header.
    pub max_packet: usize,
    /// Longest data of a frame, in bytes.
    pub max_frame: usize,
}

impl Limits {
    /// The length of the longest line, packet or frame of a wire format, in bytes.
    #[must_use]
    pub fn longest(self, wire: Wire) -> usize {
        match wire {
            Wire::Text => self.max_line,
            Wire::Relay => usize::from(u16::MAX),
            Wire::Json(_) => self.max_packet,
            Wire::Frame => self.max_frame,
            #[cfg(feature = "web")]
            Wire::Web(_) => self.max_packet,
        }
    }
}

/// The telnet option of RFC 860.
pub(super) const TIMING_MARK: u8 = 6;

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

    /// Whether the input so far ends within something that has to be finished in time.
    fn is_midway(&self) -> bool {
        false
    }

    /// Whether the input ends within an object as text. A person may type one by hand.
    fn is_open(&self) -> bool {
        false
    }

    /// Refuses the unfinished object, because its rest does not come. A rest that comes later is skipped.
    fn give_up(&mut self) {}
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
    /// A ping of the protocol below the chat is answered with these bytes. It may come any number of times.
    Pong(Box<[u8]>),
    /// The peer ends the session. These bytes answer that, and nothing is sent after them.
    Close(Box<[u8]>),
    /// The next thing is a request with this mark (JSON text), which its answer is to carry.
    Tag(Box<str>),
    /// It asks for something that is not the chat's; a handler may know it.
    Custom {
        /// The request's name.
        key: Key,
        /// The request's data.
        data: Vec<u8>,
    },
    /// It shows that it is there, and wants no answer.
    Heartbeat,
    /// From now on it is answered in this encoding.
    Switch(Encoding),
    /// From now on lines for it end in CRLF: it has sent CRLF or a telnet command.
    Crlf,
    /// From now on lines for it are written in this character set.
    Charset(Charset),
}

impl Inbound {
    /// Whether it answers a question that may come any number of times: a ping of a WebSocket, telnet's "are you
    /// there" or timing mark. Every other telnet question is answered once.
    #[must_use]
    pub fn answers_a_poll(&self) -> bool {
        match self {
            Self::Tell(Notice::StillHere) | Self::Pong(_) => true,
            Self::Answer(bytes) => bytes.ends_with(&[TIMING_MARK]),
            _ => false,
        }
    }
}

/// The kind of request that a handler is registered for.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum Key {
    /// The route of a frame.
    Route(u32),
    /// The `Act` of a JSON packet.
    Act(Box<str>),
}

impl fmt::Display for Key {
    /// For the log. The peer may have chosen the act, so it is quoted and shortened.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Route(route) => write!(f, "route {route}"),
            Self::Act(act) => write!(f, "act {:?}", shortened(act, 40)),
        }
    }
}

/// Why a stream cannot be followed any further.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum WireError {
    /// The bytes break the format.
    Malformed(Malformed),
    /// They are of another protocol.
    WrongProtocol(Protocol),
}
