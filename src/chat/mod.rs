//! The rules of the chat.
//!
//! [`Hub`] knows which sessions are present, their names, their rooms, and what follows from a request. State in,
//! effects out: it decides, and the [`Effect`]s are performed by the server. Time is an argument. No byte of
//! any wire format, no socket and no slot of the server is known here: a session is its
//! [`SessionId`](crate::protocol::SessionId).
//!
//! ```text
//! hub                                        comes in, asks, leaves; finds the function of a command
//!   moving · talk · visit · presence · room_info · preferences    one function for each command
//!   post · listening                         requests of the HTTP door, which are no members
//!   heard                                    which sessions would hear of a command
//!     turn                                   one request, with all that a command needs
//!       state    people, rooms, history: the same on every server, serializable
//!       local    join summaries, deadlines, filters, echo: how this server presents it to its sessions
//! ```

#![deny(clippy::indexing_slicing)]

mod bucket;
mod deadlines;
mod effect;
mod filter;
mod heard;
mod history;
mod hub;
mod join_summary;
mod listening;
mod local;
mod moving;
mod names;
mod people;
mod person;
mod post;
mod preferences;
mod presence;
mod room;
mod room_info;
mod rooms;
mod settings;
mod state;
mod talk;
mod turn;
mod visit;
mod visitors;
mod writers;

#[cfg(test)]
mod round_trip;
#[cfg(test)]
mod work;

pub use bucket::Bucket;
pub use effect::{Effect, Now};
pub use filter::Filter;
pub use heard::Heard;
#[cfg(test)]
pub(crate) use history::{HISTORY_LINE, MAX_BYTES as MAX_HISTORY_BYTES};
pub use hub::{Arrival, Entry, Hub};
pub use post::Post;
#[cfg(test)]
pub(crate) use presence::MAX_AWAY;
pub use room::RoomIndex;
pub use settings::HubSettings;
#[cfg(test)]
pub(crate) use talk::MAX_TOPIC;
