//! The table of commands: one row for each.
//!
//! Everything that depends on a command's name follows from its row: what people type, the acts and routes
//! of programs, `/help`, the README's list, completion in parlor-cli, suggestions, rate limits and
//! backpressure.

use super::command_spec::{CommandSpec, Cost, OthersHear, words};
use super::lookup::find_command;
use super::{Charset, Command, Nick, RoomName};

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
            if args.is_empty() {
                Ok(Command::Who(None))
            } else {
                RoomName::parse(args).map(|room| Command::Who(Some(room)))
            }
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
            if args.is_empty() { Err(spec.usage_refusal()) } else { RoomName::parse(args).map(Command::Join) }
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
        brief: "hide what one says",
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
        brief: "see it again",
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
