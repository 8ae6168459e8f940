//! The reader thread: bytes in, events out, and the clocks of one session.
//!
//! It holds back what is over the session's rate limits (see [`Throttle`]), notices silence, and stops reading while the session does not read
//! its own answers: who does not listen does not get to talk. TCP passes each of these on to the
//! peer, so nothing has to be thrown away.

use std::collections::VecDeque;
use std::net::IpAddr;
use std::sync::Arc;
use std::thread;
use std::time::Duration;

use crossbeam_channel::{RecvTimeoutError, Sender};
use rustix::io::Errno;

use crate::protocol::{CloseReason, Command, Malformed, Notice, Refusal};
use crate::wire::{Decode, Encoding, Inbound, Key, Protocol, Wire, WireError};

use super::super::Context;
use super::super::connection::Connection;
use super::super::event::{Event, credits_of};
use super::super::socket::PeerState;
use super::handlers::{Caller, returns};
use super::running::Called;
use super::throttle::{Throttle, Verdict, counts_as_line, is_list};

/// The first read takes so much; enough for anything that a person types.
const SMALL_READ: usize = 2 * 1024;
/// A session that fills its reads gets larger ones, up to this.
pub(in super::super) const LARGE_READ: usize = 32 * 1024;
/// Most commands in one event: what the manager works on before it looks at others.
pub(in super::super) const EVENT_COMMANDS: usize = 512;
/// Most bytes of handlers' answers in one event, but for the last of them.
pub(in super::super) const EVENT_ANSWERS: usize = 64 * 1024;
/// A wait that ends by being woken also ends by itself, to look whether the session still lives.
const LOOK: Duration = Duration::from_millis(500);

/// A session that has sent nothing is listed and announced after this time. Health checks and port scans
/// have gone by then (case B9).
const APPEARS_AFTER: Duration = Duration::from_millis(200);
/// A frame that was begun must be finished within this: nobody writes one by hand.
const UNFINISHED: Duration = Duration::from_secs(10);

/// An open object as text is refused after this time without a byte. If a brace was forgotten, everything
/// typed later would be taken for more of the object (CASES D2).
const OPEN_OBJECT: Duration = Duration::from_secs(60);

/// One session's reader.
pub(in super::super) struct Reader<'a> {
    context: &'a Context,
    connection: &'a Arc<Connection>,
    /// Where the session came in.
    door: Arc<str>,
    decoder: Box<dyn Decode>,
    buffer: Vec<u8>,
    /// What has been decoded and not sent on.
    items: VecDeque<Inbound>,
    /// Why nothing more will be decoded.
    broken: Option<WireError>,
    ended: bool,
    /// The decoder may have more of what was read.
    undecoded: bool,
    /// How the session is answered now, and the mark of the request at hand: for handlers.
    encoding: Encoding,
    tag: Option<Box<str>>,
    /// The longest wait of the next read.
    timeout: Option<Duration>,
    /// Since when something that has to be finished in time is unfinished.
    midway: Option<Duration>,
    /// An object as text is open, so the read waits at most [`OPEN_OBJECT`].
    is_open: bool,
    throttle: Throttle,
    /// It has asked for something that takes part in the chat.
    takes_part: bool,
    silence: Silence,
    /// The idle limit; shorter until the session has said a line or taken a name.
    idle: Duration,
    /// When to announce the session if it has sent nothing until then; `None` once it is announced.
    appears_at: Option<Duration>,
    /// It has sent a byte.
    has_sent: bool,
    /// It has sent something whole.
    has_spoken: bool,
}

/// How the session's silence is timed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Silence {
    /// It is not.
    Ignored,
    /// Until the warning.
    Allowed,
    /// From the warning to the end.
    Warned,
}

