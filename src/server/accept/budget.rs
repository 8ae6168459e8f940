//! The worst case in memory: every session at its limits, all at the same moment.
//!
//! Nothing that a peer sends makes the server keep more than a configured limit; this is the sum of the limits.
//! It is far above what happens, since no session reaches all limits at once. Exact figures would be wrong as
//! soon as a line of code changes, so each factor is rounded up, and the tests below compare it with the
//! constants of the code. The kernel's own buffers for each socket come on top; the kernel bounds them
//! (`net.ipv4.tcp_mem`).

use crate::config::Config;

const KIB: u64 = 1024;

/// A worst case, in bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Budget {
    /// One session: two stacks, its input and its outbox.
    pub session: u64,
    /// One room: its history, and the chunks for its members.
    pub room: u64,
    /// Everything else: the program, the log's queue, the manager's stack.
    pub rest: u64,
    /// All of it, for the greatest number of sessions and rooms.
    pub all: u64,
}

impl Budget {
    /// The worst case under these settings.
    #[must_use]
    pub fn of(config: &Config) -> Self {
        let config = config.within_bounds();
        let [clients, rooms, history, pending] =
            [config.max_clients, config.max_rooms, config.history, config.max_pending].map(|number| number as u64);
        let longest = longest(&config) as u64;
        let sum = |parts: &[(u64, u64)]| {
            parts.iter().fold(0_u64, |sum, (count, each)| sum.saturating_add(count.saturating_mul(*each)))
        };
        let answer = sum(&[(KIB, clients), (KIB, rooms), (KIB / 2, history)]);
        let session = sum(&[(2304, KIB), (26, longest), (4, pending), (1, answer)]);
        let room = sum(&[(5120, KIB), (72, longest), (KIB, history)]);
        let rest = 65_536 * KIB;
        let all = sum(&[(1, rest), (clients, session), (rooms, room)]);
        Self { session, room, rest, all }
    }
}

/// The longest line, packet or frame of any door.
fn longest(config: &Config) -> usize {
    // The limit of the relay door's lines is fixed.
    [config.max_line, config.max_packet, config.max_frame, Config::MAX_LINE].into_iter().max().unwrap_or_default()
}

#[cfg(all(test, feature = "logging"))] // the log is part of the budget
mod tests {
    use super::*;
    use crate::chat::{HISTORY_LINE, MAX_AWAY, MAX_HISTORY_BYTES, MAX_TOPIC};
    use crate::protocol::{MAX_NICK_BYTES, Speaker};
    use crate::server::event::CREDIT;
    use crate::server::log::{MAX_LINE as LOG_LINE, QUEUE_LINES};
    use crate::server::manager::{KEPT_CAPACITY, MANAGER_STACK, Mark, TURN_BYTES, TURN_COMMANDS};
    use crate::server::session::input::{EVENT_COMMANDS, LARGE_READ};
    use crate::server::session::reader::EVENT_ANSWERS;
    use crate::server::session::{READER_STACK, WRITER_STACK};
    use crate::wire::Inbound;

    #[test]
    fn sum_of_greatest_settings_saturates() {
        let most = usize::MAX;
        let config =
            Config { max_pending: most, history: most, max_clients: most, max_rooms: most, ..Config::default() };
        let budget = Budget::of(&config);
        assert_eq!(budget.all, budget.rest + 1_000_000 * budget.session + 65_536 * budget.room);
        assert!(budget.session > 4 * u64::from(u32::MAX));
    }

    /// Cleaning makes three bytes of one at most, and so does JSON of what is clean.
    const GROWTH: usize = 3;
    /// Bytes of one decoded item beside its share of the input: a refusal's words, the counts of a shared text,
    /// the allocator's.
    const ITEM_TEXT: usize = 256;
    /// Keys, numbers and ids of a line of a list or of a room, in JSON.
    const KEYS: usize = 256;
    /// A queued part of a chunk keeps at most so many times its length (see `Outbox::queue_rest`).
    const PINNED: usize = 4;
    /// The connection, the recipient, the person, names and their keys, 64 ignored, the channels' blocks.
    const OBJECTS: usize = 16 * 1024;
    /// Usual encodings in use in one room: text with LF or CRLF, with or without the time; relay; frame; six of JSON.
    const ENCODINGS_IN_USE: usize = 12;
    /// A vector that grows may have twice what it needs.
    const DOUBLED: usize = 2;

    /// The same, from the constants.
    fn by_constants(config: &Config) -> (usize, usize) {
        let longest = longest(config) + 8;
        let chunk = TURN_BYTES + GROWTH * longest;

        let read = longest + LARGE_READ;
        let event = EVENT_COMMANDS * (size_of::<Inbound>() + ITEM_TEXT) + GROWTH * read + EVENT_ANSWERS + longest;
        // A WebSocket's message in fragments, and tungstenite's buffer for the next one.
        let message = (DOUBLED + 1) * longest + 4 * 1024;
        let input = LARGE_READ + DOUBLED * read + message + (1 + CREDIT) * event;
        let person = MAX_NICK_BYTES + 4 * MAX_AWAY + 128;
        let listed = MAX_NICK_BYTES + 4 * MAX_TOPIC + 128;
        let past = 2 * MAX_HISTORY_BYTES + config.history * (3 * MAX_NICK_BYTES + KEYS);
        let answer = (config.max_clients * person).max(config.max_rooms * listed).max(past);
        let output = PINNED * config.max_pending + chunk + answer;
        let marks = DOUBLED * (TURN_COMMANDS + EVENT_COMMANDS) * size_of::<Mark>();
        let gathered = (DOUBLED * chunk).max(KEPT_CAPACITY) + marks;
        // A session in a style of its own (`/address`, `/charset`) has its own chunk in its room.
        let session = READER_STACK + WRITER_STACK + OBJECTS + input + output + gathered;

        let kept = HISTORY_LINE * DOUBLED + size_of::<Speaker>() + 3 * MAX_NICK_BYTES + ITEM_TEXT;
        let room = MAX_HISTORY_BYTES + config.history * kept + ENCODINGS_IN_USE * gathered + 4 * MAX_TOPIC + OBJECTS;
        (session, room)
    }

    #[test]
    fn budget_covers_what_the_constants_allow() {
        let usual = Config::default();
        let small = Config { max_clients: 1, max_rooms: 1, history: 0, max_line: 64, max_packet: 64, ..usual.clone() };
        let large = Config {
            max_clients: 1_000_000,
            max_rooms: 65_536,
            history: 100_000,
            max_frame: 16 * 1024 * 1024,
            max_pending: u32::MAX as usize,
            ..usual.clone()
        };
        let long = Config { max_frame: 16 * 1024 * 1024, ..small.clone() };
        let old = Config { history: 100_000, ..small.clone() };
        let crowd = Config { max_clients: 1_000_000, ..small.clone() };
        for config in [usual, small, large, long, old, crowd] {
            let (session, room) = by_constants(&config);
            let budget = Budget::of(&config);
            assert!(session as u64 <= budget.session, "a session: {session} of {} for {config:?}", budget.session);
            assert!(room as u64 <= budget.room, "a room: {room} of {} for {config:?}", budget.room);
            // At most twice that.
            assert!(
                budget.session <= 2 * session as u64 && budget.room <= 2 * room as u64,
                "{budget:?} for {config:?}"
            );
        }
        let log = QUEUE_LINES * (LOG_LINE + ITEM_TEXT);
        assert!((log + MANAGER_STACK) as u64 <= Budget::of(&Config::default()).rest / 2, "half is the program's own");
    }
}
