//! Idle: the rate of new sessions, and the memory of each while nothing is said.

use std::time::Instant;

use super::flags::Idle;
use super::process::{self, KERNEL_STACK};
use super::report::Run;
use super::swarm::Swarm;
use super::target::Role;

/// Measures it once. A session's time is from its connect until its greeting, or until it is connected on a wire
/// without greetings.
pub(super) fn run(how: &Idle) -> Result<Run, String> {
    let mut swarm = Swarm::new(&how.to)?;
    let before = how.to.pid.map(process::usage).transpose()?;
    let started = Instant::now();
    if how.within.is_zero() {
        swarm.open(how.sessions as usize, Role::Reader, how.in_flight as usize)?;
    } else {
        come_evenly(&mut swarm, how)?;
    }
    let seconds = started.elapsed().as_secs_f64();
    let greeted = how.to.pid.map(process::usage).transpose()?;
    swarm.discard_for(how.settle)?;
    let after = how.to.pid.map(process::usage).transpose()?;
    let sessions = f64::from(how.sessions);
    let each = |figure: fn(&process::Usage) -> u64| {
        before.zip(after).map(|(before, after)| figure(&after).saturating_sub(figure(&before)) as f64 / sessions)
    };
    let kib = |figure| each(figure).map(|bytes| bytes / 1024.0);
    let cpu = before.zip(greeted).map(|(before, after)| (after.cpu - before.cpu).as_secs_f64() * 1e6 / sessions);
    // The join notices after the last greeting are part of the cost of the joins.
    let cpu_of_all = before.zip(after).map(|(before, after)| (after.cpu - before.cpu).as_secs_f64());
    Ok(Run::of("idle")
        .given("wire", how.to.wire.name())
        .given("sessions", how.sessions)
        .given("in_flight", how.in_flight)
        .given("within", how.within.as_secs_f64())
        .figure("sessions_per_second", sessions / seconds, "/s")
        .greetings(&swarm.greetings)
        .maybe("cpu_per_entry", cpu, "µs")
        .maybe("cpu_of_all_entries", cpu_of_all, "s")
        .maybe("resident_per_session", kib(|usage| usage.resident), "KiB")
        .maybe("kernel_stacks_per_session", kib(|usage| usage.threads * KERNEL_STACK), "KiB")
        .maybe("page_tables_per_session", kib(|usage| usage.page_tables), "KiB")
        .maybe("threads_per_session", each(|usage| usage.threads), ""))
}

/// Begins each connection at its due time, or at once if that has passed. Waits until all have joined.
fn come_evenly(swarm: &mut Swarm, how: &Idle) -> Result<(), String> {
    let sessions = how.sessions as usize;
    let started = Instant::now();
    for number in 0..sessions {
        let due = how.within.mul_f64(number as f64 / sessions as f64);
        loop {
            let left = due.saturating_sub(started.elapsed());
            swarm.turn(Some(left), |_, _, _| {})?;
            if left.is_zero() {
                break;
            }
        }
        swarm.connect(Role::Reader)?;
    }
    swarm.open(0, Role::Reader, sessions)
}
