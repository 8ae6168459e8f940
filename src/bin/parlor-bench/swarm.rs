//! The connections: opened, greeted, written to and read by one thread.
//!
//! Edge-triggered, as mio is: a socket is read until it gives less than was asked for, and written
//! until it takes no more. Counting is of the mark alone (see [`super::payload`]); what else is done
//! with what arrives is the business of who calls [`Swarm::turn`].

use std::io::{self, IoSliceMut, Read, Write};
use std::net::{Shutdown, SocketAddr};
use std::os::fd::AsRawFd;
use std::time::{Duration, Instant, SystemTime};

use hdrhistogram::Histogram;
use memchr::memmem;
use mio::net::TcpStream;
use mio::unix::SourceFd;
use mio::{Events, Interest, Poll, Token};
use nix::sys::socket::{ControlMessageOwned, MsgFlags, recvmsg, setsockopt, sockopt::ReceiveTimestampns};
use nix::sys::time::TimeSpec;
use rustix::time::{
    Itimerspec, TimerfdClockId, TimerfdFlags, TimerfdTimerFlags, Timespec, timerfd_create, timerfd_settime,
};

use super::flags::{Room, To};
use super::payload::{self, Kind, Payload};
use super::report::counted;
use super::target::{Role, Wire};

/// Most of what one read takes, in bytes.
const READ: usize = 256 * 1024;
/// Events of one turn.
const EVENTS: usize = 4096;
/// Where nothing at all has moved for so long, what is missing will not come any more.
pub(super) const STUCK: Duration = Duration::from_secs(30);
/// So long a fence is waited for before the next one is sent.
const FENCE: Duration = Duration::from_secs(2);
/// What a door of Parlor's says, on each wire that has words, to who talks faster than it lets anybody.
const SLOW_DOWN: &[u8] = b"Slow down: ";
/// The flags of a server of Parlor's that can be measured.
const WITHOUT_LIMITS: &str = "--rate 0 --idle 0";
/// The token of the timer.
const TIMER: Token = Token(usize::MAX - 1);

/// One connection.
#[derive(Debug)]
pub(super) struct Connection {
    stream: TcpStream,
    pub(super) role: Role,
    pub(super) state: State,
    begun: Instant,
    out: Vec<u8>,
    written: usize,
    /// What was heard before it was in; later, what has begun of a payload.
    pub(super) rest: Vec<u8>,
    /// How many payloads have come since the last [`Swarm::begin`].
    pub(super) delivered: u64,
    /// The end of what a talker has heard, shorter than [`SLOW_DOWN`]: words may come in two reads.
    tail: Vec<u8>,
    /// Why it could not be connected.
    failure: Option<io::Error>,
    /// Nothing is read while this is false.
    pub(super) reads: bool,
    /// When the kernel had the last of what was read for it, since the epoch; `None`: it did not say, or
    /// was not asked (see [`Swarm::ask_for_arrivals`]).
    pub(super) arrived: Option<Duration>,
    stamped: bool,
}

/// How far it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum State {
    Connecting,
    Greeting,
    In,
    /// The server has ended it, or it failed.
    Closed,
}

/// All connections to one server.
pub(super) struct Swarm {
    poll: Poll,
    events: Events,
    pub(super) connections: Vec<Connection>,
    buffer: Vec<u8>,
    pub(super) wire: Wire,
    target: SocketAddr,
    /// The start of the clock that payloads tell.
    started: Instant,
    timer: Option<rustix::fd::OwnedFd>,
    tally: Tally,
    /// Nanoseconds from each connect to the greeting.
    pub(super) greetings: Histogram<u64>,
    /// Lines that came to another room than the one in which they were said.
    strays: u64,
    /// A talker was told to slow down: what is measured then is the server's flood control.
    slowed: bool,
}

/// How many connections are in, and how many have ended.
#[derive(Debug, Default)]
struct Tally {
    entered: usize,
    closed: usize,
}

impl Tally {
    /// A connection's state was `before` and is `now`; returns whether that is a change. Whatever
    /// reads, writes or leaves may find that the server has ended it.
    fn note(&mut self, before: State, now: State) -> bool {
        match now {
            State::In if before != now => self.entered += 1,
            State::Closed if before != now => {
                self.closed += 1;
                self.entered -= usize::from(before == State::In);
            }
            _ => {}
        }
        before != now
    }
}

