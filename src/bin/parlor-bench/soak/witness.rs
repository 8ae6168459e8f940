//! Those who only listen, and say a line now and then: what they hear is checked, line by line.
//!
//! At each door some stay from the beginning to the end, and one comes and goes. They are held by
//! one thread with one poll and have nothing else to do: who is told of skipped lines here has been
//! wronged.

use std::io::{self, ErrorKind, Read, Write};
use std::net::{Shutdown, SocketAddr, TcpStream};
use std::time::{Duration, Instant};

use memchr::memmem;

use super::door::Door;
use super::order::{Key, Listener, Order};
use super::{Promise, Shared};

/// A visitor stays between these, in milliseconds.
const VISIT: (u64, u64) = (500, 4_000);
/// What a visitor waits for before it goes must come within this: far beyond every pause that is made.
const LAST_WORD: Duration = Duration::from_secs(30);
/// After a refusal the next attempt.
const AGAIN: Duration = Duration::from_millis(200);

/// One of them.
#[derive(Debug)]
pub(super) struct Witness {
    pub(super) door: Door,
    pub(super) stream: TcpStream,
    pub(super) address: SocketAddr,
    pub(super) listener: Listener,
    bytes: Vec<u8>,
    out: Vec<u8>,
    /// It has been greeted.
    pub(super) is_in: bool,
    /// When it goes, if it does.
    leaves: Option<Instant>,
    /// It wants to go, and waits until it has heard what it must have heard by then.
    farewell: Option<Farewell>,
    pub(super) is_leaving: bool,
    pub(super) has_ended: bool,
    /// On the doors that number the room's lines, the last number.
    seq: Option<u64>,
    /// The last key that it said, and whether that has come back.
    voice: Option<Key>,
    is_echoed: bool,
}

/// What a visitor waits for before it goes.
#[derive(Debug, Clone, Copy)]
struct Farewell {
    /// What was known of the order when it began to wait.
    place: u64,
    since: Instant,
}

impl Witness {
    pub(super) fn come(shared: &Shared, door: Door, stays: bool) -> io::Result<Self> {
        let stream = TcpStream::connect(door.of(&shared.doors))?;
        let address = stream.local_addr()?;
        stream.set_nonblocking(true)?;
        stream.set_nodelay(true)?;
        let mut out = Vec::new();
        door.hello("lobby", &mut out);
        if door == Door::Frame {
            // It is shown nothing of the past unasked. By this it learns the room's last number, so that
            // the first line that it hears has to be the next one.
            door.act("history", "1", &mut out);
        }
        let number = shared.next_visit();
        let name = format!("{} {} {number}", if stays { "witness" } else { "visitor" }, door.name());
        let stay = Duration::from_millis(shared.draw(number).between(VISIT.0, VISIT.1));
        Ok(Self {
            door,
            stream,
            address,
            listener: Listener::new(name),
            bytes: Vec::new(),
            out,
            is_in: false,
            leaves: (!stays).then(|| Instant::now() + stay),
            farewell: None,
            is_leaving: false,
            has_ended: false,
            seq: None,
            voice: None,
            is_echoed: false,
        })
    }

    /// Whether it is one of those who stay.
    pub(super) fn stays(&self) -> bool {
        self.leaves.is_none()
    }

    pub(super) fn has_to_go(&self) -> bool {
        self.leaves.is_some_and(|at| Instant::now() >= at)
    }

    /// Says its next line. On the relay door nobody hears their own, so nobody there says any.
    pub(super) fn say(&mut self, shared: &Shared, filler: u16) {
        if !self.is_in || self.is_leaving || !self.door.echoes() {
            return;
        }
        let key = match self.voice {
            Some(Key { talker, number }) => Key { talker, number: number + 1 },
            None => Key { talker: shared.next_talker(), number: 0 },
        };
        self.voice = Some(key);
        self.is_echoed = false;
        self.door.say(&key.spell(filler), &mut self.out);
    }

    /// Who it is as a talker, and how many lines it has said; it hears them itself.
    pub(super) fn promise(&self) -> Option<Promise> {
        self.voice.map(|key| Promise { talker: key.talker, said: key.number + 1, doubt: None })
    }

    pub(super) fn wants_to_write(&self) -> bool {
        !self.out.is_empty()
    }

    pub(super) fn write(&mut self) {
        while !self.out.is_empty() {
            match self.stream.write(&self.out) {
                Ok(count) => drop(self.out.drain(..count)),
                Err(error) if error.kind() == ErrorKind::Interrupted => {}
                // Full for now; or ended, which reading will tell.
                Err(_) => return,
            }
        }
    }

