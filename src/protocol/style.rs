//! What a session may change of how lines are written for it.

/// One change of the style of a session's lines.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum StyleChange {
    /// Lines end in CRLF from now on. A session asks for it by sending CRLF or a telnet command.
    Crlf,
    /// Whether the time stands before each line that is said (`/time`).
    Time(bool),
}
