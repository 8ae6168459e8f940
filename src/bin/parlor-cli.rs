//! The `parlor-cli` program: its flags and its exit code. What it does is [`parlor::client`].

use std::process::ExitCode;

use clap::Parser;
use parlor::client::{self, flags::Flags};

fn main() -> ExitCode {
    client::run(&Flags::parse())
}
