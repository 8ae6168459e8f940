//! The people present and their names. Each name is held by one person.
//!
//! A name is free the moment its owner leaves or takes another. [`NameKeys`] says whether two names clash;
//! this file knows who holds which key.

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;
use std::time::Duration;

use crate::protocol::{Away, MAX_NICK_BYTES, MAX_NICK_CHARS, NameKeys, Nick, Refusal, SessionId, Speaker, shortened};

use super::names::Names;
use super::writers::Writers;
use super::{Filter, RoomIndex};

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

/// All people present, by session, by address and by name.
#[derive(Debug, Default)]
pub(super) struct People {
    /// By session. Sorted, so that a walk over all people has the same order on every machine.
    people: BTreeMap<SessionId, Person>,
    /// How many of them are listed.
    listed: usize,
    /// Chosen names.
    names: Names<SessionId>,
    /// Sessions of each address. One address may have connections to several doors; a name that is an address
    /// means the first of them.
    by_address: HashMap<Arc<str>, Vec<SessionId>>,
}

impl People {
    pub(super) fn len(&self) -> usize {
        self.people.len()
    }

    /// How many people are listed.
    pub(super) fn listed(&self) -> usize {
        self.listed
    }

    /// Lists a person. Returns false if the session is not present or listed already.
    pub(super) fn list(&mut self, id: SessionId) -> bool {
        let Some(person) = self.get_mut(id).filter(|person| !person.is_listed) else { return false };
        person.is_listed = true;
        self.listed += 1;
        true
    }

    pub(super) fn get(&self, id: SessionId) -> Option<&Person> {
        self.people.get(&id)
    }

    pub(super) fn get_mut(&mut self, id: SessionId) -> Option<&mut Person> {
        self.people.get_mut(&id)
    }

    /// All sessions, in the order of their ids.
    pub(super) fn ids(&self) -> impl Iterator<Item = SessionId> + '_ {
        self.people.keys().copied()
    }

    pub(super) fn is_present(&self, id: SessionId) -> bool {
        self.people.contains_key(&id)
    }

    pub(super) fn enter(&mut self, person: Person) {
        let id = person.speaker.id;
        // First names, an address or an id, are found by those.
        self.by_address.entry(Arc::clone(&person.speaker.address)).or_default().push(id);
        self.listed += usize::from(person.is_listed);
        self.people.insert(id, person);
    }

    pub(super) fn leave(&mut self, id: SessionId) -> Option<Person> {
        let person = self.people.remove(&id)?;
        self.listed -= usize::from(person.is_listed);
        if let Some(keys) = &person.keys {
            self.names.free(keys, id);
        }
        if let Some(sessions) = self.by_address.get_mut(&person.speaker.address) {
            sessions.retain(|other| *other != id);
            if sessions.is_empty() {
                self.by_address.remove(&person.speaker.address);
            }
        }
        Some(person)
    }

    /// Gives a person a name; returns the name before.
    pub(super) fn rename(&mut self, id: SessionId, nick: &Nick) -> Result<Arc<str>, Refusal> {
        self.check_free(id, nick)?;
        let Some(person) = self.people.get_mut(&id) else { return Ok(nick.shared()) };
        let old = Arc::clone(&person.speaker.name);
        let address = Arc::clone(&person.speaker.address);
        person.speaker = Arc::new(Speaker { id, address, name: nick.shared(), visitor: None });
        if let Some(keys) = person.keys.replace(Arc::clone(nick.keys())) {
            self.names.free(&keys, id);
        }
        self.names.hold(nick.keys(), id);
        Ok(old)
    }

    /// Checks that the session `id` may take this name.
    ///
    /// # Errors
    /// [`Refusal::Taken`] or [`Refusal::LooksLike`] if another person present has the name or one like it,
    /// [`Refusal::MixedScripts`] if the name mixes scripts.
    pub(super) fn check_free(&self, id: SessionId, nick: &Nick) -> Result<(), Refusal> {
        let name = nick.as_str().to_owned();
        let Some(holder) = self.holder(nick.keys(), id) else {
            return if nick.mixes_scripts() { Err(Refusal::MixedScripts { name }) } else { Ok(()) };
        };
        if self.names.called(&nick.keys().folded) != Some(holder) {
            let present = self.get(holder).map(|person| person.speaker.name.to_string()).unwrap_or_default();
            return Err(Refusal::LooksLike { name, present });
        }
        let free = nick.variants(MAX_VARIANTS);
        let free = free.filter(|other| self.holder(other.keys(), id).is_none() && !other.mixes_scripts());
        Err(Refusal::Taken { name, free: free.take(3).map(|nick| nick.as_str().to_owned()).collect() })
    }

    /// The person whom a name, an address or an id means.
    ///
    /// # Errors
    /// [`Refusal::NobodyCalled`], with the nearest name if one is near.
    pub(super) fn find(&self, name: &str) -> Result<SessionId, Refusal> {
        let name = name.trim();
        let nobody = |like: Option<&str>| {
            Err(Refusal::NobodyCalled { name: shortened(name, 40), like: like.map(str::to_owned) })
        };
        // No name or address is that long. Comparing it would only cost the manager time.
        if name.len() > 4 * MAX_NICK_BYTES {
            return nobody(None);
        }
        let is_listed = |id: &SessionId| self.get(*id).is_some_and(|person| person.is_listed);
        let by_address = || self.by_address.get(name)?.iter().copied().find(is_listed);
        let by_id = || name.parse().ok().map(SessionId).filter(is_listed);
        if let Some(id) = by_address().or_else(by_id) {
            return Ok(id);
        }
        let folded = NameKeys::fold(name);
        match self.names.called(&folded) {
            Some(id) => Ok(id),
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
        let chosen = self.people.values().filter_map(|person| Some((person, &*person.keys.as_ref()?.folded)));
        let near = chosen.filter(|(_, other)| other.chars().count().abs_diff(length) <= MAX_SLIPS);
        let slips = near.take(MAX_COMPARED).map(|(person, other)| {
            #[cfg(test)]
            crate::protocol::counted::add(length);
            (strsim::osa_distance(folded, other), person)
        });
        let (slips, person) = slips.min_by_key(|(slips, _)| *slips)?;
        (slips <= MAX_SLIPS && slips * 2 < length.max(3)).then_some(&*person.speaker.name)
    }

    /// A holder of one of these keys other than session `id`.
    fn holder(&self, keys: &NameKeys, id: SessionId) -> Option<SessionId> {
        self.names.holders(keys).find(|holder| *holder != id)
    }
}
