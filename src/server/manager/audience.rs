//! The listeners of a room, and the lines gathered for them.
//!
//! Listeners are kept in dense lists, one for each encoding in use, so that a broadcast needs no
//! look-up. A line is encoded once for each list, whatever the number of listeners. Each line is
//! marked, so that a session that must not see all lines gets its own ranges of the same bytes.

use std::ops::Range;

use crate::chat::{Filter, RoomIndex};
use crate::protocol::{Notice, SessionId};
use crate::wire::{Encoding, Rendering};

use super::super::outbox::Bytes;
use super::index::Index;

/// A buffer larger than this many bytes is given back after a flush.
pub(in super::super) const KEPT_CAPACITY: usize = 256 * 1024;

/// The end of one line in a chunk, and who must not see it.
#[derive(Debug)]
pub(in super::super) struct Mark {
    pub(super) end: usize,
    /// The number of the line among those of all rooms.
    pub(super) order: u64,
    pub(super) except: Option<Index>,
    /// The speaker, for filters.
    pub(super) said_by: Option<SessionId>,
    /// The number of a visit's name, for filters.
    pub(super) visitor: Option<SessionId>,
    pub(super) is_join_or_leave: bool,
}

impl Mark {
    /// Whether a listener with this filter gets the line.
    pub(super) fn is_for(&self, listener: Index, filter: Option<&Filter>) -> bool {
        let is_hidden =
            |filter: &Filter| filter.hides(self.said_by, self.is_join_or_leave) || filter.hides(self.visitor, false);
        self.except != Some(listener) && !filter.is_some_and(is_hidden)
    }
}

/// Lines of one room in one encoding that have not been sent.
#[derive(Debug, Default)]
pub(super) struct Chunk {
    pub(super) bytes: Bytes,
    pub(super) marks: Vec<Mark>,
}

impl Chunk {
    /// The bytes of a line.
    pub(super) fn range(&self, line: usize) -> Option<Range<usize>> {
        let end = self.marks.get(line)?.end;
        let start = line.checked_sub(1).and_then(|before| self.marks.get(before)).map_or(0, |mark| mark.end);
        Some(start..end)
    }
}

/// The listeners in one encoding, and their chunk.
#[derive(Debug)]
pub(super) struct List {
    encoding: Encoding,
    pub(super) listeners: Vec<Index>,
    pub(super) chunk: Chunk,
}

/// Where a listener is: the number of its list, and its place there.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Place {
    pub(super) list: usize,
    pub(super) index: usize,
}

/// The listeners of one room.
#[derive(Debug, Default)]
pub(super) struct Audience {
    /// The numbers of lists do not change. A list that nobody uses any more is used for another encoding.
    lists: Vec<List>,
    /// Counts the flushes. A listener refers to lines of the present chunk with it.
    pub(super) flushes: u64,
    /// Whether lines have been gathered since the last flush.
    has_lines: bool,
}

impl Audience {
    /// Adds a listener; returns its place and the number of lines that came before it.
    pub(super) fn add(&mut self, listener: Index, encoding: Encoding) -> (Place, usize) {
        let is_unused = |list: &List| list.listeners.is_empty() && list.chunk.marks.is_empty();
        let in_use = self.lists.iter().position(|list| list.encoding == encoding);
        let number = match in_use.or_else(|| self.lists.iter().position(is_unused)) {
            Some(number) => number,
            None => {
                self.lists.push(List { encoding, listeners: Vec::new(), chunk: Chunk::default() });
                self.lists.len() - 1
            }
        };
        let Some(list) = self.lists.get_mut(number) else { return (Place { list: number, index: 0 }, 0) };
        list.encoding = encoding;
        list.listeners.push(listener);
        (Place { list: number, index: list.listeners.len() - 1 }, list.chunk.marks.len())
    }

    /// Removes the listener at `place`; returns the listener that is there now.
    pub(super) fn remove(&mut self, place: Place) -> Option<Index> {
        let listeners = &mut self.lists.get_mut(place.list)?.listeners;
        if place.index < listeners.len() {
            listeners.swap_remove(place.index);
        }
        listeners.get(place.index).copied()
    }

    /// Adds a line for everybody but `except`; `order` is its number. Returns the bytes by which the longest
    /// chunk grew, and its length.
    fn gather(&mut self, notice: &Notice, order: u64, except: Option<Index>) -> (usize, usize) {
        let (said_by, visitor, is_join_or_leave) = (notice.said_by(), notice.visitor(), notice.is_join_or_leave());
        let mut rendering = Rendering::new(notice);
        let (mut grown, mut longest) = (0, 0);
        for List { encoding, listeners, chunk } in &mut self.lists {
            if listeners.is_empty() {
                continue;
            }
            let before = chunk.bytes.len();
            chunk.bytes.append(|out| rendering.append(*encoding, None, out));
            let end = chunk.bytes.len();
            if end > before {
                chunk.marks.push(Mark { end, order, except, said_by, visitor, is_join_or_leave });
            }
            grown = grown.max(end - before);
            longest = longest.max(end);
        }
        (grown, longest)
    }

    fn clear(&mut self) {
        self.flushes += 1;
        self.has_lines = false;
        for List { chunk, .. } in &mut self.lists {
            chunk.marks.clear();
            chunk.bytes.clear(KEPT_CAPACITY);
        }
    }
}

