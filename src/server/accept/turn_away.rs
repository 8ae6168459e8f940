//! The answer to a caller that is not let in.

use std::panic::{AssertUnwindSafe, catch_unwind};

use crate::protocol::Refusal;
use crate::wire::{Limits, Wire};

use super::super::stream::Stream;

/// Bytes of input that are looked at, and thrown away with each read.
const READ: usize = 4096;
/// Reads before the close. Unread input would turn the close into a reset, which destroys the answer.
const READS: usize = 16;

/// Tells a caller why it is not let in, in the encoding of what it has sent so far, and ends the output.
///
/// Never blocks: the buffer of a fresh connection takes the answer. If it does not, the caller sees the
/// close alone.
pub(in crate::server) fn turn_away(stream: &Stream, wire: Wire, limits: Limits, refusal: &Refusal) {
    let mut buffer = Vec::with_capacity(READ);
    let read = |buffer: &mut Vec<u8>| {
        buffer.clear();
        stream.recv(buffer).is_ok_and(|count| count > 0)
    };
    read(&mut buffer);
    // A panic of a decoder ends one session. On this thread it would end the server.
    let answer = catch_unwind(AssertUnwindSafe(|| wire.refusal(&buffer, limits, refusal)));
    let answer = answer.unwrap_or_else(|_| wire.refusal(&[], limits, refusal));
    let _ = stream.send(&answer);
    let _ = stream.end_output();
    let _ = (0..READS).all(|_| read(&mut buffer));
}
