//! Columns of the table of commands: the cost of a command, and what others hear of it.

/// The rate limit that a request takes from, and how many tokens.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Cost {
    /// Tokens of `--rate`: others hear the request, or the manager has to search for its answer.
    Lines(u32),
    /// Two tokens of `--rate`: its answer may be long.
    List,
    /// One token of `--request-rate`: its answer is short and comes back to the asker alone.
    Request,
}

impl Cost {
    /// The tokens of `--rate`; 0 if it takes none.
    #[must_use]
    pub fn lines(self) -> u32 {
        match self {
            Self::Lines(lines) => lines,
            Self::List => 2,
            Self::Request => 0,
        }
    }
}

/// The part of a command that other sessions hear. Backpressure and idle limits depend on it, and whether a
/// program takes part in the chat.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum OthersHear {
    /// Nothing: the answer comes back to the asker alone.
    Nothing,
    /// A line, in the asker's room. A session in no room enters the lobby with it.
    Line,
    /// A line, in a room that the asker need not be in.
    Visit,
    /// A private line, at one other session.
    PrivateLine,
    /// The asker's new name, in its room.
    Name,
    /// The new topic, in the asker's room.
    Topic,
    /// The asker's arrival, in the room that it goes to.
    Arrival,
    /// A last line, in the room that the asker leaves.
    LastLine,
}
