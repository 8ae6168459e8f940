//! Session ids that sort by time and never repeat, in the layout of Twitter's snowflake.
//!
//! `(milliseconds since 1288834974657) << 22 | node << 12 | step`: 41 bits of time, 10 of node,
//! 12 that count within a millisecond. The time is an argument. When the clock steps back, or a
//! millisecond's 4096 steps are used up, ids go on from the last one instead.

use super::SessionId;

/// The zero of the time part, in Unix milliseconds: Twitter's epoch, 2010-11-04 01:42:54.657 UTC.
const EPOCH_MS: u64 = 1_288_834_974_657;
const NODE_SHIFT: u32 = 12;
const TIME_SHIFT: u32 = 22;
const STEPS: u64 = 1 << NODE_SHIFT;

/// A source of rising ids for one node.
#[derive(Debug)]
pub struct Snowflakes {
    node: u64,
    /// Milliseconds since the epoch of the last id, never falling.
    at: u64,
    step: u64,
}

impl Snowflakes {
    /// A source for `node`, of which the low 10 bits count (0–1023).
    #[must_use]
    pub fn new(node: u16) -> Self {
        Self { node: u64::from(node) & 0x3ff, at: 0, step: 0 }
    }

    /// The next id at `unix_ms`: greater than every one before it.
    pub fn next(&mut self, unix_ms: u64) -> SessionId {
        let now = unix_ms.saturating_sub(EPOCH_MS);
        if now > self.at {
            self.at = now;
            self.step = 0;
        } else if self.step + 1 < STEPS {
            self.step += 1;
        } else {
            self.at += 1;
            self.step = 0;
        }
        SessionId(self.at << TIME_SHIFT | self.node << NODE_SHIFT | self.step)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn has_the_layout_of_a_snowflake() {
        let id = Snowflakes::new(1).next(1_795_190_108_416).0;
        assert_eq!(id >> 22, 1_795_190_108_416 - EPOCH_MS);
        assert_eq!(id >> 12 & 0x3ff, 1);
        assert_eq!(id & 0xfff, 0);
        // The id that the relay's older program would give at that moment has 19 digits.
        assert_eq!(id.to_string().len(), 19);
    }

    #[test]
    fn rises_though_the_clock_steps_back_and_steps_run_out() {
        let mut ids = Snowflakes::new(1023);
        let mut last = ids.next(EPOCH_MS + 1000);
        for i in 0..10_000_u64 {
            let id = ids.next(EPOCH_MS + 1000 - i % 700);
            assert!(id > last, "{id:?} after {last:?}");
            assert_eq!(id.0 >> 12 & 0x3ff, 1023);
            last = id;
        }
    }
}
