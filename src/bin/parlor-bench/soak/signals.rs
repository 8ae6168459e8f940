//! Stops the server's process for a moment and continues it, with callers on their way in.
//!
//! After such a stop Linux interrupts what waits with a time-out (poll, recv), on every thread at
//! once: each of them has to begin its wait again, and none may take it for an error.

use std::thread;
use std::time::Duration;

use rustix::process::{Pid, Signal, kill_process};

use super::Shared;
use super::count::Count;
use super::door::Door;
use super::peer::Peer;

/// A stop lasts between these, in milliseconds: far below any promise of the server's.
const STOP: (u64, u64) = (10, 250);
/// And between two of them there are so many milliseconds.
const BETWEEN: (u64, u64) = (300, 2_500);

/// Goes on while the house is open.
pub(super) fn run(shared: &Shared) {
    let mut random = shared.draw(0x519);
    let Some(server) = Pid::from_raw(shared.pid.cast_signed()) else { return };
    while let Some(_busy) = shared.wait_until_open() {
        thread::sleep(Duration::from_millis(random.between(BETWEEN.0, BETWEEN.1)));
        if kill_process(server, Signal::STOP).is_err() {
            continue;
        }
        // The kernel connects them; that they come in is the server's part.
        let callers = [Door::Text, Door::Json, Door::Frame].map(|door| {
            let mut caller = Peer::knock(shared, door)?;
            caller.greet("lobby").then_some(caller)
        });
        thread::sleep(Duration::from_millis(random.between(STOP.0, STOP.1)));
        if kill_process(server, Signal::CONT).is_err() {
            shared.fault("the server could be stopped, but not continued".to_owned());
        }
        shared.count(Count::Stops);
        for mut caller in callers.into_iter().flatten() {
            if caller.is_in("lobby") {
                shared.count(Count::SignalDuringJoin);
            }
        }
    }
}
