//! The one way out of the manager: broadcasts of room lines (fan-out), and messages to single sessions.
//!
//! Room lines are not sent one by one. They gather in one chunk for each room and encoding until
//! [`Dispatch::flush`], which gives the chunk to each member with one send. Answers gather as well. Each
//! session sees everything in the order of the calls.
//!
//! `Dispatch` does not know the rules of the chat: the manager tells it what the hub has decided. Calls for
//! a session that is not here do nothing.

use std::sync::Arc;

use crate::chat::{Filter, RoomIndex};
use crate::metrics::Metrics;
use crate::protocol::{CloseReason, Notice, SessionId};
use crate::wire::Encoding;

use super::super::connection::Connection;
use super::super::outbox::{Bytes, Outbox};
use super::audience::{Audiences, KEPT_CAPACITY};
use super::backpressure::Backpressure;
use super::clock::Clock;
use super::consumer::{Levels, Look};
use super::message::{Message, Urgency, Withheld};
use super::recipient::{Delivery, Membership, Piece, Recipient};
use super::recipients::Recipients;

/// Most bytes of a chunk: what a default socket buffer takes in one send.
pub(in super::super) const TURN_BYTES: usize = 64 * 1024;

/// Most bytes of answers that gather, for all sessions together.
const ANSWER_BYTES: usize = 32 * 1024;

/// Recipients, audiences, and what is gathered for them.
pub(super) struct Dispatch<'a> {
    recipients: Recipients,
    audiences: Audiences,
    /// The bytes of answers and other messages for one session.
    own: Bytes,
    /// The slow consumers and their rooms.
    pub(super) backpressure: Backpressure,
    metrics: &'a Metrics,
}

impl<'a> Dispatch<'a> {
    /// `max_pending`: bytes that an outbox holds.
    pub(super) fn new(max_pending: usize, metrics: &'a Metrics) -> Self {
        Self {
            recipients: Recipients::default(),
            audiences: Audiences::default(),
            own: Bytes::default(),
            backpressure: Backpressure::new(Levels::of(max_pending)),
            metrics,
        }
    }

    /// Adds a session, which hears no room.
    pub(super) fn add(&mut self, connection: &Arc<Connection>, outbox: Outbox, encoding: Encoding, clock: &Clock) {
        let mut recipient = Recipient::new(Arc::clone(connection), outbox, encoding, clock);
        recipient.withheld = connection.profile().learns_framing.then(Withheld::default);
        self.recipients.add(connection.id, recipient);
    }

    /// Sends a session what it is owed, and removes it.
    pub(super) fn remove(&mut self, id: SessionId, clock: &Clock) {
        let Some((index, recipient)) = self.recipients.find(id) else { return };
        recipient.room_list().into_iter().for_each(|room| self.leave(room, id));
        self.send_to(id, clock);
        self.backpressure.end(index);
        if let Some(recipient) = self.recipients.remove(id) {
            recipient.forget_skipped(self.metrics);
        }
    }

    /// A session's recipient; `None` if it is not one of this server's, or has ended.
    pub(super) fn get(&self, id: SessionId) -> Option<&Recipient> {
        self.recipients.get(id)
    }

    /// From now on the session hears the room.
    pub(super) fn enter(&mut self, room: RoomIndex, id: SessionId) {
        let Some((index, recipient)) = self.recipients.find(id) else { return };
        let Some(audience) = self.audiences.of_mut(room) else { return };
        recipient.changes_room();
        let (place, heard) = audience.add(index, recipient.encoding);
        recipient.rooms.push(Membership { room, place, heard, flushes: audience.flushes });
        self.backpressure.enter(index, room);
        self.recipients.note(index);
    }

    /// From now on the session does not hear the room.
    pub(super) fn leave(&mut self, room: RoomIndex, id: SessionId) {
        let Some((index, recipient)) = self.recipients.find(id) else { return };
        recipient.catch_up(index, &self.audiences);
        recipient.changes_room();
        let Some(at) = recipient.rooms.iter().position(|member| member.room == room) else { return };
        let left = recipient.rooms.swap_remove(at);
        self.backpressure.leave(index, room);
        self.recipients.note(index);
        let moved = self.audiences.of_mut(room).and_then(|audience| audience.remove(left.place));
        let Some(other) = moved.and_then(|moved| self.recipients.at_mut(moved)) else { return };
        if let Some(member) = other.rooms.iter_mut().find(|member| member.room == room) {
            member.place = left.place;
        }
    }

    /// From now on the session does not see some of what its rooms hear.
    pub(super) fn filter(&mut self, id: SessionId, filter: Filter) {
        let Some((index, recipient)) = self.recipients.find(id) else { return };
        recipient.catch_up(index, &self.audiences); // what was said until now is seen as before
        recipient.filter = (!filter.is_open()).then(|| Box::new(filter));
        self.recipients.note(index);
    }

    /// From now on the session is written to in this encoding. What was withheld until its framing was known
    /// is sent now.
    pub(super) fn encode_as(&mut self, id: SessionId, encoding: Encoding, clock: &Clock) {
        let Some((index, recipient)) = self.recipients.find(id) else { return };
        let withheld = recipient.withheld.take();
        if recipient.encoding != encoding {
            let (rooms, missed_elsewhere) = (recipient.room_list(), recipient.missed_elsewhere);
            rooms.iter().for_each(|room| self.leave(*room, id));
            if let Some(recipient) = self.recipients.at_mut(index) {
                recipient.encoding = encoding;
            }
            rooms.iter().for_each(|room| self.enter(*room, id));
            if let Some(recipient) = self.recipients.at_mut(index) {
                recipient.missed_elsewhere = missed_elsewhere; // it is in the same rooms as before
            }
        }
        for message in withheld.iter().flat_map(Withheld::messages) {
            self.tell(id, Urgency::Answer, message, clock);
        }
    }