impl Swarm {
    /// No connection yet. Only loopback addresses are taken: this is a load, and nobody else's
    /// machine is to bear it.
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
            started: Instant::now(),
            timer: None,
            tally: Tally::default(),
            greetings: Histogram::new_with_bounds(1_000, 600_000_000_000, 3).map_err(|error| error.to_string())?,
            strays: 0,
            slowed: false,
        })
    }

    /// The room's readers, then its talkers, all in and hearing everything, the notices over; behind
    /// them those who are in other rooms.
    pub(super) fn fill(room: &Room) -> Result<Self, String> {
        let mut swarm = Self::new(&room.to)?;
        if room.rooms > 1 && !swarm.wire.has_rooms() {
            return Err(format!("--rooms {}: by {} there is one", room.rooms, swarm.wire.name()));
        }
        swarm.open(room.readers as usize, Role::Reader, 256)?;
        swarm.open(room.talkers as usize, Role::Talker, 256)?;
        for other in 1..room.rooms {
            swarm.open((room.readers + room.talkers) as usize, Role::Elsewhere(other), 256)?;
        }
        swarm.rest_for(room.settle)?;
        swarm.fence(room)?;
        Ok(swarm)
    }

    /// Nanoseconds since the start.
    pub(super) fn now(&self) -> u64 {
        self.started.elapsed().as_nanos() as u64
    }

    /// What [`Self::now`] counts from.
    pub(super) fn clock(&self) -> Instant {
        self.started
    }

    /// From now on the kernel notes when it had for each connection what is read.
    pub(super) fn ask_for_arrivals(&mut self) -> Result<(), String> {
        for connection in &mut self.connections {
            setsockopt(&connection.stream, ReceiveTimestampns, &true)
                .map_err(|error| format!("cannot have the kernel note when lines arrive: {error}"))?;
            connection.stamped = true;
        }
        Ok(())
    }

    /// What the system's clock, which the kernel notes arrivals by, showed when [`Self::now`] was 0.
    pub(super) fn epoch(&self) -> Duration {
        let now = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
        now.saturating_sub(self.started.elapsed())
    }

    /// Opens so many connections, at most `in_flight` at once on their way in, and waits until all are in.
    pub(super) fn open(&mut self, count: usize, role: Role, in_flight: usize) -> Result<(), String> {
        let wanted = self.connections.len() + count;
        let mut moved = (Instant::now(), self.tally.entered);
        while self.tally.entered + self.tally.closed < wanted {
            while self.connections.len() < wanted
                && self.connections.len() - self.tally.entered - self.tally.closed < in_flight
            {
                self.connect(role)?;
            }
            self.turn(Some(Duration::from_millis(100)), |_, _, _| {})?;
            if self.tally.closed > 0 {
                let mut failures = self.connections.iter().filter_map(|connection| connection.failure.as_ref());
                if let Some(error) = failures.next() {
                    return Err(format!("cannot connect to {}: {error}", self.target));
                }
                return Err(format!(
                    "{} of {} connections to {} were ended",
                    self.tally.closed,
                    self.connections.len(),
                    self.target
                ));
            }
            if moved.1 != self.tally.entered {
                moved = (Instant::now(), self.tally.entered);
            } else if moved.0.elapsed() > STUCK {
                return Err(format!("only {} of {wanted} sessions were let in by {}", self.tally.entered, self.target));
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
        Ok(Connection {
            stream,
            role,
            state: State::Connecting,
            begun,
            out: Vec::new(),
            written: 0,
            rest: Vec::new(),
            delivered: 0,
            tail: Vec::new(),
            failure: None,
            reads: true,
            arrived: None,
            stamped: false,
        })
    }

    /// Wakes [`Self::turn`] by a timer at this interval from now on.
    pub(super) fn tick_every(&mut self, interval: Duration) -> Result<(), String> {
        let fail = |error: io::Error| format!("cannot set a timer: {error}");
        let timer = timerfd_create(TimerfdClockId::Monotonic, TimerfdFlags::NONBLOCK | TimerfdFlags::CLOEXEC)
            .map_err(|error| fail(error.into()))?;
        let interval = Timespec::try_from(interval).map_err(|_| "cannot set a timer of that interval".to_string())?;
        let times = Itimerspec { it_interval: interval, it_value: interval };
        timerfd_settime(&timer, TimerfdTimerFlags::empty(), &times).map_err(|error| fail(error.into()))?;
        self.poll.registry().register(&mut SourceFd(&timer.as_raw_fd()), TIMER, Interest::READABLE).map_err(fail)?;
        self.timer = Some(timer);
        Ok(())
    }

    /// No timer any more.
    pub(super) fn tick_no_more(&mut self) {
        if let Some(timer) = self.timer.take() {
            let _ = self.poll.registry().deregister(&mut SourceFd(&timer.as_raw_fd()));
        }
    }

    /// Waits for the sockets and does what they allow; `heard` gets what connections that are in the
    /// room have read. Returns whether anything has moved.
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
        let mut heard = |index, connection: &mut Connection, bytes: &[u8]| match connection.role {
            Role::Elsewhere(_) => self.strays += payload::count(bytes),
            Role::Reader => heard(index, connection, bytes),
            Role::Talker => {
                self.slowed |= connection.is_slowed(bytes);
                heard(index, connection, bytes);
            }
        };
        for event in &self.events {
            if event.token() == TIMER {
                if let Some(timer) = &self.timer {
                    let _ = rustix::io::read(timer, &mut [0; 8]);
                }
                continue;
            }
            let index = event.token().0;
            let connection = &mut self.connections[index];
            let before = connection.state;
            if event.is_writable() {
                connection.written_to(self.wire, index);
            }
            if event.is_readable() && connection.reads {
                moved |= connection.read(self.wire, index, event.is_read_closed(), &mut self.buffer, &mut heard);
            }
            if before != State::In && connection.state == State::In {
                self.greetings.saturating_record(connection.begun.elapsed().as_nanos() as u64);
            }
            moved |= self.tally.note(before, connection.state);
        }
        Ok(moved)
    }

    /// Sends what the socket takes; the rest goes when it takes more.
    pub(super) fn flush(&mut self, index: usize) {
        let connection = &mut self.connections[index];
        let before = connection.state;
        connection.flush();
        self.tally.note(before, connection.state);
    }

    /// This connection takes its leave.
    pub(super) fn leave(&mut self, index: usize) {
        let connection = &mut self.connections[index];
        let before = connection.state;
        connection.leave(self.wire);
        self.tally.note(before, connection.state);
    }

    /// One line with this payload, by this connection.
    pub(super) fn say(&mut self, index: usize, payload: &Payload, length: usize, scratch: &mut Vec<u8>) {
        scratch.clear();
        payload.write(length, scratch);
        self.wire.say(scratch, &mut self.connections[index].out);
    }

    /// Reads for so long what comes, and counts nothing.
    pub(super) fn rest_for(&mut self, time: Duration) -> Result<(), String> {
        let until = Instant::now() + time;
        loop {
            let left = until.saturating_duration_since(Instant::now());
            if left.is_zero() {
                return self.all_here();
            }
            self.turn(Some(left), |_, _, _| {})?;
        }
    }

    /// Whether nobody has been slowed down or put out, and nobody heard what was said in another room.
    pub(super) fn all_here(&self) -> Result<(), String> {
        let target = self.target;
        match (self.slowed, self.tally.closed, self.strays) {
            (true, ..) => Err(format!(
                "{target} slows its talkers down (flood control), so nothing can be measured; start the server with \
                 {WITHOUT_LIMITS}"
            )),
            (_, 0, 0) => Ok(()),
            (_, 0, strays) => Err(format!("{} came to other rooms", counted(strays, "line"))),
            (_, closed, _) => {
                let (sessions, were) = (counted(closed as u64, "session"), if closed == 1 { "was" } else { "were" });
                let advice = match self.wire {
                    Wire::Text | Wire::Relay | Wire::Json | Wire::Frame => {
                        format!("; if its limits are why, start it with {WITHOUT_LIMITS}")
                    }
                    Wire::Irc | Wire::Redis | Wire::Nats | Wire::Floor => String::new(),
                };
                Err(format!("{sessions} {were} ended by the server at {target}{advice}"))
            }
        }
    }

    /// Counts from zero.
    pub(super) fn begin(&mut self) {
        for connection in &mut self.connections {
            connection.delivered = 0;
            connection.rest.clear();
        }
    }

    /// Says lines until one of them has come to everybody whom it concerns: then all are in, and
    /// nothing that was said before is on its way any more.
    pub(super) fn fence(&mut self, room: &Room) -> Result<(), String> {
        let length = usize::from(room.bytes) - 1;
        let (wire, first_talker) = (self.wire, room.readers as usize);
        let concerned = |index: usize| index < first_talker || wire.talker_hears_first(index - first_talker);
        let concerns = (0..first_talker + room.talkers as usize).filter(|index| concerned(*index)).count();
        let mut scratch = Vec::new();
        self.begin();
        for number in 0..15 {
            self.say(first_talker, &Payload { kind: Kind::Fence, due: 0, number, talker: 0 }, length, &mut scratch);
            self.flush(first_talker);
            let until = Instant::now() + FENCE;
            let mut reached = 0;
            while reached < concerns {
                let left = until.saturating_duration_since(Instant::now());
                if left.is_zero() {
                    break;
                }
                self.turn(Some(left), |index, connection, bytes| {
                    let mut rest = std::mem::take(&mut connection.rest);
                    payload::scan(&mut rest, bytes, length, |found| {
                        reached += usize::from(concerned(index) && found.number == number);
                    });
                    connection.rest = rest;
                })?;
            }
            self.all_here()?;
            if reached == concerns {
                self.begin();
                return Ok(());
            }
        }
        Err(format!("{}: lines do not reach everybody, so nothing can be measured", self.target))
    }
}

