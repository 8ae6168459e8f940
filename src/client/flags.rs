//! The command line of `parlor-cli`.

use std::time::Duration;

use clap::{Parser, Subcommand};
use regex::Regex;

use super::ClientError;
use crate::cli::parse_positive_time;
use crate::config::Config;
use crate::protocol::Nick;
use crate::wire::Wire;

const EXAMPLES: &str = "\
Examples:
  parlor-cli                                    talk, to the server on this machine
  parlor-cli -n ann chat.example:8000           talk elsewhere, as ann
  parlor-cli send -n deploy 'build 57 is up'    say one line; exit code 0 when everybody has it
  make 2>&1 | parlor-cli -n make                say every line of it, at a pleasant pace
  parlor-cli tail --json | jq -r .Data          what is said, for programs
  parlor-cli expect '^ann: (yes|no)' --timeout 1h

In a terminal: Tab completes commands and names, /help lists the commands, /quit or Ctrl-D leaves.
Colours are for terminals only; NO_COLOR=1 turns them off.

Exit codes: 0 done, 1 refused (expect: nothing matched in time), 2 wrong usage, 3 no server or no
answer from it.";

/// Talk in a Parlor: in a terminal, or from scripts.
#[derive(Debug, Clone, Parser)]
#[command(name = "parlor-cli", version, after_help = EXAMPLES, max_term_width = 100)]
pub struct Flags {
    /// The server, before the command: HOST, `HOST:PORT` or `[::1]:PORT`. The port is that of --wire: text 8000, json
    /// 8999, frame 9999
    #[arg(value_name = "HOST[:PORT]", default_value = "127.0.0.1", env = "PARLOR_HOST")]
    pub host: String,

    /// The name to take
    #[arg(short, long, global = true, value_name = "NAME", value_parser = parse_nick)]
    pub name: Option<Nick>,

    /// The language of the door: text, json or frame
    #[arg(long, global = true, value_name = "WIRE", default_value = "text", value_parser = parse_wire)]
    pub wire: Wire,

    /// The server may take so long to answer; expect: a line may take so long to come
    #[arg(long, global = true, value_name = "TIME", default_value = "5s", value_parser = parse_positive_time)]
    pub timeout: Duration,

    /// What to do; without it, talk (in a terminal) or say every line of standard input
    #[command(subcommand)]
    pub action: Option<Action>,
}

/// What scripts can ask for.
// Each has its usage spelt out: clap's own leaves the server out, and whoever writes it behind the command
// would not be told where it goes.
#[derive(Debug, Clone, Subcommand)]
pub enum Action {
    /// Say a line, as it stands; done when the server has sent it to everybody
    #[command(override_usage = "parlor-cli [HOST[:PORT]] send [OPTIONS] <TEXT>...")]
    Send {
        /// What to say; several lines are said as several
        #[arg(value_name = "TEXT", required = true, allow_hyphen_values = true)]
        text: Vec<String>,
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
    /// Lines are matched as tail prints them: `ann: hi`, `* ann waves`, `>>> ann: psst`; and besides those, comings
    /// and goings: `*** ann came`, `*** ann left`, `*** ann is now bob`.
    #[command(override_usage = "parlor-cli [HOST[:PORT]] expect [OPTIONS] <REGEX>")]
    Expect {
        /// A regular expression, found anywhere in the line
        #[arg(value_name = "REGEX")]
        regex: Regex,
    },
    /// Print the names of those who are here, a line each
    #[command(override_usage = "parlor-cli [HOST[:PORT]] who [OPTIONS]")]
    Who,
}

impl Flags {
    /// Where the server is, with its port.
    ///
    /// # Errors
    /// If that is no address.
    pub fn address(&self) -> Result<String, ClientError> {
        let wrong = || ClientError::Address { given: self.host.clone() };
        let default = Config::default_doors().into_iter().find(|door| door.wire.name() == self.wire.name());
        let port = default.map_or(0, |door| door.address.port());
        let host = self.host.trim();
        let (name, port) = match (host.strip_prefix('['), host.split_once(':')) {
            // In brackets, IPv6.
            (Some(rest), _) => match rest.split_once(']') {
                Some((ip, "")) => (ip, Ok(port)),
                Some((ip, rest)) => (ip, rest.strip_prefix(':').ok_or_else(wrong)?.parse()),
                None => return Err(wrong()),
            },
            (None, Some((name, rest))) if !rest.contains(':') => (name, rest.parse()),
            // Without brackets it has no port.
            _ => (host, Ok(port)),
        };
        let port: u16 = port.map_err(|_| wrong())?;
        let is_ipv6 = name.contains(':');
        if name.is_empty()
            || name.contains(char::is_whitespace)
            || is_ipv6 && name.parse::<std::net::Ipv6Addr>().is_err()
        {
            return Err(wrong());
        }
        Ok(if is_ipv6 { format!("[{name}]:{port}") } else { format!("{name}:{port}") })
    }
}

fn parse_nick(text: &str) -> Result<Nick, String> {
    Nick::parse(text).map_err(|refusal| refusal.to_string())
}

fn parse_wire(text: &str) -> Result<Wire, String> {
    let wire = Wire::from_scheme(text).filter(|wire| *wire != Wire::Relay);
    wire.ok_or_else(|| "there are text, json (also json+gf3 and the like) and frame".to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;
    use clap::CommandFactory;

    fn address(args: &[&str]) -> Result<String, String> {
        let flags = Flags::try_parse_from(["parlor-cli"].iter().chain(args)).map_err(|error| error.to_string())?;
        flags.address().map_err(|error| error.to_string())
    }

    #[test]
    fn flags_are_consistent() {
        Flags::command().debug_assert();
    }

    #[test]
    fn an_address_may_leave_out_its_port() {
        for (args, wanted) in [
            (&["localhost"][..], "localhost:8000"),
            (&["localhost", "--wire", "json"], "localhost:8999"),
            (&["localhost", "--wire", "frame"], "localhost:9999"),
            (&["--wire", "json+gf7", "localhost", "who"], "localhost:8999"),
            (&["10.0.0.7:81"], "10.0.0.7:81"),
            (&["[::1]:81"], "[::1]:81"),
            (&["[::1]"], "[::1]:8000"),
            (&["::1"], "[::1]:8000"),
        ] {
            assert_eq!(address(args).as_deref(), Ok(wanted), "{args:?}");
        }
        for wrong in ["", "host:", "host:x", "host:99999", "[::1", "[::1]81", "[::1]:", ":81", "a b", "1:2:x", "[h]:"] {
            assert!(address(&[wrong]).is_err(), "{wrong}");
        }
    }

    #[test]
    fn a_host_may_stand_before_what_to_do() {
        let flags = Flags::try_parse_from(["parlor-cli", "h:1", "send", "-n", "ann", "a", "-x", "b"]).unwrap();
        assert_eq!(flags.host, "h:1");
        assert_eq!(flags.name.unwrap().as_str(), "ann");
        assert!(matches!(flags.action, Some(Action::Send { text }) if text == ["a", "-x", "b"]));
        let flags = Flags::try_parse_from(["parlor-cli", "expect", "x", "--timeout", "2m"]).unwrap();
        assert_eq!(flags.timeout, Duration::from_secs(120));
        // Who puts it behind is told where it goes.
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
}
