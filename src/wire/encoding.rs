//! How notices are written for one session: the wire format and its style.

use super::{Framing, Key, frame, json, relay, text};
use crate::protocol::{Notice, clean};

/// A wire format as one session receives it. Sessions with the same encoding share their bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Encoding {
    /// Text, lines end in LF.
    TextLf,
    /// Text, lines end in CRLF: for those who sent CRLF or speak telnet.
    TextCrlf,
    /// As `TextLf`, with the time before what is said.
    TextLfTime,
    /// As `TextCrlf`, with the time before what is said.
    TextCrlfTime,
    /// As `TextLf`, with nothing unasked but what the old chat room said (`--classic`).
    ClassicLf,
    /// As `TextCrlf`, with nothing unasked but what the old chat room said.
    ClassicCrlf,
    /// As `TextLfTime`, with nothing unasked but what the old chat room said.
    ClassicLfTime,
    /// As `TextCrlfTime`, with nothing unasked but what the old chat room said.
    ClassicCrlfTime,
    /// Relay.
    Relay,
    /// Frames.
    Frame,
    /// JSON packets.
    Json(Framing),
}

/// The style of lines for people.
#[derive(Debug, Clone, Copy)]
pub(super) struct Style {
    /// Whether they end in CRLF, not in LF.
    pub(super) crlf: bool,
    /// Whether the time stands before each line of speech.
    pub(super) time: bool,
    /// Whether nothing is said unasked but what the old chat room said.
    pub(super) classic: bool,
}

impl Style {
    pub(super) fn eol(self) -> &'static str {
        if self.crlf { "\r\n" } else { "\n" }
    }
}

impl Encoding {
    /// How many there are; [`Encoding::index`] is below it.
    pub const COUNT: usize = 16;
    /// Every encoding, in the order of [`Encoding::index`].
    pub const ALL: [Self; Self::COUNT] = [
        Self::TextLf,
        Self::TextCrlf,
        Self::TextLfTime,
        Self::TextCrlfTime,
        Self::ClassicLf,
        Self::ClassicCrlf,
        Self::ClassicLfTime,
        Self::ClassicCrlfTime,
        Self::Relay,
        Self::Frame,
        Self::Json(Framing::Gf1),
        Self::Json(Framing::Gf2),
        Self::Json(Framing::Gf3),
        Self::Json(Framing::Gf4),
        Self::Json(Framing::Gf7),
        Self::Json(Framing::Lines),
    ];

    /// Its number, for tables by encoding.
    #[must_use]
    pub fn index(self) -> usize {
        match self {
            Self::TextLf => 0,
            Self::TextCrlf => 1,
            Self::TextLfTime => 2,
            Self::TextCrlfTime => 3,
            Self::ClassicLf => 4,
            Self::ClassicCrlf => 5,
            Self::ClassicLfTime => 6,
            Self::ClassicCrlfTime => 7,
            Self::Relay => 8,
            Self::Frame => 9,
            Self::Json(framing) => 10 + framing as usize,
        }
    }

    /// The style of lines for people in this encoding; `None` for other formats.
    fn style(self) -> Option<Style> {
        let (crlf, time, classic) = match self {
            Self::TextLf => (false, false, false),
            Self::TextCrlf => (true, false, false),
            Self::TextLfTime => (false, true, false),
            Self::TextCrlfTime => (true, true, false),
            Self::ClassicLf => (false, false, true),
            Self::ClassicCrlf => (true, false, true),
            Self::ClassicLfTime => (false, true, true),
            Self::ClassicCrlfTime => (true, true, true),
            Self::Relay | Self::Frame | Self::Json(_) => return None,
        };
        Some(Style { crlf, time, classic })
    }

    fn of_style(style: Style) -> Self {
        match (style.classic, style.time, style.crlf) {
            (false, false, false) => Self::TextLf,
            (false, false, true) => Self::TextCrlf,
            (false, true, false) => Self::TextLfTime,
            (false, true, true) => Self::TextCrlfTime,
            (true, false, false) => Self::ClassicLf,
            (true, false, true) => Self::ClassicCrlf,
            (true, true, false) => Self::ClassicLfTime,
            (true, true, true) => Self::ClassicCrlfTime,
        }
    }

    /// Appends `notice` to `out`, marked with the request that it answers, if any. Nothing, where
    /// this format has no words for it.
    pub fn encode(self, notice: &Notice, tag: Option<&str>, out: &mut Vec<u8>) {
        if let Some(style) = self.style() {
            return text::encode(notice, style, out);
        }
        match self {
            Self::Relay => relay::encode(notice, out),
            Self::Frame => frame::encode(notice, tag, out),
            Self::Json(framing) => json::encode(notice, tag, framing, out),
            _ => {} // for people: done above
        }
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
            (people, _) => text::wrap("*** ", &words(), people.style().map_or("\n", Style::eol), out),
        }
    }

    /// The same with the time before what is said, or without; other formats have no such thing.
    #[must_use]
    pub fn with_time(self, time: bool) -> Self {
        self.style().map_or(self, |style| Self::of_style(Style { time, ..style }))
    }

    /// Whether the time stands before what is said.
    #[must_use]
    pub fn has_time(self) -> bool {
        self.style().is_some_and(|style| style.time)
    }

    /// The same encoding with or without `--classic`: nothing unasked but what the old chat room said. Formats
    /// other than text have no such variant.
    #[must_use]
    pub fn with_classic(self, classic: bool) -> Self {
        self.style().map_or(self, |style| Self::of_style(Style { classic, ..style }))
    }

    /// Whether a session in this format receives its own lines, unless it says otherwise.
    #[must_use]
    pub fn echoes(self) -> bool {
        !matches!(self, Self::Relay)
    }
}
