//! The connections of the bench: one thread opens, writes and reads them all.
//!
//! Events are edge-triggered, as mio has them: a socket is read until a read is short, and written until it takes no
//! more. Only marks are counted (see [`super::payload`]). The caller of [`Swarm::turn`] gets the bytes.

use std::io;
use std::net::SocketAddr;
use std::time::{Duration, Instant};

use hdrhistogram::Histogram;
use mio::net::TcpStream;
use mio::{Events, Interest, Poll, Token};

use super::clock::{Clock, Ticker};
use super::connection::{Connection, State};
use super::flags::To;
use super::payload::{self, Payload};
use super::report::counted;
use super::target::{Role, Wire};

/// Most bytes of one read.
const READ: usize = 256 * 1024;
/// Events of one turn.
const EVENTS: usize = 4096;
/// A run fails if nothing has moved for this time.
pub(super) const STUCK: Duration = Duration::from_secs(30);
/// The next fence is sent after this time.
pub(super) const FENCE_TIMEOUT: Duration = Duration::from_secs(2);
/// The flags of a Parlor that can be measured.
const WITHOUT_LIMITS: &str = "--rate 0 --idle 0";
/// The token of the timer.
const TIMER: Token = Token(usize::MAX - 1);

/// All connections to one server.
pub(super) struct Swarm {
    poll: Poll,
    events: Events,
    pub(super) connections: Vec<Connection>,
    buffer: Vec<u8>,
    pub(super) wire: Wire,
    target: SocketAddr,
    pub(super) clock: Clock,
    ticker: Ticker,
    tally: Tally,
    /// Nanoseconds from each connect to the greeting.
    pub(super) greetings: Histogram<u64>,
    /// Lines that reached another room than the one in which they were said.
    misdelivered: u64,
    /// The server has throttled a talker, so the figures would be those of its rate limit.
    slowed: bool,
}

/// How many sessions have joined, and how many have ended.
#[derive(Debug, Default)]
struct Tally {
    joined: usize,
    closed: usize,
}

impl Tally {
    /// Notes a connection's state `before` and `now`. Returns whether it has changed. A read, a write and a leave may
    /// each find that the server has ended the connection.
    fn note(&mut self, before: State, now: State) -> bool {
        match now {
            State::Joined if before != now => self.joined += 1,
            State::Closed if before != now => {
                self.closed += 1;
                self.joined -= usize::from(before == State::Joined);
            }
            _ => {}
        }
        before != now
    }

    /// Connections that have neither joined nor ended, of so many.
    fn pending(&self, of: usize) -> usize {
        of - self.joined - self.closed
    }
}

impl Swarm {
    /// Starts without connections. Takes loopback addresses only: a bench must not load other people's machines.
    pub(super) fn new(to: &To) -> Result<Self, String> {
        let target = to.to.unwrap_or_else(|| to.wire.usual_address());
        if !target.ip().is_loopback() {
            return Err(format!("{target} is not of this machine; a bench goes to 127.0.0.0/8 and ::1 only"));
        }
        let poll = Poll::new().map_err(|error| format!("cannot poll: {error}"))?;
        Ok(Self {
            poll,
            events: Events::with_capacity(EVENTS),
            connections: Vec::new(),
            buffer: vec![0; READ],
            wire: to.wire,
            target,
            clock: Clock::start(),
            ticker: Ticker::default(),
            tally: Tally::default(),
            greetings: Histogram::new_with_bounds(1_000, 600_000_000_000, 3).map_err(|error| error.to_string())?,
            misdelivered: 0,
            slowed: false,
        })
    }

    /// The server's address.
    pub(super) fn target(&self) -> SocketAddr {
        self.target
    }

    /// Opens `count` connections, at most `max_pending` at a time, and waits until all have joined.
    pub(super) fn open(&mut self, count: usize, role: Role, max_pending: usize) -> Result<(), String> {
        let wanted = self.connections.len() + count;
        let mut moved = (Instant::now(), self.tally.joined);
        while self.tally.pending(wanted) > 0 {
            while self.connections.len() < wanted && self.tally.pending(self.connections.len()) < max_pending {
                self.connect(role)?;
            }
            self.turn(Some(Duration::from_millis(100)), |_, _, _| {})?;
            if self.tally.closed > 0 {
                let mut failures = self.connections.iter().filter_map(|connection| connection.failure.as_ref());
                if let Some(error) = failures.next() {
                    return Err(format!("cannot connect to {}: {error}", self.target));
                }
                let (closed, all) = (self.tally.closed, self.connections.len());
                return Err(format!("{closed} of {all} connections to {} were ended", self.target));
            }
            if moved.1 != self.tally.joined {
                moved = (Instant::now(), self.tally.joined);
            } else if moved.0.elapsed() > STUCK {
                return Err(format!("only {} of {wanted} sessions were let in by {}", self.tally.joined, self.target));
            }
        }
        Ok(())
    }

    /// Begins one more connection.
    pub(super) fn connect(&mut self, role: Role) -> Result<(), String> {
        let connection = self.begun(self.connections.len(), role)?;
        self.connections.push(connection);
        Ok(())
    }

