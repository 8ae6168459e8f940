//! Who hears a room, and the lines that are gathered for them.
//!
//! Listeners stand in dense lists, one for each encoding, so that a delivery needs no look-up. A
//! line is encoded once for each encoding that somebody listens in, whatever the number of
//! listeners, and marked, so that those who must not see it can be given the rest.

use std::ops::Range;

use crate::chat::Filter;
use crate::protocol::{Notice, SessionId};
use crate::wire::{Encoding, Rendering};

use super::super::slot::SlotIndex;

/// A chunk's buffer that has grown beyond this is given back.
pub(in super::super) const KEPT_CAPACITY: usize = 256 * 1024;

/// The end of one line in a chunk, and who must not see it.
#[derive(Debug)]
pub(in super::super) struct Mark {
    pub(in super::super) end: usize,
    pub(in super::super) except: Option<SlotIndex>,
    /// What filters go by.
    pub(in super::super) said_by: Option<SessionId>,
    /// The number of a visit's name; filters go by it too.
    pub(in super::super) visitor: Option<SessionId>,
    pub(in super::super) is_join_or_leave: bool,
}

/// Lines of one room in one encoding, not sent yet.
#[derive(Debug, Default)]
pub(in super::super) struct Chunk {
    pub(in super::super) bytes: Vec<u8>,
    pub(in super::super) marks: Vec<Mark>,
}

impl Chunk {
    /// The ranges that `slot` gets of what comes after its first `heard` bytes; returns the lines
    /// in them.
    pub(in super::super) fn ranges_for(
        &self,
        slot: SlotIndex,
        heard: usize,
        filter: Option<&Filter>,
        ranges: &mut Vec<Range<usize>>,
    ) -> usize {
        let mut start = heard;
        let mut lines = 0;
        for mark in self.marks.iter().skip_while(|mark| mark.end <= heard) {
            let filtered = filter.is_some_and(|filter| {
                filter.hides(mark.said_by, mark.is_join_or_leave) || filter.hides(mark.visitor, false)
            });
            if mark.except != Some(slot) && !filtered {
                lines += 1;
                match ranges.last_mut() {
                    Some(last) if last.end == start => last.end = mark.end,
                    _ => ranges.push(start..mark.end),
                }
            }
            start = mark.end;
        }
        lines
    }
}

/// The listeners of one room in one encoding, and the lines gathered for them.
#[derive(Debug)]
pub(super) struct Group {
    encoding: Encoding,
    pub(super) slots: Vec<SlotIndex>,
    pub(super) chunk: Chunk,
}

/// The chunk of an encoding that nobody listens in.
static NO_LINES: Chunk = Chunk { bytes: Vec::new(), marks: Vec::new() };

/// The listeners of one room.
#[derive(Debug)]
pub(in super::super) struct Audience {
    /// One for each encoding in use.
    groups: Vec<Group>,
    /// Counts the chunks that were sent, from 1; a session refers to the present one by it.
    pub(in super::super) stamp: u64,
    talking: bool,
    /// The length of the longest chunk, in bytes.
    pub(in super::super) longest: usize,
}

impl Audience {
    pub(in super::super) fn new() -> Self {
        Self { groups: Vec::new(), stamp: 1, talking: false, longest: 0 }
    }

    pub(in super::super) fn chunk(&self, encoding: Encoding) -> &Chunk {
        self.groups.iter().find(|group| group.encoding == encoding).map_or(&NO_LINES, |group| &group.chunk)
    }

    /// The listeners and lines of each encoding in use.
    pub(super) fn groups(&self) -> &[Group] {
        &self.groups
    }

    /// Whether lines have been gathered since the last [`Audience::clear_chunks`].
    pub(in super::super) fn is_talking(&self) -> bool {
        self.talking
    }

    /// Adds a listener; returns its index among those of its encoding.
    pub(in super::super) fn add(&mut self, slot: SlotIndex, encoding: Encoding) -> usize {
        let group = match self.groups.iter_mut().find(|group| group.encoding == encoding) {
            Some(group) => group,
            None => self.groups.push_mut(Group { encoding, slots: Vec::new(), chunk: Chunk::default() }),
        };
        group.slots.push(slot);
        group.slots.len() - 1
    }

    /// Removes the listener at `index`; returns the slot that stands there now.
    pub(in super::super) fn remove(&mut self, index: usize, encoding: Encoding) -> Option<SlotIndex> {
        let group = self.groups.iter_mut().find(|group| group.encoding == encoding)?;
        if index < group.slots.len() {
            group.slots.swap_remove(index);
        }
        let moved = group.slots.get(index).copied();
        self.drop_unused();
        moved
    }

