//! The last lines said in a room, bounded in lines and in bytes.
//!
//! Every line has a number, rising by one, also when nothing is kept. So a client that knows the last number
//! that it has seen can ask for the lines after it, and is told how many of them are lost.

use std::collections::VecDeque;

use crate::protocol::{Line, serializable};

/// Most bytes of text that one room keeps: 256 rooms stay below 64 MiB with all they cost beside it.
pub(crate) const MAX_BYTES: usize = 128 * 1024;
/// A longer line is kept without its end: it may be longer than all that a room keeps, and one line must not
/// take the place of all others.
const LONG_LINE: usize = MAX_BYTES / 4;

/// One line that is kept.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Kept {
    pub(super) line: Line,
    pub(super) is_action: bool,
}

serializable!(Kept { line: Line, is_action: bool });

/// The size of one kept line without its text, in bytes.
#[cfg(test)]
pub(crate) const HISTORY_LINE: usize = size_of::<Kept>();

/// The last lines of one room.
#[derive(Debug)]
pub(super) struct History {
    limit: usize,
    lines: VecDeque<Kept>,
    bytes: usize,
    /// The number of the last line.
    seq: u64,
}

serializable!(History { limit: usize, lines: VecDeque<Kept>, bytes: usize, seq: u64 });

impl History {
    /// Keeps `limit` lines at most; the number of the first is the one after `seq`.
    pub(super) fn new(limit: usize, seq: u64) -> Self {
        Self { limit, lines: VecDeque::new(), bytes: 0, seq }
    }

    /// Gives out the next number.
    pub(super) fn next_seq(&mut self) -> u64 {
        self.seq += 1;
        self.seq
    }

    pub(super) fn keep(&mut self, line: &Line, is_action: bool) {
        if self.limit == 0 {
            return;
        }
        let mut line = line.clone();
        if line.body.as_str().len() > LONG_LINE {
            let text = line.body.as_str();
            let kept = text.get(..text.floor_char_boundary(LONG_LINE - '…'.len_utf8())).unwrap_or_default();
            let count = kept.chars().count();
            line.body = line.body.cut(count);
        }
        self.bytes += line.body.as_str().len();
        self.lines.push_back(Kept { line, is_action });
        while self.lines.len() > self.limit || self.bytes > MAX_BYTES {
            let Some(oldest) = self.lines.pop_front() else { break };
            self.bytes -= oldest.line.body.as_str().len();
        }
    }

    /// The last lines that `wanted` lets through, at most `count`, oldest first.
    pub(super) fn last(&self, count: usize, wanted: impl Fn(&Kept) -> bool) -> Vec<&Kept> {
        let mut lines: Vec<&Kept> = self.lines.iter().rev().filter(|kept| wanted(kept)).take(count).collect();
        lines.reverse();
        lines
    }

    /// The lines after line `seq`, and how many of these are not kept any more.
    pub(super) fn after(&self, seq: u64, wanted: impl Fn(&Kept) -> bool) -> (Vec<&Kept>, u64) {
        let oldest = self.lines.front().map_or(self.seq + 1, |kept| kept.line.seq);
        let lost = oldest.saturating_sub(seq.saturating_add(1)).min(self.seq.saturating_sub(seq));
        (self.lines.iter().filter(|kept| kept.line.seq > seq && wanted(kept)).collect(), lost)
    }

    /// How many of the lines that are kept `wanted` lets through.
    pub(super) fn count(&self, wanted: impl Fn(&Kept) -> bool) -> usize {
        self.lines.iter().filter(|kept| wanted(kept)).count()
    }

    /// Whether anything is kept.
    pub(super) fn holds_any(&self) -> bool {
        !self.lines.is_empty()
    }

    /// The number of the last line that was said.
    pub(super) fn last_seq(&self) -> u64 {
        self.seq
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::protocol::{Body, RoomName, SessionId, Speaker};
    use std::sync::Arc;

    fn said(history: &mut History, text: &str) {
        let from = Arc::new(Speaker { id: SessionId(1), address: "a".into(), name: "a".into(), visitor: None });
        let line =
            Line { room: RoomName::lobby(), from, body: Body::new(text).unwrap(), at: 0, seq: history.next_seq() };
        history.keep(&line, false);
    }

    fn seqs(lines: &[&Kept]) -> Vec<u64> {
        lines.iter().map(|kept| kept.line.seq).collect()
    }

    #[test]
    fn the_last_lines_are_kept_and_what_is_lost_is_known() {
        let mut history = History::new(3, 0);
        (0..5).for_each(|_| said(&mut history, "x"));
        assert_eq!(seqs(&history.last(10, |_| true)), [3, 4, 5]);
        assert_eq!(seqs(&history.last(2, |_| true)), [4, 5]);
        let after = |seq| {
            let (lines, lost) = history.after(seq, |_| true);
            (seqs(&lines), lost)
        };
        assert_eq!(after(0), (vec![3, 4, 5], 2));
        assert_eq!(after(1), (vec![3, 4, 5], 1));
        assert_eq!(after(2), (vec![3, 4, 5], 0));
        assert_eq!(after(4), (vec![5], 0));
        assert_eq!(after(5), (vec![], 0));
        assert_eq!(after(u64::MAX), (vec![], 0), "the future holds nothing yet");
    }

    #[test]
    fn it_is_bounded_in_bytes_too_and_may_be_off() {
        let mut history = History::new(1000, 0);
        (0..100).for_each(|_| said(&mut history, &"x".repeat(4096)));
        assert_eq!(history.last(1000, |_| true).len(), MAX_BYTES / 4096);
        // One line does not take the place of all others, however long it is.
        for text in ["\u{fffd}".repeat(65_535), "x".repeat(1 << 20), "𐓒".repeat(65_535)] {
            said(&mut history, &text);
            let lines = history.last(1000, |_| true);
            assert!(lines.len() > 10 && history.bytes <= MAX_BYTES, "{} lines", lines.len());
            let kept = lines.last().unwrap().line.body.as_str();
            assert!((LONG_LINE - 3..=LONG_LINE).contains(&kept.len()), "{} bytes", kept.len());
            assert!(kept.ends_with('…') && text.starts_with(kept.trim_end_matches('…')));
        }
        let fits = "x".repeat(LONG_LINE);
        said(&mut history, &fits);
        assert_eq!(history.last(1, |_| true)[0].line.body.as_str(), fits);
        let mut off = History::new(0, 0);
        (0..4).for_each(|_| said(&mut off, "x"));
        assert_eq!((off.last(10, |_| true).len(), off.last_seq()), (0, 4));
        let (lines, lost) = off.after(1, |_| true);
        assert_eq!((lines.len(), lost), (0, 3));
    }
}
