//! A person's name, whether the person is away, and in which rooms the person is.

use std::sync::Arc;

use crate::protocol::{Away, Body, Nick, Notice, Speaker};

use super::turn::Turn;

/// Longest reason for being away, in characters: it stands in lists beside others.
pub(crate) const MAX_AWAY: usize = 200;

/// Takes a name (`/nick`).
pub(super) fn nick(turn: &mut Turn<'_>, nick: &Nick) {
    rename(turn, nick, Notice::YouAre);
}

/// Takes a name as in the old chat room (`rename|NAME`).
pub(super) fn rename_ok(turn: &mut Turn<'_>, nick: &Nick) {
    rename(turn, nick, |_| Notice::RenameOk);
}

/// Takes a name, and tells all rooms of the session.
fn rename(turn: &mut Turn<'_>, nick: &Nick, answer: impl FnOnce(Arc<Speaker>) -> Notice) {
    let old = match turn.state.people.rename(turn.asker, nick) {
        Ok(old) => old,
        Err(refusal) => return turn.refuse(refusal),
    };
    let Some(who) = turn.speaker() else { return };
    turn.answer(answer(Arc::clone(&who)));
    let rooms: Vec<_> = match turn.person() {
        Some(person) if who.name != old => person.joined.iter().collect(),
        _ => return,
    };
    for index in rooms {
        if let Some(room) = turn.room_name(index) {
            let notice = Notice::Renamed { who: Arc::clone(&who), old: Arc::clone(&old), room };
            turn.tell_room(index, notice, Some(turn.asker));
        }
    }
}

/// Tells where one person is.
pub(super) fn whois(turn: &mut Turn<'_>, name: &str) {
    let found = match turn.state.people.find(name) {
        Ok(found) => found,
        Err(refusal) => return turn.refuse(refusal),
    };
    let Some(person) = turn.state.people.get(found) else { return };
    let mut rooms = turn.state.rooms_of(person);
    let room = rooms.first().cloned();
    if rooms.len() == 1 {
        rooms.clear(); // the one room is told by itself
    }
    let by = person.by.clone();
    let notice = Notice::Whois { who: person.presence(rooms, turn.now), room, by };
    turn.answer(notice);
}

/// Marks the person as away, with or without a reason (`/away`).
pub(super) fn away(turn: &mut Turn<'_>, reason: Option<Body>) {
    if let Some(person) = turn.state.people.get_mut(turn.asker) {
        let away = Away(reason.map(|reason| reason.cut(MAX_AWAY)));
        person.away = Some(away.clone());
        turn.answer(Notice::YouAreAway(away));
    }
}

/// Marks the person as present again (`/back`).
pub(super) fn back(turn: &mut Turn<'_>) {
    if let Some(person) = turn.state.people.get_mut(turn.asker) {
        person.away = None;
        turn.answer(Notice::WelcomeBack);
    }
}