    /// Adds a line; returns the bytes of the longest chunk.
    pub(in super::super) fn gather(&mut self, notice: &Notice, except: Option<SlotIndex>) -> usize {
        self.talking = true;
        let mut longest = 0;
        let mut rendering = Rendering::new(notice);
        for Group { encoding, slots, chunk } in &mut self.groups {
            if !slots.is_empty() {
                let before = chunk.bytes.len();
                rendering.append(*encoding, None, &mut chunk.bytes);
                if chunk.bytes.len() > before {
                    let (said_by, visitor, is_join_or_leave) =
                        (notice.said_by(), notice.visitor(), notice.is_join_or_leave());
                    chunk.marks.push(Mark { end: chunk.bytes.len(), except, said_by, visitor, is_join_or_leave });
                }
                longest = longest.max(chunk.bytes.len());
            }
        }
        self.longest = longest;
        longest
    }

    /// Forgets the lines, which have been sent.
    pub(in super::super) fn clear_chunks(&mut self) {
        self.stamp += 1;
        self.talking = false;
        self.longest = 0;
        for Group { chunk, .. } in &mut self.groups {
            chunk.marks.clear();
            chunk.bytes.clear();
            if chunk.bytes.capacity() > KEPT_CAPACITY {
                chunk.bytes = Vec::new();
            }
        }
        self.drop_unused();
    }

    /// Drops the encodings that nobody listens in. One with unsent lines stays until they are cleared:
    /// the last listener has had them, and one who comes back must not get them again.
    fn drop_unused(&mut self) {
        self.groups.retain(|group| !group.slots.is_empty() || !group.chunk.bytes.is_empty());
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;
    use crate::protocol::{Body, Line, RoomName, Speaker};
    use crate::wire::{Framing, Style};

    #[test]
    fn a_line_is_encoded_once_for_each_format_that_is_listened_in() {
        let speaker = Speaker { id: SessionId(1), address: "a".into(), name: "bob".into(), visitor: None };
        let (from, body) = (Arc::new(speaker), Body::new("hi").unwrap());
        let said = Notice::Said(Line { room: RoomName::lobby(), from, body, at: 1, seq: 1 });
        let crlf = Encoding::Text(Style { crlf: true, ..Style::PLAIN });
        let heard_in = [crlf, Encoding::Relay, Encoding::Frame, Encoding::Json(Framing::Gf2)];
        for listeners in [1, 2, 500] {
            let mut audience = Audience::new();
            for encoding in heard_in {
                (0..listeners).for_each(|slot| _ = audience.add(SlotIndex(slot), encoding));
            }
            (0..3).for_each(|_| _ = audience.gather(&said, None));
            for encoding in heard_in.into_iter().chain([Encoding::Text(Style::PLAIN)]) {
                let mut once = Vec::new();
                encoding.encode(&said, None, &mut once);
                let lines = if heard_in.contains(&encoding) { 3 } else { 0 };
                let Chunk { bytes, marks } = audience.chunk(encoding);
                assert_eq!((marks.len(), bytes.len()), (lines, lines * once.len()), "{listeners} {encoding:?}");
            }
        }
    }

    #[test]
    #[expect(clippy::single_range_in_vec_init, reason = "the lists of ranges under test are often of one")]
    fn a_member_gets_its_own_ranges_of_the_shared_bytes() {
        let mark = |end, from: Option<u32>| Mark {
            end,
            except: from.map(SlotIndex),
            said_by: Some(SessionId(end as u64)),
            visitor: None,
            is_join_or_leave: end == 40,
        };
        let chunk = Chunk {
            bytes: vec![0; 50],
            marks: vec![mark(10, None), mark(20, Some(1)), mark(30, Some(2)), mark(40, None), mark(50, Some(1))],
        };
        let ranges = |slot, heard| {
            let mut ranges = Vec::new();
            let lines = chunk.ranges_for(SlotIndex(slot), heard, None, &mut ranges);
            (lines, ranges)
        };
        assert_eq!(ranges(9, 0), (5, vec![0..50]));
        assert_eq!(ranges(1, 0), (3, vec![0..10, 20..40]));
        assert_eq!(ranges(2, 0), (4, vec![0..20, 30..50]));
        assert_eq!(ranges(1, 10), (2, vec![20..40]));
        assert_eq!(ranges(9, 30), (2, vec![30..50]));
        assert_eq!(ranges(1, 40), (0, vec![]));
        let mut filtered = Vec::new();
        let filter = Filter { quiet: true, ignored: vec![SessionId(20)] };
        assert_eq!(chunk.ranges_for(SlotIndex(9), 0, Some(&filter), &mut filtered), 3);
        assert_eq!(filtered, [0..10, 20..30, 40..50]);
    }
}
