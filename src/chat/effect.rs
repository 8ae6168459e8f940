//! Effects: the results of a call of the hub, for the server to perform. And the moment of the call.

use std::time::Duration;

use crate::protocol::{CloseReason, Notice, SessionId, StyleChange};

use super::filter::Filter;
use super::room::RoomIndex;

/// The moment of a call.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Now {
    /// Since any fixed moment, the same for all calls; never steps back.
    pub up: Duration,
    /// Unix milliseconds, for people and programs to read; may step.
    pub unix_ms: u64,
}

/// One thing to be done. The effects of one call are to be performed in their order.
#[derive(Debug, PartialEq, Eq)]
pub enum Effect {
    /// From now on this session hears the room. It may hear others already.
    Enter(RoomIndex, SessionId),
    /// From now on it does not hear this room.
    Exit(RoomIndex, SessionId),
    /// Tell one session.
    Tell(SessionId, Notice),
    /// Tell all members of a room, except one.
    Room {
        /// The room.
        room: RoomIndex,
        /// The notice.
        notice: Notice,
        /// The member that is not told.
        except: Option<SessionId>,
    },
    /// From now on this session does not see some of what its rooms hear.
    Filter(SessionId, Filter),
    /// From now on lines for this session are written with this change.
    Style(SessionId, StyleChange),
    /// End the session, after everything told to it before has been delivered.
    HangUp(SessionId, CloseReason),
}
