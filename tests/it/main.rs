//! The integration tests: one crate, one harness. See `support` for how a test talks to a server.

mod faults;
mod frames;
mod hub;
mod json;
mod layers;
mod limits;
mod order;
mod packets;
mod readme;
mod shutdown;
mod slow;
mod support;
mod telnet;
mod transcripts;
mod wire;
