//! What can be asked for, and the one table that says how.
//!
//! A row of [`COMMANDS`] is everything that Parlor knows about a command: its names, how it is
//! written, what it costs, how its words are read. Parsing, `/help` and the README's list all come
//! from here.

use super::{Body, Nick, Refusal, RoomName, clean, shortened};

/// One thing that a session asks for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Command {
    /// Say a line to the room.
    Say(Body),
    /// Act: `/me waves`.
    Me(Body),
    /// Write to one person, by name, address or id.
    Msg {
        /// The name as it was written; who it is, if anybody, the hub knows.
        to: String,
        /// What.
        body: Body,
    },
    /// Write to the last who wrote to this session.
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
    /// Go to a room (`/join`).
    Join(RoomName),
    /// Go back to the lobby (`/leave`).
    Leave,
    /// The rooms there are.
    Rooms,
    /// What the room is about, or to set that.
    Topic(Option<Body>),
    /// The last lines that were said: so many of the present room.
    History(usize),
    /// Say, do or set something in the room of that name, if that is where the session is. A program
    /// may not know that it has been moved or that its join was refused.
    In(RoomName, Box<Command>),
    /// What was said in a room after a line's number; the present room if none is named.
    HistoryAfter(Option<RoomName>, u64),
    /// All about one person.
    Whois(String),
    /// Be away, perhaps with a reason.
    Away(Option<Body>),
    /// Be back.
    Back,
    /// Do not see what one person says any more.
    Ignore(String),
    /// See it again.
    Unignore(String),
    /// Whether joins and leaves are hidden.
    Quiet(Switch),
    /// Whether the time stands before what is said.
    Time(Switch),
    /// Who is in a room, with times (`/who`); the present room if none is named.
    Who(Option<RoomName>),
    /// Who is here, as the old chat room told it (a bare `who`).
    UserList,
    /// The list of commands, or one of them.
    Help(Option<&'static CommandSpec>),
    /// Never be dropped for silence.
    Stay,
    /// Whether one's own lines come back.
    Echo(Switch),
    /// Is anybody there?
    Ping,
    /// Which Parlor is this?
    Version,
    /// Since when does it run?
    Uptime,
    /// Leave, perhaps with last words.
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

/// `on` or `off`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Switch {
    /// On.
    On,
    /// Off.
    Off,
}

/// The allowance that a request takes from, and how many tokens.
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

/// The cost of a rename: everybody is told, and the manager searches for free names.
pub const RENAME_COST: Cost = Cost::Lines(5);

/// One row of the table of commands.
#[derive(Debug)]
pub struct CommandSpec {
    /// The name, without the slash.
    pub name: &'static str,
    /// Other names for it.
    pub aliases: &'static [&'static str],
    /// What follows the name: capitals stand for the caller's words, brackets for "may be left out".
    pub args: &'static str,
    /// A few words for the list of commands, at most [`CommandSpec::MAX_BRIEF`] characters.
    pub brief: &'static str,
    /// One sentence for `/help COMMAND`, at most 70 characters.
    pub help: &'static str,
    /// What the command costs its session.
    pub cost: Cost,
    /// Its route on the frame door; 0 where programs cannot ask for it. Its `Act` is its name.
    pub route: u32,
    parse: fn(&'static CommandSpec, &str) -> Result<Command, Refusal>,
}

