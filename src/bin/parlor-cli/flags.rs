//! The command line of `parlor-cli`.

use std::time::Duration;

use clap::{Parser, Subcommand};
use regex::Regex;

use parlor::flags::read_positive_time;
use parlor::protocol::{Nick, RoomName};
use parlor::wire::Wire;

const EXAMPLES: &str = "\
Examples:
  parlor-cli                                    talk, to the server on this machine
  parlor-cli -n ann chat.example:8000           talk elsewhere, as ann
  parlor-cli send -n deploy 'build 57 is up'    say one line; exit code 0 when everybody has it
  parlor-cli send --room dev 'build 57 is up'   say it in #dev
  parlor-cli send --to eve 'psst'               say it to eve alone
  parlor-cli send -- '--help is not needed'     say a line that begins with a dash
  make 2>&1 | parlor-cli -n make                say every line of it, at a pleasant pace
  parlor-cli tail --json | jq -r .Data          what is said, for programs
  parlor-cli expect '^ann: (yes|no)' --timeout 1h

In a terminal: Tab completes commands and names, /help lists the commands, /quit or Ctrl-D leaves.
/time on shows local times. The name, the server and the options of the last conversation are
remembered in $XDG_CONFIG_HOME/parlor/cli.toml (~/.config/parlor/cli.toml); a flag counts more than
a variable, a variable more than that file. What was typed is kept beside it, private lines are not.
Scripts (send, tail, expect, who, pipes) neither read nor write these files.
Colours are for terminals only; NO_COLOR=1 turns them off. If standard output is no terminal, or
TERM is dumb, empty or unset, lines are plain.

When the connection breaks, talking, tail, expect and pipes connect again: after 0.5 s, then after
twice as long each time, 30 s at most. A pipe says the line again that was on its way: none is lost,
one may come twice. Lines longer than the server takes are said in parts; colours are left out.

Variables: PARLOR_HOST as HOST[:PORT], PARLOR_NAME as --name.

Exit codes: 0 done, 1 refused (expect: nothing matched in time), 2 wrong usage, 3 no server or no
answer from it.";

/// Talk in a Parlor: in a terminal, or from scripts.
#[derive(Debug, Clone, Parser)]
#[command(name = "parlor-cli", version, after_help = EXAMPLES, max_term_width = 100)]
pub(super) struct Flags {
    /// The server, before the command: HOST, `HOST:PORT` or `[::1]:PORT`. The port is that of --wire: text 8000, json
    /// 8999, frame 9999 [default: 127.0.0.1]
    #[arg(value_name = "HOST[:PORT]")]
    pub host: Option<String>,

    /// The name to take
    #[arg(short, long, global = true, value_name = "NAME", value_parser = parse_nick)]
    pub name: Option<Nick>,

    /// The room to talk or listen in, instead of #lobby
    ///
    /// By --wire json and frame, send says the line without joining: the room sees that line and nothing else. By text
    /// it joins, and the room sees the join and the leave.
    #[arg(long, global = true, value_name = "ROOM", value_parser = parse_room)]
    pub room: Option<RoomName>,

    /// The language of the door: text, json or frame [default: text; send without a port: json if it answers]
    #[arg(long, global = true, value_name = "WIRE", value_parser = parse_wire)]
    pub wire: Option<Wire>,

    /// Longest wait for an answer of the server; expect: longest wait for the line
    #[arg(long, global = true, value_name = "TIME", default_value = "5s", value_parser = read_positive_time)]
    pub timeout: Duration,

    /// End when the connection breaks, instead of connecting again
    #[arg(long, global = true)]
    pub no_reconnect: bool,

    /// In a terminal: ring the bell for private lines and for lines with your name in them
    #[arg(long, value_name = "on|off", num_args = 0..=1, require_equals = true, default_missing_value = "on", value_parser = parse_switch)]
    pub bell: Option<bool>,

    /// In a terminal: the local time before each line, as /time on
    #[arg(long, value_name = "on|off", num_args = 0..=1, require_equals = true, default_missing_value = "on", value_parser = parse_switch)]
    pub time: Option<bool>,

    /// The command; without one, talk (in a terminal) or say every line of standard input
    #[command(subcommand)]
    pub action: Option<Action>,
}

/// The commands for scripts.
// The usage of each is spelt out: clap's own leaves the server out, which must stand before the command.
#[derive(Debug, Clone, Subcommand)]
pub(super) enum Action {
    /// Say a line, as it stands; done when the server has sent it to everybody
    #[command(override_usage = "parlor-cli [HOST[:PORT]] send [OPTIONS] <TEXT>...")]
    Send {
        /// The text; several lines are said as several. Options may stand behind it; words behind -- are text
        #[arg(value_name = "TEXT", required = true)]
        text: Vec<String>,

        /// Say it to this person alone
        #[arg(long, value_name = "NAME")]
        to: Option<String>,
    },
    /// Print what is said from now on, a line each
    #[command(override_usage = "parlor-cli [HOST[:PORT]] tail [OPTIONS]")]
    Tail {
        /// As JSON objects: Act, From and Data, and what else the door tells of a line: by text Room and Address; by
        /// --wire json or frame Room, Id, Ts and Seq
        #[arg(long)]
        json: bool,
    },
    /// Wait for a line that matches, and print it
    ///
    /// Lines are matched as tail prints them: `ann: hi`, `* ann waves`, `>>> ann: psst`. Joins, leaves and new names are
    /// matched too: `*** ann came`, `*** ann left`, `*** ann is now bob`.
    #[command(override_usage = "parlor-cli [HOST[:PORT]] expect [OPTIONS] <REGEX>")]
    Expect {
        /// A regular expression, found anywhere in the line
        #[arg(value_name = "REGEX")]
        regex: Regex,
    },
    /// Print the names of the people in the room, a line each
    #[command(override_usage = "parlor-cli [HOST[:PORT]] who [OPTIONS]")]
    Who,
}