    /// Sends a session a message, behind what its rooms have for it.
    pub(super) fn tell(&mut self, id: SessionId, urgency: Urgency, message: Message<'_>, clock: &Clock) {
        let Some((index, recipient)) = self.recipients.find(id) else { return };
        // A peer that has gone may have left hundreds of requests for `/history`: nobody reads the answers.
        if recipient.outbox.as_ref().is_none_or(Outbox::is_dead) {
            return;
        }
        if urgency == Urgency::Unasked {
            if let Some(withheld) = &mut recipient.withheld {
                return withheld.push(message);
            }
            if recipient.consumer.skipped.is_some() {
                // Nothing is encoded that would be skipped: a program may send without pause.
                self.send_to(id, clock); // counts the lines before it
                if let Some(recipient) = self.recipients.at_mut(index) {
                    recipient.missed_elsewhere = true;
                    recipient.skip(1, self.metrics);
                }
                return;
            }
        }
        recipient.catch_up(index, &self.audiences);
        let start = self.own.len();
        self.own.append(|out| message.encode(recipient.encoding, out));
        if self.own.len() > start {
            recipient.pieces.push(Piece::Own { range: start..self.own.len(), urgency });
        }
        self.recipients.note(index);
    }

    /// Broadcasts a notice to the members of a room, except one.
    pub(super) fn tell_room(&mut self, room: RoomIndex, notice: &Notice, except: Option<SessionId>) {
        let except = except.and_then(|id| self.recipients.index(id));
        let grown = self.audiences.gather(room, notice, except);
        if !self.backpressure.is_idle() {
            self.backpressure.count(room, grown);
        }
        if let Some(except) = except {
            self.recipients.note(except);
        }
    }

    /// Tells a session how many lines it missed, now that it has read everything before them. What is
    /// gathered comes later. `history`: lines that its room keeps.
    pub(super) fn tell_skipped(&mut self, id: SessionId, history: u64) {
        let Some((index, recipient)) = self.recipients.find(id) else { return };
        let Some(notice) = recipient.take_skipped(history, self.metrics) else { return };
        let start = self.own.len();
        self.own.append(|out| recipient.encoding.encode(&notice, None, out));
        if self.own.len() > start {
            recipient.pieces.insert(0, Piece::Own { range: start..self.own.len(), urgency: Urgency::Answer });
        }
        self.recipients.note(index);
    }

    /// Sends a session what it is owed and its format's last bytes, and nothing after that. Its writer ends the
    /// connection when all is sent.
    pub(super) fn hang_up(&mut self, id: SessionId, reason: CloseReason, clock: &Clock) {
        if let Some(last) = self.get(id).and_then(|recipient| recipient.encoding.farewell(&reason)) {
            self.tell(id, Urgency::Answer, Message::Bytes(&last), clock);
        }
        self.send_to(id, clock);
        if let Some((_, recipient)) = self.recipients.find(id) {
            recipient.connection.end(reason);
            recipient.outbox = None;
        }
    }

    /// Whether enough is gathered for a flush.
    pub(super) fn is_full(&self) -> bool {
        let most = self.backpressure.levels.chunk.min(TURN_BYTES);
        self.audiences.longest >= most || self.own.len() >= most.min(ANSWER_BYTES)
    }

    /// Sends everything that is gathered, then checks the slow consumers.
    pub(super) fn flush(&mut self, clock: &Clock) {
        let Self { recipients, audiences, own, backpressure, metrics } = self;
        let mut delivery = Delivery { audiences, own, backpressure, clock, metrics, delivered: 0 };
        for at in 0..recipients.owed().len() {
            let Some(index) = recipients.owed().get(at).copied() else { break };
            if let Some(recipient) = recipients.at_mut(index) {
                recipient.send_pieces(index, &mut delivery);
            }
        }
        for list in audiences.with_lines() {
            for index in &list.listeners {
                match recipients.at_mut(*index) {
                    Some(recipient) if recipient.has_pieces => recipient.send_pieces(*index, &mut delivery),
                    Some(recipient) => recipient.send_chunk(*index, &list.chunk, &mut delivery),
                    None => {}
                }
            }
        }
        delivery.count();
        recipients.clear_owed();
        audiences.clear();
        own.clear(KEPT_CAPACITY);
        if !backpressure.is_idle() {
            let (now, levels) = (clock.read(), backpressure.levels);
            backpressure
                .look(now, |index| recipients.at_mut(index).map_or(Look::CaughtUp, |one| one.look(now, &levels)));
        }
    }

    /// Sends one session what it is owed so far.
    pub(super) fn send_to(&mut self, id: SessionId, clock: &Clock) {
        let Self { recipients, audiences, own, backpressure, metrics } = self;
        let Some((index, recipient)) = recipients.find(id) else { return };
        let mut delivery = Delivery { audiences, own, backpressure, clock, metrics, delivered: 0 };
        recipient.send_pieces(index, &mut delivery);
        delivery.count();
        recipients.note(index); // it has had a part of the chunk
    }
}
