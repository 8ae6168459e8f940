//! The manager's side of one session: where it stands, how it keeps up, what it is owed.
//!
//! While much of a slow consumer's outbox is pending, it may congest its room for a short time (see
//! `backpressure`). When the outbox is full, the session misses lines. They are counted and reported.

use std::collections::VecDeque;
use std::ops::Range;
use std::sync::Arc;

use crate::chat::{Filter, RoomIndex};
use crate::metrics::Metrics;
use crate::wire::Encoding;

use super::super::connection::Connection;
use super::super::os::{Instant, Receiver};
use super::super::outbox::{Outbox, Pushed, Shared};
use super::super::slot::SlotIndex;
use super::audience::Chunk;
use super::backpressure::{Backpressure, Consumer, Levels, Look};
use super::deferred::Work;
use super::unsaid::Unsaid;

/// The manager's side of one session.
#[derive(Debug)]
pub(in super::super) struct Recipient {
    pub(in super::super) connection: Arc<Connection>,
    /// `None` once nothing more is to be sent.
    pub(in super::super) outbox: Option<Outbox>,
    pub(in super::super) credit: Option<Receiver<()>>,
    pub(in super::super) encoding: Encoding,
    /// Where it hears, and its index among those who hear there in its encoding.
    pub(in super::super) place: Option<(RoomIndex, usize)>,
    pub(in super::super) consumer: Consumer,
    /// The session's deferred work, in order.
    pub(in super::super) deferred: VecDeque<Work>,
    /// The chunk (by its stamp) of which it gets ranges of its own, from `heard` on.
    pub(in super::super) odd_in: u64,
    pub(in super::super) heard: usize,
    /// The mark of its next request.
    pub(in super::super) tag: Option<Box<str>>,
    /// Notices that wait until the session shows its framing; `None` once it has.
    pub(in super::super) unsaid: Option<Unsaid>,
    /// What it does not want to see.
    pub(in super::super) filter: Option<Box<Filter>>,
    /// Among the lines that it misses are some that the history of its room has not: private ones, or
    /// those of a room that it has left.
    pub(in super::super) missed_elsewhere: bool,
}

/// What deliveries find out about slow consumers. Also a spare list, to reuse its memory.
#[derive(Debug, Default)]
pub(in super::super) struct Slow {
    pub(in super::super) ranges: Vec<Range<usize>>,
    pub(in super::super) backpressure: Backpressure,
    /// Who is to be told of skipped lines at once.
    pub(in super::super) drained: Vec<SlotIndex>,
}

/// One chunk on its way to its listeners.
pub(in super::super) struct Delivery<'a> {
    pub(in super::super) chunk: &'a Chunk,
    pub(in super::super) stamp: u64,
    pub(in super::super) levels: &'a Levels,
    pub(in super::super) metrics: &'a Metrics,
}

impl Delivery<'_> {
    /// Gives one listener its part of the chunk, or counts what it misses.
    pub(in super::super) fn hand_over(
        &self,
        slot: SlotIndex,
        recipient: &mut Recipient,
        shared: &mut Shared<'_>,
        slow: &mut Slow,
    ) {
        let Some(outbox) = &mut recipient.outbox else { return };
        let ranges = &mut slow.ranges;
        ranges.clear();
        let odd = recipient.odd_in == self.stamp;
        let lines = if odd || recipient.filter.is_some() {
            let heard = if odd { recipient.heard } else { 0 };
            self.chunk.ranges_for(slot, heard, recipient.filter.as_deref(), ranges)
        } else {
            ranges.push(0..self.chunk.bytes.len());
            self.chunk.marks.len()
        } as u64;
        if lines == 0 {
            return;
        }
        if let Some(skipped) = &mut recipient.consumer.skipped {
            *skipped += lines;
            Metrics::add(&self.metrics.skipped, lines);
            return;
        }
        match outbox.push(shared, ranges) {
            Pushed::Sent => Metrics::add(&self.metrics.deliveries, lines),
            Pushed::Queued(before) => {
                Metrics::add(&self.metrics.deliveries, lines);
                let pending = recipient.connection.pending();
                // Use the present time: the turn's time precedes what was taken since.
                if pending > self.levels.half
                    && let Some(until) = recipient.consumer.was_handed(before, pending, Instant::now(), self.levels)
                {
                    Metrics::count(&self.metrics.held_up);
                    slow.backpressure.begin(slot, recipient.place.map(|(room, _)| room), until);
                }
            }
            Pushed::Full => {
                Metrics::add(&self.metrics.skipped, lines);
                recipient.consumer.skipped = Some(lines);
                recipient.connection.owe();
                if recipient.connection.pending() == 0 && recipient.connection.take_owed() {
                    slow.drained.push(slot); // its writer finished before it could be asked to report
                }
            }
            Pushed::Dead => {}
        }
    }
}

impl Recipient {
    /// Checks whether the session still congests its room.
    pub(in super::super) fn look(&mut self, now: Instant, levels: &Levels) -> Look {
        let Some(outbox) = self.outbox.as_ref().filter(|_| !self.connection.is_cut()) else {
            self.consumer.release();
            return Look::CaughtUp;
        };
        self.consumer.look(outbox.standing(), now, levels)
    }

    /// Whether the session's own commands have to wait for its outbox.
    pub(in super::super) fn is_over_limit(&self, levels: &Levels) -> bool {
        self.connection.pending() > levels.limit && self.outbox.is_some() && !self.connection.is_cut()
    }
}
