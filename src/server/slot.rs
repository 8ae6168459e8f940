//! The number of a session's slot: the server's tables are indexed by it.

/// The number of a slot: small, and used again after a session has ended. The hub does not know it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(super) struct SlotIndex(pub(super) u32);

impl SlotIndex {
    /// The number, for tables by slot.
    pub(super) fn index(self) -> usize {
        self.0 as usize
    }
}
