//! How long a line takes from when it was due until each listener has it, at a fixed rate.
//!
//! A line that could not be sent in time counts from when it was due: else a server that stalls
//! would be asked less while it stalls, and look well. A listener has it when its socket has it: the
//! kernel notes the time. When this program, one thread for all listeners, has read it is told beside
//! (`seen_…`): with a thousand of them that is a queue of its own, which no real listener stands in.

use std::time::{Duration, Instant};

use hdrhistogram::Histogram;

use super::flags::{Latency, Room, Stall};
use super::payload::{self, Kind, Payload};
use super::process;
use super::report::{Run, progress};
use super::swarm::{STUCK, Swarm};
use super::throughput::Orders;

/// The first part of the time is not recorded: so much of it.
const WARM_UP: f64 = 0.1;

/// Measures it once.
pub(super) fn run(how: &Latency) -> Result<Run, String> {
    let mut swarm = Swarm::fill(&how.room)?;
    swarm.ask_for_arrivals()?;
    let part = measure(&mut swarm, how, &mut Orders::of(&how.room), "latency")?;
    Ok(part.tell(given(Run::of("latency"), how)))
}

/// Measures it once with everybody reading, then with some who do not.
pub(super) fn run_stalled(how: &Stall) -> Result<Run, String> {
    let room = &how.latency.room;
    if how.stalled >= room.readers {
        return Err(format!("--stalled {}: somebody has to read, of {} readers", how.stalled, room.readers));
    }
    let mut swarm = Swarm::fill(room)?;
    swarm.ask_for_arrivals()?;
    let mut orders = Orders::of(room);
    let without = measure(&mut swarm, &how.latency, &mut orders, "everybody reads")?;
    for connection in &mut swarm.connections[..how.stalled as usize] {
        connection.reads = false;
    }
    let with = measure(&mut swarm, &how.latency, &mut orders, "some do not read")?;
    let run = given(Run::of("stall"), &how.latency).given("stalled", how.stalled);
    let run = run.figure("p99_without", without.quantile(0.99), "ms").figure("max_without", without.max(), "ms");
    let ratio = with.quantile(0.99) / without.quantile(0.99);
    Ok(with.tell(run).figure("p99_ratio", ratio, "times the p99 without"))
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

/// What one part of a run gave.
struct Part {
    nanoseconds: Histogram<u64>,
    /// Until this program had read it.
    seen: Histogram<u64>,
    lines: u64,
    deliveries: u64,
    /// Of the server, in microseconds for each delivery.
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

impl Orders {
    fn of(room: &Room) -> Self {
        Self::new((room.readers + room.talkers) as usize, room.talkers as usize)
    }
}

/// Talks at the rate for the time, and waits until everybody who reads has everything.
fn measure(swarm: &mut Swarm, how: &Latency, orders: &mut Orders, what: &str) -> Result<Part, String> {
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
    let faults = orders.faults;
    let (mut scratch, mut sent, mut delivered, mut recorded) = (Vec::new(), 0, 0, 0);

    let bar = progress(what, room.seconds);
    let start = swarm.now(); // before the timer's, so that each of its ticks finds a line due
    swarm.tick_every(Duration::from_nanos(interval))?;
    let mut before = None;
    let mut moved = Instant::now();
    while delivered < expected && moved.elapsed() < STUCK {
        let mut spoken = vec![false; talkers];
        while sent < lines && start + sent * interval <= swarm.now() {
            let talker = (sent % talkers as u64) as usize;
            let kind = if sent < unrecorded { Kind::Fence } else { Kind::Data };
            if sent == unrecorded {
                before = Some((delivered, room.to.pid.map(process::usage).transpose()?));
            }
            let due = start + sent * interval;
            let number = orders.say(talker);
            swarm.say(readers + talker, &Payload { kind, due, number, talker: talker as u8 }, length, &mut scratch);
            spoken[talker] = true;
            sent += 1;
        }
        for talker in (0..talkers).filter(|talker| spoken[*talker]) {
            swarm.flush(readers + talker);
        }
        let (clock, epoch) = (swarm.clock(), swarm.epoch());
        let some = swarm.turn(Some(Duration::from_millis(100)), |index, connection, bytes| {
            let now = clock.elapsed().as_nanos() as u64;
            let arrived = connection.arrived.map_or(now, |arrived| arrived.saturating_sub(epoch).as_nanos() as u64);
            let mut rest = std::mem::take(&mut connection.rest);
            payload::scan(&mut rest, bytes, length, |payload| {
                delivered += 1;
                orders.take(index, &payload);
                if payload.kind == Kind::Data {
                    recorded += 1;
                    nanoseconds.saturating_record(arrived.saturating_sub(payload.due));
                    seen.saturating_record(now.saturating_sub(payload.due));
                }
            });
            connection.rest = rest;
        })?;
        swarm.all_here()?;
        if some {
            moved = Instant::now();
            bar.set_position((swarm.now() - start) / 1_000_000);
        }
    }
    let after = room.to.pid.map(process::usage).transpose()?;
    swarm.tick_no_more();
    bar.finish_and_clear();

    if delivered != expected {
        return Err(format!("{delivered} deliveries came where {expected} were expected: no figures"));
    }
    if orders.faults > faults {
        return Err(format!("{} lines came out of order, doubled or not at all: no figures", orders.faults - faults));
    }
    let cpu = before.and_then(|(delivered_before, usage)| {
        let used = after?.cpu - usage?.cpu;
        Some(used.as_secs_f64() * 1e6 / (delivered - delivered_before) as f64)
    });
    Ok(Part { nanoseconds, seen, lines, deliveries: recorded, cpu })
}
