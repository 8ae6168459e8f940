//! Changes that a session may ask for in how its lines are written.

use std::borrow::Cow;

use super::{Charset, Verb};

/// One change of the style of a session's lines. Each has a command.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum StyleChange {
    /// Whether the time stands before each line that is said (`/time`).
    Time(bool),
    /// Whether the speaker's address stands before the name (`/address`).
    Address(bool),
    /// The character set in which its lines are read and written (`/charset`).
    Charset(Charset),
}

impl StyleChange {
    /// The command that asks for it.
    #[must_use]
    pub fn verb(self) -> Verb {
        match self {
            Self::Time(_) => Verb::Time,
            Self::Address(_) => Verb::Address,
            Self::Charset(_) => Verb::Charset,
        }
    }

    /// The answer to that command.
    #[must_use]
    pub fn text(self) -> Cow<'static, str> {
        match self {
            Self::Time(true) => "The time (UTC) stands before what is said".into(),
            Self::Time(false) => "Lines have no time before them".into(),
            Self::Address(true) => "The address stands before each name".into(),
            Self::Address(false) => "Lines begin with the name, without an address".into(),
            Self::Charset(charset) => format!("Lines are read and written in {}", charset.name()).into(),
        }
    }
}
