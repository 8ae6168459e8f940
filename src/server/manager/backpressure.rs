//! Backpressure: a slow consumer slows the talkers of its room for a short time, and nobody else.
//!
//! A flood can fill the outbox of a healthy reader faster than its threads get to run. So a room is
//! *congested* while much of a member's outbox is pending: the manager defers commands that would put a
//! line into the room, and goes on with everything else. The rules:
//!
//! 1. A session keeps up while at most half of its outbox is pending, or while it takes a quarter of its
//!    outbox in every [`PATIENCE`]. (The second half protects a reader that takes as much as comes but
//!    always has a little more than half pending.)
//! 2. A member that kept up and now has more than three quarters pending congests its room until at most
//!    half is pending.
//! 3. A member that does not keep up is *behind*: it congests nothing for [`BEHIND`].
//! 4. When a member falls behind, its room has been stopped for [`PATIENCE`]. For [`RECOVERY`] after that the
//!    room is only slowed: in each [`PATIENCE`] it takes a 32nd of an outbox. A reader that keeps up takes
//!    more than that and still misses nothing. So a crowd of slow consumers that stall at different times
//!    cannot stop a room.
//!
//! The values here know no clock: time is an argument.

use std::time::Duration;

use crate::chat::RoomIndex;

use super::super::os::Instant;
use super::super::outbox::Standing;
use super::super::slot::SlotIndex;

/// The time in which a session that keeps up takes a quarter of its outbox.
pub(in super::super) const PATIENCE: Duration = Duration::from_millis(100);
/// For this time a session that fell behind congests nothing.
pub(in super::super) const BEHIND: Duration = Duration::from_secs(10);
/// For this time a room is not stopped again after a member fell behind.
pub(in super::super) const RECOVERY: Duration = Duration::from_secs(1);

/// Levels of pending bytes, derived from `--max-pending`.
#[derive(Debug, Clone, Copy)]
pub(in super::super) struct Levels {
    /// Most bytes that may be pending for one session before room lines are skipped.
    pub(in super::super) limit: usize,
    pub(in super::super) half: usize,
    quarter: usize,
    /// Most bytes of one chunk of room lines. A chunk above three quarters leaves space for a line and for
    /// other notices.
    pub(in super::super) chunk: usize,
    /// Bytes that a slowed room takes in each [`PATIENCE`].
    slowed: usize,
}

impl Levels {
    pub(in super::super) fn of(limit: usize) -> Self {
        Self { limit, half: limit / 2, quarter: limit / 4, chunk: limit / 8, slowed: limit / 32 }
    }

    /// Whether an answer of this length is long: if it has to wait, the session does not read what it asks
    /// for.
    pub(in super::super) fn is_long(&self, answer: usize) -> bool {
        answer > self.quarter
    }
}

/// Whether one session keeps up with what it is sent.
#[derive(Debug)]
pub(in super::super) struct Consumer {
    /// The last time at which it was seen keeping up. `None`: it does not read its own answers.
    kept_up_at: Option<Instant>,
    /// Bytes that it had taken by then.
    taken_then: u64,
    /// It is behind, and congests nothing, until this time.
    behind_until: Option<Instant>,
    /// It congests its room.
    congests: bool,
    /// Its time was prolonged once because the whole process was stopped.
    excused: bool,
    /// Lines skipped since its outbox was full, to be reported to it.
    pub(in super::super) skipped: Option<u64>,
}

/// The result of a look at a session that congests its room.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in super::super) enum Look {
    /// It still congests its room, until then at most if it takes too little.
    Congests(Instant),
    /// At most half of its outbox is pending again.
    CaughtUp,
    /// It took too little.
    FellBehind,
}

impl Consumer {
    pub(in super::super) fn new(now: Instant) -> Self {
        Self {
            kept_up_at: Some(now),
            taken_then: 0,
            behind_until: None,
            congests: false,
            excused: false,
            skipped: None,
        }
    }

    pub(in super::super) fn congests(&self) -> bool {
        self.congests
    }

