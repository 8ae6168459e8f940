//! The people present and their names. Each name is held by one person.
//!
//! A name is free the moment its owner leaves or takes another. [`NameKeys`] says whether two names clash;
//! this file knows who holds which key.

use std::collections::BTreeMap;
use std::mem;
use std::sync::Arc;

use serde::{Deserialize, Deserializer, Serialize, Serializer};

use crate::protocol::{ById, MAX_NICK_BYTES, MAX_NICK_CHARS, NameKeys, Nick, Refusal, SessionId, Speaker, shortened};

use super::names::Names;
use super::person::Person;

/// Most names of about its length that a mistyped name is compared with for a "did you mean". Bounds the cost to
/// some 0.1 ms.
const MAX_COMPARED: usize = 128;
/// Most slips of a mistyped name.
const MAX_SLIPS: usize = 2;
/// Most variants of a taken name that are tried for three free suggestions. Without a bound, 10,000 were
/// tried for a name whose variants are nearly all refused (CASES A1).
const MAX_VARIANTS: usize = 12;

/// All people present, by session, by address and by name.
#[derive(Debug, Default)]
pub(super) struct People {
    /// By session. A walk over all people sorts them, so that it has the same order on every machine.
    people: ById<Person>,
    /// How many of them are listed.
    listed: usize,
    /// Chosen names.
    names: Names<SessionId>,
    /// Sessions of each address, in the order of their ids. One address may have connections to several doors; a
    /// name that is an address means the first of them.
    by_address: BTreeMap<Arc<str>, Vec<SessionId>>,
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
    pub(super) fn ids(&self) -> Vec<SessionId> {
        let mut ids: Vec<SessionId> = self.people.keys().copied().collect();
        ids.sort_unstable();
        ids
    }

    pub(super) fn is_present(&self, id: SessionId) -> bool {
        self.people.contains_key(&id)
    }

    /// Everybody, in the order of the ids.
    pub(super) fn iter(&self) -> impl Iterator<Item = &Person> {
        self.ids().into_iter().filter_map(|id| self.people.get(&id))
    }

    /// Adds a person; its name is free.
    pub(super) fn enter(&mut self, person: Person) {
        let id = person.speaker.id;
        // First names, an address or an id, are found by those.
        let same_address = self.by_address.entry(Arc::clone(&person.speaker.address)).or_default();
        same_address.insert(same_address.partition_point(|other| *other < id), id);
        if person.is_named {
            self.names.hold(&NameKeys::of(&person.speaker.name), id);
        }
        self.listed += usize::from(person.is_listed);
        self.people.insert(id, person);
    }

    pub(super) fn leave(&mut self, id: SessionId) -> Option<Person> {
        let person = self.people.remove(&id)?;
        self.listed -= usize::from(person.is_listed);
        if person.is_named {
            self.names.free(&NameKeys::of(&person.speaker.name), id);
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
        if mem::replace(&mut person.is_named, true) {
            self.names.free(&NameKeys::of(&old), id);
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
        let near = self.names.iter().filter(|(other, _)| other.chars().count().abs_diff(length) <= MAX_SLIPS);
        let slips = near.take(MAX_COMPARED).map(|(other, id)| {
            #[cfg(test)]
            crate::protocol::counted::add(length);
            (strsim::osa_distance(folded, other), id)
        });
        let (slips, id) = slips.min_by_key(|(slips, _)| *slips)?;
        let person = self.get(id).filter(|_| slips <= MAX_SLIPS && slips * 2 < length.max(3))?;
        Some(&person.speaker.name)
    }

    /// A holder of one of these keys other than session `id`.
    fn holder(&self, keys: &NameKeys, id: SessionId) -> Option<SessionId> {
        self.names.holders(keys).find(|holder| *holder != id)
    }
}

/// The people alone: the indexes follow from them.
impl Serialize for People {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_seq(self.iter())
    }
}

impl<'de> Deserialize<'de> for People {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let mut people = Self::default();
        Vec::deserialize(deserializer)?.into_iter().for_each(|person| people.enter(person));
        Ok(people)
    }
}
