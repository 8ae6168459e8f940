//! The drain of a graceful shutdown: when goodbyes are sent, its deadline, and the connections still open.

use std::sync::{Arc, Weak};
use std::time::Duration;

use super::super::connection::Connection;
use super::super::os::{Instant, OnceLock};

/// A stop sends its goodbyes this long before its deadline, or after half of its time, whatever is pending.
const GOODBYE_TIME: Duration = Duration::from_millis(500);

/// The times of a stop, and the connections that it waits for.
#[derive(Debug)]
pub(super) struct Drain {
    /// When the stop has to be over; set when it begins.
    deadline: Arc<OnceLock<Instant>>,
    /// How long before the deadline the goodbyes are sent.
    goodbye_time: Duration,
    /// Every connection, also those whose last bytes are still being sent.
    connections: Vec<Weak<Connection>>,
}

impl Drain {
    /// `limit`: the longest time of a stop.
    pub(super) fn new(deadline: Arc<OnceLock<Instant>>, limit: Duration) -> Self {
        Self { deadline, goodbye_time: GOODBYE_TIME.min(limit / 2), connections: Vec::new() }
    }

    /// When the goodbyes are sent; `None` while no stop has begun.
    pub(super) fn goodbye_at(&self) -> Option<Instant> {
        self.deadline.get().map(|deadline| deadline.checked_sub(self.goodbye_time).unwrap_or(*deadline))
    }

    /// The deadline, once it is time for the goodbyes. Called before each command, because a few commands may
    /// take long.
    pub(super) fn is_due(&self) -> Option<Instant> {
        let deadline = *self.deadline.get()?;
        self.goodbye_at().is_some_and(|at| Instant::now() >= at).then_some(deadline)
    }

    /// Watches a connection until it is closed.
    pub(super) fn watch(&mut self, connection: &Arc<Connection>) {
        if self.connections.len() == self.connections.capacity() {
            self.connections.retain(|connection| connection.strong_count() > 0);
        }
        self.connections.push(Arc::downgrade(connection));
    }

    /// Whether any connection is open.
    pub(super) fn has_connections(&self) -> bool {
        self.connections.iter().any(|connection| connection.strong_count() > 0)
    }

    /// Ends every connection at once.
    pub(super) fn cut_all(&self) {
        self.connections.iter().filter_map(Weak::upgrade).for_each(|connection| connection.cut());
    }
}
