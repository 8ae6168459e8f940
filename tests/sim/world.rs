//! All parts but the manager: peers, readers, writers, the stop, and the clock.
//!
//! Each of them does one small step at a time, and the dice choose which. The manager runs as it is;
//! where it waits or touches the outside, it comes here ([`wait`], [`interrupt`]).

use std::cell::RefCell;
use std::collections::VecDeque;
use std::net::Shutdown;
use std::sync::Arc;
use std::time::Duration;

use parlor::chat::{Entry, HubSettings, Now, Post};
use parlor::config::Config;
use parlor::metrics::Metrics;
use parlor::protocol::{
    Body, CloseReason, Code, Command, IdleLimits, Nick, Notice, Refusal, RoomName, SessionId, Switch,
};
use parlor::wire::{Decode, Framing, Heard, HeardDecoder, Inbound, Wire};

use crate::accept::admission::Slot;
use crate::connection::Connection;
use crate::event::{CREDIT, Event, Opened, Posted, credits_of};
use crate::manager::Manager;
use crate::os::{self, Instant, OnceLock, Receiver, RecvTimeoutError, Sender, bounded, dice};
use crate::outbox::{MAX_SLICES, Outbox, Packet};
use crate::reference::{self, Hub};
use crate::session::writer::{LEAST_TAKEN, LINGER, Stall, Writer};
use crate::socket::Socket;
use crate::stream::Stream;
use crate::transport::Transport;

const WRITE_TIMEOUT: Duration = Duration::from_secs(10);
const DRAIN: Duration = Duration::from_secs(2);
/// Before a stop that is not sudden.
const SILENCE: Duration = Duration::from_secs(3);
/// Events that fit into the inbox: few, so that readers have to wait.
const INBOX: usize = 8;
const WIRES: [Wire; 6] = [
    Wire::Text,
    Wire::Relay,
    Wire::Frame,
    Wire::Json(Some(Framing::Lines)),
    Wire::Json(Some(Framing::Gf2)),
    Wire::Json(Some(Framing::Gf7)),
];
/// Of streams.
const STREAMS: [Wire; 2] = [Wire::Text, Wire::Json(Some(Framing::Lines))];
const ROOMS: [&str; 3] = ["lobby", "dev", "ops"];

/// Counts of what happened, over many lives.
#[derive(Debug, Default)]
pub struct Happened {
    counts: [u64; 15],
}

const MUST: [&str; 15] = [
    "lines heard",
    "skipped lines told",
    "skipped lines never told, the session ended first",
    "a room was congested",
    "more was pending than an outbox holds",
    "closed: write timeout",
    "a reset",
    "input ended, answers still to come",
    "turned away during a stop",
    "cut at the end of a drain",
    "in several rooms at once",
    "a stream told lines of the past, then of the present",
    "a stream refused",
    "lines of posts said",
    "a post dropped at a stop",
];

impl Happened {
    fn count(&mut self, what: &str, times: u64) {
        self.counts[MUST.iter().position(|known| *known == what).unwrap()] += times;
    }

    pub fn add(&mut self, other: &Self) {
        self.counts.iter_mut().zip(other.counts).for_each(|(sum, more)| *sum += more);
    }

    pub fn missing(&self) -> Vec<&'static str> {
        MUST.into_iter().zip(self.counts).filter(|(_, count)| *count == 0).map(|(what, _)| what).collect()
    }
}

// --- one session -------------------------------------------------------------------------------

#[derive(Debug, PartialEq, Eq)]
enum Reading {
    Going,
    /// It has a reason to end, and tells the manager.
    Ending(CloseReason),
    /// The rest of the input is thrown away.
    Discarding,
    Done,
}

#[derive(Debug, PartialEq, Eq)]
enum Writing {
    Going,
    /// Bytes that were sent and are not yet taken off.
    Sent(usize),
    /// It has a reason to end.
    Failing(CloseReason),
    CaughtUp,
    Finishing(Option<Instant>),
    /// Whether everything was sent.
    Done(bool),
}

