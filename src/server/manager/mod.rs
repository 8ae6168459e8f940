//! The manager thread: the one place where the room is changed, so everyone sees one order.
//!
//! It takes events, asks the hub what follows, and performs it. It does no blocking I/O and waits for no
//! session: work that must wait for a slow consumer is deferred (see `backpressure`).
//! (When it is busy it may wait a part of a millisecond for more events, see [`more_is_awaited`].)
//!
//! Room lines are not sent one by one. They gather in one chunk for each room and encoding until
//! the inbox is empty or the chunk is large, and each member is then given the chunk with one send.
//! A member for whom the chunk is not the whole truth (it came in the middle, is owed an answer in
//! between, does not see its own lines) is given its own ranges of the same bytes, and the others
//! do not notice.

pub(super) mod audience;
pub(super) mod backpressure;
pub(super) mod deferred;
pub(super) mod recipient;
pub(super) mod slots;
pub(super) mod unsaid;

use std::collections::VecDeque;
use std::sync::{Arc, Weak};
use std::time::Duration;

use crate::chat::{Arrival, Effect, Filter, Heard, Hub, Now, RoomIndex};
use crate::config::Config;
use crate::metrics::Metrics;
use crate::protocol::{CloseReason, Notice, SessionId, Speaker};
use crate::wire::{Encoding, HEARTBEAT, Inbound};

use super::connection::Connection;
use super::event::{Event, Opened, credits_of};
use super::os::{Instant, OnceLock, Receiver, RecvTimeoutError, SystemTime, UNIX_EPOCH};
use super::outbox::{Pushed, Shared};
use super::slot::SlotIndex;
use audience::{Audience, Chunk, Group, Mark};
use backpressure::{Consumer, Levels, Look};
use deferred::{Deferred, Work};
use recipient::{Delivery, Recipient, Slow};
use slots::Slots;
use unsaid::Unsaid;

/// A turn ends after so many commands, so that the first of them is not kept waiting for the last …
pub(super) const TURN_COMMANDS: usize = 512;
/// … or when a chunk has so many bytes: what a default socket buffer takes in one send.
pub(super) const TURN_BYTES: usize = 64 * 1024;
/// Commands of one session that are done before other waiting sessions get their turn. Without it, 24 talkers
/// whose events have hundreds of lines each kept two people in another room waiting for all of them.
const SLICE: usize = 32;
/// What the buffer for personal answers keeps of its memory: a long list of people.
const KEPT_ANSWER: usize = 256 * 1024;
/// After everyone has been cut, threads need a moment to come back with their last event.
const LAST_EVENTS: Duration = Duration::from_millis(300);
/// A stop sends its goodbyes this long before its deadline, or after half of its time, whatever is pending.
const GOODBYE_TIME: Duration = Duration::from_millis(500);
/// How often a stop looks whether everyone has gone.
const LOOK: Duration = Duration::from_millis(10);

/// After a shorter flush no more is awaited: timers are late by a good part of what would be waited.
const LONG_FLUSH: Duration = Duration::from_millis(1);
/// More is awaited for this part of the time that the last flush took.
const AWAITED_PART: u32 = 16;
/// But no longer than this: a flush in which the process was stopped took as long as that.
const LONGEST_AWAITED: Duration = Duration::from_millis(10);
/// What is done so much later than it was due …
const LATE: Duration = Duration::from_millis(50);
/// … is put off by so much more (see [`Manager::is_too_soon`]).
const PUT_OFF: Duration = Duration::from_millis(100);

/// The result of working on an event.
enum Progress {
    Done,
    /// The rest must wait for a slow consumer.
    HasToWait(Work),
    /// Other sessions get their turn; the rest follows.
    GoesOn(Work),
}

/// The manager: the hub, everyone's outbox, and what is gathered for them.
pub(super) struct Manager<'a> {
    inbox: Receiver<Event>,
    metrics: &'a Metrics,
    levels: Levels,
    /// Most bytes of a chunk.
    longest_chunk: usize,
    started: Instant,
    hub: Hub,
    recipients: Vec<Option<Recipient>>,
    /// Their slots by session id.
    slots: Slots,
    present: usize,
    audiences: Vec<Audience>,
    effects: Vec<Effect>,
    /// Personal lines gathered for one session; they come before what is in the chunks.
    answer: (Option<SlotIndex>, Vec<u8>),
    slow: Slow,
    deferred: Deferred,
    /// Everyone's connection by slot, also of those whose last bytes are still being sent.
    connections: Vec<Weak<Connection>>,
    /// Rooms whose chunks hold something.
    talking: Vec<RoomIndex>,
    /// When a stop has to be over; set when it begins.
    drain_by: Arc<OnceLock<Instant>>,
    /// How long before `drain_by` the goodbyes are sent.
    goodbyes: Duration,
    /// The request that is being worked on, if it is marked: whose, and the mark.
    request: Option<(SlotIndex, Box<str>)>,
    heartbeat: Duration,
    /// [`Config::classic`].
    classic: bool,
    /// When which frame session is due for a heartbeat, in order, since all wait equally long.
    heartbeats: VecDeque<(Instant, SlotIndex, SessionId)>,
    now: Instant,
    commands: usize,
    gathered: usize,
    /// How long the flush at the end of the last turn took.
    flush_took: Duration,
    /// Until then a turn goes on though the inbox is empty.
    awaits_until: Option<Instant>,
    /// Until then nothing is done only because it is due.
    put_off_until: Option<Instant>,
}