    /// Records that a room line was queued, with the standing `before` and the pending bytes `after` it. If the
    /// session begins to congest its room, returns the deadline by which it must take enough.
    pub(in super::super) fn was_handed(
        &mut self,
        before: Standing,
        after: usize,
        now: Instant,
        levels: &Levels,
    ) -> Option<Instant> {
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
        self.excused = false;
        Some(until)
    }

    /// Checks a session that congests its room. It stops congesting unless the result is
    /// [`Look::Congests`].
    pub(in super::super) fn look(&mut self, standing: Standing, now: Instant, levels: &Levels) -> Look {
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
    pub(in super::super) fn release(&mut self) {
        self.congests = false;
    }

    /// Restarts the session's time, because the whole process was stopped and its writer could not run. Done
    /// once for each congestion.
    pub(in super::super) fn excuse(&mut self, now: Instant) {
        if self.congests && !self.excused {
            self.excused = true;
            self.kept_up_at = self.kept_up_at.map(|_| now);
        }
    }

    /// Records that a long answer has to wait. The session does not read what it asks for, so it congests
    /// nothing until at most half of its outbox is pending.
    pub(in super::super) fn asked_for_more_than_it_reads(&mut self) {
        self.kept_up_at = None;
    }

    fn judge(&mut self, standing: Standing, now: Instant, levels: &Levels) {
        let took_enough = self.kept_up_at.is_some() && standing.taken - self.taken_then >= levels.quarter as u64;
        if standing.pending <= levels.half || took_enough {
            self.kept_up_at = Some(now);
            self.taken_then = standing.taken;
        }
    }
}

/// The pressure of slow consumers on one room.
#[derive(Debug, Default, Clone, Copy)]
struct Pressure {
    /// Members that congest it.
    members: usize,
    /// The room is slowed, not stopped, until this time.
    slowed_until: Option<Instant>,
    /// Bytes taken in the present [`PATIENCE`], and the end of that.
    taken: usize,
    ends: Option<Instant>,
}

/// Every session that congests its room, and the state of those rooms.
#[derive(Debug, Default)]
pub(in super::super) struct Backpressure {
    congesting: Vec<SlotIndex>,
    rooms: Vec<Pressure>,
    /// The earliest time at which one of them may fall behind.
    look_at: Option<Instant>,
}

impl Backpressure {
    /// Whether no room is congested, as is usual.
    pub(in super::super) fn is_idle(&self) -> bool {
        self.congesting.is_empty()
    }

    /// Whether a line for `room` has to wait.
    pub(in super::super) fn defers(&mut self, room: RoomIndex, now: Instant, levels: &Levels) -> bool {
        let Some(pressure) = self.rooms.get_mut(room.index()).filter(|pressure| pressure.members > 0) else {
            return false;
        };
        if pressure.slowed_until.is_none_or(|until| now >= until) {
            return true;
        }
        if pressure.ends.is_none_or(|ends| now >= ends) {
            (pressure.ends, pressure.taken) = (Some(now + PATIENCE), 0);
        }
        pressure.taken >= levels.slowed
    }

    /// Counts a line that a room has taken.
    pub(in super::super) fn count(&mut self, room: RoomIndex, bytes: usize) {
        if let Some(pressure) = self.rooms.get_mut(room.index()) {
            pressure.taken = pressure.taken.saturating_add(bytes);
        }
    }

    /// Records that a session begins to congest its room; `until` is its deadline.
    pub(in super::super) fn begin(&mut self, slot: SlotIndex, room: Option<RoomIndex>, until: Instant) {
        self.congesting.push(slot);
        self.look_at = Some(self.look_at.map_or(until, |look_at| look_at.min(until)));
        self.enter(room);
    }

    /// Moves a congesting session into this room.
    pub(in super::super) fn enter(&mut self, room: Option<RoomIndex>) {
        let Some(room) = room else { return };
        if self.rooms.len() <= room.index() {
            self.rooms.resize(room.index() + 1, Pressure::default());
        }
        if let Some(pressure) = self.rooms.get_mut(room.index()) {
            pressure.members += 1;
        }
    }

