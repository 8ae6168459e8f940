//! The manager's side of one session: the rooms it hears, how it is written to, what it is owed.
//!
//! Most recipients get the whole chunk of their room. A recipient that is owed more or less than that (it
//! came in the middle, is answered in between, does not see some lines, is in several rooms) keeps a small
//! list of pieces, in the order in which it must see them.
//!
//! When its outbox is full, the recipient misses lines. They are counted, and it is told how many. Answers
//! to its own commands are never skipped.

use std::ops::Range;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use log::{info, warn};

use crate::chat::{Filter, RoomIndex};
use crate::metrics::Metrics;
use crate::protocol::Notice;
use crate::wire::Encoding;

use super::super::connection::Connection;
use super::super::outbox::{Bytes, Outbox, Part, Pushed};
use super::audience::{Audiences, Chunk, Place};
use super::backpressure::Backpressure;
use super::clock::Clock;
use super::consumer::{Consumer, Levels, Look};
use super::index::Index;
use super::message::{Urgency, Withheld};

/// One session, as the manager sends to it.
#[derive(Debug)]
pub(super) struct Recipient {
    pub(super) connection: Arc<Connection>,
    /// `None` once nothing more is to be sent.
    pub(super) outbox: Option<Outbox>,
    pub(super) encoding: Encoding,
    pub(super) rooms: Vec<Membership>,
    /// The lines that it does not want to see.
    pub(super) filter: Option<Box<Filter>>,
    /// Pieces that it is owed instead of whole chunks, in order.
    pub(super) pieces: Vec<Piece>,
    /// The next flush goes by the pieces, not by whole chunks.
    pub(super) has_pieces: bool,
    /// It is noted among the recipients that are owed something.
    pub(super) is_owed: bool,
    pub(super) consumer: Consumer,
    /// Some of the lines that it misses are not in the history of its room: private ones, or those of
    /// another room.
    pub(super) missed_elsewhere: bool,
    /// Messages that wait until the session has shown its framing; `None` once it has.
    pub(super) withheld: Option<Withheld>,
}

/// A room that a recipient hears.
#[derive(Debug)]
pub(super) struct Membership {
    pub(super) room: RoomIndex,
    pub(super) place: Place,
    /// Lines of the chunk that it has been given or came too late for, and which chunk that was.
    pub(super) heard: usize,
    pub(super) flushes: u64,
}

/// Something that a recipient is owed.
#[derive(Debug)]
pub(super) enum Piece {
    /// Lines of a room, from the chunk of one list.
    Room { room: RoomIndex, list: usize, range: Range<usize>, lines: u64 },
    /// Bytes for this recipient alone.
    Own { range: Range<usize>, urgency: Urgency },
}

impl Piece {
    fn part<'a>(&self, audiences: &'a Audiences, own: &'a Bytes) -> Option<Part<'a>> {
        Some(match self {
            Self::Room { room, list, range, .. } => {
                Part { of: &audiences.chunk(*room, *list)?.bytes, range: range.clone() }
            }
            Self::Own { range, .. } => Part { of: own, range: range.clone() },
        })
    }

    /// The lines that may be skipped where there is no space.
    fn lines(&self) -> u64 {
        match self {
            Self::Room { lines, .. } => *lines,
            Self::Own { urgency: Urgency::Unasked, .. } => 1,
            Self::Own { urgency: Urgency::Answer, .. } => 0,
        }
    }

    fn answer_bytes(&self) -> usize {
        match self {
            Self::Own { range, urgency: Urgency::Answer } => range.len(),
            Self::Own { .. } | Self::Room { .. } => 0,
        }
    }
}

/// Everything that a flush needs besides the recipient.
pub(super) struct Delivery<'a> {
    pub(super) audiences: &'a Audiences,
    /// The bytes of all [`Piece::Own`].
    pub(super) own: &'a Bytes,
    pub(super) backpressure: &'a mut Backpressure,
    pub(super) clock: &'a Clock,
    pub(super) metrics: &'a Metrics,
    /// Lines sent or queued so far.
    pub(super) delivered: u64,
}

impl Delivery<'_> {
    /// Adds the lines to the metrics: once for all receivers, since the counter's cost would add up.
    pub(super) fn count(self) {
        Metrics::add(&self.metrics.deliveries, self.delivered);
    }
}

