//! One connected socket, TCP or Unix, and the listening socket of a door.
//!
//! This is the only file of the server that names `rustix::net` and `socket2`. No call blocks, but
//! for the two waits. No time-out is set on a socket: a thread waits by poll(2), then reads.
//!
//! `tests/sim` and `tests/handshakes` replace this file by one with the same methods.

use std::io::{self, IoSlice};
use std::net::{Ipv6Addr, Shutdown, SocketAddr, TcpListener, TcpStream};
use std::os::unix::net::UnixStream;
use std::time::Duration;

use rustix::buffer::spare_capacity;
use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::io::Errno;
use rustix::net::{RecvFlags, SendAncillaryBuffer, SendFlags, recv, send, sendmsg};
use socket2::{Domain, Protocol, TcpKeepalive, Type};

/// Connections that the kernel keeps between two accepts. It cuts this to `net.core.somaxconn`, 4096 on
/// stock Linux.
const BACKLOG: i32 = 4096;

/// Keepalive probes find a peer that vanished (a cable pulled, a lid closed): the first after a minute of
/// silence, then every ten seconds.
const KEEPALIVE_AFTER: Duration = Duration::from_secs(60);
const KEEPALIVE_EVERY: Duration = Duration::from_secs(10);
const KEEPALIVE_PROBES: u32 = 3;

const SEND: SendFlags = SendFlags::DONTWAIT.union(SendFlags::NOSIGNAL);

/// A connected socket.
#[derive(Debug)]
pub(super) struct Socket(socket2::Socket);

/// The directions that the peer of a socket has ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum PeerState {
    /// Nothing.
    Open,
    /// Its sending side.
    EndedInput,
    /// The connection.
    Gone,
}

impl From<TcpStream> for Socket {
    fn from(stream: TcpStream) -> Self {
        Self(stream.into())
    }
}

impl From<UnixStream> for Socket {
    fn from(stream: UnixStream) -> Self {
        Self(stream.into())
    }
}

impl Socket {
    /// Sets what a session needs on a TCP socket; a Unix socket needs nothing. Unacknowledged bytes end the
    /// connection after `user_timeout`. With `urgent_inline`, urgent bytes stay in the stream.
    ///
    /// Returns what the operating system refused. Each of these may fail if the connection is gone already.
    pub(super) fn tune(&self, user_timeout: Duration, urgent_inline: bool) -> Vec<io::Error> {
        if self.local_address().is_none() {
            return Vec::new();
        }
        let keepalive = TcpKeepalive::new()
            .with_time(KEEPALIVE_AFTER)
            .with_interval(KEEPALIVE_EVERY)
            .with_retries(KEEPALIVE_PROBES);
        let all = [
            self.0.set_tcp_nodelay(true),
            self.0.set_tcp_keepalive(&keepalive),
            self.0.set_tcp_user_timeout(Some(user_timeout)),
            if urgent_inline { self.0.set_out_of_band_inline(true) } else { Ok(()) },
        ];
        all.into_iter().filter_map(Result::err).collect()
    }

    /// The address that the peer has reached; `None` for a Unix socket, or if the connection is gone.
    pub(super) fn local_address(&self) -> Option<SocketAddr> {
        self.0.local_addr().ok().and_then(|address| address.as_socket())
    }

    /// Reads into the spare capacity of `buffer`. 0 is the end of input.
    pub(super) fn recv(&self, buffer: &mut Vec<u8>) -> Result<usize, Errno> {
        recv(&self.0, spare_capacity(buffer), RecvFlags::DONTWAIT).map(|(_, count)| count)
    }

    /// Sends as much as the socket takes.
    pub(super) fn send(&self, bytes: &[u8]) -> Result<usize, Errno> {
        send(&self.0, bytes, SEND)
    }

