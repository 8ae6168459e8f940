//! The harness: a server of the test's own, and peers that wait for facts, never for time.
//!
//! A [`TestServer`] is the built binary on free ports; it is stopped, and must stop well, when the test
//! ends. A [`Peer`] is one connection. Every wait has the same long deadline, after which the test fails and
//! shows everything that this peer has said and heard.
//!
//! Joins and leaves are told one by one only while they are few (five within two seconds in a room), so no
//! test waits for a `login` among many: a peer that has been greeted is in the room ([`Peer::enter`]), one
//! that was heard is too ([`Peer::enter_relay`]), and [`Movements`] counts both kinds of telling.
//!
//! `packets`, `recorded` and `values` need no socket; other test crates share them.

mod movements;
pub(crate) mod packets;
mod peer;
mod program;
pub(crate) mod recorded;
mod server;
pub(crate) mod values;

use std::thread;
use std::time::{Duration, Instant};

pub(crate) use movements::Movements;
pub(crate) use packets::{frame, packet};
pub(crate) use peer::{Peer, chat};
pub(crate) use server::{DOORS, TestServer, open};

/// Longer than anything that works takes, on a busy machine too.
pub(crate) const DEADLINE: Duration = Duration::from_secs(60);

/// How much the memory of a server may grow where nothing is to be kept, in KiB.
pub(crate) const GROWTH: u64 = 8 * 1024;

/// The line that ends a text session at a stop.
pub(crate) const GOODBYE: &str = "*** The server is stopping. Goodbye";

/// Asks again and again until there is an answer.
pub(crate) fn wait_for<T>(mut ask: impl FnMut() -> Option<T>, what: impl Fn() -> String) -> T {
    let until = Instant::now() + DEADLINE;
    loop {
        if let Some(answer) = ask() {
            return answer;
        }
        assert!(Instant::now() < until, "waited {DEADLINE:?} in vain for {}", what());
        thread::sleep(Duration::from_millis(2)); // between two looks at a fact
    }
}