    /// Begins another connection in the place of one that has ended.
    pub(super) fn reconnect(&mut self, index: usize) -> Result<(), String> {
        self.connections[index] = self.begun(index, self.connections[index].role)?;
        self.tally.closed -= 1;
        Ok(())
    }

    fn begun(&self, index: usize, role: Role) -> Result<Connection, String> {
        let fail = |error: io::Error| format!("cannot connect to {}: {error}", self.target);
        let begun = Instant::now();
        let mut stream = TcpStream::connect(self.target).map_err(fail)?;
        let interest = Interest::READABLE | Interest::WRITABLE;
        self.poll.registry().register(&mut stream, Token(index), interest).map_err(fail)?;
        Ok(Connection::new(stream, role, begun))
    }

    /// Wakes [`Self::turn`] by a timer at this interval from now on.
    pub(super) fn start_ticking(&mut self, interval: Duration) -> Result<(), String> {
        self.ticker.start(self.poll.registry(), TIMER, interval)
    }

    /// Ends the timer.
    pub(super) fn stop_ticking(&mut self) {
        self.ticker.stop(self.poll.registry());
    }

    /// Waits for the sockets and serves them. `heard` gets the bytes of the room's connections that have joined.
    /// Returns whether anything has moved.
    pub(super) fn turn(
        &mut self,
        timeout: Option<Duration>,
        mut heard: impl FnMut(usize, &mut Connection, &[u8]),
    ) -> Result<bool, String> {
        match self.poll.poll(&mut self.events, timeout) {
            Ok(()) => {}
            Err(error) if error.kind() == io::ErrorKind::Interrupted => return Ok(false),
            Err(error) => return Err(format!("cannot poll: {error}")),
        }
        let mut moved = false;
        for event in &self.events {
            if event.token() == TIMER {
                self.ticker.clear();
                continue;
            }
            let index = event.token().0;
            let connection = &mut self.connections[index];
            let before = connection.state;
            if event.is_writable() {
                connection.became_writable(self.wire, index);
            }
            if event.is_readable() && connection.reads {
                let heard = |connection: &mut Connection, bytes: &[u8]| match connection.role {
                    Role::OtherRoom(_) => self.misdelivered += payload::count(bytes),
                    Role::Reader => heard(index, connection, bytes),
                    Role::Talker => {
                        self.slowed |= connection.is_slowed(bytes);
                        heard(index, connection, bytes);
                    }
                };
                moved |= connection.read(self.wire, event.is_read_closed(), &mut self.buffer, heard);
            }
            if before != State::Joined && connection.state == State::Joined {
                self.greetings.saturating_record(connection.begun.elapsed().as_nanos() as u64);
            }
            moved |= self.tally.note(before, connection.state);
        }
        Ok(moved)
    }

    /// Sends until the socket takes no more. [`Self::turn`] sends the rest.
    pub(super) fn flush(&mut self, index: usize) {
        let connection = &mut self.connections[index];
        let before = connection.state;
        connection.flush();
        self.tally.note(before, connection.state);
    }

    /// Lets a session leave.
    pub(super) fn leave(&mut self, index: usize) {
        let connection = &mut self.connections[index];
        let before = connection.state;
        connection.leave(self.wire);
        self.tally.note(before, connection.state);
    }

    /// Queues one line with this payload on a connection.
    pub(super) fn say(&mut self, index: usize, payload: &Payload, length: usize, scratch: &mut Vec<u8>) {
        scratch.clear();
        payload.write(length, scratch);
        self.wire.say(scratch, &mut self.connections[index].output.bytes);
    }

    /// Reads and discards for this time.
    pub(super) fn discard_for(&mut self, time: Duration) -> Result<(), String> {
        let until = Instant::now() + time;
        loop {
            let left = until.saturating_duration_since(Instant::now());
            if left.is_zero() {
                return self.check();
            }
            self.turn(Some(left), |_, _, _| {})?;
        }
    }

    /// An error if a talker was throttled, a session ended, or a line reached another room.
    pub(super) fn check(&self) -> Result<(), String> {
        let target = self.target;
        match (self.slowed, self.tally.closed, self.misdelivered) {
            (true, ..) => Err(format!(
                "{target} slows its talkers down (rate limit), so nothing can be measured; start the server with \
                 {WITHOUT_LIMITS}"
            )),
            (_, 0, 0) => Ok(()),
            (_, 0, lines) => Err(format!("{} came to other rooms", counted(lines, "line"))),
            (_, closed, _) => {
                if let Some(fault) = self.connections.iter().find_map(|connection| connection.failure.as_ref()) {
                    return Err(format!("{target}: {fault}"));
                }
                let (sessions, were) = (counted(closed as u64, "session"), if closed == 1 { "was" } else { "were" });
                let advice = if self.wire.is_of_parlor() {
                    format!("; if its limits are why, start it with {WITHOUT_LIMITS}")
                } else {
                    String::new()
                };
                Err(format!("{sessions} {were} ended by the server at {target}{advice}"))
            }
        }
    }

