//! What people say: to the room, and to one another.

use std::sync::Arc;
use std::time::Duration;

use crate::protocol::{Body, Notice, Refusal, Speaker};

use super::hub::{Effect, Hub, refuse};
use super::{RoomIndex, Seat};

impl Hub {
    pub(super) fn say(&mut self, seat: Seat, body: Body, now: Duration, out: &mut Vec<Effect>) {
        if let Some((from, room, hidden_from)) = self.speaks(seat, now) {
            out.push(Effect::Room { room, notice: Notice::Said { from, body }, hidden_from });
        }
    }

    pub(super) fn act(&mut self, seat: Seat, body: Body, now: Duration, out: &mut Vec<Effect>) {
        if let Some((from, room, hidden_from)) = self.speaks(seat, now) {
            out.push(Effect::Room { room, notice: Notice::Acted { from, body }, hidden_from });
        }
    }

    pub(super) fn write(&mut self, seat: Seat, to: &str, body: Body, now: Duration, out: &mut Vec<Effect>) {
        match self.people.find(to) {
            Ok(receiver) => self.deliver(seat, receiver, body, now, out),
            Err(refusal) => refuse(seat, refusal, out),
        }
    }

    /// Answers whoever wrote last, under whatever name that person goes by now.
    pub(super) fn reply(&mut self, seat: Seat, body: Body, now: Duration, out: &mut Vec<Effect>) {
        let writer = self.people.get(seat).and_then(|person| person.last_writer);
        match writer.and_then(|writer| self.people.seat_of(writer)) {
            Some(receiver) => self.deliver(seat, receiver, body, now, out),
            None => refuse(seat, Refusal::NobodyToAnswer, out),
        }
    }

    fn deliver(&mut self, seat: Seat, receiver: Seat, body: Body, now: Duration, out: &mut Vec<Effect>) {
        let Some((from, _, _)) = self.speaks(seat, now) else { return };
        let Some(person) = self.people.get_mut(receiver) else { return };
        person.last_writer = Some(from.id);
        let to = Arc::clone(&person.speaker);
        out.push(Effect::Tell(seat, Notice::ToldTo { to, body: body.clone() }));
        out.push(Effect::Tell(receiver, Notice::Told { from, body }));
    }

    /// Who speaks, where, and whether the line is hidden from the speaker.
    fn speaks(&mut self, seat: Seat, now: Duration) -> Option<(Arc<Speaker>, RoomIndex, Option<Seat>)> {
        let person = self.people.get_mut(seat)?;
        person.last_spoke = now;
        Some((Arc::clone(&person.speaker), person.room, (!person.echo).then_some(seat)))
    }
}