/// The audiences of all rooms, and which of them have lines to send.
#[derive(Debug, Default)]
pub(super) struct Audiences {
    rooms: Vec<Audience>,
    talking: Vec<RoomIndex>,
    /// Counts the lines of all rooms.
    lines: u64,
    /// Bytes of the longest chunk.
    pub(super) longest: usize,
}

impl Audiences {
    pub(super) fn of(&self, room: RoomIndex) -> Option<&Audience> {
        self.rooms.get(room.index())
    }

    pub(super) fn of_mut(&mut self, room: RoomIndex) -> Option<&mut Audience> {
        if self.rooms.len() <= room.index() {
            self.rooms.resize_with(room.index() + 1, Audience::default);
        }
        self.rooms.get_mut(room.index())
    }

    /// The chunk of one list of a room.
    pub(super) fn chunk(&self, room: RoomIndex, list: usize) -> Option<&Chunk> {
        self.of(room)?.lists.get(list).map(|list| &list.chunk)
    }

    /// Adds a line to a room's chunks. Returns the bytes by which the longest of them grew.
    pub(super) fn gather(&mut self, room: RoomIndex, notice: &Notice, except: Option<Index>) -> usize {
        self.lines += 1;
        let order = self.lines;
        let Some(audience) = self.of_mut(room) else { return 0 };
        let is_first = !std::mem::replace(&mut audience.has_lines, true);
        let (grown, longest) = audience.gather(notice, order, except);
        self.longest = self.longest.max(longest);
        if is_first {
            self.talking.push(room);
        }
        grown
    }

    /// The lists that have lines to send.
    pub(super) fn with_lines(&self) -> impl Iterator<Item = &List> {
        let lists = self.talking.iter().filter_map(|room| self.of(*room)).flat_map(|audience| &audience.lists);
        lists.filter(|list| !list.chunk.marks.is_empty())
    }

    /// Forgets all lines, because they have been sent.
    pub(super) fn clear(&mut self) {
        self.longest = 0;
        for room in std::mem::take(&mut self.talking) {
            self.of_mut(room).into_iter().for_each(Audience::clear);
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;
    use crate::protocol::{Body, Line, RoomName, Speaker};
    use crate::wire::Framing;
    #[cfg(feature = "web")]
    use crate::wire::web::WebEncoding;

    fn said() -> Notice {
        let speaker = Speaker { id: SessionId(1), address: "a".into(), name: "bob".into(), visitor: None };
        let (from, body) = (Arc::new(speaker), Body::new("hi").unwrap());
        Notice::Said(Line { room: RoomName::lobby(), from, body, at: 1, seq: 1 })
    }

    fn lines_and_bytes(audience: &Audience) -> Vec<(Encoding, usize, usize)> {
        let lists = audience.lists.iter();
        lists.map(|list| (list.encoding, list.chunk.marks.len(), list.chunk.bytes.len())).collect()
    }

    #[test]
    fn line_is_encoded_once_per_encoding_in_use() {
        let mut heard_in = vec![Encoding::Relay, Encoding::Frame, Encoding::Json(Framing::Gf2)];
        #[cfg(feature = "web")]
        heard_in.extend([WebEncoding::Socket, WebEncoding::Sse].map(Encoding::Web));
        for listeners in [1, 2, 500] {
            let mut audience = Audience::default();
            for encoding in &heard_in {
                (0..listeners).for_each(|listener| _ = audience.add(Index(listener), *encoding));
            }
            (0..3).for_each(|order| _ = audience.gather(&said(), order, None));
            let expected = heard_in.iter().map(|encoding| {
                let mut once = Vec::new();
                encoding.encode(&said(), None, &mut once);
                (*encoding, 3, 3 * once.len())
            });
            assert_eq!(lines_and_bytes(&audience), expected.collect::<Vec<_>>(), "{listeners} listeners each");
        }
    }

    #[test]
    fn unused_list_serves_another_encoding() {
        let mut audience = Audience::default();
        let (relay, _) = audience.add(Index(0), Encoding::Relay);
        audience.gather(&said(), 0, None);
        assert_eq!(audience.remove(relay), None);
        let (frame, before) = audience.add(Index(1), Encoding::Frame);
        assert_eq!((frame.list, before), (1, 0), "the first list still has a line to send");
        assert_eq!(audience.add(Index(2), Encoding::Relay), (relay, 1), "which came before this listener");
        audience.remove(relay);
        audience.clear();
        let (json, before) = audience.add(Index(3), Encoding::Json(Framing::Gf2));
        assert_eq!((json, before), (relay, 0));
    }

    #[test]
    fn removed_listener_is_replaced_by_the_last() {
        let mut audience = Audience::default();
        let places = [0, 1, 2].map(|listener| audience.add(Index(listener), Encoding::Relay).0);
        assert_eq!(audience.remove(places[0]), Some(Index(2)));
        assert_eq!(audience.remove(places[1]), None);
    }

    #[test]
    fn mark_excludes_by_session_and_filter() {
        let (bob, visitor) = (SessionId(7), SessionId(8));
        let mark = Mark {
            end: 1,
            order: 0,
            except: Some(Index(3)),
            said_by: Some(bob),
            visitor: Some(visitor),
            is_join_or_leave: true,
        };
        assert!(mark.is_for(Index(4), None) && !mark.is_for(Index(3), None));
        let hides =
            |quiet, ignored: &[SessionId]| !mark.is_for(Index(4), Some(&Filter { quiet, ignored: ignored.to_vec() }));
        assert!(hides(true, &[]) && hides(false, &[bob]) && hides(false, &[visitor]));
        assert!(!hides(false, &[SessionId(9)]));
    }
}
