//! Parlor: a line-chat server. Run one binary, chat with nothing but `nc` or `telnet`.
//!
//! Parlor is synchronous: two threads for each session, one manager thread that owns the rooms, no
//! async runtime. A *door* is a listening address with a wire format. All doors lead to the same rooms.
//! [`guide`] has the guides. A program of your own begins at [`Server`].
//!
//! # Layout
//!
//! A folder of [`server`] is a thread. Imports point down; `tests/it/layers.rs` checks it.
//!
//! | where | what it is | must not know |
//! |---|---|---|
//! | `bin/` | the programs, each in a folder: flags, signals, exit codes | |
//! | [`server`] | threads and sockets: `accept/`, `session/`, `manager/`, `log/` | the meaning of commands |
//! | `page/` | the page of the HTTP door, one HTML file with its security policy | everything else |
//! | [`client`] | the client's end of a connection | the server |
//! | [`config`], [`metrics`] | settings (with feature `flags` a `clap::Args`), counters | threads |
//! | [`chat`] | the rules: state in, effects out | bytes, sockets, clocks |
//! | [`wire`] | the formats: one folder each, bytes in and bytes out | rules, sockets, clocks |
//! | [`protocol`] | the language: commands, notices, names, refusals | everything above |
//!
//! # Threads
//!
//! ```text
//!  main ── accepts on every door (one poll) ──┐        ctrlc ──▶ Stopper::trigger (wakes the poll)
//!                                             ▼ spawn
//!           ┌── session ───────────────────────────────┐
//!  socket ─▶│ r-N: decoder, rate limit, time-outs      │── Event ──▶ inbox (bounded) ──▶ manager:
//!           │      Arc<Connection>: socket, end reason │             the Hub and every Outbox
//!  socket ◀─│ w-N: sends what the manager could not    │◀─ Packet ── outbox (bounded in bytes) ──┘
//!           └──────────────────────────────────────────┘  all inside one thread::scope in Server::run
//! ```
//!
//! How a line of chat travels ([`guide::architecture`] tells more):
//!
//! 1. `r-N` reads bytes. The decoder returns a [`protocol::Command`]. The rate limit may delay it.
//! 2. The manager takes the event from the inbox. [`chat::Hub::command`] returns effects.
//! 3. An effect says: tell this room that notice. The manager encodes the notice once for each encoding in
//!    use, into a chunk of bytes that all members share.
//! 4. Each member's outbox gives the chunk to the socket without blocking. `w-N` sends what is left.
//!
//! # What never happens
//!
//! 1. The manager does no blocking I/O and waits for no session. In a flood past a slow consumer it
//!    defers new lines for that room (backpressure). Everything else goes on.
//! 2. A socket has one writer at a time: the manager while the outbox is empty, `w-N` while it is not.
//!    Only `r-N` reads it. No lock is held across a system call.
//! 3. A session's events come from its reader, in order: `Opened`, `Received`…, `Closed` exactly once.
//!    The manager ignores later events about that session.
//! 4. `protocol`, `wire` and `chat` touch no socket, thread, channel or clock. Time is an argument.
//! 5. Nothing that a peer sends makes us allocate more than a configured limit. No command makes the
//!    manager look at more than a bounded number of characters.
//! 6. Every queue has a bound and a policy. Every ending has a name ([`protocol::CloseReason`]) that is
//!    logged, counted and told. The first reason wins.
//! 7. No result of the operating system is unwrapped: accept, spawn, setsockopt, read, write and log
//!    can all fail, and the room goes on.
//!
//! # Example
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
//! [`guide::library`] has handlers, and the older programs in a few lines each.
//!
//! # Features
//!
//! An embedder needs none of them: `parlor = { …, default-features = false }` compiles fewer than 30 crates.
//!
//! | feature | what it adds | default |
//! |---|---|---|
//! | `server` | the program parlor, with `flags` and `logging` | yes |
//! | `cli` | the program parlor-cli, with `flags` | yes |
//! | `bench` | the program parlor-bench | |
//! | `charset` | `/charset`: character sets other than UTF-8 | yes |
//! | `flags` | [`Config`] as flags of a program, each with its `PARLOR_…` variable: `parlor::flags` | |
//! | `logging` | a log that blocks nobody: `parlor::server::log` | |
//! | `web` | the HTTP door `http://`: the page, WebSocket, posts, streams, metrics | yes |

pub mod chat;
pub mod client;
pub mod config;
#[cfg(feature = "flags")]
pub mod flags;
pub mod guide;
pub mod metrics;
#[cfg(feature = "web")]
mod page;
pub mod protocol;
pub mod server;
pub mod variables;
pub mod wire;

pub use config::{Addresses, Config, Listen};
pub use server::{Caller, Handle, Remote, Server, Stopper};
pub use wire::{Key, Wire};
