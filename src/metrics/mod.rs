//! Counters of events, which any thread may raise and read.
//!
//! | file | what it has |
//! |---|---|
//! | `text` | Prometheus' text format |
//! | `families` | the metrics by their names |

mod families;
mod text;

use std::fmt;
use std::sync::atomic::{AtomicU64, Ordering};

use crate::protocol::{CloseKind, CloseReason};

pub use families::render;
pub use text::CONTENT_TYPE;

/// Counters since the start of a server. Each only grows.
#[derive(Debug, Default)]
pub struct Metrics {
    /// Sessions that were opened.
    pub opened: AtomicU64,
    /// Callers that were turned away for want of a slot, a thread or a descriptor.
    pub turned_away: AtomicU64,
    /// Failures of accept, each with a pause.
    pub accept_failures: AtomicU64,
    /// Commands of sessions, lines of chat among them.
    pub commands: AtomicU64,
    /// Room lines handed to sessions, one for each receiver.
    pub deliveries: AtomicU64,
    /// Room lines that were skipped for slow consumers.
    pub skipped: AtomicU64,
    /// Times that a slow consumer congested its rooms (backpressure), for 100 ms at most each.
    pub held_up: AtomicU64,
    /// Sessions ended, by [`CloseKind`] (`kind as usize`).
    pub closed: [AtomicU64; CloseKind::ALL.len()],
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

    /// Counts a session's end.
    pub fn count_closed(&self, reason: &CloseReason) {
        if let Some(counter) = self.closed.get(reason.kind() as usize) {
            Self::count(counter);
        }
    }
}

/// The value of a counter.
fn read(counter: &AtomicU64) -> u64 {
    counter.load(Ordering::Relaxed)
}

impl fmt::Display for Metrics {
    /// One line for the log.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "{} sessions, {} turned away, {} commands, {} deliveries, {} skipped, {} times held up",
            read(&self.opened),
            read(&self.turned_away),
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
