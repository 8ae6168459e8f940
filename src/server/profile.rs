//! The differences between the doors: one row for each wire format.
//!
//! Outside of `wire/` and the configuration, no other file asks which wire format a session speaks.

use std::time::Duration;

use crate::chat::Entry;
use crate::metrics::Scheme;
#[cfg(feature = "web")]
use crate::protocol::BadFrame;
use crate::protocol::Malformed;
#[cfg(feature = "web")]
use crate::wire::web::{COMMENT, Feed, PING, Web};
use crate::wire::{HEARTBEAT, Wire};

/// Proxies and address translators drop a connection on which nothing has come for 60 s, as nginx does by default.
/// Something is sent twice in that time.
#[cfg(feature = "web")]
const KEEPS_PROXIES_OPEN: Duration = Duration::from_secs(30);

/// How the server treats the sessions of one wire format.
#[derive(Debug)]
pub(super) struct Profile {
    /// The scheme by which the metrics count it.
    pub(super) scheme: Scheme,
    /// Where a session is until it joins a room.
    pub(super) entry: Entry,
    /// The name of a session that has not taken one.
    pub(super) first_name: FirstName,
    /// Whether silence is timed: a warning, then the end.
    pub(super) idles: bool,
    /// The heartbeat that a session is sent.
    pub(super) heartbeat: Option<Heartbeat>,
    /// Whether the first bytes are waited for before the greeting, since they may be another protocol's.
    pub(super) sniffs: bool,
    /// Whether urgent bytes stay in the stream. Telnet marks its interrupts as urgent.
    pub(super) urgent_inline: bool,
    /// Whether `--max-silent` counts a session that has sent nothing. At these doors a session that only
    /// listens cannot be told from one that never speaks.
    pub(super) counts_silent: bool,
    /// Whether a session is sent what it did not ask for, before it takes part in the chat. tnet's client
    /// takes any frame for the answer to its request.
    pub(super) unsolicited: bool,
    /// Whether the first packet shows how to answer: notices wait for it.
    pub(super) learns_framing: bool,
    /// Whether clients repeat their last line without end (GoChat's, when its input ends). Repeated lines
    /// over the allowance are dropped, and all that waits when the peer has ended its input.
    pub(super) repeats: bool,
    /// Why a session ends whose last item stays unfinished.
    pub(super) unfinished: Malformed,
    /// Whether a connection begins with requests, which its setup answers.
    pub(super) takes_requests: bool,
    /// The name of the door in the answer to a program at another door.
    pub(super) label: Option<&'static str>,
}

/// The bytes that keep a connection in use, sent while nothing is pending for a session.
#[derive(Debug)]
pub(super) struct Heartbeat {
    /// In the session's encoding.
    pub(super) bytes: &'static [u8],
    /// The time between two of them.
    pub(super) every: Every,
}

/// The time between two heartbeats.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Every {
    /// As `--heartbeat` says.
    Setting,
    /// Always this.
    #[cfg_attr(not(feature = "web"), expect(dead_code, reason = "only the HTTP door has such a heartbeat"))]
    Fixed(Duration),
}

/// The name of a session that has not taken one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum FirstName {
    /// Its address, as others see it.
    Address,
    /// Its id.
    Id,
}

impl Profile {
    /// The row of a wire format.
    pub(super) fn of(wire: Wire) -> &'static Self {
        match wire {
            Wire::Text => &TEXT,
            Wire::Relay => &RELAY,
            Wire::Json(None) => &JSON,
            Wire::Json(Some(_)) => &JSON_FIXED,
            Wire::Frame => &FRAME,
            #[cfg(feature = "web")]
            Wire::Web(Web::Http) => &HTTP,
            #[cfg(feature = "web")]
            Wire::Web(Web::Socket) => &SOCKET,
            #[cfg(feature = "web")]
            Wire::Web(Web::Stream(Feed::Sse)) => &EVENTS,
            #[cfg(feature = "web")]
            Wire::Web(Web::Stream(Feed::Raw | Feed::Json)) => &STREAM,
        }
    }

    /// Whether a session is in a room, and in lists, before it asks for that.
    pub(super) fn enters_lobby(&self) -> bool {
        matches!(self.entry, Entry::Lobby)
    }
}

const TEXT: Profile = Profile {
    scheme: Scheme::Text,
    entry: Entry::Lobby,
    first_name: FirstName::Address,
    idles: true,
    heartbeat: None,
    sniffs: true,
    urgent_inline: true,
    counts_silent: false,
    unsolicited: true,
    learns_framing: false,
    repeats: false,
    takes_requests: false,
    unfinished: Malformed::UnfinishedPacket, // a line may take any time
    label: None,
};

const RELAY: Profile = Profile {
    scheme: Scheme::Relay,
    first_name: FirstName::Id,
    idles: false,
    sniffs: false,
    urgent_inline: false,
    repeats: true,
    label: Some("Relay"),
    ..TEXT
};

const JSON: Profile = Profile {
    scheme: Scheme::Json,
    entry: Entry::Nowhere { timed: true },
    first_name: FirstName::Id,
    idles: false,
    heartbeat: None,
    sniffs: false,
    urgent_inline: false,
    counts_silent: true,
    unsolicited: true,
    learns_framing: true,
    repeats: false,
    takes_requests: false,
    unfinished: Malformed::UnfinishedPacket,
    label: Some("JSON"),
};

const JSON_FIXED: Profile = Profile { learns_framing: false, ..JSON };

const FRAME: Profile = Profile {
    scheme: Scheme::Frame,
    entry: Entry::Nowhere { timed: false },
    heartbeat: Some(Heartbeat { bytes: &HEARTBEAT, every: Every::Setting }),
    unsolicited: false,
    unfinished: Malformed::UnfinishedFrame,
    label: Some("Frames"),
    ..JSON_FIXED
};

#[cfg(feature = "web")]
const HTTP: Profile = Profile { takes_requests: true, heartbeat: None, ..SOCKET };

#[cfg(feature = "web")]
const SOCKET: Profile = Profile {
    scheme: Scheme::Http,
    heartbeat: Some(Heartbeat { bytes: &PING, every: Every::Fixed(KEEPS_PROXIES_OPEN) }),
    unfinished: Malformed::WebSocket(BadFrame::Unfinished),
    label: None,
    ..JSON_FIXED
};

#[cfg(feature = "web")]
const STREAM: Profile =
    Profile { entry: Entry::Nowhere { timed: false }, heartbeat: None, counts_silent: false, ..SOCKET };

#[cfg(feature = "web")]
const EVENTS: Profile =
    Profile { heartbeat: Some(Heartbeat { bytes: COMMENT, every: Every::Fixed(KEEPS_PROXIES_OPEN) }), ..STREAM };

#[cfg(test)]
mod tests {
    use super::*;
    use crate::wire::Framing;

    #[test]
    fn fixed_framing_needs_no_first_packet() {
        assert!(Profile::of(Wire::Json(None)).learns_framing);
        assert!(!Profile::of(Wire::Json(Some(Framing::Gf2))).learns_framing);
    }
}
