//! A bounded buffer for what a client hears while it waits for an answer.
//!
//! `push` must not keep more than the limits, whatever a server sends. It drops the oldest.

use std::collections::VecDeque;

use crate::wire::Heard;

/// Most entries in the buffer.
const MAX_ENTRIES: usize = 1024;
/// Most bytes of text in the buffer: a server may send texts of 16 MiB.
const MAX_BYTES: usize = 32 * 1024 * 1024;

/// The entries heard so far, the oldest first.
#[derive(Debug, Default)]
pub(super) struct Kept {
    all: VecDeque<Heard>,
    bytes: usize,
}

impl Kept {
    pub(super) fn push(&mut self, heard: Heard) {
        self.bytes += heard.text_bytes();
        self.all.push_back(heard);
        while self.all.len() > MAX_ENTRIES || self.bytes > MAX_BYTES {
            let _ = self.pop();
        }
    }

    pub(super) fn pop(&mut self) -> Option<Heard> {
        let oldest = self.all.pop_front()?;
        self.bytes -= oldest.text_bytes();
        Some(oldest)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn kept_is_bounded_in_count_and_bytes() {
        let mut kept = Kept::default();
        for number in 0..2 * MAX_ENTRIES {
            kept.push(Heard::Info(number.to_string()));
        }
        assert_eq!((kept.all.len(), kept.pop()), (MAX_ENTRIES, Some(Heard::Info(MAX_ENTRIES.to_string()))));
        for _ in 0..5 {
            kept.push(Heard::Other("x".repeat(MAX_BYTES / 2)));
        }
        assert_eq!((kept.all.len(), kept.bytes), (2, MAX_BYTES));
        kept.push(Heard::Other("x".repeat(MAX_BYTES + 1)));
        assert_eq!((kept.all.len(), kept.bytes), (0, 0));
    }
}