struct Session {
    id: SessionId,
    wire: Wire,
    socket: Socket,
    // The reader's.
    connection: Option<Arc<Connection>>,
    decoder: Box<dyn Decode>,
    items: Vec<Inbound>,
    /// It has nothing left to say of its being there.
    appeared: bool,
    input_over: bool,
    credit: Sender<()>,
    reading: Reading,
    // The writer's.
    writer: Option<Writer>,
    batch: VecDeque<Packet>,
    writing: Writing,
    stall: Stall,
    /// Since when the writer waits for the socket.
    waits_since: Option<Instant>,
    reason: Option<CloseReason>,
    // The peer's.
    said: usize,
    renamed: usize,
    received: Vec<u8>,
    /// When it read how much.
    reads: VecDeque<(Instant, usize)>,
    stalled_until: Option<Instant>,
    /// It has not read all the time since the stop.
    stalled: bool,
    /// It had read everything at the stop: if lines were skipped, it knows.
    must_be_told: bool,
    gone: bool,
    leaving: bool,
    /// It listens to a room, and asks for nothing.
    is_stream: bool,
}

impl Session {
    /// One step of one of the three; false where there was nothing to do.
    fn step(&mut self, inbox: &Sender<Event>, talks: bool) -> bool {
        match dice(4) {
            0 => self.read(inbox),
            1 => self.write(inbox),
            2 => self.listen(),
            _ => talks && self.speak(),
        }
    }

    /// All that may be done in it, for finding out whether anything can.
    fn any_step(&mut self, inbox: &Sender<Event>) -> bool {
        self.read(inbox) || self.write(inbox) || self.listen()
    }

    // As `session::converse` and `Reader::run` do it.
    fn read(&mut self, inbox: &Sender<Event>) -> bool {
        let Some(connection) = self.connection.clone() else { return false };
        match &self.reading {
            // With the first byte, or after a moment. (A first command announces its session too.)
            Reading::Going if !self.appeared && dice(if self.items.is_empty() { 20 } else { 2 }) == 0 => {
                if inbox.is_full() {
                    return false;
                }
                self.appeared = true;
                let _ = inbox.send(Event::Appeared(self.id));
                true
            }
            Reading::Going if !self.items.is_empty() => {
                if connection.reason().is_some() {
                    self.reading = Reading::Ending(CloseReason::PeerClosed);
                    return true;
                }
                let writer_half = MAX_PENDING.get() / 2;
                if connection.pending() > MAX_PENDING.get() {
                    OVER_LIMIT.set(OVER_LIMIT.get() + 1);
                }
                let credits = credits_of(&self.items);
                let no_credit = self.credit.len() + credits > CREDIT;
                if connection.pending() > writer_half || no_credit || inbox.is_full() {
                    return false;
                }
                let items = std::mem::take(&mut self.items);
                for item in &items {
                    match item {
                        Inbound::Tag(tag) => reference::tag(self.id, tag.clone()),
                        Inbound::Command(_) => {}
                        other => panic!("nobody sends what becomes {other:?}"),
                    }
                }
                (0..credits).for_each(|_| self.credit.send(()).unwrap());
                // It fails only after the server has stopped.
                let _ = inbox.send(Event::Received(self.id, items));
                true
            }
            Reading::Going => self.read_bytes(),
            Reading::Ending(reason) => {
                connection.end(reason.clone());
                if inbox.is_full() {
                    return false;
                }
                let reason = connection.reason().unwrap().clone();
                let polite = reason.is_polite();
                let _ = inbox.send(Event::Closed(self.id, reason));
                if !polite {
                    connection.cut();
                }
                self.reading = if polite { Reading::Discarding } else { Reading::Done };
                true
            }
            Reading::Discarding => {
                let mut wire = self.socket.wire.borrow_mut();
                wire.to_server.clear();
                if wire.peer_ended || wire.reset || wire.cut {
                    self.reading = Reading::Done;
                    return true;
                }
                false
            }
            Reading::Done => {
                connection.threads.finish_reading();
                self.reason = connection.reason().cloned();
                self.connection = None;
                true
            }
        }
    }

    fn read_bytes(&mut self) -> bool {
        let mut wire = self.socket.wire.borrow_mut();
        if wire.reset {
            self.reading = Reading::Ending(CloseReason::ReadFailed);
            return true;
        }
        if self.input_over {
            self.reading = Reading::Ending(CloseReason::PeerClosed);
            return true;
        }
        if wire.to_server.is_empty() {
            if !wire.peer_ended && !wire.cut {
                return false;
            }
            self.input_over = true;
            if !wire.cut {
                self.decoder.end();
            }
        } else {
            let count = 1 + dice(wire.to_server.len());
            let bytes: Vec<u8> = wire.to_server.drain(..count).collect();
            self.decoder.feed(&bytes);
        }
        while let Some(item) = self.decoder.next().unwrap() {
            let is_program = matches!(self.wire, Wire::Json(_) | Wire::Frame);
            self.items.push(if is_program { in_several_rooms(item) } else { item });
        }
        true
    }

