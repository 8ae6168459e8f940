//! Who is here and what they are called: the names of the house, each held by one person.
//!
//! A name is free the moment its owner leaves or takes another. Whether two names clash is for
//! [`NameKeys`] to say; who holds which key is known here.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use crate::protocol::{Away, MAX_NICK_BYTES, MAX_NICK_CHARS, NameKeys, Nick, Refusal, SessionId, Speaker, shortened};

use super::names::Names;
use super::writers::Writers;
use super::{Filter, RoomIndex, Seat};

/// With how many names of about its length a wrong one is compared for a "did you mean": a bound on what
/// it can cost everybody, some 0.1 ms.
const MAX_COMPARED: usize = 128;
/// So many slips of the finger are a mistyped name.
const MAX_SLIPS: usize = 2;
/// Most variants of a taken name that are tried for three free suggestions. Without a bound, 10,000 were
/// tried for a name whose variants are nearly all refused (CASES A1).
const MAX_VARIANTS: usize = 12;

/// One person, as the hub knows them.
#[derive(Debug)]
pub(super) struct Person {
    pub(super) speaker: Arc<Speaker>,
    /// The keys of a chosen name; `None` for a first name, which is an address or an id.
    pub(super) keys: Option<Arc<NameKeys>>,
    /// Where the person is; nowhere until a program joins or speaks.
    pub(super) room: Option<RoomIndex>,
    pub(super) came: Duration,
    pub(super) last_spoke: Duration,
    /// Whether the person has said anything at all, to a room or to somebody.
    pub(super) spoken: bool,
    /// Whether the person's own lines come back.
    pub(super) echo: bool,
    /// Who wrote to this person last.
    pub(super) writers: Writers,
    /// By which door the person came.
    pub(super) by: &'static str,
    pub(super) away: Option<Away>,
    pub(super) filter: Filter,
    /// Whether the session's arrival has been announced (see [`Hub::appear`]). Lists show it from then on.
    ///
    /// [`Hub::appear`]: super::Hub::appear
    pub(super) is_listed: bool,
}

impl Person {
    /// Whether the session may be sent what it did not ask for. tnet's client takes any frame for its answer,
    /// so a frame session is sent nothing else until it has joined, said something or taken a name.
    pub(super) fn takes_part(&self) -> bool {
        self.by != "frame" || self.room.is_some() || self.spoken || self.keys.is_some()
    }
}

/// Everybody, by seat, by session, by address and by name.
#[derive(Debug, Default)]
pub(super) struct People {
    seats: Vec<Option<Person>>,
    count: usize,
    /// How many of them are listed.
    listed: usize,
    by_id: HashMap<SessionId, Seat>,
    /// Chosen names.
    names: Names<Seat>,
    /// Two connections to two doors may come from one address; the first one is meant by it.
    by_address: HashMap<Arc<str>, Vec<Seat>>,
}

impl People {
    pub(super) fn len(&self) -> usize {
        self.count
    }

    /// How many people are listed.
    pub(super) fn listed(&self) -> usize {
        self.listed
    }

