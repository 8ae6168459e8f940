//! All observers on one thread, the order of the lines that they receive, and the leader among them.

use std::time::{Duration, Instant};

use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::io::Errno;

use super::door::Door;
use super::observer::{Observer, Place};
use super::order::{Listener, Order};
use super::random::Random;
use super::shared::{Expected, Shared};

/// Most bytes of one read.
const READ: usize = 64 * 1024;
/// Longest wait of one turn.
const TICK: Duration = Duration::from_millis(10);

/// The observers and their findings.
pub(super) struct Observers<'a> {
    shared: &'a Shared,
    places: Vec<Place>,
    /// Listeners that have left, and whose lines are not all compared.
    gone: Vec<Listener>,
    leader: usize,
    pub(super) order: Order,
    schedule: Schedule,
    buffer: Vec<u8>,
    /// Whether visitors connect.
    pub(super) has_visitors: bool,
    /// Whether the observers talk.
    pub(super) talks: bool,
    pub(super) sessions: u64,
    pub(super) visits: u64,
    /// Lines of visitors that have left.
    expected: Vec<Expected>,
}

/// The lines that are due at the rate of the soak.
struct Schedule {
    lines: f64,
    since: Instant,
    /// The index of the last talker.
    turn: usize,
    random: Random,
}

impl Schedule {
    /// Adds the lines of the time that has passed.
    fn advance(&mut self, rate: u32, talks: bool) {
        let now = Instant::now();
        // A pause of this machine is not made up for at once.
        let more = now.duration_since(self.since).as_secs_f64().min(0.1) * f64::from(rate);
        (self.lines, self.since) = (if talks { self.lines + more } else { 0.0 }, now);
    }

    /// Starts from no line.
    fn reset(&mut self) {
        (self.lines, self.since) = (0.0, Instant::now());
    }

    /// The length of the next line, if one is due.
    fn next_line(&mut self) -> Option<u16> {
        if self.lines < 1.0 {
            return None;
        }
        self.lines -= 1.0;
        Some(if self.random.one_in(200) { 3000 } else { self.random.between(0, 120) as u16 })
    }
}

impl<'a> Observers<'a> {
    /// Two observers at each door that stay (one with packets at the JSON door), and one visitor.
    pub(super) fn new(shared: &'a Shared) -> Self {
        let stay = |door: Door| if door == Door::Packets { 1 } else { 2 };
        let staying = Door::ALL.iter().flat_map(|door| (0..stay(*door)).map(|_| Place::free(*door, true)));
        let visiting = Door::ALL.iter().map(|door| Place::free(*door, false));
        Self {
            shared,
            places: staying.chain(visiting).collect(),
            gone: Vec::new(),
            leader: 0,
            order: Order::default(),
            schedule: Schedule { lines: 0.0, since: Instant::now(), turn: 0, random: shared.random(0x6a11e27) },
            buffer: vec![0; READ],
            has_visitors: false,
            talks: false,
            sessions: 0,
            visits: 0,
            expected: Vec::new(),
        }
    }

    /// Runs for this time.
    pub(super) fn run_for(&mut self, time: Duration) -> Result<(), String> {
        let until = Instant::now() + time;
        self.run_until(time + Duration::from_secs(60), |_| Instant::now() >= until).map(|_| ())
    }

    /// Runs until `done`. Returns whether that was so in time.
    pub(super) fn run_until(&mut self, at_most: Duration, mut done: impl FnMut(&Self) -> bool) -> Result<bool, String> {
        let until = Instant::now() + at_most;
        while !done(self) {
            if Instant::now() >= until {
                return Ok(false);
            }
            self.turn()?;
        }
        Ok(true)
    }

    fn turn(&mut self) -> Result<(), String> {
        self.connect_and_leave();
        self.talk();
        let mut indices = Vec::new();
        let mut fds = Vec::new();
        for (index, place) in self.places.iter().enumerate() {
            if let Some(observer) = place.observer() {
                let writes = if observer.wants_to_write() { PollFlags::OUT } else { PollFlags::empty() };
                fds.push(PollFd::new(&observer.stream, PollFlags::IN | writes));
                indices.push(index);
            }
        }
        let timeout = Timespec::try_from(TICK).ok();
        match poll(&mut fds, timeout.as_ref()) {
            Ok(_) | Err(Errno::INTR) => {}
            Err(error) => return Err(format!("cannot poll: {error}")),
        }
        let ready: Vec<PollFlags> = fds.iter().map(PollFd::revents).collect();
        for (index, ready) in indices.into_iter().zip(ready) {
            if let Place::Taken(observer) = &mut self.places[index] {
                if ready.contains(PollFlags::OUT) {
                    observer.write();
                }
                if ready.intersects(PollFlags::IN | PollFlags::HUP | PollFlags::ERR) {
                    observer.read(&mut self.buffer, &mut self.order);
                }
            }
        }
        self.compare();
        self.free_places();
        Ok(())
    }

    fn connect_and_leave(&mut self) {
        for place in &mut self.places {
            match place {
                Place::Free { door, stays, from } if (*stays || self.has_visitors) && Instant::now() >= *from => {
                    let (door, stays) = (*door, *stays);
                    *place = match Observer::connect(self.shared, door, stays) {
                        Ok(observer) => Place::Taken(Box::new(observer)),
                        Err(_) => Place::free_later(door, stays),
                    };
                }
                Place::Taken(observer)
                    if !observer.stays()
                        && observer.has_joined
                        && !observer.is_leaving()
                        && (observer.must_leave() || !self.has_visitors) =>
                {
                    observer.try_to_leave(self.shared, &mut self.order);
                }
                _ => {}
            }
        }
    }

