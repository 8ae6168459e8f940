//! The settings that the hub needs.

use std::time::Duration;

use crate::protocol::IdleLimits;

/// The settings that the hub needs.
#[derive(Debug, Clone, Copy)]
pub struct HubSettings {
    /// Silence limits of a text session, for greetings and warnings. The reader times them, not the hub.
    pub idle: IdleLimits,
    /// A program that has neither joined a room nor said anything within this time is asked to leave;
    /// zero = never.
    pub join_grace: Duration,
    /// Most rooms at once, the lobby among them; at least 1.
    pub max_rooms: usize,
    /// Lines that each room keeps; 0 = none.
    pub history: usize,
    /// Lines of them that a session is shown when it comes in.
    pub history_shown: usize,
    /// `--classic`: a text session is told unasked only what the old chat room said, and each join and leave
    /// by itself.
    pub classic: bool,
}