/// How much longer a turn goes on when the inbox is empty, in which something waited when it began
/// (`is_behind`) after a flush that took so long.
///
/// Talkers who wait for all readers of a large room fall into two halves otherwise, each of which sends
/// while the other's lines are on their way: half as much in each send, and nearly twice the work. Those
/// whose lines have just gone out to the last reader answer within a small part of the time that it took.
fn more_is_awaited(is_behind: bool, flush_took: Duration) -> Option<Duration> {
    (is_behind && flush_took >= LONG_FLUSH).then(|| (flush_took / AWAITED_PART).min(LONGEST_AWAITED))
}

impl<'a> Manager<'a> {
    pub(super) fn new(
        hub: Hub,
        inbox: Receiver<Event>,
        config: &Config,
        drain_by: Arc<OnceLock<Instant>>,
        started: Instant,
        metrics: &'a Metrics,
    ) -> Self {
        let levels = Levels::of(config.max_pending);
        Self {
            inbox,
            metrics,
            levels,
            longest_chunk: levels.chunk.min(TURN_BYTES),
            started,
            hub,
            recipients: Vec::new(),
            slots: Slots::default(),
            present: 0,
            audiences: vec![Audience::new()],
            effects: Vec::new(),
            answer: (None, Vec::new()),
            slow: Slow::default(),
            deferred: Deferred::default(),
            connections: Vec::new(),
            talking: Vec::new(),
            drain_by,
            goodbyes: GOODBYE_TIME.min(config.drain / 2),
            request: None,
            heartbeat: config.heartbeat,
            classic: config.classic,
            heartbeats: VecDeque::new(),
            now: started,
            commands: 0,
            gathered: 0,
            flush_took: Duration::ZERO,
            awaits_until: None,
            put_off_until: None,
        }
    }

    /// Runs until a drain is over, or nobody can send events any more.
    pub(super) fn run(mut self) {
        loop {
            let is_behind = !self.inbox.is_empty();
            let due = self.next_due();
            let event = self.next_event(due.map(|due| self.put_off_until.map_or(due, |until| due.max(until))));
            self.now = Instant::now();
            self.awaits_until = more_is_awaited(is_behind, self.flush_took).map(|time| self.now + time);
            self.do_deferred(TURN_COMMANDS);
            self.commands = 0;
            let drain = match event {
                Ok(event) => self.turn(event),
                Err(RecvTimeoutError::Timeout) => None,
                Err(RecvTimeoutError::Disconnected) => return,
            };
            if drain.is_none() && !self.is_too_soon(due) {
                self.do_what_is_due();
            }
            self.end_turn();
            if let Some(deadline) = drain {
                return self.drain(deadline);
            }
        }
    }

    /// The next event. Waits for it until `due`, or until a slow consumer must be checked. Does not wait if
    /// deferred work can be done.
    fn next_event(&mut self, due: Option<Instant>) -> Result<Event, RecvTimeoutError> {
        if self.deferred.is_ready() {
            return self.inbox.try_recv().map_err(|_| RecvTimeoutError::Timeout);
        }
        let look_at = self.slow.backpressure.next_due();
        let begun = look_at.map(|_| Instant::now());
        let event = match due.into_iter().chain(look_at).min() {
            None => self.inbox.recv().map_err(|_| RecvTimeoutError::Disconnected),
            Some(due) => self.inbox.recv_deadline(due),
        };
        if let (Some(look_at), Some(begun)) = (look_at, begun) {
            self.excuse_after_a_stop(look_at.max(begun));
        }
        event
    }

    /// Excuses slow consumers if the manager woke up late: then the whole process was stopped.
    fn excuse_after_a_stop(&mut self, due: Instant) {
        let now = Instant::now();
        if now >= due + LATE {
            self.recipients.iter_mut().flatten().for_each(|recipient| recipient.consumer.excuse(now));
        }
    }

    /// Takes `event` and what else has come, until there is enough for one turn.
    fn turn(&mut self, event: Event) -> Option<Instant> {
        let mut next = Some(event);
        while let Some(event) = next {
            // A stop does not wait until all of a full inbox has been worked through.
            if let Some(deadline) = self.is_over() {
                if !matches!(event, Event::Received(..)) {
                    self.take(event);
                }
                return Some(deadline);
            }
            match event {
                Event::Drain(deadline) => return Some(deadline),
                event => self.take(event),
            }
            next = if self.commands < TURN_COMMANDS { self.next_of_turn() } else { None };
        }
        None
    }

    /// When a stop sends its goodbyes.
    fn goodbye_at(&self) -> Option<Instant> {
        self.drain_by.get().map(|deadline| deadline.checked_sub(self.goodbyes).unwrap_or(*deadline))
    }

