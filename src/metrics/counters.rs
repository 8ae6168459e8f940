//! The counters of a server. Any thread may increment and read them.

use std::fmt;
use std::sync::atomic::{AtomicU64, Ordering};

use crate::protocol::{CloseKind, CloseReason};

use super::histogram::Histogram;
use super::labels::{Scheme, TurnedAway};
use super::seconds::Seconds;

/// Counters since the start of a server. All but `slow` and `rooms` only grows.
#[derive(Debug, Default)]
pub struct Metrics {
    /// Connections that were let in, by [`Scheme`] (`scheme as usize`).
    pub opened: [AtomicU64; Scheme::ALL.len()],
    /// Those of them that are over. Counted after `opened`.
    pub ended: [AtomicU64; Scheme::ALL.len()],
    /// Ends of connections, by [`CloseKind`] (`kind as usize`).
    pub closed: [AtomicU64; CloseKind::ALL.len()],
    /// Callers that were turned away, by [`TurnedAway`] (`reason as usize`).
    pub turned_away: [AtomicU64; TurnedAway::ALL.len()],
    /// Failures of accept, each with a pause.
    pub accept_failures: AtomicU64,
    /// Commands of sessions, lines of chat among them.
    pub commands: AtomicU64,
    /// Lines of chat that sessions said, by [`Scheme`].
    pub lines: [AtomicU64; Scheme::ALL.len()],
    /// Room lines handed to sessions, one for each receiver.
    pub deliveries: AtomicU64,
    /// Room lines that were skipped for slow consumers.
    pub skipped: AtomicU64,
    /// Times that a slow consumer congested its rooms (backpressure), for 100 ms at most each.
    pub held_up: AtomicU64,
    /// Time for which readers delayed what was over a rate limit, summed over all sessions.
    pub throttled: Seconds,
    /// Time in which slow consumers congested at least one room (backpressure).
    pub congested: Seconds,
    /// Sessions that miss lines now, because their outbox is full.
    pub slow: AtomicU64,
    /// Rooms that exist now.
    pub rooms: AtomicU64,
    /// The manager's turns: from an event until everything that follows from it is sent.
    pub turns: Histogram,
}

impl Metrics {
    /// Counts one more.
    pub fn count(counter: &AtomicU64) {
        Self::add(counter, 1);
    }

    /// Counts `more`.
    pub fn add(counter: &AtomicU64, more: u64) {
        counter.fetch_add(more, Ordering::Relaxed);
    }

    /// Counts a connection that was let in.
    pub fn count_opened(&self, scheme: Scheme) {
        self.opened.get(scheme as usize).into_iter().for_each(Self::count);
    }

    /// Counts that a connection of this scheme is over.
    pub fn count_ended(&self, scheme: Scheme) {
        // A reader that sees this end sees its opening too.
        self.ended.get(scheme as usize).into_iter().for_each(|ended| _ = ended.fetch_add(1, Ordering::Release));
    }

    /// Counts a connection's end by its reason.
    pub fn count_closed(&self, reason: &CloseReason) {
        self.closed.get(reason.kind() as usize).into_iter().for_each(Self::count);
    }

    /// Counts a caller that was turned away; returns how many there were.
    pub fn count_turned_away(&self, reason: TurnedAway) -> u64 {
        self.turned_away.get(reason as usize).into_iter().for_each(Self::count);
        self.turned_away.iter().map(read).sum()
    }

    /// Counts lines of chat.
    pub fn count_lines(&self, scheme: Scheme, lines: u64) {
        self.lines.get(scheme as usize).into_iter().for_each(|counter| Self::add(counter, lines));
    }

    /// Connections that were let in, by any door.
    #[must_use]
    pub fn sessions_opened(&self) -> u64 {
        self.opened.iter().map(read).sum()
    }

    /// Connections that are open.
    #[must_use]
    pub fn sessions(&self, scheme: Scheme) -> u64 {
        let value = |counters: &[AtomicU64]| {
            counters.get(scheme as usize).map(|counter| counter.load(Ordering::Acquire)).unwrap_or_default()
        };
        let ended = value(&self.ended); // first: an end that comes now must not make the difference negative
        value(&self.opened).saturating_sub(ended)
    }
}

/// The value of a counter.
pub(super) fn read(counter: &AtomicU64) -> u64 {
    counter.load(Ordering::Relaxed)
}

impl fmt::Display for Metrics {
    /// One line for the log.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "{} sessions, {} turned away, {} commands, {} deliveries, {} skipped, {} times held up",
            self.sessions_opened(),
            self.turned_away.iter().map(read).sum::<u64>(),
            read(&self.commands),
            read(&self.deliveries),
            read(&self.skipped),
            read(&self.held_up)
        )?;
        for (kind, counter) in CloseKind::ALL.iter().zip(&self.closed) {
            if read(counter) > 0 {
                write!(f, ", {} closed: {}", read(counter), kind.name())?;
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn open_sessions_are_counted_by_door() {
        let metrics = Metrics::default();
        metrics.count_opened(Scheme::Json);
        metrics.count_opened(Scheme::Json);
        metrics.count_opened(Scheme::Http);
        metrics.count_ended(Scheme::Json);
        let open = Scheme::ALL.map(|scheme| metrics.sessions(scheme));
        assert_eq!((open, metrics.sessions_opened()), ([0, 0, 1, 0, 1], 3));
    }

    #[test]
    fn log_line_has_what_happened() {
        let metrics = Metrics::default();
        metrics.count_opened(Scheme::Text);
        metrics.count_closed(&CloseReason::Quit);
        assert_eq!(
            (metrics.count_turned_away(TurnedAway::Full), metrics.count_turned_away(TurnedAway::Thread)),
            (1, 2)
        );
        let wanted = "1 sessions, 2 turned away, 0 commands, 0 deliveries, 0 skipped, 0 times held up, 1 closed: quit";
        assert_eq!(metrics.to_string(), wanted);
    }
}
