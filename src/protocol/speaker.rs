//! Sessions as others see them: the id, the address and the name.

use std::fmt;
use std::hash::{DefaultHasher, Hash, Hasher};
use std::sync::Arc;

/// A session's id: a snowflake (see [`Snowflakes`](super::Snowflakes)), unique and rising.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct SessionId(pub u64);

/// The lowest number of a visitor's name: one bit above the 63 of a snowflake.
const FIRST_VISITOR: u64 = 1 << 63;

impl SessionId {
    /// The number of a name that a visit bears, by its [`NameKeys::folded`](super::NameKeys). It is the
    /// same from visit to visit, and no session's id.
    #[must_use]
    pub fn of_visitor(folded: &str) -> Self {
        let mut hasher = DefaultHasher::new();
        folded.hash(&mut hasher);
        Self(hasher.finish() | FIRST_VISITOR)
    }

    /// Whether this is the number of a visitor's name.
    #[must_use]
    pub fn is_visitor(self) -> bool {
        self.0 >= FIRST_VISITOR
    }
}

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
    /// For a visit, the number of the name: `/ignore` goes by it too.
    pub visitor: Option<SessionId>,
}
