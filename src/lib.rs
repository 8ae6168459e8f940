//! Parlor: a line-chat server. Run one binary, chat with nothing but `nc` or `telnet`.
//!
//! It is synchronous: a reader thread and a writer thread for each session, one manager thread that
//! owns the rooms, no async runtime. A slow consumer costs other rooms nothing. Its own room waits
//! for it for at most 100 ms, and only in a flood. After that the slow consumer misses lines. A
//! listener that reads misses nothing.
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
//! # Handlers
//!
//! An echo server for frames, with a chat beside it:
//!
//! ```
//! use parlor::{Config, Server};
//!
//! fn main() -> Result<(), Box<dyn std::error::Error>> {
//!     let config = Config::default();
//! #   let config = Config { listen: vec![parlor::Listen::required(parlor::Wire::Frame, "127.0.0.1:0".parse()?)], ..config };
//!     let server = Server::bind(&config)?.on_route(1, |caller, data| caller.reply(data));
//! #   let (door, stopper) = (server.addresses()[0].1, server.stopper());
//! #   let client = std::thread::spawn(move || {
//! #       let answer = ask(door);
//! #       stopper.trigger();
//! #       answer
//! #   });
//!     server.run()?;
//! #   assert_eq!(&client.join().expect("it does not panic")?, b"\x01\0\0\0\x04\0\0\0test");
//!     Ok(())
//! }
//! # fn ask(door: std::net::SocketAddr) -> std::io::Result<[u8; 12]> {
//! #     use std::io::{Read, Write};
//! #     let mut peer = std::net::TcpStream::connect(door)?;
//! #     peer.set_read_timeout(Some(std::time::Duration::from_secs(60)))?;
//! #     peer.write_all(b"\x01\0\0\0\x04\0\0\0test")?;
//! #     let mut answer = [0; 12];
//! #     peer.read_exact(&mut answer)?;
//! #     Ok(answer)
//! # }
//! ```
//!
//! A handler runs on the reader thread of the session that called: in order, one at a time, and a
//! panic in it ends that session alone. See [`Caller`] for what it can do. A session may make 1000
//! requests a second ([`Config::request_rate`]); further ones wait. 0 is no limit. A handler that blocks
//! keeps its own session waiting, and a stop too: `run` waits for it, and the log names it.
//!
//! # How the older programs are written with Parlor
//!
//! **tnet**: routes with handlers, and an answer to routes that nobody serves.
//!
//! ```
//! # use parlor::{Config, Listen, Server, Wire};
//! # use std::io::{Read, Write};
//! # let listen = vec![Listen::required(Wire::Frame, "127.0.0.1:0".parse()?)];
//! let server = Server::bind(&Config { listen, ..Config::default() })?
//!     .on_route(1, |caller, data| caller.reply(data))
//!     .on_route(2, |caller, data| caller.reply([b"got ", data].concat()))
//!     .spawn()?;
//! # let mut peer = std::net::TcpStream::connect(server.address(Wire::Frame).ok_or("no door")?)?;
//! # peer.write_all(b"\x02\0\0\0\x04\0\0\0test")?;
//! # let mut answer = [0; 16];
//! # peer.read_exact(&mut answer)?;
//! # assert_eq!(&answer, b"\x02\0\0\0\x08\0\0\0got test");
//! # server.stop();
//! # server.join()?;
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! **gtcp**: packets with an `Act`; its heartbeat needs no handler.
//!
//! ```
//! # use parlor::{Config, Listen, Server, Wire, protocol::CloseReason};
//! # use std::io::{BufRead, BufReader, Write};
//! # let listen = vec![Listen::required(Wire::Json(None), "127.0.0.1:0".parse()?)];
//! let server = Server::bind(&Config { listen, ..Config::default() })?
//!     .on_act("hello", |caller, _| caller.reply("Nice to meet you!"))
//!     .on_act("doexit", |caller, _| caller.close(CloseReason::Quit))
//!     .spawn()?;
//! # let mut peer = std::net::TcpStream::connect(server.address(Wire::Json(None)).ok_or("no door")?)?;
//! # peer.write_all(b"{\"Act\":\"hello\",\"Data\":\"My name's John!\"}\n")?;
//! # let mut answer = String::new();
//! # BufReader::new(&peer).read_line(&mut answer)?;
//! # assert_eq!(answer, "{\"Act\":\"hello\",\"Data\":\"Nice to meet you!\"}\n");
//! # server.stop();
//! # server.join()?;
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! **The relay**: nothing but its door. Each peer hears the others.
//!
//! ```
//! # use parlor::{Config, Listen, Server, Wire};
//! # use std::io::{BufRead, BufReader, Write};
//! let listen = vec![Listen::required(Wire::Relay, "127.0.0.1:0".parse()?)];
//! let server = Server::bind(&Config { listen, rate: 0, ..Config::default() })?.spawn()?;
//! # let door = server.address(Wire::Relay).ok_or("no door")?;
//! # let (mut one, other) = (std::net::TcpStream::connect(door)?, std::net::TcpStream::connect(door)?);
//! # let mut heard = String::new();
//! # while heard.is_empty() {
//! #     one.write_all(b"hi\n")?; // until the other one is in the room
//! #     other.set_read_timeout(Some(std::time::Duration::from_millis(50)))?;
//! #     let _ = BufReader::new(&other).read_line(&mut heard);
//! # }
//! # assert!(heard.ends_with(":hi\r\n"), "{heard}");
//! # server.stop();
//! # server.join()?;
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! **The chat room**: the text door, and perhaps a greeting of your own. (By the JSON door, a greeting
//! waits for the first packet of the peer, which shows the framing.)
//!
//! ```
//! # use parlor::{Config, Listen, Server, Wire};
//! # use std::io::{BufRead, BufReader};
//! let listen = vec![Listen::required(Wire::Text, "127.0.0.1:0".parse()?)];
//! let server = Server::bind(&Config { listen, ..Config::default() })?
//!     .on_open(|caller| caller.reply("Mind the step."))
//!     .spawn()?;
//! # let peer = std::net::TcpStream::connect(server.address(Wire::Text).ok_or("no door")?)?;
//! # let mut lines = BufReader::new(peer).lines();
//! # assert!(lines.any(|line| line.is_ok_and(|line| line == "*** Mind the step.")));
//! # server.stop();
//! # server.join()?;
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! **The graceful service**: call [`Stopper::trigger`] to stop. `run` tells every session, delivers
//! what was said, and returns when every thread has ended. Dropping a [`Handle`] stops its server
//! too.
//!
//! ```
//! # use parlor::{Config, Listen, Server, Wire};
//! # let listen = vec![Listen::required(Wire::Text, "127.0.0.1:0".parse()?)];
//! let server = Server::bind(&Config { listen, ..Config::default() })?;
//! let stopper = server.stopper();
//! std::thread::spawn(move || stopper.trigger()); // a signal, in the binary
//! server.run()?;
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
//! | `bin/parlor-cli`, `bin/parlor-bench` | the programs for people and for measuring | all but the public library |
//! | [`client`] | the other end of a conversation | the server |
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
//!  socket ─▶│ r-N: decoder, rate limit, silence     │── Event ──▶ inbox (bounded) ──▶ manager:
//!           │      Arc<Lifeline>: socket, end reason│                    the Hub and every Outbox;
//!  socket ◀─│ w-N: what the manager could not send  │◀─ Packet ── outbox (bounded in bytes) ──┘
//!           └───────────────────────────────────────┘      all inside one thread::scope in Server::run
//! ```
//!
//! The life of a line: bytes → decoder → [`protocol::Command`] → rate limit → inbox →
//! [`chat::Hub::command`] → effects → encoded once for each [`wire::Encoding`] into the room's
//! chunk → each member's outbox, which gives it to the socket at once, or, where that would block,
//! to the session's writer.
//!
//! # What never happens
//!
//! 1. The manager does no blocking I/O and waits for no session. When a flood would make a listener
//!    that keeps up miss lines, the manager defers new lines for that room (backpressure). Everything
//!    else goes on.
//! 2. A socket is written by the manager while its outbox is empty and by `w-N` while it is not,
//!    never by both; only `r-N` reads it. No lock is held across a socket call.
//! 3. What a session does comes from its reader, in order: `Opened`, `Received`…, `Closed`
//!    exactly once. After a session's `Closed` the manager ignores later events about it, from its
//!    writer, from the gate, and from the program's [`Remote`].
//! 4. `protocol`, `wire` and `chat` never touch a socket, thread, channel or clock.
//! 5. Nothing that a peer sends makes us allocate more than a configured limit. No command makes the
//!    manager look at more than a bounded number of characters, however long its text is.
//! 6. Every queue has a bound and a policy; every ending has a name ([`protocol::CloseReason`]):
//!    logged, counted, told; the first reason wins.
//! 7. No result of the operating system is unwrapped: accept, spawn, setsockopt, read, write and
//!    log can all fail, and the room goes on.

pub mod chat;
pub mod cli;
pub mod client;
pub mod config;
pub mod metrics;
pub mod protocol;
pub mod server;
pub mod variables;
pub mod wire;

pub use config::{Addresses, Config, Listen};
pub use server::{Caller, Handle, Remote, Server, Stopper};
pub use wire::{Key, Wire};
