//! Carries out events: asks the hub what follows, and performs its effects by [`Dispatch`].
//!
//! Commands that must wait for a slow consumer are deferred, and everything later of their session behind
//! them.

use std::collections::VecDeque;
use std::sync::Arc;
use std::time::Duration;

use crate::chat::{Arrival, Effect, Heard, Hub, Now};
use crate::config::Config;
use crate::metrics::{Metrics, Scheme};
use crate::protocol::{CloseReason, Notice, SessionId, Speaker, StyleChange};
use crate::wire::Inbound;

use super::super::event::{Event, Opened, credits_of};
use super::super::os::Receiver;
use super::clock::Clock;
use super::deferred::{Deferred, Progress, Work};
use super::dispatch::Dispatch;
use super::drain::Drain;
use super::heartbeats::Heartbeats;
use super::message::{Message, Urgency};
use super::replies::Replies;

/// Most commands of one turn: the lines of its first command are sent when the turn ends.
pub(in super::super) const TURN_COMMANDS: usize = 512;
/// Most commands of one session before other waiting sessions get their turn. Without this bound, 24 talkers
/// with hundreds of lines in each event delayed two people in another room.
const SLICE: usize = 32;

/// How many of a session's `commands` are carried out before it is the turn of others, if any wait.
fn slice_of(commands: usize, inbox: &Receiver<Event>) -> usize {
    if commands > SLICE && !inbox.is_empty() { SLICE } else { usize::MAX }
}

/// The hub, and everything that its decisions act on.
pub(super) struct Executor<'a> {
    pub(super) hub: Hub,
    pub(super) dispatch: Dispatch<'a>,
    pub(super) deferred: Deferred,
    heartbeats: Heartbeats,
    pub(super) clock: Clock,
    pub(super) drain: Drain,
    metrics: &'a Metrics,
    /// [`Config::classic`].
    classic: bool,
    /// Commands of the present turn.
    pub(super) commands: usize,
    replies: Replies,
    /// Spare memory.
    effects: Vec<Effect>,
}

impl<'a> Executor<'a> {
    pub(super) fn new(hub: Hub, config: &Config, clock: Clock, drain: Drain, metrics: &'a Metrics) -> Self {
        Self {
            hub,
            dispatch: Dispatch::new(config.max_pending, metrics),
            deferred: Deferred::default(),
            heartbeats: Heartbeats::new(config.heartbeat),
            clock,
            drain,
            metrics,
            classic: config.classic,
            commands: 0,
            replies: Replies::default(),
            effects: Vec::new(),
        }
    }

    /// Carries out an event. A long one takes turns with others that wait in the `inbox`.
    pub(super) fn take(&mut self, event: Event, inbox: &Receiver<Event>) {
        self.commands += 1;
        match event {
            Event::Opened(opened) => self.open(*opened),
            Event::Appeared(id) => self.change(|hub, now, out| hub.appear(id, now, out)),
            Event::Received(id, items) => {
                let credits = credits_of(&items);
                let at_most = slice_of(items.len(), inbox);
                self.begin(id, Work::Received(items.into_iter(), credits), at_most);
            }
            Event::Closed(id, reason) => self.begin(id, Work::Closed(reason), usize::MAX),
            Event::Dismiss(id, reason) => self.change(|hub, now, out| hub.leave(id, reason, now, out)),
            Event::Push(id, key, data) => {
                self.dispatch.tell(id, Urgency::Unasked, Message::Custom(&key, &data), &self.clock);
                if self.dispatch.is_full() {
                    self.end_turn();
                }
            }
            Event::Post(posted) => {
                let at_most = slice_of(posted.post.remaining(), inbox);
                self.begin(posted.post.id(), Work::Post(posted, None), at_most);
            }
            Event::Ask(answer) => _ = answer.try_send(()),
            Event::CaughtUp(id) => {
                let history = self.hub.history_count(id) as u64;
                self.dispatch.tell_skipped(id, history);
            }
            // The end of the turn checks the session again.
            Event::HasRoom(id) if self.deferred.has_work_of(id) => self.deferred.try_again(),
            Event::HasRoom(..) | Event::Drain(_) => {}
        }
    }

    /// The next time at which something is due, even if no event comes.
    pub(super) fn next_due(&self) -> Option<Duration> {
        let dues = [self.heartbeats.next_due(), self.hub.next_tick(), self.dispatch.backpressure.next_due()];
        dues.into_iter().flatten().min()
    }

    /// Does what is due.
    pub(super) fn do_what_is_due(&mut self) {
        self.change(|hub, now, out| hub.tick(now, out));
        self.heartbeats.send_due(&mut self.dispatch, &self.clock);
    }

