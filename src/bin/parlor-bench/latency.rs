//! Latency: the time from a line's due time until each listener has it, at a fixed rate.
//!
//! A line that is sent late counts from its due time: a server that stalls would otherwise get fewer lines during
//! the stall, and look well (coordinated omission). A listener has a line when its socket has it; the kernel notes
//! that time. The time when this program has read the line is reported too (`seen_…`). One thread reads for all
//! listeners; with a thousand of them that adds a queue that no real listener has.

use std::time::{Duration, Instant};

use hdrhistogram::Histogram;

use super::connection::Connection;
use super::flags::{Latency, Room, Stall};
use super::payload::{self, Kind, Payload};
use super::process;
use super::report::{Run, progress};
use super::room;
use super::sequence::Sequences;
use super::swarm::{STUCK, Swarm};

/// The first part of the time, which is not recorded.
const WARM_UP: f64 = 0.1;

/// Measures it once.
pub(super) fn run(how: &Latency) -> Result<Run, String> {
    let mut swarm = room::fill(&how.room)?;
    ask_for_arrivals(&mut swarm)?;
    let part = measure(&mut swarm, how, &mut sequences_of(&how.room), "latency")?;
    Ok(part.tell(given(Run::of("latency"), how)))
}

/// Measures it once while every listener reads, then while some do not.
pub(super) fn run_stalled(how: &Stall) -> Result<Run, String> {
    let room = &how.latency.room;
    if how.stalled >= room.readers {
        return Err(format!("--stalled {}: somebody has to read, of {} readers", how.stalled, room.readers));
    }
    let mut swarm = room::fill(room)?;
    ask_for_arrivals(&mut swarm)?;
    let mut sequences = sequences_of(room);
    let without = measure(&mut swarm, &how.latency, &mut sequences, "everybody reads")?;
    for connection in &mut swarm.connections[..how.stalled as usize] {
        connection.reads = false;
    }
    let with = measure(&mut swarm, &how.latency, &mut sequences, "some do not read")?;
    let run = given(Run::of("stall"), &how.latency).given("stalled", how.stalled);
    let run = run.figure("p99_without", without.quantile(0.99), "ms").figure("max_without", without.max(), "ms");
    let ratio = with.quantile(0.99) / without.quantile(0.99);
    Ok(with.tell(run).figure("p99_ratio", ratio, "times the p99 without"))
}

fn sequences_of(room: &Room) -> Sequences {
    Sequences::new((room.readers + room.talkers) as usize, room.talkers as usize)
}

fn ask_for_arrivals(swarm: &mut Swarm) -> Result<(), String> {
    swarm.connections.iter_mut().try_for_each(Connection::ask_for_arrivals)
}

fn given(run: Run, how: &Latency) -> Run {
    let room = &how.room;
    run.given("wire", room.to.wire.name())
        .given("rooms", room.rooms)
        .given("readers", room.readers)
        .given("talkers", room.talkers)
        .given("rate", how.rate)
        .given("bytes", room.bytes)
}

/// The result of one part of a run.
struct Part {
    nanoseconds: Histogram<u64>,
    /// The times until this program had read the line.
    seen: Histogram<u64>,
    lines: u64,
    deliveries: u64,
    /// Processor time of the server for each delivery, in microseconds.
    cpu: Option<f64>,
}

impl Part {
    fn quantile(&self, quantile: f64) -> f64 {
        self.nanoseconds.value_at_quantile(quantile) as f64 / 1e6
    }

    fn max(&self) -> f64 {
        self.nanoseconds.max() as f64 / 1e6
    }

    fn tell(&self, run: Run) -> Run {
        run.figure("lines", self.lines as f64, "")
            .figure("deliveries", self.deliveries as f64, "")
            .maybe("cpu_per_delivery", self.cpu, "µs")
            .figure("p50", self.quantile(0.5), "ms")
            .figure("p90", self.quantile(0.9), "ms")
            .figure("p99", self.quantile(0.99), "ms")
            .figure("p99.9", self.quantile(0.999), "ms")
            .figure("max", self.max(), "ms")
            .figure("seen_p50", self.seen.value_at_quantile(0.5) as f64 / 1e6, "ms")
            .figure("seen_p99", self.seen.value_at_quantile(0.99) as f64 / 1e6, "ms")
    }
}

