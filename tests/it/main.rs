//! The integration tests: one crate, one harness. See `support` for how a test talks to a server.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::print_stderr,
    reason = "a test that fails says so by panicking; clippy's allow-…-in-tests does not reach helpers"
)]

mod chat;
mod client;
mod layers;
mod metrics;
mod readme;
mod server;
mod shape;
#[path = "../support/mod.rs"]
mod support;
mod transcripts;
mod wire;
