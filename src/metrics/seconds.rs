//! Monotonic sums of durations.

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

/// A sum of durations.
#[derive(Debug, Default)]
pub struct Seconds {
    nanos: AtomicU64,
}

impl Seconds {
    /// Adds a duration.
    pub fn add(&self, time: Duration) {
        let nanos = u64::try_from(time.as_nanos()).unwrap_or(u64::MAX);
        self.nanos.fetch_add(nanos, Ordering::Relaxed);
    }

    /// The sum.
    #[must_use]
    pub fn read(&self) -> Duration {
        Duration::from_nanos(self.nanos.load(Ordering::Relaxed))
    }
}
