//! The HTTP door's format: requests, WebSocket, and streams.
//!
//! A connection begins with requests, which the connection setup answers. One of them may turn it into a
//! session: a WebSocket (the JSON door's objects, one in each text message) or a stream of a room.
//!
//! | file | what it does |
//! |---|---|
//! | `decoder`, `head`, `target`, `percent`, `request` | reads requests |
//! | `bad_request` | says what is wrong with one |
//! | `authority`, `origin` | refuses what pages of other origins ask for |
//! | `route`, `handshake`, `say` | finds what a request asks for |
//! | `webhook`, `mrkdwn` | reads what programs post that know Slack |
//! | `response` | writes answers |
//! | `format` | names what a connection is used for |
//! | `unread` | ignores what the client of a stream sends |
//! | `events` | writes server-sent events |
//! | `socket` | reads the frames of a WebSocket; `frames` writes them |

mod authority;
mod bad_request;
mod decoder;
mod events;
mod format;
mod frames;
mod handshake;
mod head;
mod mrkdwn;
mod origin;
mod percent;
mod request;
mod response;
mod route;
mod say;
mod socket;
mod target;
mod unread;
mod webhook;

use super::json::Object;
use super::{Decode, Encoding, Framing, Key, Limits, Style};
use crate::protocol::CloseReason;

use socket::WebSocketDecoder;
use unread::Unread;

pub use authority::Authority;
pub use bad_request::{BadRequest, MAX_BODY, MAX_HEAD};
pub use decoder::{Phase, RequestDecoder};
pub use events::COMMENT;
pub use format::{Feed, Web, WebEncoding};
pub use frames::PING;
pub use origin::{Origins, PublicName, WebOrigin};
pub use request::{Handshake, Method, Query, Request};
pub use response::{HTML, Response, Status, TEXT, put_continue, put_stream_head, put_switching};
pub use route::{Route, route};
pub use say::{Post, PostAnswer};

impl Web {
    /// The encoding of what a session receives.
    pub(super) fn first_encoding(self) -> Encoding {
        match self {
            Self::Http | Self::Stream(Feed::Json) => Encoding::Json(Framing::Lines),
            Self::Socket => Encoding::Web(WebEncoding::Socket),
            Self::Stream(Feed::Raw) => Encoding::Text(Style::PLAIN),
            Self::Stream(Feed::Sse) => Encoding::Web(WebEncoding::Sse),
        }
    }

    /// A decoder for one session. Requests have one of their own.
    pub(super) fn decoder(self, limits: Limits) -> Box<dyn Decode> {
        match self {
            Self::Socket => Box::new(WebSocketDecoder::new(limits)),
            Self::Http | Self::Stream(_) => Box::new(Unread),
        }
    }
}

impl WebEncoding {
    /// The last bytes of a session that ends for `reason`, if its format has any.
    pub(super) fn farewell(self, reason: &CloseReason) -> Option<Vec<u8>> {
        match self {
            Self::Socket => frames::close(reason),
            Self::Sse => None,
        }
    }

    /// Appends the object of a notice.
    pub(super) fn encode(self, object: &mut Object<'_>, tag: Option<&str>, out: &mut Vec<u8>) {
        let seq = object.seq();
        let Some((_, object)) = object.get(tag, usize::MAX) else { return };
        match self {
            Self::Socket => frames::put_text(&object, out),
            Self::Sse => events::put(&object, seq, out),
        }
    }

    /// Appends an object of a handler's own.
    pub(super) fn encode_custom(self, key: &Key, data: &str, tag: Option<&str>, out: &mut Vec<u8>) {
        let act = match key {
            Key::Act(act) => act.to_string(),
            Key::Route(route) => route.to_string(),
        };
        let object = super::json::custom(&act, data, tag, usize::MAX);
        match self {
            Self::Socket => frames::put_text(&object, out),
            Self::Sse => events::put(&object, None, out),
        }
    }
}