impl<'a> Reader<'a> {
    pub(in super::super) fn new(context: &'a Context, connection: &'a Arc<Connection>, door: Arc<str>) -> Self {
        let config = &context.config;
        let limits = config.idle_limits();
        Self {
            context,
            connection,
            door,
            decoder: connection.wire.decoder(config.limits()),
            buffer: Vec::new(),
            items: VecDeque::new(),
            broken: None,
            ended: false,
            undecoded: false,
            encoding: connection.wire.first_encoding(),
            tag: None,
            timeout: None,
            midway: None,
            is_open: false,
            throttle: open_throttle(connection.wire, connection.slot.origin(), context),
            takes_part: false,
            silence: if connection.wire == Wire::Text { silence(limits.at_first) } else { Silence::Ignored },
            idle: limits.at_first,
            appears_at: Some(context.uptime() + APPEARS_AFTER),
            has_sent: false,
            has_spoken: false,
        }
    }

    /// Reads once, before the session has been announced.
    pub(in super::super) fn read_ahead(&mut self) {
        let _ = self.read();
    }

    /// Whether the first bytes are of another protocol.
    pub(in super::super) fn wrong_protocol(&self) -> Option<Protocol> {
        match self.broken {
            Some(WireError::WrongProtocol(protocol)) if self.items.is_empty() => Some(protocol),
            _ => None,
        }
    }

    /// Reads until there is a reason to end. `credit` bounds this reader's events in the inbox.
    pub(in super::super) fn run(mut self, credit: &Sender<()>) -> CloseReason {
        let reason = self.read_all(credit);
        let now = self.context.uptime();
        // The address keeps the used tokens missing.
        self.context.allowances.lock().end(self.connection.slot.origin(), self.throttle.used(now), now);
        reason
    }

    fn read_all(&mut self, credit: &Sender<()>) -> CloseReason {
        let began = |reader: &mut Self| {
            reader.greet(credit)?;
            reader.appear_if_alive()?;
            reader.set_timeout()
        };
        if let Err(reason) = began(self) {
            return reason;
        }
        loop {
            if let Err(reason) =
                self.pass_on(credit).and_then(|()| self.end_if_over(credit)).and_then(|()| self.listen(credit))
            {
                return reason;
            }
        }
    }

    /// Why the session ends, if its input is over or cannot be followed any further.
    fn end_if_over(&mut self, credit: &Sender<()>) -> Result<(), CloseReason> {
        while self.undecoded {
            self.decode();
            self.pass_on(credit)?;
        }
        if self.midway.is_some() && !self.decoder.is_midway() {
            self.midway = None; // what was not decoded yet was whole
            self.set_timeout()?;
        }
        match self.broken {
            Some(WireError::Malformed(what)) => return Err(CloseReason::Malformed(what)),
            Some(WireError::WrongProtocol(protocol)) => {
                // It was greeted before it spoke; here it learns what it has reached.
                let answer = protocol.answer(self.connection.wire, &self.door, &self.context.doors);
                self.items.push_back(Inbound::Answer(answer.into()));
                self.pass_on(credit)?;
                return Err(CloseReason::WrongProtocol(protocol.name()));
            }
            None => {}
        }
        if self.ended { Err(CloseReason::PeerClosed) } else { Ok(()) }
    }

    /// Waits for input, or for the silence to last too long.
    fn listen(&mut self, credit: &Sender<()>) -> Result<(), CloseReason> {
        self.pause_reading()?;
        match self.read() {
            Ok(()) => {
                self.appear_if_alive()?;
                if self.silence == Silence::Warned {
                    self.silence = Silence::Allowed;
                    self.set_timeout()?;
                }
                self.watch_unfinished()
            }
            Err(Errno::AGAIN) if self.appears_at.is_some() => self.appear_if_alive(),
            Err(Errno::AGAIN) if self.midway.is_some() => self.watch_unfinished(),
            Err(Errno::AGAIN) if self.is_open => {
                self.decoder.give_up();
                self.decode();
                self.watch_unfinished()
            }
            Err(Errno::AGAIN) => self.be_silent(credit),
            Err(Errno::INTR) => Ok(()),
            Err(_) => Err(CloseReason::ReadFailed),
        }
    }

