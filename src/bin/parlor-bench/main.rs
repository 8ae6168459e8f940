//! The `parlor-bench` program: how fast a chat server is, and what a delivery costs it.
//!
//! One thread with one epoll holds thousands of connections, talks, listens and counts. Each line carries a unique
//! mark (see payload.rs), so deliveries are counted alike on each protocol, Parlor's or another server's. A rate is
//! printed only if exactly the expected lines have arrived.
//!
//! ```text
//!   flags ── main ──┬─ throughput   lines with a bounded number in flight
//!                   ├─ latency      lines at a fixed rate, also beside listeners that stall
//!                   ├─ neighbours   lines in one room while another is flooded past slow consumers
//!                   ├─ idle         the rate of new sessions, and the memory of each
//!                   ├─ churn        sessions that connect and leave while others listen
//!                   ├─ post         lines posted to the HTTP door
//!                   ├─ scrape       requests for the metrics
//!                   ├─ soak         load and faults, and a check of all that was received
//!                   ├─ crowd        background load for other measurements
//!                   └─ floor        a server that only broadcasts: what the kernel can do
//!   room: a room ready to be measured · swarm, connection: the connections · clock: due times
//!   target, websocket, http: the protocols · payload, sequence: marks and order · process: the server's usage
//! ```

mod churn;
mod clock;
mod connection;
mod crowd;
mod flags;
mod floor;
mod http;
mod idle;
mod latency;
mod neighbours;
mod payload;
mod post;
mod process;
mod report;
mod room;
mod scrape;
mod sequence;
mod soak;
mod swarm;
mod target;
mod throughput;
mod websocket;

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
        Mode::Post(how) => repeat(flags, |_| post::run(how)),
        Mode::Scrape(how) => repeat(flags, |_| scrape::run(how)),
        Mode::Soak(how) => soak::run(how, flags.json),
        Mode::Crowd(how) => crowd::run(how),
    }
}

/// Runs a measurement as often as asked. Reports each run when it ends, and a summary after the last.
fn repeat(flags: &Flags, mut run: impl FnMut(u32) -> Result<Run, String>) -> Result<(), String> {
    let mut report = Report::new(flags.json);
    for number in 1..=flags.runs {
        report.add(run(number)?)?;
    }
    report.finish()
}