impl Connection {
    fn fail(&mut self) {
        self.state = State::Closed;
        self.out.clear();
        self.written = 0;
    }

    fn written_to(&mut self, wire: Wire, index: usize) {
        if self.state == State::Connecting {
            match (self.stream.take_error(), self.stream.peer_addr()) {
                (Ok(None), Ok(_)) => {}
                (Ok(None), Err(error)) if error.kind() == io::ErrorKind::NotConnected => return,
                (Ok(Some(error)) | Err(error), _) | (_, Err(error)) => {
                    self.failure = Some(error);
                    return self.fail();
                }
            }
            let _ = self.stream.set_nodelay(true);
            self.state = State::Greeting;
            wire.hello(self.role, index, &mut self.out);
            if wire.is_welcome(self.role, &[]) {
                self.state = State::In;
            }
        }
        self.flush();
    }

    fn flush(&mut self) {
        while self.written < self.out.len() {
            match self.stream.write(&self.out[self.written..]) {
                Ok(count) => self.written += count,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => return,
                Err(_) => return self.fail(),
            }
        }
        self.out.clear();
        self.written = 0;
    }

    /// One read, with the time of its arrival where the kernel notes it.
    fn receive(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        if !self.stamped {
            return self.stream.read(buffer);
        }
        // More than the one message takes.
        let mut control = [0; 128];
        let mut slices = [IoSliceMut::new(buffer)];
        let received = recvmsg::<()>(self.stream.as_raw_fd(), &mut slices, Some(&mut control), MsgFlags::MSG_DONTWAIT)?;
        self.arrived = received.cmsgs().ok().and_then(|mut messages| {
            messages.find_map(|message| match message {
                ControlMessageOwned::ScmTimestampns(time) => Some(since_epoch(time)),
                _ => None,
            })
        });
        Ok(received.bytes)
    }

