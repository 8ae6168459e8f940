//! The `parlor-cli` program: talks to a Parlor in a terminal or from scripts.
//!
//! `flags` and `settings` are its options, `memory` the files of the last conversation, `script` and `pipe` serve
//! scripts, `terminal` and `person` a person's conversation, `link` and `listener` the connection behind it that
//! reconnects, `show`, `look` and `rows` the display.

mod address;
mod assistant;
mod error;
mod flags;
mod link;
mod listener;
mod look;
mod memory;
mod person;
mod pipe;
mod reconnect;
mod rows;
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
use memory::Memory;
use script::Outcome;
use settings::Settings;

fn main() -> ExitCode {
    run(&Flags::parse())
}

/// Does what the flags ask for. Complaints go to standard error.
fn run(flags: &Flags) -> ExitCode {
    if matches!(&flags.action, Some(Action::Send { to: Some(_), .. })) && flags.room.is_some() {
        return show::complain("--to is for one person, --room for a room: give one of them. Nothing was sent", 2);
    }
    let variable = |name: &str| std::env::var_os(name);
    // Scripts ignore the remembered settings, so that they do the same for everybody.
    let talks = flags.action.is_none() && io::stdin().is_terminal();
    let (memory, remembered, warnings) = if talks { Memory::read(variable) } else { Default::default() };
    for warning in warnings {
        show::warn(&warning);
    }
    finish(Settings::of(flags, variable, &remembered).and_then(|settings| {
        let out = &mut io::stdout();
        match &flags.action {
            Some(Action::Send { text, to }) => script::send(&settings, &text.join(" "), to.as_deref()),
            Some(Action::Tail { json }) => script::tail(&settings, *json, out),
            Some(Action::Expect { regex }) => script::expect(&settings, regex, out),
            Some(Action::Who) => script::who(&settings, out),
            None if talks => terminal::converse(&settings, memory, remembered),
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
