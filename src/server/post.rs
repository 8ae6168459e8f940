//! The manager's side of one session: where it stands, how it keeps up, what it is owed.
//!
//! Nobody waits for the slowest. A session that does not read has its outbox. Once that is half full
//! it has a moment to catch up, in which the room waits for it if the rest fills quickly (see
//! `Manager::keep_pace`); after that, or if most of it is answers to itself, it misses the lines that do
//! not fit, which are counted and told.

use std::ops::Range;
use std::sync::Arc;

use crate::chat::{Filter, RoomIndex, Seat};
use crate::metrics::Metrics;
use crate::wire::Encoding;

use super::audience::Chunk;
use super::lifeline::Lifeline;
use super::os::{Instant, Receiver};
use super::outbox::{Outbox, Pushed, Shared};

/// How a session keeps up with the room.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Pace {
    /// It reads what it is sent.
    KeepingUp,
    /// More than half its outbox waits, since then.
    Lagging(Instant),
    /// Its moment is over, or it had none, since it does not read what it asked for; the room does not
    /// wait for it until everything has been read.
    Behind,
    /// Its outbox was full: it misses lines, so many until now.
    Skipping(u64),
}

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
    pub(super) pace: Pace,
    /// The chunk (by its stamp) of which it gets ranges of its own, from `heard` on.
    pub(super) odd_in: u64,
    pub(super) heard: usize,
    /// The mark of its next request.
    pub(super) tag: Option<Box<str>>,
    /// What it does not want to see.
    pub(super) filter: Option<Box<Filter>>,
    /// Among the lines that it misses are some that the history of its room has not: private ones, or
    /// those of a room that it has left.
    pub(super) missed_elsewhere: bool,
    /// Bytes of answers to itself that were pushed since nothing waited.
    pub(super) answers: usize,
}

/// Lists that deliveries fill, kept for their memory.
#[derive(Debug, Default)]
pub(super) struct Slow {
    pub(super) ranges: Vec<Range<usize>>,
    /// Who may be [`Pace::Lagging`]; nobody else is.
    pub(super) lagging: Vec<Seat>,
    /// Who is to be told of skipped lines at once.
    pub(super) drained: Vec<Seat>,
}

/// One chunk on its way to its listeners.
pub(super) struct Delivery<'a> {
    pub(super) chunk: &'a Chunk,
    pub(super) stamp: u64,
    pub(super) now: Instant,
    pub(super) half: usize,
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
        match post.pace {
            Pace::Skipping(skipped) => {
                post.pace = Pace::Skipping(skipped + lines);
                Metrics::add(&self.metrics.skipped, lines);
                return;
            }
            Pace::Behind if post.lifeline.pending() == 0 => post.pace = Pace::KeepingUp,
            // It has caught up since somebody looked; what comes now is another matter.
            Pace::Lagging(_) if post.lifeline.pending() <= self.half => post.pace = Pace::Lagging(self.now),
            _ => {}
        }
        match outbox.push(shared, ranges, self.now) {
            Pushed::Sent => Metrics::add(&self.metrics.deliveries, lines),
            Pushed::Queued => {
                Metrics::add(&self.metrics.deliveries, lines);
                post.lag_if_behind(seat, self.half, self.now, &mut slow.lagging);
            }
            Pushed::Full => {
                Metrics::add(&self.metrics.skipped, lines);
                post.pace = Pace::Skipping(lines);
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
    /// Notes that more than half the outbox waits, from when on it does.
    pub(super) fn lag_if_behind(&mut self, seat: Seat, half: usize, now: Instant, lagging: &mut Vec<Seat>) {
        if self.pace == Pace::KeepingUp && self.lifeline.pending() > half {
            self.pace = Pace::Lagging(now);
            lagging.push(seat);
        }
    }
}