    fn talk(&mut self) {
        // A line before the leader has joined would be missing in the order.
        if !self.places[self.leader].observer().is_some_and(|observer| observer.has_joined) {
            return self.schedule.reset();
        }
        self.schedule.advance(self.shared.setup.rate, self.talks);
        while let Some(filler) = self.schedule.next_line() {
            // The next observer that receives its own lines; relay sessions do not.
            for _ in 0..self.places.len() {
                self.schedule.turn = (self.schedule.turn + 1) % self.places.len();
                if let Place::Taken(observer) = &mut self.places[self.schedule.turn]
                    && observer.stays()
                    && observer.has_joined
                    && observer.door.echoes()
                {
                    observer.say(self.shared, filler);
                    observer.write();
                    break;
                }
            }
        }
    }

    /// Compares the lines of the leader, then those of all others.
    fn compare(&mut self) {
        let leads = self.leader;
        if let Place::Taken(observer) = &mut self.places[leads] {
            observer.listener.compare(&mut self.order, true);
        }
        let mut all_have = self.order.end();
        for (index, place) in self.places.iter_mut().enumerate() {
            if let Place::Taken(observer) = place {
                if index != leads {
                    observer.listener.compare(&mut self.order, false);
                }
                all_have = all_have.min(observer.listener.position().unwrap_or(u64::MAX));
            }
        }
        let order = &mut self.order;
        self.gone.retain_mut(|listener| {
            listener.compare(order, false);
            all_have = all_have.min(listener.position().unwrap_or(u64::MAX));
            !listener.is_checked()
        });
        self.order.forget_before(all_have);
    }

    /// Frees the places of sessions that have ended: they left, were refused, or were cut short.
    fn free_places(&mut self) {
        for index in 0..self.places.len() {
            let Place::Taken(observer) = &self.places[index] else { continue };
            if !observer.has_ended {
                continue;
            }
            let (door, stays, had_joined) = (observer.door, observer.stays(), observer.has_joined);
            let was_cut = had_joined && !observer.is_leaving();
            let free = if was_cut || !had_joined { Place::free_later(door, stays) } else { Place::free(door, stays) };
            let Place::Taken(observer) = std::mem::replace(&mut self.places[index], free) else { continue };
            self.sessions += u64::from(had_joined);
            self.visits += u64::from(observer.is_leaving());
            if was_cut {
                self.shared.cut_short(observer.address, &format!("{} was cut", observer.listener.name));
            } else if !observer.listener.has_failed() {
                self.expected.extend(observer.expected());
            }
            if !observer.listener.is_checked() {
                self.gone.push(observer.listener);
            }
            if index == self.leader {
                self.elect();
            }
        }
    }

    /// Chooses another leader: the observer that has received the most of the order.
    fn elect(&mut self) {
        let furthest = |place: &Place| {
            let observer =
                place.observer().filter(|observer| observer.stays() && observer.has_joined && !observer.has_ended)?;
            observer.listener.position()
        };
        let indices = 0..self.places.len();
        match indices
            .filter(|index| furthest(&self.places[*index]).is_some())
            .max_by_key(|index| furthest(&self.places[*index]))
        {
            Some(index) => self.leader = index,
            None => self.order.fault(|| "all observers were cut short at once: the order ends".to_owned()),
        }
    }

    /// Whether all observers that stay have joined.
    pub(super) fn all_joined(&self) -> bool {
        self.places.iter().all(|place| match place {
            Place::Taken(observer) => observer.has_joined && observer.stays(),
            Place::Free { stays, .. } => !stays,
        })
    }

    /// Whether only the observers that stay are left.
    pub(super) fn is_idle(&self) -> bool {
        self.all_joined() && self.gone.is_empty()
    }

    /// The reason why it is not idle, in words.
    pub(super) fn activity(&self) -> String {
        let visitors = self.places.iter().filter_map(Place::observer).filter(|observer| !observer.stays()).count();
        format!(
            "{visitors} visitors, {} that left with lines that no other has received, all joined: {}",
            self.gone.len(),
            self.all_joined()
        )
    }

    /// Whether all observers have received the whole order, and it holds all expected lines.
    pub(super) fn is_complete(&self, expected: &[Expected]) -> bool {
        let all = self.places.iter().filter_map(Place::observer);
        all.clone().all(|observer| observer.listener.position() == Some(self.order.end()) && !observer.wants_to_write())
            && all
                .filter_map(Observer::expected)
                .chain(expected.iter().copied())
                .all(|expected| self.order.said_by(expected.talker) >= expected.lines)
    }

    /// Records what is missing at the end. All observers must have received each expected line. A line of a relay
    /// session does not come back to it, so a fault put into a system call may have cut the session short: such a
    /// line is reported with the session's address.
    pub(super) fn finish(&mut self, expected: &[Expected]) {
        let end = self.order.end();
        let mut missing = Vec::new();
        for observer in self.places.iter().filter_map(Place::observer) {
            self.expected.extend(observer.expected());
            if observer.listener.position() != Some(end) || !observer.listener.is_checked() {
                missing.push(format!("{} is at {:?} of {end}", observer.listener.name, observer.listener.position()));
            }
            self.sessions += 1;
        }
        missing.extend(self.gone.iter().map(|listener| format!("{}: received lines that no other did", listener.name)));
        for what in missing {
            self.order.fault(|| what);
        }
        for Expected { talker, lines, unconfirmed } in self.expected.iter().chain(expected) {
            let heard = self.order.said_by(*talker);
            let what = || format!("talker {talker} sent {lines} lines, {heard} of which were received");
            match unconfirmed {
                _ if heard >= *lines => {}
                None => self.order.fault(what),
                Some((address, when)) => self.shared.cut_short_at(*address, *when, &what()),
            }
        }
    }
}