    /// Reads what is there, if `to_end` all of it; returns whether anything came.
    fn read(
        &mut self,
        wire: Wire,
        index: usize,
        to_end: bool,
        buffer: &mut [u8],
        heard: &mut impl FnMut(usize, &mut Self, &[u8]),
    ) -> bool {
        let mut moved = false;
        while self.state != State::Closed {
            let count = match self.receive(buffer) {
                Ok(0) => {
                    self.fail();
                    return true;
                }
                Ok(count) => count,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => break,
                Err(_) => {
                    self.fail();
                    return true;
                }
            };
            moved = true;
            let bytes = &buffer[..count];
            if self.state == State::In {
                heard(index, self, bytes);
            } else {
                self.rest.extend_from_slice(bytes);
                if wire.is_welcome(self.role, &self.rest) {
                    self.state = State::In;
                    self.rest.clear();
                }
            }
            // Less than was asked for: the socket is empty, and what comes later is another edge. But
            // an end that has come already is none.
            if count < buffer.len() && !to_end {
                break;
            }
        }
        moved
    }

    /// Whether the server says in these bytes, or across the last ones and these, to slow down.
    fn is_slowed(&mut self, bytes: &[u8]) -> bool {
        let most = SLOW_DOWN.len() - 1;
        self.tail.extend_from_slice(&bytes[..bytes.len().min(most)]);
        let is_slowed = [&self.tail, bytes].iter().any(|bytes| memmem::find(bytes, SLOW_DOWN).is_some());
        if let Some(start) = bytes.len().checked_sub(most) {
            self.tail.clear();
            self.tail.extend_from_slice(&bytes[start..]);
        }
        self.tail.drain(..self.tail.len().saturating_sub(most));
        is_slowed
    }

