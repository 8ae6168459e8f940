//! The manager thread: the one place where the chat is changed, so that everybody sees one order.
//!
//! It takes events from its inbox, lets the [`Executor`] carry them out, and sends what has gathered when
//! the inbox is empty or the turn is long enough. It does no blocking I/O and waits for no session: work
//! that must wait for a slow consumer is deferred.
//!
//! ```text
//!  clock   drain   heartbeats   deferred            when: time, the stop, what is due, what waits
//!  executor   replies                               events in, the hub's effects out
//!  dispatch ─ recipient ─ audience ─ message        what is sent to whom, in which order
//!  backpressure ─ consumer                          which rooms slow consumers stop for a moment
//!  turn_meter                                       how long turns take, for the metrics
//! ```

mod audience;
mod backpressure;
mod clock;
mod consumer;
mod deferred;
mod dispatch;
mod drain;
mod executor;
mod heartbeats;
mod index;
mod message;
mod recipient;
mod recipients;
mod replies;
mod turn_meter;

use std::sync::Arc;
use std::thread;
use std::time::Duration;

use crate::chat::Hub;
use crate::config::Config;
use crate::metrics::Metrics;

use super::event::Event;
use super::os::{Instant, OnceLock, Receiver, RecvTimeoutError};
use clock::Clock;
use drain::Drain;
use executor::Executor;
use turn_meter::{Standing, TurnMeter};

#[cfg(test)]
pub(super) use audience::{KEPT_CAPACITY, Mark};
#[cfg(test)]
pub(super) use dispatch::TURN_BYTES;
pub(super) use executor::TURN_COMMANDS;

/// The manager's stack: encoding and the hub, which recurse nowhere.
pub(super) const MANAGER_STACK: usize = 1024 * 1024;
/// After all connections have been cut, threads need this time to send their last events.
const LAST_EVENTS: Duration = Duration::from_millis(300);
/// How often a stop checks whether all connections are closed.
const LOOK: Duration = Duration::from_millis(10);

/// The manager.
pub(super) struct Manager<'a> {
    inbox: Receiver<Event>,
    executor: Executor<'a>,
    meter: TurnMeter<'a>,
}

impl<'a> Manager<'a> {
    pub(super) fn new(
        hub: Hub,
        inbox: Receiver<Event>,
        config: &Config,
        drain_by: Arc<OnceLock<Instant>>,
        started: Instant,
        metrics: &'a Metrics,
    ) -> Self {
        let drain = Drain::new(drain_by, config.drain);
        let executor = Executor::new(hub, config, Clock::new(started), drain, metrics);
        Self { inbox, executor, meter: TurnMeter::new(metrics) }
    }

    /// Runs until a stop is over, or nobody can send events any more.
    pub(super) fn run(mut self) {
        loop {
            let event = self.next_event(None);
            let begun = self.executor.clock.turn;
            self.executor.do_deferred(TURN_COMMANDS);
            self.executor.commands = 0;
            let stop = match event {
                Ok(event) => self.turn(event),
                Err(RecvTimeoutError::Timeout) => None,
                Err(RecvTimeoutError::Disconnected) => return,
            };
            if stop.is_none() {
                self.executor.do_what_is_due();
            }
            self.executor.end_turn();
            let rooms = self.executor.hub.room_count();
            let is_congested = !self.executor.dispatch.backpressure.is_idle();
            self.meter.record(begun, self.executor.clock.turn, Standing { rooms, is_congested });
            if let Some(deadline) = stop {
                return self.stop(deadline);
            }
        }
    }

    /// The next event. Waits for it until something is due, at most until `end`. Does not wait if deferred work
    /// can be done.
    fn next_event(&mut self, end: Option<Instant>) -> Result<Event, RecvTimeoutError> {
        let executor = &mut self.executor;
        if executor.deferred.is_ready() {
            executor.clock.begin_turn();
            return self.inbox.try_recv().map_err(|_| RecvTimeoutError::Timeout);
        }
        let due = executor.next_due();
        let event = match due.map(|due| executor.clock.instant(due)).into_iter().chain(end).min() {
            None => self.inbox.recv().map_err(|_| RecvTimeoutError::Disconnected),
            Some(until) => self.inbox.recv_deadline(until),
        };
        executor.clock.woke(due);
        event
    }

    /// Carries out `event` and what else has come, until there is enough for one turn. Returns the deadline of
    /// a stop that begins.
    fn turn(&mut self, event: Event) -> Option<Instant> {
        let mut next = Some(event);
        while let Some(event) = next {
            // A stop does not wait until all of a full inbox has been worked through.
            if let Some(deadline) = self.executor.drain.is_due() {
                if !matches!(event, Event::Received(..) | Event::Post(_)) {
                    self.executor.take(event, &self.inbox);
                }
                return Some(deadline);
            }
            match event {
                Event::Drain(deadline) => return Some(deadline),
                event => self.executor.take(event, &self.inbox),
            }
            next = if self.executor.commands < TURN_COMMANDS { self.next_of_turn() } else { None };
        }
        None
    }

    /// The next event of this turn, if one has come.
    ///
    /// Before a turn ends, readers that are ready to run get the processor once, and their lines go out with
    /// the same sends. Without this, a talker that waits for 1,000 listeners reaches 0.79 of the deliveries a
    /// second, and each delivery takes 1.27 times the processor time.
    fn next_of_turn(&self) -> Option<Event> {
        self.inbox.try_recv().ok().or_else(|| {
            thread::yield_now();
            self.inbox.try_recv().ok()
        })
    }

    /// Says goodbye to everybody, waits until all connections are closed, and cuts those that are left at
    /// `deadline`.
    fn stop(mut self, deadline: Instant) {
        self.work_off();
        self.executor.stop();
        let mut until = deadline;
        let mut cut = false;
        while self.executor.deferred.sessions() > 0 || self.executor.drain.has_connections() {
            // Nobody reports that a last byte was sent, so this checks; only during a stop.
            match self.inbox.recv_deadline(until.min(Instant::now() + LOOK)) {
                Ok(Event::Opened(opened)) => self.executor.turn_away(*opened),
                Ok(Event::Post(_)) => {} // nobody is there to hear it
                Ok(event) => {
                    self.executor.clock.begin_turn();
                    self.executor.take(event, &self.inbox);
                    self.executor.end_turn();
                }
                Err(RecvTimeoutError::Timeout) if Instant::now() < until => {}
                Err(RecvTimeoutError::Timeout) if !cut => {
                    self.executor.drain.cut_all();
                    (cut, until) = (true, Instant::now() + LAST_EVENTS);
                }
                Err(_) => return,
            }
        }
    }

    /// Works on what was deferred when the stop began, until it is time for the goodbyes.
    fn work_off(&mut self) {
        while !self.executor.deferred.is_empty() && self.executor.drain.is_due().is_none() {
            let event = self.next_event(self.executor.drain.goodbye_at());
            self.executor.do_deferred(TURN_COMMANDS);
            match event {
                Ok(Event::Opened(opened)) => self.executor.turn_away(*opened),
                Ok(Event::Received(..) | Event::Post(_)) | Err(RecvTimeoutError::Timeout) => {}
                Ok(event) => self.executor.take(event, &self.inbox),
                Err(RecvTimeoutError::Disconnected) => return,
            }
            self.executor.do_what_is_due();
            self.executor.end_turn();
        }
    }
}
