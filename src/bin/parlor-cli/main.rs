//! The `parlor-cli` program: talks to a Parlor in a terminal or from scripts.
//!
//! - `flags`, `address`, `settings`, `saved`: the options, and the files of the last conversation
//! - `script`, `pipe`, `reconnect`: the commands for scripts
//! - `terminal`, `input`, `completion`: the lines that are typed in a terminal
//! - `link`, `listener`: the connection behind a terminal
//! - `screen`, `display`, `show`, `rows`: the lines that are shown

mod address;
mod completion;
mod display;
mod error;
mod flags;
mod input;
mod link;
mod listener;
mod pipe;
mod reconnect;
mod rows;
mod saved;
mod screen;
mod script;
mod settings;
mod show;
mod terminal;

use std::io::{self, IsTerminal};
use std::process::ExitCode;

use clap::Parser;

use error::Error;
use flags::{Action, Flags};
use saved::SavedFiles;
use script::Outcome;
use settings::Settings;

fn main() -> ExitCode {
    run(&Flags::parse())
}

/// Runs the command of the flags. Errors go to standard error.
fn run(flags: &Flags) -> ExitCode {
    if matches!(&flags.action, Some(Action::Send { to: Some(_), .. })) && flags.room.is_some() {
        return show::complain("--to is for one person, --room for a room: give one of them. Nothing was sent", 2);
    }
    let variable = |name: &str| std::env::var_os(name);
    // Scripts ignore the saved settings, so that they do the same for everybody.
    let talks = flags.action.is_none() && io::stdin().is_terminal();
    let (files, saved, warnings) = if talks { SavedFiles::read(variable) } else { Default::default() };
    for warning in warnings {
        show::warn(&warning);
    }
    finish(Settings::of(flags, variable, &saved).and_then(|settings| {
        let out = &mut io::stdout();
        match &flags.action {
            Some(Action::Send { text, to }) => script::send(&settings, &text.join(" "), to.as_deref()),
            Some(Action::Tail { json }) => script::tail(&settings, *json, out),
            Some(Action::Expect { regex }) => script::expect(&settings, regex, out),
            Some(Action::Who) => script::who(&settings, out),
            None if talks => terminal::converse(&settings, files, saved),
            None => script::pipe(&settings, io::stdin()),
        }
    }))
}

fn finish(outcome: Result<Outcome, Error>) -> ExitCode {
    match outcome {
        Ok(Outcome::Done) => ExitCode::SUCCESS,
        Ok(Outcome::Not(why)) => show::complain(&why, 1),
        Err(error) => show::complain(&error.to_string(), error.exit_code()),
    }
}