    // As `Writer::run` does it.
    fn write(&mut self, inbox: &Sender<Event>) -> bool {
        let Some(writer) = &self.writer else { return false };
        let now = Instant::now();
        match self.writing {
            Writing::Going => {
                while self.batch.len() < MAX_SLICES && (self.batch.is_empty() || dice(8) > 0) {
                    match writer.queue.try_recv() {
                        Ok(packet) => self.batch.push_back(packet),
                        Err(RecvTimeoutError::Disconnected) if self.batch.is_empty() => {
                            self.writing = Writing::Finishing(None);
                            return true;
                        }
                        Err(_) => break,
                    }
                }
                if self.batch.is_empty() {
                    return false;
                }
                self.socket.wire.borrow_mut().owned = true;
                let slices: Vec<_> = self.batch.iter().map(|packet| std::io::IoSlice::new(packet.bytes())).collect();
                match self.socket.send_slices(&slices) {
                    Ok(count) => {
                        if let Some(since) = self.waits_since.take() {
                            self.stall.waited(now.duration_since(since), WRITE_TIMEOUT);
                        }
                        self.stall.took(count);
                        self.writing = Writing::Sent(count);
                    }
                    Err(rustix::io::Errno::PIPE) => self.writing = Writing::Failing(CloseReason::WriteFailed),
                    Err(_) if self.stall.is_over(WRITE_TIMEOUT) => {
                        self.writing = Writing::Failing(CloseReason::WriteTimeout);
                    }
                    Err(_) => {
                        // A wait that is over begins anew.
                        let since = *self.waits_since.get_or_insert(now);
                        if now < since + WRITE_TIMEOUT / 10 {
                            return false;
                        }
                        self.stall.waited(now.duration_since(since), WRITE_TIMEOUT);
                        self.waits_since = Some(now);
                    }
                }
            }
            // It reports both to the manager.
            Writing::Sent(_) | Writing::Failing(_) if inbox.is_full() => return false,
            Writing::Failing(ref reason) => {
                let reason = reason.clone();
                self.fail(reason);
            }
            Writing::Sent(count) => {
                writer.take_off(&mut self.batch, count);
                self.socket.wire.borrow_mut().owned = !self.batch.is_empty();
                self.writing = if self.batch.is_empty() { Writing::CaughtUp } else { Writing::Going };
            }
            Writing::CaughtUp => {
                if inbox.is_full() {
                    return false;
                }
                // Lines that came meanwhile belong to those being caught up with.
                match writer.queue.try_recv() {
                    Ok(packet) => self.batch.push_back(packet),
                    Err(_) => {
                        self.stall = Stall::default();
                        writer.report_caught_up();
                    }
                }
                self.writing = Writing::Going;
            }
            Writing::Finishing(None) => {
                if writer.connection.reason().is_none_or(CloseReason::is_polite) {
                    let _ = self.socket.shutdown(Shutdown::Write);
                    self.writing = Writing::Finishing(Some(now + LINGER));
                } else {
                    writer.connection.cut();
                    self.writing = Writing::Done(false);
                    self.writer = None;
                }
            }
            Writing::Finishing(Some(until)) => {
                if !writer.connection.threads.has_finished_reading() && now < until {
                    return false;
                }
                writer.connection.cut();
                self.writing = Writing::Done(true);
                self.writer = None;
            }
            Writing::Done(_) => return false,
        }
        true
    }

    fn fail(&mut self, reason: CloseReason) {
        if reason == CloseReason::WriteTimeout {
            let now = Instant::now();
            let read: usize =
                self.reads.iter().filter(|(at, _)| now < *at + WRITE_TIMEOUT).map(|(_, count)| count).sum();
            let room = self.socket.wire.borrow().room;
            assert!(read < LEAST_TAKEN + room, "it is ended for being slow, and has read {read} bytes in 10 s");
        }
        if let Some(writer) = self.writer.take() {
            writer.connection.end(reason);
            writer.connection.cut();
            writer.report_room();
        }
        self.batch.clear();
        self.writing = Writing::Done(false);
    }

