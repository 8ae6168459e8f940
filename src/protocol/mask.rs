//! Masks: shown in place of addresses with `--addresses masked`, such as `guest-7f3a9c12`.
//!
//! A mask is a running number, scrambled with a key that is drawn at each start. No address goes into it, so
//! the address cannot be computed from it, even with the key. The key hides the order and the number of
//! sessions. std's keyed hash (SipHash) withstands peers that collect many masks.
//!
//! The scrambling is a Feistel network: different numbers give different masks, whatever the hash. So the
//! first 4,294,967,296 sessions have different masks. Names that begin with `guest` are reserved.

use std::hash::{BuildHasher, RandomState};

const PREFIX: &str = "guest-";
const DIGITS: usize = 8;
/// Four rounds make a permutation that cannot be told from chance (Luby and Rackoff).
const ROUNDS: u64 = 4;

/// A source of masks that never repeat.
#[derive(Debug)]
pub struct Masks {
    key: RandomState,
    next: u32,
}

impl Masks {
    /// A source of its own for each key.
    #[must_use]
    pub fn new(key: RandomState) -> Self {
        Self { key, next: 0 }
    }

    /// The mask of one more session.
    pub fn draw(&mut self) -> String {
        let number = self.next;
        self.next = self.next.wrapping_add(1);
        let [a, b, c, d] = number.to_be_bytes();
        let (mut left, mut right) = (u16::from_be_bytes([a, b]), u16::from_be_bytes([c, d]));
        for round in 0..ROUNDS {
            let hash = self.key.hash_one(round << 16 | u64::from(right));
            (left, right) = (right, left ^ (hash & 0xffff) as u16);
        }
        format!("{PREFIX}{left:04x}{right:04x}")
    }
}

/// Whether a text has the form of a mask.
#[must_use]
pub fn is_mask(text: &str) -> bool {
    text.strip_prefix(PREFIX).is_some_and(|digits| {
        digits.len() == DIGITS && digits.bytes().all(|digit| matches!(digit, b'0'..=b'9' | b'a'..=b'f'))
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::protocol::{Nick, Refusal};
    use std::collections::HashSet;

    #[test]
    fn masks_have_one_form_and_never_repeat() {
        let mut masks = Masks::new(RandomState::new());
        let mut seen = HashSet::new();
        for _ in 0..100_000 {
            let mask = masks.draw();
            assert!(is_mask(&mask), "{mask}");
            assert!(seen.insert(mask));
        }
        for text in ["guest-", "guest-7f3a9c1", "guest-7f3a9c123", "guest-7F3A9C12", "guest_7f3a9c12", "ann"] {
            assert!(!is_mask(text), "{text}");
        }
    }

    #[test]
    fn another_key_gives_masks_in_another_order() {
        let first = |key: RandomState| {
            let mut masks = Masks::new(key);
            (0..1000).map(|_| masks.draw()).collect::<Vec<_>>()
        };
        let (one, other) = (first(RandomState::new()), first(RandomState::new()));
        assert!(one.iter().zip(&other).filter(|(one, other)| one == other).count() < 10);
        // Of a thousand in no order, half are greater than the one before, give or take 14.
        let rising = one.windows(2).filter(|two| two[0] < two[1]).count();
        assert!((350..650).contains(&rising), "{rising} of 999 rise");
    }

    #[test]
    fn mask_is_a_reserved_name() {
        let mut masks = Masks::new(RandomState::new());
        for _ in 0..100 {
            let mask = masks.draw();
            for name in [mask.clone(), mask.to_uppercase(), mask.replace('e', "е"), mask.replace('s', "ｓ")] {
                assert!(matches!(Nick::parse(&name), Err(Refusal::Reserved { .. })), "{name}");
            }
        }
    }
}
