//! Join summaries: where many join and leave at once, members are told numbers instead of names.

use std::collections::VecDeque;
use std::time::Duration;

use super::room::RoomIndex;

/// Most joins and leaves in one [`WINDOW`] that are announced one by one.
const SINGLY: usize = 5;
/// The time of one join summary. Further joins and leaves are told in one line at its end. While each window has
/// more than its share, all joins and leaves are told so.
const WINDOW: Duration = Duration::from_secs(2);
/// In a room with more members than this they are never announced one by one.
const CROWD: usize = 100;

/// The joins and leaves of one room in one window of time.
#[derive(Debug, Clone)]
struct JoinSummary {
    ends: Duration,
    /// How many more may be announced one by one.
    singly: usize,
    /// How many were announced one by one.
    told: usize,
    came: usize,
    left: usize,
}

impl JoinSummary {
    /// Nothing counted yet of the joins and leaves until `ends`.
    const fn until(ends: Duration, singly: usize) -> Self {
        Self { ends, singly, told: 0, came: 0, left: 0 }
    }

    /// When the counts are to be told, if there are any.
    fn due(&self) -> Option<Duration> {
        (self.came + self.left > 0).then_some(self.ends)
    }
}

/// The summaries of all rooms.
#[derive(Debug, Default, Clone)]
pub(super) struct JoinSummaries {
    /// By room.
    rooms: Vec<JoinSummary>,
    /// The rooms whose joins and leaves are counted, and until when; in order.
    due: VecDeque<(Duration, RoomIndex)>,
}

impl JoinSummaries {
    /// Whether one join or leave of a room with that many members is announced by itself. Otherwise it is
    /// counted, and told at [`JoinSummaries::next_due`].
    pub(super) fn announces(&mut self, room: RoomIndex, members: usize, came: bool, up: Duration) -> bool {
        if self.rooms.len() <= room.index() {
            self.rooms.resize(room.index() + 1, JoinSummary::until(Duration::ZERO, SINGLY));
        }
        let Some(summary) = self.rooms.get_mut(room.index()) else { return true };
        let counts = summary.due().is_some();
        if up >= summary.ends && !counts {
            *summary = JoinSummary::until(up + WINDOW, SINGLY);
        }
        if summary.singly > 0 && members <= CROWD {
            summary.singly -= 1;
            summary.told += 1;
            return true;
        }
        if !counts {
            summary.ends = up + WINDOW; // so windows end in the order in which they began
            self.due.push_back((summary.ends, room));
        }
        if came {
            summary.came += 1;
        } else {
            summary.left += 1;
        }
        false
    }

    /// Begins anew for a room that was made in the place of another.
    pub(super) fn forget(&mut self, room: RoomIndex) {
        if let Some(summary) = self.rooms.get_mut(room.index()) {
            *summary = JoinSummary::until(Duration::ZERO, SINGLY);
        }
    }

    pub(super) fn next_due(&self) -> Option<Duration> {
        self.due.front().map(|(ends, _)| *ends)
    }

    /// A room whose window is over at `up`, and how many came and left. Counting begins anew; after a window with
    /// many, nothing is announced one by one in the next.
    pub(super) fn take_due(&mut self, up: Duration) -> Option<(RoomIndex, usize, usize)> {
        while let Some((_, room)) = self.due.pop_front_if(|(ends, _)| *ends <= up) {
            let Some(summary) = self.rooms.get_mut(room.index()) else { continue };
            // A room that has taken another one's place ends its window later.
            if summary.due().is_some_and(|ends| ends <= up) {
                let JoinSummary { told, came, left, .. } = *summary;
                let singly = if told + came + left > SINGLY { 0 } else { SINGLY };
                *summary = JoinSummary::until(up + WINDOW, singly);
                return Some((room, came, left));
            }
        }
        None
    }
}
