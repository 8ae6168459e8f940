//! The setup of a connection at the HTTP door: requests and their answers, one at a time.
//!
//! The loop ends when the connection is closed, or when a request has turned it into a session: a WebSocket or a
//! stream. Until then the connection has no writer thread, and it is not registered with
//! the manager.
//!
//! | file | what it does |
//! |---|---|
//! | `link` | reads and writes the byte stream |
//! | `deadlines` | the time for each step |
//! | `answers` | the answer to each request |
//! | `say` | says the lines of a post |
//! | `outcome` | the kinds of answers |

mod answers;
mod deadlines;
mod link;
mod outcome;
mod say;

use std::fmt;

use crossbeam_channel::RecvTimeoutError;
use log::debug;

use crate::chat::Entry;
use crate::protocol::{CloseReason, Malformed};
use crate::wire::web::{BadRequest, Phase, Request, RequestDecoder, Response, Web, put_continue};

use super::super::context::Context;
use super::super::profile::Profile;
use super::accepted::Accepted;
use super::allowances::Allowance;
use super::throttle::Throttle;
use answers::Answers;
use deadlines::Deadlines;
use link::{Link, Read};
use outcome::{Outcome, stopping};

/// The outcome of a connection's requests.
pub(super) enum Served {
    /// A session: where it is at first, if not where its profile says, and what it has sent behind the request.
    Session { web: Web, entry: Option<Entry>, rest: Vec<u8> },
    /// It is over, and closed.
    Over(CloseReason),
}

/// Answers the requests of a connection.
pub(super) fn serve(accepted: &Accepted, context: &Context) -> Served {
    let setup = context.setups.enter(accepted.id, &accepted.transport);
    let longest = context.config.limits().longest(accepted.wire);
    let repeats = Profile::of(accepted.wire).repeats;
    let throttle = |buckets| Throttle::new(longest, repeats, buckets);
    let mut requests = Requests {
        context,
        accepted,
        link: Link::new(&accepted.transport.stream, &setup, context.config.write_timeout),
        decoder: RequestDecoder::new(),
        deadlines: Deadlines::new(context.uptime()),
        throttle: Allowance::open(&context.allowances, accepted.slot.origin(), context.started, throttle),
        answers: Answers::new(context, accepted),
    };
    match requests.run() {
        Ok((web, entry)) => Served::Session { web, entry, rest: requests.decoder.take_rest() },
        Err(reason) => {
            requests.link.close(&reason, context.config.drain / 2);
            Served::Over(reason)
        }
    }
}

/// One connection that sends requests.
struct Requests<'a> {
    context: &'a Context,
    accepted: &'a Accepted,
    link: Link<'a>,
    decoder: RequestDecoder,
    deadlines: Deadlines,
    throttle: Allowance<'a>,
    answers: Answers<'a>,
}

impl Requests<'_> {
    /// Answers requests until the connection is over, or has become something else.
    fn run(&mut self) -> Result<(Web, Option<Entry>), CloseReason> {
        loop {
            let request = self.next_request()?;
            self.accepted.slot.has_spoken();
            match self.answers.answer(&request, &mut self.throttle) {
                Outcome::Said(response) => self.send(&request, &response, request.keep_alive)?,
                Outcome::Answer(response) => {
                    self.pay_for_request();
                    let sent = self.send(&request, &response, request.keep_alive);
                    self.context.process.measure_if_due(); // only after /metrics
                    sent?;
                }
                Outcome::Last(response) => self.send(&request, &response, false)?,
                Outcome::Head(head) => {
                    self.note(&request, 200);
                    self.link.send(&head)?;
                    return Err(CloseReason::Quit);
                }
                Outcome::Session { .. } if self.is_stopping() => return Err(self.refuse_in_stop()),
                Outcome::Session { head, web, entry } => {
                    self.note(&request, "becomes a session");
                    self.link.send(&head)?;
                    return Ok((web, entry));
                }
            }
            self.deadlines.answered(self.context.uptime());
        }
    }

    /// Reads until a request is whole.
    fn next_request(&mut self) -> Result<Request, CloseReason> {
        loop {
            match self.decoder.next() {
                Ok(Some(request)) => return Ok(request),
                Ok(None) => {}
                Err(bad) => return Err(self.refuse(bad)),
            }
            if self.decoder.wants_continue() {
                let mut answer = Vec::new();
                put_continue(&mut answer);
                self.link.send(&answer)?;
            }
            let now = self.context.uptime();
            let phase = self.decoder.phase();
            self.deadlines.note(phase, now);
            let at_most = self.deadlines.next().saturating_sub(now);
            match self.link.read(at_most)? {
                Read::Bytes => self.decoder.feed(self.link.bytes()),
                Read::End if self.is_stopping() && phase == Phase::Idle => return Err(CloseReason::ServerStopping),
                Read::End if self.is_stopping() => return Err(self.refuse_in_stop()),
                Read::End => {
                    return Err(self.decoder.end().map_or_else(|bad| self.refuse(bad), |()| CloseReason::PeerClosed));
                }
                Read::TimedOut => {
                    let idle = CloseReason::Idle { seconds: self.deadlines.limit().as_secs() };
                    return Err(self.decoder.late().map_or(idle, |bad| self.refuse(bad)));
                }
            }
        }
    }

    /// Sends an answer. During a stop no request may follow.
    ///
    /// # Errors
    /// If no request may follow: the reason of the close.
    fn send(&self, request: &Request, response: &Response, keep_alive: bool) -> Result<(), CloseReason> {
        let is_stopping = self.is_stopping();
        let keep_alive = keep_alive && !is_stopping;
        self.note(request, response.status().code());
        let mut answer = Vec::new();
        response.encode(request.is_head(), keep_alive, &mut answer);
        self.link.send(&answer)?;
        match keep_alive {
            true => Ok(()),
            false if is_stopping => Err(CloseReason::ServerStopping),
            false => Err(CloseReason::Quit),
        }
    }

    /// Answers what cannot be followed; returns the reason of the close.
    fn refuse(&self, bad: BadRequest) -> CloseReason {
        let what = match bad {
            BadRequest::SlowHead | BadRequest::SlowBody => Malformed::UnfinishedRequest,
            _ => Malformed::BadRequest,
        };
        self.send_last(&bad.into(), CloseReason::Malformed(what))
    }

    /// Answers a request that comes during a stop; returns the reason of the close.
    fn refuse_in_stop(&self) -> CloseReason {
        self.send_last(&stopping(), CloseReason::ServerStopping)
    }

    fn send_last(&self, response: &Response, reason: CloseReason) -> CloseReason {
        debug!("connection {}: {}", self.accepted.id, response.status().code());
        let mut answer = Vec::new();
        response.encode(false, false, &mut answer);
        self.link.send(&answer).err().unwrap_or(reason)
    }

    /// Waits until `--request-rate` lets one more answer pass. A stop ends the wait.
    fn pay_for_request(&mut self) {
        while let Err(wait) = self.throttle.take_request(self.context.uptime()) {
            let begun = self.context.uptime();
            let woken = self.context.stopping.recv_timeout(wait);
            self.context.metrics.throttled.add(self.context.uptime().saturating_sub(begun));
            if !matches!(woken, Err(RecvTimeoutError::Timeout)) {
                return;
            }
        }
    }

    fn is_stopping(&self) -> bool {
        self.context.stopper.is_triggered()
    }

    /// Logs a request and what came of it.
    fn note(&self, request: &Request, outcome: impl fmt::Display) {
        let Request { method, path, .. } = request;
        debug!("connection {}: {method:?} {path:?}: {outcome}", self.accepted.id);
    }
}
