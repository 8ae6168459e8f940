//! Visits: a line under its own name, from a session that need not be in the room.
//!
//! A build server has one line to say. Joining, speaking and leaving would cost the room three lines.
//! No session holds the name of a visit, so `/ignore` goes by the name's number. That number is the
//! same for every visit under the name, from any session.

use std::collections::VecDeque;
use std::sync::Arc;

use crate::protocol::{Body, MAX_NICK_BYTES, NameKeys, Nick, Notice, Refusal, RoomName, SessionId, Speaker, VisitTo};

use super::RoomIndex;
use super::hub::{Effect, Hub, Now, refuse};

/// Most names of visits that are remembered: `/ignore` accepts these and refuses a mistyped name.
const MAX_VISITORS: usize = 256;

/// The latest names of visits, each once, the oldest first; at most [`MAX_VISITORS`].
#[derive(Debug, Default)]
pub(super) struct Visitors(VecDeque<Arc<Speaker>>);

impl Visitors {
    fn remember(&mut self, who: &Arc<Speaker>) {
        self.0.retain(|other| other.visitor != who.visitor);
        if self.0.len() >= MAX_VISITORS {
            self.0.pop_front();
        }
        self.0.push_back(Arc::clone(who));
    }
}

impl Hub {
    /// Says a line as a visit. The asker gets that line as its answer and nothing else.
    #[expect(clippy::too_many_arguments, reason = "as for every other line, and the name")]
    pub(super) fn visit(
        &mut self,
        id: SessionId,
        name: Option<&Nick>,
        to: VisitTo,
        body: Body,
        tagged: bool,
        now: Now,
        out: &mut Vec<Effect>,
    ) {
        let Some(person) = self.people.get(id) else { return };
        let (own, is_told) = (person.room, tagged || person.echo);
        let from = match self.visitor(id, &person.speaker, name) {
            Ok(from) => from,
            Err(refusal) => return refuse(id, refusal, out),
        };
        let (room, is_action) = match to {
            VisitTo::Room(room) => (room, false),
            VisitTo::Action(room) => (room, true),
            VisitTo::Person(to) => {
                return match self.receiver(&to) {
                    Ok(receiver) => {
                        self.is_heard(id, &from, now);
                        self.deliver_from(from, id, receiver, body, now, out);
                    }
                    Err(refusal) => refuse(id, refusal, out),
                };
            }
        };
        let index = self.visited_room(id, room.as_ref());
        let found = index.and_then(|index| Some((index, self.rooms.get_mut(index.index())?.as_mut()?)));
        let Some((index, there)) = found else {
            return room.into_iter().for_each(|room| refuse(id, Refusal::NoRoom { room }, out));
        };
        let line = there.line(Arc::clone(&from), body, now.unix_ms);
        there.history.keep(&line, is_action);
        self.is_heard(id, &from, now);
        let notice = if is_action { Notice::Acted } else { Notice::Said };
        if is_told {
            out.push(Effect::Tell(id, notice(line.clone())));
        }
        let except = (own == Some(index)).then_some(id);
        out.push(Effect::Room { room: index, notice: notice(line), except });
    }

    /// The room that a visit goes to. It must be in the list of rooms, so it is not empty. Without a room's
    /// name it is the asker's own room, or the lobby.
    pub(super) fn visited_room(&self, id: SessionId, name: Option<&RoomName>) -> Option<RoomIndex> {
        let Some(name) = name else {
            return Some(self.people.get(id)?.room.unwrap_or(RoomIndex::LOBBY));
        };
        self.room_index(name).filter(|index| {
            *index == RoomIndex::LOBBY || self.room(*index).is_some_and(|room| !room.members.is_empty())
        })
    }

    /// The speaker of a visit from this session under this name.
    fn visitor(&self, id: SessionId, own: &Arc<Speaker>, name: Option<&Nick>) -> Result<Arc<Speaker>, Refusal> {
        let Some(name) = name else { return Ok(Arc::clone(own)) };
        self.people.check_free(id, name)?;
        let folded = &name.keys().folded;
        if NameKeys::fold(&own.name) == *folded {
            return Ok(Arc::clone(own)); // under its own name it is itself
        }
        let (id, address) = (own.id, Arc::clone(&own.address));
        Ok(Arc::new(Speaker { id, address, name: name.shared(), visitor: Some(SessionId::of_visitor(folded)) }))
    }

    fn is_heard(&mut self, id: SessionId, from: &Arc<Speaker>, now: Now) {
        self.speaks(id, now);
        if from.visitor.is_some() {
            self.visitors.remember(from);
        }
    }

    /// The visitor with that name, if it is a recent one or session `id` ignores it.
    pub(super) fn visitor_called(&self, id: SessionId, name: &str) -> Option<Arc<Speaker>> {
        let name = name.trim();
        if name.len() > 4 * MAX_NICK_BYTES {
            return None; // longer than any way to write a name
        }
        let number = SessionId::of_visitor(&NameKeys::fold(name));
        let last = self.visitors.0.iter().find(|who| who.visitor == Some(number)).map(Arc::clone);
        last.or_else(|| {
            let person = self.people.get(id).filter(|person| person.filter.ignored.contains(&number))?;
            let (address, visitor) = (Arc::clone(&person.speaker.address), Some(number));
            Some(Arc::new(Speaker { id, address, name: name.into(), visitor }))
        })
    }
}
