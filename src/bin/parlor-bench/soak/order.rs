//! The order of a room's lines, checked while listeners receive them.
//!
//! One listener leads: its lines are the order. Each other listener must receive the same lines in the same order
//! from its first line to its last, none missing and none doubled. In that order each talker's lines count from 0
//! without a gap. The first line of a later listener gives its position; the line before it must be the last line of
//! the history that the listener was shown.
//!
//! Memory is bounded: only the end of the order is kept, and one number for each talker.

use std::collections::VecDeque;

use super::shared::FaultLog;

/// The first byte of the checked part of a line, which nothing else contains.
const MARK: u8 = b'`';
/// Bytes of talker, number and length, in hexadecimal, behind the mark.
const HEAD: usize = 8 + 8 + 4;
/// Lines of the order that are kept for later listeners: many seconds.
const KEPT_LINES: u64 = 1 << 15;
/// Most lines that a listener may be ahead of the leader. More are lines that no other listener has.
const MAX_AHEAD: usize = 1 << 20;
/// The key of a line: its talker, and its number among the talker's lines, from 0.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Key {
    pub(super) talker: u32,
    pub(super) number: u32,
}

impl Key {
    /// The line: the key, and `filler` bytes after it.
    pub(super) fn line(self, filler: u16) -> String {
        let Self { talker, number } = self;
        format!("{}{talker:08x}{number:08x}{filler:04x}{}.", MARK as char, "x".repeat(usize::from(filler)))
    }

    /// The key in `line`. `None` if there is none, an error if it is not whole.
    pub(super) fn read(line: &[u8]) -> Option<Result<Self, ()>> {
        let at = memchr::memchr(MARK, line)? + 1;
        let whole = || {
            let number = |from: usize, to: usize| {
                let digits = std::str::from_utf8(line.get(at + from..at + to)?).ok()?;
                u32::from_str_radix(digits, 16).ok()
            };
            let (talker, said, filler) = (number(0, 8)?, number(8, 16)?, number(16, HEAD)? as usize);
            let rest = line.get(at + HEAD..=at + HEAD + filler)?;
            let (dot, filler) = rest.split_last()?;
            (*dot == b'.' && filler.iter().all(|byte| *byte == b'x')).then_some(Self { talker, number: said })
        };
        Some(whole().ok_or(()))
    }
}

/// The order, and the faults.
#[derive(Debug, Default)]
pub(super) struct Order {
    lines: VecDeque<Key>,
    /// The position of the first line that is kept.
    first: u64,
    /// The next number of each talker.
    next: Vec<u32>,
    /// The number of compared deliveries.
    pub(super) checked: u64,
    pub(super) faults: FaultLog,
}

impl Order {
    /// The number of lines so far.
    pub(super) fn end(&self) -> u64 {
        self.first + self.lines.len() as u64
    }

    /// The number of lines of this talker.
    pub(super) fn said_by(&self, talker: u32) -> u32 {
        self.next.get(talker as usize).copied().unwrap_or(0)
    }

    pub(super) fn fault(&mut self, what: impl FnOnce() -> String) {
        self.faults.add(what);
    }

    fn get(&self, position: u64) -> Option<Key> {
        self.lines.get(usize::try_from(position.checked_sub(self.first)?).ok()?).copied()
    }

    fn find(&self, key: Key) -> Option<u64> {
        self.lines.iter().rposition(|line| *line == key).map(|at| self.first + at as u64)
    }

    fn extend(&mut self, key: Key) {
        let talker = key.talker as usize;
        if self.next.len() <= talker {
            self.next.resize(talker + 1, 0);
        }
        let next = self.next[talker];
        if key.number != next {
            self.fault(|| format!("line {} of talker {talker} where its line {next} was due", key.number));
        }
        self.next[talker] = key.number.saturating_add(1);
        self.lines.push_back(key);
    }

    /// Drops lines that no listener needs, if all have received everything before `position`.
    pub(super) fn forget_before(&mut self, position: u64) {
        while self.first + KEPT_LINES < position && self.lines.pop_front().is_some() {
            self.first += 1;
        }
    }
}

/// One listener, from its join to its end.
#[derive(Debug)]
pub(super) struct Listener {
    pub(super) name: String,
    /// Received lines that are not compared yet.
    heard: VecDeque<Key>,
    /// The position of the next line in the order, once it is known.
    position: Option<u64>,
    /// The last line of the history that the listener was shown.
    history: Option<Key>,
    /// A fault was found, and reported once.
    has_failed: bool,
}

impl Listener {
    pub(super) fn new(name: String) -> Self {
        Self { name, heard: VecDeque::new(), position: None, history: None, has_failed: false }
    }

    /// Notes a line of the history. Ignored after the first new line.
    pub(super) fn note_history(&mut self, key: Key) {
        if self.position.is_none() && self.heard.is_empty() {
            self.history = Some(key);
        }
    }

    /// Whether a fault was found.
    pub(super) fn has_failed(&self) -> bool {
        self.has_failed
    }

    /// Notes a received line.
    pub(super) fn hears(&mut self, key: Key) {
        if !self.has_failed {
            self.heard.push_back(key);
        }
    }

