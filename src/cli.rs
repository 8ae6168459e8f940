//! The command line: every flag, its `PARLOR_…` variable, and what makes a [`Config`] of them.

use std::ffi::OsString;
use std::net::SocketAddr;
use std::time::Duration;

use clap::Parser;
use log::LevelFilter;

use crate::config::{Addresses, Config, Listen};
use crate::variables;
use crate::wire::{Framing, Wire};

const EXAMPLES: &str = "\
Examples:
  parlor                                          chat on this machine: nc 127.0.0.1 8000
  parlor --listen text://[::]:8000                let others in, by IPv4 and IPv6
  parlor --listen text://[::]:8000 --listen relay://127.0.0.1:8888 --idle 10m
  PARLOR_IDLE=0 parlor --rate 0 --request-rate 0  nobody is timed out, nobody is slowed down

Signals INT, TERM, HUP and QUIT stop it gracefully. A second one (not HUP), a second or more
after the first, ends it at once.
Exit codes: 0 stopped as asked, 1 could not run, 2 wrong usage, 130 a second signal.";

/// A line-chat server: people chat with nothing but nc or telnet.
#[derive(Debug, Clone, Parser)]
#[command(name = "parlor", version, about, after_help = EXAMPLES, max_term_width = 100)]
pub struct Flags {
    /// A door: text:// for people, relay:// for GoChat's client, json:// for programs and gtcp's clients, frame:// for
    /// tnet's clients. Repeatable; port 0 takes a free port
    ///
    /// json+gf3:// and the like fix the framing of a JSON door (gf1, gf2, gf3, gf4, gf7, lines). Without any --listen:
    /// text://127.0.0.1:8000 and, where they are free, relay on port 8888, json on 8999 and frame on 9999.
    #[arg(long, value_name = "SCHEME://IP:PORT", value_parser = parse_listen, env = "PARLOR_LISTEN", value_delimiter = ',')]
    pub listen: Vec<Listen>,

    /// Most sessions at once, over all doors
    #[arg(long, value_name = "N", default_value_t = 4096, value_parser = clap::value_parser!(u32).range(1..=1_000_000), env = "PARLOR_MAX_CLIENTS")]
    pub max_clients: u32,

    /// Most sessions at once from one address (IPv6: one /64), loopback excepted; 0 = no limit
    #[arg(long, value_name = "N", default_value_t = 0, env = "PARLOR_MAX_PER_ADDRESS")]
    pub max_per_address: u32,

    /// Most sessions of the JSON and frame doors that have sent nothing yet, at most half of all; 0 = no limit
    ///
    /// Beyond it, one that has been silent for 10 s makes room for the next caller, the oldest first; while there is none,
    /// the caller is refused.
    #[arg(long, value_name = "N", default_value_t = 1024, env = "PARLOR_MAX_SILENT")]
    pub max_silent: u32,

    /// Whether people see each other's addresses, or a tag like guest-7f3a9c12 in their place
    #[arg(long, value_name = "shown|masked", value_enum, hide_possible_values = true, default_value_t = Addresses::Shown, env = "PARLOR_ADDRESSES")]
    pub addresses: Addresses,

    /// A text session that is silent for this time is disconnected, after a warning; 0 = never [default: 30s until it has
    /// said a line or taken a name, then 30m]
    #[arg(long, value_name = "TIME", value_parser = parse_idle, env = "PARLOR_IDLE")]
    pub idle: Option<Duration>,

    /// The text door says unasked only what the old chat room said, for scripts that parse every line
    ///
    /// No line begins *** or --- unless it answers a command, joins and leaves are told one by one, and without --idle
    /// everybody may be silent for 30 s.
    #[arg(long, env = "PARLOR_CLASSIC", value_parser = clap::builder::BoolishValueParser::new())]
    pub classic: bool,

    /// Lines a second that a session may send in the long run; more are delayed; 0 = no limit
    ///
    /// A list counts as 2 lines, a rename as 5.
    #[arg(long, value_name = "N", default_value_t = 5, env = "PARLOR_RATE")]
    pub rate: u32,

