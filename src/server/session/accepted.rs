//! An accepted connection that has its slot, before its setup.

use std::sync::Arc;

use crate::protocol::SessionId;
use crate::wire::Wire;

use super::super::accept::admission::Slot;
use super::super::transport::Transport;

/// An accepted connection.
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