impl Recipient {
    pub(super) fn new(connection: Arc<Connection>, outbox: Outbox, encoding: Encoding, clock: &Clock) -> Self {
        Self {
            connection,
            outbox: Some(outbox),
            encoding,
            rooms: Vec::new(),
            filter: None,
            pieces: Vec::new(),
            has_pieces: false,
            is_owed: false,
            consumer: Consumer::new(clock.turn),
            missed_elsewhere: false,
            withheld: None,
        }
    }

    /// Whether it never gets whole chunks.
    pub(super) fn is_special(&self) -> bool {
        self.filter.is_some() || self.rooms.len() > 1
    }

    /// The rooms that it hears.
    pub(super) fn room_list(&self) -> Vec<RoomIndex> {
        self.rooms.iter().map(|member| member.room).collect()
    }

    /// Adds to the pieces what its rooms' chunks hold for it so far.
    pub(super) fn catch_up(&mut self, me: Index, audiences: &Audiences) {
        for member in &mut self.rooms {
            if let Some(audience) = audiences.of(member.room)
                && member.flushes != audience.flushes
            {
                (member.heard, member.flushes) = (0, audience.flushes);
            }
        }
        // Lines of several rooms are put together in the order in which they were said.
        while let Some((at, until)) = self.room_with_next_line(audiences) {
            let Some(member) = self.rooms.get_mut(at) else { return };
            let (room, list) = (member.room, member.place.list);
            let Some(chunk) = audiences.chunk(room, list) else { return };
            for mark in chunk.marks.iter().skip(member.heard).take_while(|mark| mark.order < until) {
                if mark.is_for(me, self.filter.as_deref())
                    && let Some(line) = chunk.range(member.heard)
                {
                    match self.pieces.last_mut() {
                        Some(Piece::Room { room: last, list: in_list, range, lines })
                            if *last == room && *in_list == list && range.end == line.start =>
                        {
                            range.end = line.end;
                            *lines += 1;
                        }
                        _ => self.pieces.push(Piece::Room { room, list, range: line, lines: 1 }),
                    }
                }
                member.heard += 1;
            }
        }
    }

    /// The room in which the next line was said that it has not been given, and the number of the next line
    /// of another room.
    fn room_with_next_line(&self, audiences: &Audiences) -> Option<(usize, u64)> {
        let mut first: Option<(usize, u64)> = None;
        let mut until = u64::MAX;
        for (at, member) in self.rooms.iter().enumerate() {
            let chunk = audiences.chunk(member.room, member.place.list);
            let Some(mark) = chunk.and_then(|chunk| chunk.marks.get(member.heard)) else { continue };
            match first {
                Some((_, order)) if order < mark.order => until = until.min(mark.order),
                _ => {
                    until = until.min(first.map_or(u64::MAX, |(_, order)| order));
                    first = Some((at, mark.order));
                }
            }
        }
        first.map(|(at, _)| (at, until))
    }

    /// Sends the whole chunk of its only room.
    pub(super) fn send_chunk(&mut self, me: Index, chunk: &Chunk, delivery: &mut Delivery<'_>) {
        let lines = chunk.marks.len() as u64;
        if self.outbox.is_none() {
            return;
        }
        if self.consumer.skipped.is_some()
            || !self.push(me, std::iter::once(Part::whole(&chunk.bytes)), lines, 0, delivery)
        {
            self.skip(lines, delivery.metrics);
        }
    }

    /// Sends the pieces, and what its rooms' chunks hold for it so far.
    pub(super) fn send_pieces(&mut self, me: Index, delivery: &mut Delivery<'_>) {
        self.catch_up(me, delivery.audiences);
        let mut pieces = std::mem::take(&mut self.pieces);
        let mut rest = if self.outbox.is_some() { pieces.as_slice() } else { &[] };
        while let Some(first) = rest.first() {
            let may_be_skipped = first.lines() > 0;
            let is_skipping = self.consumer.skipped.is_some();
            // While nothing is pending, all goes out with one call.
            let count = if self.connection.pending() == 0 && !is_skipping {
                rest.len()
            } else {
                rest.iter().take_while(|piece| (piece.lines() > 0) == may_be_skipped).count()
            };
            let (now, later) = rest.split_at(count);
            rest = later;
            let lines = now.iter().map(Piece::lines).sum();
            let answer = now.iter().map(Piece::answer_bytes).sum();
            let (audiences, own) = (delivery.audiences, delivery.own);
            let parts = now.iter().filter_map(|piece| piece.part(audiences, own));
            if is_skipping && may_be_skipped || !self.push(me, parts, lines, answer, delivery) {
                let only_room = if let [member] = self.rooms.as_slice() { Some(member.room) } else { None };
                let is_in_history =
                    |piece: &Piece| matches!(piece, Piece::Room { room, .. } if only_room == Some(*room));
                self.missed_elsewhere |= !now.iter().all(is_in_history);
                self.skip(lines, delivery.metrics);
            }
        }
        pieces.clear();
        self.pieces = pieces;
    }

