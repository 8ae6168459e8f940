//! Session ids that sort by time and never repeat, in the layout of Twitter's snowflake.
//!
//! `(milliseconds since 1288834974657) << 22 | node << 12 | step`: 41 bits of time, 10 of node,
//! 12 that count within a millisecond. The time is an argument. When the clock steps back, or a
//! millisecond's 4096 steps are used up, ids go on from the last one instead. All ids have 19 digits; a
//! name of digits alone has at most 8.

use super::SessionId;

/// The zero of the time part, in Unix milliseconds: Twitter's epoch, 2010-11-04 01:42:54.657 UTC.
const EPOCH_MS: u64 = 1_288_834_974_657;
/// A clock before 2020-01-01 counts as this time. At a clock of 1970 ids were 4098, 4099 …, and people
/// could take one as a name (CASES C3).
const EARLIEST_MS: u64 = 1_577_836_800_000;
/// The last millisecond that 41 bits hold, in 2080. A later clock counts as this; ids would begin at zero again.
const LATEST_MS: u64 = EPOCH_MS + (1 << 41) - 1;
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
        let now = unix_ms.clamp(EARLIEST_MS, LATEST_MS) - EPOCH_MS;
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

    const NOW_MS: u64 = 1_795_190_108_416;

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
    fn wrong_clock_gives_ids_unlike_names() {
        for unix_ms in [0, 1, EPOCH_MS, EPOCH_MS + 1, EARLIEST_MS - 1, LATEST_MS, LATEST_MS + 1, 1 << 43, u64::MAX] {
            let mut ids = Snowflakes::new(0);
            let mut last = SessionId(0);
            for _ in 0..10_000 {
                let id = ids.next(unix_ms);
                assert!(id > last, "{id} after {last} at {unix_ms}");
                assert_eq!(id.to_string().len(), 19, "{id} at {unix_ms}");
                last = id;
            }
            assert!(crate::protocol::Nick::parse(&last.to_string()).is_err());
        }
        assert_eq!(Snowflakes::new(1).next(0), Snowflakes::new(1).next(1_577_836_800_000));
    }

    #[test]
    fn rises_though_the_clock_steps_back_and_steps_run_out() {
        let mut ids = Snowflakes::new(1023);
        let mut last = ids.next(NOW_MS);
        for i in 0..10_000_u64 {
            let id = ids.next(NOW_MS - i % 700);
            assert!(id > last, "{id:?} after {last:?}");
            assert_eq!(id.0 >> 12 & 0x3ff, 1023);
            last = id;
        }
    }
}
