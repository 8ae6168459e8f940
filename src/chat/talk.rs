//! What people say: to the room, and to one another.

use std::sync::Arc;

use crate::protocol::{Body, Notice, Refusal, Speaker};

use super::Seat;
use super::hub::{Effect, Hub, Now, refuse};

impl Hub {
    pub(super) fn say(&mut self, seat: Seat, body: Body, tagged: bool, now: Now, out: &mut Vec<Effect>) {
        self.speak_up(seat, body, false, tagged, now, out);
    }

    pub(super) fn act(&mut self, seat: Seat, body: Body, tagged: bool, now: Now, out: &mut Vec<Effect>) {
        self.speak_up(seat, body, true, tagged, now, out);
    }

    /// A line to the room. Its speaker gets it with the others, or, marking its requests, alone.
    fn speak_up(&mut self, seat: Seat, body: Body, is_action: bool, tagged: bool, now: Now, out: &mut Vec<Effect>) {
        self.be_somewhere(seat, now, out);
        let Some(from) = self.speaks(seat, now) else { return };
        let Some(person) = self.people.get(seat) else { return };
        let Some(index) = person.room else { return };
        let Some(room) = self.rooms.get_mut(index.index()).and_then(Option::as_mut) else { return };
        let line = room.line(from, body, now.unix_ms);
        let notice = if is_action { Notice::Acted } else { Notice::Said };
        room.history.keep(&line, is_action);
        if tagged {
            out.push(Effect::Tell(seat, notice(line.clone())));
        }
        let hidden_from = (tagged || !person.echo).then_some(seat);
        out.push(Effect::Room { room: index, notice: notice(line), hidden_from });
    }

    pub(super) fn write(&mut self, seat: Seat, to: &str, body: Body, now: Now, out: &mut Vec<Effect>) {
        match self.people.find(to) {
            Ok(receiver) => self.deliver(seat, receiver, body, now, out),
            Err(refusal) => refuse(seat, refusal, out),
        }
    }

    /// Answers whoever wrote last, under whatever name that person goes by now.
    pub(super) fn reply(&mut self, seat: Seat, body: Body, now: Now, out: &mut Vec<Effect>) {
        let writer = self.people.get(seat).and_then(|person| person.last_writer);
        match writer.and_then(|writer| self.people.seat_of(writer)) {
            Some(receiver) => self.deliver(seat, receiver, body, now, out),
            None => refuse(seat, Refusal::NobodyToAnswer, out),
        }
    }

    fn deliver(&mut self, seat: Seat, receiver: Seat, body: Body, now: Now, out: &mut Vec<Effect>) {
        let Some(from) = self.speaks(seat, now) else { return };
        let Some(person) = self.people.get_mut(receiver) else { return };
        let to = Arc::clone(&person.speaker);
        let (away, ignored) = (person.away.clone(), person.ignores(from.id));
        out.push(Effect::Tell(seat, Notice::ToldTo { to: Arc::clone(&to), body: body.clone() }));
        if !ignored {
            // Who is ignored is not told so.
            person.last_writer = Some(from.id);
            out.push(Effect::Tell(receiver, Notice::Told { from, body }));
        }
        if let Some(away) = away {
            out.push(Effect::Tell(seat, Notice::IsAway { who: to, away }));
        }
    }

    /// Somebody says something now.
    fn speaks(&mut self, seat: Seat, now: Now) -> Option<Arc<Speaker>> {
        let person = self.people.get_mut(seat)?;
        person.last_spoke = now.up;
        person.spoken = true;
        Some(Arc::clone(&person.speaker))
    }
}
