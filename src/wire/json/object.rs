//! The JSON object of a notice: serialized once, marked and cut for each framing that asks for it.

use std::borrow::Cow;

use serde::ser::Serialize;

use super::act::Act;
use super::event::{Event, event};
use crate::protocol::Notice;

/// Characters kept of an act that leaves no room for the rest: with six bytes of JSON for each character
/// and the keys, it fits the 255 bytes of the shortest framing.
const MAX_CUT_ACT: usize = 32;

/// The key before the mark of a request.
const TAG_KEY: &[u8] = b",\"Ref\":";

/// The object of one notice. It is serialized when it is first asked for.
#[derive(Debug)]
pub(in crate::wire) struct Object<'a> {
    notice: &'a Notice,
    /// The route of the frame and the object without a mark; `None` inside if programs are not told.
    whole: Option<Option<(u32, Vec<u8>)>>,
}

impl<'a> Object<'a> {
    pub(in crate::wire) fn of(notice: &'a Notice) -> Self {
        Self { notice, whole: None }
    }

    /// The number of the line that it tells, or of the last line of the history before it.
    #[cfg(feature = "web")]
    pub(in crate::wire) fn seq(&self) -> Option<u64> {
        match self.notice {
            Notice::Said(line) | Notice::Acted(line) | Notice::HistoryLine { line, .. } => Some(line.seq),
            Notice::HistoryEnd { last_seq, .. } => Some(*last_seq),
            _ => None,
        }
    }

    /// The route of the frame, and the object in at most `longest` bytes, marked with `tag`. `None` if
    /// programs are not told.
    pub(in crate::wire) fn get(&mut self, tag: Option<&str>, longest: usize) -> Option<(u32, Cow<'_, [u8]>)> {
        let notice = self.notice;
        let whole =
            self.whole.get_or_insert_with(|| event(notice).map(|event| (event.act.route(), write(&event, None))));
        let (route, object) = whole.as_ref()?;
        let added = tag.map_or(0, |tag| TAG_KEY.len() + tag.len());
        let object = if object.len() + added > longest {
            cut(event(notice)?, tag, longest).into()
        } else if let Some(tag) = tag {
            let mut object = object.clone();
            add_tag(&mut object, tag);
            object.into()
        } else {
            Cow::Borrowed(object.as_slice())
        };
        Some((*route, object))
    }
}

/// Cuts an event whose object is longer than `longest` bytes, and marks the cut. It cuts in this order:
/// the lists, the end of the text, the keys beside it, the rest of the text, and last of all the `Ref`,
/// without which nobody knows what is answered.
fn cut(mut event: Event<'_>, tag: Option<&str>, longest: usize) -> Vec<u8> {
    event.cut |= event.people.take().is_some() | event.rooms.take().is_some();
    // The text is worth more than the keys beside it, but less than the code of an error.
    let (data, may_be_silent) = (event.data.clone(), event.data.is_empty() || event.code.is_some());
    // An act of the peer's own may be as long as its packet was; a character takes six bytes at most.
    let act = match event.act {
        Act::Custom(name) => {
            Act::Custom(name.char_indices().nth(MAX_CUT_ACT).and_then(|(at, _)| name.get(..at)).unwrap_or(name))
        }
        known => known,
    };
    let bare = || {
        let mut bare = Event::of(act, data.clone());
        bare.cut = true;
        bare
    };
    let (object, rest) = shorten(event, tag, longest);
    if object.len() <= longest && (may_be_silent || !rest.is_empty()) {
        return object;
    }
    let (object, _) = shorten(bare(), tag, longest);
    if object.len() <= longest {
        return object;
    }
    shorten(bare(), None, longest).0 // which fits every framing
}

/// Cuts the text, at a character's boundary, until the object fits or nothing of the text is left;
/// returns the object, and what is left.
fn shorten<'a>(mut event: Event<'a>, tag: Option<&str>, longest: usize) -> (Vec<u8>, Cow<'a, str>) {
    let mut object = write(&event, tag);
    // Each byte of text takes up to six in JSON, so what is too much may have to go in steps.
    while object.len() > longest && !event.data.is_empty() {
        let excess = object.len() - longest;
        let keep = event.data.len().saturating_sub((excess * event.data.len() / object.len()).max(1) + '…'.len_utf8());
        let keep = (0..=keep).rev().find(|at| event.data.is_char_boundary(*at)).unwrap_or(0);
        let mut kept = event.data.get(..keep).unwrap_or_default().to_owned();
        if keep > 0 {
            kept.push('…');
        }
        (event.cut, event.data) = (true, kept.into());
        object = write(&event, tag);
    }
    (object, event.data)
}

/// A packet of a handler's own.
pub(in crate::wire) fn custom(act: &str, data: &str, tag: Option<&str>, longest: usize) -> Vec<u8> {
    let event = || Event::of(Act::Custom(act), data.into());
    let whole = write(&event(), tag);
    if whole.len() <= longest { whole } else { cut(event(), tag, longest) }
}

/// Serializes an event or a request, with the mark of the request that it answers.
pub(super) fn write(event: &impl Serialize, tag: Option<&str>) -> Vec<u8> {
    #[cfg(test)]
    counted::add();
    // Serializing strings and numbers into memory cannot fail; an empty object would be a bug's sign.
    let mut object = serde_json::to_vec(event).unwrap_or_else(|_| b"{}".to_vec());
    if let Some(tag) = tag {
        add_tag(&mut object, tag);
    }
    object
}

/// Adds `Ref` as the last key of an object.
fn add_tag(object: &mut Vec<u8>, tag: &str) {
    object.pop();
    object.extend_from_slice(TAG_KEY);
    object.extend_from_slice(tag.as_bytes());
    object.push(b'}');
}

/// Counts the objects that this thread has serialized.
#[cfg(test)]
pub(in crate::wire) mod counted {
    use std::cell::Cell;

    std::thread_local! {
        static OBJECTS: Cell<usize> = const { Cell::new(0) };
    }

    pub(super) fn add() {
        OBJECTS.set(OBJECTS.get() + 1);
    }

    /// The count since the last call.
    pub(in crate::wire) fn take() -> usize {
        OBJECTS.replace(0)
    }
}
