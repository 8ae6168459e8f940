//! Who is here and what they are called: the names of the house, each held by one person.
//!
//! A name is free the moment its owner leaves or takes another. Whether two names clash is for
//! [`NameKeys`] to say; who holds which key is known here.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use crate::protocol::{Away, MAX_NICK_BYTES, NameKeys, Nick, Refusal, SessionId, Speaker, shortened};

use super::{Filter, RoomIndex, Seat};

/// With how many names of about its length a wrong one is compared for a "did you mean": a bound on what
/// it can cost everybody, some 0.1 ms.
const MAX_COMPARED: usize = 128;
/// So many slips of the finger are a mistyped name.
const MAX_SLIPS: usize = 2;
/// How many variants of a taken name are looked at for three that are free.
const MAX_VARIANTS: usize = 16;

/// One person, as the hub knows them.
#[derive(Debug)]
pub(super) struct Person {
    pub(super) speaker: Arc<Speaker>,
    /// Where the person is; nowhere until a program joins or speaks.
    pub(super) room: Option<RoomIndex>,
    pub(super) came: Duration,
    pub(super) last_spoke: Duration,
    /// Whether the person has said anything at all, to a room or to somebody.
    pub(super) spoken: bool,
    /// Whether the person's own lines come back.
    pub(super) echo: bool,
    /// Who wrote to this person last.
    pub(super) last_writer: Option<SessionId>,
    /// By which door the person came.
    pub(super) by: &'static str,
    pub(super) away: Option<Away>,
    pub(super) filter: Filter,
    /// Whether the person has taken a name: first names, an address or an id, nobody types from memory.
    pub(super) is_named: bool,
}

/// Everybody, by seat, by session, by address and by name.
#[derive(Debug, Default)]
pub(super) struct People {
    seats: Vec<Option<Person>>,
    count: usize,
    by_id: HashMap<SessionId, Seat>,
    /// Folded names (see [`NameKeys::folded`]).
    by_name: HashMap<String, Seat>,
    /// Two connections to two doors may come from one address; the first one is meant by it.
    by_address: HashMap<Arc<str>, Vec<Seat>>,
    /// What chosen names look like (see [`NameKeys::looks`]).
    by_look: HashMap<String, Seat>,
}

impl People {
    pub(super) fn len(&self) -> usize {
        self.count
    }

    pub(super) fn get(&self, seat: Seat) -> Option<&Person> {
        self.seats.get(seat.index())?.as_ref()
    }

    pub(super) fn get_mut(&mut self, seat: Seat) -> Option<&mut Person> {
        self.seats.get_mut(seat.index())?.as_mut()
    }