    fn listen(&mut self) -> bool {
        if self.gone || self.stalled_until.is_some_and(|until| Instant::now() < until) {
            return false;
        }
        let mut wire = self.socket.wire.borrow_mut();
        if wire.to_peer.is_empty() {
            if !wire.ended && !wire.cut {
                return false;
            }
            wire.peer_ended = true; // it has heard the last word, and goes
            self.gone = true;
            return true;
        }
        let count = 1 + dice(wire.to_peer.len());
        self.reads.push_back((Instant::now(), count));
        self.received.extend(wire.to_peer.drain(..count));
        true
    }

    /// The peer says something, or does what peers do.
    fn speak(&mut self) -> bool {
        if self.gone || self.leaving || self.stalled_until.is_some_and(|until| Instant::now() < until) {
            return false;
        }
        match dice(120) {
            0 => {
                let time = [50, 150, 2_000, 15_000][dice(4)];
                self.stalled_until = Some(Instant::now() + Duration::from_millis(time));
                self.stalled = true;
            }
            1 => self.socket.wire.borrow_mut().room = 1 + dice(4000),
            2 => {
                self.socket.wire.borrow_mut().reset = true;
                self.gone = true;
            }
            3 | 4 => {
                self.socket.wire.borrow_mut().peer_ended = true;
                self.leaving = true;
            }
            _ if self.is_stream => return false,
            5 | 6 if self.wire != Wire::Relay => {
                let words = (dice(2) == 0).then(|| self.line());
                self.ask(&Command::Quit(words));
                self.leaving = true;
            }
            chance => {
                let command = self.command(chance);
                self.ask(&command);
            }
        }
        true
    }

    fn line(&mut self) -> Body {
        self.said += 1;
        let padding = if dice(6) == 0 { "x".repeat(dice(600)) } else { String::new() };
        Body::new(&format!("s{}n{} {padding}", self.id, self.said)).unwrap()
    }

    fn command(&mut self, chance: usize) -> Command {
        if self.wire == Wire::Relay {
            return Command::Say(self.line());
        }
        let on = if dice(2) == 0 { Switch::On } else { Switch::Off };
        let somebody = self.id.0.saturating_sub(dice(4) as u64).max(1).to_string();
        match chance {
            7..14 => Command::Join(RoomName::parse(ROOMS[dice(ROOMS.len())]).unwrap()),
            14..17 => Command::Leave,
            17..20 if self.renamed < 3 => {
                self.renamed += 1;
                let name = format!("n{}-{}", self.id, if dice(3) == 0 { 0 } else { self.renamed });
                Command::Nick(Nick::parse(&name).unwrap())
            }
            20..26 => Command::Msg { to: somebody, body: Body::new(&"psst ".repeat(1 + dice(20))).unwrap() },
            26..28 => Command::Ignore(somebody),
            28..30 => Command::Unignore(somebody),
            30..32 => Command::Quiet(on),
            32..34 => Command::Echo(on),
            34 if self.wire == Wire::Text => Command::Time(on),
            35 if self.wire == Wire::Text => Command::Address(on),
            36..39 => Command::Who(None),
            39..41 => Command::History(1 + dice(20)),
            41..43 => Command::Ping,
            43..48 => Command::Me(self.line()),
            _ => Command::Say(self.line()),
        }
    }

    fn ask(&mut self, command: &Command) {
        let mut bytes = Vec::new();
        match command {
            Command::Address(on) => bytes.extend(format!("/address {}\n", on.name()).bytes()),
            _ => self.wire.encode_request(command, self.said as u64, &mut bytes).unwrap(),
        }
        self.socket.wire.borrow_mut().to_server.extend(bytes);
    }

    fn is_done(&self) -> bool {
        self.connection.is_none() && self.writer.is_none()
    }

    /// When something happens here though nobody does anything.
    fn due(&self) -> Option<Instant> {
        let linger = if let Writing::Finishing(until) = self.writing { until } else { None };
        let write = self.waits_since.map(|since| since + WRITE_TIMEOUT / 10);
        let stall = self.stalled_until.filter(|_| !self.gone);
        [linger, write, stall].into_iter().flatten().filter(|due| *due > Instant::now()).min()
    }

