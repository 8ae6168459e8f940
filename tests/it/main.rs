//! The integration tests: one crate, one harness. See `support` for how a test talks to a server.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::print_stderr,
    reason = "a test that fails says so by panicking; clippy's allow-…-in-tests does not reach helpers"
)]

mod addresses;
mod client;
mod every_door;
mod faults;
mod frames;
mod handlers;
mod heard;
mod history;
mod hub;
mod json;
mod json_text;
mod layers;
mod limits;
mod log;
mod order;
mod packets;
mod programs;
mod readme;
mod requests;
mod rooms;
mod shutdown;
mod slow;
mod support;
mod telnet;
mod transcripts;
mod unasked;
mod wire;