    /// Lists and announces the session once, when it has sent something or has stayed for a moment. Bytes of
    /// another protocol do not count.
    fn appear_if_alive(&mut self) -> Result<(), CloseReason> {
        let Some(at) = self.appears_at else { return Ok(()) };
        let has_sent = self.has_sent && self.wrong_protocol().is_none();
        let has_stayed = !self.ended && self.context.uptime() >= at;
        if !has_sent && !has_stayed {
            return Ok(());
        }
        self.appears_at = None;
        self.connection.appear();
        if matches!(self.connection.wire, Wire::Text | Wire::Relay) {
            let event = Event::Appeared(self.connection.slot.index, self.connection.id);
            self.context.inbox.send(event).map_err(|_| CloseReason::ServerStopping)?;
        }
        self.set_timeout()
    }

    /// Waits, without reading, until the rate limit has paid for input that came to nothing.
    fn pause_reading(&mut self) -> Result<(), CloseReason> {
        let mut paused = false;
        while let Some(wait) = self.throttle.pause(self.context.uptime()) {
            paused = true;
            // If the session ends meanwhile, the next look tells.
            let woken = self.context.stopping.recv_timeout(wait.min(LOOK));
            if let Some(reason) = self.connection.reason() {
                return Err(reason.clone());
            }
            if !matches!(woken, Err(RecvTimeoutError::Timeout)) {
                break; // the server stops
            }
        }
        if paused && self.midway.is_some() {
            self.midway = Some(self.context.uptime()); // the pause is not the peer's
        }
        Ok(())
    }

    /// One read, decoded.
    fn read(&mut self) -> Result<(), Errno> {
        let full = self.buffer.len() == self.buffer.capacity();
        if full {
            let larger = (self.buffer.capacity() * 4).clamp(SMALL_READ, LARGE_READ);
            self.buffer = Vec::with_capacity(larger);
        }
        self.buffer.clear();
        let stream = &self.connection.stream;
        if !stream.wait_for_input(self.timeout)? {
            return Err(Errno::AGAIN);
        }
        let count = stream.recv(&mut self.buffer).map_err(|error| match error {
            Errno::AGAIN => Errno::INTR, // no input after all; wait again
            error => error,
        })?;
        if count == 0 {
            self.ended = true;
            // Where this side has ended it, what was begun would have gone on: a part of a line is none.
            if self.connection.reason().is_none() {
                self.decoder.end();
            }
        } else {
            self.decoder.feed(&self.buffer);
            self.throttle.note_read(count);
            self.has_sent = true;
        }
        self.decode();
        // The framing is known from a packet's beginning.
        if !self.has_spoken && self.items.iter().any(|item| !matches!(item, Inbound::Switch(_) | Inbound::Crlf)) {
            self.has_spoken = true;
            self.connection.slot.has_spoken();
        }
        Ok(())
    }

    /// Decodes what was read, as much as one event takes: what waits as bytes takes a fiftieth of
    /// what waits as commands.
    fn decode(&mut self) {
        self.undecoded = true;
        while self.items.len() < EVENT_COMMANDS {
            match self.decoder.next() {
                Ok(Some(item)) => self.items.push_back(item),
                Ok(None) => {
                    self.undecoded = false;
                    return;
                }
                Err(error) => {
                    self.broken = Some(error);
                    self.undecoded = false;
                    return;
                }
            }
        }
    }

