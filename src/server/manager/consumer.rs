//! Whether one session keeps up with what it is sent. The rules are those of `backpressure`.

use std::time::Duration;

use super::super::outbox::Standing;

/// The time in which a session that keeps up takes a quarter of its outbox.
pub(super) const PATIENCE: Duration = Duration::from_millis(100);
/// For this time a session that fell behind congests nothing.
pub(super) const BEHIND: Duration = Duration::from_secs(10);

/// Levels of pending bytes, derived from `--max-pending`.
#[derive(Debug, Clone, Copy)]
pub(super) struct Levels {
    /// Most bytes that may be pending for one session before room lines are skipped.
    pub(super) limit: usize,
    pub(super) half: usize,
    quarter: usize,
    /// Most bytes of one chunk of room lines. A chunk above three quarters leaves space for a line and for
    /// other notices.
    pub(super) chunk: usize,
    /// Bytes that a slowed room takes in each [`PATIENCE`].
    pub(super) slowed: usize,
}

impl Levels {
    pub(super) fn of(limit: usize) -> Self {
        Self { limit, half: limit / 2, quarter: limit / 4, chunk: limit / 8, slowed: limit / 32 }
    }

    /// Whether an answer of this length is long: if it has to wait, the session does not read what it asks
    /// for.
    pub(super) fn is_long(&self, answer: usize) -> bool {
        answer > self.quarter
    }
}

/// Whether one session keeps up with what it is sent.
#[derive(Debug)]
pub(super) struct Consumer {
    /// The last time at which it was seen keeping up. `None`: it does not read its own answers.
    kept_up_at: Option<Duration>,
    /// Bytes that it had taken by then.
    taken_then: u64,
    /// It is behind, and congests nothing, until this time.
    behind_until: Option<Duration>,
    /// It congests its room.
    congests: bool,
    /// Lines skipped since its outbox was full, to be reported to it.
    pub(super) skipped: Option<u64>,
}

/// The result of a look at a session that congests its room.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Look {
    /// It still congests its room. If it takes too little, it stops congesting at this time.
    Congests(Duration),
    /// At most half of its outbox is pending again.
    CaughtUp,
    /// It took too little.
    FellBehind,
}

impl Consumer {
    pub(super) fn new(now: Duration) -> Self {
        Self { kept_up_at: Some(now), taken_then: 0, behind_until: None, congests: false, skipped: None }
    }

    pub(super) fn congests(&self) -> bool {
        self.congests
    }

    /// Records that a room line was queued, with the standing `before` and the pending bytes `after` it. If the
    /// session begins to congest its room, returns the deadline by which it must take enough.
    pub(super) fn was_handed(
        &mut self,
        before: Standing,
        after: usize,
        now: Duration,
        levels: &Levels,
    ) -> Option<Duration> {
        self.judge(before, now, levels);
        if self.congests || after <= levels.half + levels.quarter || self.behind_until.is_some_and(|until| now < until)
        {
            return None;
        }
        let until = self.kept_up_at? + PATIENCE;
        if now >= until {
            return None;
        }
        self.congests = true;
        Some(until)
    }

    /// Checks a session that congests its room. It stops congesting unless the result is
    /// [`Look::Congests`].
    pub(super) fn look(&mut self, standing: Standing, now: Duration, levels: &Levels) -> Look {
        self.judge(standing, now, levels);
        if standing.pending <= levels.half {
            self.congests = false;
            return Look::CaughtUp;
        }
        match self.kept_up_at.map(|at| at + PATIENCE) {
            Some(until) if now < until => Look::Congests(until),
            _ => {
                self.congests = false;
                self.behind_until = Some(now + BEHIND);
                Look::FellBehind
            }
        }
    }

    /// Ends the congestion, because the session has ended.
    pub(super) fn release(&mut self) {
        self.congests = false;
    }

    /// Records that a long answer has to wait. The session does not read what it asks for, so it congests
    /// nothing until at most half of its outbox is pending.
    pub(super) fn asked_for_more_than_it_reads(&mut self) {
        self.kept_up_at = None;
    }