    /// The deadline of a stop, once it is time for the goodbyes. Called before each command, since a few
    /// commands may take long.
    fn is_over(&self) -> Option<Instant> {
        let deadline = *self.drain_by.get()?;
        self.goodbye_at().is_some_and(|at| Instant::now() >= at).then_some(deadline)
    }

    /// What else has come, or comes in the time for which more is awaited.
    fn next_of_turn(&self) -> Option<Event> {
        let there = self.inbox.try_recv().ok();
        there.or_else(|| self.awaits_until.and_then(|until| self.inbox.recv_deadline(until).ok()))
    }

    /// When there is something to do though nothing happens.
    fn next_due(&self) -> Option<Instant> {
        let heartbeat = self.heartbeats.front().map(|(due, _, _)| *due);
        heartbeat.into_iter().chain(self.hub.next_tick().map(|up| self.started + up)).min()
    }

    /// Whether what was `due` has to wait a moment: much of its time may have passed while the whole
    /// process was stopped, and what sessions have sent meanwhile (a program that joins just in time)
    /// still waits in their sockets. Their readers come first; once, however late it is then.
    fn is_too_soon(&mut self, due: Option<Instant>) -> bool {
        match self.put_off_until {
            Some(until) if self.now < until => return true,
            Some(_) => self.put_off_until = None,
            None if due.is_some_and(|due| self.now >= due + LATE) => {
                self.put_off_until = Some(self.now + PUT_OFF);
                return true;
            }
            None => {}
        }
        false
    }

    fn do_what_is_due(&mut self) {
        let now = self.moment();
        self.hub.tick(now, &mut self.effects);
        self.perform();
        while let Some((_, slot, id)) = self.heartbeats.pop_front_if(|(due, _, _)| *due <= self.now) {
            if let Some(recipient) =
                self.recipient(slot).filter(|recipient| recipient.connection.id == id && recipient.outbox.is_some())
            {
                // Who has something to read has a sign of life in it.
                if recipient.connection.pending() == 0 {
                    self.answer_with(slot, |_, out| out.extend_from_slice(&HEARTBEAT));
                }
                self.heartbeats.push_back((self.now + self.heartbeat, slot, id));
            }
        }
    }

    fn take(&mut self, event: Event) {
        self.commands += 1;
        match event {
            Event::Opened(opened) => self.open(*opened),
            Event::Appeared(slot, id) => {
                if self.recipient(slot).is_some_and(|recipient| recipient.connection.id == id) {
                    let now = self.moment();
                    self.hub.appear(id, now, &mut self.effects);
                    self.perform();
                }
            }
            Event::Received(slot, id, inbound) => {
                let credits = credits_of(&inbound);
                self.begin_work(slot, id, Work::Received(inbound.into_iter(), credits));
            }
            Event::Closed(slot, id, reason) => self.begin_work(slot, id, Work::Closed(id, reason)),
            Event::Dismiss(slot, id, reason) => {
                if self.recipient(slot).is_some_and(|recipient| recipient.connection.id == id) {
                    let now = self.moment();
                    self.hub.leave(id, reason, now, &mut self.effects);
                    self.perform();
                }
            }
            Event::Push(slot, id, key, data) => {
                if self.recipient(slot).is_some_and(|recipient| recipient.connection.id == id) {
                    match self.unsaid(slot) {
                        Some(unsaid) => unsaid.push_own(key, data),
                        None => self.give_unasked(slot, |encoding, out| encoding.encode_custom(&key, &data, None, out)),
                    }
                }
            }
            Event::CaughtUp(slot, id) => {
                if self.recipient(slot).is_some_and(|recipient| recipient.connection.id == id) {
                    self.tell_skipped(slot);
                }
            }
            // The end of the turn checks the session again.
            Event::HasRoom(slot, id) => {
                if self
                    .recipient(slot)
                    .is_some_and(|recipient| recipient.connection.id == id && !recipient.deferred.is_empty())
                {
                    self.deferred.try_again();
                }
            }
            Event::Drain(_) => {}
        }
    }

    /// Works on what a session's reader has sent, as far as it need not wait.
    fn begin_work(&mut self, slot: SlotIndex, id: SessionId, work: Work) {
        let Some(Some(recipient)) = self.recipients.get_mut(slot.index()) else { return };
        if recipient.connection.id != id {
            return;
        }
        if !recipient.deferred.is_empty() {
            recipient.deferred.push_back(work);
            return;
        }
        // A long event takes turns with other waiting events.
        let is_long = matches!(&work, Work::Received(items, _) if items.len() > SLICE);
        let at_most = if is_long && !self.inbox.is_empty() { SLICE } else { usize::MAX };
        match self.work(slot, work, at_most) {
            Progress::Done => {}
            Progress::HasToWait(rest) => {
                self.defer(slot, rest);
                self.deferred.add(slot);
            }
            Progress::GoesOn(rest) => {
                self.defer(slot, rest);
                self.deferred.add(slot);
                self.deferred.try_again();
            }
        }
    }

