//! Sessions as others see them: the id, the address and the name.

use std::fmt;
use std::sync::Arc;

/// A session's id: a snowflake (see [`Snowflakes`](super::Snowflakes)), unique and rising.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct SessionId(pub u64);

impl fmt::Display for SessionId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// Who a line is from, as others see it. One allocation, shared by every line of that person.
#[derive(Debug, PartialEq, Eq)]
pub struct Speaker {
    /// The session.
    pub id: SessionId,
    /// Its address as others see it, `127.0.0.1:5123`, an IPv4 peer never in its IPv6 form; or what
    /// masks it (see [`Masks`](super::Masks)).
    pub address: Arc<str>,
    /// Its nick, or its first name: the address on the text door, the id on the others.
    pub name: Arc<str>,
}
