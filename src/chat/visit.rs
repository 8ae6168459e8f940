//! Visits: a line under its own name, from a session that need not be in the room.
//!
//! A build server has one line to say. Joining, speaking and leaving would cost the room three lines.
//! No session holds the name of a visit, so `/ignore` goes by the name's number. That number is the
//! same for every visit under the name, from any session.

use std::sync::Arc;

use crate::protocol::{Body, NameKeys, Nick, Notice, Refusal, RoomName, SessionId, Speaker, VisitTo};

use super::state::State;
use super::talk::{deliver, receiver};
use super::turn::Turn;

/// Says a line as a visit. The asker gets that line as its answer and nothing else.
pub(super) fn visit(turn: &mut Turn<'_>, name: Option<&Nick>, to: VisitTo, body: Body) {
    let Some(own) = turn.speaker() else { return };
    let from = match named(turn.state, &own, name) {
        Ok(from) => from,
        Err(refusal) => return turn.refuse(refusal),
    };
    match to {
        VisitTo::Room(room) => say(turn, &from, room, body, false),
        VisitTo::Action(room) => say(turn, &from, room, body, true),
        VisitTo::Person(to) => match receiver(turn, &to) {
            Ok(receiver) => {
                note(turn, &from);
                deliver(turn, from, receiver, body);
            }
            Err(refusal) => turn.refuse(refusal),
        },
    }
}

fn say(turn: &mut Turn<'_>, from: &Arc<Speaker>, name: Option<RoomName>, body: Body, is_action: bool) {
    // The room is in the list of rooms, so it is not empty.
    let index = match &name {
        None => Some(turn.room()),
        Some(name) => turn.state.rooms.find_listed(name),
    };
    let found = index.and_then(|index| Some((index, turn.state.rooms.get_mut(index)?)));
    let Some((index, room)) = found else {
        return name.into_iter().for_each(|room| turn.refuse(Refusal::NoRoom { room }));
    };
    let line = room.line(Arc::clone(from), body, is_action, turn.now.unix_ms);
    note(turn, from);
    let notice = if is_action { Notice::Acted } else { Notice::Said };
    if turn.tagged || turn.local.echoes(turn.asker) {
        turn.answer(notice(line.clone()));
    }
    let is_member = turn.person().is_some_and(|person| person.joined.contains(index));
    turn.tell_room(index, notice(line), is_member.then_some(turn.asker));
}

/// The speaker `own` under the name of a visit.
///
/// # Errors
/// As [`People::check_free`](super::people::People::check_free).
pub(super) fn named(state: &State, own: &Arc<Speaker>, name: Option<&Nick>) -> Result<Arc<Speaker>, Refusal> {
    let Some(name) = name else { return Ok(Arc::clone(own)) };
    state.people.check_free(own.id, name)?;
    let folded = &name.keys().folded;
    if NameKeys::fold(&own.name) == *folded {
        return Ok(Arc::clone(own)); // under its own name it is itself
    }
    let (id, address) = (own.id, Arc::clone(&own.address));
    Ok(Arc::new(Speaker { id, address, name: name.shared(), visitor: Some(SessionId::of_visitor(folded)) }))
}

/// Notes that the asker has said something, and the name that it used.
fn note(turn: &mut Turn<'_>, from: &Arc<Speaker>) {
    turn.speaks();
    turn.state.visitors.remember(from);
}
