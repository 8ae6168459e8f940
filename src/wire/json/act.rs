//! The acts of the objects that programs are sent, and the routes of their frames.

use crate::protocol::{CommandSpec, Verb};

/// The route of what is said to a program without being asked (see the JSON objects of the chat).
pub(in crate::wire) const NOTICE_ROUTE: u32 = 207;

/// The `Act` of an object: the kind of event that it tells a program.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(super) enum Act<'a> {
    /// A line to the room.
    Chat,
    /// An action.
    Action,
    /// A private line, at its receiver.
    Private,
    /// A person joined the room.
    Joined,
    /// A person left the room.
    Left,
    /// A person has another name.
    Renamed,
    /// The topic was set.
    TopicSet,
    /// Information.
    #[default]
    Notice,
    /// A refusal.
    Error,
    /// The server asks the client to leave.
    DoExit,
    /// The answer to a command.
    Answer(Verb),
    /// An act of the embedding program.
    Custom(&'a str),
}

/// The acts of what is not an answer, with their names and routes.
const EVENTS: [(Act<'_>, &str, u32); 10] = [
    (Act::Chat, "chat", 200),
    (Act::Action, "action", 201),
    (Act::Private, "private", 202),
    (Act::Joined, "joined", 203),
    (Act::Left, "left", 204),
    (Act::Renamed, "renamed", 205),
    (Act::TopicSet, "topic", 206),
    (Act::Notice, "notice", NOTICE_ROUTE),
    (Act::Error, "error", 208),
    (Act::DoExit, "doexit", 209),
];

impl<'a> Act<'a> {
    /// The act of that name. The answer to `topic` and the event have the same name; this is the answer.
    pub(super) fn named(name: &'a str) -> Self {
        if let Some(spec) = CommandSpec::of_act(name) {
            return Self::Answer(spec.verb);
        }
        EVENTS.into_iter().find(|(_, known, _)| *known == name).map_or(Self::Custom(name), |(act, ..)| act)
    }

    /// The value of `Act`.
    pub(super) fn name(self) -> &'a str {
        match self {
            Self::Answer(verb) => verb.spec().name,
            Self::Custom(name) => name,
            event => EVENTS.into_iter().find(|(act, ..)| *act == event).map_or("notice", |(_, name, _)| name),
        }
    }

    /// The route of the frame.
    pub(super) fn route(self) -> u32 {
        match self {
            Self::Answer(verb) => verb.spec().route,
            event => EVENTS.into_iter().find(|(act, ..)| *act == event).map_or(NOTICE_ROUTE, |(.., route)| route),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_act_is_found_by_its_name() {
        for (act, name, route) in EVENTS {
            let found = if act == Act::TopicSet { Act::Answer(Verb::Topic) } else { act };
            assert_eq!((Act::named(name), act.name(), act.route()), (found, name, route));
        }
        assert_eq!(Act::named("who"), Act::Answer(Verb::Who));
        assert_eq!(Act::named("help"), Act::Custom("help"), "programs cannot ask for it");
        assert_eq!(Act::Custom("hello").name(), "hello");
    }
}
