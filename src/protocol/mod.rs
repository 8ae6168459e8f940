//! The values that a chat consists of: commands, notices, refusals, names, lines.
//!
//! `wire` turns bytes into these values and back; `chat` decides what follows from them. Neither imports the
//! other, both import this. Nothing here touches a socket, a thread, a channel or a clock.
//!
//! | file | what it holds |
//! |---|---|
//! | `table`, `command`, `columns`, `arguments`, `lookup` | commands and their table; what follows from a row; how a typed word finds it |
//! | `notice`, `refusal`, `malformed`, `close`, `code`, `style` | what a session is told, and why it is refused or ended |
//! | `nick`, `room_name`, `reserved`, `name_chars`, `name_keys`, `skeleton` | names: which are valid, and which look alike |
//! | `body`, `clean`, `line` | what people say, cleaned |
//! | `speaker`, `presence`, `snowflake`, `mask`, `by_id` | a session as others see it: id, name, address |
//! | `serial` | how these values are written to storage and read back |

#![deny(clippy::indexing_slicing)]

mod arguments;
mod body;
mod by_id;
mod charset;
mod clean;
mod close;
mod code;
mod columns;
mod command;
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

pub use arguments::{Switch, VisitTo, Words};
pub use body::Body;
pub use by_id::{ById, IdHasher};
pub use charset::Charset;
pub use clean::clean;
pub(crate) use clean::shortened;
pub use close::{CloseKind, CloseReason};
pub use code::Code;
pub use columns::{Cost, OthersHear};
pub use idle_limits::IdleLimits;
pub(crate) use idle_limits::QUIET_FOR;
pub use line::Line;
pub use malformed::{BadFrame, Malformed};
pub use mask::{Masks, is_mask};
pub use name_chars::{MAX_NICK_BYTES, MAX_NICK_CHARS};
pub use name_keys::NameKeys;
pub use nick::Nick;
pub use notice::Notice;
pub use presence::{Away, Presence, RoomInfo};
pub use refusal::{Refusal, Resource};
pub use room_name::{BadRoomName, RoomName};
pub(crate) use serial::serializable;
#[cfg(test)]
pub(crate) use skeleton::counted;
pub use snowflake::Snowflakes;
pub(crate) use span::{Age, Clock, Setting};
pub use speaker::{SessionId, Speaker};
pub use style::StyleChange;
pub use table::{COMMANDS, Command, CommandSpec, Verb, find_command};
