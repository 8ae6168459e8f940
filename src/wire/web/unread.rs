//! Discards the input of a stream's client.

use super::super::{Decode, Inbound, WireError};

/// Ignores all input.
#[derive(Debug)]
pub(super) struct Unread;

impl Decode for Unread {
    fn feed(&mut self, _bytes: &[u8]) {}

    fn end(&mut self) {}

    fn next(&mut self) -> Result<Option<Inbound>, WireError> {
        Ok(None)
    }
}
