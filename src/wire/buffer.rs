//! The bytes of a read that a decoder has not taken yet.
//!
//! A decoder takes the bytes of one read and returns what is complete. This keeps the rest. It gives its
//! memory back after a burst, since most sessions are idle most of the time.

/// A buffer that has grown beyond this is given back when it is empty.
const KEPT_CAPACITY: usize = 512;

/// Bytes received and not yet taken.
#[derive(Debug, Default)]
pub(super) struct Buffer {
    bytes: Vec<u8>,
    taken: usize,
}

impl Buffer {
    /// Appends the bytes of one read.
    pub(super) fn feed(&mut self, bytes: &[u8]) {
        self.bytes.drain(..self.taken);
        self.taken = 0;
        self.bytes.extend_from_slice(bytes);
    }

    /// The bytes that have not been taken.
    pub(super) fn rest(&self) -> &[u8] {
        self.bytes.get(self.taken..).unwrap_or_default()
    }

    /// Takes `count` bytes off the front, or all, if there are fewer.
    pub(super) fn take(&mut self, count: usize) {
        self.taken = (self.taken + count).min(self.bytes.len());
        if self.taken == self.bytes.len() {
            self.taken = 0;
            self.bytes.clear();
            if self.bytes.capacity() > KEPT_CAPACITY {
                self.bytes = Vec::new();
            }
        }
    }
}
