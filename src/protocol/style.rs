//! What a session may change of how lines are written for it.

/// One change of the style of a session's lines. Each has a command.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum StyleChange {
    /// Whether the time stands before each line that is said (`/time`).
    Time(bool),
    /// Whether the speaker's address stands before the name (`/address`).
    Address(bool),
}
