//! The `parlor-bench` program: how fast a chat server is, and what a delivery costs it.
//!
//! One thread with one epoll holds thousands of connections, talks, listens and counts. Every line
//! carries a mark that stands nowhere else (see payload.rs), so a delivery is counted alike on each
//! wire, Parlor's or another server's, and nothing but a delivery is. A rate is only ever printed
//! when exactly what was expected has arrived.
//!
//! ```text
//!   flags ── mod ──┬─ throughput   as many lines as go through, a bounded number in flight
//!                  ├─ latency      lines at a fixed rate, also beside listeners that stall
//!                  ├─ neighbours   lines in one room while another is flooded past slow readers
//!                  ├─ idle         how fast sessions come in, and what each of them holds
//!                  ├─ churn        sessions that come and go while others listen
//!                  ├─ soak         a hard life, and a check of all that was heard in it
//!                  ├─ crowd        sessions of which some stall or vanish, held for somebody else to measure
//!                  └─ floor        a server that does nothing but the least: what the kernel can do
//!   swarm: the connections · target: what each wire says · process: what the server used
//! ```

mod churn;
mod clock;
mod connection;
mod crowd;
mod flags;
mod floor;
mod idle;
mod latency;
mod neighbours;
mod payload;
mod process;
mod report;
mod room;
mod sequence;
mod soak;
mod swarm;
mod target;
mod throughput;

use std::io::{self, Write};
use std::process::ExitCode;

use clap::Parser;

use flags::{Flags, Mode};
use report::{Report, Run};

/// The exit code is 1 if a run failed or lost a line, and 0 else.
fn main() -> ExitCode {
    match run(&Flags::parse()) {
        Ok(()) => ExitCode::SUCCESS,
        Err(sentence) => {
            let _ = writeln!(io::stderr(), "parlor-bench: {sentence}");
            ExitCode::FAILURE
        }
    }
}

fn run(flags: &Flags) -> Result<(), String> {
    process::raise_descriptor_limit();
    match &flags.mode {
        Mode::Floor(how) => floor::serve(how),
        Mode::Throughput(how) => repeat(flags, |_| throughput::run(how)),
        Mode::Latency(how) => repeat(flags, |_| latency::run(how)),
        Mode::Stall(how) => repeat(flags, |_| latency::run_stalled(how)),
        Mode::Neighbours(how) => repeat(flags, |_| neighbours::run(how)),
        Mode::Idle(how) => repeat(flags, |_| idle::run(how)),
        Mode::Churn(how) => repeat(flags, |_| churn::run(how)),
        Mode::Soak(how) => soak::run(how, flags.json),
        Mode::Crowd(how) => crowd::run(how),
    }
}

/// Runs it as often as asked for; each run is told when it ends, and all of them together after
/// the last.
fn repeat(flags: &Flags, mut run: impl FnMut(u32) -> Result<Run, String>) -> Result<(), String> {
    let mut report = Report::new(flags.json);
    for number in 1..=flags.runs {
        report.add(run(number)?)?;
    }
    report.finish()
}