    fn judge(&mut self, standing: Standing, now: Duration, levels: &Levels) {
        let took_enough = self.kept_up_at.is_some() && standing.taken - self.taken_then >= levels.quarter as u64;
        if standing.pending <= levels.half || took_enough {
            self.kept_up_at = Some(now);
            self.taken_then = standing.taken;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const LIMIT: usize = 1000;

    fn ms(time: u64) -> Duration {
        Duration::from_millis(time)
    }

    fn at(pending: usize, taken: u64) -> Standing {
        Standing { pending, taken }
    }

    /// A session that had 400 of 1000 bytes pending at the beginning, and now 800: it congests its room.
    fn congesting(begun: Duration) -> Consumer {
        let mut consumer = Consumer::new(begun);
        assert_eq!(consumer.was_handed(at(400, 0), 800, begun, &Levels::of(LIMIT)), Some(begun + PATIENCE));
        consumer
    }

    #[test]
    fn room_congests_above_three_quarters() {
        let (begun, levels) = (Duration::from_secs(1), Levels::of(LIMIT));
        let mut consumer = Consumer::new(begun);
        assert_eq!(consumer.was_handed(at(500, 0), 750, begun, &levels), None, "not more than three quarters");
        assert_eq!(consumer.was_handed(at(750, 0), 751, begun + ms(1), &levels), Some(begun + PATIENCE));
        assert_eq!(consumer.was_handed(at(751, 0), 800, begun + ms(2), &levels), None, "it does already");
        assert_eq!(consumer.look(at(501, 299), begun + ms(3), &levels), Look::Congests(begun + ms(3) + PATIENCE));
        assert_eq!(consumer.look(at(500, 300), begun + ms(4), &levels), Look::CaughtUp);
        assert!(!consumer.congests());
        assert!(consumer.was_handed(at(500, 300), 800, begun + ms(5), &levels).is_some(), "at once again");
    }

    #[test]
    fn reader_that_takes_too_little_falls_behind() {
        let (begun, levels) = (Duration::from_secs(1), Levels::of(LIMIT));
        let mut consumer = congesting(begun);
        assert_eq!(consumer.look(at(551, 249), begun + ms(99), &levels), Look::Congests(begun + PATIENCE));
        assert_eq!(consumer.look(at(551, 249), begun + ms(100), &levels), Look::FellBehind);
        let later = begun + ms(100) + BEHIND;
        assert_eq!(consumer.was_handed(at(400, 2000), 800, later + ms(0), &levels), Some(later + PATIENCE));
        let mut consumer = congesting(begun);
        assert_eq!(consumer.look(at(551, 249), begun + ms(100), &levels), Look::FellBehind);
        assert_eq!(consumer.was_handed(at(0, 2000), 800, begun + BEHIND, &levels), None, "for 10 s");
    }

    #[test]
    fn consumer_taking_a_quarter_keeps_up() {
        let (begun, levels) = (Duration::from_secs(1), Levels::of(LIMIT));
        let mut consumer = congesting(begun);
        for round in 1..100 {
            // More than half is pending all the time: others, such as announcements, get lines in.
            let look = consumer.look(at(800, 250 * round), begun + ms(100 * round), &levels);
            assert_eq!(look, Look::Congests(begun + ms(100 * round) + PATIENCE), "round {round}");
        }
    }

    /// A reader that takes as much as comes may have a little more than half pending for a long time.
    #[test]
    fn reader_in_balance_keeps_its_protection() {
        let (begun, levels) = (Duration::from_secs(1), Levels::of(LIMIT));
        let mut consumer = Consumer::new(begun);
        for round in 1..100 {
            let handed = consumer.was_handed(at(600, 25 * round), 700, begun + ms(10 * round), &levels);
            assert_eq!(handed, None);
        }
        assert!(consumer.was_handed(at(600, 2500), 800, begun + ms(1000), &levels).is_some());
    }

    /// People type so slowly that an outbox never fills within the deadline: nobody has to wait.
    #[test]
    fn reader_that_stopped_long_ago_congests_nothing() {
        let (begun, levels) = (Duration::from_secs(1), Levels::of(LIMIT));
        let mut consumer = Consumer::new(begun);
        assert_eq!(consumer.was_handed(at(400, 0), 600, begun, &levels), None);
        assert_eq!(consumer.was_handed(at(600, 0), 800, begun + ms(100), &levels), None);
    }

    #[test]
    fn long_unread_answer_congests_nothing() {
        let (begun, levels) = (Duration::from_secs(1), Levels::of(LIMIT));
        assert!(levels.is_long(251) && !levels.is_long(250));
        let mut consumer = Consumer::new(begun);
        consumer.asked_for_more_than_it_reads();
        assert_eq!(consumer.was_handed(at(700, 0), 800, begun, &levels), None);
        assert_eq!(consumer.was_handed(at(700, 5000), 800, begun, &levels), None, "whatever it takes");
        assert!(consumer.was_handed(at(500, 5000), 800, begun, &levels).is_some(), "until it has caught up");
    }
}
