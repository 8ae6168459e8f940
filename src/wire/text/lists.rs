//! The lists of people and of rooms. One entry is one line, so that a program can count them. Typed text
//! in an entry, a reason or a topic, is cut to fit.

use unicode_width::UnicodeWidthStr as _;

use super::wrap::{COLUMNS, Page, cut};
use crate::protocol::{Age, Away, Presence, RoomInfo, RoomName};

/// Least columns for a reason or a topic; with fewer it is left out.
const SHORTEST_CUT: usize = 8;

/// The answer to `/who`.
pub(super) fn names(room: &RoomName, people: &[Presence], page: &mut Page<'_>) {
    page.info(format_args!("{} here in {room}:", people.len()));
    for one in people {
        let mut entry = format!("  {}  idle {}, here {}", one.who.name, Age(one.idle), Age(one.here));
        match &one.away {
            None => {}
            Some(Away(None)) => entry.push_str(", away"),
            Some(Away(Some(why))) => {
                entry.push_str(", away");
                add(&mut entry, ": ", why.as_str());
            }
        }
        page.info(format_args!("{entry}"));
    }
    page.info(format_args!("end of list"));
}

/// The answer to `/rooms`.
pub(super) fn rooms(rooms: &[RoomInfo], page: &mut Page<'_>) {
    page.info(format_args!("rooms:"));
    for RoomInfo { name, people, topic } in rooms {
        let noun = if *people == 1 { "person" } else { "people" };
        let mut entry = format!("  {name}  {people} {noun}");
        if let Some(topic) = topic {
            add(&mut entry, "  ", topic.as_str());
        }
        page.info(format_args!("{entry}"));
    }
    page.info(format_args!("end of list"));
}

/// Appends `between` and as much of `text` as fits the entry's line.
fn add(entry: &mut String, between: &str, text: &str) {
    let left = (COLUMNS - "*** ".len()).saturating_sub(entry.width() + between.len());
    if left >= SHORTEST_CUT || text.width() <= left {
        entry.push_str(between);
        entry.push_str(&cut(text, left.saturating_sub(1)));
    }
}
