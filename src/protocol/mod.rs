//! The language: everything that can be said in Parlor, by whomever, through whichever door.
//!
//! These are closed vocabularies. `wire` turns bytes into them and back, `chat` decides what they
//! mean; neither knows the other, both know this. Nothing here touches a socket, a thread, a
//! channel or a clock.

#![deny(clippy::indexing_slicing)]

mod clean;
mod close;
mod command;
mod mask;
mod names;
mod notice;
mod refusal;
mod snowflake;

pub use clean::clean;
pub(crate) use clean::shortened;
pub use close::CloseReason;
pub use command::{COMMANDS, Command, CommandSpec, Cost, RENAME_COST, Switch, find_command};
pub use mask::{Masks, is_mask};
pub use names::{Body, MAX_NICK_BYTES, MAX_NICK_CHARS, NameKeys, Nick, RoomName, SessionId, Speaker};
pub use notice::{Away, Line, Notice, Presence, RoomInfo};
pub use refusal::Refusal;
pub use snowflake::Snowflakes;
