//! The commands: the values, and one row for each verb.
//!
//! Everything that depends on a command's name follows from its row: what people type, the acts and routes
//! of programs, `/help`, the README's list, completion in parlor-cli, suggestions, rate limits and
//! backpressure. Some commands are forms of another, with the same row: only some wire formats have them.

use super::arguments::{Switch, VisitTo, Words};
use super::columns::{Cost, OthersHear};
use super::lookup::{self, Names};
use super::{Body, Charset, Nick, Refusal, RoomName, clean};

/// One thing that a session asks for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Command {
    /// Say a line to the room.
    Say(Body),
    /// Say an action: `/me waves`.
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

/// The command's verb and the words after its name. They leave out what stands beside the words: the
/// receiver of a private line, the room of a request, the name of a visit.
pub(super) fn parts(command: &Command) -> (Verb, Words<'_>) {
    match command {
        Command::In(_, command) => parts(command),
        Command::Say(body) => (Verb::Say, Words::Body(body)),
        Command::Me(body) => (Verb::Me, Words::Body(body)),
        Command::Msg { body, .. } => (Verb::Msg, Words::Body(body)),
        Command::Reply(body) => (Verb::Reply, Words::Body(body)),
        Command::Visit { to: VisitTo::Room(_), body, .. } => (Verb::Say, Words::Body(body)),
        Command::Visit { to: VisitTo::Action(_), body, .. } => (Verb::Me, Words::Body(body)),
        Command::Visit { to: VisitTo::Person(_), body, .. } => (Verb::Msg, Words::Body(body)),
        Command::Nick(nick) | Command::Rename(nick) => (Verb::Nick, Words::Text(nick.as_str())),
        Command::Join(room) | Command::JoinAlso(room) => (Verb::Join, Words::Text(room.as_str())),
        Command::Leave | Command::LeaveRoom(_) => (Verb::Leave, Words::Nothing),
        Command::Rooms => (Verb::Rooms, Words::Nothing),
        Command::Topic(topic) => (Verb::Topic, topic.into()),
        Command::History(lines) => (Verb::History, Words::Number(*lines)),
        Command::HistoryAfter(..) => (Verb::History, Words::Nothing),
        Command::Whois(name) => (Verb::Whois, Words::Text(name)),
        Command::Away(reason) => (Verb::Away, reason.into()),
        Command::Back => (Verb::Back, Words::Nothing),
        Command::Ignore(name) => (Verb::Ignore, Words::Text(name)),
        Command::Unignore(name) => (Verb::Unignore, Words::Text(name)),
        Command::Quiet(switch) => (Verb::Quiet, Words::Text(switch.name())),
        Command::Time(switch) => (Verb::Time, Words::Text(switch.name())),
        Command::Address(switch) => (Verb::Address, Words::Text(switch.name())),
        Command::Charset(charset) => (Verb::Charset, charset.map_or(Words::Nothing, |set| Words::Text(set.name()))),
        Command::Who(Some(room)) => (Verb::Who, Words::Text(room.as_str())),
        Command::Who(None) | Command::UserList => (Verb::Who, Words::Nothing),
        Command::Help(spec) => (Verb::Help, spec.map_or(Words::Nothing, |spec| Words::Text(spec.name))),
        Command::Stay => (Verb::Stay, Words::Nothing),
        Command::Echo(switch) => (Verb::Echo, Words::Text(switch.name())),
        Command::Ping => (Verb::Ping, Words::Nothing),
        Command::Version => (Verb::Version, Words::Nothing),
        Command::Uptime => (Verb::Uptime, Words::Nothing),
        Command::Quit(words) => (Verb::Quit, words.into()),
    }
}

/// Makes [`Verb`] and [`COMMANDS`] of the rows.
macro_rules! table {
    ($(Row { verb: $verb:ident, $($column:tt)* }),* $(,)?) => {
        /// The verb of a command: one for each row of [`COMMANDS`].
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
        pub enum Verb {
            $(#[doc = concat!("The verb of [`Command::", stringify!($verb), "`].")] $verb,)*
        }

        /// Every command, in the order of the help: the most used first.
        pub static COMMANDS: [CommandSpec; [$(Verb::$verb),*].len()] =
            [$(CommandSpec { verb: Verb::$verb, $($column)* }),*];

        impl Verb {
            /// The row of this verb.
            #[must_use]
            #[expect(clippy::indexing_slicing, reason = "the compiler checks a constant's index")]
            pub fn spec(self) -> &'static CommandSpec {
                match self {
                    $(Self::$verb => const { &COMMANDS[Self::$verb as usize] },)*
                }
            }
        }
    };
}

