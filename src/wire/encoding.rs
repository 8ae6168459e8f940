//! How notices are written for one session: the wire format and, for people, the style of the lines.

use super::rendering::Rendering;
use super::{Framing, Key, frame, json, text};
use crate::protocol::{Charset, Notice, StyleChange, clean};

/// A wire format as one session receives it. Sessions with the same encoding share their bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Encoding {
    /// Lines for people.
    Text(Style),
    /// Lines for GoChat's client.
    Relay,
    /// Frames.
    Frame,
    /// JSON packets.
    Json(Framing),
}

/// How lines for people are written. Each field is something that a session may have in its own way.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Style {
    /// Lines end in CRLF, not in LF: for a session that has sent CRLF or a telnet command.
    pub crlf: bool,
    /// The time stands before each line that is said (`/time on`).
    pub time: bool,
    /// The speaker's address stands before the name: `[ADDR]NAME: text` (`/address off`: `NAME: text`).
    pub address: bool,
    /// The character set in which lines are written (`/charset`).
    pub charset: Charset,
    /// The server says nothing unasked but what the old chat room said (`--classic`).
    pub classic: bool,
}

impl Style {
    /// The style of a session that has not changed anything.
    pub const PLAIN: Self = Self { crlf: false, time: false, address: true, charset: Charset::UTF_8, classic: false };

    /// The end of a line.
    pub(super) fn eol(self) -> &'static str {
        if self.crlf { "\r\n" } else { "\n" }
    }

    fn with(self, change: StyleChange) -> Self {
        match change {
            StyleChange::Time(time) => Self { time, ..self },
            StyleChange::Address(address) => Self { address, ..self },
            StyleChange::Charset(charset) => Self { charset, ..self },
        }
    }
}

impl Encoding {
    /// The same encoding with one change of its style. Formats for programs have no style.
    #[must_use]
    pub fn with(self, change: StyleChange) -> Self {
        match self {
            Self::Text(style) => Self::Text(style.with(change)),
            other => other,
        }
    }

    /// The same encoding with lines that end in CRLF. Formats for programs have no such variant.
    #[must_use]
    pub fn with_crlf(self) -> Self {
        match self {
            Self::Text(style) => Self::Text(Style { crlf: true, ..style }),
            other => other,
        }
    }

    /// The same encoding with or without `--classic`. Formats for programs have no such variant.
    #[must_use]
    pub fn with_classic(self, classic: bool) -> Self {
        match self {
            Self::Text(style) => Self::Text(Style { classic, ..style }),
            other => other,
        }
    }

    /// Appends `notice` to `out`, marked with the request that it answers, if any. Appends nothing if
    /// the format has no words for it.
    pub fn encode(self, notice: &Notice, tag: Option<&str>, out: &mut Vec<u8>) {
        Rendering::new(notice).append(self, tag, out);
    }

    /// Appends a handler's answer to a request for `key`: a frame of that route, a packet of that
    /// act, or, where there are no such things, a line. What does not fit is cut.
    pub fn encode_custom(self, key: &Key, data: &[u8], tag: Option<&str>, out: &mut Vec<u8>) {
        let words = || clean(data).into_owned();
        match (self, key) {
            (Self::Frame, Key::Route(route)) => frame::put(*route, data, out),
            (Self::Frame, Key::Act(act)) => {
                frame::put(frame::NOTICE_ROUTE, &json::custom(act, &words(), tag, usize::MAX), out);
            }
            (Self::Json(framing), Key::Act(act)) => json::encode_custom(act, &words(), tag, framing, out),
            (Self::Json(framing), Key::Route(route)) => {
                json::encode_custom(&route.to_string(), &words(), tag, framing, out);
            }
            (Self::Relay, _) => out.extend_from_slice(format!("{}\r\n", words()).as_bytes()),
            (Self::Text(style), _) => text::encode_custom(&words(), style, out),
        }
    }

    /// Whether a session in this format receives its own lines, unless it says otherwise.
    #[must_use]
    pub fn echoes(self) -> bool {
        self != Self::Relay
    }
}