    /// Counts deliveries from zero.
    pub(super) fn reset_counts(&mut self) {
        for connection in &mut self.connections {
            connection.delivered = 0;
            connection.rest.clear();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::Write;
    use std::net::TcpListener;

    /// The server may be gone when a session leaves. The next session in its place once counted down from 0.
    #[test]
    fn end_found_by_a_write_is_counted() {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let to = To { wire: Wire::Text, to: Some(listener.local_addr().unwrap()), pid: None };
        let mut swarm = Swarm::new(&to).unwrap();
        swarm.connect(Role::Reader).unwrap();
        let (mut server, _) = listener.accept().unwrap();
        server.write_all(b"*** who lists people\n").unwrap();
        swarm.open(0, Role::Reader, 1).unwrap();
        assert_eq!((swarm.tally.joined, swarm.tally.closed), (1, 0));
        socket2::SockRef::from(&server).set_linger(Some(Duration::ZERO)).unwrap();
        drop(server); // a reset, which is here at once
        swarm.leave(0);
        assert_eq!((swarm.tally.joined, swarm.tally.closed), (0, 1));
        assert!(swarm.check().is_err());
        swarm.reconnect(0).unwrap();
        assert_eq!(swarm.tally.closed, 0);
    }

    /// The bench once reported the server's rate limit as latency: two seconds at 50 lines a second.
    #[test]
    fn server_that_throttles_is_not_measured() {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        for notice in
            ["*** Slow down: your lines are now sent at 5 a second, 3 wait\n", "{\"Data\":\"Slow down: your lines\"}"]
        {
            for cut in 0..=notice.len() {
                let to = To { wire: Wire::Text, to: Some(listener.local_addr().unwrap()), pid: None };
                let mut swarm = Swarm::new(&to).unwrap();
                swarm.connect(Role::Talker).unwrap();
                let (mut server, _) = listener.accept().unwrap();
                server.write_all(b"*** who lists people\n").unwrap();
                swarm.open(0, Role::Talker, 1).unwrap();
                for part in [&b"[a]t: Slow it down\n"[..], &notice.as_bytes()[..cut], &notice.as_bytes()[cut..]] {
                    server.write_all(part).unwrap();
                    while !part.is_empty() && !swarm.turn(None, |_, _, _| {}).unwrap() {}
                }
                let error = swarm.check().unwrap_err();
                assert!(error.ends_with("start the server with --rate 0 --idle 0"), "cut at {cut}: {error}");
            }
        }
    }

    #[test]
    fn connect_refused_is_reported() {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        drop(listener);
        let mut swarm = Swarm::new(&To { wire: Wire::Text, to: Some(address), pid: None }).unwrap();
        let error = swarm.open(3, Role::Reader, 3).unwrap_err();
        assert!(error.starts_with(&format!("cannot connect to {address}: Connection refused")), "{error}");
    }

    /// The length of a frame may be the byte that begins a payload.
    #[test]
    fn websocket_session_counts_text_only() {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let to = To { wire: Wire::Ws, to: Some(listener.local_addr().unwrap()), pid: None };
        let mut swarm = Swarm::new(&to).unwrap();
        swarm.connect(Role::Reader).unwrap();
        let (mut server, _) = listener.accept().unwrap();
        let agreed = "HTTP/1.1 101 Switching Protocols\r\nSec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n\r\n";
        server.write_all(agreed.as_bytes()).unwrap();
        server.write_all(b"\x81\x0c\"Act\":\"join\"").unwrap();
        swarm.open(0, Role::Reader, 1).unwrap();
        let mut said = 0;
        for part in [&b"\x81"[..], b"\x60", &[b'x'; 0x5f], b"`"] {
            server.write_all(part).unwrap();
            while !swarm.turn(None, |_, _, bytes| said += payload::count(bytes)).unwrap() {}
        }
        assert_eq!((said, swarm.check()), (1, Ok(())));
        server.write_all(b"\x83\0").unwrap();
        while !swarm.turn(None, |_, _, _| {}).unwrap() {}
        assert!(swarm.check().unwrap_err().ends_with("it sends a frame that begins with the bytes 83 00"));
    }

    /// A server that sends every line to every session must not pass for one with rooms.
    #[test]
    fn line_in_another_room_is_an_error() {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let to = To { wire: Wire::Text, to: Some(listener.local_addr().unwrap()), pid: None };
        let mut swarm = Swarm::new(&to).unwrap();
        swarm.connect(Role::OtherRoom(7)).unwrap();
        let (mut server, _) = listener.accept().unwrap();
        server.write_all(b"*** You are in #b7 alone\n").unwrap();
        swarm.open(0, Role::Reader, 1).unwrap();
        assert_eq!((swarm.check(), swarm.greetings.len()), (Ok(()), 1));
        server.write_all(b"[a]a: said here\n[a]a: `said elsewhere\n").unwrap();
        while !swarm.turn(None, |_, _, _| panic!("it is not in the room")).unwrap() {}
        assert_eq!(swarm.check(), Err("1 line came to other rooms".to_owned()));
    }
}
