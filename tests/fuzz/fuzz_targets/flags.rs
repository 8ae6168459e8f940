//! The command lines of both programs: whatever stands there, they run by it or say why not.
//!
//! The first byte chooses the program, the lines behind it are the arguments.
#![no_main]

use std::cell::RefCell;

use clap::error::ErrorKind;
use clap::{Command, CommandFactory, FromArgMatches};
use libfuzzer_sys::fuzz_target;
use parlor::{cli, client};

thread_local! {
    static PARSERS: RefCell<[Command; 2]> = RefCell::new([cli::Flags::command(), client::flags::Flags::command()]);
}

fuzz_target!(|data: &[u8]| {
    let Some((choice, rest)) = data.split_first() else { return };
    let text = String::from_utf8_lossy(rest);
    let args = ["parlor"].into_iter().chain(text.split('\n').take(12));
    PARSERS.with_borrow_mut(|[server, client]| {
        if choice & 1 == 0 {
            match server.try_get_matches_from_mut(args).and_then(|matches| cli::Flags::from_arg_matches(&matches)) {
                Ok(flags) => serve(&flags),
                Err(error) => complain(&error),
            }
        } else {
            match client
                .try_get_matches_from_mut(args)
                .and_then(|matches| client::flags::Flags::from_arg_matches(&matches))
            {
                Ok(flags) => drop(flags.address().map(|address| assert!(address.contains(':'), "{address}"))),
                Err(error) => complain(&error),
            }
        }
    });
});

fn serve(flags: &cli::Flags) {
    let Ok(config) = flags.config() else { return };
    assert!(!config.listen.is_empty());
    assert!((1..=1_000_000).contains(&config.max_clients) && config.max_rooms > 0 && config.node < 1024);
    assert!(config.limits().max_line <= parlor::Config::MAX_LINE && !config.drain.is_zero());
}

/// It says something, and ends as documented: 0 for what was asked to be shown, 2 for wrong usage.
fn complain(error: &clap::Error) {
    let shown = matches!(error.kind(), ErrorKind::DisplayHelp | ErrorKind::DisplayVersion);
    assert_eq!(error.exit_code(), if shown { 0 } else { 2 });
}
