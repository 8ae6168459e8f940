//! The bytes: how each door's clients write what they mean, and how they are answered.
//!
//! Codecs take slices and return values; "more is needed" is `None`, not an error. A decoder
//! belongs to one reader and keeps what is unfinished, so a read may end anywhere. An encoder
//! appends to a buffer, once per format, whatever the number of listeners.
//!
//! This folder knows no rule of the chat, and no socket.
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
//! has the other differences between sessions. Speech is `[ADDR]NAME: text`. All else begins with `* `,
//! `>>> `, `--- `, `*** ` or `!!! `, except the old chat room's answers (`user list:`, `rename ok`).
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
//!
//! **http**, for browsers, scripts and monitors (feature `web`). A connection begins with requests of
//! HTTP/1.1 or 1.0, one at a time. `GET /ws` turns it into a WebSocket (RFC 6455): the objects of the JSON
//! door, one in each text message. `GET /ROOM/raw`, `/json` and `/sse` turn it into a stream of the room.
//! `POST /ROOM` says the lines of its body. The module `web` has the rest.

#![deny(clippy::indexing_slicing)]

mod buffer;
mod client;
mod decode;
mod encoding;
mod format;
mod frame;
mod heard;
mod invisible;
mod json;
mod relay;
mod rendering;
mod request;
mod sniff;
mod text;
#[cfg(feature = "web")]
pub mod web;

use crate::protocol::{Notice, Refusal};

pub use client::HeardDecoder;
pub use decode::{Decode, Inbound, Key, Limits, WireError};
pub use encoding::{Encoding, Style};
pub use format::Wire;
pub use frame::{FrameDecoder, HEARTBEAT};
pub use heard::{Heard, Kind, Speech};
pub use json::{Framing, JsonDecoder};
pub use relay::RelayDecoder;
pub use rendering::Rendering;
pub use sniff::Protocol;
pub use text::{OtherDoors, TextDecoder, typed_line};

impl Wire {
    /// The encoding of answers at this door, until the session has shown another one.
    #[must_use]
    pub fn first_encoding(self) -> Encoding {
        match self {
            Self::Text => Encoding::Text(Style::PLAIN),
            Self::Relay => Encoding::Relay,
            Self::Json(fixed) => Encoding::Json(fixed.unwrap_or(Framing::Gf2)),
            Self::Frame => Encoding::Frame,
            #[cfg(feature = "web")]
            Self::Web(web) => web.first_encoding(),
        }
    }

    /// The answer to a caller that is not let in. `beginning` is what it has sent so far.
    #[must_use]
    pub fn refusal(self, beginning: &[u8], limits: Limits, refusal: &Refusal) -> Vec<u8> {
        let mut answer = Vec::new();
        match self {
            // GoChat's client shows lines, and notices have no form at its door.
            Self::Relay => answer.extend_from_slice(format!("!!! {refusal}\r\n").as_bytes()),
            #[cfg(feature = "web")]
            Self::Web(web::Web::Http) => web::Response::from(refusal).encode(false, false, &mut answer),
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
            #[cfg(feature = "web")]
            Self::Web(web) => web.decoder(limits),
        }
    }
}