    /// Sends as much of the slices, in order, as the socket takes.
    pub(super) fn send_slices(&self, slices: &[IoSlice<'_>]) -> Result<usize, Errno> {
        sendmsg(&self.0, slices, &mut SendAncillaryBuffer::default(), SEND)
    }

    /// Waits until there is input, or an end, or an error to read; false after `at_most`.
    pub(super) fn wait_for_input(&self, at_most: Option<Duration>) -> Result<bool, Errno> {
        self.wait(PollFlags::IN, at_most)
    }

    /// Waits until the socket takes bytes, or has an error; false after `at_most`.
    pub(super) fn wait_for_room(&self, at_most: Option<Duration>) -> Result<bool, Errno> {
        self.wait(PollFlags::OUT, at_most)
    }

    fn wait(&self, wanted: PollFlags, at_most: Option<Duration>) -> Result<bool, Errno> {
        let at_most = at_most.and_then(|time| Timespec::try_from(time).ok()); // a time beyond any is none
        poll(&mut [PollFd::new(&self.0, wanted)], at_most.as_ref()).map(|ready| ready > 0)
    }

    /// The directions that the peer has ended, also behind input that was not read.
    pub(super) fn peer_state(&self) -> PeerState {
        let mut fds = [PollFd::new(&self.0, PollFlags::RDHUP)];
        let polled = poll(&mut fds, Some(&Timespec::default())).unwrap_or(0);
        let flags = fds.first().filter(|_| polled > 0).map(PollFd::revents).unwrap_or(PollFlags::empty());
        if flags.intersects(PollFlags::HUP | PollFlags::ERR) {
            PeerState::Gone
        } else if flags.contains(PollFlags::RDHUP) {
            PeerState::EndedInput
        } else {
            PeerState::Open
        }
    }

    /// Ends one or both directions. A wait of any thread for an ended direction is over.
    pub(super) fn shutdown(&self, how: Shutdown) -> io::Result<()> {
        self.0.shutdown(how)
    }

    /// Makes the close of this socket a reset: what the kernel still holds for the peer is dropped.
    pub(super) fn reset_on_close(&self) {
        let _ = self.0.set_linger(Some(Duration::ZERO)); // it fails only if there is nothing left to reset
    }
}

/// Opens a listening socket, which does not block. `[::]` takes IPv4 too.
pub(super) fn listen(address: SocketAddr) -> io::Result<TcpListener> {
    let socket = socket2::Socket::new(Domain::for_address(address), Type::STREAM, Some(Protocol::TCP))?;
    // Without this, a restart would wait until the kernel has forgotten the last run's connections.
    socket.set_reuse_address(true)?;
    if let SocketAddr::V6(v6) = address
        && *v6.ip() == Ipv6Addr::UNSPECIFIED
    {
        socket.set_only_v6(false)?;
    }
    socket.bind(&address.into())?;
    socket.listen(BACKLOG)?;
    socket.set_nonblocking(true)?;
    Ok(socket.into())
}

#[cfg(test)]
mod tests {
    use std::io::{Read, Write};
    use std::net::Ipv4Addr;
    use std::sync::Arc;
    use std::thread;

    use super::*;

    /// Longer than anything here takes on a busy machine.
    const DEADLINE: Option<Duration> = Some(Duration::from_secs(60));

    /// Two ends of a TCP connection, and two of a Unix one: each test runs over both.
    fn pairs() -> [(Socket, socket2::Socket); 2] {
        let door = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
        let peer = TcpStream::connect(door.local_addr().unwrap()).unwrap();
        let (ours, theirs) = UnixStream::pair().unwrap();
        [(door.accept().unwrap().0.into(), peer.into()), (ours.into(), theirs.into())]
    }

    #[test]
    fn socket_carries_bytes_both_ways() {
        for (socket, mut peer) in pairs() {
            assert_eq!(socket.send(b"one "), Ok(4));
            assert_eq!(socket.send_slices(&[IoSlice::new(b"two "), IoSlice::new(b"three")]), Ok(9));
            socket.shutdown(Shutdown::Write).unwrap();
            let mut heard = String::new();
            peer.read_to_string(&mut heard).unwrap();
            assert_eq!(heard, "one two three");

            let mut buffer = Vec::with_capacity(3);
            assert_eq!(socket.recv(&mut buffer), Err(Errno::AGAIN), "a read does not block");
            peer.write_all(b"back").unwrap();
            assert_eq!(socket.wait_for_input(DEADLINE), Ok(true));
            assert_eq!((socket.recv(&mut buffer), &buffer[..]), (Ok(3), &b"bac"[..]));
            buffer.clear();
            assert_eq!((socket.recv(&mut buffer), &buffer[..]), (Ok(1), &b"k"[..]));
            peer.shutdown(Shutdown::Write).unwrap();
            assert_eq!(socket.wait_for_input(DEADLINE), Ok(true));
            assert_eq!(socket.recv(&mut buffer), Ok(0));
        }
    }

