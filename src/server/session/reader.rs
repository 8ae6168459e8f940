//! The reader thread: bytes in, events out, and the clocks of one session.
//!
//! It delays what is over the session's rate limits (see [`Throttle`](super::throttle::Throttle)), times its
//! silence, and stops reading while the session does not read its own answers. TCP passes each delay on to
//! the peer, so nothing has to be thrown away.
//!
//! It waits for input in one place ([`Reader::listen`]): until the next time-out, then it reads without
//! blocking. A cut of the connection ends the wait.

use std::convert::Infallible;
use std::sync::Arc;
use std::time::Duration;

use crossbeam_channel::{RecvTimeoutError, Sender};
use rustix::io::Errno;

use crate::protocol::{CloseReason, Notice};
use crate::wire::{Inbound, WireError};

use super::super::connection::Connection;
use super::super::context::Context;
use super::super::profile::Profile;
use super::super::socket::PeerState;
use super::allowances::Allowance;
use super::calls::Calls;
use super::costs::{counts_as_line, is_list};
use super::events::{CHECK_EVERY, Events};
use super::input::{EVENT_COMMANDS, Input};
use super::throttle::{Throttle, Verdict};
use super::timeouts::{Due, Timeouts};

/// Most bytes of handlers' answers in one event, but for the last of them.
pub(in super::super) const EVENT_ANSWERS: usize = 64 * 1024;

/// One session's reader.
pub(super) struct Reader<'a> {
    context: &'a Context,
    connection: &'a Arc<Connection>,
    profile: &'static Profile,
    /// The address that the peer has reached.
    door: Arc<str>,
    input: Input,
    throttle: Allowance<'a>,
    timeouts: Timeouts,
    calls: Calls<'a>,
    events: Events<'a>,
    /// Whether the session has asked for something that takes part in the chat.
    takes_part: bool,
    /// Whether it has sent something whole.
    has_spoken: bool,
}

impl<'a> Reader<'a> {
    /// The reader of a session of which `input` is known. `credit` bounds its events in the inbox.
    pub(super) fn new(
        context: &'a Context,
        connection: &'a Arc<Connection>,
        door: Arc<str>,
        input: Input,
        credit: Sender<()>,
    ) -> Self {
        let (profile, config) = (connection.profile(), &context.config);
        let longest = config.limits().longest(connection.wire);
        let throttle = |buckets| Throttle::new(longest, profile.repeats, buckets);
        let idle = profile.idles.then(|| config.idle_limits());
        Self {
            context,
            connection,
            profile,
            door,
            input,
            throttle: Allowance::open(&context.allowances, connection.slot.origin(), context.started, throttle),
            timeouts: Timeouts::new(idle, context.uptime()),
            calls: Calls::new(context, connection),
            events: Events { context, connection, credit },
            takes_part: false,
            has_spoken: false,
        }
    }

    /// Reads until there is a reason to end. Returns it, and whether the session has appeared to others.
    pub(super) fn run(mut self) -> (CloseReason, bool) {
        let mut next = self.greet().and_then(|()| self.note_input());
        loop {
            next = next.and_then(|()| self.pass_on()).and_then(|()| self.end_if_over()).and_then(|()| self.listen());
            if let Err(reason) = next {
                return (reason, !self.timeouts.is_hidden());
            }
        }
    }

    /// Calls the handler of openings, if there is one.
    fn greet(&mut self) -> Result<(), CloseReason> {
        if self.context.handlers.opened.is_none() {
            return Ok(());
        }
        let _delay = self.context.delays.begin(); // until its answers are sent: see `pass_on`
        let (answers, close) = self.calls.open()?;
        if !answers.is_empty() {
            self.events.send(vec![Inbound::Answer(answers.into())])?;
        }
        close.map_or(Ok(()), Err)
    }

