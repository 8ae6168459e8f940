//! Lines to a room, private lines, and the topic.

use std::sync::Arc;

use crate::protocol::{Body, Notice, Refusal, SessionId, Speaker, shortened};

use super::moving::enter_lobby_first;
use super::person::Person;
use super::room::RoomIndex;
use super::turn::Turn;

/// Longest topic, in characters: it stands in lists beside others.
pub(crate) const MAX_TOPIC: usize = 200;

/// Says a line to the room.
pub(super) fn say(turn: &mut Turn<'_>, body: Body) {
    speak(turn, body, false);
}

/// Says an action: `/me waves`.
pub(super) fn act(turn: &mut Turn<'_>, body: Body) {
    speak(turn, body, true);
}

/// A line to the room. Its speaker gets it with the others, or, marking its requests, alone.
fn speak(turn: &mut Turn<'_>, body: Body, is_action: bool) {
    let Some((from, current)) = turn.speaks() else { return };
    if current.is_none() {
        enter_lobby_first(turn);
    }
    let index = turn.named.or(current).unwrap_or(RoomIndex::LOBBY);
    let Some(room) = turn.state.rooms.get_mut(index) else { return };
    let line = room.line(from, body, is_action, turn.now.unix_ms);
    let notice = if is_action { Notice::Acted } else { Notice::Said };
    if turn.tagged {
        turn.answer(notice(line.clone()));
    }
    let is_hidden = turn.tagged || !turn.local.echoes(turn.asker);
    turn.tell_room(index, notice(line), is_hidden.then_some(turn.asker));
}

/// Sets the topic of the room; without text, tells it.
pub(super) fn topic(turn: &mut Turn<'_>, topic: Option<Body>) {
    if topic.is_some() {
        enter_lobby_first(turn);
    }
    let (index, asker) = (turn.room(), turn.asker);
    let (Some(who), Some(room)) = (turn.speaker(), turn.state.rooms.get_mut(index)) else { return };
    let name = room.name.clone();
    let Some(topic) = topic else {
        let topic = room.topic.clone();
        return turn.answer(Notice::Topic { room: name, topic });
    };
    let topic = topic.cut(MAX_TOPIC);
    room.topic = Some(topic.clone());
    turn.answer(Notice::Topic { room: name.clone(), topic: Some(topic.clone()) });
    turn.tell_room(index, Notice::TopicSet { who, room: name, topic }, Some(asker));
}

/// Writes to one person.
pub(super) fn msg(turn: &mut Turn<'_>, to: &str, body: Body) {
    match receiver(turn, to) {
        Ok(receiver) => {
            if let Some((from, _)) = turn.speaks() {
                deliver(turn, from, receiver, body);
            }
        }
        Err(refusal) => turn.refuse(refusal),
    }
}

/// Answers the last writer, under that writer's present name. Refuses once if another session wrote just
/// before.
pub(super) fn reply(turn: &mut Turn<'_>, body: Body) {
    let Some(view) = turn.local.views.get_mut(&turn.asker) else { return };
    let overtaken = view.writers.take_overtaken(turn.now.up);
    let last = view.writers.last().filter(|last| turn.state.people.is_present(last.id)).map(Arc::clone);
    let Some(last) = last else { return turn.refuse(Refusal::NobodyToAnswer) };
    if let Some(before) = overtaken {
        let (before, last) = (present_name(turn, &before), present_name(turn, &last));
        return turn.refuse(Refusal::TwoWrote { before, last });
    }
    if let Some((from, _)) = turn.speaks() {
        deliver(turn, from, last.id, body);
    }
}

/// The receiver of a private line.
pub(super) fn receiver(turn: &Turn<'_>, to: &str) -> Result<SessionId, Refusal> {
    let receiver = turn.state.people.find(to)?;
    match turn.state.people.get(receiver).is_some_and(Person::takes_part) {
        true => Ok(receiver),
        false => Err(Refusal::NobodyCalled { name: shortened(to, 40), like: None }),
    }
}

/// Delivers a private line to `receiver`, under the name of `from`.
pub(super) fn deliver(turn: &mut Turn<'_>, from: Arc<Speaker>, receiver: SessionId, body: Body) {
    let Some(person) = turn.state.people.get(receiver) else { return };
    let (to, away) = (Arc::clone(&person.speaker), person.away.clone());
    turn.answer(Notice::ToldTo { to: Arc::clone(&to), body: body.clone() });
    // A sender that is ignored is not told so.
    if !turn.local.ignores(receiver, &from) {
        if let Some(view) = turn.local.views.get_mut(&receiver) {
            view.writers.note(&from, turn.now.up);
        }
        turn.tell(receiver, Notice::Told { from, body });
    }
    if let Some(away) = away {
        turn.answer(Notice::IsAway { who: to, away });
    }
}

/// The present name of a writer; if the writer has left or was a visit, the name on the private line.
fn present_name(turn: &Turn<'_>, writer: &Speaker) -> String {
    let person = turn.state.people.get(writer.id).filter(|_| writer.visitor.is_none());
    person.map_or(&writer.name, |person| &person.speaker.name).to_string()
}
