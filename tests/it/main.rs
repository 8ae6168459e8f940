//! The integration tests: one crate, one harness. See `support` for how a test talks to a server.

mod client;
mod faults;
mod hub;
mod layers;
mod limits;
mod order;
mod readme;
mod shutdown;
mod slow;
mod support;
mod telnet;
mod transcripts;
mod wire;