    /// Records what was read so far: a session that has sent a byte is announced, one that has sent something
    /// whole is not silent. Bytes of another protocol do not announce it.
    fn note_input(&mut self) -> Result<(), CloseReason> {
        self.throttle.note_read(self.input.last_read());
        if !self.has_spoken && self.input.has_item() {
            self.has_spoken = true;
            self.connection.slot.has_spoken();
        }
        if self.timeouts.is_hidden() && self.input.has_bytes && self.input.wrong_protocol().is_none() {
            self.timeouts.appear();
            self.events.appear()?;
        }
        self.note_progress();
        Ok(())
    }

    /// Sends on what was decoded, as fast as the rate limits allow.
    fn pass_on(&mut self) -> Result<(), CloseReason> {
        if self.input.items.is_empty() {
            return Ok(());
        }
        let context = self.context;
        let mut batch = Vec::new();
        let mut delay = None;
        let mut answered = 0;
        while let Some(item) = self.input.items.front() {
            match self.throttle.take(item, context.uptime()) {
                Verdict::Pass => {}
                Verdict::Drop => {
                    self.input.items.pop_front();
                    continue;
                }
                // During a stop, delayed lines are said at once, while there is time.
                Verdict::Wait(_) if context.stopper.is_triggered() => {}
                Verdict::Wait(wait) => {
                    // Counted until all of it has been passed on: a stop waits for it.
                    delay.get_or_insert_with(|| context.delays.begin());
                    self.delay(&mut batch, wait)?;
                    continue;
                }
            }
            let is_list = is_list(item);
            let Some(item) = self.input.items.pop_front() else { break };
            match &item {
                Inbound::Command(command) => {
                    self.timeouts.note_command(command);
                    self.takes_part = self.takes_part || command.takes_part();
                }
                // A handler may request the stop itself: its answer is sent before the goodbyes.
                Inbound::Custom { .. } => _ = delay.get_or_insert_with(|| context.delays.begin()),
                _ => {}
            }
            if let Some(reason) = self.calls.add(item, &mut batch) {
                self.events.send(batch)?;
                return Err(reason);
            }
            if let Some(Inbound::Answer(bytes) | Inbound::Pong(bytes)) = batch.last() {
                answered += bytes.len();
            }
            if let Some(Inbound::Close(_)) = batch.last() {
                self.events.send(batch)?;
                return Err(CloseReason::PeerClosed);
            }
            // A long answer is the last of its event: see `credits_of`.
            if is_list || batch.len() >= EVENT_COMMANDS || answered > EVENT_ANSWERS {
                answered = 0;
                self.events.send(std::mem::take(&mut batch))?;
            }
        }
        self.events.send(batch)?;
        self.timeouts.excuse(context.uptime()); // the delay is not the peer's
        Ok(())
    }

    /// Sends the batch, and waits until the rate limits let the next item pass, or the server stops.
    fn delay(&mut self, batch: &mut Vec<Inbound>, wait: Duration) -> Result<(), CloseReason> {
        if (self.takes_part || self.profile.unsolicited)
            && self.input.items.front().is_some_and(|item| self.throttle.tells(item))
        {
            let waiting = self.input.items.iter().filter(|item| counts_as_line(item)).count();
            batch.push(Inbound::Tell(Notice::SlowDown { rate: self.context.config.rate, waiting }));
        }
        self.events.send(std::mem::take(batch))?;
        match self.wait_throttled(wait) {
            Err(RecvTimeoutError::Timeout) => self.end_if_deserted(),
            _ => Ok(()), // the server stops
        }
    }

    /// Waits because of a rate limit; a stop ends the wait.
    fn wait_throttled(&self, wait: Duration) -> Result<Infallible, RecvTimeoutError> {
        let begun = self.context.uptime();
        let woken = self.context.stopping.recv_timeout(wait);
        self.context.metrics.throttled.add(self.context.uptime().saturating_sub(begun));
        woken
    }

