//! The setup of an accepted connection, before it becomes a session: on its reader thread.
//!
//! One deadline bounds all of it.

use std::sync::Arc;
use std::time::{Duration, Instant};

use log::debug;

use crate::protocol::SessionId;
use crate::wire::Wire;

use super::super::accept::admission::Slot;
use super::super::context::Context;
use super::super::profile::Profile;
use super::super::transport::Transport;
use super::input::Input;

/// A client of another protocol at a text door sends its first bytes at once. The greeting waits this long for
/// them; a person does not notice it.
const FIRST_BYTES: Duration = Duration::from_millis(10);

/// A connection ends when its peer has not acknowledged bytes for this time, or for twice `--write-timeout` if
/// that is longer. The writer deals with a peer that acknowledges and does not read.
const USER_TIMEOUT: Duration = Duration::from_secs(30);

/// An accepted connection that has its slot.
#[derive(Debug)]
pub(in super::super) struct Accepted {
    pub(in super::super) id: SessionId,
    pub(in super::super) wire: Wire,
    pub(in super::super) transport: Arc<Transport>,
    pub(in super::super) slot: Slot,
    /// The peer's address.
    pub(in super::super) address: Arc<str>,
    /// The address as others see it.
    pub(in super::super) shown: Arc<str>,
    /// The address that the peer has reached.
    pub(in super::super) door: Arc<str>,
}

/// Sets up a connection; returns what came as first bytes, if the door waits for any.
pub(super) fn set_up(accepted: &Accepted, context: &Context) -> Input {
    let until = Instant::now() + FIRST_BYTES;
    let profile = Profile::of(accepted.wire);
    let user_timeout = USER_TIMEOUT.max(context.config.write_timeout * 2);
    // A refused option does not end the session. If the connection is gone, the first read reports that.
    for error in accepted.transport.stream.tune(user_timeout, profile.urgent_inline) {
        debug!("session {}: a socket option was not set: {error}", accepted.id);
    }
    let mut input = Input::new(accepted.wire, context.config.limits());
    let left = until.saturating_duration_since(Instant::now());
    if profile.sniffs && accepted.transport.stream.wait_for_input(Some(left)).is_ok_and(|has_input| has_input) {
        let _ = input.read(&accepted.transport.stream, false); // the next read reports the error again
    }
    input
}