    /// Lines that a session may send at once
    #[arg(long, value_name = "N", default_value_t = 40, value_parser = clap::value_parser!(u32).range(1..), env = "PARLOR_BURST")]
    pub burst: u32,

    /// Requests a second that are answered to the asker alone, such as an echo or a ping; 0 = no limit
    #[arg(long, value_name = "N", default_value_t = 1000, env = "PARLOR_REQUEST_RATE")]
    pub request_rate: u32,

    /// Longest line of the text door, in bytes
    #[arg(long, value_name = "BYTES", default_value_t = 4096, value_parser = clap::value_parser!(u32).range(64..=Config::MAX_LINE as i64), env = "PARLOR_MAX_LINE")]
    pub max_line: u32,

    /// Longest packet of the JSON door, in bytes
    #[arg(long, value_name = "BYTES", default_value_t = 65_535, value_parser = clap::value_parser!(u32).range(64..=65_535), env = "PARLOR_MAX_PACKET")]
    pub max_packet: u32,

    /// Longest data of a frame, in bytes
    #[arg(long, value_name = "BYTES", default_value_t = 65_536, value_parser = clap::value_parser!(u32).range(64..=16_777_216), env = "PARLOR_MAX_FRAME")]
    pub max_frame: u32,

    /// How often a frame session is sent a heartbeat; 0 = never
    #[arg(long, value_name = "TIME", default_value = "5s", value_parser = parse_time, env = "PARLOR_HEARTBEAT")]
    pub heartbeat: Duration,

    /// A JSON session that has neither joined nor said anything after this time is asked to leave; 0 = never
    #[arg(long, value_name = "TIME", default_value = "10s", value_parser = parse_time, env = "PARLOR_JOIN_GRACE")]
    pub join_grace: Duration,

    /// Most rooms at once, the lobby among them
    #[arg(long, value_name = "N", default_value_t = 256, value_parser = clap::value_parser!(u32).range(1..=65_536), env = "PARLOR_MAX_ROOMS")]
    pub max_rooms: u32,

    /// Lines that each room keeps; 0 = none
    #[arg(long, value_name = "N", default_value_t = 200, value_parser = clap::value_parser!(u32).range(..=100_000), env = "PARLOR_HISTORY")]
    pub history: u32,

    /// Lines of them that are shown to somebody who comes into the room
    #[arg(long, value_name = "N", default_value_t = 10, value_parser = clap::value_parser!(u32).range(..=1000), env = "PARLOR_HISTORY_SHOWN")]
    pub history_shown: u32,

    /// Most bytes that wait for one session, but for one answer
    #[arg(long, value_name = "BYTES", default_value_t = 1024 * 1024, value_parser = clap::value_parser!(u32).range(Config::MIN_PENDING as i64..), env = "PARLOR_MAX_PENDING")]
    pub max_pending: u32,

    /// Time in which a session must take 4 KiB of what waits, or it is closed
    #[arg(long, value_name = "TIME", default_value = "10s", value_parser = parse_positive_time, env = "PARLOR_WRITE_TIMEOUT")]
    pub write_timeout: Duration,

    /// Longest duration of a stop, whatever clients do
    #[arg(long, value_name = "TIME", default_value = "3s", value_parser = parse_positive_time, env = "PARLOR_DRAIN")]
    pub drain: Duration,

    /// The node part of session ids, 0 to 1023
    #[arg(long, value_name = "N", default_value_t = 1, value_parser = clap::value_parser!(u16).range(..=1023), env = "PARLOR_NODE")]
    pub node: u16,

    /// off, error, warn, info, debug or trace; without it RUST_LOG says, and without that it is info
    #[arg(long, value_name = "LEVEL", value_parser = parse_level, env = "PARLOR_LOG_LEVEL")]
    pub log_level: Option<LevelFilter>,
}

impl Flags {
    /// Reads the command line and the variables. A variable that is empty counts as not set.
    ///
    /// # Errors
    /// If a flag or a variable is wrong. The error names the variable that a wrong value comes from.
    pub fn read<I>(words: I) -> Result<Self, clap::Error>
    where
        I: IntoIterator<Item: Into<OsString> + Clone>,
    {
        let words: Vec<OsString> = words.into_iter().map(Into::into).collect();
        variables::parse(&words)
    }