fn parse_nick(text: &str) -> Result<Nick, String> {
    Nick::parse(text).map_err(|refusal| refusal.to_string())
}

fn parse_room(text: &str) -> Result<RoomName, String> {
    RoomName::parse(text).map_err(|error| error.to_string())
}

fn parse_switch(text: &str) -> Result<bool, String> {
    match text {
        "on" => Ok(true),
        "off" => Ok(false),
        _ => Err("it is on or off".to_owned()),
    }
}

pub(super) fn parse_wire(text: &str) -> Result<Wire, String> {
    let wire = Wire::from_scheme(text).filter(|wire| matches!(wire, Wire::Text | Wire::Json(_) | Wire::Frame));
    wire.ok_or_else(|| "there are text, json (also json+gf3 and the like) and frame".to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;
    use clap::CommandFactory;

    #[test]
    fn flags_are_consistent() {
        Flags::command().debug_assert();
    }

    #[test]
    fn host_stands_before_the_command() {
        let flags = Flags::try_parse_from(["parlor-cli", "h:1", "send", "-n", "ann", "a", "--", "-x", "b"]).unwrap();
        assert_eq!(flags.host.as_deref(), Some("h:1"));
        assert_eq!(flags.name.unwrap().as_str(), "ann");
        assert!(matches!(flags.action, Some(Action::Send { text, .. }) if text == ["a", "-x", "b"]));
        let flags = Flags::try_parse_from(["parlor-cli", "expect", "x", "--timeout", "2m"]).unwrap();
        assert_eq!(flags.timeout, Duration::from_secs(120));
        // The usage tells where the server stands.
        let error = Flags::try_parse_from(["parlor-cli", "who", "h:1"]).unwrap_err().to_string();
        assert!(error.contains("Usage: parlor-cli [HOST[:PORT]] who"), "{error}");
        for command in Flags::command().get_subcommands_mut() {
            let usage = command.render_usage().to_string();
            assert!(usage.starts_with(&format!("Usage: parlor-cli [HOST[:PORT]] {}", command.get_name())), "{usage}");
        }
        for wrong in [&["expect", "("][..], &["--wire", "relay"], &["-n", "a b"], &["send"], &["--timeout", "0"]] {
            assert!(Flags::try_parse_from(["parlor-cli"].iter().chain(wrong)).is_err(), "{wrong:?}");
        }
    }

    /// Misplaced options were said aloud: `--to eve secret` went to everybody.
    #[test]
    fn unknown_option_anywhere_is_wrong_usage() {
        let parsed = |args: &[&str]| Flags::try_parse_from(["parlor-cli"].iter().chain(args));
        for wrong in [
            &["send", "--too", "eve", "secret"][..],
            &["send", "secret", "--too", "eve"],
            &["send", "secret", "--too=eve"],
            &["send", "-x", "secret"],
            &["send", "secret", "-x"],
            &["send", "-5"],
            &["send", "--to", "eve"],
            &["send", "--json", "x"],
            &["tail", "--jsn"],
            &["tail", "x"],
            &["expect", "x", "--timout", "1m"],
            &["expect", "-x"],
            &["expect", "x", "y"],
            &["who", "-a"],
            &["who", "x"],
            &["--bel"],
            &["--bell=loud"],
        ] {
            assert_eq!(parsed(wrong).map_err(|error| error.exit_code()).err(), Some(2), "{wrong:?}");
        }
        let sent = |args: &[&str]| match parsed(args).unwrap() {
            Flags { action: Some(Action::Send { text, to }), name, room, .. } => {
                (text.join(" "), to, name.map(|name| name.as_str().to_owned()), room.map(|room| room.to_string()))
            }
            other => panic!("{other:?}"),
        };
        let some = |text: &str| Some(text.to_owned());
        assert_eq!(sent(&["send", "x", "-n", "deploy"]), ("x".into(), None, some("deploy"), None));
        assert_eq!(sent(&["send", "a", "--to", "eve", "b"]), ("a b".into(), some("eve"), None, None));
        assert_eq!(sent(&["send", "--room=#Dev", "x"]), ("x".into(), None, None, some("#dev")));
        assert_eq!(sent(&["--room", "dev", "send", "x"]), ("x".into(), None, None, some("#dev")));
        assert_eq!(sent(&["send", "--", "--to", "eve", "-n"]), ("--to eve -n".into(), None, None, None));
        assert_eq!(sent(&["send", "a", "--", "-b"]), ("a -b".into(), None, None, None));
        assert_eq!(parsed(&["--bell"]).unwrap().bell, Some(true));
        assert_eq!(parsed(&["--bell=off", "h"]).unwrap().bell, Some(false));
        assert_eq!(parsed(&["--bell", "h"]).unwrap().host.as_deref(), Some("h"));
    }
}