    /// Works on deferred events that need not wait any more, about `at_most` commands.
    pub(super) fn do_deferred(&mut self, at_most: usize) {
        if self.dispatch.backpressure.take_relief(self.clock.turn) {
            self.deferred.try_again();
        }
        if !self.deferred.is_ready() {
            return;
        }
        self.commands = 0;
        let mut untried = self.deferred.take();
        let mut still = VecDeque::new();
        while self.commands < at_most
            && let Some(id) = untried.pop_front()
        {
            while let Some(work) = self.deferred.pop(id) {
                match self.work(id, work, SLICE) {
                    Progress::Done => continue,
                    Progress::HasToWait(rest) => {
                        self.deferred.unpop(id, rest);
                        still.push_back(id);
                    }
                    Progress::GoesOn(rest) => {
                        self.deferred.unpop(id, rest);
                        untried.push_back(id);
                    }
                }
                break;
            }
        }
        self.deferred.put_back(still, untried);
    }

    /// Sends everything that is gathered. The same turn may go on.
    pub(super) fn end_turn(&mut self) {
        self.dispatch.flush(&self.clock);
        self.replies.send();
        self.clock.begin_turn();
        if self.dispatch.backpressure.take_relief(self.clock.turn) {
            self.deferred.try_again();
        }
    }

    /// Says goodbye to all sessions. After that only the ends of sessions are worked on.
    pub(super) fn stop(&mut self) {
        self.change(|hub, _, out| hub.stop(out));
        self.deferred.try_again();
        self.do_deferred(usize::MAX);
        self.end_turn();
    }

    /// Refuses a session that comes in during a stop.
    pub(super) fn turn_away(&mut self, opened: Opened) {
        let Opened { connection, outbox, .. } = opened;
        let encoding = connection.wire.first_encoding().with_classic(self.classic);
        self.dispatch.add(&connection, outbox, encoding, &self.clock);
        if connection.profile().unsolicited {
            let goodbye = Notice::Goodbye(CloseReason::ServerStopping);
            self.dispatch.tell(connection.id, Urgency::Answer, Message::Notice(&goodbye, None), &self.clock);
        }
        self.drain.watch(&connection);
        self.dispatch.hang_up(connection.id, CloseReason::ServerStopping, &self.clock);
        self.dispatch.remove(connection.id, &self.clock);
    }

    fn open(&mut self, opened: Opened) {
        let Opened { connection, outbox, credit, name, door, entry } = opened;
        let (id, wire, profile) = (connection.id, connection.wire, connection.profile());
        let encoding = wire.first_encoding().with_classic(self.classic);
        self.drain.watch(&connection);
        self.dispatch.add(&connection, outbox, encoding, &self.clock);
        self.deferred.open(id, credit);
        if let Some(heartbeat) = &profile.heartbeat {
            self.heartbeats.forget_ended(self.deferred.sessions(), |id| self.dispatch.get(id).is_some());
            self.heartbeats.plan(id, heartbeat.every, self.clock.turn);
        }
        let speaker = Arc::new(Speaker { id, address: Arc::clone(&connection.shown), name, visitor: None });
        let (by, echo) = (wire.name(), encoding.echoes());
        let arrival = Arrival { speaker, door, by, echo, unsolicited: profile.unsolicited, entry };
        self.change(|hub, now, out| hub.enter(arrival, now, out));
    }

    /// Works on what a session's reader has sent, as far as it need not wait.
    fn begin(&mut self, id: SessionId, work: Work, at_most: usize) {
        if self.deferred.has_work_of(id) {
            return self.deferred.push(id, work);
        }
        match self.work(id, work, at_most) {
            Progress::Done => {}
            Progress::HasToWait(rest) => self.deferred.push(id, rest),
            Progress::GoesOn(rest) => {
                self.deferred.push(id, rest);
                self.deferred.try_again();
            }
        }
    }

    /// Carries out the commands of one event, or the lines of a post, but no more than `at_most` of them. A stop
    /// drops what is left, and with a post its reply.
    fn work(&mut self, id: SessionId, mut work: Work, at_most: usize) -> Progress {
        let now = self.clock.now();
        let mut left = at_most;
        while work.has_more() && self.drain.is_due().is_none() {
            if self.has_to_wait(id, &work) {
                return Progress::HasToWait(work);
            }
            if left == 0 {
                return Progress::GoesOn(work);
            }
            left -= 1;
            self.commands += 1;
            match &mut work {
                Work::Received(items, _) => items.next().into_iter().for_each(|one| self.carry_out(id, one, now)),
                Work::Post(posted, answer) => {
                    *answer = self.hub.post(&mut posted.post, now, &mut self.effects);
                    let lines = self.effects.len() as u64; // each is a line
                    Metrics::add(&self.metrics.commands, lines);
                    self.metrics.count_lines(Scheme::Http, lines);
                    self.perform(None);
                }
                Work::Closed(_) => {}
            }
            if self.dispatch.is_full() {
                self.end_turn();
            }
        }
        match work {
            Work::Received(_, credits) => {
                if credits > 1 {
                    self.dispatch.send_to(id, &self.clock); // what it may ask for next depends on what is pending then
                }
                if let Some(requests) = self.deferred.get(id) {
                    requests.give_back(credits);
                }
            }
            Work::Post(posted, answer) => {
                answer.into_iter().for_each(|answer| self.replies.push(posted.reply.clone(), answer));
                self.deferred.end_post(id);
            }
            Work::Closed(reason) => {
                self.change(|hub, now, out| hub.leave(id, reason, now, out));
                self.dispatch.remove(id, &self.clock);
                self.deferred.close(id);
            }
        }
        Progress::Done
    }

