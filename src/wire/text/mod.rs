//! The text door's format, for people with telnet or nc: what they type, and what they see.
//!
//! | file | what it does |
//! |---|---|
//! | `decoder` | turns the bytes of a session into commands, with `lines`, `telnet` and `typed` |
//! | `encode` | writes notices as lines, with `wrap` and the files for long answers |
//! | `charset` | reads and writes lines in other character sets than UTF-8 |
//! | `heard` | reads those lines as a client does |

mod announcement;
mod charset;
mod decoder;
mod encode;
mod greeting;
mod heard;
mod help;
mod lines;
mod lists;
mod telnet;
mod typed;
mod typed_text;
mod wrap;
mod wrong_protocol;

pub use decoder::TextDecoder;
pub(super) use encode::{encode, encode_custom};
pub(super) use greeting::{FIRST_ADVICE, SAY_WITHIN};
pub(super) use heard::TextDoor;
pub(super) use typed::is_special;
pub use typed::typed_line;
pub use wrong_protocol::OtherDoors;
