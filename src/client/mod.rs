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
//! The rest is the program: [`flags`] what it is asked for, `script` the commands for scripts,
//! `terminal` the conversation of a person, `link` the connection behind it that comes back by
//! itself, `show` how things look.

mod connection;
mod error;
pub mod flags;
mod link;
mod script;
mod show;
mod terminal;

use std::io::{self, IsTerminal};
use std::process::ExitCode;

pub use connection::{Client, Talker};
pub use error::ClientError;

pub use crate::wire::{Heard, Kind, Speech};

use flags::{Action, Flags};
use script::Outcome;

/// Does what the flags of `parlor-cli` ask for; complaints go to standard error.
#[must_use]
pub fn run(flags: &Flags) -> ExitCode {
    let address = match flags.address() {
        Ok(address) => address,
        Err(error) => return finish(Err(error)),
    };
    let out = &mut io::stdout();
    finish(match &flags.action {
        Some(Action::Send { text }) => script::send(flags, &address, &text.join(" ")),
        Some(Action::Tail { json }) => script::tail(flags, &address, *json, out),
        Some(Action::Expect { regex }) => script::expect(flags, &address, regex, out),
        Some(Action::Who) => script::who(flags, &address, out),
        None if io::stdin().is_terminal() => terminal::converse(flags, &address),
        None => script::pipe(flags, &address, io::stdin()),
    })
}

fn finish(outcome: Result<Outcome, ClientError>) -> ExitCode {
    match outcome {
        Ok(Outcome::Done) => ExitCode::SUCCESS,
        Ok(Outcome::Not(why)) => show::complain(&why, 1),
        Err(error @ ClientError::Refused { .. }) => show::complain(&error.to_string(), 1),
        Err(error @ ClientError::Address { .. }) => show::complain(&error.to_string(), 2),
        Err(error) => show::complain(&error.to_string(), 3),
    }
}
