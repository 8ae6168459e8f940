//! Joining and leaving rooms.
//!
//! A session may be in [`MAX_JOINED`] rooms. The one that it joined last is the current one. A plain join leaves
//! the current room for the new one; a join of a room that the session is in already makes that the current
//! one and leaves nothing.

use std::sync::Arc;

use crate::protocol::{CloseReason, Notice, Refusal, RoomName, SessionId, Speaker};

use super::effect::Effect;
use super::person::{MAX_JOINED, Person};
use super::room::RoomIndex;
use super::room_info::show_history;
use super::turn::Turn;

/// Goes from the current room to another one, which is made if it is not there.
pub(super) fn join(turn: &mut Turn<'_>, name: RoomName) {
    match find_or_make(turn, name) {
        Ok(room) => enter(turn, room, Leaves::Current),
        Err(refusal) => turn.refuse(refusal),
    }
}

/// Joins a room beside the current ones.
pub(super) fn join_also(turn: &mut Turn<'_>, name: RoomName) {
    let Some(person) = turn.person() else { return };
    let is_new = turn.state.rooms.find(&name).is_none_or(|room| !person.joined.contains(room));
    if is_new && person.joined.count() >= MAX_JOINED {
        return turn.refuse(Refusal::TooManyJoined { limit: MAX_JOINED });
    }
    match find_or_make(turn, name) {
        Ok(room) => enter(turn, room, Leaves::Nothing),
        Err(refusal) => turn.refuse(refusal),
    }
}

/// Leaves the room that the request acts in. From its last room a session goes to the lobby.
pub(super) fn leave(turn: &mut Turn<'_>) {
    let room = turn.room();
    if turn.person().is_some_and(|person| person.joined.count() > 1) {
        take_out(turn, room, None);
        if let Some(current) = turn.person().and_then(|person| person.joined.current()) {
            answer_where(turn, current);
        }
    } else {
        enter(turn, RoomIndex::LOBBY, Leaves::Current);
    }
}

/// Leaves the room of that name.
pub(super) fn leave_room(turn: &mut Turn<'_>, name: RoomName) {
    let Some(person) = turn.person() else { return };
    match turn.state.rooms.find(&name).filter(|room| person.joined.contains(*room)) {
        Some(room) => {
            turn.named = Some(room);
            leave(turn);
        }
        None => turn.refuse(Refusal::NotInRoom { room: name }),
    }
}

/// Puts a session that is in no room into the lobby.
pub(super) fn enter_lobby_first(turn: &mut Turn<'_>) {
    if turn.person().is_some_and(|person| person.joined.current().is_none()) {
        put_in(turn, RoomIndex::LOBBY, |who, room| Notice::Login { who, room });
    }
}

/// Makes a session that already hears the lobby a member, and announces it to the others.
pub(super) fn announce_arrival(turn: &mut Turn<'_>) {
    let Some(person) = turn.person() else { return };
    let (Some(index), who) = (person.joined.current(), Arc::clone(&person.speaker)) else { return };
    let Some(room) = turn.state.rooms.get_mut(index) else { return };
    room.enter(turn.asker);
    let notice = Notice::Login { who, room: room.name.clone() };
    announce(turn, index, notice, Move::Join, Some(turn.asker));
}

/// Takes a session that has ended out of all its rooms.
pub(super) fn leave_all(turn: &mut Turn<'_>, person: &Person, why: &CloseReason) {
    for index in person.joined.iter() {
        turn.out.push(Effect::Exit(index, turn.asker));
        if !person.is_listed {
            continue; // the others have not been told of it
        }
        turn.state.rooms.leave(index, turn.now.up, |room| room.leave(turn.asker));
        let Some(room) = turn.room_name(index) else { continue };
        let notice = Notice::Left { who: Arc::clone(&person.speaker), room, why: why.clone() };
        announce(turn, index, notice, Move::Leave, None);
    }
}

/// Tells the joins and leaves that were counted and are due.
pub(super) fn tell_summaries(turn: &mut Turn<'_>) {
    while let Some((index, came, left)) = turn.local.summaries.take_due(turn.now.up) {
        if let Some(room) = turn.room_name(index) {
            turn.tell_room(index, Notice::JoinSummary { room, came, left }, None);
        }
    }
}