    pub(super) fn seats(&self) -> impl Iterator<Item = Seat> + '_ {
        (0..).map(Seat).zip(&self.seats).filter(|(_, person)| person.is_some()).map(|(seat, _)| seat)
    }

    pub(super) fn seat_of(&self, id: SessionId) -> Option<Seat> {
        self.by_id.get(&id).copied()
    }

    pub(super) fn enter(&mut self, seat: Seat, person: Person) {
        if self.seats.len() <= seat.index() {
            self.seats.resize_with(seat.index() + 1, || None);
        }
        self.by_id.insert(person.speaker.id, seat);
        // First names, an address or an id, are found by those.
        self.by_address.entry(Arc::clone(&person.speaker.address)).or_default().push(seat);
        if let Some(place) = self.seats.get_mut(seat.index()) {
            *place = Some(person);
            self.count += 1;
        }
    }

    pub(super) fn leave(&mut self, seat: Seat) -> Option<Person> {
        let person = self.seats.get_mut(seat.index())?.take()?;
        self.count -= 1;
        self.by_id.remove(&person.speaker.id);
        self.forget_name(seat, &person.speaker.name);
        if let Some(seats) = self.by_address.get_mut(&person.speaker.address) {
            seats.retain(|other| *other != seat);
            if seats.is_empty() {
                self.by_address.remove(&person.speaker.address);
            }
        }
        Some(person)
    }

    /// Gives the person at `seat` a name; the name before is returned.
    pub(super) fn rename(&mut self, seat: Seat, nick: &Nick) -> Result<Arc<str>, Refusal> {
        let keys = NameKeys::of(nick.as_str());
        if let Some(holder) = self.holder(&keys, seat) {
            let present = self.get(holder).map(|person| person.speaker.name.to_string()).unwrap_or_default();
            let name = nick.as_str().to_owned();
            return Err(if NameKeys::of(&present).folded == keys.folded {
                let variants = nick.variants().take(MAX_VARIANTS);
                let free = variants.filter(|other| self.holder(&NameKeys::of(other.as_str()), seat).is_none());
                Refusal::Taken { name, free: free.take(3).map(|nick| nick.as_str().to_owned()).collect() }
            } else {
                Refusal::LooksLike { name, present }
            });
        }
        let person = self.seats.get_mut(seat.index()).and_then(Option::as_mut);
        let Some(person) = person else { return Ok(nick.shared()) };
        person.is_named |= *person.speaker.name != *nick.as_str();
        let old = Arc::clone(&person.speaker.name);
        let (id, address) = (person.speaker.id, Arc::clone(&person.speaker.address));
        person.speaker = Arc::new(Speaker { id, address, name: nick.shared() });
        self.forget_name(seat, &old);
        self.by_name.insert(keys.folded, seat);
        self.by_look.extend(keys.looks.map(|look| (look, seat)));
        Ok(old)
    }

    /// The person whom a name, an address or an id means.
    ///
    /// # Errors
    /// [`Refusal::NobodyCalled`], with the nearest name if one is near.
    pub(super) fn find(&self, name: &str) -> Result<Seat, Refusal> {
        let name = name.trim();
        let by_address = || self.by_address.get(name)?.first().copied();
        let by_id = || self.seat_of(SessionId(name.parse().ok()?));
        if let Some(seat) = by_address().or_else(by_id) {
            return Ok(seat);
        }
        // Longer than any way to write a name: folding it would be work for nothing, on everybody's time.
        let folded = if name.len() <= 4 * MAX_NICK_BYTES { NameKeys::of(name).folded } else { String::new() };
        self.by_name.get(&folded).copied().ok_or_else(|| {
            // Addresses and ids are no names that were meant.
            let length = folded.chars().count();
            let chosen = self.seats.iter().flatten().filter(|person| person.is_named);
            let near = chosen.map(|person| &person.speaker.name);
            let near = near.filter(|other| length > 0 && other.chars().count().abs_diff(length) <= MAX_SLIPS);
            let near =
                near.take(MAX_COMPARED).map(|other| (strsim::osa_distance(&folded, &other.to_lowercase()), other));
            let like = near
                .min_by_key(|(slips, _)| *slips)
                .filter(|(slips, _)| *slips <= MAX_SLIPS && *slips * 2 < name.len().max(3));
            Refusal::NobodyCalled { name: shortened(name, 40), like: like.map(|(_, name)| name.to_string()) }
        })
    }

    /// Who but `seat` holds one of these keys.
    fn holder(&self, keys: &NameKeys, seat: Seat) -> Option<Seat> {
        let held = self
            .by_name
            .get(&keys.folded)
            .into_iter()
            .chain(keys.looks.iter().filter_map(|look| self.by_look.get(look)));
        held.copied().find(|holder| *holder != seat)
    }

    fn forget_name(&mut self, seat: Seat, name: &str) {
        let keys = NameKeys::of(name);
        if self.by_name.get(&keys.folded) == Some(&seat) {
            self.by_name.remove(&keys.folded);
        }
        for look in &keys.looks {
            if self.by_look.get(look) == Some(&seat) {
                self.by_look.remove(look);
            }
        }
    }
}