    #[test]
    fn socket_wait_ends_by_its_time() {
        for (socket, _peer) in pairs() {
            assert_eq!(socket.wait_for_input(Some(Duration::from_millis(1))), Ok(false));
            assert_eq!(socket.wait_for_input(Some(Duration::ZERO)), Ok(false));
            assert_eq!(socket.wait_for_room(Some(Duration::MAX)), Ok(true));
        }
    }

    #[test]
    fn socket_full_takes_no_more_and_does_not_block() {
        for (socket, peer) in pairs() {
            let chunk = vec![b'x'; 64 * 1024];
            let mut sent = 0;
            // The kernel may report room for a moment while it moves bytes to the peer's side.
            while socket.wait_for_room(Some(Duration::from_millis(50))) == Ok(true) {
                match socket.send(&chunk) {
                    Ok(count) => sent += count,
                    Err(error) => assert_eq!(error, Errno::AGAIN),
                }
            }
            let reader = thread::spawn(move || {
                let mut all = Vec::new();
                peer.take(sent as u64).read_to_end(&mut all).unwrap();
                all.len()
            });
            assert_eq!(socket.wait_for_room(DEADLINE), Ok(true), "the peer reads");
            assert_eq!(reader.join().unwrap(), sent);
        }
    }

    #[test]
    fn socket_shutdown_wakes_a_waiting_thread() {
        for (socket, _peer) in pairs() {
            let socket = Arc::new(socket);
            let theirs = Arc::clone(&socket);
            let waiting = thread::spawn(move || {
                let woken = theirs.wait_for_input(None);
                (woken, theirs.recv(&mut Vec::with_capacity(8)))
            });
            socket.shutdown(Shutdown::Both).unwrap();
            assert_eq!(waiting.join().unwrap(), (Ok(true), Ok(0)));
        }
    }

    #[test]
    fn peer_state_tells_the_end_behind_unread_input() {
        for (socket, mut peer) in pairs() {
            assert_eq!(socket.peer_state(), PeerState::Open);
            peer.write_all(b"unread").unwrap();
            peer.shutdown(Shutdown::Write).unwrap();
            assert_eq!(socket.wait_for_input(DEADLINE), Ok(true));
            let until = std::time::Instant::now() + Duration::from_secs(60);
            while socket.peer_state() == PeerState::Open && std::time::Instant::now() < until {
                thread::yield_now();
            }
            assert_eq!(socket.peer_state(), PeerState::EndedInput);
        }
    }

    #[test]
    fn reset_on_close_resets_a_tcp_peer() {
        let [(socket, mut peer), _] = pairs();
        socket.reset_on_close();
        drop(socket);
        let error = peer.read(&mut [0; 8]).unwrap_err();
        assert_eq!(error.kind(), io::ErrorKind::ConnectionReset);
    }

    #[test]
    fn tcp_options_are_set_and_unix_needs_none() {
        let [(tcp, _tcp_peer), (unix, _unix_peer)] = pairs();
        assert!(tcp.tune(Duration::from_secs(30), true).is_empty());
        assert!(tcp.0.tcp_nodelay().unwrap() && tcp.0.out_of_band_inline().unwrap() && tcp.0.keepalive().unwrap());
        assert_eq!(tcp.0.tcp_user_timeout().unwrap(), Some(Duration::from_secs(30)));
        assert!(unix.tune(Duration::from_secs(30), true).is_empty());
        assert!(tcp.local_address().is_some_and(|address| address.ip().is_loopback()));
        assert_eq!(unix.local_address(), None);
    }

    #[test]
    fn listener_of_any_address_takes_ipv4_too() {
        let Ok(door) = listen("[::]:0".parse().unwrap()) else { return }; // this machine has no IPv6
        let port = door.local_addr().unwrap().port();
        let _peer = TcpStream::connect((Ipv4Addr::LOCALHOST, port)).unwrap();
        assert!(Socket(door.into()).wait_for_input(DEADLINE).unwrap());
    }
}