    /// Pushes `parts`, which have so many lines that may be skipped and so many bytes of answers. Returns
    /// false if the outbox is full.
    fn push<'p>(
        &mut self,
        me: Index,
        parts: impl Iterator<Item = Part<'p>> + Clone,
        lines: u64,
        answer: usize,
        delivery: &mut Delivery<'_>,
    ) -> bool {
        let Some(outbox) = &mut self.outbox else { return true };
        let mut pushed = if answer > 0 { outbox.push_answer(parts.clone()) } else { outbox.push(parts.clone()) };
        if pushed == Pushed::Full {
            self.connection.owe();
            if self.connection.pending() > 0 || !self.connection.take_owed() {
                return false; // the writer reports when it has sent everything
            }
            pushed = outbox.push(parts); // the writer finished before it could be asked to report
        }
        match pushed {
            Pushed::Sent => delivery.delivered += lines,
            Pushed::Queued(before) => {
                delivery.delivered += lines;
                let pending = self.connection.pending();
                if delivery.backpressure.levels.is_long(answer) {
                    self.consumer.asked_for_more_than_it_reads();
                } else if lines > 0
                    && pending > delivery.backpressure.levels.half
                    // The present time: the turn began before what the session has taken since.
                    && let Some(until) =
                        self.consumer.was_handed(before, pending, delivery.clock.read(), &delivery.backpressure.levels)
                {
                    Metrics::count(&delivery.metrics.held_up);
                    delivery.backpressure.begin(me, self.room_list(), until);
                }
            }
            Pushed::Full | Pushed::Dead => {}
        }
        true
    }

    /// Counts lines as skipped. The operator is told when a session begins to miss lines.
    pub(super) fn skip(&mut self, lines: u64, metrics: &Metrics) {
        Metrics::add(&metrics.skipped, lines);
        if self.consumer.skipped.is_none() {
            Metrics::count(&metrics.slow);
            let (connection, pending) = (&self.connection, self.connection.pending() / 1024);
            warn!("session {connection} reads too slowly and begins to miss lines, {pending} KiB pending");
        }
        *self.consumer.skipped.get_or_insert(0) += lines;
    }

    /// The notice of the lines that were skipped, which are not counted any more. `history`: lines that its
    /// room keeps.
    pub(super) fn take_skipped(&mut self, history: u64, metrics: &Metrics) -> Option<Notice> {
        self.forget_skipped(metrics);
        let lines = self.consumer.skipped.take()?;
        info!("session {} has caught up; it missed {lines} lines", self.connection);
        let kept = !std::mem::take(&mut self.missed_elsewhere) && lines <= history;
        Some(Notice::Skipped { lines, kept })
    }

    /// Notes that it does not miss lines any more, or has ended.
    pub(super) fn forget_skipped(&self, metrics: &Metrics) {
        if self.consumer.skipped.is_some() {
            metrics.slow.fetch_sub(1, Ordering::Relaxed);
        }
    }

    /// Notes that it comes into a room or leaves one: the history of its present room does not have all lines
    /// that it misses.
    pub(super) fn changes_room(&mut self) {
        self.missed_elsewhere |= self.consumer.skipped.is_some();
    }

    /// Checks whether the session still congests its rooms.
    pub(super) fn look(&mut self, now: Duration, levels: &Levels) -> Look {
        let Some(outbox) = self.outbox.as_ref().filter(|_| !self.connection.is_cut()) else {
            self.consumer.release();
            return Look::CaughtUp;
        };
        self.consumer.look(outbox.standing(), now, levels)
    }

    /// Bytes pending, and bytes of answers that have not been sent.
    pub(super) fn owes(&self) -> usize {
        self.connection.pending() + self.pieces.iter().map(Piece::answer_bytes).sum::<usize>()
    }

    /// Whether pending bytes are still being sent, so that it is of use to wait for them.
    pub(super) fn can_drain(&self) -> bool {
        self.outbox.is_some() && !self.connection.is_cut()
    }
}
