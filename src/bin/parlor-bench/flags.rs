//! The flags of `parlor-bench`.

use std::net::SocketAddr;
use std::time::Duration;

use clap::{Args, Parser, Subcommand};

use super::payload::SHORTEST;
use super::target::Wire;

/// Measures a line-chat server: Parlor by any of its doors, or another server.
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
  parlor-bench latency --rooms 100 --readers 9 --rate 10000    one room talks, 99 others must receive nothing
  parlor-bench idle --sessions 1000 --within 1         1000 sessions connect within a second
  parlor-bench latency --wire ws                       the same by WebSocket
  parlor-bench post --wire ws --pid $!                 lines posted to the HTTP door, heard by WebSocket
  parlor-bench floor --coalesce                        the least a server can do, as another target
  parlor-bench throughput --wire floor

It counts deliveries. If a line is missing or doubled, it prints no rate and exits with 1."
)]
pub(super) struct Flags {
    /// The measurement.
    #[command(subcommand)]
    pub mode: Mode,

    /// The number of runs; the summary has the medians, and the least and the most.
    #[arg(long, global = true, default_value_t = 1, value_parser = clap::value_parser!(u32).range(1..=1000))]
    pub runs: u32,

    /// One JSON object a run on standard output, and nothing else.
    #[arg(long, global = true)]
    pub json: bool,
}

/// The measurements.
#[derive(Debug, Subcommand)]
pub(super) enum Mode {
    /// Throughput with a bounded number of lines in flight.
    Throughput(Throughput),
    /// Latency at a fixed rate; a line that is sent late counts from its due time.
    Latency(Latency),
    /// Latency beside readers that stall, against a run before in which they read.
    Stall(Stall),
    /// Latency between two sessions while another room is flooded past slow consumers.
    Neighbours(Neighbours),
    /// The rate of new sessions, and the memory of each while nothing is said.
    Idle(Idle),
    /// The rate of sessions that connect and leave while others listen.
    Churn(Churn),
    /// The rate of lines that one connection posts to Parlor's HTTP door, one in each request.
    Post(Post),
    /// The time of a request for the metrics of a Parlor while sessions are connected.
    Scrape(Scrape),
    /// Load and faults for a Parlor, and a check of everything that its sessions receive.
    Soak(Soak),
    /// Background load, with sessions that stall or vanish, until standard input ends.
    Crowd(Crowd),
    /// A server that broadcasts lines and does nothing else, to compare others with.
    Floor(Floor),
}

/// The server's address and protocol.
#[derive(Debug, Clone, Args)]
pub(super) struct To {
    /// The protocol.
    #[arg(long, value_enum, default_value_t = Wire::Text)]
    pub wire: Wire,

    /// The address; by default the usual port of that protocol on 127.0.0.1. Loopback only.
    #[arg(long, value_name = "ADDR")]
    pub to: Option<SocketAddr>,

    /// The server's process, to report its processor time and memory.
    #[arg(long)]
    pub pid: Option<u32>,
}

/// The members of the room.
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

    /// The number of rooms, with the same number of sessions each; one room talks, and a line in another is an
    /// error.
    #[arg(long, default_value_t = 1, value_parser = clap::value_parser!(u32).range(1..=10_000))]
    pub rooms: u32,

    /// Length of a line as it is sent, in bytes, with its end; a received line is longer by what the protocol adds.
    #[arg(long, default_value_t = 64, value_parser = clap::value_parser!(u16).range(SHORTEST as i64..=4000))]
    pub bytes: u16,

    /// The duration.
    #[arg(long, default_value = "5", value_parser = seconds, value_name = "SECONDS")]
    pub seconds: Duration,

    /// The wait for join notices before the measurement.
    #[arg(long, default_value = "2.5", value_parser = seconds, value_name = "SECONDS")]
    pub settle: Duration,
}

/// The flags of `throughput`.
#[derive(Debug, Clone, Args)]
pub(super) struct Throughput {
    /// The members of the room.
    #[command(flatten)]
    pub room: Room,

    /// Most lines in flight: sent, and not yet received by every reader.
    #[arg(long, default_value_t = 256, value_parser = clap::value_parser!(u32).range(1..=1_000_000))]
    pub in_flight: u32,

    /// Ends after this number of lines instead of after a time.
    #[arg(long)]
    pub lines: Option<u64>,

    /// Checks each line: a talker's lines must arrive in order, each once.
    #[arg(long)]
    pub verify: bool,
}

/// The flags of `latency`.
#[derive(Debug, Clone, Args)]
pub(super) struct Latency {
    /// The members of the room.
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

    /// The number of readers that stop reading in the second half.
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

    /// The interval between the lines of the two sessions.
    #[arg(long, default_value = "0.02", value_parser = seconds, value_name = "SECONDS")]
    pub every: Duration,

    /// The duration.
    #[arg(long, default_value = "5", value_parser = seconds, value_name = "SECONDS")]
    pub seconds: Duration,
}

/// The flags of `idle`.
#[derive(Debug, Clone, Args)]
pub(super) struct Idle {
    /// The server to measure.
    #[command(flatten)]
    pub to: To,

    /// Sessions that connect and say nothing.
    #[arg(long, default_value_t = 1000, value_parser = clap::value_parser!(u32).range(1..=60_000))]
    pub sessions: u32,

    /// Most connections that wait for their greeting at once.
    #[arg(long, default_value_t = 256, value_parser = clap::value_parser!(u32).range(1..=60_000))]
    pub in_flight: u32,

    /// The time over which the connects are spread evenly; 0 = as fast as possible.
    #[arg(long, default_value = "0", value_parser = seconds, value_name = "SECONDS")]
    pub within: Duration,

