//! The `parlor-bench` program: its flags and its exit code. What it does is [`parlor::bench`].

use std::process::ExitCode;

use clap::Parser;
use parlor::bench::{self, flags::Flags};

fn main() -> ExitCode {
    bench::run(&Flags::parse())
}
