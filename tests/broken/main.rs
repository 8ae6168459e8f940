//! A bug in the rules: the manager panics, and the server ends for that reason instead of hanging.
//!
//! The threads and sockets are the files of `src/server`, compiled here over rules that have such a bug: the
//! line `panic` triggers it. Without the harness of the other tests, which would run the server's unit
//! tests here too.

#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::print_stdout,
    dead_code,
    unreachable_pub,
    unused_imports,
    missing_docs,
    reason = "a test says what is wrong by panicking; and the server's own source stands here in another place"
)]

#[path = "../../src/config/mod.rs"]
mod config;
#[cfg(feature = "web")]
#[path = "../../src/page/mod.rs"]
mod page;
#[path = "../../src/server/mod.rs"]
mod server;
#[path = "../../src/variables.rs"]
mod variables;

/// The rules, with a bug.
mod chat {
    use std::ops::{Deref, DerefMut};
    use std::time::Duration;

    pub use parlor::chat::*;
    use parlor::protocol::{Command, SessionId};

    // Unit tests of the server name these, which are private to the library. They do not run here.
    pub const MAX_AWAY: usize = 0;
    pub const MAX_HISTORY_BYTES: usize = 0;
    pub const MAX_TOPIC: usize = 0;
    pub const HISTORY_LINE: usize = 0;

    pub struct Hub(parlor::chat::Hub);

    impl Hub {
        pub fn new(settings: HubSettings, now: Now) -> Self {
            Self(parlor::chat::Hub::new(settings, now))
        }

        pub fn command(&mut self, id: SessionId, command: Command, tagged: bool, now: Now, out: &mut Vec<Effect>) {
            assert!(!matches!(&command, Command::Say(body) if body.as_str() == "panic"), "the bug");
            self.0.command(id, command, tagged, now, out);
        }
    }

    impl Deref for Hub {
        type Target = parlor::chat::Hub;

        fn deref(&self) -> &Self::Target {
            &self.0
        }
    }

    impl DerefMut for Hub {
        fn deref_mut(&mut self) -> &mut Self::Target {
            &mut self.0
        }
    }
}

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{Ipv4Addr, SocketAddr, TcpStream};
use std::process::Command;
use std::sync::mpsc;
use std::thread;
use std::time::Duration;

use parlor::{metrics, protocol, wire};

use config::{Config, Listen};
use server::{RunError, Server};
use wire::Wire;

/// Longer than anything that works takes, on a busy machine too.
const DEADLINE: Duration = Duration::from_secs(60);

/// The words of a panic in a thread of a program that logs; they must not reach the log.
const WORDS: &str = "what was said\n\u{1b}[2J";

fn main() {
    if std::env::args().nth(1).as_deref() == Some("panic") {
        return panic_beside_a_log();
    }
    panic_logs_one_line_without_words();
    println!("panic_logs_one_line_without_words ... ok");
    let usual = std::panic::take_hook();
    std::panic::set_hook(Box::new(move |panic| {
        if thread::current().name() != Some("manager") {
            usual(panic);
        }
    }));
    manager_panic_ends_the_server_and_is_told();
    println!("manager_panic_ends_the_server_and_is_told ... ok");
}

fn panic_beside_a_log() {
    let log = server::log::start(Some(log::LevelFilter::Info)).unwrap();
    let thread = thread::Builder::new().name("r-7".into()).spawn(|| panic!("{WORDS}"));
    assert!(thread.unwrap().join().is_err());
    log.finish(DEADLINE);
}

fn panic_logs_one_line_without_words() {
    let myself = std::env::current_exe().unwrap();
    let output = Command::new(myself).arg("panic").output().unwrap();
    let log = String::from_utf8(output.stderr).unwrap();
    assert!(output.status.success() && log.lines().count() == 1, "{log:?}");
    assert!(log.contains(" ERROR thread r-7 panicked at tests/broken/main.rs:"), "{log:?}");
    assert!(!log.contains("said"), "{log:?}");
}

fn manager_panic_ends_the_server_and_is_told() {
    let any = SocketAddr::from((Ipv4Addr::LOCALHOST, 0));
    let listen = [Wire::Text, Wire::Relay].map(|wire| Listen::required(wire, any)).to_vec();
    let server = Server::bind(&Config { listen, ..Config::default() }).unwrap().spawn().unwrap();
    let connect = |wire| {
        let stream = TcpStream::connect(server.address(wire).unwrap()).unwrap();
        stream.set_read_timeout(Some(DEADLINE)).unwrap();
        BufReader::new(stream)
    };
    let mut alice = connect(Wire::Text);
    let gopher = connect(Wire::Relay);
    alice.get_ref().write_all(b"are you there?\n").unwrap();
    let heard = |peer: &mut BufReader<TcpStream>, words: &str| {
        let mut line = String::new();
        while !line.ends_with(words) {
            line.clear();
            assert!(peer.read_line(&mut line).unwrap() > 0, "the end, before {words:?}");
        }
    };
    heard(&mut alice, ": are you there?\n");
    gopher.get_ref().write_all(b"here\n").unwrap();
    heard(&mut alice, ": here\n");

    alice.get_ref().write_all(b"panic\n").unwrap();
    // Nobody is left hanging …
    for mut peer in [alice, gopher] {
        let mut rest = Vec::new();
        let end = peer.read_to_end(&mut rest);
        assert!(!end.is_err_and(|error| error.kind() == std::io::ErrorKind::WouldBlock), "left hanging");
    }
    // … neither is the program, which is told why.
    let (ended, end) = mpsc::channel();
    thread::spawn(move || ended.send(server.join()));
    let error = end.recv_timeout(DEADLINE).unwrap().unwrap_err();
    assert!(matches!(error, RunError::ManagerPanicked), "{error}");
    assert_eq!(error.to_string(), "the manager thread panicked; this is a bug in parlor, please report it");
}
