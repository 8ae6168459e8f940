//! A histogram of durations.

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use super::seconds::Seconds;

/// The upper bounds, in microseconds. A turn of a quiet server takes less than the first. From 10 ms on, people
/// in a conversation may notice the delay; at 1 s the server is too slow for them.
pub(super) const BOUNDS: [u64; 12] =
    [100, 250, 500, 1_000, 2_500, 5_000, 10_000, 25_000, 50_000, 100_000, 250_000, 1_000_000];

/// Counts of durations by upper bound, and their sum.
#[derive(Debug, Default)]
pub struct Histogram {
    /// The last one counts what is above all bounds.
    counts: [AtomicU64; BOUNDS.len() + 1],
    sum: Seconds,
}

impl Histogram {
    /// Counts a duration.
    pub fn observe(&self, time: Duration) {
        let at = BOUNDS.partition_point(|bound| Duration::from_micros(*bound) < time);
        self.counts.get(at).into_iter().for_each(|counter| _ = counter.fetch_add(1, Ordering::Relaxed));
        self.sum.add(time);
    }

    /// The durations of at most each bound, then all.
    pub(super) fn cumulative(&self) -> [u64; BOUNDS.len() + 1] {
        let mut sum = 0;
        self.counts.each_ref().map(|counter| {
            sum += counter.load(Ordering::Relaxed);
            sum
        })
    }

    /// The sum of the durations.
    pub(super) fn sum(&self) -> Duration {
        self.sum.read()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn duration_at_bound_counts_below_it() {
        let histogram = Histogram::default();
        for micros in [0, 100, 101, 1_000_000, 1_000_001] {
            histogram.observe(Duration::from_micros(micros));
        }
        assert_eq!(histogram.cumulative(), [2, 3, 3, 3, 3, 3, 3, 3, 3, 3, 3, 4, 5]);
        assert_eq!(histogram.sum(), Duration::from_micros(2_000_202));
    }
}