    /// Puts work back at the front of its session's queue.
    fn defer(&mut self, slot: SlotIndex, rest: Work) {
        if let Some(Some(recipient)) = self.recipients.get_mut(slot.index()) {
            recipient.deferred.push_front(rest);
        }
    }

    /// Works on deferred events that need not wait any more, about `at_most` commands.
    fn do_deferred(&mut self, at_most: usize) {
        if self.slow.backpressure.renew(self.now) {
            self.deferred.try_again();
        }
        if !self.deferred.is_ready() {
            return;
        }
        self.commands = 0;
        let mut untried = self.deferred.take();
        let mut still = VecDeque::new();
        while self.commands < at_most
            && let Some(slot) = untried.pop_front()
        {
            while let Some(work) = self.next_deferred(slot) {
                match self.work(slot, work, SLICE) {
                    Progress::Done => continue,
                    Progress::HasToWait(rest) => {
                        self.defer(slot, rest);
                        still.push_back(slot);
                    }
                    Progress::GoesOn(rest) => {
                        self.defer(slot, rest);
                        untried.push_back(slot);
                    }
                }
                break;
            }
        }
        self.deferred.put_back(still, untried);
    }

    fn next_deferred(&mut self, slot: SlotIndex) -> Option<Work> {
        self.recipients.get_mut(slot.index())?.as_mut()?.deferred.pop_front()
    }

    fn open(&mut self, opened: Opened) {
        let Opened { connection, outbox, credit, name, door } = opened;
        let slot = connection.slot.index;
        let (id, wire) = (connection.id, connection.wire);
        let profile = connection.profile();
        let encoding = wire.first_encoding().with_classic(self.classic);
        let speaker =
            Arc::new(Speaker { id: connection.id, address: Arc::clone(&connection.shown), name, visitor: None });
        if self.recipients.len() <= slot.index() {
            self.recipients.resize_with(slot.index() + 1, || None);
            self.connections.resize_with(slot.index() + 1, Weak::new);
        }
        if let Some(place) = self.connections.get_mut(slot.index()) {
            *place = Arc::downgrade(&connection);
        }
        let recipient = Recipient {
            connection,
            outbox: Some(outbox),
            credit: Some(credit),
            encoding,
            place: None,
            consumer: Consumer::new(self.now),
            deferred: VecDeque::new(),
            odd_in: 0,
            heard: 0,
            tag: None,
            unsaid: profile.learns_framing.then(Unsaid::default),
            filter: None,
            missed_elsewhere: false,
        };
        if let Some(place) = self.recipients.get_mut(slot.index()) {
            *place = Some(recipient);
            self.present += 1;
            self.slots.add(id, slot);
        }
        Metrics::count(&self.metrics.opened);
        if profile.heartbeat && !self.heartbeat.is_zero() {
            if self.heartbeats.len() > 2 * self.present + 64 {
                let recipients = &self.recipients;
                let is_here =
                    |slot: SlotIndex| recipients.get(slot.index())?.as_ref().map(|recipient| recipient.connection.id);
                self.heartbeats.retain(|(_, slot, id)| is_here(*slot) == Some(*id));
            }
            self.heartbeats.push_back((self.now + self.heartbeat, slot, id));
        }
        let arrival = Arrival {
            speaker,
            door,
            by: wire.name(),
            echo: encoding.echoes(),
            unsolicited: profile.unsolicited,
            entry: profile.entry,
        };
        let now = self.moment();
        self.hub.enter(arrival, now, &mut self.effects);
        self.perform();
    }

    /// Obeys the commands of one event, `at_most` so many.
    fn work(&mut self, slot: SlotIndex, work: Work, at_most: usize) -> Progress {
        let (mut items, credits) = match work {
            Work::Received(items, credits) => (items, credits),
            Work::Closed(id, reason) => {
                self.close(slot, id, reason);
                return Progress::Done;
            }
        };
        let now = self.moment();
        let mut left = at_most;
        while let Some(next) = items.as_slice().first() {
            if self.is_over().is_some() {
                break;
            }
            if self.has_to_wait(slot, next) {
                return Progress::HasToWait(Work::Received(items, credits));
            }
            if left == 0 {
                return Progress::GoesOn(Work::Received(items, credits));
            }
            left -= 1;
            let Some(one) = items.next() else { break };
            self.commands += 1;
            self.obey(slot, one, now);
            if self.gathered >= self.longest_chunk {
                self.end_turn();
            }
        }
        if credits > 1 {
            self.flush_answer_before(slot);
        }
        self.give_back(slot, credits);
        Progress::Done
    }