    /// Everything that must hold of what the peer received.
    fn check(&self, history: u64, happened: &mut Happened) -> u64 {
        let expected = reference::take(self.id);
        let whole = self.writing == Writing::Done(true) && self.gone && !self.socket.wire.borrow().reset;
        if !expected.entered {
            let mut goodbye = Vec::new();
            let notice = Notice::Goodbye(CloseReason::ServerStopping);
            // A frame client takes any frame for its answer, so it hears only the end.
            if self.wire != Wire::Frame {
                self.wire.first_encoding().encode(&notice, None, &mut goodbye);
            }
            assert!(if whole { self.received == goodbye } else { goodbye.starts_with(&self.received) });
            happened.count("turned away during a stop", 1);
            return 0;
        }
        // Input through a socket of a few bytes takes longer than a stop.
        let (room, reset) = (self.socket.wire.borrow().room, self.socket.wire.borrow().reset);
        if self.reason == Some(CloseReason::ServerStopping) && !self.stalled && !reset && room >= 50 {
            assert!(whole, "it reads, and yet it was cut before the goodbye");
        }
        happened.count("in several rooms at once", u64::from(expected.was_in_several));
        if let Some((past, present)) = expected.followed() {
            happened.count("a stream told lines of the past, then of the present", past.min(present));
            let is_refused = received_refusal(&self.received);
            happened.count("a stream refused", u64::from(is_refused));
        }
        let compared = expected.compare(&self.received, whole, history);
        if self.must_be_told && whole && self.wire != Wire::Relay {
            assert_eq!(compared.untold, 0, "lines were skipped, and nobody said so");
        }
        happened.count("skipped lines told", compared.skipped - compared.untold);
        happened.count("skipped lines never told, the session ended first", compared.untold);
        match self.reason {
            Some(CloseReason::WriteTimeout) => happened.count("closed: write timeout", 1),
            Some(CloseReason::ReadFailed) => happened.count("a reset", 1),
            Some(CloseReason::PeerClosed) if whole => happened.count("input ended, answers still to come", 1),
            Some(CloseReason::ServerStopping) if !whole => happened.count("cut at the end of a drain", 1),
            _ => {}
        }
        self.check_heard(happened);
        compared.skipped
    }

    /// The same without the reference: in one order with everybody, a talker's lines in their order,
    /// none twice. It goes by what our own client makes of the stream.
    fn check_heard(&self, happened: &mut Happened) {
        let mut lines = Vec::new();
        match HeardDecoder::new(self.wire) {
            None => {
                let text = String::from_utf8_lossy(&self.received);
                let whole = text.rsplit_once('\n').map_or("", |(whole, _)| whole);
                lines.extend(whole.lines().filter_map(reference::mark));
            }
            Some(mut decoder) => {
                decoder.feed(&self.received);
                while let Some((_, heard)) = decoder.next().unwrap() {
                    if let Heard::Speech(speech) = heard
                        && !speech.past
                    {
                        lines.extend(reference::mark(&speech.text));
                    }
                }
            }
        }
        happened.count("lines heard", lines.len() as u64);
        let mut order = ORDER.with_borrow(Clone::clone).into_iter();
        for line in &lines {
            assert!(order.any(|said| said == *line), "twice or out of order: {line}");
        }
    }
}

fn received_refusal(received: &[u8]) -> bool {
    [&b"!!! "[..], b"{\"Act\":\"error\""].iter().any(|refusal| received.starts_with(refusal))
}

/// Makes of some requests those of programs that are in several rooms.
fn in_several_rooms(item: Inbound) -> Inbound {
    let Inbound::Command(command) = item else { return item };
    let room = || RoomName::parse(ROOMS[dice(ROOMS.len())]).unwrap();
    Inbound::Command(match command {
        Command::Join(room) if dice(3) > 0 => Command::JoinAlso(room),
        Command::Leave if dice(2) == 0 => Command::LeaveRoom(room()),
        Command::Say(_) | Command::Me(_) if dice(2) == 0 => Command::In(room(), Box::new(command)),
        command => command,
    })
}

// --- the world ---------------------------------------------------------------------------------

/// A request of the HTTP door: its lines, and what comes back.
struct Posting {
    marks: Vec<String>,
    reply: Receiver<Result<usize, Refusal>>,
}