    /// The settings that the flags ask for.
    ///
    /// # Errors
    /// A sentence, if two flags do not go together.
    pub fn config(&self) -> Result<Config, String> {
        for (index, listen) in self.listen.iter().enumerate() {
            if let Some(sentence) = self.listen.iter().take(index).find_map(|other| other.overlap(listen)) {
                return Err(sentence);
            }
        }
        Ok(Config {
            listen: if self.listen.is_empty() { Config::default_doors() } else { self.listen.clone() },
            max_clients: self.max_clients as usize,
            max_per_address: self.max_per_address as usize,
            max_silent: self.max_silent as usize,
            addresses: self.addresses,
            idle: self.idle,
            classic: self.classic,
            rate: self.rate,
            burst: self.burst,
            request_rate: self.request_rate,
            max_line: self.max_line as usize,
            max_packet: self.max_packet as usize,
            max_frame: self.max_frame as usize,
            heartbeat: self.heartbeat,
            join_grace: self.join_grace,
            max_rooms: self.max_rooms as usize,
            history: self.history as usize,
            history_shown: self.history_shown as usize,
            max_pending: self.max_pending as usize,
            write_timeout: self.write_timeout,
            drain: self.drain,
            node: self.node,
        })
    }
}

fn parse_listen(text: &str) -> Result<Listen, String> {
    let example = "write it like text://127.0.0.1:8000 or text://[::]:8000";
    let (scheme, address) = text.split_once("://").ok_or_else(|| format!("no scheme; {example}"))?;
    let wire = Wire::from_scheme(scheme).ok_or_else(|| {
        let known: Vec<_> = Wire::ALL.iter().map(|wire| wire.name()).collect();
        let framings: Vec<_> = Framing::ALL.iter().map(|framing| framing.name()).collect();
        let (known, framings) = (known.join(", "), framings.join(", "));
        format!("no scheme {scheme:?}; there are {known}, and json+FRAMING where that is {framings}")
    })?;
    let numeric = address.strip_prefix("localhost:").map(|port| format!("127.0.0.1:{port}"));
    let address: SocketAddr = numeric
        .as_deref()
        .unwrap_or(address)
        .parse()
        .map_err(|_| format!("{address:?} is no IP address with a port up to 65535; {example}"))?;
    Ok(Listen::required(wire, address))
}

fn parse_level(text: &str) -> Result<LevelFilter, String> {
    text.parse().map_err(|_| "write off, error, warn, info, debug or trace".to_owned())
}

/// `30`, `30s`, `5m`, `2h`, `500ms`.
fn parse_time(text: &str) -> Result<Duration, String> {
    let digits = text.find(|c: char| !c.is_ascii_digit()).unwrap_or(text.len());
    let (number, unit) = text.split_at(digits);
    let wrong = || "write a time like 30, 30s, 5m, 2h or 500ms".to_owned();
    let number: u64 = number.parse().map_err(|_| wrong())?;
    let ms = match unit {
        "ms" => Some(number),
        "" | "s" => number.checked_mul(1000),
        "m" => number.checked_mul(60_000),
        "h" => number.checked_mul(3_600_000),
        _ => return Err(wrong()),
    };
    // A year is longer than anybody waits, and keeps sums of times far from overflow.
    ms.filter(|ms| *ms <= 366 * 24 * 3_600_000).map(Duration::from_millis).ok_or_else(|| "at most a year".to_owned())
}

/// People are told of it in whole seconds.
fn parse_idle(text: &str) -> Result<Duration, String> {
    let time = parse_time(text)?;
    if time.is_zero() || time >= Duration::from_secs(1) {
        Ok(time)
    } else {
        Err("at least 1s, or 0 for never".to_owned())
    }
}

