//! The command lines of both programs: whatever stands there, they run by it or say why not.
//!
//! The first byte chooses the program, the lines behind it are the arguments. In them each byte from
//! 128 on stands for a word that means something, so that mutations soon write what is nearly right.
//! Bit 1 of the first byte makes every two bytes behind it a flag and its value.
#![no_main]

use std::cell::RefCell;

use clap::error::ErrorKind;
use clap::{Command, CommandFactory, FromArgMatches};
use libfuzzer_sys::fuzz_target;
use parlor::{Config, Wire};

#[allow(dead_code, reason = "parts of it are for the program only")]
#[path = "../../../src/bin/parlor-cli/address.rs"]
mod address;
#[allow(dead_code, reason = "parts of it are for the program only")]
#[path = "../../../src/bin/parlor-cli/flags.rs"]
mod client;
#[allow(dead_code, reason = "parts of it are for the program only")]
#[path = "../../../src/bin/parlor-cli/error.rs"]
mod error;
#[allow(dead_code, reason = "parts of it are for the program only")]
#[path = "../../../src/bin/parlor/flags.rs"]
mod server;

/// The words of the bytes from 128 on, over and over.
const WORDS: [&str; 52] = [
    "--listen\n",
    "--max-clients\n",
    "--max-per-address\n",
    "--idle\n",
    "--rate\n",
    "--burst\n",
    "--max-line\n",
    "--max-packet\n",
    "--max-frame\n",
    "--heartbeat\n",
    "--join-grace\n",
    "--max-rooms\n",
    "--history\n",
    "--history-shown\n",
    "--max-pending\n",
    "--write-timeout\n",
    "--drain\n",
    "--node\n",
    "--log-level\n",
    "--max-silent\n",
    "--addresses\n",
    "--name\n",
    "--wire\n",
    "--timeout\n",
    "send\n",
    "tail\n",
    "expect\n",
    "who\n",
    "--json\n",
    "text://",
    "relay://",
    "json+gf3://",
    "frame://",
    "127.0.0.1:",
    "[::1]:",
    "[::]:",
    "localhost:",
    "shown",
    "masked",
    "0",
    "1",
    "1024",
    "65535",
    "65536",
    "1000001",
    "4294967296",
    "18446744073709551616",
    "ms",
    "m",
    "h",
    "\u{e9}\u{202e}",
    "\n",
];

/// The first of them are flags, the last values.
const FLAGS: usize = 24;
const VALUES: usize = 37;

thread_local! {
    static PARSERS: RefCell<[Command; 2]> = RefCell::new([server::Flags::command(), client::Flags::command()]);
}

fuzz_target!(|data: &[u8]| {
    let Some((choice, rest)) = data.split_first() else { return };
    let mut text = String::new();
    for (at, byte) in rest.iter().enumerate() {
        match byte.checked_sub(128) {
            _ if choice & 2 != 0 && at % 2 == 0 => text.push_str(WORDS[usize::from(*byte) % FLAGS]),
            _ if choice & 2 != 0 => {
                text.push_str(WORDS[VALUES + usize::from(*byte) % (WORDS.len() - VALUES)]);
                text.push('\n');
            }
            Some(word) => text.push_str(WORDS[usize::from(word) % WORDS.len()]),
            None => text.push(char::from(*byte)),
        }
    }
    let text = text.strip_suffix('\n').unwrap_or(&text);
    let args = ["parlor"].into_iter().chain(text.split('\n').take(12));
    PARSERS.with_borrow_mut(|[of_server, of_client]| {
        if choice & 1 == 0 {
            match of_server.try_get_matches_from_mut(args).and_then(|matches| server::Flags::from_arg_matches(&matches)) {
                Ok(flags) => serve(flags.settings),
                Err(error) => complain(&error),
            }
        } else {
            match of_client
                .try_get_matches_from_mut(args)
                .and_then(|matches| client::Flags::from_arg_matches(&matches))
            {
                Ok(flags) => {
                    let host = flags.host.as_deref().unwrap_or(address::DEFAULT_HOST);
                    drop(address::address(host, flags.wire.unwrap_or(Wire::Text)).map(|address| check_address(&address)));
                }
                Err(error) => complain(&error),
            }
        }
    });
});

fn serve(settings: Config) {
    let Ok(config) = settings.with_doors() else { return };
    assert!(!config.listen.is_empty());
    assert!((1..=1_000_000).contains(&config.max_clients) && config.max_rooms > 0 && config.node < 1024);
    assert!(config.limits().max_line <= parlor::Config::MAX_LINE && !config.drain.is_zero());
}

/// Something to connect to: a host without blanks, and a port.
fn check_address(address: &str) {
    let (host, port) = address.rsplit_once(':').expect("a port");
    assert!(port.parse::<u16>().is_ok() && !host.is_empty() && !host.contains(char::is_whitespace), "{address}");
    assert!(!host.contains(':') || host.starts_with('[') && host.ends_with(']'), "{address}");
}

/// It says something, and ends as documented: 0 for what was asked to be shown, 2 for wrong usage.
fn complain(error: &clap::Error) {
    let shown = matches!(error.kind(), ErrorKind::DisplayHelp | ErrorKind::DisplayVersion);
    assert_eq!(error.exit_code(), if shown { 0 } else { 2 });
}