    /// A frame or a packet that was begun must be finished in time, however slowly its bytes come.
    fn watch_unfinished(&mut self) -> Result<(), CloseReason> {
        let now = self.context.uptime();
        let left = match self.midway {
            _ if !self.decoder.is_midway() => {
                let was_timed = self.midway.take().is_some() | std::mem::replace(&mut self.is_open, false);
                self.is_open = self.decoder.is_open();
                return if self.is_open {
                    self.wait_at_most(OPEN_OBJECT)
                } else if was_timed {
                    self.set_timeout()
                } else {
                    Ok(())
                };
            }
            // Whole ones came, so what is unfinished now has just begun. A wait that is still set for
            // an older one ends early, and the rest is waited for then.
            Some(_) if !self.items.is_empty() => {
                self.midway = Some(now);
                return Ok(());
            }
            // A new byte is no new time: a read after it waits for what is left.
            Some(since) => UNFINISHED.saturating_sub(now.saturating_sub(since)),
            None => {
                self.midway = Some(now);
                UNFINISHED
            }
        };
        if left.is_zero() {
            return Err(CloseReason::Malformed(match self.connection.wire {
                Wire::Frame => Malformed::UnfinishedFrame,
                _ => Malformed::UnfinishedPacket,
            }));
        }
        self.wait_at_most(left)
    }

    /// Sets the longest wait of the next read.
    fn wait_at_most(&mut self, time: Duration) -> Result<(), CloseReason> {
        self.timeout = Some(time);
        Ok(())
    }

    /// Calls the handler of openings, if there is one.
    fn greet(&mut self, credit: &Sender<()>) -> Result<(), CloseReason> {
        let Some(opened) = &self.context.routes.opened else { return Ok(()) };
        let key = Key::Act("notice".into());
        let mut caller = self.caller(&key);
        // The manager keeps these words until the peer has shown its framing.
        caller.unsaid = (self.connection.wire == Wire::Json(None)).then(Vec::new);
        let _held = self.context.held.hold(); // until its words are sent: see `pass_on`
        let running = self.context.running.enter(self.connection.id, Called::Open);
        let returned = returns(|| opened(&mut caller));
        drop(running);
        let Caller { mut answers, unsaid, close, .. } = caller;
        let close = self.closing(returned, close, || "on_open".into());
        for (key, data) in unsaid.into_iter().flatten() {
            if close.is_some() {
                self.encoding.encode_custom(&key, &data, None, &mut answers);
            } else {
                let event = Event::Push(self.connection.slot.index, self.connection.id, key, data);
                self.context.inbox.send(event).map_err(|_| CloseReason::ServerStopping)?;
            }
        }
        if !answers.is_empty() {
            self.send(vec![Inbound::Answer(answers.into())], credit)?;
        }
        close.map_or(Ok(()), Err)
    }

    /// Why a handler ended the session: it asked for that, or it panicked.
    fn closing(
        &self,
        returned: bool,
        close: Option<CloseReason>,
        handler: impl FnOnce() -> String,
    ) -> Option<CloseReason> {
        let close = if returned { close? } else { CloseReason::HandlerPanicked(handler().into()) };
        self.connection.dismiss();
        Some(close)
    }

    /// Calls the handler for `key`; its answers join the batch.
    fn call(&self, key: &Key, data: &[u8], batch: &mut Vec<Inbound>) -> Option<CloseReason> {
        let Some(handler) = self.context.routes.handler(key) else {
            batch.extend(self.tag.clone().map(Inbound::Tag));
            batch.push(Inbound::Refused(match key {
                Key::Route(route) => Refusal::UnknownRoute { route: *route },
                Key::Act(act) => Refusal::UnknownAct { act: act.chars().take(40).collect() },
            }));
            return None;
        };
        let mut caller = self.caller(key);
        let running = self.context.running.enter(self.connection.id, self.context.routes.called(key));
        let returned = returns(|| handler(&mut caller, data));
        drop(running);
        let close = self.closing(returned, caller.close, || key.to_string());
        if !caller.answers.is_empty() {
            batch.push(Inbound::Answer(caller.answers.into()));
        }
        close
    }

    fn caller<'c>(&'c self, key: &'c Key) -> Caller<'c> {
        Caller {
            connection: self.connection,
            inbox: &self.context.inbox,
            encoding: self.encoding,
            key,
            tag: self.tag.as_deref(),
            answers: Vec::new(),
            unsaid: None,
            close: None,
        }
    }

