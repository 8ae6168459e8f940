//! The other end of the line: a client of the text, JSON and frame doors, and `parlor-cli` on top.
//!
//! [`Client`] is blocking and has no thread of its own. It speaks the same [`wire`](crate::wire)
//! formats as the server, and what is heard comes out alike whichever was chosen. Whoever waits in
//! it is kept alive: it says now and then that it is there, so that silence disconnects nobody.
//!
//! ```no_run
//! use std::time::{Duration, Instant};
//! use parlor::{Wire, client::Client, protocol::Body};
//!
//! let mut client = Client::connect("127.0.0.1:8000", Wire::Text)?;
//! let soon = || Instant::now() + Duration::from_secs(5);
//! client.say(&Body::new("hello").expect("not blank"), soon())?; // it has come back: everybody has it
//! while let Some(heard) = client.recv(soon())? {
//!     println!("{heard:?}");
//! }
//! # Ok::<(), parlor::client::ClientError>(())
//! ```
//!
//! The rest is the program: [`flags`] and `settings` for its options, `memory` for the files of the last
//! conversation, `script` and `pipe` for scripts, `terminal` and `person` for a person's conversation,
//! `link` and `listener` for the connection behind it that reconnects, `show`, `look` and `rows` for the
//! display.

mod assistant;
mod connection;
mod error;
pub mod flags;
mod kept;
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
mod talker;
mod terminal;

use std::io::{self, IsTerminal};
use std::process::ExitCode;

pub use connection::Client;
pub use error::ClientError;
pub use talker::Talker;

pub use crate::wire::{Heard, Kind, Speech};

use flags::{Action, Flags};
use memory::Memory;
use script::Outcome;
use settings::Settings;

/// Does what the flags of `parlor-cli` ask for; complaints go to standard error.
#[must_use]
pub fn run(flags: &Flags) -> ExitCode {
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

fn finish(outcome: Result<Outcome, ClientError>) -> ExitCode {
    match outcome {
        Ok(Outcome::Done) => ExitCode::SUCCESS,
        Ok(Outcome::Not(why)) => show::complain(&why, 1),
        Err(error @ ClientError::Refused { .. }) => show::complain(&error.to_string(), 1),
        Err(error @ (ClientError::Address { .. } | ClientError::Variable { .. })) => {
            show::complain(&error.to_string(), 2)
        }
        Err(error) => show::complain(&error.to_string(), 3),
    }
}