    /// Moves a congesting session out of this room.
    pub(in super::super) fn exit(&mut self, room: Option<RoomIndex>) {
        if let Some(pressure) = room.and_then(|room| self.rooms.get_mut(room.index())) {
            pressure.members = pressure.members.saturating_sub(1);
        }
    }

    /// Removes a congesting session that has ended.
    pub(in super::super) fn end(&mut self, slot: SlotIndex, room: Option<RoomIndex>) {
        self.congesting.retain(|congesting| *congesting != slot);
        self.exit(room);
    }

    /// Checks every congesting session by `look`, which also returns its room. Returns whether one of them has
    /// stopped congesting.
    pub(in super::super) fn look(
        &mut self,
        now: Instant,
        mut look: impl FnMut(SlotIndex) -> (Look, Option<RoomIndex>),
    ) -> bool {
        let before = self.congesting.len();
        let mut congesting = std::mem::take(&mut self.congesting);
        self.look_at = None;
        congesting.retain(|slot| {
            let (result, room) = look(*slot);
            if let Look::Congests(until) = result {
                self.look_at = Some(self.look_at.map_or(until, |look_at| look_at.min(until)));
                return true;
            }
            self.exit(room);
            if result == Look::FellBehind
                && let Some(pressure) = room.and_then(|room| self.rooms.get_mut(room.index()))
            {
                pressure.slowed_until = Some(now + RECOVERY);
            }
            false
        });
        self.congesting = congesting;
        self.congesting.len() < before
    }

    /// The next time to check: a session may have fallen behind, or a slowed room takes more.
    pub(in super::super) fn next_due(&self) -> Option<Instant> {
        if self.is_idle() {
            return None;
        }
        let slowed = self.rooms.iter().filter(|pressure| pressure.members > 0).filter_map(|pressure| pressure.ends);
        slowed.chain(self.look_at).min()
    }

