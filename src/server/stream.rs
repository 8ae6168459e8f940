//! The byte stream of one session, between its socket and everything that reads or writes it.
//!
//! A session's reader, writer, outbox and linger use a [`Stream`] only. So what lies between them and the
//! socket (today nothing, later TLS) is decided here, and nowhere else.

use std::io::{self, IoSlice};
use std::net::{Shutdown, SocketAddr};
use std::time::Duration;

use rustix::io::Errno;

use super::socket::{PeerState, Socket};

/// A session's byte stream. No call blocks, but for the two waits.
#[derive(Debug)]
pub(super) enum Stream {
    /// The bytes of the socket as they are.
    Plain(Socket),
}

impl Stream {
    /// Sets what a session needs; see [`Socket::tune`].
    pub(super) fn tune(&self, user_timeout: Duration, urgent_inline: bool) -> Vec<io::Error> {
        let Self::Plain(socket) = self;
        socket.tune(user_timeout, urgent_inline)
    }

    /// The address that the peer has reached; `None` for a Unix socket, or if the connection is gone.
    pub(super) fn local_address(&self) -> Option<SocketAddr> {
        let Self::Plain(socket) = self;
        socket.local_address()
    }

    /// Reads into the spare capacity of `buffer`. 0 is the end of input.
    pub(super) fn recv(&self, buffer: &mut Vec<u8>) -> Result<usize, Errno> {
        let Self::Plain(socket) = self;
        socket.recv(buffer)
    }

    /// Sends as much as is taken at once.
    pub(super) fn send(&self, bytes: &[u8]) -> Result<usize, Errno> {
        let Self::Plain(socket) = self;
        socket.send(bytes)
    }

    /// Sends as much of the slices, in order, as is taken at once.
    pub(super) fn send_slices(&self, slices: &[IoSlice<'_>]) -> Result<usize, Errno> {
        let Self::Plain(socket) = self;
        socket.send_slices(slices)
    }

    /// Waits until there is input, or an end, or an error to read; false after `at_most`.
    pub(super) fn wait_for_input(&self, at_most: Option<Duration>) -> Result<bool, Errno> {
        let Self::Plain(socket) = self;
        socket.wait_for_input(at_most)
    }

    /// Waits until bytes are taken again, or there is an error; false after `at_most`.
    pub(super) fn wait_for_room(&self, at_most: Option<Duration>) -> Result<bool, Errno> {
        let Self::Plain(socket) = self;
        socket.wait_for_room(at_most)
    }

    /// The directions that the peer has ended, also behind input that was not read.
    pub(super) fn peer_state(&self) -> PeerState {
        let Self::Plain(socket) = self;
        socket.peer_state()
    }

    /// Says to the peer that nothing more comes; false if it has gone.
    pub(super) fn end_output(&self) -> bool {
        let Self::Plain(socket) = self;
        socket.shutdown(Shutdown::Write).is_ok()
    }

    /// Ends the input. A wait for input is over; what has come already can still be read.
    pub(super) fn end_input(&self) {
        let Self::Plain(socket) = self;
        let _ = socket.shutdown(Shutdown::Read); // it fails only if the peer has gone
    }

    /// Ends both directions. Every wait for this stream is over.
    pub(super) fn cut(&self) {
        let Self::Plain(socket) = self;
        let _ = socket.shutdown(Shutdown::Both); // it fails only if the peer has gone
    }

    /// Makes the close a reset: what the kernel still holds for the peer is dropped.
    pub(super) fn reset_on_close(&self) {
        let Self::Plain(socket) = self;
        socket.reset_on_close();
    }
}