struct World {
    sessions: Vec<Session>,
    posting: Vec<Posting>,
    done: Vec<Session>,
    inbox: Option<Sender<Event>>,
    drain_by: Arc<OnceLock<Instant>>,
    /// Microseconds, up to which a turn takes.
    turns_take: usize,
    /// Steps until the server is stopped.
    left: usize,
    drain_sent: bool,
    /// A stop in the middle of things. Before another one everybody is silent for a while, and then
    /// every coming and going must have been told of.
    sudden: bool,
    born: u64,
    came_late: usize,
    most: usize,
    happened: Happened,
}

thread_local! {
    static WORLD: RefCell<Option<World>> = const { RefCell::new(None) };
    static ORDER: RefCell<Vec<String>> = const { RefCell::new(Vec::new()) };
    static OVER_LIMIT: std::cell::Cell<u64> = const { std::cell::Cell::new(0) };
    static MAX_PENDING: std::cell::Cell<usize> = const { std::cell::Cell::new(0) };
}

/// Others get a few turns; whether it was the manager who let them.
pub fn interrupt() -> bool {
    WORLD.with(|world| {
        let Ok(mut world) = world.try_borrow_mut() else { return false };
        let Some(world) = &mut *world else {
            crate::pace::interrupt();
            return true;
        };
        for _ in 0..dice(4) {
            world.turn();
        }
        true
    })
}

/// The manager waits: somebody does something, or time passes until somebody can.
pub fn wait(deadline: Option<Instant>) {
    WORLD.with_borrow_mut(|world| match world {
        Some(world) => world.wait(deadline),
        None => crate::pace::wait(deadline),
    });
}

impl World {
    fn turn(&mut self) -> bool {
        os::pass(Duration::from_micros(dice(self.turns_take) as u64));
        self.left = self.left.saturating_sub(1);
        if self.left == 0 && self.sudden && self.stop(false) {
            return true;
        }
        // In a sudden stop some sessions come during the stop.
        if (self.left > 0 || self.sudden) && self.sessions.len() < self.most && dice(30) == 0 {
            return self.arrive();
        }
        self.take_replies();
        if (self.left > 0 || self.sudden) && self.posting.len() < 3 && dice(80) == 0 {
            return self.post();
        }
        if self.sessions.is_empty() {
            return false;
        }
        let at = dice(self.sessions.len());
        let Some(inbox) = &self.inbox else { return false };
        let talks = self.left > 0 || self.sudden;
        let moved = self.sessions[at].step(inbox, talks);
        if self.sessions[at].is_done() && (self.sessions[at].gone || moved) {
            self.retire(at);
        }
        moved
    }

    fn retire(&mut self, at: usize) {
        if self.sessions[at].gone || self.sessions[at].socket.wire.borrow().to_peer.is_empty() {
            self.sessions[at].gone = true;
            self.done.push(self.sessions.swap_remove(at));
        }
    }

    fn wait(&mut self, deadline: Option<Instant>) {
        for _ in 0..4 {
            if self.turn() {
                return;
            }
        }
        // In any order from here: it only matters whether there is anything to do.
        for at in (0..self.sessions.len()).rev() {
            if let Some(inbox) = &self.inbox
                && self.sessions[at].any_step(inbox)
            {
                return;
            }
            if self.sessions[at].is_done() {
                self.retire(at);
                return;
            }
        }
        if self.left > 0 && self.sessions.len() < self.most || self.left == 0 && self.stop(true) {
            if self.left > 0 {
                self.arrive();
            }
            return;
        }
        let now = Instant::now();
        let silence = Some(reference::moved() + SILENCE).filter(|due| self.left == 0 && *due > now);
        let due = self.sessions.iter().filter_map(Session::due).chain(deadline).chain(silence).min();
        match due {
            Some(due) if self.left == 0 || dice(3) == 0 => os::pass(due.duration_since(now)),
            _ if self.left > 0 => {
                // Nothing is due but what people may say.
                for at in 0..self.sessions.len() {
                    self.sessions[at].speak();
                }
                self.left -= 1;
                os::pass(Duration::from_millis(1));
            }
            _ => panic!("everybody waits for ever"),
        }
    }