    /// Whether a command has to wait: the session has more pending than its outbox holds, or the command's
    /// recipients are congested.
    fn has_to_wait(&mut self, slot: SlotIndex, one: &Inbound) -> bool {
        let Some(Some(recipient)) = self.recipients.get(slot.index()) else { return false };
        let id = recipient.connection.id;
        let gathered = if self.answer.0 == Some(slot) { self.answer.1.len() } else { 0 };
        if recipient.connection.pending() + gathered > self.levels.limit {
            self.flush_answer_before(slot);
            if self.recipient(slot).is_some_and(|recipient| recipient.is_over_limit(&self.levels)) {
                return true;
            }
        }
        if self.slow.backpressure.is_idle() {
            return false;
        }
        let Inbound::Command(command) = one else { return false };
        match self.hub.heard_by(id, command) {
            Heard::Rooms(rooms) => {
                rooms.into_iter().any(|room| self.slow.backpressure.defers(room, self.now, &self.levels))
            }
            Heard::Session(receiver) => {
                let receiver = self.slots.of(receiver).and_then(|slot| self.recipient(slot));
                receiver.is_some_and(|recipient| recipient.consumer.congests())
            }
            Heard::Nobody => false,
        }
    }

    fn obey(&mut self, slot: SlotIndex, one: Inbound, now: Now) {
        let Some(Some(recipient)) = self.recipients.get_mut(slot.index()) else { return };
        if let Inbound::Tag(tag) = one {
            recipient.tag = Some(tag);
            return;
        }
        let id = recipient.connection.id;
        self.request = recipient.tag.take().map(|tag| (slot, tag));
        match one {
            Inbound::Command(command) => {
                Metrics::count(&self.metrics.commands);
                self.hub.command(id, command, self.request.is_some(), now, &mut self.effects);
                self.perform();
            }
            Inbound::Refused(refusal) => self.tell(slot, &Notice::Refused(refusal)),
            Inbound::Tell(notice) => self.tell(slot, &notice),
            Inbound::Answer(bytes) => self.answer_with(slot, |_, out| out.extend_from_slice(&bytes)),
            Inbound::Switch(encoding) => {
                self.switch(slot, encoding);
                let unsaid = self
                    .recipients
                    .get_mut(slot.index())
                    .and_then(Option::as_mut)
                    .and_then(|recipient| recipient.unsaid.take());
                if let Some(unsaid) = unsaid {
                    self.answer_with(slot, |encoding, out| unsaid.encode(encoding, out));
                }
            }
            Inbound::Crlf => self.restyle(slot, Encoding::with_crlf),
            // The reader calls handlers itself; a tag was taken above.
            Inbound::Custom { .. } | Inbound::Tag(_) | Inbound::Heartbeat => {}
        }
        self.request = None;
    }

    /// Takes out of a reader's credit what it put in before it sent an event.
    fn give_back(&self, slot: SlotIndex, credits: usize) {
        if let Some(credit) = self.recipient(slot).and_then(|recipient| recipient.credit.as_ref()) {
            for _ in 0..credits {
                let _ = credit.try_recv();
            }
        }
    }

    fn close(&mut self, slot: SlotIndex, id: SessionId, reason: CloseReason) {
        if self.recipient(slot).is_none_or(|recipient| recipient.connection.id != id) {
            return;
        }
        let now = self.moment();
        self.hub.leave(id, reason, now, &mut self.effects);
        self.perform();
        self.flush_answer();
        if let Some(recipient) = self.recipients.get_mut(slot.index()).and_then(Option::take) {
            self.present -= 1;
            self.slots.remove(id);
            if recipient.consumer.congests() {
                self.slow.backpressure.end(slot, recipient.place.map(|(room, _)| room));
                self.deferred.try_again();
            }
            if let Some(reason) = recipient.connection.reason() {
                self.metrics.count_closed(reason);
            }
        }
    }

    /// Performs the hub's effects, in order.
    fn perform(&mut self) {
        let mut effects = std::mem::take(&mut self.effects);
        for effect in effects.drain(..) {
            self.perform_one(effect);
        }
        self.effects = effects;
    }

    /// Performs one effect. An effect for a session that is not one of this server's is dropped.
    fn perform_one(&mut self, effect: Effect) {
        let id = match &effect {
            Effect::Room { room, notice, except } => {
                let except = except.and_then(|id| self.slots.of(id));
                return self.gather(*room, notice, except);
            }
            Effect::Tell(id, _)
            | Effect::Enter(_, id)
            | Effect::Exit(_, id)
            | Effect::Filter(id, _)
            | Effect::Style(id, _)
            | Effect::HangUp(id, _) => *id,
        };
        let Some(slot) = self.slots.of(id) else { return };
        match effect {
            Effect::Tell(_, notice) => self.tell(slot, &notice),
            Effect::Enter(room, _) => self.enter(room, slot),
            Effect::Exit(..) => {
                self.exit(slot);
                if let Some(Some(recipient)) = self.recipients.get_mut(slot.index()) {
                    recipient.missed_elsewhere |= recipient.consumer.skipped.is_some();
                }
            }
            Effect::Filter(_, filter) => self.filter(slot, filter),
            Effect::Style(_, change) => self.restyle(slot, |encoding| encoding.with(change)),
            Effect::HangUp(_, reason) => self.hang_up(slot, reason),
            Effect::Room { .. } => {}
        }
    }

