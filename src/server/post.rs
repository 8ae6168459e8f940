//! The manager's side of one session: where it stands, how it keeps up, what it is owed.
//!
//! While much of a slow consumer's outbox is pending, it may congest its room for a short time (see
//! `backpressure`). When the outbox is full, the session misses lines. They are counted and reported.

use std::collections::VecDeque;
use std::ops::Range;
use std::sync::Arc;

use crate::chat::{Filter, RoomIndex, Seat};
use crate::metrics::Metrics;
use crate::wire::Encoding;

use super::audience::Chunk;
use super::backpressure::{Backpressure, Consumer, Levels, Look};
use super::deferred::Work;
use super::lifeline::Lifeline;
use super::os::{Instant, Receiver};
use super::outbox::{Outbox, Pushed, Shared};
use super::unsaid::Unsaid;

/// The manager's side of one session.
#[derive(Debug)]
pub(super) struct Post {
    pub(super) lifeline: Arc<Lifeline>,
    /// `None` once nothing more is to be sent.
    pub(super) outbox: Option<Outbox>,
    pub(super) credit: Option<Receiver<()>>,
    pub(super) encoding: Encoding,
    /// Where it hears, and its index among those who hear there in its encoding.
    pub(super) place: Option<(RoomIndex, usize)>,
    pub(super) consumer: Consumer,
    /// The session's deferred work, in order.
    pub(super) deferred: VecDeque<Work>,
    /// The chunk (by its stamp) of which it gets ranges of its own, from `heard` on.
    pub(super) odd_in: u64,
    pub(super) heard: usize,
    /// The mark of its next request.
    pub(super) tag: Option<Box<str>>,
    /// Notices that wait until the session shows its framing; `None` once it has.
    pub(super) unsaid: Option<Unsaid>,
    /// What it does not want to see.
    pub(super) filter: Option<Box<Filter>>,
    /// Among the lines that it misses are some that the history of its room has not: private ones, or
    /// those of a room that it has left.
    pub(super) missed_elsewhere: bool,
}

/// What deliveries find out about slow consumers. Also a spare list, to reuse its memory.
#[derive(Debug, Default)]
pub(super) struct Slow {
    pub(super) ranges: Vec<Range<usize>>,
    pub(super) backpressure: Backpressure,
    /// Who is to be told of skipped lines at once.
    pub(super) drained: Vec<Seat>,
}

/// One chunk on its way to its listeners.
pub(super) struct Delivery<'a> {
    pub(super) chunk: &'a Chunk,
    pub(super) stamp: u64,
    pub(super) levels: &'a Levels,
    pub(super) metrics: &'a Metrics,
}

impl Delivery<'_> {
    /// Gives one listener its part of the chunk, or counts what it misses.
    pub(super) fn hand_over(&self, seat: Seat, post: &mut Post, shared: &mut Shared<'_>, slow: &mut Slow) {
        let Some(outbox) = &mut post.outbox else { return };
        let ranges = &mut slow.ranges;
        ranges.clear();
        let odd = post.odd_in == self.stamp;
        let lines = if odd || post.filter.is_some() {
            let heard = if odd { post.heard } else { 0 };
            self.chunk.ranges_for(seat, heard, post.filter.as_deref(), ranges)
        } else {
            ranges.push(0..self.chunk.bytes.len());
            self.chunk.marks.len()
        } as u64;
        if lines == 0 {
            return;
        }
        if let Some(skipped) = &mut post.consumer.skipped {
            *skipped += lines;
            Metrics::add(&self.metrics.skipped, lines);
            return;
        }
        match outbox.push(shared, ranges) {
            Pushed::Sent => Metrics::add(&self.metrics.deliveries, lines),
            Pushed::Queued(before) => {
                Metrics::add(&self.metrics.deliveries, lines);
                let pending = post.lifeline.pending();
                // Use the present time: the turn's time precedes what was taken since.
                if pending > self.levels.half
                    && let Some(until) = post.consumer.was_handed(before, pending, Instant::now(), self.levels)
                {
                    Metrics::count(&self.metrics.held_up);
                    slow.backpressure.begin(seat, post.place.map(|(room, _)| room), until);
                }
            }
            Pushed::Full => {
                Metrics::add(&self.metrics.skipped, lines);
                post.consumer.skipped = Some(lines);
                post.lifeline.owe();
                if post.lifeline.pending() == 0 && post.lifeline.take_owed() {
                    slow.drained.push(seat); // its writer finished before it could be asked to report
                }
            }
            Pushed::Dead => {}
        }
    }
}

impl Post {
    /// Checks whether the session still congests its room.
    pub(super) fn look(&mut self, now: Instant, levels: &Levels) -> Look {
        let Some(outbox) = self.outbox.as_ref().filter(|_| !self.lifeline.is_cut()) else {
            self.consumer.release();
            return Look::CaughtUp;
        };
        self.consumer.look(outbox.standing(), now, levels)
    }

    /// Whether the session's own commands have to wait for its outbox.
    pub(super) fn is_over_limit(&self, levels: &Levels) -> bool {
        self.lifeline.pending() > levels.limit && self.outbox.is_some() && !self.lifeline.is_cut()
    }
}