    /// The wait before the memory is read.
    #[arg(long, default_value = "2.5", value_parser = seconds, value_name = "SECONDS")]
    pub settle: Duration,
}

/// The flags of `churn`.
#[derive(Debug, Clone, Args)]
pub(super) struct Churn {
    /// The server to measure.
    #[command(flatten)]
    pub to: To,

    /// Sessions that connect, are greeted and leave.
    #[arg(long, default_value_t = 10_000, value_parser = clap::value_parser!(u32).range(1..=10_000_000))]
    pub visits: u32,

    /// Most sessions at once.
    #[arg(long, default_value_t = 64, value_parser = clap::value_parser!(u32).range(1..=20_000))]
    pub in_flight: u32,

    /// Sessions that listen.
    #[arg(long, default_value_t = 100, value_parser = clap::value_parser!(u32).range(1..=60_000))]
    pub readers: u32,
}

/// The HTTP door beside the door of the sessions.
#[derive(Debug, Clone, Args)]
pub(super) struct Http {
    /// The door of the sessions.
    #[command(flatten)]
    pub to: To,

    /// The HTTP door; by default the door of the sessions with `--wire ws`, else 127.0.0.1:8088. Loopback only.
    #[arg(long, value_name = "ADDR")]
    pub http: Option<SocketAddr>,
}

impl Http {
    /// The address of the HTTP door.
    pub(super) fn address(&self) -> SocketAddr {
        let of_sessions = self.to.to.filter(|_| self.to.wire == Wire::Ws);
        self.http.or(of_sessions).unwrap_or_else(|| Wire::Ws.usual_address())
    }
}

/// The flags of `post`.
#[derive(Debug, Clone, Args)]
pub(super) struct Post {
    /// The server to measure.
    #[command(flatten)]
    pub http: Http,

    /// Sessions that listen.
    #[arg(long, default_value_t = 1, value_parser = clap::value_parser!(u32).range(1..=60_000))]
    pub readers: u32,

    /// Length of a body, in bytes.
    #[arg(long, default_value_t = 64, value_parser = clap::value_parser!(u16).range(SHORTEST as i64..=4000))]
    pub bytes: u16,

    /// The duration.
    #[arg(long, default_value = "5", value_parser = seconds, value_name = "SECONDS")]
    pub seconds: Duration,

    /// The wait for join notices before the measurement.
    #[arg(long, default_value = "2.5", value_parser = seconds, value_name = "SECONDS")]
    pub settle: Duration,
}

/// The flags of `scrape`.
#[derive(Debug, Clone, Args)]
pub(super) struct Scrape {
    /// The server to measure.
    #[command(flatten)]
    pub http: Http,

    /// Sessions that connect and say nothing.
    #[arg(long, default_value_t = 1000, value_parser = clap::value_parser!(u32).range(1..=60_000))]
    pub sessions: u32,

    /// Requests for the metrics.
    #[arg(long, default_value_t = 100, value_parser = clap::value_parser!(u32).range(1..=100_000))]
    pub scrapes: u32,

    /// The interval between two requests.
    #[arg(long, default_value = "0.05", value_parser = seconds, value_name = "SECONDS")]
    pub every: Duration,

    /// The wait for join notices before the measurement.
    #[arg(long, default_value = "2.5", value_parser = seconds, value_name = "SECONDS")]
    pub settle: Duration,
}

/// The flags of `soak`. scripts/soak.sh sets them, and starts a server that fits them.
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

    /// The server's process: the soak stops and continues it, and reads its memory.
    #[arg(long)]
    pub pid: u32,

    /// The seed of the random choices. The same seed repeats them, as far as threads allow.
    #[arg(long, default_value_t = 1)]
    pub seed: u64,

    /// The duration after the warm-up.
    #[arg(long, default_value = "60", value_parser = seconds, value_name = "SECONDS")]
    pub seconds: Duration,

    /// The time before resident memory is read for the first time.
    #[arg(long, default_value = "30", value_parser = seconds, value_name = "SECONDS")]
    pub warm_up: Duration,

    /// Most growth of resident memory after the warm-up, in MiB.
    #[arg(long, default_value_t = 4, value_parser = clap::value_parser!(u64).range(1..=4096))]
    pub growth: u64,

    /// Clients at once, each with one misbehaviour after another.
    #[arg(long, default_value_t = 24, value_parser = clap::value_parser!(u16).range(1..=1000))]
    pub clients: u16,

    /// Lines a second that the checked sessions say among themselves.
    #[arg(long, default_value_t = 300, value_parser = clap::value_parser!(u32).range(1..=5000))]
    pub rate: u32,

    /// Ends when standard input ends, but not before the warm-up is over.
    #[arg(long)]
    pub end_with_input: bool,
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

    /// Sessions that ask for much and read nothing.
    #[arg(long, default_value_t = 0, value_parser = clap::value_parser!(u32).range(0..=20_000))]
    pub stalled: u32,

    /// Sessions whose machine has vanished: they do not even acknowledge packets.
    #[arg(long, default_value_t = 0, value_parser = clap::value_parser!(u32).range(0..=20_000))]
    pub vanished: u32,

    /// Sessions that talk as fast as possible, and listen.
    #[arg(long, default_value_t = 0, value_parser = clap::value_parser!(u32).range(0..=100))]
    pub flooders: u32,
}

/// The flags of `floor`.
#[derive(Debug, Clone, Args)]
pub(super) struct Floor {
    /// The address to listen on; port 0 takes a free port, which the ready line names.
    #[arg(long, default_value = "127.0.0.1:8777", value_name = "ADDR")]
    pub listen: SocketAddr,

    /// One write for all lines since the last write, instead of one for each.
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