    /// A request says lines in a room, as the HTTP door does it.
    fn post(&mut self) -> bool {
        let Some(inbox) = self.inbox.as_ref().filter(|inbox| !inbox.is_full()) else { return false };
        self.born += 1;
        let id = SessionId(1_000_000 + self.born);
        let marks: Vec<String> = (0..1 + dice([3, 60][dice(2)])).map(|number| format!("s{id}n{number}")).collect();
        let lines = marks.iter().filter_map(|mark| Body::new(mark)).collect();
        let (room, address) = (RoomName::parse(ROOMS[dice(ROOMS.len())]).unwrap(), format!("a{id}").into());
        let (reply, answer) = bounded(1);
        let name = (dice(2) == 0).then(|| Nick::parse("bot").unwrap());
        let post = Post::new(id, address, name, room, lines);
        inbox.send(Event::Post(Box::new(Posted { post, reply }))).unwrap();
        self.posting.push(Posting { marks, reply: answer });
        true
    }

    /// All lines of a post were said, or none and it says why; only a stop drops it.
    fn take_replies(&mut self) {
        let (happened, drain_sent, rooms_go) = (&mut self.happened, self.drain_by.get().is_some(), self.sudden);
        self.posting.retain(|Posting { marks, reply }| {
            let said = || {
                let said = reference::said();
                marks.iter().filter(|mark| said.contains(mark)).count()
            };
            match reply.try_recv() {
                Ok(Ok(told)) => {
                    assert_eq!(told, said());
                    assert!(told == marks.len() || rooms_go, "{told} of {marks:?}");
                    happened.count("lines of posts said", told as u64);
                }
                Ok(Err(refusal)) => assert_eq!((refusal.code(), said()), (Code::NoRoom, 0)),
                Err(RecvTimeoutError::Timeout) => return true,
                Err(RecvTimeoutError::Disconnected) => {
                    assert!(drain_sent, "a post is dropped though nothing stops");
                    happened.count("a post dropped at a stop", 1);
                }
            }
            false
        });
    }

    /// Somebody comes in, as `session::converse` begins.
    fn arrive(&mut self) -> bool {
        if self.drain_sent && self.came_late == 3 {
            return false;
        }
        let Some(inbox) = self.inbox.as_ref().filter(|inbox| !inbox.is_full()) else { return false };
        self.born += 1;
        self.came_late += usize::from(self.drain_sent);
        let id = SessionId(1_000_000 + self.born);
        let is_stream = dice(5) == 0;
        let wire = if is_stream { STREAMS[dice(STREAMS.len())] } else { WIRES[dice(WIRES.len())] };
        let address: Arc<str> = format!("127.0.0.1:{}", 5000 + self.born).into();
        let socket = Socket::new(1 + dice(3000));
        let slot = Slot;
        let connection = Arc::new(Connection::new(
            id,
            wire,
            Arc::clone(&address),
            Arc::clone(&address),
            Transport::new(Stream::Plain(socket.clone())),
            slot,
        ));
        let (outbox, queue) = Outbox::new(Arc::clone(&connection), MAX_PENDING.get());
        let writer = Writer {
            connection: Arc::clone(&connection),
            queue,
            inbox: inbox.clone(),
            half: MAX_PENDING.get() / 2,
            timeout: WRITE_TIMEOUT,
        };
        let (credit, credits) = bounded(CREDIT);
        let name = if wire == Wire::Text { address } else { id.to_string().into() };
        let door = "127.0.0.1:8000".into();
        let entry = if is_stream {
            let room = RoomName::parse(ROOMS[dice(ROOMS.len())]).unwrap();
            Entry::Stream { room, after: (dice(3) > 0).then(|| dice(40) as u64), ends: dice(5) == 0 }
        } else {
            connection.profile().entry.clone()
        };
        reference::expect(id, wire, &entry);
        let opened = Opened { connection: Arc::clone(&connection), outbox, credit: credits, name, door, entry };
        inbox.send(Event::Opened(Box::new(opened))).unwrap();
        let limits = Config::default().limits();
        self.sessions.push(Session {
            id,
            wire,
            socket,
            connection: Some(connection),
            decoder: wire.decoder(limits),
            items: Vec::new(),
            appeared: is_stream || !matches!(wire, Wire::Text | Wire::Relay),
            input_over: false,
            credit,
            reading: Reading::Going,
            writer: Some(writer),
            batch: VecDeque::new(),
            writing: Writing::Going,
            stall: Stall::default(),
            waits_since: None,
            reason: None,
            said: 0,
            renamed: 0,
            received: Vec::new(),
            reads: VecDeque::new(),
            stalled_until: None,
            stalled: false,
            must_be_told: false,
            gone: false,
            leaving: false,
            is_stream,
        });
        true
    }

