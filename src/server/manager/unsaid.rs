//! Notices for a JSON session that wait until its first packet shows its framing.
//!
//! A client of the lines framing cannot read a packet of `gf2`, and the other way round. So a handler's
//! data and private lines wait. A stop, `doexit` and refusals go out at once, in `gf2`, as the oldest
//! clients expect.

use crate::protocol::Notice;
use crate::wire::{Encoding, Key};

/// Most bytes that wait for one session; the rest is dropped. A peer that never sends anything is asked to
/// leave soon (`--join-grace`).
const MAX_UNSAID: usize = 64 * 1024;
/// Bytes that each entry counts besides its text.
const OVERHEAD: usize = 128;

/// One entry that waits.
#[derive(Debug)]
enum Word {
    Notice(Notice),
    Own(Key, Vec<u8>),
}

/// Waiting entries, in order; at most [`MAX_UNSAID`] bytes.
#[derive(Debug, Default)]
pub(in super::super) struct Unsaid {
    words: Vec<Word>,
    bytes: usize,
}

impl Unsaid {
    /// Adds a private line.
    pub(in super::super) fn push_notice(&mut self, notice: &Notice) {
        let length = match notice {
            Notice::Told { body, .. } => body.as_str().len(),
            _ => 0,
        };
        self.push(length, Word::Notice(notice.clone()));
    }

    /// Adds a handler's data.
    pub(in super::super) fn push_own(&mut self, key: Key, data: Vec<u8>) {
        let length = data.len()
            + match &key {
                Key::Act(act) => act.len(),
                Key::Route(_) => 0,
            };
        self.push(length, Word::Own(key, data));
    }

    fn push(&mut self, length: usize, word: Word) {
        if self.bytes + length + OVERHEAD <= MAX_UNSAID {
            self.bytes += length + OVERHEAD;
            self.words.push(word);
        }
    }

    /// Encodes and appends all entries in the framing that the peer has shown.
    pub(in super::super) fn encode(&self, encoding: Encoding, out: &mut Vec<u8>) {
        for word in &self.words {
            match word {
                Word::Notice(notice) => encoding.encode(notice, None, out),
                Word::Own(key, data) => encoding.encode_custom(key, data, None, out),
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::wire::Framing;

    #[test]
    fn unsaid_entries_wait_in_bounded_order() {
        let mut unsaid = Unsaid::default();
        for number in 0..10_000 {
            unsaid.push_own(Key::Act("x".into()), format!("{number}").into_bytes());
        }
        let mut out = Vec::new();
        unsaid.encode(Encoding::Json(Framing::Lines), &mut out);
        let lines = String::from_utf8(out).unwrap();
        assert!(lines.starts_with("{\"Act\":\"x\",\"Data\":\"0\"}\n{\"Act\":\"x\",\"Data\":\"1\"}\n"));
        assert!((400..512).contains(&lines.lines().count()), "{}", lines.lines().count());
    }
}
