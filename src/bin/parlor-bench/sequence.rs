//! The order in which listeners receive the lines of each talker.

use super::payload::{self, Payload};

/// The number of the next line of each talker, for each listener.
pub(super) struct Sequences {
    talkers: usize,
    said: Vec<u32>,
    next: Vec<u32>,
    /// Lines that were missing, doubled or out of order.
    pub(super) faults: u64,
}

impl Sequences {
    /// Starts every sequence at 0.
    pub(super) fn new(listeners: usize, talkers: usize) -> Self {
        Self { talkers, said: vec![0; talkers], next: vec![0; listeners * talkers], faults: 0 }
    }

    /// Notes the payloads in what a listener has received.
    pub(super) fn scan(&mut self, listener: usize, rest: &mut Vec<u8>, bytes: &[u8], length: usize) {
        payload::scan(rest, bytes, length, |payload| self.take(listener, &payload));
    }

    /// The number of this talker's next line.
    pub(super) fn say(&mut self, talker: usize) -> u32 {
        let number = self.said[talker];
        self.said[talker] = number.wrapping_add(1);
        number
    }

    /// Notes one line that a listener has received.
    pub(super) fn take(&mut self, listener: usize, payload: &Payload) {
        let next = &mut self.next[listener * self.talkers + usize::from(payload.talker)];
        self.faults += u64::from(*next != payload.number);
        *next = payload.number.wrapping_add(1);
    }
}
