//! The soak: load and faults for a server, and a check of everything that its sessions receive.
//!
//! ```text
//!   clients     talk, stall, flood, send rubbish, reset, vanish: each on a thread of its own
//!   pairs       one visitor at a time in a room of its own: each join and leave is told once
//!   signals     stops the server's process and continues it, while clients connect
//!   observers   sessions at every door that receive everything; order: one order for all of them
//! ```
//!
//! A soak begins with churn to warm up, then a pause. In the pause the server's descriptors and threads must be those
//! of the observers alone. Then come the counted churn and another pause. scripts/soak.sh starts the soak, takes
//! resources away from the server, and makes its system calls fail.

mod client;
mod clients;
mod count;
mod door;
mod misbehaviour;
mod observer;
mod observers;
mod order;
mod orderly;
mod pairs;
mod peer;
mod random;
mod shared;
mod signals;

use std::fs;
use std::io::{self, Read};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::{self, Builder};
use std::time::{Duration, Instant};

use count::Count;
use observers::Observers;
use shared::{Shared, report};

use super::flags::Soak;
use super::process;
use super::report::{Report, Run};

/// Longest time after the churn until all clients have gone. Vanished peers and time-outs take the longest.
const END_TIMEOUT: Duration = Duration::from_secs(120);
/// Longest time until the last line is received.
const RECEIVE_TIMEOUT: Duration = Duration::from_secs(30);
/// The stack of a client's thread: its buffers are small.
const STACK: usize = 128 * 1024;

/// The server's resources.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Resources {
    descriptors: usize,
    threads: u64,
}

fn resources(pid: u32) -> Result<Resources, String> {
    let path = format!("/proc/{pid}/fd");
    let descriptors = fs::read_dir(&path).map_err(|error| format!("cannot read {path}: {error}"))?.count();
    Ok(Resources { descriptors, threads: process::usage(pid)?.threads })
}

/// Runs the soak and reports the result.
///
/// # Errors
/// If anything was wrong.
pub(super) fn run(how: &Soak, json: bool) -> Result<(), String> {
    let shared = Shared::new(how)?;
    let mut observers = Observers::new(&shared);
    observers.talks = true;
    if !observers.run_until(RECEIVE_TIMEOUT, Observers::all_joined)? {
        return Err("the observers were not let in".into());
    }
    observers.run_for(Duration::from_millis(300))?;
    let alone = resources(how.pid)?;
    if how.end_with_input {
        end_with_input(Arc::clone(&shared.may_end))?;
    }
    let result = thread::scope(|scope| {
        let result = start_clients(how, &shared, scope).and_then(|()| run_phases(how, &shared, &mut observers, alone));
        shared.phases.end();
        result
    });
    let resident = result?;

    let Observers { order, sessions, visits, .. } = &observers;
    let mut run = Run::of("soak").given("seed", how.seed);
    for (count, name) in Count::ALL {
        run = run.figure(name, shared.counted(count) as f64, "");
    }
    let faults = shared.faults.lock();
    let wrong = faults.count + order.faults.count;
    let run = run
        .figure("sessions", (sessions + shared.counted(Count::Sessions)) as f64, "")
        .figure("visits_of_observers", *visits as f64, "")
        .figure("lines", order.end() as f64, "")
        .figure("deliveries_checked", order.checked as f64, "")
        .figure("cut_short", shared.cut_short.load(Ordering::Relaxed) as f64, "")
        .figure("faults", wrong as f64, "")
        .figure("resident_after_warm_up", resident.0 as f64 / 1024.0, "KiB")
        .figure("resident_at_end", resident.1 as f64 / 1024.0, "KiB");
    let mut results = Report::new(json);
    results.add(run)?;
    results.finish()?;
    for what in faults.reported.iter().chain(&order.faults.reported) {
        report(&format!("FAULT: {what}"));
    }
    if wrong > 0 {
        return Err(format!("{wrong} faults in what was received"));
    }
    if resident.1 > resident.0 + (how.growth << 20) {
        let more = (resident.1 - resident.0) / 1024;
        return Err(format!("{more} KiB more are resident at the end than after the warm-up"));
    }
    Ok(())
}