    /// Adds a line to the room's chunks.
    fn gather(&mut self, room: RoomIndex, notice: &Notice, except: Option<SlotIndex>) {
        if self.audiences.len() <= room.index() {
            self.audiences.resize_with(room.index() + 1, Audience::new);
        }
        let Some(audience) = self.audiences.get_mut(room.index()) else { return };
        if !audience.is_talking() {
            self.talking.push(room);
        }
        let before = audience.longest;
        let longest = audience.gather(notice, except);
        self.gathered = self.gathered.max(longest);
        if !self.slow.backpressure.is_idle() {
            self.slow.backpressure.count(room, longest.saturating_sub(before));
        }
        if let Some(recipient) = except.and_then(|slot| self.recipients.get_mut(slot.index())?.as_mut())
            && recipient.odd_in != audience.stamp
        {
            recipient.odd_in = audience.stamp;
            recipient.heard = 0;
        }
    }

    /// Adds a line to the personal answers for `slot`, behind what the room has for it.
    fn tell(&mut self, slot: SlotIndex, notice: &Notice) {
        if matches!(notice, Notice::Told { .. }) {
            return self.tell_unasked(slot, notice);
        }
        let request = self.request.take();
        let tag = request.as_ref().filter(|(asker, _)| *asker == slot).map(|(_, tag)| &**tag);
        self.answer_with(slot, |encoding, out| encoding.encode(notice, tag, out));
        self.request = request;
    }

    /// Sends `slot` a line that it did not ask for. If the line does not fit, it is skipped and counted, as
    /// room lines are.
    fn tell_unasked(&mut self, slot: SlotIndex, notice: &Notice) {
        match self.unsaid(slot) {
            Some(unsaid) => unsaid.push_notice(notice),
            None => self.give_unasked(slot, |encoding, out| encoding.encode(notice, None, out)),
        }
    }

    fn give_unasked(&mut self, slot: SlotIndex, write: impl FnOnce(Encoding, &mut Vec<u8>)) {
        self.catch_up(slot);
        self.flush_answer_before(slot);
        let Some(Some(recipient)) = self.recipients.get_mut(slot.index()) else { return };
        if let Some(skipped) = &mut recipient.consumer.skipped {
            // Nothing is encoded that would be skipped: a program may send without pause (`Remote::send`).
            *skipped += 1;
            Metrics::count(&self.metrics.skipped);
            recipient.missed_elsewhere = true;
            return;
        }
        let mut chunk = Chunk::default();
        write(recipient.encoding, &mut chunk.bytes);
        let end = chunk.bytes.len();
        chunk.marks.push(Mark { end, except: None, said_by: None, visitor: None, is_join_or_leave: false });
        let delivery = Delivery { chunk: &chunk, stamp: 0, levels: &self.levels, metrics: self.metrics };
        let heard = std::mem::replace(&mut recipient.odd_in, u64::MAX); // all of this chunk is for it
        let filter = recipient.filter.take();
        delivery.hand_over(slot, recipient, &mut Shared::new(&chunk.bytes), &mut self.slow);
        (recipient.odd_in, recipient.filter) = (heard, filter);
        recipient.missed_elsewhere |= recipient.consumer.skipped.is_some();
    }

    fn answer_with(&mut self, slot: SlotIndex, write: impl FnOnce(Encoding, &mut Vec<u8>)) {
        self.catch_up(slot);
        self.answer_before_chunk(slot, write);
    }

    fn answer_before_chunk(&mut self, slot: SlotIndex, write: impl FnOnce(Encoding, &mut Vec<u8>)) {
        if self.answer.0 != Some(slot) {
            self.flush_answer();
        }
        let Some(encoding) = self.recipient(slot).map(|recipient| recipient.encoding) else { return };
        self.answer.0 = Some(slot);
        write(encoding, &mut self.answer.1);
    }

    /// Sends the personal answers that were gathered.
    fn flush_answer(&mut self) {
        let Some(slot) = self.answer.0.take() else { return }; // the buffer keeps its memory
        let mut bytes = std::mem::take(&mut self.answer.1);
        if let Some(recipient) = self.recipients.get_mut(slot.index()).and_then(Option::as_mut)
            && let Some(outbox) = &mut recipient.outbox
            && !bytes.is_empty()
            && matches!(outbox.push_answer(&bytes), Pushed::Queued(_))
            && self.levels.is_long(bytes.len())
        {
            recipient.consumer.asked_for_more_than_it_reads();
        }
        bytes.clear();
        bytes.shrink_to(KEPT_ANSWER);
        self.answer.1 = bytes;
    }

    /// Gives `slot` what its room's chunk holds for it so far.
    fn catch_up(&mut self, slot: SlotIndex) {
        let Some(Some(recipient)) = self.recipients.get_mut(slot.index()) else { return };
        let Some((room, _)) = recipient.place else { return };
        let Some(audience) = self.audiences.get(room.index()) else { return };
        let chunk = audience.chunk(recipient.encoding);
        let heard = if recipient.odd_in == audience.stamp { recipient.heard } else { 0 };
        if chunk.bytes.len() > heard {
            self.flush_answer_before(slot);
            self.deliver_chunk(slot);
        }
    }

