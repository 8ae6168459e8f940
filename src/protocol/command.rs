//! The properties of a command that follow from its row: its cost, its words, and what others hear of it.

use super::Body;
use super::arguments::{VisitTo, Words};
use super::columns::{Cost, OthersHear};
use super::table::{Command, CommandSpec, Verb, parts};

impl Command {
    /// The verb that this is a form of.
    #[must_use]
    pub fn verb(&self) -> Verb {
        parts(self).0
    }

    /// The row of the table that this is a form of.
    #[must_use]
    pub fn spec(&self) -> &'static CommandSpec {
        self.verb().spec()
    }

    /// The words after the command's name, as a client writes them.
    #[must_use]
    pub fn words(&self) -> Words<'_> {
        parts(self).1
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

    /// Whether this is a line for others to read.
    #[must_use]
    pub fn is_line(&self) -> bool {
        use OthersHear::{LastLine, Line, PrivateLine, Visit};
        matches!(self.others_hear(), Line | Visit | PrivateLine | LastLine)
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
