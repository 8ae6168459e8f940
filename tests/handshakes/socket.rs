//! Replaces `src/server/socket.rs`, with the same methods: a socket is a buffer with loom's locks.

use std::collections::VecDeque;
use std::io::{self, IoSlice};
use std::net::{Shutdown, SocketAddr};
use std::time::Duration;

use loom::sync::Arc;
use rustix::io::Errno;

use crate::os::{Condvar, Mutex};

/// The server's end of a connection; clones are the peer's.
#[derive(Debug, Clone)]
pub struct Socket(Arc<(Mutex<Way>, Condvar)>);

/// The bytes under way to the peer.
#[derive(Debug, Default)]
struct Way {
    bytes: VecDeque<u8>,
    room: usize,
    ended: bool,
    cut: bool,
}

/// Only the reader asks for it, and no reader runs here.
#[derive(Debug)]
pub enum PeerState {}

impl Socket {
    pub fn new(room: usize) -> Self {
        Self(Arc::new((Mutex::new(Way { room, ..Way::default() }), Condvar::default())))
    }

    /// The bytes that have come for the peer; none once the server has ended.
    pub fn read(&self) -> Vec<u8> {
        let mut way = self.0.0.lock();
        self.0.1.wait_while_for(&mut way, |way| way.bytes.is_empty() && !way.ended, Duration::ZERO);
        self.0.1.notify_all();
        way.bytes.drain(..).collect()
    }

    /// Whether both directions were ended at once: what the peer still says is answered by a reset, and a
    /// reset destroys what it has not read.
    pub fn is_cut(&self) -> bool {
        self.0.0.lock().cut
    }

    pub fn shutdown(&self, how: Shutdown) -> io::Result<()> {
        let mut way = self.0.0.lock();
        way.ended = true;
        way.cut |= how == Shutdown::Both;
        self.0.1.notify_all();
        Ok(())
    }

    pub fn send(&self, bytes: &[u8]) -> Result<usize, Errno> {
        self.take(&[bytes])
    }

    pub fn send_slices(&self, slices: &[IoSlice<'_>]) -> Result<usize, Errno> {
        self.take(&slices.iter().map(|slice| &**slice).collect::<Vec<_>>())
    }

    fn take(&self, parts: &[&[u8]]) -> Result<usize, Errno> {
        let mut way = self.0.0.lock();
        if way.cut {
            return Err(Errno::PIPE);
        }
        assert!(!way.ended, "somebody sends after the last byte");
        let (before, room) = (way.bytes.len(), way.room);
        let bytes = parts.iter().flat_map(|part| part.iter()).take(room - before);
        way.bytes.extend(bytes);
        self.0.1.notify_all();
        if way.bytes.len() == before { Err(Errno::AGAIN) } else { Ok(way.bytes.len() - before) }
    }

    pub fn wait_for_room(&self, _: Option<Duration>) -> Result<bool, Errno> {
        let mut way = self.0.0.lock();
        self.0.1.wait_while_for(&mut way, |way| way.bytes.len() >= way.room && !way.cut, Duration::ZERO);
        Ok(true)
    }
}

// For readers, which do not run here.
impl Socket {
    pub fn tune(&self, _: Duration, _: bool) -> Vec<io::Error> {
        unreachable!()
    }

    pub fn local_address(&self) -> Option<SocketAddr> {
        unreachable!()
    }

    pub fn recv(&self, _: &mut Vec<u8>) -> Result<usize, Errno> {
        unreachable!()
    }

    pub fn wait_for_input(&self, _: Option<Duration>) -> Result<bool, Errno> {
        unreachable!()
    }

    pub fn peer_state(&self) -> PeerState {
        unreachable!()
    }

    pub fn reset_on_close(&self) {
        unreachable!()
    }
}
