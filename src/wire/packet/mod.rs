//! The JSON object that programs send and receive, on the JSON door and in the frames of the chat.
//!
//! `Act` names the request or the event, `Data` is its text. Both come from goframe's gtcp, which matches
//! keys without regard to case and takes a missing `Data` as "". Events carry more keys, which those
//! clients ignore.

mod event;
mod field;
mod lines;
mod request;

pub(super) use event::{custom, object};
pub(super) use lines::Requests;
pub(super) use request::{Request, read, read_for, refuse_open};
