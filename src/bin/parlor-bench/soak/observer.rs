//! An observer: a session that reads everything at once, and whose lines are checked one by one.
//!
//! At each door some observers stay to the end, and one connects and leaves again and again. One thread with one poll
//! serves them all. They keep up, so the server must never skip lines for them.

use std::io::{self, ErrorKind, Read, Write};
use std::net::{Shutdown, SocketAddr, TcpStream};
use std::time::{Duration, Instant};

use memchr::memmem;

use super::door::Door;
use super::door::LOBBY;
use super::order::{Key, Listener, Order};
use super::shared::{Expected, Shared};

/// The shortest and the longest visit, in milliseconds.
const VISIT: (u64, u64) = (500, 4_000);
/// Longest wait of a visitor for its last lines: far longer than any pause.
const LEAVE_TIMEOUT: Duration = Duration::from_secs(30);
/// The pause after a refusal.
const RETRY_PAUSE: Duration = Duration::from_millis(200);

/// An observer.
#[derive(Debug)]
pub(super) struct Observer {
    pub(super) door: Door,
    pub(super) stream: TcpStream,
    pub(super) address: SocketAddr,
    pub(super) listener: Listener,
    bytes: Vec<u8>,
    out: Vec<u8>,
    /// The session has joined.
    pub(super) has_joined: bool,
    leave: Leave,
    pub(super) has_ended: bool,
    /// The last number of the room's lines, on the doors that number them.
    seq: Option<u64>,
    own: OwnLines,
}

/// How far a visitor is with leaving.
#[derive(Debug)]
struct Leave {
    /// When it is to leave; `None` for an observer that stays.
    at: Option<Instant>,
    waits: Option<LeaveWait>,
    has_begun: bool,
}

/// The wait of a visitor before it leaves.
#[derive(Debug, Clone, Copy)]
struct LeaveWait {
    /// The end of the order when the wait began.
    position: u64,
    since: Instant,
}

/// The lines that an observer has sent.
#[derive(Debug, Default)]
struct OwnLines {
    last: Option<Key>,
    /// Whether the last line has come back.
    is_echoed: bool,
}

impl Observer {
    /// Connects.
    pub(super) fn connect(shared: &Shared, door: Door, stays: bool) -> io::Result<Self> {
        let stream = TcpStream::connect(door.of(&shared.setup.doors))?;
        let address = stream.local_addr()?;
        stream.set_nonblocking(true)?;
        stream.set_nodelay(true)?;
        let mut out = Vec::new();
        door.hello(LOBBY, &mut out);
        if door == Door::Frame {
            // This door shows no history unasked. The answer names the room's last line, so the first line received
            // must be the next one.
            door.act("history", "1", &mut out);
        }
        let number = shared.next_visit();
        let name = format!("{} {} {number}", if stays { "observer" } else { "visitor" }, door.name());
        let stay = Duration::from_millis(shared.random(number).between(VISIT.0, VISIT.1));
        Ok(Self {
            door,
            stream,
            address,
            listener: Listener::new(name),
            bytes: Vec::new(),
            out,
            has_joined: false,
            leave: Leave { at: (!stays).then(|| Instant::now() + stay), waits: None, has_begun: false },
            has_ended: false,
            seq: None,
            own: OwnLines::default(),
        })
    }

    /// Whether the observer stays to the end.
    pub(super) fn stays(&self) -> bool {
        self.leave.at.is_none()
    }

    /// Whether a visitor's time is over.
    pub(super) fn must_leave(&self) -> bool {
        self.leave.at.is_some_and(|at| Instant::now() >= at)
    }

    /// Queues the next line. Relay sessions do not receive their own lines, so they send none.
    pub(super) fn say(&mut self, shared: &Shared, filler: u16) {
        if !self.has_joined || self.leave.has_begun || !self.door.echoes() {
            return;
        }
        let key = match self.own.last {
            Some(Key { talker, number }) => Key { talker, number: number + 1 },
            None => Key { talker: shared.next_talker(), number: 0 },
        };
        self.own = OwnLines { last: Some(key), is_echoed: false };
        self.door.say(&key.line(filler), &mut self.out);
    }

    /// The lines that the observer has sent. It receives them itself.
    pub(super) fn expected(&self) -> Option<Expected> {
        let expected = |key: Key| Expected { talker: key.talker, lines: key.number + 1, unconfirmed: None };
        self.own.last.map(expected)
    }

    pub(super) fn wants_to_write(&self) -> bool {
        !self.out.is_empty()
    }

    pub(super) fn write(&mut self) {
        while !self.out.is_empty() {
            match self.stream.write(&self.out) {
                Ok(count) => drop(self.out.drain(..count)),
                Err(error) if error.kind() == ErrorKind::Interrupted => {}
                // The socket is full, or has ended; a read tells which.
                Err(_) => return,
            }
        }
    }