    /// What is gathered for `slot` itself was said before what its chunk holds.
    fn flush_answer_before(&mut self, slot: SlotIndex) {
        if self.answer.0 == Some(slot) {
            self.flush_answer();
        }
    }

    fn deliver_chunk(&mut self, slot: SlotIndex) {
        let Some(Some(recipient)) = self.recipients.get_mut(slot.index()) else { return };
        let Some(audience) = recipient.place.and_then(|(room, _)| self.audiences.get(room.index())) else { return };
        let chunk = audience.chunk(recipient.encoding);
        let mut shared = Shared::new(&chunk.bytes);
        let delivery = Delivery { chunk, stamp: audience.stamp, levels: &self.levels, metrics: self.metrics };
        delivery.hand_over(slot, recipient, &mut shared, &mut self.slow);
        recipient.odd_in = audience.stamp;
        recipient.heard = chunk.bytes.len();
    }

    fn enter(&mut self, room: RoomIndex, slot: SlotIndex) {
        let Some(Some(recipient)) = self.recipients.get_mut(slot.index()) else { return };
        if self.audiences.len() <= room.index() {
            self.audiences.resize_with(room.index() + 1, Audience::new);
        }
        let Some(audience) = self.audiences.get_mut(room.index()) else { return };
        recipient.place = Some((room, audience.add(slot, recipient.encoding)));
        recipient.odd_in = audience.stamp;
        recipient.heard = audience.chunk(recipient.encoding).bytes.len();
        if recipient.consumer.congests() {
            self.slow.backpressure.enter(Some(room));
        }
    }

    fn exit(&mut self, slot: SlotIndex) {
        self.catch_up(slot);
        let Some(Some(recipient)) = self.recipients.get_mut(slot.index()) else { return };
        let Some((room, index)) = recipient.place.take() else { return };
        let Some(audience) = self.audiences.get_mut(room.index()) else { return };
        if recipient.consumer.congests() {
            self.slow.backpressure.exit(Some(room));
            self.deferred.try_again();
        }
        let moved = audience.remove(index, recipient.encoding);
        if let Some(Some(other)) = moved.and_then(|moved| self.recipients.get_mut(moved.index()))
            && moved != Some(slot)
        {
            other.place = Some((room, index));
        }
    }

    /// From now on the session does not see some of what its room hears.
    fn filter(&mut self, slot: SlotIndex, filter: Filter) {
        self.catch_up(slot); // what was said until now it still sees as before
        if let Some(Some(recipient)) = self.recipients.get_mut(slot.index()) {
            recipient.filter = (!filter.is_open()).then(|| Box::new(filter));
        }
    }

    /// From now on lines for the session are written in a changed style.
    fn restyle(&mut self, slot: SlotIndex, changed: impl FnOnce(Encoding) -> Encoding) {
        if let Some(recipient) = self.recipient(slot) {
            self.switch(slot, changed(recipient.encoding));
        }
    }

    /// From now on the session is answered in another encoding.
    fn switch(&mut self, slot: SlotIndex, encoding: Encoding) {
        self.flush_answer_before(slot);
        let room = self.recipient(slot).and_then(|recipient| recipient.place).map(|(room, _)| room);
        if room.is_some() {
            self.exit(slot);
        }
        if let Some(Some(recipient)) = self.recipients.get_mut(slot.index()) {
            recipient.encoding = encoding;
        }
        if let Some(room) = room {
            self.enter(room, slot);
        }
    }

    fn hang_up(&mut self, slot: SlotIndex, reason: CloseReason) {
        self.flush_answer_before(slot);
        if let Some(Some(recipient)) = self.recipients.get_mut(slot.index()) {
            recipient.connection.end(reason);
            recipient.outbox = None; // the writer sends what is left, then ends the connection
            recipient.credit = None;
            if !recipient.deferred.is_empty() {
                self.deferred.try_again();
            }
        }
    }

    /// Sends every chunk, then checks slow consumers.
    fn end_turn(&mut self) {
        self.flush_answer();
        self.flush_took = Duration::ZERO;
        if self.gathered > 0 {
            let begun = Instant::now();
            let Self { audiences, recipients, slow, talking, .. } = self;
            for room in talking.drain(..) {
                let Some(audience) = audiences.get_mut(room.index()) else { continue };
                for Group { slots, chunk, .. } in audience.groups() {
                    if chunk.bytes.is_empty() {
                        continue;
                    }
                    let mut shared = Shared::new(&chunk.bytes);
                    let delivery =
                        Delivery { chunk, stamp: audience.stamp, levels: &self.levels, metrics: self.metrics };
                    for slot in slots {
                        if let Some(Some(recipient)) = recipients.get_mut(slot.index()) {
                            delivery.hand_over(*slot, recipient, &mut shared, slow);
                        }
                    }
                }
                audience.clear_chunks();
            }
            self.flush_took = Instant::now().duration_since(begun);
        }
        self.gathered = 0;
        while let Some(slot) = self.slow.drained.pop() {
            self.tell_skipped(slot);
        }
        self.flush_answer();
        self.now = Instant::now(); // the same turn may go on
        self.look_at_slow_consumers();
    }