    /// As the end of `Server::run` does it; `idle`: the manager has nothing to do.
    fn stop(&mut self, idle: bool) -> bool {
        let Some(inbox) = self.inbox.as_ref().filter(|_| !self.drain_sent) else { return false };
        let now = Instant::now();
        if !self.sudden {
            if now < reference::moved() + SILENCE {
                return false;
            }
            reference::check_moves();
        }
        let deadline = *self.drain_by.get_or_init(|| now + DRAIN);
        if inbox.is_full() {
            return false;
        }
        for session in &mut self.sessions {
            session.stalled = session.stalled_until.is_some_and(|until| now < until);
            let drained = session.connection.as_ref().is_some_and(|connection| connection.pending() == 0);
            session.must_be_told = idle && drained && session.writing == Writing::Going && inbox.is_empty();
        }
        self.drain_sent = true;
        inbox.send(Event::Drain(deadline)).is_ok()
    }
}

/// Plays one server from its start to its end.
pub fn play(seed: u64) -> Happened {
    os::begin(seed);
    reference::begin();
    MAX_PENDING.set([1500, 4000, 20_000][dice(3)]);
    let history = [0, 3, 50][dice(3)];
    let sudden = dice(2) == 0;
    let config = Config {
        max_pending: MAX_PENDING.get(),
        heartbeat: Duration::ZERO,
        history,
        drain: DRAIN,
        ..Config::default()
    };
    let settings = HubSettings {
        idle: IdleLimits::same(Duration::from_secs(30)),
        join_grace: Duration::from_secs(10),
        // With few rooms, a room's place is given to another one.
        max_rooms: if sudden { 2 } else { 8 },
        history,
        history_shown: 3,
        classic: false,
    };
    let (inbox, events) = bounded(INBOX);
    let drain_by = Arc::new(OnceLock::new());
    let metrics = Metrics::default();
    let hub = Hub::new(settings, Now { up: Duration::ZERO, unix_ms: 0 });
    let started = Instant::now();
    let manager = Manager::new(hub, events, &config, Arc::clone(&drain_by), started, &metrics);
    let world = World {
        sessions: Vec::new(),
        posting: Vec::new(),
        done: Vec::new(),
        inbox: Some(inbox),
        drain_by,
        left: 200 + dice(1500),
        // With the longer ones a flush may take long enough that the manager awaits more after it.
        turns_take: [40, 600][dice(2)],
        drain_sent: false,
        sudden,
        born: 0,
        came_late: 0,
        most: 2 + dice(7),
        happened: Happened::default(),
    };
    WORLD.set(Some(world));
    manager.run();
    let mut world = WORLD.take().unwrap();
    // The manager has gone; whoever is left finds that out.
    let inbox = world.inbox.take().unwrap();
    while let Some(at) = world.sessions.len().checked_sub(1) {
        let session = &mut world.sessions[at];
        session.stalled_until = None;
        if !session.any_step(&inbox) {
            match session.due() {
                Some(due) => os::pass(due.duration_since(Instant::now())),
                None if session.is_done() => world.retire(at),
                None => panic!("session {} never ends", session.id),
            }
        }
    }
    world.take_replies();
    assert!(world.posting.is_empty(), "a post is never answered");
    ORDER.set(reference::said());
    let mut skipped = 0;
    let mut all_whole = true;
    for session in &world.done {
        all_whole &= session.writing == Writing::Done(true) && !session.socket.wire.borrow().reset;
        skipped += session.check(history as u64, &mut world.happened);
    }
    world.happened.count("more was pending than an outbox holds", OVER_LIMIT.take());
    world.happened.count("a room was congested", metrics.held_up.load(std::sync::atomic::Ordering::Relaxed));
    let counted = metrics.skipped.load(std::sync::atomic::Ordering::Relaxed);
    if all_whole {
        assert_eq!(skipped, counted, "lines that were skipped, and that the server counted");
    }
    world.happened
}
