//! Throughput: talkers send as long as the number of lines in flight is below a limit.
//!
//! A line is in flight until the last reader has it. The slowest reader therefore sets the pace, as in a room in
//! which every member reads. A ring counts the readers that have each line in flight.

use std::time::{Duration, Instant};

use super::flags::Throughput;
use super::payload::{self, Kind, Payload};
use super::process;
use super::report::{Run, progress};
use super::room;
use super::sequence::Sequences;
use super::swarm::STUCK;

/// Measures it once.
pub(super) fn run(how: &Throughput) -> Result<Run, String> {
    let room = &how.room;
    let (readers, talkers) = (room.readers as usize, room.talkers as usize);
    let length = usize::from(room.bytes) - 1;
    let mut swarm = room::fill(room)?;
    let mut window = Window::new(how.in_flight, room.readers);
    let mut sequences = how.verify.then(|| Sequences::new(readers + talkers, talkers));
    let mut numbers = Sequences::new(0, talkers);
    let (mut scratch, mut to_talkers, mut sent) = (Vec::new(), 0, 0);
    let per_line = room.to.wire.talkers_per_line(talkers as u64);

    let bar = progress("throughput", room.seconds);
    let before = room.to.pid.map(process::usage).transpose()?;
    let started = Instant::now();
    let mut moved = started;
    let mut ended = started;
    loop {
        let now = Instant::now();
        let over = how.lines.map_or(now - started >= room.seconds, |lines| sent >= lines);
        let free = if over { 0 } else { how.lines.map_or(u64::MAX, |lines| lines - sent).min(window.free(sent)) };
        for _ in 0..free {
            let talker = (sent % talkers as u64) as usize;
            let payload = Payload { kind: Kind::Data, due: 0, number: numbers.say(talker), talker: talker as u8 };
            swarm.say(readers + talker, &payload, length, &mut scratch);
            sent += 1;
        }
        for talker in 0..talkers.min(free as usize) {
            // The talkers have sent the last `free` lines in turn, up to the talker before the next.
            let talker = ((sent - 1 - talker as u64) % talkers as u64) as usize;
            swarm.flush(readers + talker);
        }
        if over && window.oldest == sent && to_talkers >= sent * per_line {
            break;
        }
        let some = swarm.turn(Some(Duration::from_millis(100)), |index, connection, bytes| {
            let count = payload::count(bytes);
            if index < readers {
                window.heard(connection.delivered, count);
            } else {
                to_talkers += count;
            }
            connection.delivered += count;
            if let Some(sequences) = &mut sequences {
                sequences.scan(index, &mut connection.rest, bytes, length);
            }
        })?;
        swarm.check()?;
        if some {
            ended = Instant::now();
            moved = ended;
            window.advance();
            bar.set_position(started.elapsed().as_millis() as u64);
        } else if moved.elapsed() > STUCK {
            break;
        }
    }
    let after = room.to.pid.map(process::usage).transpose()?;
    bar.finish_and_clear();

    let to_readers: u64 = swarm.connections[..readers].iter().map(|connection| connection.delivered).sum();
    let delivered = to_readers + to_talkers;
    let expected = sent * (readers as u64 + per_line);
    if delivered != expected || window.overrun {
        return Err(format!("{delivered} deliveries came where {expected} were expected: no rate"));
    }
    if let Some(faults) = sequences.map(|sequences| sequences.faults).filter(|faults| *faults > 0) {
        return Err(format!("{faults} lines came out of order, doubled or not at all: no rate"));
    }
    // Some servers send a talker its own lines, some do not: the rate counts the readers only.
    let seconds = (ended - started).as_secs_f64();
    let cpu = before.zip(after).map(|(before, after)| (after.cpu - before.cpu).as_secs_f64() * 1e6 / to_readers as f64);
    Ok(Run::of("throughput")
        .given("wire", room.to.wire.name())
        .given("rooms", room.rooms)
        .given("readers", room.readers)
        .given("talkers", room.talkers)
        .given("in_flight", how.in_flight)
        .given("bytes", room.bytes)
        .figure("lines", sent as f64, "")
        .figure("deliveries", delivered as f64, "")
        .figure("deliveries_per_second", to_readers as f64 / seconds, "/s to readers")
        .maybe("cpu_per_delivery", cpu, "µs"))
}

/// The lines in flight.
struct Window {
    size: u64,
    readers: u32,
    /// The oldest line that not every reader has.
    oldest: u64,
    /// The number of readers that have line K, at K modulo the length. For the lines from `oldest` on.
    have: Vec<u32>,
    /// A reader has received more lines than were sent.
    overrun: bool,
}

impl Window {
    fn new(size: u32, readers: u32) -> Self {
        Self { size: size.into(), readers, oldest: 0, have: vec![0; size as usize], overrun: false }
    }

    /// The number of lines that may be sent now.
    fn free(&self, sent: u64) -> u64 {
        self.size - (sent - self.oldest)
    }

    /// Notes that a reader with `had` lines has received `count` more.
    fn heard(&mut self, had: u64, count: u64) {
        if had + count > self.oldest + self.size {
            self.overrun = true;
            return;
        }
        let start = (had % self.size) as usize;
        let first = (count as usize).min(self.have.len() - start);
        for have in &mut self.have[start..start + first] {
            *have += 1;
        }
        for have in &mut self.have[..count as usize - first] {
            *have += 1;
        }
    }

    fn advance(&mut self) {
        loop {
            let have = &mut self.have[(self.oldest % self.size) as usize];
            if *have < self.readers {
                return;
            }
            *have = 0;
            self.oldest += 1;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::Window;

    #[test]
    fn line_is_in_flight_until_last_reader() {
        let mut window = Window::new(4, 2);
        assert_eq!(window.free(0), 4);
        window.heard(0, 4);
        window.heard(0, 3);
        window.advance();
        assert_eq!((window.oldest, window.free(4)), (3, 3));
        window.heard(4, 3); // round the ring's end
        window.heard(3, 4);
        window.advance();
        assert_eq!((window.oldest, window.overrun), (7, false));
        window.heard(7, 5);
        assert!(window.overrun);
    }
}
