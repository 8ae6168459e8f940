//! Messages for one session: notices, handlers' data, ready-made bytes.

use crate::protocol::Notice;
use crate::wire::{Encoding, Key};

/// Whether a message may be skipped.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Urgency {
    /// An answer to the session's own command: never skipped.
    Answer,
    /// The session did not ask for it. If it does not fit into the outbox, it is skipped and counted, as
    /// room lines are.
    Unasked,
}

/// A message for one session.
#[derive(Debug, Clone, Copy)]
pub(super) enum Message<'a> {
    /// A notice, marked with the request that it answers.
    Notice(&'a Notice, Option<&'a str>),
    /// The data of a handler.
    Custom(&'a Key, &'a [u8]),
    /// Bytes in the session's encoding.
    Bytes(&'a [u8]),
}

impl Message<'_> {
    /// Appends the message in this encoding.
    pub(super) fn encode(&self, encoding: Encoding, out: &mut Vec<u8>) {
        match self {
            Self::Notice(notice, tag) => encoding.encode(notice, *tag, out),
            Self::Custom(key, data) => encoding.encode_custom(key, data, None, out),
            Self::Bytes(bytes) => out.extend_from_slice(bytes),
        }
    }
}

/// Most bytes that wait for one session; the rest is dropped. A peer that never sends anything is asked to
/// leave soon (`--join-grace`).
const MAX_WITHHELD: usize = 64 * 1024;
/// Bytes that each message counts besides its text.
const OVERHEAD: usize = 128;

/// A message that waits.
#[derive(Debug)]
enum Entry {
    Notice(Notice),
    Custom(Key, Box<[u8]>),
}

/// Messages for a JSON session that wait until its first packet shows its framing, in order.
///
/// A client of the lines framing cannot read a packet of `gf2`, and the other way round. So a handler's
/// data and private lines wait. A stop, `doexit` and refusals go out at once, in `gf2`, as the oldest
/// clients expect.
#[derive(Debug, Default)]
pub(super) struct Withheld {
    entries: Vec<Entry>,
    bytes: usize,
}

impl Withheld {
    /// Adds a message, unless [`MAX_WITHHELD`] bytes wait.
    pub(super) fn push(&mut self, message: Message<'_>) {
        let (length, entry) = match message {
            Message::Notice(notice, _) => {
                let length = if let Notice::Told { body, .. } = notice { body.as_str().len() } else { 0 };
                (length, Entry::Notice(notice.clone()))
            }
            Message::Custom(key, data) => {
                let act = if let Key::Act(act) = key { act.len() } else { 0 };
                (data.len() + act, Entry::Custom(key.clone(), data.into()))
            }
            Message::Bytes(_) => return, // they have an encoding already
        };
        if self.bytes + length + OVERHEAD <= MAX_WITHHELD {
            self.bytes += length + OVERHEAD;
            self.entries.push(entry);
        }
    }

    /// The messages.
    pub(super) fn messages(&self) -> impl Iterator<Item = Message<'_>> {
        self.entries.iter().map(|entry| match entry {
            Entry::Notice(notice) => Message::Notice(notice, None),
            Entry::Custom(key, data) => Message::Custom(key, data),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::wire::Framing;

    #[test]
    fn withheld_messages_wait_in_order_within_bounds() {
        let mut withheld = Withheld::default();
        for number in 0..10_000 {
            withheld.push(Message::Custom(&Key::Act("x".into()), format!("{number}").as_bytes()));
        }
        let mut out = Vec::new();
        withheld.messages().for_each(|message| message.encode(Encoding::Json(Framing::Lines), &mut out));
        let lines = String::from_utf8(out).unwrap();
        assert!(lines.starts_with("{\"Act\":\"x\",\"Data\":\"0\"}\n{\"Act\":\"x\",\"Data\":\"1\"}\n"));
        assert!((400..512).contains(&lines.lines().count()), "{}", lines.lines().count());
    }
}
