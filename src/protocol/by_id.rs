//! Maps with session ids as keys, and their hash function.

use std::collections::HashMap;
use std::hash::{BuildHasherDefault, Hasher};

use super::SessionId;

/// A map with session ids as keys. A search costs a few instructions, and there are several for each line.
pub type ById<T> = HashMap<SessionId, T, BuildHasherDefault<IdHasher>>;

/// Hashes session ids by one multiplication. The server makes the ids, so no peer can choose ids that
/// collide.
#[derive(Debug, Default)]
pub struct IdHasher(u64);

impl Hasher for IdHasher {
    fn finish(&self) -> u64 {
        self.0
    }

    fn write_u64(&mut self, id: u64) {
        // The odd number nearest to 2⁶⁴ divided by the golden ratio spreads ids that differ in a few bits.
        self.0 = id.wrapping_mul(0x9e37_79b9_7f4a_7c15).rotate_left(26);
    }

    fn write(&mut self, bytes: &[u8]) {
        for byte in bytes {
            self.write_u64(self.0 ^ u64::from(*byte));
        }
    }
}