    /// Begins new periods of slowed rooms; returns whether one of them takes more now.
    pub(in super::super) fn renew(&mut self, now: Instant) -> bool {
        let mut renewed = false;
        for pressure in self.rooms.iter_mut().filter(|pressure| pressure.ends.is_some_and(|ends| now >= ends)) {
            (pressure.ends, pressure.taken) = (None, 0);
            renewed |= pressure.members > 0;
        }
        renewed
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const LIMIT: usize = 1000;
    const ROOM: RoomIndex = RoomIndex::LOBBY;
    const SEAT: SlotIndex = SlotIndex(7);

    fn ms(time: u64) -> Duration {
        Duration::from_millis(time)
    }

    fn at(pending: usize, taken: u64) -> Standing {
        Standing { pending, taken }
    }

    /// A session that had 400 of 1000 bytes pending at the beginning, and now 800: it congests its room.
    fn congesting(begun: Instant) -> Consumer {
        let mut consumer = Consumer::new(begun);
        assert_eq!(consumer.was_handed(at(400, 0), 800, begun, &Levels::of(LIMIT)), Some(begun + PATIENCE));
        consumer
    }

    #[test]
    fn room_congests_above_three_quarters() {
        let (begun, levels) = (Instant::now(), Levels::of(LIMIT));
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
        let (begun, levels) = (Instant::now(), Levels::of(LIMIT));
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
        let (begun, levels) = (Instant::now(), Levels::of(LIMIT));
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
        let (begun, levels) = (Instant::now(), Levels::of(LIMIT));
        let mut consumer = Consumer::new(begun);
        for round in 1..100 {
            let handed = consumer.was_handed(at(600, 25 * round), 700, begun + ms(10 * round), &levels);
            assert_eq!(handed, None);
        }
        assert!(consumer.was_handed(at(600, 2500), 800, begun + ms(1000), &levels).is_some());
    }

    /// At the pace of people's talk an outbox fills too slowly for anybody to wait.
    #[test]
    fn reader_that_stopped_long_ago_congests_nothing() {
        let (begun, levels) = (Instant::now(), Levels::of(LIMIT));
        let mut consumer = Consumer::new(begun);
        assert_eq!(consumer.was_handed(at(400, 0), 600, begun, &levels), None);
        assert_eq!(consumer.was_handed(at(600, 0), 800, begun + ms(100), &levels), None);
    }

    #[test]
    fn long_unread_answer_congests_nothing() {
        let (begun, levels) = (Instant::now(), Levels::of(LIMIT));
        assert!(levels.is_long(251) && !levels.is_long(250));
        let mut consumer = Consumer::new(begun);
        consumer.asked_for_more_than_it_reads();
        assert_eq!(consumer.was_handed(at(700, 0), 800, begun, &levels), None);
        assert_eq!(consumer.was_handed(at(700, 5000), 800, begun, &levels), None, "whatever it takes");
        assert!(consumer.was_handed(at(500, 5000), 800, begun, &levels).is_some(), "until it has caught up");
    }

    /// The session's own writer was stopped as well.
    #[test]
    fn stopped_process_prolongs_once() {
        let (begun, levels) = (Instant::now(), Levels::of(LIMIT));
        let mut consumer = congesting(begun);
        let resumed = begun + Duration::from_secs(60);
        consumer.excuse(resumed);
        assert_eq!(consumer.look(at(800, 0), resumed + ms(99), &levels), Look::Congests(resumed + PATIENCE));
        consumer.excuse(resumed + ms(99));
        assert_eq!(consumer.look(at(800, 0), resumed + ms(100), &levels), Look::FellBehind);
    }

    #[test]
    fn room_is_stopped_then_slowed_then_free() {
        let (begun, levels) = (Instant::now(), Levels::of(LIMIT));
        let mut backpressure = Backpressure::default();
        assert!(!backpressure.defers(ROOM, begun, &levels) && backpressure.next_due().is_none());
        backpressure.begin(SEAT, Some(ROOM), begun + PATIENCE);
        backpressure.begin(SlotIndex(8), Some(ROOM), begun + PATIENCE + ms(50));
        assert!(backpressure.defers(ROOM, begun, &levels));
        assert!(!backpressure.defers(RoomIndex(1), begun, &levels), "another room");
        assert_eq!(backpressure.next_due(), Some(begun + PATIENCE));
        // One falls behind, the other still has time: a 32nd of an outbox passes in each 100 ms.
        let now = begun + PATIENCE;
        let look = |slot| if slot == SEAT { Look::FellBehind } else { Look::Congests(now + ms(50)) };
        assert!(backpressure.look(now, |slot| (look(slot), Some(ROOM))));
        assert!(!backpressure.defers(ROOM, now, &levels));
        backpressure.count(ROOM, LIMIT / 32);
        assert!(backpressure.defers(ROOM, now, &levels));
        assert_eq!(backpressure.next_due(), Some(now + ms(50)));
        assert!(!backpressure.renew(now + ms(99)) && backpressure.defers(ROOM, now + ms(99), &levels));
        assert!(backpressure.renew(now + ms(100)) && !backpressure.defers(ROOM, now + ms(100), &levels));
        // A third stalls within the second, and ends.
        backpressure.begin(SlotIndex(9), Some(ROOM), now + ms(400));
        assert!(!backpressure.defers(ROOM, now + ms(300), &levels), "slowed, not stopped");
        assert!(backpressure.defers(ROOM, now + RECOVERY, &levels), "after a second it may be stopped again");
        backpressure.end(SlotIndex(8), Some(ROOM));
        backpressure.end(SlotIndex(9), Some(ROOM));
        assert!(backpressure.is_idle() && !backpressure.defers(ROOM, now + RECOVERY, &levels));
    }

    #[test]
    fn member_takes_its_pressure_along() {
        let (begun, levels) = (Instant::now(), Levels::of(LIMIT));
        let mut backpressure = Backpressure::default();
        backpressure.begin(SEAT, Some(ROOM), begun + PATIENCE);
        backpressure.exit(Some(ROOM));
        assert!(!backpressure.defers(ROOM, begun, &levels));
        backpressure.enter(Some(RoomIndex(3)));
        assert!(backpressure.defers(RoomIndex(3), begun, &levels));
        assert!(backpressure.look(begun, |_| (Look::CaughtUp, Some(RoomIndex(3)))));
        assert!(!backpressure.defers(RoomIndex(3), begun, &levels));
    }
}
