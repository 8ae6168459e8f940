//! The simulation: random sessions on one thread, by the server's own source; each seed replays.
//!
//! The manager, the outboxes, the connections and the state of the writers are the files of `src/server`,
//! compiled here over other clocks, channels (`os`) and sockets (`socket`). Time moves when there is nothing to
//! do. A socket is a buffer that takes as many bytes as the dice say. Wherever the manager waits, checks its inbox
//! or sends, the others (`world`) get as many turns as the dice say. `reference` finds by the simplest means what
//! each session must hear: each effect of the hub, to each of its listeners, at once.
//!
//! The readers' loop, the writers' loop and the few lines of the stop that are in `Server::run` are
//! played, not run. loom tries the real writer in `tests/handshakes`.
//!
//! ```text
//! SIM_SEED=57 cargo test --test sim        # one life, as it was when it failed
//! SIM_RUNS=100000 cargo test --test sim    # that many, from seed 0 on
//! ```

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::print_stderr,
    clippy::indexing_slicing,
    clippy::arc_with_non_send_sync,
    unreachable_pub,
    reason = "a test says what is wrong by panicking; and values that threads share in the server are on one thread here"
)]

mod limit;
mod os;
mod pace;
mod posts;
mod reference;
mod socket;
mod world;

#[path = "../../src/server/connection.rs"]
#[allow(dead_code, reason = "some of it is only for the real threads")]
mod connection;
#[path = "../../src/server/event.rs"]
#[allow(dead_code, reason = "some of it is only for other threads")]
mod event;
#[path = "../../src/server/manager/mod.rs"]
#[allow(dead_code, unused_imports, reason = "nothing comes from elsewhere in the program here")]
mod manager;
#[path = "../../src/server/outbox.rs"]
mod outbox;
#[path = "../../src/server/profile.rs"]
#[allow(dead_code, reason = "some of it is only for readers")]
mod profile;
mod session;
#[path = "../../src/server/stream.rs"]
#[allow(dead_code, reason = "some of it is only for readers")]
mod stream;
#[path = "../../src/server/transport.rs"]
mod transport;

use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};

use parlor::{config, metrics, protocol, wire};

/// The rules, with a record of what they decide.
mod chat {
    pub use parlor::chat::*;

    pub use crate::reference::Hub;
}

mod accept {
    pub mod admission {
        #[derive(Debug)]
        pub struct Slot;
    }
}

/// Lives in an ordinary run of the tests: some twenty seconds of one core in a debug build.
const RUNS: u64 = 2000;

fn number(variable: &str) -> Option<u64> {
    let value = std::env::var(variable).ok()?;
    Some(value.parse().unwrap_or_else(|_| panic!("{variable}={value} is no number")))
}

fn play_all(seeds: impl Iterator<Item = u64>) -> world::Happened {
    let mut happened = world::Happened::default();
    for seed in seeds {
        match catch_unwind(AssertUnwindSafe(|| world::play(seed))) {
            Ok(more) => happened.add(&more),
            Err(panic) => {
                eprintln!("again: SIM_SEED={seed} cargo test --test sim");
                resume_unwind(panic);
            }
        }
    }
    happened
}

mod exhaustive {
    use super::*;

    #[test]
    fn random_sessions_lose_and_double_nothing() {
        let seeds = match number("SIM_SEED") {
            Some(seed) => seed..seed + 1,
            None => 0..number("SIM_RUNS").unwrap_or(RUNS),
        };
        let threads = std::thread::available_parallelism().map_or(1, std::num::NonZero::get);
        let mut happened = world::Happened::default();
        std::thread::scope(|scope| {
            let playing: Vec<_> = (0..threads)
                .map(|thread| {
                    let seeds = seeds.clone().skip(thread).step_by(threads);
                    scope.spawn(|| play_all(seeds))
                })
                .collect();
            playing
                .into_iter()
                .for_each(|played| happened.add(&played.join().unwrap_or_else(|panic| resume_unwind(panic))));
        });
        eprintln!("{happened:?}");
        if seeds.end - seeds.start >= RUNS {
            assert_eq!(happened.missing(), [""; 0], "must have happened at least once: {happened:?}");
        }
    }
}