    /// Lists the person at `seat`. Returns false if nobody is there or the person is listed already.
    pub(super) fn list(&mut self, seat: Seat) -> bool {
        let Some(person) = self.get_mut(seat).filter(|person| !person.is_listed) else { return false };
        person.is_listed = true;
        self.listed += 1;
        true
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
            self.listed += usize::from(person.is_listed);
            *place = Some(person);
            self.count += 1;
        }
    }

    pub(super) fn leave(&mut self, seat: Seat) -> Option<Person> {
        let person = self.seats.get_mut(seat.index())?.take()?;
        self.count -= 1;
        self.listed -= usize::from(person.is_listed);
        self.by_id.remove(&person.speaker.id);
        if let Some(keys) = &person.keys {
            self.names.free(keys, seat);
        }
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
        self.check_free(seat, nick)?;
        let person = self.seats.get_mut(seat.index()).and_then(Option::as_mut);
        let Some(person) = person else { return Ok(nick.shared()) };
        let old = Arc::clone(&person.speaker.name);
        let (id, address) = (person.speaker.id, Arc::clone(&person.speaker.address));
        person.speaker = Arc::new(Speaker { id, address, name: nick.shared(), visitor: None });
        if let Some(keys) = person.keys.replace(Arc::clone(nick.keys())) {
            self.names.free(&keys, seat);
        }
        self.names.hold(nick.keys(), seat);
        Ok(old)
    }

    /// Checks that the session at `seat` may take this name.
    ///
    /// # Errors
    /// [`Refusal::Taken`] or [`Refusal::LooksLike`] if another person present has the name or one like it,
    /// [`Refusal::MixedScripts`] if the name mixes scripts.
    pub(super) fn check_free(&self, seat: Seat, nick: &Nick) -> Result<(), Refusal> {
        let name = nick.as_str().to_owned();
        let Some(holder) = self.holder(nick.keys(), seat) else {
            return if nick.mixes_scripts() { Err(Refusal::MixedScripts { name }) } else { Ok(()) };
        };
        if self.names.called(&nick.keys().folded) != Some(holder) {
            let present = self.get(holder).map(|person| person.speaker.name.to_string()).unwrap_or_default();
            return Err(Refusal::LooksLike { name, present });
        }
        let free = nick.variants(MAX_VARIANTS);
        let free = free.filter(|other| self.holder(other.keys(), seat).is_none() && !other.mixes_scripts());
        Err(Refusal::Taken { name, free: free.take(3).map(|nick| nick.as_str().to_owned()).collect() })
    }

    /// The person whom a name, an address or an id means.
    ///
    /// # Errors
    /// [`Refusal::NobodyCalled`], with the nearest name if one is near.
    pub(super) fn find(&self, name: &str) -> Result<Seat, Refusal> {
        let name = name.trim();
        let nobody = |like: Option<&str>| {
            Err(Refusal::NobodyCalled { name: shortened(name, 40), like: like.map(str::to_owned) })
        };
        // No name or address is that long. Comparing it would only cost the manager time.
        if name.len() > 4 * MAX_NICK_BYTES {
            return nobody(None);
        }
        let is_listed = |seat: &Seat| self.get(*seat).is_some_and(|person| person.is_listed);
        let by_address = || self.by_address.get(name)?.iter().copied().find(is_listed);
        let by_id = || self.seat_of(SessionId(name.parse().ok()?)).filter(is_listed);
        if let Some(seat) = by_address().or_else(by_id) {
            return Ok(seat);
        }
        let folded = NameKeys::fold(name);
        match self.names.called(&folded) {
            Some(seat) => Ok(seat),
            None => nobody(self.nearest(&folded)),
        }
    }

    /// The chosen name that is nearest to a mistyped one.
    fn nearest(&self, folded: &str) -> Option<&str> {
        let length = folded.chars().count();
        if length == 0 || length > MAX_NICK_CHARS + MAX_SLIPS {
            return None;
        }
        // Addresses and ids are not suggested: nobody types them from memory.
        let chosen = self.seats.iter().flatten().filter_map(|person| Some((person, &*person.keys.as_ref()?.folded)));
        let near = chosen.filter(|(_, other)| other.chars().count().abs_diff(length) <= MAX_SLIPS);
        let slips = near.take(MAX_COMPARED).map(|(person, other)| {
            #[cfg(test)]
            crate::protocol::counted::add(length);
            (strsim::osa_distance(folded, other), person)
        });
        let (slips, person) = slips.min_by_key(|(slips, _)| *slips)?;
        (slips <= MAX_SLIPS && slips * 2 < length.max(3)).then_some(&*person.speaker.name)
    }

    /// A holder of one of these keys other than `seat`.
    fn holder(&self, keys: &NameKeys, seat: Seat) -> Option<Seat> {
        self.names.holders(keys).find(|holder| *holder != seat)
    }
}
