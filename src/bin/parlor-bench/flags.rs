//! The flags of `parlor-bench`.

use std::net::SocketAddr;
use std::time::Duration;

use clap::{Args, Parser, Subcommand};

use super::payload::SHORTEST;
use super::target::Wire;

/// Measures a line-chat server: Parlor by any of its doors, or another one beside it.
#[derive(Debug, Parser)]
#[command(
    version,
    max_term_width = 100,
    after_help = "\
Examples:
  parlor --rate 0 --idle 0 --max-clients 8000 &        a server without limits, on the usual ports
  parlor-bench throughput --readers 1000 --pid $!
  parlor-bench latency --rate 50 --wire json --runs 5
  parlor-bench stall --stalled 1 --readers 100 --rate 1000 --bytes 400 --seconds 20
  parlor-bench latency --rooms 100 --readers 9 --rate 10000    one room talks, 99 others must hear nothing
  parlor-bench idle --sessions 1000 --within 1         a crowd comes within a second
  parlor-bench floor --coalesce                        the least a server can do, as another target
  parlor-bench throughput --wire floor

It counts; where one line is missing or too many, it prints no rate and exits with 1."
)]
pub(super) struct Flags {
    /// What to measure.
    #[command(subcommand)]
    pub mode: Mode,

    /// How often; the summary gives medians, and the least and the most.
    #[arg(long, global = true, default_value_t = 1, value_parser = clap::value_parser!(u32).range(1..=1000))]
    pub runs: u32,

    /// One JSON object a run on standard output, and nothing else.
    #[arg(long, global = true)]
    pub json: bool,
}

/// What to measure.
#[derive(Debug, Subcommand)]
pub(super) enum Mode {
    /// As many lines as go through, with a bounded number in flight.
    Throughput(Throughput),
    /// How long a line takes at a fixed rate; a line sent late counts from when it was due.
    Latency(Latency),
    /// The same with some who do not read, against a run before in which they do.
    Stall(Stall),
    /// How long two people wait for each other while another room is flooded past slow readers.
    Neighbours(Neighbours),
    /// How fast sessions come in, and what each holds of memory while nothing is said.
    Idle(Idle),
    /// Sessions that come and go while others listen.
    Churn(Churn),
    /// A hard life for a server of Parlor's, and a check of everything that is heard in it.
    Soak(Soak),
    /// Sessions of which some stall or vanish, held until standard input ends.
    Crowd(Crowd),
    /// A server that sends each line to everybody and nothing else, to be measured beside others.
    Floor(Floor),
}

/// Where the server is and what it speaks.
#[derive(Debug, Clone, Args)]
pub(super) struct To {
    /// What is spoken.
    #[arg(long, value_enum, default_value_t = Wire::Text)]
    pub wire: Wire,

    /// Where; without it, the usual port of that wire on 127.0.0.1. Loopback only.
    #[arg(long, value_name = "ADDR")]
    pub to: Option<SocketAddr>,

    /// The process of the server, for what it uses of processor and memory.
    #[arg(long)]
    pub pid: Option<u32>,
}

/// Who is in the room.
#[derive(Debug, Clone, Args)]
pub(super) struct Room {
    /// The server to measure.
    #[command(flatten)]
    pub to: To,

    /// Sessions that only listen.
    #[arg(long, default_value_t = 1000, value_parser = clap::value_parser!(u32).range(1..=60_000))]
    pub readers: u32,

    /// Sessions that talk, in turn.
    #[arg(long, default_value_t = 1, value_parser = clap::value_parser!(u32).range(1..=255))]
    pub talkers: u32,

    /// So many rooms, all with as many sessions; one of them talks, and a line that is heard in another
    /// is a fault.
    #[arg(long, default_value_t = 1, value_parser = clap::value_parser!(u32).range(1..=10_000))]
    pub rooms: u32,

    /// Length of a line in bytes, with its end, as it is said; what is heard is longer by what each
    /// wire adds.
    #[arg(long, default_value_t = 64, value_parser = clap::value_parser!(u16).range(SHORTEST as i64..=4000))]
    pub bytes: u16,

