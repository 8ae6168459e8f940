//! The rate limit of one session: how long its next line has to wait.
//!
//! A token bucket. It holds at most `burst` tokens and gains `rate` tokens a second. So a paste goes through at
//! once, and a flood is slowed to the rate. Nothing is refused: the session's input is not read while it waits,
//! and TCP slows the sender.

use std::time::Duration;

/// One session's allowance. Times are since any fixed moment, the same for all calls.
#[derive(Debug, Clone)]
pub struct Bucket {
    /// Tokens a second; 0 = no limit.
    rate: u32,
    burst: u32,
    /// Tokens in thousandths of a millionth, so that no time is lost to rounding: 10⁹ are a token.
    level: u64,
    updated: Duration,
}

const TOKEN: u64 = 1_000_000_000;

impl Bucket {
    /// A full bucket.
    #[must_use]
    pub fn new(rate: u32, burst: u32, now: Duration) -> Self {
        let burst = burst.max(1);
        Self { rate, burst, level: u64::from(burst) * TOKEN, updated: now }
    }

    /// Takes what costs `cost` tokens (never more than a full bucket), or says after what time it
    /// can be taken; then nothing has been taken.
    ///
    /// # Errors
    /// The wait, more than zero.
    pub fn take(&mut self, cost: u32, now: Duration) -> Result<(), Duration> {
        if self.rate == 0 {
            return Ok(());
        }
        self.refill(now);
        let price = u64::from(cost.min(self.burst)) * TOKEN;
        if let Some(left) = self.level.checked_sub(price) {
            self.level = left;
            return Ok(());
        }
        let missing = price - self.level;
        Err(Duration::from_nanos(missing.div_ceil(u64::from(self.rate))))
    }

    /// Whether nothing is owed: the bucket is full again.
    pub fn is_full(&mut self, now: Duration) -> bool {
        self.refill(now);
        self.rate == 0 || self.level == u64::from(self.burst) * TOKEN
    }

    /// The tokens missing from a full bucket, in billionths of a token.
    pub fn missing(&mut self, now: Duration) -> u64 {
        self.refill(now);
        if self.rate == 0 { 0 } else { u64::from(self.burst) * TOKEN - self.level }
    }

    /// Takes `missing` billionths of a token, or what is left.
    pub fn lose(&mut self, missing: u64, now: Duration) {
        self.refill(now);
        self.level = self.level.saturating_sub(missing);
    }

    fn refill(&mut self, now: Duration) {
        let passed = now.saturating_sub(self.updated);
        self.updated = self.updated.max(now);
        // A nanosecond brings `rate` thousandths of a millionth of a token.
        let gained = u64::try_from(passed.as_nanos()).unwrap_or(u64::MAX).saturating_mul(u64::from(self.rate));
        self.level = self.level.saturating_add(gained).min(u64::from(self.burst) * TOKEN);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const fn ms(n: u64) -> Duration {
        Duration::from_millis(n)
    }

    #[test]
    fn a_paste_goes_through_and_a_flood_waits() {
        let mut bucket = Bucket::new(5, 40, ms(1000));
        for line in 0..40 {
            assert_eq!(bucket.take(1, ms(1000)), Ok(()), "line {line}");
        }
        assert_eq!(bucket.take(1, ms(1000)), Err(ms(200)));
        assert_eq!(bucket.take(1, ms(1150)), Err(ms(50)));
        assert_eq!(bucket.take(1, ms(1200)), Ok(()));
        assert_eq!(bucket.take(1, ms(1200)), Err(ms(200)));
        assert!(!bucket.is_full(ms(9100)) && bucket.is_full(ms(9200)));
    }

    #[test]
    fn costs_are_at_most_a_full_bucket_and_rate_0_is_off() {
        let mut bucket = Bucket::new(2, 3, ms(0));
        assert_eq!(bucket.take(5, ms(0)), Ok(()));
        assert_eq!(bucket.take(5, ms(0)), Err(ms(1500)));
        let mut off = Bucket::new(0, 1, ms(0));
        assert!((0..10_000).all(|_| off.take(5, ms(0)).is_ok()));
    }

    #[test]
    fn time_that_steps_back_neither_gives_nor_takes() {
        let mut bucket = Bucket::new(1, 1, ms(5000));
        assert_eq!(bucket.take(1, ms(5000)), Ok(()));
        assert_eq!(bucket.take(1, ms(1000)), Err(ms(1000)));
        assert_eq!(bucket.take(1, ms(6000)), Ok(()));
    }
}
