//! The backlog: events that arrive while a client waits for an answer.
//!
//! `push` must not keep more than the limits, whatever a server sends. It drops the oldest events.

use std::collections::VecDeque;

use crate::wire::Heard;

/// Most events in the backlog.
const MAX_ENTRIES: usize = 1024;
/// Most bytes of text in the backlog: a server may send texts of 16 MiB.
const MAX_BYTES: usize = 32 * 1024 * 1024;

/// The events, the oldest first.
#[derive(Debug, Default)]
pub(super) struct Backlog {
    all: VecDeque<Heard>,
    bytes: usize,
}

impl Backlog {
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
    fn backlog_is_bounded_in_count_and_bytes() {
        let mut backlog = Backlog::default();
        for number in 0..2 * MAX_ENTRIES {
            backlog.push(Heard::Info(number.to_string()));
        }
        assert_eq!((backlog.all.len(), backlog.pop()), (MAX_ENTRIES, Some(Heard::Info(MAX_ENTRIES.to_string()))));
        for _ in 0..5 {
            backlog.push(Heard::Other("x".repeat(MAX_BYTES / 2)));
        }
        assert_eq!((backlog.all.len(), backlog.bytes), (2, MAX_BYTES));
        backlog.push(Heard::Other("x".repeat(MAX_BYTES + 1)));
        assert_eq!((backlog.all.len(), backlog.bytes), (0, 0));
    }
}
