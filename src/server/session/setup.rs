//! The setup of an accepted connection, before it becomes a session: on its reader thread.

use std::time::{Duration, Instant};

use log::debug;

use crate::chat::Entry;
#[cfg(feature = "web")]
use crate::protocol::CloseReason;
use crate::wire::Wire;

use super::super::context::Context;
use super::super::profile::Profile;
use super::accepted::Accepted;
use super::input::Input;
#[cfg(feature = "web")]
use super::web::{self, Served};

/// A client of another protocol at a text door sends its first bytes at once. The greeting waits this long for
/// them; a person does not notice it.
const FIRST_BYTES: Duration = Duration::from_millis(10);

/// A connection ends when its peer has not acknowledged bytes for this time, or for twice `--write-timeout` if
/// that is longer. The writer deals with a peer that acknowledges and does not read.
const USER_TIMEOUT: Duration = Duration::from_secs(30);

/// The outcome of a connection's setup.
pub(super) enum SetUp {
    /// A session: its wire format, where it is at first, and what it has sent so far.
    Session { wire: Wire, entry: Entry, input: Input },
    /// It is over, and closed. The manager never hears of it.
    #[cfg(feature = "web")]
    Over(CloseReason),
}

/// Sets up a connection.
pub(super) fn set_up(accepted: &Accepted, context: &Context) -> SetUp {
    let until = Instant::now() + FIRST_BYTES;
    let wire = accepted.wire;
    let (stream, profile) = (&accepted.transport.stream, Profile::of(wire));
    let user_timeout = USER_TIMEOUT.max(context.config.write_timeout * 2);
    // A refused option does not end the session. If the connection is gone, the first read reports that.
    for error in stream.tune(user_timeout, profile.urgent_inline) {
        debug!("session {}: a socket option was not set: {error}", accepted.id);
    }
    #[cfg(feature = "web")]
    if profile.takes_requests {
        return match web::serve(accepted, context) {
            Served::Session { web, entry, rest } => {
                let wire = Wire::Web(web);
                let entry = entry.unwrap_or_else(|| Profile::of(wire).entry.clone());
                SetUp::Session { wire, entry, input: Input::begun(wire, context.config.limits(), &rest) }
            }
            Served::Over(reason) => SetUp::Over(reason),
        };
    }
    let mut input = Input::new(wire, context.config.limits());
    let left = until.saturating_duration_since(Instant::now());
    if profile.sniffs && stream.wait_for_input(Some(left)).is_ok_and(|has_input| has_input) {
        let _ = input.read(stream, false); // the next read reports the error again
    }
    SetUp::Session { wire, entry: profile.entry.clone(), input }
}