const fn row(
    name: &'static str,
    aliases: &'static [&'static str],
    args: &'static str,
    [brief, help]: [&'static str; 2],
    cost: Cost,
    route: u32,
    parse: fn(&'static CommandSpec, &str) -> Result<Command, Refusal>,
) -> CommandSpec {
    CommandSpec { name, aliases, args, brief, help, cost, route, parse }
}

/// Every command, in the order of the help: the most used first.
pub static COMMANDS: [CommandSpec; 25] = [
    row(
        "who",
        &["names"],
        "[#ROOM]",
        ["who is here", "Who is here, or in another room: how long, and since when silent."],
        Cost::List,
        104,
        |_, args| {
            if args.is_empty() {
                Ok(Command::Who(None))
            } else {
                RoomName::parse(args).map(|room| Command::Who(Some(room)))
            }
        },
    ),
    row(
        "nick",
        &["name", "rename"],
        "NAME",
        ["your name", "Takes a name; rename|NAME does the same."],
        RENAME_COST,
        103,
        |spec, args| {
            if args.is_empty() { Err(spec.usage_refusal()) } else { Nick::parse(args).map(Command::Nick) }
        },
    ),
    row(
        "msg",
        &["m", "tell", "w"],
        "NAME TEXT",
        ["to one person", "Writes to one person, in whatever room; nobody else sees it."],
        Cost::Lines(1),
        102,
        |spec, args| {
            let (to, text) = args.split_once(char::is_whitespace).unwrap_or((args, ""));
            Ok(Command::Msg { to: to.to_owned(), body: spec.body(text)? })
        },
    ),
    row(
        "reply",
        &["r"],
        "TEXT",
        ["answers a /msg", "Writes to the last who wrote to you."],
        Cost::Lines(1),
        114,
        |spec, args| spec.body(args).map(Command::Reply),
    ),
    row(
        "me",
        &[],
        "TEXT",
        ["an action", "An action: /me waves is shown as * NAME waves."],
        Cost::Lines(1),
        101,
        |spec, args| spec.body(args).map(Command::Me),
    ),
    row(
        "join",
        &["j"],
        "ROOM",
        ["go to a room", "Goes to a room, and makes it if it is not there."],
        Cost::List,
        106,
        |spec, args| {
            if args.is_empty() { Err(spec.usage_refusal()) } else { RoomName::parse(args).map(Command::Join) }
        },
    ),
    row("leave", &["part"], "", ["back to #lobby", "Goes back to #lobby."], Cost::List, 107, |spec, args| {
        spec.bare(args, Command::Leave)
    }),
    row(
        "rooms",
        &["list"],
        "",
        ["the rooms", "The rooms, how many are in them, and what they are about."],
        Cost::List,
        105,
        |spec, args| spec.bare(args, Command::Rooms),
    ),
    row(
        "topic",
        &[],
        "[TEXT]",
        ["what it is about", "What the room is about, or sets it."],
        Cost::Lines(1),
        108,
        |_, args| Ok(Command::Topic(words(args))),
    ),
    row(
        "history",
        &["last"],
        "[N]",
        ["what was said", "The last N lines that were said in the room, 20 without N."],
        Cost::List,
        109,
        |spec, args| {
            if args.is_empty() {
                return Ok(Command::History(DEFAULT_HISTORY));
            }
            // More digits than a number holds are more lines than there are.
            let all_digits = args.bytes().all(|byte| byte.is_ascii_digit());
            match args.parse().unwrap_or(usize::MAX) {
                count if all_digits && count > 0 => Ok(Command::History(count)),
                _ => Err(spec.usage_refusal()),
            }
        },
    ),
    row(
        "whois",
        &[],
        "NAME",
        ["about one person", "Where one person is, how long, and by which door."],
        Cost::Lines(1),
        110,
        |spec, args| spec.word(args).map(Command::Whois),
    ),
    row(
        "away",
        &[],
        "[TEXT]",
        ["be away", "Tells others who write to you that you are away."],
        Cost::Request,
        111,
        |_, args| Ok(Command::Away(words(args))),
    ),
    row(
        "ignore",
        &[],
        "NAME",
        ["hide what one says", "You see nothing of what one person says any more."],
        Cost::Lines(1),
        119,
        |spec, args| spec.word(args).map(Command::Ignore),
    ),
    row(
        "quiet",
        &[],
        "on|off",
        ["no comings, goings", "Whether comings and goings are hidden from you."],
        Cost::Request,
        121,
        |spec, args| spec.switch(args).map(Command::Quiet),
    ),
    row(
        "stay",
        &[],
        "",
        ["just listen", "Lets you be silent without being disconnected."],
        Cost::Request,
        0,
        |spec, args| spec.bare(args, Command::Stay),
    ),
    row(
        "quit",
        &["q", "exit", "bye"],
        "[WORDS]",
        ["leave the house", "Leaves; WORDS are said first."],
        Cost::Lines(1),
        113,
        |_, args| Ok(Command::Quit(words(args))),
    ),
    row(
        "help",
        &["?", "h"],
        "[COMMAND]",
        ["this list", "The list of commands, or how one of them is written."],
        Cost::Request,
        0,
        |_, args| {
            let word = args.strip_prefix('/').unwrap_or(args);
            if word.is_empty() {
                Ok(Command::Help(None))
            } else {
                find_command(word, "").map(|spec| Command::Help(Some(spec)))
            }
        },
    ),
    row(
        "say",
        &[],
        "TEXT",
        ["TEXT as it is", "Sends TEXT as it is, whatever it begins with."],
        Cost::Lines(1),
        100,
        |spec, args| spec.body(args).map(Command::Say),
    ),
    row("back", &[], "", ["be back", "You are not away any more."], Cost::Request, 118, |spec, args| {
        spec.bare(args, Command::Back)
    }),
    row(
        "unignore",
        &[],
        "NAME",
        ["see it again", "You see again what that person says."],
        Cost::Lines(1),
        120,
        |spec, args| spec.word(args).map(Command::Unignore),
    ),
    row(
        "echo",
        &[],
        "on|off",
        ["own lines back", "Whether your own lines come back to you."],
        Cost::Request,
        117,
        |spec, args| spec.switch(args).map(Command::Echo),
    ),
    row(
        "time",
        &[],
        "on|off",
        ["time before lines", "Whether the time (UTC) stands before what is said in the room."],
        Cost::Request,
        0,
        |spec, args| spec.switch(args).map(Command::Time),
    ),
    row(
        "ping",
        &[],
        "",
        ["are you there?", "Answers at once, so that you see the line is alive."],
        Cost::Request,
        112,
        |spec, args| spec.bare(args, Command::Ping),
    ),
    row("version", &[], "", ["which Parlor", "Which version of Parlor this is."], Cost::Request, 115, |spec, args| {
        spec.bare(args, Command::Version)
    }),
    row(
        "uptime",
        &[],
        "",
        ["since when", "Since when the server runs, and how many are here."],
        Cost::Request,
        116,
        |spec, args| spec.bare(args, Command::Uptime),
    ),
];

/// Lines that `/history` shows without a number.
const DEFAULT_HISTORY: usize = 20;

impl PartialEq for CommandSpec {
    /// Two rows are the same row where their names are: names are unique.
    fn eq(&self, other: &Self) -> bool {
        self.name == other.name
    }
}

impl Eq for CommandSpec {}

/// What is said, without the blanks around it, also those that cleaning leaves.
fn words(text: &str) -> Option<Body> {
    Body::new(clean(text.as_bytes()).trim())
}

impl CommandSpec {
    /// Longest [`CommandSpec::brief`], in characters: two rows stand side by side in 78 columns.
    pub const MAX_BRIEF: usize = 18;

    /// So many of the first commands are explained in the list of commands; the others are named.
    pub const EXPLAINED: usize = 16;

    /// How the command is written: `/msg NAME TEXT`.
    #[must_use]
    pub fn usage(&self) -> String {
        format!("/{} {}", self.name, self.args).trim_end().to_owned()
    }

    /// Reads the words behind the command's name.
    ///
    /// # Errors
    /// [`Refusal::Usage`] where they do not fit, or what the words themselves are refused for.
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
        let word = clean(args.as_bytes()); // it is told back where it names nobody
        if word.trim().is_empty() { Err(self.usage_refusal()) } else { Ok(word.trim().to_owned()) }
    }

    fn switch(&self, args: &str) -> Result<Switch, Refusal> {
        match args.to_ascii_lowercase().as_str() {
            "on" => Ok(Switch::On),
            "off" => Ok(Switch::Off),
            _ => Err(self.usage_refusal()),
        }
    }

    fn bare(&self, args: &str, command: Command) -> Result<Command, Refusal> {
        if args.is_empty() { Ok(command) } else { Err(self.usage_refusal()) }
    }
}