    /// Whether the next command has to wait: the session has more pending than its outbox holds, or the command's
    /// recipients are congested.
    fn has_to_wait(&mut self, id: SessionId, work: &Work) -> bool {
        let limit = self.dispatch.backpressure.levels.limit;
        if self.dispatch.get(id).is_some_and(|recipient| recipient.owes() > limit) {
            self.dispatch.send_to(id, &self.clock);
            if self.dispatch.get(id).is_some_and(|recipient| recipient.owes() > limit && recipient.can_drain()) {
                return true;
            }
        }
        if self.dispatch.backpressure.is_idle() {
            return false;
        }
        let heard = match work {
            Work::Received(items, _) => match items.as_slice().first() {
                Some(Inbound::Command(command)) => self.hub.heard_by(id, command),
                _ => return false,
            },
            Work::Post(posted, _) => self.hub.heard_by_post(&posted.post),
            Work::Closed(_) => return false,
        };
        match heard {
            Heard::Rooms(rooms) => {
                rooms.into_iter().any(|room| self.dispatch.backpressure.defers(room, self.clock.turn))
            }
            Heard::Session(id) => self.dispatch.get(id).is_some_and(|recipient| recipient.consumer.congests()),
            Heard::Nobody => false,
        }
    }

    fn carry_out(&mut self, id: SessionId, one: Inbound, now: Now) {
        let Some(requests) = self.deferred.get(id) else { return };
        if let Inbound::Tag(tag) = one {
            requests.tag = Some(tag);
            return;
        }
        let tag = requests.tag.take();
        let told = |notice| Effect::Tell(id, notice);
        let clock = &self.clock;
        match one {
            Inbound::Command(command) => self.hub.command(id, command, tag.is_some(), now, &mut self.effects),
            Inbound::Refused(refusal) => self.effects.push(told(Notice::Refused(refusal))),
            Inbound::Tell(notice) => self.effects.push(told(notice)),
            Inbound::Answer(bytes) | Inbound::Pong(bytes) => {
                self.dispatch.tell(id, Urgency::Answer, Message::Bytes(&bytes), clock);
            }
            Inbound::Close(bytes) => {
                self.dispatch.tell(id, Urgency::Answer, Message::Bytes(&bytes), clock);
                self.effects.push(Effect::HangUp(id, CloseReason::PeerClosed));
            }
            Inbound::Switch(encoding) => self.dispatch.encode_as(id, encoding, clock),
            Inbound::Crlf => {
                if let Some(encoding) = self.dispatch.get(id).map(|recipient| recipient.encoding.with_crlf()) {
                    self.dispatch.encode_as(id, encoding, clock);
                }
            }
            Inbound::Charset(charset) => self.effects.push(Effect::Style(id, StyleChange::Charset(charset))),
            // The reader calls handlers itself; a tag was taken above.
            Inbound::Custom { .. } | Inbound::Tag(_) | Inbound::Heartbeat => {}
        }
        self.perform(tag.as_deref().map(|tag| (id, tag)));
    }

    /// Asks the hub for effects and performs them.
    fn change(&mut self, ask: impl FnOnce(&mut Hub, Now, &mut Vec<Effect>)) {
        ask(&mut self.hub, self.clock.now(), &mut self.effects);
        self.perform(None);
    }

    /// Performs the hub's effects, in order. Effects for sessions of other servers do nothing.
    fn perform(&mut self, request: Option<(SessionId, &str)>) {
        let mut effects = std::mem::take(&mut self.effects);
        let (dispatch, clock) = (&mut self.dispatch, &self.clock);
        for effect in effects.drain(..) {
            match effect {
                Effect::Tell(id, notice) => {
                    let is_unasked = matches!(notice, Notice::Told { .. });
                    let urgency = if is_unasked { Urgency::Unasked } else { Urgency::Answer };
                    let request = request.filter(|(asker, _)| *asker == id && !is_unasked);
                    let tag = request.map(|(_, tag)| tag);
                    dispatch.tell(id, urgency, Message::Notice(&notice, tag), clock);
                }
                Effect::Room { room, notice, except } => dispatch.tell_room(room, &notice, except),
                Effect::Enter(room, id) => dispatch.enter(room, id),
                Effect::Exit(room, id) => dispatch.leave(room, id),
                Effect::Filter(id, filter) => dispatch.filter(id, filter),
                Effect::Style(id, change) => {
                    if let Some(encoding) = dispatch.get(id).map(|recipient| recipient.encoding.with(change)) {
                        dispatch.encode_as(id, encoding, clock);
                    }
                }
                Effect::HangUp(id, reason) => {
                    dispatch.hang_up(id, reason, clock);
                    if let Some(requests) = self.deferred.get(id) {
                        requests.credit = None;
                    }
                    if self.deferred.has_work_of(id) {
                        self.deferred.try_again();
                    }
                }
            }
        }
        self.effects = effects;
    }
}
