//! Backpressure: a slow consumer slows the talkers of its rooms for a short time, and nobody else.
//!
//! A flood can fill the outbox of a healthy reader faster than its threads get to run. So a room is
//! *congested* while much of a member's outbox is pending: the manager defers commands that would put a
//! line into the room, and goes on with everything else. The rules:
//!
//! 1. A session keeps up while at most half of its outbox is pending, or while it takes a quarter of its
//!    outbox in every [`PATIENCE`]. (The second half protects a reader that takes as much as comes but
//!    always has a little more than half pending.)
//! 2. A member that kept up and now has more than three quarters pending congests its rooms until at most
//!    half is pending.
//! 3. A member that does not keep up is *behind*: it congests nothing for [`BEHIND`].
//! 4. When a member falls behind, its rooms have been stopped for [`PATIENCE`]. For [`RECOVERY`] after that
//!    they are only slowed: in each [`PATIENCE`] a room takes a 32nd of an outbox. A reader that keeps up
//!    takes more than that and still misses nothing. So a crowd of slow consumers that stall at different
//!    times cannot stop a room.
//!
//! [`Consumer`] judges one session, [`Backpressure`] keeps the rooms. Both know no clock: time is an
//! argument.
//!
//! [`BEHIND`]: super::consumer::BEHIND
//! [`Consumer`]: super::consumer::Consumer

use std::time::Duration;

use crate::chat::RoomIndex;

use super::consumer::{Levels, Look, PATIENCE};
use super::index::Index;

/// For this time a room is not stopped again after a member fell behind.
const RECOVERY: Duration = Duration::from_secs(1);

/// The pressure of slow consumers on one room.
#[derive(Debug, Default, Clone, Copy)]
struct Pressure {
    /// Members that congest it.
    members: usize,
    /// The room is slowed, not stopped, until this time.
    slowed_until: Option<Duration>,
    /// Bytes taken in the present [`PATIENCE`], and the end of that.
    taken: usize,
    ends: Option<Duration>,
}

/// Every session that congests its rooms, and the state of those rooms.
#[derive(Debug)]
pub(super) struct Backpressure {
    pub(super) levels: Levels,
    congesting: Vec<(Index, Vec<RoomIndex>)>,
    rooms: Vec<Pressure>,
    /// The earliest time at which one of the sessions may fall behind.
    look_at: Option<Duration>,
    /// Some room may take lines again. The manager has not been told.
    is_relieved: bool,
}

impl Backpressure {
    pub(super) fn new(levels: Levels) -> Self {
        Self { levels, congesting: Vec::new(), rooms: Vec::new(), look_at: None, is_relieved: false }
    }

    /// Whether no room is congested, as is usual.
    pub(super) fn is_idle(&self) -> bool {
        self.congesting.is_empty()
    }

    /// Whether a line for `room` has to wait.
    pub(super) fn defers(&mut self, room: RoomIndex, now: Duration) -> bool {
        let Some(pressure) = self.rooms.get_mut(room.index()).filter(|pressure| pressure.members > 0) else {
            return false;
        };
        if pressure.slowed_until.is_none_or(|until| now >= until) {
            return true;
        }
        if pressure.ends.is_none_or(|ends| now >= ends) {
            (pressure.ends, pressure.taken) = (Some(now + PATIENCE), 0);
        }
        pressure.taken >= self.levels.slowed
    }

    /// Counts a line that a room has taken.
    pub(super) fn count(&mut self, room: RoomIndex, bytes: usize) {
        if let Some(pressure) = self.rooms.get_mut(room.index()) {
            pressure.taken = pressure.taken.saturating_add(bytes);
        }
    }

    /// Records that a session begins to congest its rooms; `until` is its deadline.
    pub(super) fn begin(&mut self, session: Index, rooms: Vec<RoomIndex>, until: Duration) {
        rooms.iter().for_each(|room| self.press(*room));
        self.congesting.push((session, rooms));
        self.look_at = Some(self.look_at.map_or(until, |look_at| look_at.min(until)));
    }

    /// Notes that a session is in a further room.
    pub(super) fn enter(&mut self, session: Index, room: RoomIndex) {
        if let Some((_, rooms)) = self.congesting.iter_mut().find(|(congesting, _)| *congesting == session) {
            rooms.push(room);
            self.press(room);
        }
    }

    /// Notes that a session is not in this room any more.
    pub(super) fn leave(&mut self, session: Index, room: RoomIndex) {
        let Some((_, rooms)) = self.congesting.iter_mut().find(|(congesting, _)| *congesting == session) else {
            return;
        };
        if let Some(at) = rooms.iter().position(|left| *left == room) {
            rooms.swap_remove(at);
            self.release(room);
        }
    }

    /// Removes a session that has ended.
    pub(super) fn end(&mut self, session: Index) {
        self.keep(
            |congesting| if congesting == session { Look::CaughtUp } else { Look::Congests(Duration::MAX) },
            None,
        );
    }

    /// Checks every congesting session by `look`.
    pub(super) fn look(&mut self, now: Duration, look: impl FnMut(Index) -> Look) {
        if !self.is_idle() {
            self.look_at = None;
            self.keep(look, Some(now));
        }
    }

