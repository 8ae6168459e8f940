//! Replaces `src/server/socket.rs`, with the same methods: a socket is a pair of buffers.

use std::cell::RefCell;
use std::collections::VecDeque;
use std::io::{self, IoSlice};
use std::net::{Shutdown, SocketAddr};
use std::rc::Rc;
use std::time::Duration;

use rustix::io::Errno;

use crate::os::dice;
use crate::world;

/// The server's end of a connection; clones are the peer's.
#[derive(Debug, Clone)]
pub struct Socket {
    pub wire: Rc<RefCell<Wire>>,
}

/// The bytes under way on one connection.
#[derive(Debug, Default)]
pub struct Wire {
    pub to_peer: VecDeque<u8>,
    pub to_server: VecDeque<u8>,
    pub room: usize,
    /// The peer will send nothing more.
    pub peer_ended: bool,
    /// The peer has gone with a reset.
    pub reset: bool,
    /// The server will send nothing more.
    pub ended: bool,
    pub cut: bool,
    /// The writer has bytes to send: nobody else may send.
    pub owned: bool,
}

/// Only the reader asks for it, and the world plays the reader.
#[derive(Debug)]
pub enum PeerState {}

impl Socket {
    pub fn new(room: usize) -> Self {
        Self { wire: Rc::new(RefCell::new(Wire { room, ..Wire::default() })) }
    }

    pub fn shutdown(&self, how: Shutdown) -> io::Result<()> {
        let mut wire = self.wire.borrow_mut();
        wire.ended = true;
        wire.cut |= how == Shutdown::Both;
        Ok(())
    }

    pub fn send(&self, bytes: &[u8]) -> Result<usize, Errno> {
        self.take(&[bytes])
    }

    pub fn send_slices(&self, slices: &[IoSlice<'_>]) -> Result<usize, Errno> {
        self.take(&slices.iter().map(|slice| &**slice).collect::<Vec<_>>())
    }

    fn take(&self, parts: &[&[u8]]) -> Result<usize, Errno> {
        let by_writer = !world::interrupt();
        let mut wire = self.wire.borrow_mut();
        assert!(by_writer || !wire.owned, "the manager sends while the writer has something to send");
        assert!(!wire.ended || wire.cut, "somebody sends after the last byte");
        if wire.cut || wire.reset {
            return Err(Errno::PIPE);
        }
        let room = wire.room.saturating_sub(wire.to_peer.len());
        if room == 0 || dice(16) == 0 {
            return Err(if dice(4) == 0 { Errno::INTR } else { Errno::AGAIN });
        }
        let room = if dice(4) == 0 { 1 + dice(room) } else { room };
        let before = wire.to_peer.len();
        wire.to_peer.extend(parts.iter().flat_map(|part| part.iter()).take(room));
        Ok(wire.to_peer.len() - before)
    }
}

// The loops that call these are played by the world.
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

    pub fn wait_for_room(&self, _: Option<Duration>) -> Result<bool, Errno> {
        unreachable!()
    }

    pub fn peer_state(&self) -> PeerState {
        unreachable!()
    }

    pub fn reset_on_close(&self) {
        unreachable!()
    }
}