impl Command {
    /// The row of the table that this command comes from.
    #[must_use]
    pub fn spec(&self) -> Option<&'static CommandSpec> {
        let name = match self {
            Self::In(_, command) => return command.spec(),
            Self::Say(_) | Self::Visit { to: VisitTo::Room(_), .. } => "say",
            Self::Me(_) | Self::Visit { to: VisitTo::Action(_), .. } => "me",
            Self::Msg { .. } | Self::Visit { to: VisitTo::Person(_), .. } => "msg",
            Self::Reply(_) => "reply",
            Self::Nick(_) | Self::Rename(_) => "nick",
            Self::Join(_) => "join",
            Self::Leave => "leave",
            Self::Rooms => "rooms",
            Self::Topic(_) => "topic",
            Self::History(_) | Self::HistoryAfter(..) => "history",
            Self::Whois(_) => "whois",
            Self::Away(_) => "away",
            Self::Back => "back",
            Self::Ignore(_) => "ignore",
            Self::Unignore(_) => "unignore",
            Self::Quiet(_) => "quiet",
            Self::Time(_) => "time",
            Self::Who(_) | Self::UserList => "who",
            Self::Help(_) => "help",
            Self::Stay => "stay",
            Self::Echo(_) => "echo",
            Self::Ping => "ping",
            Self::Version => "version",
            Self::Uptime => "uptime",
            Self::Quit(_) => "quit",
        };
        COMMANDS.iter().find(|spec| spec.name == name)
    }

    /// What this command costs its session.
    #[must_use]
    pub fn cost(&self) -> Cost {
        match self {
            Self::Say(_) => Cost::Lines(1),     // the common case needs no look-up
            Self::Topic(None) => Cost::Request, // nobody else hears it
            Self::In(_, command) => command.cost(),
            other => other.spec().map_or(Cost::Lines(1), |spec| spec.cost),
        }
    }
}