    /// Goes, as soon as it has heard all that was known to the one who leads when it first wanted to,
    /// and its own last line, which on most doors it says for this. That this takes too long is a fault.
    pub(super) fn take_leave(&mut self, shared: &Shared, order: &mut Order) {
        let Some(Farewell { place, since }) = self.farewell else {
            self.farewell = Some(Farewell { place: order.end(), since: Instant::now() });
            self.say(shared, 0);
            return self.write();
        };
        let has_heard = self.listener.place().is_some_and(|heard| heard >= place);
        if has_heard && (self.is_echoed || !self.door.echoes()) {
            self.leave();
        } else if self.listener.is_lost() {
            self.leave(); // which is a fault already
        } else if since.elapsed() >= LAST_WORD {
            let (heard, echo) = (self.listener.place(), self.is_echoed);
            let what =
                || format!("has heard {heard:?} of {place} lines, the last of its own: {echo}, when it wants to go");
            self.listener.lose(order, what);
            self.leave();
        }
    }

    fn leave(&mut self) {
        self.is_leaving = true;
        if self.door == Door::Text {
            self.out.extend_from_slice(b"/quit\n");
            self.write();
        } else {
            let _ = self.stream.shutdown(Shutdown::Write);
        }
    }

    /// Reads what is there and notes it.
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
        let (listener, seq, is_in) = (&mut self.listener, &mut self.seq, &mut self.is_in);
        let (own, is_echoed) = (self.voice, &mut self.is_echoed);
        let is_frame = self.door == Door::Frame;
        let welcome = if is_frame { PAST_END } else { self.door.welcome("lobby") };
        let numbered = !matches!(self.door, Door::Text | Door::Relay);
        self.door.take_off(&mut self.bytes, |unit| {
            if !*is_in {
                *is_in = memmem::find(unit, welcome).is_some();
            }
            let is_past = if numbered { unit.ends_with(b"\"Past\":true}") } else { unit.starts_with(b"--- ") };
            if numbered && unit.starts_with(PAST_END) {
                let now = number_of(unit);
                if seq.is_some() && now != *seq {
                    listener.lose(order, || format!("was told of {now:?} as the room's last line after {seq:?}"));
                }
                *seq = now;
            } else if numbered && is_line(unit) && !(is_past && is_frame) {
                let now = number_of(unit);
                if let (Some(now), Some(before)) = (now, *seq)
                    && now != before + 1
                {
                    listener.lose(order, || format!("was told line {now} of the room after line {before}"));
                }
                *seq = now;
            } else if unit.starts_with(b"*** ") && memmem::find(unit, b" lines were skipped").is_some() {
                listener.lose(order, || String::from_utf8_lossy(unit).into_owned());
            }
            match Key::read(unit) {
                Some(Ok(key)) if is_past => listener.is_shown(key),
                Some(Ok(key)) => {
                    *is_echoed |= own == Some(key);
                    listener.hears(key);
                }
                Some(Err(())) => listener.lose(order, || format!("a torn line: {}", String::from_utf8_lossy(unit))),
                None => {}
            }
        });
    }
}

/// How the answer begins that ends what is shown of the past.
const PAST_END: &[u8] = b"{\"Act\":\"history\"";

/// Whether it is something that somebody said.
fn is_line(unit: &[u8]) -> bool {
    unit.starts_with(b"{\"Act\":\"chat\"") || unit.starts_with(b"{\"Act\":\"action\"")
}

/// The room's number of a line: the last `"Seq":`, since what people say stands before it.
fn number_of(unit: &[u8]) -> Option<u64> {
    let at = memmem::rfind(unit, b"\"Seq\":")? + 6;
    let digits = unit[at..].iter().take_while(|byte| byte.is_ascii_digit());
    digits.fold(None, |number, digit| Some(number.unwrap_or(0) * 10 + u64::from(digit - b'0')))
}

/// When somebody may come to a place again.
#[derive(Debug)]
pub(super) enum Place {
    Taken(Box<Witness>),
    Free { door: Door, stays: bool, from: Instant },
}

impl Place {
    pub(super) fn free(door: Door, stays: bool) -> Self {
        Self::Free { door, stays, from: Instant::now() }
    }

    pub(super) fn free_later(door: Door, stays: bool) -> Self {
        Self::Free { door, stays, from: Instant::now() + AGAIN }
    }

    pub(super) fn witness(&self) -> Option<&Witness> {
        match self {
            Self::Taken(witness) => Some(witness),
            Self::Free { .. } => None,
        }
    }
}
