//! The JSON object that programs send and receive, on the JSON door and in the frames of the chat.
//!
//! `Act` names the request or the event, `Data` is its text. Both come from goframe's gtcp, which matches
//! keys without regard to case and takes a missing `Data` as "". Events carry more keys, which those
//! clients ignore.

mod decoder;
mod event;
mod field;
mod framing;
mod heard;
mod request;
mod requests;
mod scan;

pub use decoder::JsonDecoder;
pub(super) use decoder::{encode, encode_custom};
pub(super) use event::{custom, object};
pub use framing::Framing;
pub(super) use heard::read_object;
pub(super) use request::{Request, read_for};
pub(super) use requests::Requests;
