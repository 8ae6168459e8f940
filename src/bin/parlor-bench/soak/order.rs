//! The history of a room as its listeners heard it, checked while it happens.
//!
//! One listener leads: what it hears is the order. Every other one must hear the same lines in the
//! same order from its first line to its last, none missing and none twice; and in that order each
//! talker's lines count from 0 without a gap. Whoever comes in later is placed by its first line,
//! before which must stand the last one that it was shown of the past.
//!
//! Memory is bounded: of the order only its end is kept, of each talker one number.

use std::collections::VecDeque;

/// What begins the part of a line that is checked, and stands nowhere else.
const MARK: u8 = b'`';
/// Bytes of talker, number and length, in hexadecimal, behind the mark.
const HEAD: usize = 8 + 8 + 4;
/// So much of the order is kept for those who come in: many seconds of it.
const KEPT: u64 = 1 << 15;
/// A listener that is so far ahead of the one who leads has heard what nobody else has.
const AHEAD: usize = 1 << 20;
/// Faults that are told in full; the rest is counted.
const TOLD: usize = 20;

/// One line: who said it, and its number among theirs, from 0.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Key {
    pub(super) talker: u32,
    pub(super) number: u32,
}

impl Key {
    /// What is said: the key, and `filler` bytes after it.
    pub(super) fn spell(self, filler: u16) -> String {
        let Self { talker, number } = self;
        format!("{}{talker:08x}{number:08x}{filler:04x}{}.", MARK as char, "x".repeat(usize::from(filler)))
    }

    /// What `line` says; `None` if it is none of ours, an error if it is and not whole.
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

/// The order, and what was found wrong.
#[derive(Debug, Default)]
pub(super) struct Order {
    lines: VecDeque<Key>,
    /// The place of the first line that is kept.
    first: u64,
    /// By talker, the number that comes next.
    next: Vec<u32>,
    /// How many deliveries were compared.
    pub(super) checked: u64,
    pub(super) faults: u64,
    pub(super) told: Vec<String>,
}

impl Order {
    /// How many lines there are.
    pub(super) fn end(&self) -> u64 {
        self.first + self.lines.len() as u64
    }

    /// How many lines of this talker are in it.
    pub(super) fn said_by(&self, talker: u32) -> u32 {
        self.next.get(talker as usize).copied().unwrap_or(0)
    }

    pub(super) fn fault(&mut self, what: impl FnOnce() -> String) {
        self.faults += 1;
        if self.told.len() < TOLD {
            self.told.push(what());
        }
    }

    fn get(&self, place: u64) -> Option<Key> {
        self.lines.get(usize::try_from(place.checked_sub(self.first)?).ok()?).copied()
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

    /// Forgets what nobody needs who has heard everything before `place`.
    pub(super) fn forget_before(&mut self, place: u64) {
        while self.first + KEPT < place && self.lines.pop_front().is_some() {
            self.first += 1;
        }
    }
}

/// One listener, from its greeting to its end.
#[derive(Debug)]
pub(super) struct Listener {
    pub(super) name: String,
    /// Heard and not compared yet.
    heard: VecDeque<Key>,
    /// Where in the order the next line stands, once that is known.
    place: Option<u64>,
    /// The last line that it was shown of what was said before it came.
    past: Option<Key>,
    /// Something was wrong with it: it has been told once.
    lost: bool,
}

impl Listener {
    pub(super) fn new(name: String) -> Self {
        Self { name, heard: VecDeque::new(), place: None, past: None, lost: false }
    }

    /// It was shown a line of the past; that says nothing once it has heard one of the present.
    pub(super) fn is_shown(&mut self, key: Key) {
        if self.place.is_none() && self.heard.is_empty() {
            self.past = Some(key);
        }
    }

    /// Whether something was wrong with it.
    pub(super) fn is_lost(&self) -> bool {
        self.lost
    }

    pub(super) fn hears(&mut self, key: Key) {
        if !self.lost {
            self.heard.push_back(key);
        }
    }

