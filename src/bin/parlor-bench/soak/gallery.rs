//! All witnesses in one thread, the order that they hear, and who of them leads.

use std::time::{Duration, Instant};

use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::io::Errno;

use super::door::Door;
use super::order::{Listener, Order};
use super::random::Random;
use super::witness::{Place, Witness};
use super::{Promise, Shared};

/// Most of what one read takes.
const READ: usize = 64 * 1024;
/// How often the witnesses speak.
const TICK: Duration = Duration::from_millis(10);

/// The witnesses, and what they have found.
pub(super) struct Gallery<'a> {
    shared: &'a Shared,
    places: Vec<Place>,
    /// Gone, but not everything that they heard has been compared.
    gone: Vec<Listener>,
    leader: usize,
    pub(super) order: Order,
    random: Random,
    buffer: Vec<u8>,
    /// Lines that may be said now, and when that was counted.
    due: (f64, Instant),
    turn: usize,
    /// Visitors come only while this is true …
    pub(super) is_open: bool,
    /// … and witnesses talk while this is.
    pub(super) talks: bool,
    pub(super) sessions: u64,
    pub(super) visits: u64,
    /// What visitors said, and have heard themselves.
    said: Vec<Promise>,
}

impl<'a> Gallery<'a> {
    /// Two at each door who stay (one with packets at the JSON door), and one who comes and goes.
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
            random: shared.draw(0x6a11e27),
            buffer: vec![0; READ],
            due: (0.0, Instant::now()),
            turn: 0,
            is_open: false,
            talks: false,
            sessions: 0,
            visits: 0,
            said: Vec::new(),
        }
    }

    /// Goes on for so long.
    pub(super) fn run_for(&mut self, time: Duration) -> Result<(), String> {
        let until = Instant::now() + time;
        self.run_until(time + Duration::from_secs(60), |_| Instant::now() >= until).map(|_| ())
    }

    /// Goes on until this is so; returns whether it was so in time.
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
        self.come_and_go();
        self.talk();
        let mut seats = Vec::new();
        let mut fds = Vec::new();
        for (seat, place) in self.places.iter().enumerate() {
            if let Some(witness) = place.witness() {
                let writes = if witness.wants_to_write() { PollFlags::OUT } else { PollFlags::empty() };
                fds.push(PollFd::new(&witness.stream, PollFlags::IN | writes));
                seats.push(seat);
            }
        }
        let timeout = Timespec::try_from(TICK).ok();
        match poll(&mut fds, timeout.as_ref()) {
            Ok(_) | Err(Errno::INTR) => {}
            Err(error) => return Err(format!("cannot poll: {error}")),
        }
        let ready: Vec<PollFlags> = fds.iter().map(PollFd::revents).collect();
        for (seat, ready) in seats.into_iter().zip(ready) {
            if let Place::Taken(witness) = &mut self.places[seat] {
                if ready.contains(PollFlags::OUT) {
                    witness.write();
                }
                if ready.intersects(PollFlags::IN | PollFlags::HUP | PollFlags::ERR) {
                    witness.read(&mut self.buffer, &mut self.order);
                }
            }
        }
        self.compare();
        self.let_go();
        Ok(())
    }

    fn come_and_go(&mut self) {
        for place in &mut self.places {
            match place {
                Place::Free { door, stays, from } if (*stays || self.is_open) && Instant::now() >= *from => {
                    let (door, stays) = (*door, *stays);
                    *place = match Witness::come(self.shared, door, stays) {
                        Ok(witness) => Place::Taken(Box::new(witness)),
                        Err(_) => Place::free_later(door, stays),
                    };
                }
                Place::Taken(witness)
                    if !witness.stays()
                        && witness.is_in
                        && !witness.is_leaving
                        && (witness.has_to_go() || !self.is_open) =>
                {
                    witness.take_leave(self.shared, &mut self.order);
                }
                _ => {}
            }
        }
    }

    fn talk(&mut self) {
        let now = Instant::now();
        // What is said before the one who leads has come in would be missing in the order.
        if !self.places[self.leader].witness().is_some_and(|witness| witness.is_in) {
            self.due = (0.0, now);
            return;
        }
        let (lines, since) = self.due;
        // What a pause of this machine has held up is not made up for in one go.
        let more = now.duration_since(since).as_secs_f64().min(0.1) * f64::from(self.shared.rate);
        self.due = (if self.talks { lines + more } else { 0.0 }, now);
        while self.due.0 >= 1.0 {
            self.due.0 -= 1.0;
            let filler = if self.random.one_in(200) { 3000 } else { self.random.between(0, 120) as u16 };
            // The next one who may talk: those on the relay door do not hear themselves.
            for _ in 0..self.places.len() {
                self.turn = (self.turn + 1) % self.places.len();
                if let Place::Taken(witness) = &mut self.places[self.turn]
                    && witness.stays()
                    && witness.is_in
                    && witness.door.echoes()
                {
                    witness.say(self.shared, filler);
                    witness.write();
                    break;
                }
            }
        }
    }

    /// First the one who leads, then all others against what it has heard.
    fn compare(&mut self) {
        let leads = self.leader;
        if let Place::Taken(witness) = &mut self.places[leads] {
            witness.listener.compare(&mut self.order, true);
        }
        let mut all_have = self.order.end();
        for (seat, place) in self.places.iter_mut().enumerate() {
            if let Place::Taken(witness) = place {
                if seat != leads {
                    witness.listener.compare(&mut self.order, false);
                }
                all_have = all_have.min(witness.listener.place().unwrap_or(u64::MAX));
            }
        }
        let order = &mut self.order;
        self.gone.retain_mut(|listener| {
            listener.compare(order, false);
            all_have = all_have.min(listener.place().unwrap_or(u64::MAX));
            !listener.is_checked()
        });
        self.order.forget_before(all_have);
    }

    /// Those whose connection has ended: they went, they were refused, or they were cut.
    fn let_go(&mut self) {
        for seat in 0..self.places.len() {
            let Place::Taken(witness) = &self.places[seat] else { continue };
            if !witness.has_ended {
                continue;
            }
            let (door, stays, was_in) = (witness.door, witness.stays(), witness.is_in);
            let was_cut = was_in && !witness.is_leaving;
            let free = if was_cut || !was_in { Place::free_later(door, stays) } else { Place::free(door, stays) };
            let Place::Taken(witness) = std::mem::replace(&mut self.places[seat], free) else { continue };
            self.sessions += u64::from(was_in);
            self.visits += u64::from(witness.is_leaving);
            if was_cut {
                self.shared.cut_short(witness.address, &format!("{} was cut", witness.listener.name));
            } else if !witness.listener.is_lost() {
                self.said.extend(witness.promise());
            }
            if !witness.listener.is_checked() {
                self.gone.push(witness.listener);
            }
            if seat == self.leader {
                self.elect();
            }
        }
    }

    /// Another leader, who has heard everything until now: one who has been here all the time.
    fn elect(&mut self) {
        let furthest = |place: &Place| {
            let witness = place.witness().filter(|witness| witness.stays() && witness.is_in && !witness.has_ended)?;
            witness.listener.place()
        };
        let seats = 0..self.places.len();
        match seats
            .filter(|seat| furthest(&self.places[*seat]).is_some())
            .max_by_key(|seat| furthest(&self.places[*seat]))
        {
            Some(seat) => self.leader = seat,
            None => self.order.fault(|| "all witnesses were cut at once: the order is broken off".to_owned()),
        }
    }

    /// Whether all who stay are in.
    pub(super) fn all_in(&self) -> bool {
        self.places.iter().all(|place| match place {
            Place::Taken(witness) => witness.is_in && witness.stays(),
            Place::Free { stays, .. } => !stays,
        })
    }

    /// Whether nobody is here but those who stay.
    pub(super) fn is_at_rest(&self) -> bool {
        self.all_in() && self.gone.is_empty()
    }

    /// What keeps it from rest, in words.
    pub(super) fn unrest(&self) -> String {
        let visitors = self.places.iter().filter_map(Place::witness).filter(|witness| !witness.stays()).count();
        format!(
            "{visitors} visitors, {} gone whose lines nobody else has heard, all in: {}",
            self.gone.len(),
            self.all_in()
        )
    }

    /// Whether all have heard and compared the whole order, and it holds all that these have said.
    pub(super) fn has_heard_out(&self, said: &[Promise]) -> bool {
        let all = self.places.iter().filter_map(Place::witness);
        all.clone().all(|witness| witness.listener.place() == Some(self.order.end()) && !witness.wants_to_write())
            && all
                .filter_map(Witness::promise)
                .chain(said.iter().copied())
                .all(|promise| self.order.said_by(promise.talker) >= promise.said)
    }

    /// Writes down what is missing at the end. What a talker has heard itself, or says while it is still
    /// here, all must have heard. Where nothing of its own comes back to it (on the relay door), a fault
    /// that was put into its calls may have cut it off: that is told as such, with its address.
    pub(super) fn close_books(&mut self, said: &[Promise]) {
        let end = self.order.end();
        let mut missing = Vec::new();
        for witness in self.places.iter().filter_map(Place::witness) {
            self.said.extend(witness.promise());
            if witness.listener.place() != Some(end) || !witness.listener.is_checked() {
                missing.push(format!("{} is at {:?} of {end}", witness.listener.name, witness.listener.place()));
            }
            self.sessions += 1;
        }
        missing.extend(self.gone.iter().map(|listener| format!("{}: heard what nobody else did", listener.name)));
        for what in missing {
            self.order.fault(|| what);
        }
        for Promise { talker, said, doubt } in self.said.iter().chain(said) {
            let heard = self.order.said_by(*talker);
            let what = || format!("talker {talker} said {said} lines, {heard} of which were heard");
            match doubt {
                _ if heard >= *said => {}
                None => self.order.fault(what),
                Some((address, when)) => self.shared.cut_short_at(*address, *when, &what()),
            }
        }
    }
}
