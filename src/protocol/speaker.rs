//! Sessions as others see them: the id, the address and the name.

use std::fmt;
use std::hash::{DefaultHasher, Hash, Hasher};
use std::sync::Arc;

/// A session's id: a snowflake (see [`Snowflakes`](super::Snowflakes)), unique and rising.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct SessionId(pub u64);

/// The lowest number of a visit's name: one bit above the 63 of a snowflake.
const FIRST_VISITOR: u64 = 1 << 63;

impl SessionId {
    /// The number of a visit's name, computed from its [`NameKeys::folded`](super::NameKeys). Every visit under
    /// the name has the same number, and no session's id equals it.
    #[must_use]
    pub fn of_visitor(folded: &str) -> Self {
        let mut hasher = DefaultHasher::new();
        folded.hash(&mut hasher);
        Self(hasher.finish() | FIRST_VISITOR)
    }

    /// Whether this is the number of a visit's name.
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

/// The speaker of a line, as others see it. One allocation, shared by all lines of that person.
#[derive(Debug, PartialEq, Eq)]
pub struct Speaker {
    /// The session's id.
    pub id: SessionId,
    /// The session's address as others see it, such as `127.0.0.1:5123`, or its mask (see
    /// [`Masks`](super::Masks)). An IPv4 address is never in its IPv6 form.
    pub address: Arc<str>,
    /// Its nick or first name: the address on the text door, the id on the others.
    pub name: Arc<str>,
    /// The number of the name, for a visit: `/ignore` goes by it too.
    pub visitor: Option<SessionId>,
}