/// A time like `30s`, more than 0.
///
/// # Errors
/// A sentence, if it is no such time.
pub fn parse_positive_time(text: &str) -> Result<Duration, String> {
    let time = parse_time(text)?;
    if time.is_zero() { Err("it must be more than 0".to_owned()) } else { Ok(time) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use clap::CommandFactory;
    use proptest::collection::vec;
    use proptest::prelude::*;

    /// A flag of ours with a value that is right for one of them, or something else.
    fn word() -> impl Strategy<Value = String> {
        let command = Flags::command();
        let flags: Vec<_> = command.get_arguments().filter_map(|flag| flag.get_long().map(str::to_owned)).collect();
        let value = prop::sample::select(vec![
            "text://127.0.0.1:0",
            "json+gf3://[::]:8999",
            "relay://localhost:1",
            "frame://",
            "0",
            "1",
            "1024",
            "65536",
            "4294967296",
            "18446744073709551616",
            "-1",
            "1m",
            "500ms",
            "0s",
            "masked",
            "debug",
            "",
            "é\u{202e}",
        ]);
        let flag = (prop::sample::select(flags), value).prop_map(|(flag, value)| format!("--{flag}={value}"));
        prop_oneof![6 => flag, 1 => "\\PC{0,12}"]
    }

    proptest! {
        #![proptest_config(ProptestConfig { failure_persistence: None, cases: 4000, ..ProptestConfig::default() })]

        /// Whatever stands there, it runs by it or says why not.
        #[test]
        fn any_command_line_makes_a_config_within_its_bounds_or_a_sentence(words in vec(word(), 0..3)) {
            let config = Flags::try_parse_from(["parlor".to_owned()].into_iter().chain(words))
                .map_err(|error| error.to_string())
                .and_then(|flags| flags.config());
            match config {
                Ok(config) => {
                    prop_assert!(!config.listen.is_empty() && config.max_clients > 0 && config.node < 1024);
                    prop_assert!(config.max_rooms > 0 && config.max_line <= Config::MAX_LINE && !config.drain.is_zero());
                    prop_assert!(config.max_pending >= Config::MIN_PENDING);
                }
                Err(sentence) => prop_assert!(!sentence.trim().is_empty()),
            }
        }
    }

    #[test]
    fn flags_are_consistent_and_their_defaults_are_the_library_s() {
        Flags::command().debug_assert();
        let config = Flags::try_parse_from(["parlor"]).unwrap().config().unwrap();
        assert_eq!(format!("{config:?}"), format!("{:?}", Config::default()));
    }

    #[test]
    fn given_idle_limit_counts_for_everybody() {
        let seconds = |words: &[&str]| {
            let flags = Flags::try_parse_from(["parlor"].iter().chain(words)).unwrap();
            let limits = flags.config().unwrap().idle_limits();
            (limits.at_first.as_secs(), limits.later.as_secs())
        };
        assert_eq!(seconds(&[]), (30, 1800));
        assert_eq!(seconds(&["--idle", "5m"]), (300, 300));
        assert_eq!(seconds(&["--idle", "0"]), (0, 0));
        assert_eq!(seconds(&["--classic"]), (30, 30));
        assert_eq!(seconds(&["--classic", "--idle", "5m"]), (300, 300));
    }

    #[test]
    fn times_are_written_as_people_write_them() {
        let ms = |text| parse_time(text).map(|time| time.as_millis());
        assert_eq!(ms("30"), Ok(30_000));
        assert_eq!(ms("30s"), Ok(30_000));
        assert_eq!(ms("5m"), Ok(300_000));
        assert_eq!(ms("2h"), Ok(7_200_000));
        assert_eq!(ms("500ms"), Ok(500));
        assert_eq!(ms("0"), Ok(0));
        for wrong in ["", "s", "5 m", "-1", "1.5s", "5d", "99999999999999999999", "9999999h"] {
            assert!(parse_time(wrong).is_err(), "{wrong:?}");
        }
    }

    #[test]
    fn a_wrong_door_says_how_to_write_one() {
        let listen = |text| parse_listen(text).map(|listen| listen.to_string());
        assert_eq!(listen("text://[::]:8000").as_deref(), Ok("text://[::]:8000"));
        assert_eq!(listen("relay://localhost:0").as_deref(), Ok("relay://127.0.0.1:0"));
        for wrong in [
            "8000",
            "text:8000",
            "text://8000",
            "http://127.0.0.1:80",
            "text://example.org:1",
            "text://127.0.0.1:99999",
        ] {
            assert!(listen(wrong).is_err(), "{wrong}");
        }
    }
}