/// Characters of a word nobody knows that are repeated to who typed it.
const REPEATED: usize = 24;

/// The row for a word in any case: a name or an alias, else the unique beginning of a name, else
/// the unique beginning of an alias.
///
/// `literally` is what the refusal tells to type instead, if the word was meant as text.
///
/// # Errors
/// [`Refusal::UnknownCommand`] or [`Refusal::Ambiguous`].
pub fn find_command(word: &str, literally: &str) -> Result<&'static CommandSpec, Refusal> {
    let lower = word.to_lowercase();
    let exact = |spec: &&CommandSpec| spec.name == lower || spec.aliases.contains(&lower.as_str());
    if let Some(spec) = COMMANDS.iter().find(exact) {
        return Ok(spec);
    }
    let by_name = |spec: &CommandSpec| spec.name.starts_with(&lower);
    let by_alias = |spec: &CommandSpec| spec.aliases.iter().any(|alias| alias.starts_with(&lower));
    let unknown = || Refusal::UnknownCommand {
        word: shortened(word, REPEATED),
        literally: literally.to_owned(),
        like: like(&lower),
    };
    if lower.is_empty() {
        return Err(unknown());
    }
    let mut found: Vec<_> = COMMANDS.iter().filter(|spec| by_name(spec)).collect();
    if found.is_empty() {
        found = COMMANDS.iter().filter(|spec| by_alias(spec)).collect();
    }
    match found.as_slice() {
        [] => Err(unknown()),
        [spec] => Ok(spec),
        many => Err(Refusal::Ambiguous {
            word: shortened(word, REPEATED),
            among: many.iter().map(|spec| spec.name).collect(),
        }),
    }
}

/// The command that a mistyped word was perhaps meant to be: at most two slips away, and nearer
/// than half the word.
fn like(word: &str) -> Option<&'static str> {
    let length = word.chars().count();
    if length > 12 {
        return None;
    }
    let slips = |spec: &CommandSpec| {
        let names = spec.aliases.iter().filter(|alias| alias.len() > 2).chain([&spec.name]);
        // The others are more than two slips away without counting them, which is what costs.
        let names = names.filter(|name| name.len().abs_diff(length) <= 2);
        names.map(|name| strsim::damerau_levenshtein(word, name)).min().unwrap_or(usize::MAX)
    };
    let best = COMMANDS.iter().min_by_key(|spec| slips(spec))?;
    let slips = slips(best);
    (slips <= 2 && slips * 2 < length.max(3)).then_some(best.name)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn found(word: &str) -> Result<&'static str, Refusal> {
        find_command(word, "").map(|spec| spec.name)
    }

    #[test]
    fn names_aliases_and_unique_beginnings_in_any_case() {
        for (word, name) in [
            ("who", "who"),
            ("WHO", "who"),
            ("?", "help"),
            ("h", "help"),
            ("he", "help"),
            ("m", "msg"),
            ("ms", "msg"),
            ("w", "msg"),
            ("q", "quit"),
            ("by", "quit"),
            ("ex", "quit"),
            ("e", "echo"),
            ("te", "msg"),
        ] {
            assert_eq!(found(word), Ok(name), "{word}");
        }
        assert_eq!(found("S"), Err(Refusal::Ambiguous { word: "S".into(), among: vec!["stay", "say"] }));
    }

    #[test]
    fn a_slip_is_understood_but_not_obeyed() {
        let like = |word: &str| match found(word) {
            Err(Refusal::UnknownCommand { like, .. }) => like,
            other => panic!("{word}: {other:?}"),
        };
        assert_eq!(like("mgs"), Some("msg"));
        assert_eq!(like("hlep"), Some("help"));
        assert_eq!(like("qiut"), Some("quit"));
        assert_eq!(like("xyzzy"), None);
        assert_eq!(like(""), None);
        assert_eq!(like(&"a".repeat(4000)), None);
    }

    #[test]
    fn every_row_fits_the_help_and_has_names_of_its_own() {
        let mut names = std::collections::HashSet::new();
        for spec in &COMMANDS {
            assert!(spec.brief.chars().count() <= CommandSpec::MAX_BRIEF, "{}", spec.name);
            assert!(spec.help.chars().count() <= 70, "{}", spec.name);
            for name in spec.aliases.iter().chain([&spec.name]) {
                assert!(names.insert(*name), "{name} twice");
            }
        }
    }

    #[test]
    fn words_that_do_not_fit_show_the_usage() {
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
