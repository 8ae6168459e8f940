//! The language: everything that can be said in Parlor, by whomever, through whichever door.
//!
//! These are closed vocabularies. `wire` turns bytes into them and back, `chat` decides what they
//! mean; neither knows the other, both know this. Nothing here touches a socket, a thread, a
//! channel or a clock.

#![deny(clippy::indexing_slicing)]

mod body;
mod clean;
mod close;
mod code;
mod command;
mod command_spec;
mod idle_limits;
mod line;
mod lookup;
mod malformed;
mod mask;
mod name_chars;
mod name_keys;
mod nick;
mod notice;
mod presence;
mod refusal;
mod reserved;
mod room_name;
mod serial;
mod skeleton;
mod snowflake;
mod span;
mod speaker;
mod style;
mod table;

pub use body::Body;
pub use clean::clean;
pub(crate) use clean::shortened;
pub use close::{CloseKind, CloseReason};
pub use code::Code;
pub use command::{Command, VisitTo, Words};
pub use command_spec::{CommandSpec, Cost, OthersHear, Switch};
pub use idle_limits::IdleLimits;
pub(crate) use idle_limits::QUIET_FOR;
pub use line::Line;
pub use lookup::find_command;
pub use malformed::Malformed;
pub use mask::{Masks, is_mask};
pub use name_chars::{MAX_NICK_BYTES, MAX_NICK_CHARS};
pub use name_keys::NameKeys;
pub use nick::Nick;
pub use notice::Notice;
pub use presence::{Away, Presence, RoomInfo};
pub use refusal::{Refusal, Resource};
pub use room_name::RoomName;
pub(crate) use serial::serializable;
#[cfg(test)]
pub(crate) use skeleton::counted;
pub use snowflake::Snowflakes;
pub(crate) use span::{Age, Clock, Setting};
pub use speaker::{SessionId, Speaker};
pub use style::StyleChange;
pub use table::{COMMANDS, Verb};
