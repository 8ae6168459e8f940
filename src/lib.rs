//! Parlor: a line-chat server. Run one binary, chat with nothing but `nc` or `telnet`.
//!
//! It is synchronous: a reader thread and a writer thread for each session, one manager thread that
//! owns the room, no async runtime. A listener that stalls costs the others a tenth of a second,
//! once; a healthy one loses nothing however hard somebody floods.
//!
//! ```
//! use parlor::{Config, Listen, Server, Wire};
//!
//! let door = Listen::required(Wire::Text, "127.0.0.1:0".parse()?);
//! let server = Server::bind(&Config { listen: vec![door], ..Config::default() })?.spawn()?;
//! // … people chat at server.address(Wire::Text) …
//! server.stop();
//! server.join()?;
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! # Layout
//!
//! Imports point down only; `tests/it/layers.rs` holds the code to it.
//!
//! | folder | what it is | what it refuses to know |
//! |---|---|---|
//! | `main.rs` | flags, signals, exit codes | everything else |
//! | [`server`] | threads and sockets | what words mean |
//! | [`config`], [`cli`], [`metrics`] | plain data | threads |
//! | [`chat`] | the rules: state in, effects out | bytes, sockets, clocks |
//! | [`wire`] | the bytes: slices in, values out | rules, sockets, clocks |
//! | [`protocol`] | the language: what can be said | all of the above |
//!
//! # Threads
//!
//! ```text
//!  main ── accepts on every door (one poll) ──┐       ctrlc ──▶ Stopper::trigger (wakes the poll)
//!                                             ▼ spawn
//!           ┌── session ────────────────────────────┐
//!  socket ─▶│ r-N: decoder, flood control, silence  │── Event ──▶ inbox (bounded) ──▶ manager:
//!           │      Arc<Lifeline>: socket, end reason│                    the Hub and every Outbox;
//!  socket ◀─│ w-N: what the manager could not send  │◀─ Packet ── outbox (bounded in bytes) ──┘
//!           └───────────────────────────────────────┘      all inside one thread::scope in Server::run
//! ```
//!
//! The life of a line: bytes → decoder → [`protocol::Command`] → flood control → inbox →
//! [`chat::Hub::command`] → effects → encoded once for each [`wire::Encoding`] into the room's
//! chunk → each member's outbox, which gives it to the socket at once, or, where that would block,
//! to the session's writer.
//!
//! # What never happens
//!
//! 1. The manager does no blocking I/O, and waits for no session, but for the pace: 100 ms at most,
//!    once until that session has caught up.
//! 2. A socket is written by the manager while its outbox is empty and by `w-N` while it is not,
//!    never by both; only `r-N` reads it. No lock is held across a socket call.
//! 3. All events about a session come from its reader, in order: `Opened`, `Received`…, `Closed`
//!    exactly once. (Its writer reports only that an outbox has drained, which means nothing once
//!    the session has gone.)
//! 4. `protocol`, `wire` and `chat` never touch a socket, thread, channel or clock.
//! 5. Nothing that a peer sends makes us allocate more than a configured limit.
//! 6. Every queue has a bound and a policy; every ending has a name ([`protocol::CloseReason`]):
//!    logged, counted, told; the first reason wins.
//! 7. No result of the operating system is unwrapped: accept, spawn, setsockopt, read, write and
//!    log can all fail, and the room goes on.

pub mod chat;
pub mod cli;
pub mod config;
pub mod metrics;
pub mod protocol;
pub mod server;
pub mod wire;

pub use config::{Config, Listen};
pub use server::{Caller, Handle, Remote, Server, Stopper};
pub use wire::{Key, Wire};