    /// Everything before this place it has heard; `None` until its first line has been found.
    pub(super) fn place(&self) -> Option<u64> {
        self.place.filter(|_| !self.lost)
    }

    /// Whether all that it heard has been compared.
    pub(super) fn is_checked(&self) -> bool {
        self.heard.is_empty()
    }

    /// Compares what it has heard with the order, as far as that goes; who leads makes the order.
    pub(super) fn compare(&mut self, order: &mut Order, leads: bool) {
        while let Some(key) = self.heard.front().copied() {
            let Some(place) = self.place.or_else(|| self.find_place(key, order, leads)) else { break };
            self.place = Some(place);
            if place < order.end() {
                let due = order.get(place);
                if due != Some(key) {
                    return self.lose(order, || format!("heard {key:?} where {due:?} was due, at {place}"));
                }
            } else if leads {
                order.extend(key);
            } else {
                break;
            }
            self.place = Some(place + 1);
            self.heard.pop_front();
            order.checked += 1;
        }
        if self.heard.len() > AHEAD {
            self.lose(order, || "heard a million lines which the one who leads has not".to_owned());
        }
    }

    fn find_place(&mut self, key: Key, order: &mut Order, leads: bool) -> Option<u64> {
        let place = match order.find(key) {
            Some(place) => place,
            None if leads => order.end(),
            None => return None,
        };
        let before = place.checked_sub(1).and_then(|before| order.get(before));
        if let (Some(past), Some(before)) = (self.past, before)
            && past != before
        {
            let name = &self.name;
            order.fault(|| format!("{name}: {key:?} is the first after {past:?} of the past, but not in the order"));
        }
        Some(place)
    }

    pub(super) fn lose(&mut self, order: &mut Order, what: impl FnOnce() -> String) {
        let name = &self.name;
        if !self.lost {
            order.fault(|| format!("{name}: {}", what()));
        }
        self.lost = true;
        self.heard.clear();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn key(talker: u32, number: u32) -> Key {
        Key { talker, number }
    }

    /// What is wrong when the first listener hears `leader` and a second one `other`.
    fn faults(leader: &[Key], past: Option<Key>, other: &[Key]) -> u64 {
        let mut order = Order::default();
        let mut listeners = [Listener::new("one".into()), Listener::new("two".into())];
        listeners[1].past = past;
        other.iter().for_each(|key| listeners[1].hears(*key));
        listeners[1].compare(&mut order, false);
        leader.iter().for_each(|key| listeners[0].hears(*key));
        listeners[0].compare(&mut order, true);
        listeners[1].compare(&mut order, false);
        order.faults + u64::from(!listeners[1].is_checked())
    }

    #[test]
    fn what_is_spelt_is_read_whole_or_not_at_all() {
        for filler in [0, 1, 900] {
            let line = format!("[a]b: {}\r", key(7, u32::MAX).spell(filler));
            assert_eq!(Key::read(line.as_bytes()), Some(Ok(key(7, u32::MAX))));
            for cut in 7..line.len() - 1 {
                assert_eq!(Key::read(&line.as_bytes()[..cut]), Some(Err(())), "cut at {cut}");
            }
        }
        assert_eq!(Key::read(b"[a]b: hello"), None);
    }

    #[test]
    fn one_order_each_line_once() {
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
    fn each_talker_counts() {
        assert_eq!(faults(&[key(0, 0), key(0, 2)], None, &[]), 1, "a line was lost for all");
        assert_eq!(faults(&[key(0, 0), key(0, 0)], None, &[]), 1, "doubled for all");
        assert_eq!(faults(&[key(0, 1), key(0, 0)], None, &[]), 2, "turned round for all");
    }

    #[test]
    fn only_the_end_is_kept() {
        let mut order = Order::default();
        let mut one = Listener::new("one".into());
        for number in 0..200_000 {
            one.hears(key(0, number));
            one.compare(&mut order, true);
            order.forget_before(order.end());
        }
        assert_eq!((order.end(), order.faults, order.lines.len() as u64), (200_000, 0, KEPT));
    }
}