    /// Two thirds of the silence allowed bring a warning, the whole of it the end.
    fn be_silent(&mut self, credit: &Sender<()>) -> Result<(), CloseReason> {
        self.buffer = Vec::new(); // who is silent needs no memory
        let idle = self.idle;
        match self.silence {
            Silence::Ignored => Ok(()),
            Silence::Allowed => {
                self.silence = Silence::Warned;
                self.set_timeout()?;
                let left = idle.as_secs() - idle.as_secs() * 2 / 3;
                self.items.push_back(Inbound::Tell(Notice::IdleWarning { quiet: idle.as_secs() - left, left }));
                self.pass_on(credit)
            }
            Silence::Warned => Err(CloseReason::Idle { seconds: idle.as_secs() }),
        }
    }

    /// `/stay` ends the timing of silence; the first line and the first name lengthen the limit.
    fn time_silence(&mut self, command: &Command) -> Result<(), CloseReason> {
        let later = self.context.config.idle_limits().later;
        if self.silence == Silence::Ignored {
            return Ok(());
        } else if *command == Command::Stay {
            self.silence = Silence::Ignored;
        } else if self.idle != later && command.shows_a_person() {
            self.idle = later;
            self.silence = silence(later);
        } else {
            return Ok(());
        }
        self.set_timeout()
    }

    fn set_timeout(&mut self) -> Result<(), CloseReason> {
        let idle = self.idle;
        let timeout = match self.silence {
            _ if let Some(at) = self.appears_at => {
                Some(at.saturating_sub(self.context.uptime()).max(Duration::from_millis(1)))
            }
            Silence::Ignored => None,
            Silence::Allowed => Some(idle * 2 / 3),
            Silence::Warned => Some(idle - idle * 2 / 3),
        };
        self.timeout = timeout;
        Ok(())
    }

    /// Sends on what was decoded, as fast as flood control allows.
    fn pass_on(&mut self, credit: &Sender<()>) -> Result<(), CloseReason> {
        if self.items.is_empty() {
            return Ok(());
        }
        let context = self.context;
        let mut batch = Vec::new();
        let mut held = None;
        let mut answered = 0;
        while let Some(item) = self.items.front() {
            match self.throttle.take(item, context.uptime()) {
                Verdict::Pass => {}
                Verdict::Drop => {
                    self.items.pop_front();
                    continue;
                }
                // During a stop, delayed lines are said at once, while there is time.
                Verdict::Wait(_) if context.stopper.is_triggered() => {}
                Verdict::Wait(wait) => {
                    // Counted until all of it has been passed on: a stop waits for it.
                    held.get_or_insert_with(|| context.held.hold());
                    self.hold_back(&mut batch, wait, credit)?;
                    continue;
                }
            }
            let is_list = is_list(item);
            let Some(item) = self.items.pop_front() else { break };
            if let Inbound::Command(command) = &item {
                self.time_silence(command)?;
            }
            if matches!(item, Inbound::Custom { .. }) {
                // A handler may request the stop itself: its answer is sent before the goodbyes.
                held.get_or_insert_with(|| context.held.hold());
            }
            if let Some(reason) = self.add(item, &mut batch) {
                self.send(std::mem::take(&mut batch), credit)?;
                return Err(reason);
            }
            if let Some(Inbound::Answer(bytes)) = batch.last() {
                answered += bytes.len();
            }
            // What is answered at length is the last of its event: see `credits_of`.
            if is_list || batch.len() >= EVENT_COMMANDS || answered > EVENT_ANSWERS {
                answered = 0;
                self.send(std::mem::take(&mut batch), credit)?;
            }
        }
        self.send(batch, credit)?;
        if self.midway.is_some() {
            self.midway = Some(self.context.uptime()); // the time that flood control took is not the peer's
        }
        Ok(())
    }