    /// Leaves as soon as the observer has received all lines of the order at the first call, and its own last line,
    /// which it sends for this. It is a fault if that takes too long.
    pub(super) fn try_to_leave(&mut self, shared: &Shared, order: &mut Order) {
        let Some(LeaveWait { position, since }) = self.leave.waits else {
            self.leave.waits = Some(LeaveWait { position: order.end(), since: Instant::now() });
            self.say(shared, 0);
            return self.write();
        };
        let has_heard = self.listener.position().is_some_and(|heard| heard >= position);
        if has_heard && (self.own.is_echoed || !self.door.echoes()) {
            self.leave();
        } else if self.listener.has_failed() {
            self.leave(); // that fault is recorded already
        } else if since.elapsed() >= LEAVE_TIMEOUT {
            let (heard, echo) = (self.listener.position(), self.own.is_echoed);
            let what = || {
                format!("has received {heard:?} of {position} lines, its own last line: {echo}, when it has to leave")
            };
            self.listener.fail(order, what);
            self.leave();
        }
    }

    /// Whether the observer has begun to leave.
    pub(super) fn is_leaving(&self) -> bool {
        self.leave.has_begun
    }

    fn leave(&mut self) {
        self.leave.has_begun = true;
        if self.door == Door::Text {
            self.out.extend_from_slice(b"/quit\n");
            self.write();
        } else {
            let _ = self.stream.shutdown(Shutdown::Write);
        }
    }

    /// Reads what has arrived and checks it.
    pub(super) fn read(&mut self, buffer: &mut [u8], order: &mut Order) {
        loop {
            match self.stream.read(buffer) {
                Ok(0) => self.has_ended = true,
                Ok(count) => {
                    self.bytes.extend_from_slice(&buffer[..count]);
                    self.note(order);
                    if count == buffer.len() {
                        continue;
                    }
                }
                Err(error) if error.kind() == ErrorKind::Interrupted => continue,
                Err(error) if error.kind() == ErrorKind::WouldBlock => {}
                Err(_) => self.has_ended = true,
            }
            return;
        }
    }

    fn note(&mut self, order: &mut Order) {
        let (listener, seq, has_joined) = (&mut self.listener, &mut self.seq, &mut self.has_joined);
        let own = &mut self.own;
        let is_frame = self.door == Door::Frame;
        let welcome = if is_frame { HISTORY_END } else { self.door.welcome(LOBBY) };
        let numbered = !matches!(self.door, Door::Text | Door::Relay);
        self.door.take_units(&mut self.bytes, |unit| {
            if !*has_joined {
                *has_joined = memmem::find(unit, welcome).is_some();
            }
            let is_history = if numbered { unit.ends_with(b"\"Past\":true}") } else { unit.starts_with(b"--- ") };
            if numbered && unit.starts_with(HISTORY_END) {
                let now = number_of(unit);
                if seq.is_some() && now != *seq {
                    listener.fail(order, || format!("was told of {now:?} as the room's last line after {seq:?}"));
                }
                *seq = now;
            } else if numbered && is_line(unit) && !(is_history && is_frame) {
                let now = number_of(unit);
                if let (Some(now), Some(before)) = (now, *seq)
                    && now != before + 1
                {
                    listener.fail(order, || format!("was told line {now} of the room after line {before}"));
                }
                *seq = now;
            } else if unit.starts_with(b"*** ") && memmem::find(unit, b" lines were skipped").is_some() {
                listener.fail(order, || String::from_utf8_lossy(unit).into_owned());
            }
            match Key::read(unit) {
                Some(Ok(key)) if is_history => listener.note_history(key),
                Some(Ok(key)) => {
                    own.is_echoed |= own.last == Some(key);
                    listener.hears(key);
                }
                Some(Err(())) => listener.fail(order, || format!("a torn line: {}", String::from_utf8_lossy(unit))),
                None => {}
            }
        });
    }
}

/// The beginning of the answer that ends the history.
const HISTORY_END: &[u8] = b"{\"Act\":\"history\"";

/// Whether a packet is a line of chat.
fn is_line(unit: &[u8]) -> bool {
    unit.starts_with(b"{\"Act\":\"chat\"") || unit.starts_with(b"{\"Act\":\"action\"")
}

/// The room's number of a line: the last `"Seq":`, since the text stands before it.
fn number_of(unit: &[u8]) -> Option<u64> {
    let at = memmem::rfind(unit, b"\"Seq\":")? + 6;
    let digits = unit[at..].iter().take_while(|byte| byte.is_ascii_digit());
    digits.fold(None, |number, digit| Some(number.unwrap_or(0) * 10 + u64::from(digit - b'0')))
}

/// The place of one observer.
#[derive(Debug)]
pub(super) enum Place {
    Taken(Box<Observer>),
    /// Free until `from`, when the next observer connects.
    Free {
        door: Door,
        stays: bool,
        from: Instant,
    },
}

impl Place {
    pub(super) fn free(door: Door, stays: bool) -> Self {
        Self::Free { door, stays, from: Instant::now() }
    }

    pub(super) fn free_later(door: Door, stays: bool) -> Self {
        Self::Free { door, stays, from: Instant::now() + RETRY_PAUSE }
    }

    pub(super) fn observer(&self) -> Option<&Observer> {
        match self {
            Self::Taken(observer) => Some(observer),
            Self::Free { .. } => None,
        }
    }
}
