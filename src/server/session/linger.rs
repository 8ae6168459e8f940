//! Discarding input after the end of a session.
//!
//! A close over unread input sends a reset, and a reset destroys what the peer was told last. So input is
//! read and thrown away until the peer has closed too.

use std::thread;
use std::time::{Duration, Instant};

use rustix::io::Errno;

use super::super::connection::Connection;
use super::super::stream::Stream;

/// Bytes of one read.
const READ: usize = 2 * 1024;
/// After this many discarded bytes, reading pauses: a peer that goes on sending must not cost more than it
/// did before.
const DISCARD_BURST: usize = 1024 * 1024;
/// The length of that pause.
const DISCARD_PAUSE: Duration = Duration::from_millis(10);
/// A peer that has sent this many bytes since the end is reset.
const RESET_THRESHOLD: usize = 64 * 1024;

/// Discards the input of a session that has ended, then cuts its connection, unless the peer has closed.
pub(super) fn discard_input(connection: &Connection, until: Option<Instant>) {
    if discard(connection.stream(), || connection.is_cut(), until) {
        connection.cut();
    }
}

/// Discards input until the peer has closed, or until `until`; returns whether to cut the connection.
///
/// `is_cut` tells whether this side has cut it already. Without `until`, the writer cuts it when its time is
/// over; only time bounds this, since megabytes of input may be under way.
///
/// A peer that still sends then is reset. Without the reset Linux may leave it blocked in a write for a
/// minute or two: a peer that waits for room is not told of the close of a socket without unread input.
pub(super) fn discard(stream: &Stream, is_cut: impl Fn() -> bool, until: Option<Instant>) -> bool {
    let mut buffer = Vec::with_capacity(READ);
    let mut discarded = 0;
    let mut paused_at = 0;
    loop {
        let left = until.map(|until| until.saturating_duration_since(Instant::now()));
        if left == Some(Duration::ZERO) {
            break;
        }
        if discarded - paused_at >= DISCARD_BURST {
            paused_at = discarded;
            thread::sleep(DISCARD_PAUSE);
        }
        buffer.clear();
        match stream.wait_for_input(left).and_then(|_| stream.recv(&mut buffer)) {
            Ok(0) if is_cut() => break,
            Ok(0) => return false, // the peer has closed; what it is still owed goes on
            Ok(count) => discarded += count,
            Err(Errno::INTR | Errno::AGAIN) => {}
            Err(_) => return false,
        }
    }
    if discarded >= RESET_THRESHOLD {
        stream.reset_on_close();
    }
    true
}
