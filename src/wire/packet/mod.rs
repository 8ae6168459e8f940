//! The JSON object that programs send and receive, on the JSON door and in the frames of the chat.
//!
//! `Act` says what it is about, `Data` is the text of it; both come from goframe's gtcp, where keys
//! are matched without regard to case and a missing `Data` is "". Events carry more keys, which
//! those clients ignore.

mod event;
mod field;
mod lines;
mod request;

pub(super) use event::{custom, object};
pub(super) use lines::Requests;
pub(super) use request::{Request, read, read_for, refuse_open};