fn start_clients<'scope>(
    how: &Soak,
    shared: &'scope Shared,
    scope: &'scope thread::Scope<'scope, '_>,
) -> Result<(), String> {
    let fail = |error: io::Error| format!("cannot start a thread: {error}");
    for number in 0..u64::from(how.clients) {
        let client = move || clients::run(shared, number);
        Builder::new().stack_size(STACK).spawn_scoped(scope, client).map_err(fail)?;
    }
    Builder::new().stack_size(STACK).spawn_scoped(scope, || pairs::run(shared)).map_err(fail)?;
    Builder::new().stack_size(STACK).spawn_scoped(scope, || signals::run(shared)).map_err(fail)?;
    Ok(())
}

/// Runs warm-up, pause, churn, pause. Returns the resident memory in the two pauses, in bytes.
fn run_phases(
    how: &Soak,
    shared: &Shared,
    observers: &mut Observers<'_>,
    alone: Resources,
) -> Result<(u64, u64), String> {
    churn(shared, observers, how.warm_up, false)?;
    let first = pause(how, shared, observers, alone)?;
    churn(shared, observers, how.seconds, true)?;
    let second = pause(how, shared, observers, alone)?;
    // The last lines: all listeners are compared to the end by them.
    observers.talks = true;
    observers.run_for(Duration::from_millis(500))?;
    observers.talks = false;
    let expected = std::mem::take(&mut *shared.expected.lock());
    // If this fails, `finish` records what is missing.
    observers.run_until(RECEIVE_TIMEOUT, |observers| observers.is_complete(&expected))?;
    observers.finish(&expected);
    Ok((first, second))
}

fn churn(shared: &Shared, observers: &mut Observers<'_>, time: Duration, may_end_early: bool) -> Result<(), String> {
    (observers.has_visitors, observers.talks) = (true, true);
    shared.phases.begin_churn();
    report("churn begins");
    let until = Instant::now() + time;
    let done = observers
        .run_until(time, |_| Instant::now() >= until || (may_end_early && shared.may_end.load(Ordering::Relaxed)));
    shared.phases.pause();
    report("churn ends");
    observers.has_visitors = false;
    done.map(|_| ())
}

/// Waits until only the observers that stay are left, and the server's resources are those that it had with them
/// alone. It is a fault if that takes too long. Returns the resident memory, in bytes.
fn pause(how: &Soak, shared: &Shared, observers: &mut Observers<'_>, alone: Resources) -> Result<u64, String> {
    // Relay sessions know by a received line that they have joined, so the observers still talk.
    if !observers.run_until(END_TIMEOUT, |observers| shared.is_empty() && observers.is_idle())? {
        let (busy, vanished) = (shared.phases.busy(), shared.vanished.lock().len());
        let seconds = END_TIMEOUT.as_secs();
        shared.fault(format!(
            "still busy after {seconds} s: {busy} clients at work, {vanished} vanished, {}",
            observers.activity()
        ));
    }
    observers.talks = false;
    let mut held = Ok(alone);
    observers.run_until(END_TIMEOUT, |_| {
        held = resources(how.pid);
        held.as_ref().map_or(true, |held| *held == alone)
    })?;
    let held = held?;
    if held != alone {
        shared.fault(format!("with the observers alone the server had {alone:?}, after the churn {held:?}"));
    }
    Ok(process::usage(how.pid)?.resident)
}

/// Ends the churn when standard input ends. The thread is not joined: it may wait longer than the soak takes.
fn end_with_input(may_end: Arc<AtomicBool>) -> Result<(), String> {
    let watch = move || {
        let _ = io::stdin().lock().read_to_end(&mut Vec::new());
        may_end.store(true, Ordering::Relaxed);
    };
    let started = Builder::new().stack_size(STACK).spawn(watch);
    started.map(drop).map_err(|error| format!("cannot start a thread: {error}"))
}