    /// The listener has received everything before this position. `None` until its first line is found.
    pub(super) fn position(&self) -> Option<u64> {
        self.position.filter(|_| !self.has_failed)
    }

    /// Whether all received lines have been compared.
    pub(super) fn is_checked(&self) -> bool {
        self.heard.is_empty()
    }

    /// Compares the received lines with the order, as far as that goes. The leader extends the order.
    pub(super) fn compare(&mut self, order: &mut Order, leads: bool) {
        while let Some(key) = self.heard.front().copied() {
            let Some(position) = self.position.or_else(|| self.find_position(key, order, leads)) else { break };
            self.position = Some(position);
            if position < order.end() {
                let due = order.get(position);
                if due != Some(key) {
                    return self.fail(order, || format!("heard {key:?} where {due:?} was due, at {position}"));
                }
            } else if leads {
                order.extend(key);
            } else {
                break;
            }
            self.position = Some(position + 1);
            self.heard.pop_front();
            order.checked += 1;
        }
        if self.heard.len() > MAX_AHEAD {
            self.fail(order, || "heard a million lines which the leader has not".to_owned());
        }
    }

    fn find_position(&mut self, key: Key, order: &mut Order, leads: bool) -> Option<u64> {
        let position = match order.find(key) {
            Some(position) => position,
            None if leads => order.end(),
            None => return None,
        };
        let before = position.checked_sub(1).and_then(|before| order.get(before));
        if let (Some(history), Some(before)) = (self.history, before)
            && history != before
        {
            let name = &self.name;
            order.fault(|| {
                format!("{name}: {key:?} is the first after {history:?} of the history, but not in the order")
            });
        }
        Some(position)
    }

    /// Records a fault of this listener, and compares no more of its lines.
    pub(super) fn fail(&mut self, order: &mut Order, what: impl FnOnce() -> String) {
        let name = &self.name;
        if !self.has_failed {
            order.fault(|| format!("{name}: {}", what()));
        }
        self.has_failed = true;
        self.heard.clear();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn key(talker: u32, number: u32) -> Key {
        Key { talker, number }
    }

    /// The faults if the leader receives `leader` and a second listener `other`.
    fn faults(leader: &[Key], history: Option<Key>, other: &[Key]) -> u64 {
        let mut order = Order::default();
        let mut listeners = [Listener::new("one".into()), Listener::new("two".into())];
        listeners[1].history = history;
        other.iter().for_each(|key| listeners[1].hears(*key));
        listeners[1].compare(&mut order, false);
        leader.iter().for_each(|key| listeners[0].hears(*key));
        listeners[0].compare(&mut order, true);
        listeners[1].compare(&mut order, false);
        order.faults.count + u64::from(!listeners[1].is_checked())
    }

    #[test]
    fn key_is_read_whole_or_not_at_all() {
        for filler in [0, 1, 900] {
            let line = format!("[a]b: {}\r", key(7, u32::MAX).line(filler));
            assert_eq!(Key::read(line.as_bytes()), Some(Ok(key(7, u32::MAX))));
            for cut in 7..line.len() - 1 {
                assert_eq!(Key::read(&line.as_bytes()[..cut]), Some(Err(())), "cut at {cut}");
            }
        }
        assert_eq!(Key::read(b"[a]b: hello"), None);
    }

    #[test]
    fn listener_receives_order_without_gaps() {
        let said = [key(0, 0), key(1, 0), key(0, 1), key(1, 1)];
        assert_eq!(faults(&said, None, &said), 0);
        assert_eq!(faults(&said, None, &said[2..]), 0, "it came later");
        assert_eq!(faults(&said, Some(said[1]), &said[2..3]), 0, "and went earlier");
        assert_eq!(faults(&said, Some(said[0]), &said[2..]), 1, "a line between the past and the first is missing");
        assert_eq!(faults(&said, None, &[said[0], said[2]]), 1, "a line is missing");
        assert_eq!(faults(&said, None, &[said[0], said[0], said[1]]), 1, "a line came twice");
        assert_eq!(faults(&said, None, &[said[1], said[0]]), 1, "another order");
        assert_eq!(faults(&said, None, &[said[0], said[1], said[2], said[3], key(9, 9)]), 1, "heard by nobody else");
    }

    #[test]
    fn talker_lines_count_without_gap() {
        assert_eq!(faults(&[key(0, 0), key(0, 2)], None, &[]), 1, "a line was lost for all");
        assert_eq!(faults(&[key(0, 0), key(0, 0)], None, &[]), 1, "doubled for all");
        assert_eq!(faults(&[key(0, 1), key(0, 0)], None, &[]), 2, "turned round for all");
    }

    #[test]
    fn order_keeps_its_end_only() {
        let mut order = Order::default();
        let mut one = Listener::new("one".into());
        for number in 0..200_000 {
            one.hears(key(0, number));
            one.compare(&mut order, true);
            order.forget_before(order.end());
        }
        assert_eq!((order.end(), order.faults.count, order.lines.len() as u64), (200_000, 0, KEPT_LINES));
    }
}
