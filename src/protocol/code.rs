//! The stable codes of errors and notices, for programs.

/// The subject of an error or a notice, for programs (`Code` in the JSON door's objects). The names never change.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Code {
    /// Another person has the name, or one that looks like it.
    Taken,
    /// The name is reserved.
    Reserved,
    /// The text is not a name.
    BadName,
    /// No such person.
    Nobody,
    /// No such room, or another one than the asker's.
    NoRoom,
    /// A line, packet or object is too long.
    TooLong,
    /// The session is over its rate limit.
    Flood,
    /// A limit on sessions or rooms is reached.
    Full,
    /// The request is not written as it should be.
    Usage,
    /// No such command.
    Unknown,
    /// The receiver of a private line is away.
    Away,
}

impl Code {
    /// Its name, which never changes.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Taken => "taken",
            Self::Reserved => "reserved",
            Self::BadName => "badname",
            Self::Nobody => "nobody",
            Self::NoRoom => "noroom",
            Self::TooLong => "toolong",
            Self::Flood => "flood",
            Self::Full => "full",
            Self::Usage => "usage",
            Self::Unknown => "unknown",
            Self::Away => "away",
        }
    }
}
