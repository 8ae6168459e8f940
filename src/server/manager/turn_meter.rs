//! Measures the manager's turns, for the metrics.

use std::sync::atomic::Ordering;
use std::time::Duration;

use crate::metrics::Metrics;

/// The figures of a server between two turns, for the metrics.
#[derive(Debug, Clone, Copy)]
pub(super) struct Standing {
    pub(super) rooms: usize,
    /// Whether a slow consumer congests a room.
    pub(super) is_congested: bool,
}

/// Measures turns, and the time in which rooms are congested.
#[derive(Debug)]
pub(super) struct TurnMeter<'a> {
    metrics: &'a Metrics,
    /// A room is congested, and the time until this is counted.
    congested_since: Option<Duration>,
}

impl<'a> TurnMeter<'a> {
    pub(super) fn new(metrics: &'a Metrics) -> Self {
        Self { metrics, congested_since: None }
    }

    /// Records a turn, from the wake-up until everything is sent.
    pub(super) fn record(&mut self, begun: Duration, ended: Duration, standing: Standing) {
        self.metrics.turns.observe(ended.saturating_sub(begun));
        self.metrics.rooms.store(standing.rooms as u64, Ordering::Relaxed);
        if let Some(since) = self.congested_since {
            self.metrics.congested.add(ended.saturating_sub(since));
        }
        self.congested_since = standing.is_congested.then_some(ended);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn congestion_counts_from_turn_to_turn() {
        let metrics = Metrics::default();
        let mut meter = TurnMeter::new(&metrics);
        let ms = Duration::from_millis;
        for (begun, ended, is_congested) in [(0, 10, true), (50, 60, true), (70, 75, false), (500, 501, false)] {
            meter.record(ms(begun), ms(ended), Standing { rooms: 3, is_congested });
        }
        assert_eq!(metrics.congested.read(), ms(65));
        assert_eq!(metrics.rooms.load(Ordering::Relaxed), 3);
    }
}
