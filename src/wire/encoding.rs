//! How notices are written for one session: the wire format and, for people, the style of the lines.

use super::json::Framing;
#[cfg(feature = "web")]
use super::web::WebEncoding;
use crate::protocol::{Charset, CloseReason, StyleChange};

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
    /// Messages of a WebSocket, or server-sent events.
    #[cfg(feature = "web")]
    Web(WebEncoding),
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

    /// The bytes with which a session ends, after which nothing may be sent; `None` if its format has none.
    #[must_use]
    pub fn farewell(self, reason: &CloseReason) -> Option<Vec<u8>> {
        match (self, reason) {
            #[cfg(feature = "web")]
            (Self::Web(web), reason) => web.farewell(reason),
            _ => None,
        }
    }

    /// Whether a session in this format receives its own lines, unless it says otherwise.
    #[must_use]
    pub fn echoes(self) -> bool {
        self != Self::Relay
    }
}
