//! What keeps a room pleasant: who is who, who is away, and whom one does not want to hear.

use std::sync::Arc;

use crate::protocol::{Away, Body, Notice, Presence, Refusal, SessionId, Speaker, Switch};

use super::hub::{Effect, Hub, Now, refuse};
use super::people::Person;

/// So many people one session may ignore: more than anybody needs, and a bound on what a line costs.
const MAX_IGNORED: usize = 64;

/// Longest reason for being away, in characters: it stands in lists beside others.
pub(crate) const MAX_AWAY: usize = 200;

/// What one session does not want to see.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Filter {
    /// No comings and goings.
    pub quiet: bool,
    /// Sessions whose lines, names, topics, joins and leaves are hidden.
    pub ignored: Vec<SessionId>,
}

impl Filter {
    /// Whether a line is to be hidden: one that somebody said, or one about comings and goings.
    #[must_use]
    pub fn hides(&self, said_by: Option<SessionId>, is_join_or_leave: bool) -> bool {
        (self.quiet && is_join_or_leave) || said_by.is_some_and(|id| self.ignored.contains(&id))
    }

    /// Whether it hides nothing at all.
    #[must_use]
    pub fn is_open(&self) -> bool {
        !self.quiet && self.ignored.is_empty()
    }
}

impl Person {
    pub(super) fn ignores(&self, who: &Speaker) -> bool {
        let ignored = &self.filter.ignored;
        ignored.contains(&who.id) || who.visitor.is_some_and(|visitor| ignored.contains(&visitor))
    }

    pub(super) fn presence(&self, now: Now) -> Presence {
        Presence {
            who: Arc::clone(&self.speaker),
            idle: now.up.saturating_sub(self.last_spoke),
            here: now.up.saturating_sub(self.came),
            away: self.away.clone(),
        }
    }
}

impl Hub {
    pub(super) fn whois(&self, id: SessionId, name: &str, now: Now, out: &mut Vec<Effect>) {
        match self.people.find(name) {
            Ok(found) => {
                if let Some(person) = self.people.get(found) {
                    let room = person.room.and_then(|room| self.room(room)).map(|room| room.name.clone());
                    out.push(Effect::Tell(id, Notice::Whois { who: person.presence(now), room, by: person.by }));
                }
            }
            Err(refusal) => refuse(id, refusal, out),
        }
    }

    pub(super) fn away(&mut self, id: SessionId, why: Option<Body>, out: &mut Vec<Effect>) {
        if let Some(person) = self.people.get_mut(id) {
            let away = Away(why.map(|why| why.cut(MAX_AWAY)));
            person.away = Some(away.clone());
            out.push(Effect::Tell(id, Notice::YouAreAway(away)));
        }
    }

    pub(super) fn back(&mut self, id: SessionId, out: &mut Vec<Effect>) {
        if let Some(person) = self.people.get_mut(id) {
            person.away = None;
            out.push(Effect::Tell(id, Notice::WelcomeBack));
        }
    }

    /// Whoever is ignored stays so under every name, and is not told.
    pub(super) fn ignore(&mut self, id: SessionId, name: &str, on: bool, out: &mut Vec<Effect>) {
        let found = match self.people.find(name) {
            Ok(found) => self.people.get(found).map(|person| Arc::clone(&person.speaker)),
            Err(refusal) => match self.visitor_called(id, name) {
                Some(visitor) => Some(visitor),
                None => return refuse(id, refusal, out),
            },
        };
        let Some(who) = found else { return };
        let ignored = who.visitor.unwrap_or(who.id);
        let here = |id: &SessionId| id.is_visitor() || self.people.is_present(*id);
        let still_here: Vec<SessionId> = match self.people.get(id) {
            Some(person) => person.filter.ignored.iter().copied().filter(here).collect(),
            None => return,
        };
        if ignored == id {
            return refuse(id, Refusal::IgnoresItself, out);
        }
        let Some(person) = self.people.get_mut(id) else { return };
        person.filter.ignored.retain(|other| *other != ignored);
        if person.filter.ignored.len() >= MAX_IGNORED {
            // Who has left is kept as long as there is room: history shows nothing of theirs either.
            person.filter.ignored = still_here;
        }
        if on {
            if person.filter.ignored.len() >= MAX_IGNORED {
                return refuse(id, Refusal::IgnoresTooMany { limit: MAX_IGNORED }, out);
            }
            person.filter.ignored.push(ignored);
        }
        out.push(Effect::Filter(id, person.filter.clone()));
        out.push(Effect::Tell(id, Notice::Ignoring { who, on }));
    }

    pub(super) fn quiet(&mut self, id: SessionId, switch: Switch, out: &mut Vec<Effect>) {
        if let Some(person) = self.people.get_mut(id) {
            let on = switch == Switch::On;
            person.filter.quiet = on;
            out.push(Effect::Filter(id, person.filter.clone()));
            out.push(Effect::Tell(id, Notice::Quiet { on }));
        }
    }
}
