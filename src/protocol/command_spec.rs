//! The columns of the table of commands, and how a row reads the words behind its name.

use super::{Body, COMMANDS, Command, Refusal, Verb, clean};

/// One row of the table of commands.
#[derive(Debug)]
pub struct CommandSpec {
    /// The verb of the row.
    pub verb: Verb,
    /// The name, without the slash.
    pub name: &'static str,
    /// Other names for it.
    pub aliases: &'static [&'static str],
    /// The words after the name: capitals stand for the caller's words, brackets for "may be left out".
    pub args: &'static str,
    /// A few words for the list of commands, at most [`CommandSpec::MAX_BRIEF`] characters.
    pub brief: &'static str,
    /// One sentence for `/help COMMAND`, at most 70 characters.
    pub help: &'static str,
    /// The rate limit that the command takes from.
    pub cost: Cost,
    /// The part that other sessions hear.
    pub others_hear: OthersHear,
    /// Its route on the frame door; 0 if programs cannot ask for it.
    pub route: u32,
    pub(super) parse: fn(&'static CommandSpec, &str) -> Result<Command, Refusal>,
}

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

impl PartialEq for CommandSpec {
    fn eq(&self, other: &Self) -> bool {
        self.verb == other.verb // each verb has one row
    }
}

impl Eq for CommandSpec {}

impl CommandSpec {
    /// Longest [`CommandSpec::brief`], in characters: two rows stand side by side in 78 columns.
    pub const MAX_BRIEF: usize = 18;

    /// The first rows, which the list of commands explains. It only names the others.
    pub const EXPLAINED: usize = 16;

    /// The row of a program's `Act`, which is the command's name.
    #[must_use]
    pub fn of_act(act: &str) -> Option<&'static Self> {
        COMMANDS.iter().find(|spec| spec.act() == Some(act))
    }

    /// The row of a frame's route.
    #[must_use]
    pub fn of_route(route: u32) -> Option<&'static Self> {
        COMMANDS.iter().find(|spec| spec.is_for_programs() && spec.route == route)
    }

    /// The `Act` by which programs ask for it; `None` if they cannot.
    #[must_use]
    pub fn act(&self) -> Option<&'static str> {
        self.is_for_programs().then_some(self.name)
    }

    /// Whether programs can ask for it.
    #[must_use]
    pub fn is_for_programs(&self) -> bool {
        self.route != 0
    }

    /// How the command is written: `/msg NAME TEXT`.
    #[must_use]
    pub fn usage(&self) -> String {
        format!("/{} {}", self.name, self.args).trim_end().to_owned()
    }

    /// Reads the words behind the command's name.
    ///
    /// # Errors
    /// [`Refusal::Usage`] if they do not fit, or the refusal of the words themselves.
    pub fn parse(&'static self, args: &str) -> Result<Command, Refusal> {
        (self.parse)(self, args.trim())
    }

    pub(super) fn usage_refusal(&self) -> Refusal {
        Refusal::Usage { usage: self.usage() }
    }

    pub(super) fn body(&self, text: &str) -> Result<Body, Refusal> {
        words(text).ok_or_else(|| self.usage_refusal())
    }

    pub(super) fn word(&self, args: &str) -> Result<String, Refusal> {
        let word = clean(args.as_bytes()); // a refusal may repeat it
        if word.trim().is_empty() { Err(self.usage_refusal()) } else { Ok(word.trim().to_owned()) }
    }

    pub(super) fn switch(&self, args: &str) -> Result<Switch, Refusal> {
        Switch::ALL
            .into_iter()
            .find(|switch| switch.name().eq_ignore_ascii_case(args))
            .ok_or_else(|| self.usage_refusal())
    }

    pub(super) fn bare(&self, args: &str, command: Command) -> Result<Command, Refusal> {
        if args.is_empty() { Ok(command) } else { Err(self.usage_refusal()) }
    }
}

/// A text without the blanks around it, also those that cleaning leaves; `None` if nothing visible is left.
pub(super) fn words(text: &str) -> Option<Body> {
    Body::new(clean(text.as_bytes()).trim())
}

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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::protocol::find_command;

    #[test]
    fn rows_fit_the_help() {
        let mut names = std::collections::HashSet::new();
        for spec in &COMMANDS {
            assert!(spec.brief.chars().count() <= CommandSpec::MAX_BRIEF, "{}", spec.name);
            assert!(spec.help.chars().count() <= 70, "{}", spec.name);
            for name in spec.aliases.iter().chain([&spec.name]) {
                assert!(names.insert(*name), "{name} twice");
            }
            assert_eq!(spec.verb.spec(), spec);
        }
    }

    #[test]
    fn routes_are_unique() {
        let mut routes = std::collections::HashSet::new();
        for spec in COMMANDS.iter().filter(|spec| spec.is_for_programs()) {
            assert!(routes.insert(spec.route), "{} twice", spec.route);
            assert_eq!(CommandSpec::of_route(spec.route), Some(spec));
            assert_eq!(CommandSpec::of_act(spec.name), Some(spec));
        }
        assert_eq!(CommandSpec::of_route(0), None);
        assert_eq!(CommandSpec::of_act("help"), None);
    }

    #[test]
    fn wrong_words_are_refused_with_usage() {
        for (line, usage) in [
            ("msg", "/msg NAME TEXT"),
            ("msg bob", "/msg NAME TEXT"),
            ("msg bob  ", "/msg NAME TEXT"),
            ("nick", "/nick NAME"),
            ("echo maybe", "/echo on|off"),
            ("stay here", "/stay"),
            ("me", "/me TEXT"),
        ] {
            let (word, args) = line.split_once(' ').unwrap_or((line, ""));
            let parsed = find_command(word, "").and_then(|spec| spec.parse(args));
            assert_eq!(parsed, Err(Refusal::Usage { usage: usage.into() }), "{line}");
        }
    }
}
