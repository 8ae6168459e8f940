//! The calls of the program's handlers for one session.

use std::sync::Arc;

use crate::protocol::{CloseReason, Refusal};
use crate::wire::{Encoding, Inbound, Key};

use super::super::connection::Connection;
use super::super::context::Context;
use super::super::event::Event;
use super::caller::Caller;
use super::handlers::returns;
use super::running::Called;

/// Longest act, in characters, that a refusal repeats.
const SHOWN_ACT: usize = 40;

/// Calls handlers for one reader, and knows how their answers are encoded.
pub(super) struct Calls<'a> {
    context: &'a Context,
    connection: &'a Arc<Connection>,
    /// How the session is answered now.
    encoding: Encoding,
    /// The mark of the request at hand.
    tag: Option<Box<str>>,
}

/// The result of a call: encoded answers, and why it ends the session, if it does.
type Answered = (Vec<u8>, Option<CloseReason>);

impl<'a> Calls<'a> {
    pub(super) fn new(context: &'a Context, connection: &'a Arc<Connection>) -> Self {
        Self { context, connection, encoding: connection.wire.first_encoding(), tag: None }
    }

    /// Calls the handler of openings.
    ///
    /// Its answers to a peer that has not shown its framing go to the manager, which keeps them until then.
    pub(super) fn open(&self) -> Result<Answered, CloseReason> {
        let Some(opened) = &self.context.handlers.opened else { return Ok((Vec::new(), None)) };
        let key = Key::Act("notice".into());
        let mut caller = self.caller(&key);
        caller.unsaid = self.connection.profile().learns_framing.then(Vec::new);
        let running = self.context.running.enter(self.connection.id, Called::Open);
        let returned = returns(|| opened(&mut caller));
        drop(running);
        let Caller { mut answers, unsaid, close, .. } = caller;
        let close = self.closing(returned, close, || "on_open".into());
        for (key, data) in unsaid.into_iter().flatten() {
            if close.is_some() {
                self.encoding.encode_custom(&key, &data, None, &mut answers);
            } else {
                let event = Event::Push(self.connection.id, key, data);
                self.context.inbox.send(event).map_err(|_| CloseReason::ServerStopping)?;
            }
        }
        Ok((answers, close))
    }

    /// Adds `item` to `batch`, or the answer of the handler that `item` calls. Returns why the handler ends the
    /// session, if it does.
    pub(super) fn add(&mut self, item: Inbound, batch: &mut Vec<Inbound>) -> Option<CloseReason> {
        let mut close = None;
        match item {
            // Kept here until the marked request goes on: nothing may come between the two.
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
                    _ => {}
                }
                batch.extend(self.tag.take().map(Inbound::Tag));
                batch.push(item);
            }
        }
        self.tag = None;
        close
    }

    /// Calls the handler for `key`; its answers join the batch.
    fn call(&self, key: &Key, data: &[u8], batch: &mut Vec<Inbound>) -> Option<CloseReason> {
        let Some(handler) = self.context.handlers.handler(key) else {
            batch.extend(self.tag.clone().map(Inbound::Tag));
            batch.push(Inbound::Refused(match key {
                Key::Route(route) => Refusal::UnknownRoute { route: *route },
                Key::Act(act) => Refusal::UnknownAct { act: act.chars().take(SHOWN_ACT).collect() },
            }));
            return None;
        };
        let mut caller = self.caller(key);
        let running = self.context.running.enter(self.connection.id, self.context.handlers.called(key));
        let returned = returns(|| handler(&mut caller, data));
        drop(running);
        let close = self.closing(returned, caller.close, || key.to_string());
        if !caller.answers.is_empty() {
            batch.push(Inbound::Answer(caller.answers.into()));
        }
        close
    }

    /// Why a handler ends the session: it asked for that, or it panicked.
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
}