    /// Adds one thing to the batch, or what a handler says to it; returns why a handler ends the
    /// session, if it does.
    fn add(&mut self, item: Inbound, batch: &mut Vec<Inbound>) -> Option<CloseReason> {
        let mut close = None;
        match item {
            // Kept here until what it marks goes on: nothing may come between the two.
            Inbound::Tag(tag) => {
                self.tag = Some(tag);
                return None;
            }
            Inbound::Heartbeat => {}
            Inbound::Custom { key, data } => close = self.call(&key, &data, batch),
            item => {
                match &item {
                    Inbound::Switch(encoding) => self.encoding = *encoding,
                    Inbound::Crlf => self.encoding = self.encoding.with_crlf(),
                    Inbound::Command(command) => self.takes_part |= command.takes_part(),
                    _ => {}
                }
                batch.extend(self.tag.take().map(Inbound::Tag));
                batch.push(item);
            }
        }
        self.tag = None;
        close
    }

    /// Waits until the rate limits let the next item pass, or the server stops.
    fn hold_back(&mut self, batch: &mut Vec<Inbound>, wait: Duration, credit: &Sender<()>) -> Result<(), CloseReason> {
        // tnet's client would take the notice for its answer: until it takes part in the chat, it is
        // only held back.
        if (self.takes_part || self.connection.wire != Wire::Frame)
            && self.items.front().is_some_and(|item| self.throttle.tells(item))
        {
            let waiting = self.items.iter().filter(|item| counts_as_line(item)).count();
            batch.push(Inbound::Tell(Notice::SlowDown { rate: self.context.config.rate, waiting }));
        }
        self.send(std::mem::take(batch), credit)?;
        match self.context.stopping.recv_timeout(wait) {
            Err(RecvTimeoutError::Timeout) => self.end_if_deserted(),
            _ => Ok(()), // the server stops
        }
    }

    /// Ends a session whose peer has gone while its lines were held back.
    ///
    /// On the text door the next echo fails if the peer has gone. The relay door sends nothing back. There,
    /// lines over the allowance are dropped once the peer has ended its input. Otherwise a killed GoChat client
    /// would go on talking (case D7).
    fn end_if_deserted(&mut self) -> Result<(), CloseReason> {
        match self.connection.stream.peer_state() {
            PeerState::Gone => return Err(CloseReason::ReadFailed),
            PeerState::EndedInput if self.connection.wire == Wire::Relay => return Err(CloseReason::PeerClosed),
            PeerState::EndedInput | PeerState::Open => {}
        }
        Ok(())
    }

    /// Sends one event, when what was asked for before is answered or nearly so, the session has room for
    /// the answers and the inbox has room for it.
    fn send(&self, batch: Vec<Inbound>, credit: &Sender<()>) -> Result<(), CloseReason> {
        if batch.is_empty() {
            return Ok(());
        }
        // Either end is dropped only when the session is over or the house is.
        let over = || self.connection.reason().cloned().unwrap_or(CloseReason::ServerStopping);
        for _ in 0..credits_of(&batch) {
            credit.send(()).map_err(|_| over())?;
        }
        let half = self.context.config.max_pending / 2;
        while self.connection.pending() > half && self.connection.reason().is_none() {
            thread::park_timeout(LOOK);
        }
        match self.connection.reason() {
            // Who says something and goes at once is often found out by a line that cannot be sent to it.
            // What came before counts all the same; the connection is cut, so its input ends by itself.
            None | Some(CloseReason::WriteFailed) => {}
            Some(reason) => return Err(reason.clone()),
        }
        let event = Event::Received(self.connection.slot.index, self.connection.id, batch);
        self.context.inbox.send(event).map_err(|_| over())
    }
}

/// The first state of the idle timer for this limit.
fn silence(limit: Duration) -> Silence {
    if limit.is_zero() { Silence::Ignored } else { Silence::Allowed }
}

/// The rate limits of a new session: what its address has left.
fn open_throttle(wire: Wire, origin: Option<IpAddr>, context: &Context) -> Throttle {
    let buckets = context.allowances.lock().open(origin, context.uptime());
    Throttle::new(wire, context.config.limits(), buckets)
}