    /// The next time to check: a session may have fallen behind, or a slowed room takes more.
    pub(super) fn next_due(&self) -> Option<Duration> {
        if self.is_idle() {
            return None;
        }
        let slowed = self.rooms.iter().filter(|pressure| pressure.members > 0).filter_map(|pressure| pressure.ends);
        slowed.chain(self.look_at).min()
    }

    /// Whether some room may take lines again since this was last called.
    pub(super) fn take_relief(&mut self, now: Duration) -> bool {
        if !self.is_idle() {
            for pressure in self.rooms.iter_mut().filter(|pressure| pressure.ends.is_some_and(|ends| now >= ends)) {
                (pressure.ends, pressure.taken) = (None, 0);
                self.is_relieved |= pressure.members > 0;
            }
        }
        std::mem::take(&mut self.is_relieved)
    }

    /// Keeps the sessions that still congest their rooms. Without a time, no deadline changes.
    fn keep(&mut self, mut look: impl FnMut(Index) -> Look, now: Option<Duration>) {
        let mut congesting = std::mem::take(&mut self.congesting);
        congesting.retain(|(session, rooms)| {
            let result = look(*session);
            if let Look::Congests(until) = result {
                if now.is_some() {
                    self.look_at = Some(self.look_at.map_or(until, |look_at| look_at.min(until)));
                }
                return true;
            }
            for room in rooms {
                self.release(*room);
                if let Some(pressure) = self.rooms.get_mut(room.index())
                    && result == Look::FellBehind
                {
                    pressure.slowed_until = now.map(|now| now + RECOVERY);
                }
            }
            self.is_relieved = true;
            false
        });
        self.congesting = congesting;
    }

    fn press(&mut self, room: RoomIndex) {
        if self.rooms.len() <= room.index() {
            self.rooms.resize(room.index() + 1, Pressure::default());
        }
        if let Some(pressure) = self.rooms.get_mut(room.index()) {
            pressure.members += 1;
        }
    }

    fn release(&mut self, room: RoomIndex) {
        if let Some(pressure) = self.rooms.get_mut(room.index()) {
            pressure.members = pressure.members.saturating_sub(1);
        }
        self.is_relieved = true;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const LIMIT: usize = 1000;
    const ROOM: RoomIndex = RoomIndex::LOBBY;
    const ANN: Index = Index(7);
    const BOB: Index = Index(8);

    fn ms(time: u64) -> Duration {
        Duration::from_millis(time)
    }

    #[test]
    fn room_is_stopped_then_slowed_then_free() {
        let begun = ms(1000);
        let mut backpressure = Backpressure::new(Levels::of(LIMIT));
        assert!(!backpressure.defers(ROOM, begun) && backpressure.next_due().is_none());
        backpressure.begin(ANN, vec![ROOM], begun + PATIENCE);
        backpressure.begin(BOB, vec![ROOM], begun + PATIENCE + ms(50));
        assert!(backpressure.defers(ROOM, begun));
        assert!(!backpressure.defers(RoomIndex(1), begun), "another room");
        assert_eq!(backpressure.next_due(), Some(begun + PATIENCE));
        assert!(!backpressure.take_relief(begun));
        // One falls behind, the other still has time: a 32nd of an outbox passes in each 100 ms.
        let now = begun + PATIENCE;
        backpressure.look(now, |session| if session == ANN { Look::FellBehind } else { Look::Congests(now + ms(50)) });
        assert!(backpressure.take_relief(now));
        assert!(!backpressure.defers(ROOM, now));
        backpressure.count(ROOM, LIMIT / 32);
        assert!(backpressure.defers(ROOM, now));
        assert_eq!(backpressure.next_due(), Some(now + ms(50)));
        assert!(!backpressure.take_relief(now + ms(99)) && backpressure.defers(ROOM, now + ms(99)));
        assert!(backpressure.take_relief(now + ms(100)) && !backpressure.defers(ROOM, now + ms(100)));
        // A third stalls within the second, and ends.
        backpressure.begin(Index(9), vec![ROOM], now + ms(400));
        assert!(!backpressure.defers(ROOM, now + ms(300)), "slowed, not stopped");
        assert!(backpressure.defers(ROOM, now + RECOVERY), "after a second it may be stopped again");
        backpressure.end(BOB);
        backpressure.end(Index(9));
        assert!(backpressure.is_idle() && !backpressure.defers(ROOM, now + RECOVERY));
        assert!(backpressure.take_relief(now));
    }

    #[test]
    fn member_congests_all_its_rooms() {
        let begun = ms(1000);
        let mut backpressure = Backpressure::new(Levels::of(LIMIT));
        backpressure.begin(ANN, vec![ROOM, RoomIndex(1)], begun + PATIENCE);
        let deferred =
            |backpressure: &mut Backpressure| [0, 1, 2, 3].map(|room| backpressure.defers(RoomIndex(room), begun));
        assert_eq!(deferred(&mut backpressure), [true, true, false, false]);
        backpressure.leave(ANN, ROOM);
        assert!(backpressure.take_relief(begun));
        backpressure.leave(BOB, RoomIndex(1));
        backpressure.enter(ANN, RoomIndex(3));
        backpressure.enter(BOB, RoomIndex(2));
        assert_eq!(deferred(&mut backpressure), [false, true, false, true]);
        backpressure.look(begun, |_| Look::CaughtUp);
        assert_eq!(deferred(&mut backpressure), [false; 4]);
        assert!(backpressure.is_idle() && backpressure.take_relief(begun));
    }
}
