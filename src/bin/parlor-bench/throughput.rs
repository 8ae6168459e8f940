//! As many lines as go through: some talk as long as not too many lines are on their way.
//!
//! A line is on its way until the last reader has it, so the slowest reader sets the pace, as in a
//! room where everybody follows. How many readers have line K is kept for the lines on their way
//! only, in a ring.

use std::time::{Duration, Instant};

use super::flags::Throughput;
use super::payload::{self, Kind, Payload};
use super::process;
use super::report::{Run, progress};
use super::swarm::{STUCK, Swarm};

/// Measures it once.
pub(super) fn run(how: &Throughput) -> Result<Run, String> {
    let room = &how.room;
    let (readers, talkers) = (room.readers as usize, room.talkers as usize);
    let length = usize::from(room.bytes) - 1;
    let mut swarm = Swarm::fill(room)?;
    let mut window = Window::new(how.in_flight, room.readers);
    let mut orders = how.verify.then(|| Orders::new(readers + talkers, talkers));
    let mut numbers = Orders::new(0, talkers);
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
            // The last `free` lines were said in turn, up to the talker before the next.
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
            if let Some(orders) = &mut orders {
                orders.look(index, &mut connection.rest, bytes, length);
            }
        })?;
        swarm.all_here()?;
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
    if let Some(faults) = orders.map(|orders| orders.faults).filter(|faults| *faults > 0) {
        return Err(format!("{faults} lines came out of order, doubled or not at all: no rate"));
    }
    // Not every server sends a talker its own lines: what is compared is what listeners got.
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

/// The lines on their way.
struct Window {
    size: u64,
    readers: u32,
    /// The oldest line that not every reader has.
    oldest: u64,
    /// How many readers have line K, at K modulo its length, for the lines from `oldest` on.
    have: Vec<u32>,
    /// A reader got more than was said.
    overrun: bool,
}

impl Window {
    fn new(size: u32, readers: u32) -> Self {
        Self { size: size.into(), readers, oldest: 0, have: vec![0; size as usize], overrun: false }
    }

    /// How many more lines may be said.
    fn free(&self, sent: u64) -> u64 {
        self.size - (sent - self.oldest)
    }

    /// A reader who had `had` lines has got so many more.
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

/// Which line each listener expects next of each talker.
pub(super) struct Orders {
    talkers: usize,
    said: Vec<u32>,
    next: Vec<u32>,
    /// Lines that were not the next of their talker.
    pub(super) faults: u64,
}

impl Orders {
    pub(super) fn new(listeners: usize, talkers: usize) -> Self {
        Self { talkers, said: vec![0; talkers], next: vec![0; listeners * talkers], faults: 0 }
    }

    fn look(&mut self, listener: usize, rest: &mut Vec<u8>, bytes: &[u8], length: usize) {
        payload::scan(rest, bytes, length, |payload| self.take(listener, &payload));
    }

    /// The number of this talker's next line.
    pub(super) fn say(&mut self, talker: usize) -> u32 {
        let number = self.said[talker];
        self.said[talker] = number.wrapping_add(1);
        number
    }

    /// One line has come to this listener.
    pub(super) fn take(&mut self, listener: usize, payload: &Payload) {
        let next = &mut self.next[listener * self.talkers + usize::from(payload.talker)];
        self.faults += u64::from(*next != payload.number);
        *next = payload.number.wrapping_add(1);
    }
}

#[cfg(test)]
mod tests {
    use super::Window;

    #[test]
    fn a_line_is_on_its_way_until_the_last_reader_has_it() {
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