/// Talks at the rate for the time, and waits until every listener that reads has all lines.
fn measure(swarm: &mut Swarm, how: &Latency, sequences: &mut Sequences, what: &str) -> Result<Part, String> {
    let room = &how.room;
    let (readers, talkers) = (room.readers as usize, room.talkers as usize);
    let length = usize::from(room.bytes) - 1;
    let interval = 1_000_000_000 / u64::from(how.rate);
    let lines = (room.seconds.as_secs_f64() * f64::from(how.rate)).ceil() as u64;
    let unrecorded = (lines as f64 * WARM_UP) as u64;
    let listening = swarm.connections[..readers].iter().filter(|reader| reader.reads).count() as u64;
    let expected = lines * (listening + room.to.wire.talkers_per_line(talkers as u64));
    let mut nanoseconds = Histogram::new_with_bounds(1_000, 600_000_000_000, 3).map_err(|error| error.to_string())?;
    let mut seen = nanoseconds.clone();
    let faults = sequences.faults;
    let (mut scratch, mut sent, mut delivered, mut recorded) = (Vec::new(), 0, 0, 0);

    let bar = progress(what, room.seconds);
    let start = swarm.clock.now(); // before the timer's, so that each of its ticks finds a line due
    swarm.start_ticking(Duration::from_nanos(interval))?;
    let mut before = None;
    let mut moved = Instant::now();
    while delivered < expected && moved.elapsed() < STUCK {
        let mut spoken = vec![false; talkers];
        while sent < lines && start + sent * interval <= swarm.clock.now() {
            let talker = (sent % talkers as u64) as usize;
            let kind = if sent < unrecorded { Kind::Fence } else { Kind::Data };
            if sent == unrecorded {
                before = Some((delivered, room.to.pid.map(process::usage).transpose()?));
            }
            let due = start + sent * interval;
            let number = sequences.say(talker);
            swarm.say(readers + talker, &Payload { kind, due, number, talker: talker as u8 }, length, &mut scratch);
            spoken[talker] = true;
            sent += 1;
        }
        for talker in (0..talkers).filter(|talker| spoken[*talker]) {
            swarm.flush(readers + talker);
        }
        let (clock, epoch) = (swarm.clock, swarm.clock.epoch());
        let some = swarm.turn(Some(Duration::from_millis(100)), |index, connection, bytes| {
            let now = clock.now();
            let arrived = connection.arrived.map_or(now, |arrived| arrived.saturating_sub(epoch).as_nanos() as u64);
            let mut rest = std::mem::take(&mut connection.rest);
            payload::scan(&mut rest, bytes, length, |payload| {
                delivered += 1;
                sequences.take(index, &payload);
                if payload.kind == Kind::Data {
                    recorded += 1;
                    nanoseconds.saturating_record(arrived.saturating_sub(payload.due));
                    seen.saturating_record(now.saturating_sub(payload.due));
                }
            });
            connection.rest = rest;
        })?;
        swarm.check()?;
        if some {
            moved = Instant::now();
            bar.set_position((swarm.clock.now() - start) / 1_000_000);
        }
    }
    let after = room.to.pid.map(process::usage).transpose()?;
    swarm.stop_ticking();
    bar.finish_and_clear();

    if delivered != expected {
        return Err(format!("{delivered} deliveries came where {expected} were expected: no figures"));
    }
    if sequences.faults > faults {
        return Err(format!(
            "{} lines came out of order, doubled or not at all: no figures",
            sequences.faults - faults
        ));
    }
    let cpu = before.and_then(|(delivered_before, usage)| {
        let used = after?.cpu - usage?.cpu;
        Some(used.as_secs_f64() * 1e6 / (delivered - delivered_before) as f64)
    });
    Ok(Part { nanoseconds, seen, lines, deliveries: recorded, cpu })
}
