//! The rules of the house, as a value that can be held in a test.
//!
//! [`Hub`] knows who is here, what they are called, in which room they are and what follows from
//! what they ask. It decides; what is to be done comes out as [`Effect`]s, which somebody else
//! performs. Time is an argument. No byte of any wire format is known here.

#![deny(clippy::indexing_slicing)]

mod bucket;
mod filter;
mod history;
mod hub;
mod names;
mod people;
mod room;
mod rooms;
mod talk;
mod visit;
mod writers;

#[cfg(test)]
mod work;

pub use bucket::Bucket;
pub use filter::Filter;
#[cfg(test)]
pub(crate) use filter::MAX_AWAY;
#[cfg(test)]
pub(crate) use history::{HISTORY_LINE, MAX_BYTES as MAX_HISTORY_BYTES};
pub use hub::{Arrival, Effect, Entry, Hub, HubSettings, Now};
pub use room::RoomIndex;
#[cfg(test)]
pub(crate) use rooms::MAX_TOPIC;
pub use talk::Heard;