    /// Ends a session whose peer has gone while its lines were delayed.
    ///
    /// On the text door the next echo fails if the peer has gone. The relay door sends nothing back. There,
    /// lines over the allowance are dropped once the peer has ended its input. Otherwise a killed GoChat client
    /// would go on talking (case D7).
    fn end_if_deserted(&self) -> Result<(), CloseReason> {
        match self.connection.stream().peer_state() {
            PeerState::Gone => Err(CloseReason::ReadFailed),
            PeerState::EndedInput if self.profile.repeats => Err(CloseReason::PeerClosed),
            PeerState::EndedInput | PeerState::Open => Ok(()),
        }
    }

    /// Why the session ends, if its input is over or cannot be followed any further.
    fn end_if_over(&mut self) -> Result<(), CloseReason> {
        while self.input.is_undecoded {
            self.input.decode();
            self.pass_on()?;
        }
        if !self.input.is_midway() {
            self.timeouts.note_whole(); // the item that looked unfinished was not decoded yet
        }
        match self.input.broken {
            Some(WireError::Malformed(what)) => return Err(CloseReason::Malformed(what)),
            Some(WireError::WrongProtocol(protocol)) => {
                let answer = protocol.answer(self.connection.wire, &self.door, &self.context.doors);
                self.input.items.push_back(Inbound::Answer(answer.into()));
                self.pass_on()?;
                return Err(CloseReason::WrongProtocol(protocol.name()));
            }
            None => {}
        }
        if self.input.has_ended { Err(CloseReason::PeerClosed) } else { Ok(()) }
    }

    /// Waits for input, or until something is due.
    fn listen(&mut self) -> Result<(), CloseReason> {
        self.pause()?;
        if self.input.has_filled_buffer() {
            return self.read(); // there is probably more: no wait is needed
        }
        let now = self.context.uptime();
        self.timeouts.wait(now);
        let at_most = self.timeouts.next().map(|due| due.saturating_sub(now));
        match self.connection.stream().wait_for_input(at_most) {
            Ok(_) => self.read(),
            Err(Errno::INTR) => Ok(()),
            Err(_) => Err(CloseReason::ReadFailed),
        }
    }

    /// Reads once, or does what is due if there is nothing to read.
    fn read(&mut self) -> Result<(), CloseReason> {
        match self.input.read(self.connection.stream(), self.connection.reason().is_some()) {
            Ok(()) => self.note_input(),
            Err(Errno::AGAIN) => self.do_what_is_due(),
            Err(Errno::INTR) => Ok(()),
            Err(_) => Err(CloseReason::ReadFailed),
        }
    }

    fn note_progress(&mut self) {
        let (is_midway, is_open) = (self.input.is_midway(), self.input.is_open());
        self.timeouts.note_input(is_midway, is_open, !self.input.items.is_empty(), self.context.uptime());
    }

    /// Does what is due though nothing has come.
    fn do_what_is_due(&mut self) -> Result<(), CloseReason> {
        while let Some(due) = self.timeouts.due(self.context.uptime()) {
            match due {
                Due::Appear => self.events.appear()?,
                Due::IdleWarning { quiet, left } => {
                    self.input.release_buffer();
                    self.input.items.push_back(Inbound::Tell(Notice::IdleWarning { quiet, left }));
                }
                Due::IdleEnd { seconds } => return Err(CloseReason::Idle { seconds }),
                Due::Unfinished => return Err(CloseReason::Malformed(self.profile.unfinished)),
                Due::OpenObject => {
                    self.input.give_up();
                    self.note_progress();
                }
            }
        }
        Ok(())
    }

    /// Waits, without reading, until the rate limit has paid for input that came to nothing. A stop ends the
    /// wait.
    fn pause(&mut self) -> Result<(), CloseReason> {
        let mut paused = false;
        while let Some(wait) = self.throttle.pause(self.context.uptime()) {
            paused = true;
            // If the session ends meanwhile, the next check tells.
            let woken = self.wait_throttled(wait.min(CHECK_EVERY));
            if let Some(reason) = self.connection.reason() {
                return Err(reason.clone());
            }
            if !matches!(woken, Err(RecvTimeoutError::Timeout)) {
                break;
            }
        }
        if paused {
            self.timeouts.excuse(self.context.uptime()); // the pause is not the peer's
        }
        Ok(())
    }
}