    /// Ends this side of it; the server's end is still waited for.
    fn leave(&mut self, wire: Wire) {
        self.out.extend_from_slice(wire.goodbye());
        self.flush();
        if wire.goodbye().is_empty() {
            // It fails only where the server has ended it already.
            let _ = self.stream.shutdown(Shutdown::Write);
        }
    }
}

fn since_epoch(time: TimeSpec) -> Duration {
    Duration::new(u64::try_from(time.tv_sec()).unwrap_or(0), u32::try_from(time.tv_nsec()).unwrap_or(0))
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::net::TcpListener;

    /// A server may have gone when a visit takes its leave; the next visit in its place once counted
    /// down from nothing.
    #[test]
    fn an_end_that_a_write_finds_is_counted_too() {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let to = To { wire: Wire::Text, to: Some(listener.local_addr().unwrap()), pid: None };
        let mut swarm = Swarm::new(&to).unwrap();
        swarm.connect(Role::Reader).unwrap();
        let (mut server, _) = listener.accept().unwrap();
        server.write_all(b"*** who lists people\n").unwrap();
        swarm.open(0, Role::Reader, 1).unwrap();
        assert_eq!((swarm.tally.entered, swarm.tally.closed), (1, 0));
        socket2::SockRef::from(&server).set_linger(Some(Duration::ZERO)).unwrap();
        drop(server); // a reset, which is here at once
        swarm.leave(0);
        assert_eq!((swarm.tally.entered, swarm.tally.closed), (0, 1));
        assert!(swarm.all_here().is_err());
        swarm.reconnect(0).unwrap();
        assert_eq!(swarm.tally.closed, 0);
    }

    /// What was measured then was the server's flood control: of 50 lines a second, the middle one took
    /// two seconds, and that was told as any other figure.
    #[test]
    fn a_server_that_slows_a_talker_down_is_not_measured() {
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
                let error = swarm.all_here().unwrap_err();
                assert!(error.ends_with("start the server with --rate 0 --idle 0"), "cut at {cut}: {error}");
            }
        }
    }

    #[test]
    fn nobody_there_is_told_as_that() {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        drop(listener);
        let mut swarm = Swarm::new(&To { wire: Wire::Text, to: Some(address), pid: None }).unwrap();
        let error = swarm.open(3, Role::Reader, 3).unwrap_err();
        assert!(error.starts_with(&format!("cannot connect to {address}: Connection refused")), "{error}");
    }

    /// Else a server that sends everything to everybody would look as good as one that has rooms.
    #[test]
    fn a_line_that_comes_to_another_room_is_a_fault() {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let to = To { wire: Wire::Text, to: Some(listener.local_addr().unwrap()), pid: None };
        let mut swarm = Swarm::new(&to).unwrap();
        swarm.connect(Role::Elsewhere(7)).unwrap();
        let (mut server, _) = listener.accept().unwrap();
        server.write_all(b"*** You are in #b7 alone\n").unwrap();
        swarm.open(0, Role::Reader, 1).unwrap();
        assert_eq!((swarm.all_here(), swarm.greetings.len()), (Ok(()), 1));
        server.write_all(b"[a]a: said here\n[a]a: `said elsewhere\n").unwrap();
        while !swarm.turn(None, |_, _, _| panic!("it is not in the room")).unwrap() {}
        assert_eq!(swarm.all_here(), Err("1 line came to other rooms".to_owned()));
    }
}