    fn look_at_slow_consumers(&mut self) {
        let Self { slow: Slow { backpressure, .. }, recipients, levels, now, .. } = self;
        if backpressure.is_idle() {
            return;
        }
        let is_one_less = backpressure.look(*now, |slot| match recipients.get_mut(slot.index()) {
            Some(Some(recipient)) => (recipient.look(*now, levels), recipient.place.map(|(room, _)| room)),
            _ => (Look::CaughtUp, None),
        });
        if is_one_less {
            self.deferred.try_again();
        }
    }

    /// Tells a session how many lines it missed, now that it has read everything before them and
    /// before it is given what the chunk holds.
    fn tell_skipped(&mut self, slot: SlotIndex) {
        let Some(Some(recipient)) = self.recipients.get_mut(slot.index()) else { return };
        if let Some(lines) = recipient.consumer.skipped.take() {
            // All of them are among the room's last lines, if it keeps so many and nothing else was missed.
            let kept = !std::mem::take(&mut recipient.missed_elsewhere)
                && lines <= self.hub.history_count(recipient.connection.id) as u64;
            let notice = Notice::Skipped { lines, kept };
            self.answer_before_chunk(slot, |encoding, out| encoding.encode(&notice, None, out));
        }
    }

    /// The house closes: everyone is told, and whoever is left at `deadline` is cut.
    fn drain(mut self, deadline: Instant) {
        self.work_off();
        self.hub.stop(&mut self.effects);
        self.perform();
        // Nobody is left to hear anything; only the ends of sessions remain.
        self.deferred.try_again();
        self.do_deferred(usize::MAX);
        self.end_turn();
        let mut until = deadline;
        let mut cut = false;
        while self.present > 0 || self.connections.iter().any(|connection| connection.strong_count() > 0) {
            // Nobody reports that a last byte was sent, so this looks; only during a stop.
            match self.inbox.recv_deadline(until.min(Instant::now() + LOOK)) {
                Ok(Event::Opened(opened)) => self.turn_away(*opened),
                Ok(event) => {
                    self.now = Instant::now();
                    self.take(event);
                }
                Err(RecvTimeoutError::Timeout) if Instant::now() < until => {}
                Err(RecvTimeoutError::Timeout) if !cut => {
                    self.connections.iter().filter_map(Weak::upgrade).for_each(|connection| connection.cut());
                    (cut, until) = (true, Instant::now() + LAST_EVENTS);
                }
                Err(_) => return,
            }
        }
    }

    /// Works on what was deferred when the stop began, until it is time for the goodbyes.
    fn work_off(&mut self) {
        while !self.deferred.is_empty() && self.is_over().is_none() {
            let event = self.next_event(self.goodbye_at());
            self.now = Instant::now();
            self.do_deferred(TURN_COMMANDS);
            match event {
                Ok(Event::Opened(opened)) => self.turn_away(*opened),
                Ok(Event::Received(..)) | Err(RecvTimeoutError::Timeout) => {}
                Ok(event) => self.take(event),
                Err(RecvTimeoutError::Disconnected) => return,
            }
            self.end_turn();
        }
    }

    /// Somebody came in while the house closes.
    fn turn_away(&mut self, mut opened: Opened) {
        let mut bytes = Vec::new();
        let goodbye = Notice::Goodbye(CloseReason::ServerStopping);
        // A frame client takes any frame for an answer.
        if opened.connection.profile().unsolicited {
            opened.connection.wire.first_encoding().with_classic(self.classic).encode(&goodbye, None, &mut bytes);
        }
        opened.outbox.push_answer(&bytes);
        self.connections.push(Arc::downgrade(&opened.connection)); // cut with the others, if it stays too long
        opened.connection.end(CloseReason::ServerStopping);
        self.metrics.count_closed(&CloseReason::ServerStopping);
    }

    /// The notices that wait until a session has shown its framing.
    fn unsaid(&mut self, slot: SlotIndex) -> Option<&mut Unsaid> {
        self.recipients.get_mut(slot.index())?.as_mut()?.unsaid.as_mut()
    }

    fn recipient(&self, slot: SlotIndex) -> Option<&Recipient> {
        self.recipients.get(slot.index())?.as_ref()
    }

    /// The moment of this turn, for the hub.
    fn moment(&self) -> Now {
        let unix_ms = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default().as_millis();
        Now { up: self.now.duration_since(self.started), unix_ms: u64::try_from(unix_ms).unwrap_or(u64::MAX) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn more_is_awaited_only_by_who_is_behind_with_a_large_room() {
        let ms = Duration::from_millis;
        assert_eq!(more_is_awaited(true, ms(8)), Some(Duration::from_micros(500)));
        assert_eq!(more_is_awaited(true, ms(60_000)), Some(ms(10)), "a stop of the process is no large room");
        assert_eq!(more_is_awaited(false, ms(8)), None, "nothing waited");
        assert_eq!(more_is_awaited(true, Duration::from_micros(999)), None, "a flush is soon done");
    }
}
