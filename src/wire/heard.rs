//! The events that a client hears: the same values from every wire format.

use super::text::{FIRST_ADVICE, SAY_WITHIN};
use crate::protocol::{CloseReason, QUIET_FOR};

/// One event. All texts are clean (see [`clean`](crate::protocol::clean)).
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Heard {
    /// A person said a line.
    Speech(Speech),
    /// A person joined the room.
    Came {
        /// The person.
        name: String,
    },
    /// A person left the room.
    Left {
        /// The person.
        name: String,
        /// Why, if the door tells it: `idle` for silence, else a stable name of the JSON door.
        why: Option<String>,
    },
    /// A person has another name now.
    Renamed {
        /// The earlier name.
        old: String,
        /// The present name.
        name: String,
    },
    /// The text door has admitted this client; holds its address there. The first event of that door.
    Here(String),
    /// This client has this name now.
    YouAre(String),
    /// One person of a list, and what the list says of them.
    Person {
        /// The person.
        name: String,
        /// `idle 3 s, here 12 min`, or an address.
        detail: String,
    },
    /// The list that was asked for is complete.
    EndOfList,
    /// A request of this client was refused.
    Refused {
        /// The stable code, if the door tells it.
        code: Option<String>,
        /// The words for people.
        text: String,
    },
    /// Information.
    Info(String),
    /// The server asks this client to leave.
    Leave,
    /// Anything else.
    Other(String),
}

/// A line that a person said.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Speech {
    /// How it was said.
    pub kind: Kind,
    /// The speaker; for a private line that this client has sent, the receiver.
    pub name: String,
    /// The text.
    pub text: String,
    /// The room, without its `#`; `None` for private lines.
    pub room: Option<String>,
    /// The speaker's address, if the door tells it (text).
    pub address: Option<String>,
    /// The speaker's session, if the door tells it (JSON, frame).
    pub id: Option<String>,
    /// The time in Unix milliseconds, if the door tells it.
    pub at: Option<u64>,
    /// The time of day (UTC), if the door tells only that (text): `12:04`.
    pub clock: Option<String>,
    /// The line's number in its room, if the door tells it.
    pub seq: Option<u64>,
    /// Whether this is the client's own line come back.
    pub mine: bool,
    /// Whether the line is from the history.
    pub past: bool,
}

/// How something was said.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Kind {
    /// To the room.
    #[default]
    Said,
    /// As an action.
    Acted,
    /// Privately, to this client.
    Told,
    /// Privately, by this client.
    ToldTo,
}

impl Heard {
    /// The names of people in this event.
    #[must_use]
    pub fn names(&self) -> Vec<&str> {
        match self {
            Self::Speech(Speech { name, .. })
            | Self::Came { name }
            | Self::Renamed { name, .. }
            | Self::YouAre(name)
            | Self::Person { name, .. } => vec![name],
            // `You are ann, in #lobby with 2 others: bob, mike and 5 more`
            Self::Info(text) => {
                let others = [" others: ", " other: "].iter().find_map(|words| text.split_once(words));
                let others = others.filter(|_| text.contains("ou are ")).map_or("", |(_, others)| others);
                let others = others.split(" and ").next().unwrap_or_default();
                others.split(", ").filter(|name| !name.is_empty()).collect()
            }
            _ => Vec::new(),
        }
    }

    /// Bytes of text in this event.
    #[must_use]
    pub fn text_bytes(&self) -> usize {
        match self {
            Self::Speech(speech) => speech.name.len() + speech.text.len(),
            Self::Came { name } | Self::YouAre(name) | Self::Here(name) => name.len(),
            Self::Left { name, why } => name.len() + why.as_ref().map_or(0, String::len),
            Self::Renamed { old, name } => old.len() + name.len(),
            Self::Person { name, detail } => name.len() + detail.len(),
            Self::Refused { text, .. } | Self::Info(text) | Self::Other(text) => text.len(),
            Self::EndOfList | Self::Leave => 0,
        }
    }

    /// Whether this is about the idle limit. A client with a keep-alive need not show it.
    #[must_use]
    pub fn is_about_idle_limit(&self) -> bool {
        matches!(self, Self::Info(text) if text.starts_with(QUIET_FOR) || text.starts_with(SAY_WITHIN))
    }

    /// Whether this is the greeting's advice for newcomers.
    #[must_use]
    pub fn is_first_advice(&self) -> bool {
        matches!(self, Self::Info(text) if text == FIRST_ADVICE)
    }

    /// Whether the server announces the end of the connection.
    #[must_use]
    pub fn is_farewell(&self) -> bool {
        match self {
            Self::Info(text) => CloseReason::is_farewell(text),
            Self::Leave => true,
            _ => false,
        }
    }
}

impl Speech {
    /// Whether this is `said` come back. The text door shows words of an announcement (`login out`) in
    /// quotation marks.
    #[must_use]
    pub fn is_echo_of(&self, said: &str) -> bool {
        let quoted = || self.text.strip_prefix('"').and_then(|text| text.strip_suffix('"'));
        self.mine && !self.past && (self.text == said || quoted() == Some(said))
    }
}