/// Lines that `/history` shows without a number.
const DEFAULT_HISTORY: usize = 20;

table!(
    Row {
        verb: Who,
        name: "who",
        aliases: &["names"],
        args: "[#ROOM]",
        brief: "who is here",
        help: "Who is here, or in another room: how long, and since when silent.",
        cost: Cost::List,
        others_hear: OthersHear::Nothing,
        route: 104,
        parse: |_, args| {
            if args.is_empty() { Ok(Command::Who(None)) } else { Ok(Command::Who(Some(RoomName::parse(args)?))) }
        },
    },
    Row {
        verb: Nick,
        name: "nick",
        aliases: &["name", "rename"],
        args: "NAME",
        brief: "your name",
        help: "Takes a name; rename|NAME does the same.",
        // Everybody is told, and the manager searches for free names.
        cost: Cost::Lines(5),
        others_hear: OthersHear::Name,
        route: 103,
        parse: |spec, args| {
            if args.is_empty() { Err(spec.usage_refusal()) } else { Nick::parse(args).map(Command::Nick) }
        },
    },
    Row {
        verb: Msg,
        name: "msg",
        aliases: &["m", "tell", "w"],
        args: "NAME TEXT",
        brief: "to one person",
        help: "Writes to one person, in whatever room; nobody else sees it.",
        cost: Cost::Lines(1),
        others_hear: OthersHear::PrivateLine,
        route: 102,
        parse: |spec, args| {
            let (to, text) = args.split_once(char::is_whitespace).unwrap_or((args, ""));
            Ok(Command::Msg { to: to.to_owned(), body: spec.body(text)? })
        },
    },
    Row {
        verb: Reply,
        name: "reply",
        aliases: &["r"],
        args: "TEXT",
        brief: "answers a /msg",
        help: "Writes to the last who wrote to you.",
        cost: Cost::Lines(1),
        others_hear: OthersHear::PrivateLine,
        route: 114,
        parse: |spec, args| spec.body(args).map(Command::Reply),
    },
    Row {
        verb: Me,
        name: "me",
        aliases: &[],
        args: "TEXT",
        brief: "an action",
        help: "An action: /me waves is shown as * NAME waves.",
        cost: Cost::Lines(1),
        others_hear: OthersHear::Line,
        route: 101,
        parse: |spec, args| spec.body(args).map(Command::Me),
    },
    Row {
        verb: Join,
        name: "join",
        aliases: &["j"],
        args: "ROOM",
        brief: "go to a room",
        help: "Goes to a room, and makes it if it is not there.",
        cost: Cost::List,
        others_hear: OthersHear::Arrival,
        route: 106,
        parse: |spec, args| {
            if args.is_empty() { Err(spec.usage_refusal()) } else { Ok(Command::Join(RoomName::parse(args)?)) }
        },
    },
    Row {
        verb: Leave,
        name: "leave",
        aliases: &["part"],
        args: "",
        brief: "back to #lobby",
        help: "Goes back to #lobby.",
        cost: Cost::List,
        others_hear: OthersHear::Arrival,
        route: 107,
        parse: |spec, args| spec.bare(args, Command::Leave),
    },
    Row {
        verb: Rooms,
        name: "rooms",
        aliases: &["list"],
        args: "",
        brief: "the rooms",
        help: "The rooms, how many are in them, and what they are about.",
        cost: Cost::List,
        others_hear: OthersHear::Nothing,
        route: 105,
        parse: |spec, args| spec.bare(args, Command::Rooms),
    },
    Row {
        verb: Topic,
        name: "topic",
        aliases: &[],
        args: "[TEXT]",
        brief: "what it is about",
        help: "What the room is about, or sets it.",
        cost: Cost::Lines(1),
        others_hear: OthersHear::Topic,
        route: 108,
        parse: |_, args| Ok(Command::Topic(words(args))),
    },
    Row {
        verb: History,
        name: "history",
        aliases: &["last"],
        args: "[N]",
        brief: "what was said",
        help: "The last N lines that were said in the room, 20 without N.",
        cost: Cost::List,
        others_hear: OthersHear::Nothing,
        route: 109,
        parse: |spec, args| {
            if args.is_empty() {
                return Ok(Command::History(DEFAULT_HISTORY));
            }
            // A number too large for usize asks for every line that is kept.
            let all_digits = args.bytes().all(|byte| byte.is_ascii_digit());
            match args.parse().unwrap_or(usize::MAX) {
                count if all_digits && count > 0 => Ok(Command::History(count)),
                _ => Err(spec.usage_refusal()),
            }
        },
    },
    Row {
        verb: Whois,
        name: "whois",
        aliases: &[],
        args: "NAME",
        brief: "about one person",
        help: "Where one person is, how long, and by which door.",
        cost: Cost::Lines(1),
        others_hear: OthersHear::Nothing,
        route: 110,
        parse: |spec, args| spec.word(args).map(Command::Whois),
    },
    Row {
        verb: Away,
        name: "away",
        aliases: &["a"], // address begins with it too
        args: "[TEXT]",
        brief: "be away",
        help: "Tells others who write to you that you are away.",
        cost: Cost::Request,
        others_hear: OthersHear::Nothing,
        route: 111,
        parse: |_, args| Ok(Command::Away(words(args))),
    },
    Row {
        verb: Ignore,
        name: "ignore",
        aliases: &[],
        args: "NAME",
        brief: "hide a person",
        help: "You see nothing of what one person says any more.",
        cost: Cost::Lines(1),
        others_hear: OthersHear::Nothing,
        route: 119,
        parse: |spec, args| spec.word(args).map(Command::Ignore),
    },
    Row {
        verb: Quiet,
        name: "quiet",
        aliases: &[],
        args: "on|off",
        brief: "hide joins, leaves",
        help: "Whether joins and leaves are hidden from you.",
        cost: Cost::Request,
        others_hear: OthersHear::Nothing,
        route: 121,
        parse: |spec, args| spec.switch(args).map(Command::Quiet),
    },
    Row {
        verb: Stay,
        name: "stay",
        aliases: &[],
        args: "",
        brief: "just listen",
        help: "Lets you be silent without being disconnected.",
        cost: Cost::Request,
        others_hear: OthersHear::Nothing,
        route: 0,
        parse: |spec, args| spec.bare(args, Command::Stay),
    },
    Row {
        verb: Quit,
        name: "quit",
        aliases: &["q", "exit", "bye"],
        args: "[WORDS]",
        brief: "disconnect",
        help: "Leaves; WORDS are said first.",
        cost: Cost::Lines(1),
        others_hear: OthersHear::LastLine,
        route: 113,
        parse: |_, args| Ok(Command::Quit(words(args))),
    },
    Row {
        verb: Help,
        name: "help",
        aliases: &["?", "h"],
        args: "[COMMAND]",
        brief: "this list",
        help: "The list of commands, or how one of them is written.",
        cost: Cost::Request,
        others_hear: OthersHear::Nothing,
        route: 0,
        parse: |_, args| {
            let word = args.strip_prefix('/').unwrap_or(args);
            if word.is_empty() {
                Ok(Command::Help(None))
            } else {
                find_command(word, "").map(|spec| Command::Help(Some(spec)))
            }
        },
    },
    Row {
        verb: Say,
        name: "say",
        aliases: &[],
        args: "TEXT",
        brief: "TEXT as it is",
        help: "Sends TEXT as it is, whatever it begins with.",
        cost: Cost::Lines(1),
        others_hear: OthersHear::Line,
        route: 100,
        parse: |spec, args| spec.body(args).map(Command::Say),
    },
    Row {
        verb: Back,
        name: "back",
        aliases: &[],
        args: "",
        brief: "be back",
        help: "You are not away any more.",
        cost: Cost::Request,
        others_hear: OthersHear::Nothing,
        route: 118,
        parse: |spec, args| spec.bare(args, Command::Back),
    },
    Row {
        verb: Unignore,
        name: "unignore",
        aliases: &[],
        args: "NAME",
        brief: "show a person",
        help: "You see again what that person says.",
        cost: Cost::Lines(1),
        others_hear: OthersHear::Nothing,
        route: 120,
        parse: |spec, args| spec.word(args).map(Command::Unignore),
    },
    Row {
        verb: Echo,
        name: "echo",
        aliases: &[],
        args: "on|off",
        brief: "own lines back",
        help: "Whether your own lines come back to you.",
        cost: Cost::Request,
        others_hear: OthersHear::Nothing,
        route: 117,
        parse: |spec, args| spec.switch(args).map(Command::Echo),
    },
    Row {
        verb: Time,
        name: "time",
        aliases: &[],
        args: "on|off",
        brief: "time before lines",
        help: "Whether the time (UTC) stands before what is said in the room.",
        cost: Cost::Request,
        others_hear: OthersHear::Nothing,
        route: 0,
        parse: |spec, args| spec.switch(args).map(Command::Time),
    },
    Row {
        verb: Address,
        name: "address",
        aliases: &[],
        args: "on|off",
        brief: "address at names",
        help: "Whether [ADDR] stands before names: [ADDR]NAME: text, or NAME: text.",
        cost: Cost::Request,
        others_hear: OthersHear::Nothing,
        route: 0,
        parse: |spec, args| spec.switch(args).map(Command::Address),
    },
    Row {
        verb: Charset,
        name: "charset",
        aliases: &[],
        args: "[NAME]",
        brief: "character set",
        help: "The character set of your terminal, such as windows-1251 or utf-8.",
        cost: Cost::Request,
        others_hear: OthersHear::Nothing,
        route: 0,
        parse: |_, args| {
            if args.is_empty() {
                Ok(Command::Charset(None))
            } else {
                Charset::parse(args).map(|set| Command::Charset(Some(set)))
            }
        },
    },
    Row {
        verb: Ping,
        name: "ping",
        aliases: &[],
        args: "",
        brief: "are you there?",
        help: "Answers at once, so that you see the line is alive.",
        cost: Cost::Request,
        others_hear: OthersHear::Nothing,
        route: 112,
        parse: |spec, args| spec.bare(args, Command::Ping),
    },
    Row {
        verb: Version,
        name: "version",
        aliases: &[],
        args: "",
        brief: "which Parlor",
        help: "Which version of Parlor this is.",
        cost: Cost::Request,
        others_hear: OthersHear::Nothing,
        route: 115,
        parse: |spec, args| spec.bare(args, Command::Version),
    },
    Row {
        verb: Uptime,
        name: "uptime",
        aliases: &[],
        args: "",
        brief: "since when",
        help: "Since when the server runs, and how many are here.",
        cost: Cost::Request,
        others_hear: OthersHear::Nothing,
        route: 116,
        parse: |spec, args| spec.bare(args, Command::Uptime),
    },
);

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
    parse: fn(&'static CommandSpec, &str) -> Result<Command, Refusal>,
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

    fn usage_refusal(&self) -> Refusal {
        Refusal::Usage { usage: self.usage() }
    }

    fn body(&self, text: &str) -> Result<Body, Refusal> {
        words(text).ok_or_else(|| self.usage_refusal())
    }

    fn word(&self, args: &str) -> Result<String, Refusal> {
        let word = clean(args.as_bytes()); // a refusal may repeat it
        if word.trim().is_empty() { Err(self.usage_refusal()) } else { Ok(word.trim().to_owned()) }
    }

    fn switch(&self, args: &str) -> Result<Switch, Refusal> {
        Switch::parse(args).ok_or_else(|| self.usage_refusal())
    }

    fn bare(&self, args: &str, command: Command) -> Result<Command, Refusal> {
        if args.is_empty() { Ok(command) } else { Err(self.usage_refusal()) }
    }
}

/// A text without the blanks around it, also those that cleaning leaves; `None` if nothing visible is left.
fn words(text: &str) -> Option<Body> {
    Body::new(clean(text.as_bytes()).trim())
}

/// The row for a word in any case: a name or an alias, else the unique beginning of a name, else the unique
/// beginning of an alias.
///
/// A refusal says that typing `literally` instead sends the line as text; empty if it was not meant as text.
///
/// # Errors
/// [`Refusal::UnknownCommand`] or [`Refusal::Ambiguous`].
pub fn find_command(word: &str, literally: &str) -> Result<&'static CommandSpec, Refusal> {
    let names = COMMANDS.iter().map(|spec| (spec, Names { name: spec.name, aliases: spec.aliases }));
    lookup::find(&names, word, literally)
}

#[cfg(test)]
mod tests {
    use super::*;

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
