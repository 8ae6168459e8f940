//! Stops the server's process (SIGSTOP) for a moment and continues it, while clients connect.
//!
//! After such a stop Linux interrupts each wait with a time-out (poll, recv), on every thread at once. Each thread
//! must wait again, and must not take it for an error.

use std::thread;
use std::time::Duration;

use rustix::process::{Pid, Signal, kill_process};

use super::count::Count;
use super::door::Door;
use super::peer::Peer;
use super::shared::Shared;

/// The shortest and the longest stop, in milliseconds: far shorter than the server's time-outs.
const STOP: (u64, u64) = (10, 250);
/// The shortest and the longest time between two stops, in milliseconds.
const PAUSE: (u64, u64) = (300, 2_500);

/// Stops and continues the server until the soak ends.
pub(super) fn run(shared: &Shared) {
    let mut random = shared.random(0x519);
    let Some(server) = Pid::from_raw(shared.setup.pid.cast_signed()) else { return };
    while let Some(_busy) = shared.phases.wait_for_churn() {
        thread::sleep(Duration::from_millis(random.between(PAUSE.0, PAUSE.1)));
        if kill_process(server, Signal::STOP).is_err() {
            continue;
        }
        // The kernel accepts the connections. The server must admit them later.
        let callers = [Door::Text, Door::Json, Door::Frame].map(|door| {
            let mut caller = Peer::connect(shared, door)?;
            caller.ask_to_join("lobby").then_some(caller)
        });
        thread::sleep(Duration::from_millis(random.between(STOP.0, STOP.1)));
        if kill_process(server, Signal::CONT).is_err() {
            shared.fault("the server could be stopped, but not continued".to_owned());
        }
        shared.count(Count::Stops);
        for mut caller in callers.into_iter().flatten() {
            if caller.has_joined("lobby") {
                shared.count(Count::SignalDuringJoin);
            }
        }
    }
}
