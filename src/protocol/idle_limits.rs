//! The idle limits of a text session.

use std::time::Duration;

/// The beginning of what is said about an idle limit. Clients with a keep-alive do not show it.
pub(crate) const QUIET_FOR: &str = "Quiet for ";

/// The idle limits of a text session; zero = none.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct IdleLimits {
    /// The limit until the session has said a line or taken a name.
    pub at_first: Duration,
    /// The limit after that.
    pub later: Duration,
}

impl IdleLimits {
    /// The same limit for every session.
    #[must_use]
    pub const fn same(limit: Duration) -> Self {
        Self { at_first: limit, later: limit }
    }
}