    /// How long it goes on.
    #[arg(long, default_value = "5", value_parser = seconds, value_name = "SECONDS")]
    pub seconds: Duration,

    /// How long notices of who came may go on before it begins.
    #[arg(long, default_value = "2.5", value_parser = seconds, value_name = "SECONDS")]
    pub settle: Duration,
}

/// The flags of `throughput`.
#[derive(Debug, Clone, Args)]
pub(super) struct Throughput {
    /// Who is in the room.
    #[command(flatten)]
    pub room: Room,

    /// So many lines at most are on their way: said, and not yet heard by every reader.
    #[arg(long, default_value_t = 256, value_parser = clap::value_parser!(u32).range(1..=1_000_000))]
    pub in_flight: u32,

    /// Ends after so many lines instead of after a time.
    #[arg(long)]
    pub lines: Option<u64>,

    /// Looks into each line that arrives: its talker's lines must come in order, each once.
    #[arg(long)]
    pub verify: bool,
}

/// The flags of `latency`.
#[derive(Debug, Clone, Args)]
pub(super) struct Latency {
    /// Who is in the room.
    #[command(flatten)]
    pub room: Room,

    /// Lines a second, of all talkers together.
    #[arg(long, default_value_t = 50, value_parser = clap::value_parser!(u32).range(1..=1_000_000))]
    pub rate: u32,
}

/// The flags of `stall`.
#[derive(Debug, Clone, Args)]
pub(super) struct Stall {
    /// As for `latency`.
    #[command(flatten)]
    pub latency: Latency,

    /// So many readers stop reading in the second half.
    #[arg(long, default_value_t = 1, value_parser = clap::value_parser!(u32).range(1..=60_000))]
    pub stalled: u32,
}

/// The flags of `neighbours`.
#[derive(Debug, Clone, Args)]
pub(super) struct Neighbours {
    /// The text door. Loopback only.
    #[arg(long, value_name = "ADDR", default_value = "127.0.0.1:8000")]
    pub to: SocketAddr,

    /// Sessions that flood the other room.
    #[arg(long, default_value_t = 24, value_parser = clap::value_parser!(u32).range(0..=255))]
    pub talkers: u32,

    /// Sessions in the other room that read slowly.
    #[arg(long, default_value_t = 20, value_parser = clap::value_parser!(u32).range(0..=10_000))]
    pub slow: u32,

    /// Bytes that each of those reads in a second; 0: nothing.
    #[arg(long, default_value_t = 500_000)]
    pub slow_rate: u32,

    /// How often one of the two people says something.
    #[arg(long, default_value = "0.02", value_parser = seconds, value_name = "SECONDS")]
    pub every: Duration,

    /// How long it goes on.
    #[arg(long, default_value = "5", value_parser = seconds, value_name = "SECONDS")]
    pub seconds: Duration,
}

/// The flags of `idle`.
#[derive(Debug, Clone, Args)]
pub(super) struct Idle {
    /// The server to measure.
    #[command(flatten)]
    pub to: To,

    /// Sessions that come and say nothing.
    #[arg(long, default_value_t = 1000, value_parser = clap::value_parser!(u32).range(1..=60_000))]
    pub sessions: u32,

    /// So many at most are on their way in at the same time.
    #[arg(long, default_value_t = 256, value_parser = clap::value_parser!(u32).range(1..=60_000))]
    pub in_flight: u32,

    /// The time in which they begin to come, evenly; 0: each as soon as it may.
    #[arg(long, default_value = "0", value_parser = seconds, value_name = "SECONDS")]
    pub within: Duration,

    /// How long they stay before what they hold is read off.
    #[arg(long, default_value = "2.5", value_parser = seconds, value_name = "SECONDS")]
    pub settle: Duration,
}

/// The flags of `churn`.
#[derive(Debug, Clone, Args)]
pub(super) struct Churn {
    /// The server to measure.
    #[command(flatten)]
    pub to: To,

    /// Sessions that come and, when they have been greeted, go.
    #[arg(long, default_value_t = 10_000, value_parser = clap::value_parser!(u32).range(1..=10_000_000))]
    pub visits: u32,

