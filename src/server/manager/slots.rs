//! Finds the slot of a session: the hub knows sessions by id, the manager's tables are by slot.

use std::collections::HashMap;
use std::hash::{BuildHasherDefault, Hasher};

use crate::protocol::SessionId;

use super::super::slot::SlotIndex;

/// The slots of the sessions present, by session id.
#[derive(Debug, Default)]
pub(in super::super) struct Slots(HashMap<SessionId, SlotIndex, BuildHasherDefault<IdHasher>>);

impl Slots {
    pub(super) fn add(&mut self, id: SessionId, slot: SlotIndex) {
        self.0.insert(id, slot);
    }

    pub(super) fn remove(&mut self, id: SessionId) {
        self.0.remove(&id);
    }

    /// The slot of a session; `None` if the session is not one of this server's.
    pub(super) fn of(&self, id: SessionId) -> Option<SlotIndex> {
        self.0.get(&id).copied()
    }
}

/// Hashes session ids by one multiplication. The server makes the ids itself, so no peer can choose ids that
/// collide.
#[derive(Debug, Default)]
struct IdHasher(u64);

impl Hasher for IdHasher {
    fn finish(&self) -> u64 {
        self.0
    }

    fn write_u64(&mut self, id: u64) {
        // The odd number nearest to 2⁶⁴ divided by the golden ratio spreads ids that differ in a few bits.
        self.0 = id.wrapping_mul(0x9e37_79b9_7f4a_7c15).rotate_left(26);
    }

    fn write(&mut self, bytes: &[u8]) {
        for byte in bytes {
            self.write_u64(self.0 ^ u64::from(*byte));
        }
    }
}