/// The rooms that a join leaves.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Leaves {
    Current,
    Nothing,
}

/// A join or a leave.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Move {
    Join,
    Leave,
}

/// The room of that name, made if it is not there.
pub(super) fn find_or_make(turn: &mut Turn<'_>, name: RoomName) -> Result<RoomIndex, Refusal> {
    let (room, is_new) = turn.state.rooms.find_or_make(name, &turn.local.settings, turn.now)?;
    if is_new {
        turn.local.summaries.forget(room);
    }
    Ok(room)
}

fn enter(turn: &mut Turn<'_>, to: RoomIndex, leaves: Leaves) {
    let Some(person) = turn.state.people.get_mut(turn.asker) else { return };
    let from = person.joined.current();
    if person.joined.contains(to) {
        person.joined.enter(to);
        return answer_where(turn, to);
    }
    match from {
        None => put_in(turn, to, |who, room| Notice::Login { who, room }),
        Some(_) if leaves == Leaves::Nothing => put_in(turn, to, |who, room| Notice::Came { who, from: None, room }),
        Some(from) => {
            let destination = turn.room_name(to);
            let from = take_out(turn, from, destination);
            put_in(turn, to, |who, room| Notice::Came { who, from, room });
        }
    }
    answer_where(turn, to);
    if let Some(room) = turn.state.rooms.get(to)
        && let Some(topic) = room.topic.clone()
    {
        let room = room.name.clone();
        turn.answer(Notice::Topic { room, topic: Some(topic) });
    }
    // A frame client takes any frame for its answer, so it is shown no history unasked.
    if turn.person().is_some_and(|person| person.unsolicited) {
        show_history(turn, to, turn.local.settings.history_shown);
    }
}

/// Answers in which room the session is now.
fn answer_where(turn: &mut Turn<'_>, index: RoomIndex) {
    let (Some(you), Some(room)) = (turn.speaker(), turn.state.rooms.get(index)) else { return };
    let (name, since, others_total) = (room.name.clone(), room.since, room.members.len().saturating_sub(1));
    let mut others = turn.state.names_in(index);
    others.retain(|name| *name != you.name);
    turn.answer(Notice::InRoom { you, room: name, others, others_total, since });
}

/// Takes the asker out of a room, and tells the others. `to` is the room that it goes to, if it leaves this one
/// for another. Returns the name of the room that was left.
fn take_out(turn: &mut Turn<'_>, from: RoomIndex, to: Option<RoomName>) -> Option<RoomName> {
    let person = turn.state.people.get_mut(turn.asker)?;
    person.joined.leave(from);
    let who = Arc::clone(&person.speaker);
    turn.state.rooms.leave(from, turn.now.up, |room| room.leave(turn.asker));
    let room = turn.room_name(from)?;
    turn.out.push(Effect::Exit(from, turn.asker));
    announce(turn, from, Notice::Went { who, to, room: room.clone() }, Move::Leave, None);
    Some(room)
}

/// Puts the asker into a room, and tells the others.
fn put_in(turn: &mut Turn<'_>, index: RoomIndex, notice: impl FnOnce(Arc<Speaker>, RoomName) -> Notice) {
    let Some(person) = turn.state.people.get_mut(turn.asker) else { return };
    let Some(room) = turn.state.rooms.get_mut(index) else { return };
    person.joined.enter(index);
    room.enter(turn.asker);
    let notice = notice(Arc::clone(&person.speaker), room.name.clone());
    announce(turn, index, notice, Move::Join, None);
    turn.out.push(Effect::Enter(index, turn.asker));
}

/// Announces a join or a leave by itself, or counts it for the room's join summary.
fn announce(turn: &mut Turn<'_>, index: RoomIndex, notice: Notice, kind: Move, except: Option<SessionId>) {
    let members = turn.state.rooms.get(index).map_or(0, |room| room.members.len());
    let came = kind == Move::Join;
    if turn.local.settings.classic || turn.local.summaries.announces(index, members, came, turn.now.up) {
        turn.tell_room(index, notice, except);
    }
}