    /// So many at most are there at the same time.
    #[arg(long, default_value_t = 64, value_parser = clap::value_parser!(u32).range(1..=20_000))]
    pub in_flight: u32,

    /// Sessions that listen meanwhile.
    #[arg(long, default_value_t = 100, value_parser = clap::value_parser!(u32).range(1..=60_000))]
    pub readers: u32,
}

/// The flags of `soak`. scripts/soak.sh sets them, and starts the server with what they assume.
#[derive(Debug, Clone, Args)]
pub(super) struct Soak {
    /// The text door. Loopback only, as all of them.
    #[arg(long, value_name = "ADDR")]
    pub text: SocketAddr,

    /// The relay door.
    #[arg(long, value_name = "ADDR")]
    pub relay: SocketAddr,

    /// The JSON door.
    #[arg(long = "json-door", value_name = "ADDR")]
    pub json_door: SocketAddr,

    /// The frame door.
    #[arg(long, value_name = "ADDR")]
    pub frame: SocketAddr,

    /// The process of the server: it is stopped and continued, and what it holds is looked at.
    #[arg(long)]
    pub pid: u32,

    /// What happens by chance happens again with the same seed, as far as threads allow.
    #[arg(long, default_value_t = 1)]
    pub seed: u64,

    /// How long it goes on after the warm-up.
    #[arg(long, default_value = "60", value_parser = seconds, value_name = "SECONDS")]
    pub seconds: Duration,

    /// The churn before what is resident is read off for the first time.
    #[arg(long, default_value = "30", value_parser = seconds, value_name = "SECONDS")]
    pub warm_up: Duration,

    /// So many MiB more may be resident at the end than after the warm-up.
    #[arg(long, default_value_t = 4, value_parser = clap::value_parser!(u64).range(1..=4096))]
    pub growth: u64,

    /// So many guests at once, each of whom does one thing after another.
    #[arg(long, default_value_t = 24, value_parser = clap::value_parser!(u16).range(1..=1000))]
    pub guests: u16,

    /// Lines a second that the witnesses say among themselves.
    #[arg(long, default_value_t = 300, value_parser = clap::value_parser!(u32).range(1..=5000))]
    pub rate: u32,

    /// It ends earlier, after the warm-up, when standard input does.
    #[arg(long)]
    pub leash: bool,
}

/// The flags of `crowd`.
#[derive(Debug, Clone, Args)]
pub(super) struct Crowd {
    /// The text door.
    #[arg(long, value_name = "ADDR")]
    pub to: SocketAddr,

    /// Sessions that listen and say nothing.
    #[arg(long, default_value_t = 200, value_parser = clap::value_parser!(u32).range(0..=20_000))]
    pub readers: u32,

    /// Sessions that ask for much and read nothing of it.
    #[arg(long, default_value_t = 0, value_parser = clap::value_parser!(u32).range(0..=20_000))]
    pub stalled: u32,

    /// Sessions from which nothing comes any more, not even word that they got something.
    #[arg(long, default_value_t = 0, value_parser = clap::value_parser!(u32).range(0..=20_000))]
    pub vanished: u32,

    /// Sessions that talk as fast as they are let, and listen.
    #[arg(long, default_value_t = 0, value_parser = clap::value_parser!(u32).range(0..=100))]
    pub flooders: u32,
}

/// The flags of `floor`.
#[derive(Debug, Clone, Args)]
pub(super) struct Floor {
    /// Where it listens; port 0 takes a free one, which the ready line tells.
    #[arg(long, default_value = "127.0.0.1:8777", value_name = "ADDR")]
    pub listen: SocketAddr,

    /// One write for all lines that have come since the last one, instead of one for each.
    #[arg(long)]
    pub coalesce: bool,
}

fn seconds(text: &str) -> Result<Duration, String> {
    let seconds: f64 = text.parse().map_err(|_| format!("{text} is not a number of seconds"))?;
    if !(0.0..=86_400.0).contains(&seconds) {
        return Err("0 to 86400 seconds are possible".into());
    }
    Ok(Duration::from_secs_f64(seconds))
}
