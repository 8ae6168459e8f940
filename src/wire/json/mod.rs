//! The JSON door's format, for programs: one object to a packet, in the framing that the peer uses.
//!
//! `Act` names the request or the event, `Data` is its text. Both come from goframe's gtcp, which matches
//! keys without regard to case and takes a missing `Data` as "". Events carry more keys, which those
//! clients ignore. The frame door carries the same objects.
//!
//! | file | what it does |
//! |---|---|
//! | `decoder` | splits a session's bytes into packets, with `framing` and `scan` |
//! | `request` | turns the object of a packet into a command, with `field` and `requests` |
//! | `object` | writes notices as objects; `event` has the keys of each, `act` the names and routes |
//! | `heard` | reads those objects as a client does |

mod act;
mod decoder;
mod event;
mod field;
mod framing;
mod heard;
mod object;
mod request;
mod requests;
mod scan;

pub(super) use act::NOTICE_ROUTE;
pub use decoder::JsonDecoder;
#[cfg(feature = "web")]
pub(super) use field::{Field, Text, text_of};
pub use framing::Framing;
pub(super) use heard::read_object;
#[cfg(test)]
pub(super) use object::counted;
pub(super) use object::{Object, custom};
#[cfg(feature = "web")]
pub(super) use request::read;
pub(super) use request::{Request, read_for};
pub(super) use requests::Requests;

/// Appends the packet that a program is sent of a notice.
pub(super) fn encode(object: &mut Object<'_>, tag: Option<&str>, framing: Framing, out: &mut Vec<u8>) {
    if let Some((_, object)) = object.get(tag, framing.longest()) {
        framing.put(&object, out);
    }
}

/// Appends a packet of a handler's own.
pub(super) fn encode_custom(act: &str, data: &str, tag: Option<&str>, framing: Framing, out: &mut Vec<u8>) {
    framing.put(&custom(act, data, tag, framing.longest()), out);
}
