//! The bytes: how each door's clients write what they mean, and how they are answered.
//!
//! Codecs take slices and return values; "more is needed" is `None`, not an error. A decoder
//! belongs to one reader and keeps what is unfinished, so a read may end anywhere. An encoder
//! appends to a buffer, once per format, whatever the number of listeners.
//!
//! No rule of the chat is known here, and no socket.
//!
//! # What each door says and hears
//!
//! **text**, for people. A line ends at LF, CR LF or CR NUL; from a peer in raw mode also at a bare CR.
//! A last line without an ending counts. Backspace, DEL, Ctrl-U and telnet's EC and EL edit. A line
//! longer than [`Limits::max_line`] is refused as a whole. [`typed_line`] reads a line: `/` begins a
//! command; `//` and `\\` say the line literally. `who`, `rename|NAME`, `help`, `quit` and `exit` are
//! commands without a slash. Blanks and invisible characters before a command change nothing.
//!
//! Telnet (RFC 854, 855, 860) is taken out: every option is refused once, each `DO TIMING-MARK` is
//! answered. Answers end in LF, and in CRLF once the peer has sent CRLF or a telnet command. A [`Style`]
//! says what else a session has in its own way. Speech is `[ADDR]NAME: text`. All else begins with `* `, `>>> `, `--- `, `*** ` or `!!! `, except the old
//! chat room's answers (`user list:`, `rename ok`).
//!
//! **relay**, for GoChat v0.2. Lines of at most 65,535 bytes, ending in LF or CRLF; empty ones go.
//! Others' lines come as `ID:text\r\n`, private lines as `>>> ID: text`, actions as `* ID text`. There
//! are no commands, and no announcements.
//!
//! At both doors a first line of another [`Protocol`] is never said.
//!
//! **json**, for programs and goframe's gtcp. One object to a packet, `Act` and `Data` strings, keys
//! in any case, null counts as absent. The first packet tells the [`Framing`]; answers use the same.
//! Objects as text may follow each other without line ends and spread over lines. A wrong packet is
//! answered with `{"Act":"error","Data":…,"Code":…}` and its `Ref`. A packet whose end cannot be found
//! ends the session. Longest data: [`Limits::max_packet`].
//!
//! **frame**, for tnet. `u32` little-endian route, `u32` little-endian length, at most
//! [`Limits::max_frame`] bytes of data. Route 0 is a heartbeat, with or without data; the server
//! sends [`HEARTBEAT`]. The routes of [`COMMANDS`](crate::protocol::COMMANDS) carry the JSON door's
//! objects or plain text. Route 10000 tells what is wrong with a frame.

#![deny(clippy::indexing_slicing)]

mod buffer;
mod client;
mod encoding;
mod frame;
mod heard;
mod invisible;
mod json;
mod relay;
mod rendering;
mod request;
mod sniff;
mod text;

use std::fmt;

use crate::protocol::{Charset, Command, Malformed, Notice, Refusal, shortened};

pub use client::HeardDecoder;
pub use encoding::{Encoding, Style};
pub use frame::{FrameDecoder, HEARTBEAT};
pub use heard::{Heard, Kind, Speech};
pub use json::{Framing, JsonDecoder};
pub use relay::RelayDecoder;
pub use rendering::Rendering;
pub use sniff::Protocol;
pub use text::{TextDecoder, typed_line};

/// A wire format: what is spoken at a door.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Wire {
    /// Lines for people with telnet or nc.
    Text,
    /// Lines as GoChat's client speaks them.
    Relay,
    /// JSON packets as gtcp speaks them, in one framing, or in the one that a peer uses.
    Json(Option<Framing>),
    /// Frames as tnet speaks them.
    Frame,
}

impl Wire {
    /// Every wire format whose clients need not be told how to speak it.
    pub const ALL: [Self; 4] = [Self::Text, Self::Relay, Self::Json(None), Self::Frame];

    /// The wire format of a scheme of `--listen`: a name, or `json+FRAMING`.
    #[must_use]
    pub fn from_scheme(scheme: &str) -> Option<Self> {
        if let Some(framing) = scheme.strip_prefix("json+") {
            return Framing::ALL
                .into_iter()
                .find(|known| known.name() == framing)
                .map(|framing| Self::Json(Some(framing)));
        }
        Self::ALL.into_iter().find(|wire| wire.name() == scheme)
    }

    /// Its name, which is also the scheme of `--listen SCHEME://…`.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Text => "text",
            Self::Relay => "relay",
            Self::Json(_) => "json",
            Self::Frame => "frame",
        }
    }

    /// How a session at this door is answered until it has shown that it wants it otherwise.
    #[must_use]
    pub fn first_encoding(self) -> Encoding {
        match self {
            Self::Text => Encoding::Text(Style::PLAIN),
            Self::Relay => Encoding::Relay,
            Self::Json(fixed) => Encoding::Json(fixed.unwrap_or(Framing::Gf2)),
            Self::Frame => Encoding::Frame,
        }
    }

    /// The answer to a caller that is not let in. `beginning` is what it has sent so far.
    #[must_use]
    pub fn refusal(self, beginning: &[u8], limits: Limits, refusal: &Refusal) -> Vec<u8> {
        let mut answer = Vec::new();
        match self {
            // GoChat's client shows lines, and notices have no form at its door.
            Self::Relay => answer.extend_from_slice(format!("!!! {refusal}\r\n").as_bytes()),
            _ => {
                let encoding = self.encoding_of(beginning, limits);
                encoding.encode(&Notice::Refused(refusal.clone()), None, &mut answer);
            }
        }
        answer
    }

    fn encoding_of(self, beginning: &[u8], limits: Limits) -> Encoding {
        let mut decoder = self.decoder(limits);
        decoder.feed(beginning);
        match decoder.next() {
            Ok(Some(Inbound::Switch(encoding))) => encoding,
            Ok(Some(Inbound::Crlf)) => self.first_encoding().with_crlf(),
            _ => self.first_encoding(),
        }
    }

    /// A decoder for one session.
    #[must_use]
    pub fn decoder(self, limits: Limits) -> Box<dyn Decode> {
        match self {
            Self::Text => Box::new(TextDecoder::new(limits)),
            Self::Relay => Box::new(RelayDecoder::new()),
            Self::Json(fixed) => Box::new(JsonDecoder::new(limits, fixed)),
            Self::Frame => Box::new(FrameDecoder::new(limits)),
        }
    }
}

impl fmt::Display for Wire {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

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
        }
    }
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

    /// Whether the input so far ends within something that has to be finished in time.
    fn is_midway(&self) -> bool {
        false
    }

    /// Whether the input ends within an object as text. A person may type one by hand.
    fn is_open(&self) -> bool {
        false
    }

    /// Refuses the object that is open, because its rest does not come. If the rest comes later, it is
    /// skipped.
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
    /// Whether it answers what telnet may ask as often as it likes (whether somebody is there, a timing
    /// mark); every other of its questions is answered once.
    #[must_use]
    pub fn answers_a_poll(&self) -> bool {
        match self {
            Self::Tell(Notice::StillHere) => true,
            Self::Answer(bytes) => bytes.ends_with(&[text::TIMING_MARK]),
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
