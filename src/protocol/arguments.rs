//! Arguments of commands: a switch, the receivers of a visit, the words as a client writes them.

use super::{Body, RoomName};

/// `on` or `off`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Switch {
    /// On.
    On,
    /// Off.
    Off,
}

impl Switch {
    const ALL: [Self; 2] = [Self::On, Self::Off];

    /// Parses `on` or `off`, in any case.
    #[must_use]
    pub fn parse(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|switch| switch.name().eq_ignore_ascii_case(word))
    }

    /// The switch in a state.
    #[must_use]
    pub fn of(on: bool) -> Self {
        if on { Self::On } else { Self::Off }
    }

    /// As people and programs write it.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::On => "on",
            Self::Off => "off",
        }
    }
}

/// The receivers of a visit's line.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum VisitTo {
    /// A room hears it as a line. `None`: the asker's own room, or the lobby.
    Room(Option<RoomName>),
    /// A room hears it as an action.
    Action(Option<RoomName>),
    /// One person hears it, given by name, address or id.
    Person(String),
}

/// The words after a command's name, as a client writes them.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Words<'a> {
    /// None.
    Nothing,
    /// A name, a room, `on` or `off`.
    Text(&'a str),
    /// A number.
    Number(usize),
    /// A text for others to read.
    Body(&'a Body),
}

impl<'a> From<&'a Option<Body>> for Words<'a> {
    fn from(body: &'a Option<Body>) -> Self {
        body.as_ref().map_or(Self::Nothing, Self::Body)
    }
}
