//! Streams: sessions that listen to a room without being in it.
//!
//! A stream hears what members hear. It is in no list, is not announced, says nothing, and gets no private line.
//! The room that it listens to is not forgotten.

use crate::protocol::{CloseReason, Notice, Refusal, RoomName};

use super::effect::Effect;
use super::moving::find_or_make;
use super::room::{Room, RoomIndex};
use super::room_info::{history_after, show_all};
use super::turn::Turn;

/// Begins a stream: first the lines after number `after`, then each line when it is said. One that `ends` gets the
/// lines that the room keeps, and nothing after that. A refused stream ends too.
pub(super) fn begin(turn: &mut Turn<'_>, name: RoomName, after: Option<u64>, ends: bool) {
    let id = turn.asker;
    if ends {
        match after {
            Some(after) => history_after(turn, Some(name), after),
            None => show_all(turn, name),
        }
        return turn.out.push(Effect::HangUp(id, CloseReason::Quit));
    }
    match listen(turn, name.clone()) {
        Ok(room) => {
            if let Some(after) = after {
                history_after(turn, Some(name), after);
            }
            turn.out.push(Effect::Enter(room, id));
        }
        Err(refusal) => {
            turn.refuse(refusal);
            turn.out.push(Effect::HangUp(id, CloseReason::Quit));
        }
    }
}

/// Ends a stream. Nothing happens if the asker is none.
pub(super) fn end(turn: &mut Turn<'_>, reason: CloseReason) {
    let Some(room) = turn.state.listeners.remove(&turn.asker) else { return };
    turn.state.rooms.leave(room, turn.now.up, Room::unlisten);
    if reason.is_polite() {
        turn.answer(Notice::Goodbye(reason.clone()));
    }
    turn.out.push(Effect::Exit(room, turn.asker));
    turn.out.push(Effect::HangUp(turn.asker, reason));
}

fn listen(turn: &mut Turn<'_>, name: RoomName) -> Result<RoomIndex, Refusal> {
    let index = find_or_make(turn, name)?;
    if let Some(room) = turn.state.rooms.get_mut(index) {
        room.listen();
        turn.state.listeners.insert(turn.asker, index);
    }
    Ok(index)
}
