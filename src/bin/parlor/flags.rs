//! The command line of `parlor`: the settings of the library, and what only the program has.

use std::ffi::OsString;

use clap::Parser;
use log::LevelFilter;
use parlor::{Config, flags};

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
pub(super) struct Flags {
    #[command(flatten)]
    pub(super) settings: Config,

    /// off, error, warn, info, debug or trace; without it RUST_LOG decides, and without that it is info
    #[arg(long, value_name = "LEVEL", value_parser = parse_level, env = "PARLOR_LOG_LEVEL")]
    pub(super) log_level: Option<LevelFilter>,
}

impl Flags {
    /// Reads the command line and the variables.
    ///
    /// # Errors
    /// If a flag or a variable is wrong, or two flags do not go together.
    pub(super) fn read(words: impl IntoIterator<Item = OsString>) -> Result<Self, clap::Error> {
        let words: Vec<OsString> = words.into_iter().collect();
        flags::parse::<Self>(&words)?.with_doors().map_err(|sentence| {
            <Self as clap::CommandFactory>::command().error(clap::error::ErrorKind::ArgumentConflict, sentence)
        })
    }

    fn with_doors(self) -> Result<Self, String> {
        Ok(Self { settings: self.settings.with_doors()?, ..self })
    }
}

fn parse_level(text: &str) -> Result<LevelFilter, String> {
    text.parse().map_err(|_| "write off, error, warn, info, debug or trace".to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;
    use clap::CommandFactory;
    use proptest::collection::vec;
    use proptest::prelude::*;

    fn settings(words: impl IntoIterator<Item = String>) -> Result<Config, String> {
        let words = ["parlor".to_owned()].into_iter().chain(words);
        let flags = Flags::try_parse_from(words).map_err(|error| error.to_string())?;
        flags.with_doors().map(|flags| flags.settings)
    }

    /// A flag of the program with a value that is right for one of them, or any word.
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

        #[test]
        fn command_line_gives_settings_or_a_sentence(words in vec(word(), 0..3)) {
            match settings(words) {
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
    fn flags_have_the_defaults_of_the_library() {
        Flags::command().debug_assert();
        assert_eq!(format!("{:?}", settings([]).unwrap()), format!("{:?}", Config::default()));
    }

    #[test]
    fn idle_limit_given_counts_for_everybody() {
        let seconds = |words: &[&str]| {
            let limits = settings(words.iter().map(ToString::to_string)).unwrap().idle_limits();
            (limits.at_first.as_secs(), limits.later.as_secs())
        };
        assert_eq!(seconds(&[]), (30, 1800));
        assert_eq!(seconds(&["--idle", "5m"]), (300, 300));
        assert_eq!(seconds(&["--idle", "0"]), (0, 0));
        assert_eq!(seconds(&["--classic"]), (30, 30));
        assert_eq!(seconds(&["--classic", "--idle", "5m"]), (300, 300));
    }
}
