//! Questions about rooms: the members of a room, the list of rooms, the history.

use std::sync::Arc;

use crate::protocol::{Notice, Refusal, RoomInfo, RoomName};

use super::history::Kept;
use super::room::{Room, RoomIndex};
use super::turn::Turn;

/// Most names of rooms in the answer to `/who`: people in several rooms are shown with them. A bound on the length
/// of the answer, which the memory formula counts by person.
const MAX_ROOMS_SHOWN: usize = 1024;

/// Lists the people in a room; without a name, in the room that the request acts in.
pub(super) fn who(turn: &mut Turn<'_>, name: Option<RoomName>) {
    let index = match &name {
        None => Some(turn.room()),
        // Lists do not show an empty room, though its lines are kept.
        Some(name) => turn.state.rooms.find_listed(name),
    };
    let found = index.and_then(|index| Some((index, turn.room_name(index)?)));
    match (found, name) {
        (Some((index, room)), _) => {
            let mut left = MAX_ROOMS_SHOWN;
            let people = turn.state.members(index).map(|person| {
                let count = person.joined.count();
                let is_shown = count > 1 && count <= left;
                let rooms = if is_shown { turn.state.rooms_of(person) } else { Vec::new() };
                left -= rooms.len();
                person.presence(rooms, turn.now)
            });
            let people = people.collect();
            turn.answer(Notice::Names { room, people });
        }
        (None, Some(room)) => turn.refuse(Refusal::NoRoom { room }),
        (None, None) => {}
    }
}

/// Lists the people in the room as the old chat room did.
pub(super) fn user_list(turn: &mut Turn<'_>) {
    let people = turn.state.members(turn.room()).map(|person| Arc::clone(&person.speaker)).collect();
    turn.answer(Notice::UserList(people));
}

/// Lists the rooms.
pub(super) fn rooms(turn: &mut Turn<'_>) {
    let rooms = turn.state.rooms.listed().map(|room| RoomInfo {
        name: room.name.clone(),
        people: room.members.len(),
        topic: room.topic.clone(),
    });
    let rooms = rooms.collect();
    turn.answer(Notice::Rooms(rooms));
}

/// The last lines of the room, and where they end.
pub(super) fn history(turn: &mut Turn<'_>, count: usize) {
    let index = turn.room();
    show_history(turn, index, count);
    if let Some(room) = turn.state.rooms.get(index) {
        let end = history_end(room, 0);
        turn.answer(end);
    }
}

/// The lines of a room after a line's number, and how many of them are lost.
pub(super) fn history_after(turn: &mut Turn<'_>, name: Option<RoomName>, after: u64) {
    turn.state.rooms.forget_empty(turn.now.up);
    let index = name.as_ref().map_or(Some(turn.room()), |name| turn.state.rooms.find(name));
    let Some(room) = index.and_then(|index| turn.state.rooms.get(index)) else {
        return turn.refuse(Refusal::NoRoom { room: name.unwrap_or_else(RoomName::lobby) });
    };
    let (lines, lost) = room.history.after(after, |kept| !turn.local.ignores(turn.asker, &kept.line.from));
    let lines: Vec<Notice> = lines.into_iter().map(line).collect();
    let end = history_end(room, lost);
    lines.into_iter().for_each(|line| turn.answer(line));
    turn.answer(end);
}

/// All lines that a room keeps, and where they end.
pub(super) fn show_all(turn: &mut Turn<'_>, name: RoomName) {
    turn.state.rooms.forget_empty(turn.now.up);
    let Some(index) = turn.state.rooms.find(&name) else { return turn.refuse(Refusal::NoRoom { room: name }) };
    turn.named = Some(index);
    history(turn, usize::MAX);
}

/// The last lines of a room.
pub(super) fn show_history(turn: &mut Turn<'_>, index: RoomIndex, count: usize) {
    let Some(room) = turn.state.rooms.get(index) else { return };
    let lines = room.history.last(count, |kept| !turn.local.ignores(turn.asker, &kept.line.from));
    let lines: Vec<Notice> = lines.into_iter().map(line).collect();
    lines.into_iter().for_each(|line| turn.answer(line));
}

fn history_end(room: &Room, lost: u64) -> Notice {
    Notice::HistoryEnd { room: room.name.clone(), last_seq: room.history.last_seq(), lost, since: room.since }
}

fn line(kept: &Kept) -> Notice {
    Notice::HistoryLine { line: kept.line.clone(), is_action: kept.is_action }
}
