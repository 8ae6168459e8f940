//! The integration tests: one crate, one harness. See `support` for how a test talks to a server.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::print_stderr,
    reason = "clippy's allow-…-in-tests does not reach a test's helpers"
)]

mod faults;
mod hub;
mod layers;
mod limits;
mod order;
mod programs;
mod readme;
mod rooms;
mod shutdown;
mod slow;
mod support;
mod telnet;
mod transcripts;
mod wire;
