//! Changes that a session may ask for in how its lines are written.

use super::Verb;

/// One change of the style of a session's lines. Each has a command.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum StyleChange {
    /// Whether the time stands before each line that is said (`/time`).
    Time(bool),
    /// Whether the speaker's address stands before the name (`/address`).
    Address(bool),
}

impl StyleChange {
    /// The command that asks for it.
    #[must_use]
    pub fn verb(self) -> Verb {
        match self {
            Self::Time(_) => Verb::Time,
            Self::Address(_) => Verb::Address,
        }
    }

    /// The answer to that command.
    #[must_use]
    pub fn text(self) -> &'static str {
        match self {
            Self::Time(true) => "The time (UTC) stands before what is said",
            Self::Time(false) => "Lines have no time before them",
            Self::Address(true) => "The address stands before each name",
            Self::Address(false) => "Lines begin with the name, without an address",
        }
    }
}
