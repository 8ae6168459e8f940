//! Commands: what a session can ask for.
//!
//! Most are made by a row of the [`table`](super::table) from what was typed or sent. The others are forms
//! that only some wire formats have.

use super::{Body, Charset, CommandSpec, Cost, Nick, OthersHear, RoomName, Switch, Verb};

/// One thing that a session asks for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Command {
    /// Say a line to the room.
    Say(Body),
    /// Act: `/me waves`.
    Me(Body),
    /// Write to one person.
    Msg {
        /// The receiver's name, address or id as it was typed. The hub looks for the session.
        to: String,
        /// The text.
        body: Body,
    },
    /// Write to the last session that wrote to this one.
    Reply(Body),
    /// Say a line as a visit: under a name of its own, from outside the room (`"Visit":true`).
    Visit {
        /// The name on the line; `None`: the session's own.
        name: Option<Nick>,
        /// The receivers of the line.
        to: VisitTo,
        /// The text.
        body: Body,
    },
    /// Take a name (`/nick`).
    Nick(Nick),
    /// Take a name (`rename|NAME`), answered as the old chat room did.
    Rename(Nick),
    /// Go to a room.
    Join(RoomName),
    /// Join a room beside the rooms that the session is in.
    JoinAlso(RoomName),
    /// Leave the current room; from the last one, go back to the lobby.
    Leave,
    /// Leave the room of that name.
    LeaveRoom(RoomName),
    /// List the rooms.
    Rooms,
    /// Set the topic of the room; without text, tell it.
    Topic(Option<Body>),
    /// Show this many of the last lines of the present room.
    History(usize),
    /// Do the command if the session is in the room of that name. A program may not know that it has been
    /// moved or that its join was refused.
    In(RoomName, Box<Command>),
    /// Show the lines of a room after that number; the present room if none is named.
    HistoryAfter(Option<RoomName>, u64),
    /// Tell where one person is.
    Whois(String),
    /// Be away, with or without a reason.
    Away(Option<Body>),
    /// Be back.
    Back,
    /// Hide the lines of one person.
    Ignore(String),
    /// Show them again.
    Unignore(String),
    /// Hide joins and leaves, or show them.
    Quiet(Switch),
    /// Show the time before each line, or not.
    Time(Switch),
    /// Show the address before each name, or not.
    Address(Switch),
    /// Read and write the session in this character set; `None` tells the present one.
    Charset(Option<Charset>),
    /// List the people in a room, with times (`/who`); the present room if none is named.
    Who(Option<RoomName>),
    /// List the people in the room as the old chat room did (a bare `who`).
    UserList,
    /// Show the list of commands, or explain one of them.
    Help(Option<&'static CommandSpec>),
    /// Set no idle limit on this session.
    Stay,
    /// Send the session its own lines, or not.
    Echo(Switch),
    /// Answer at once.
    Ping,
    /// Tell the version of the server.
    Version,
    /// Tell for how long the server has run.
    Uptime,
    /// End the session, after a last line if there is one.
    Quit(Option<Body>),
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

impl VisitTo {
    fn verb(&self) -> Verb {
        match self {
            Self::Room(_) => Verb::Say,
            Self::Action(_) => Verb::Me,
            Self::Person(_) => Verb::Msg,
        }
    }
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

impl Command {
    /// The command's verb and the words after its name. They leave out what stands beside the words: the
    /// receiver of a private line, the room of a request, the name of a visit.
    fn parts(&self) -> (Verb, Words<'_>) {
        match self {
            Self::In(_, command) => command.parts(),
            Self::Say(body) => (Verb::Say, Words::Body(body)),
            Self::Me(body) => (Verb::Me, Words::Body(body)),
            Self::Msg { body, .. } => (Verb::Msg, Words::Body(body)),
            Self::Reply(body) => (Verb::Reply, Words::Body(body)),
            Self::Visit { to, body, .. } => (to.verb(), Words::Body(body)),
            Self::Nick(nick) | Self::Rename(nick) => (Verb::Nick, Words::Text(nick.as_str())),
            Self::Join(room) | Self::JoinAlso(room) => (Verb::Join, Words::Text(room.as_str())),
            Self::Leave | Self::LeaveRoom(_) => (Verb::Leave, Words::Nothing),
            Self::Rooms => (Verb::Rooms, Words::Nothing),
            Self::Topic(topic) => (Verb::Topic, topic.into()),
            Self::History(lines) => (Verb::History, Words::Number(*lines)),
            Self::HistoryAfter(..) => (Verb::History, Words::Nothing),
            Self::Whois(name) => (Verb::Whois, Words::Text(name)),
            Self::Away(reason) => (Verb::Away, reason.into()),
            Self::Back => (Verb::Back, Words::Nothing),
            Self::Ignore(name) => (Verb::Ignore, Words::Text(name)),
            Self::Unignore(name) => (Verb::Unignore, Words::Text(name)),
            Self::Quiet(switch) => (Verb::Quiet, Words::Text(switch.name())),
            Self::Time(switch) => (Verb::Time, Words::Text(switch.name())),
            Self::Address(switch) => (Verb::Address, Words::Text(switch.name())),
            Self::Charset(charset) => (Verb::Charset, charset.map_or(Words::Nothing, |set| Words::Text(set.name()))),
            Self::Who(Some(room)) => (Verb::Who, Words::Text(room.as_str())),
            Self::Who(None) | Self::UserList => (Verb::Who, Words::Nothing),
            Self::Help(spec) => (Verb::Help, spec.map_or(Words::Nothing, |spec| Words::Text(spec.name))),
            Self::Stay => (Verb::Stay, Words::Nothing),
            Self::Echo(switch) => (Verb::Echo, Words::Text(switch.name())),
            Self::Ping => (Verb::Ping, Words::Nothing),
            Self::Version => (Verb::Version, Words::Nothing),
            Self::Uptime => (Verb::Uptime, Words::Nothing),
            Self::Quit(words) => (Verb::Quit, words.into()),
        }
    }

    /// The verb that this is a form of.
    #[must_use]
    pub fn verb(&self) -> Verb {
        self.parts().0
    }

    /// The row of the table that this is a form of.
    #[must_use]
    pub fn spec(&self) -> &'static CommandSpec {
        self.verb().spec()
    }

    /// The words after the command's name, as a client writes them.
    #[must_use]
    pub fn words(&self) -> Words<'_> {
        self.parts().1
    }

    /// The text for others to read, if there is one.
    #[must_use]
    pub fn body(&self) -> Option<&Body> {
        if let Words::Body(body) = self.words() { Some(body) } else { None }
    }

    /// The rate limit that this takes from.
    #[must_use]
    pub fn cost(&self) -> Cost {
        match self {
            Self::In(_, command) => command.cost(),
            Self::Topic(None) => Cost::Request, // a question: the answer comes back to the asker alone
            command => command.spec().cost,
        }
    }

    /// The part of this that other sessions hear.
    #[must_use]
    pub fn others_hear(&self) -> OthersHear {
        match self {
            Self::In(_, command) => command.others_hear(),
            Self::Topic(None) | Self::Quit(None) => OthersHear::Nothing,
            Self::Visit { to: VisitTo::Room(_) | VisitTo::Action(_), .. } => OthersHear::Visit,
            command => command.spec().others_hear,
        }
    }

    /// Whether this says a line or takes a name: from then on the longer idle limit counts.
    #[must_use]
    pub fn shows_a_person(&self) -> bool {
        !matches!(self, Self::Visit { .. })
            && matches!(self.others_hear(), OthersHear::Line | OthersHear::PrivateLine | OthersHear::Name)
    }

    /// Whether this makes a program take part in the chat: from then on it is sent more than answers.
    #[must_use]
    pub fn takes_part(&self) -> bool {
        use OthersHear::{Arrival, Line, PrivateLine, Topic};
        !matches!(self, Self::Visit { .. }) && matches!(self.others_hear(), Line | PrivateLine | Arrival | Topic)
    }

    /// Whether this is meant for the people who are in the asker's room now.
    #[must_use]
    pub fn is_for_room(&self) -> bool {
        matches!(self.others_hear(), OthersHear::Line | OthersHear::Topic)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::protocol::{COMMANDS, find_command};

    /// A command of each row, as typed.
    const TYPED: [&str; 27] = [
        "who",
        "who dev",
        "nick ann",
        "msg bob hi",
        "reply hi",
        "me waves",
        "join dev",
        "leave",
        "rooms",
        "topic",
        "topic tea",
        "history 7",
        "whois bob",
        "away",
        "ignore bob",
        "quiet on",
        "stay",
        "quit",
        "quit bye",
        "help",
        "help who",
        "say hi",
        "back",
        "unignore bob",
        "echo off",
        "time on",
        "ping",
    ];

    fn command(line: &str) -> Command {
        let (word, args) = line.split_once(' ').unwrap_or((line, ""));
        find_command(word, "").and_then(|spec| spec.parse(args)).unwrap()
    }

    #[test]
    fn parsed_commands_have_the_verb_of_their_row() {
        for spec in &COMMANDS {
            let typed = ["", "hi", "bob hi", "on"].iter().find_map(|words| spec.parse(words).ok());
            assert_eq!(typed.map(|command| command.verb()), Some(spec.verb), "{}", spec.name);
        }
    }

    #[test]
    fn words_are_those_that_were_typed() {
        for line in TYPED {
            let command = command(line);
            let words = match command.words() {
                Words::Nothing => String::new(),
                Words::Text(text) => text.to_owned(),
                Words::Number(number) => number.to_string(),
                Words::Body(body) => body.as_str().to_owned(),
            };
            let typed = line.split_once(' ').map_or("", |(_, words)| words);
            assert_eq!(words, typed.strip_prefix("bob ").unwrap_or(typed), "{line}");
        }
    }

    #[test]
    fn questions_are_heard_by_nobody() {
        assert_eq!(command("topic").others_hear(), OthersHear::Nothing);
        assert_eq!(command("topic tea").others_hear(), OthersHear::Topic);
        assert_eq!(command("quit").others_hear(), OthersHear::Nothing);
        assert_eq!(command("quit bye").others_hear(), OthersHear::LastLine);
        assert_eq!(command("topic").cost(), Cost::Request);
    }

    #[test]
    fn classifications_follow_from_the_table() {
        let fitting = |is_so: fn(&Command) -> bool| {
            let names = TYPED.iter().filter(|line| is_so(&command(line)));
            names.map(|line| line.split(' ').next().unwrap_or_default()).collect::<Vec<_>>()
        };
        assert_eq!(fitting(Command::shows_a_person), ["nick", "msg", "reply", "me", "say"]);
        assert_eq!(fitting(Command::takes_part), ["msg", "reply", "me", "join", "leave", "topic", "say"]);
        assert_eq!(fitting(Command::is_for_room), ["me", "topic", "say"]);
    }
}
