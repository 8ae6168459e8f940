//! Handlers: what a program that uses this library does with frames and packets of its own.
//!
//! A handler runs on the reader thread of the session that called, so calls of one session come in
//! order, one at a time, and one that is slow keeps only its own session waiting. A panic in it
//! ends only that session, after the bytes that it has sent; the log names the handler. Its answers keep
//! their order among the chat's.
//!
//! A handler must return: a stop waits for it, also beyond [`Config::drain`](crate::Config::drain), since
//! a thread cannot be ended from outside. The log names each handler that has not returned by then.

use std::collections::HashMap;
use std::fmt;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;

use crossbeam_channel::{Sender, TrySendError};

use crate::protocol::{CloseReason, SessionId};
use crate::wire::{Encoding, Key, Wire};

use super::super::connection::Connection;
use super::super::event::Event;
use super::running::Called;

type Handler = Box<dyn Fn(&mut Caller<'_>, &[u8]) + Send + Sync>;
type OnOpen = Box<dyn Fn(&mut Caller<'_>) + Send + Sync>;
type OnClose = Box<dyn Fn(SessionId, &CloseReason) + Send + Sync>;

/// What was registered. Without a handler and a fallback, the caller is told that nobody serves it.
#[derive(Default)]
pub(in super::super) struct Routes {
    pub(in super::super) handlers: HashMap<Key, Handler>,
    pub(in super::super) fallback: Option<Handler>,
    pub(in super::super) opened: Option<OnOpen>,
    pub(in super::super) closed: Option<OnClose>,
}

impl fmt::Debug for Routes {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_set().entries(self.handlers.keys()).finish()
    }
}

impl Routes {
    pub(in super::super) fn handler(&self, key: &Key) -> Option<&Handler> {
        self.handlers.get(key).or(self.fallback.as_ref())
    }

    /// The name of the handler for `key` in the log.
    pub(in super::super) fn called(&self, key: &Key) -> Called {
        match key {
            key if !self.handlers.contains_key(key) => Called::Other,
            Key::Route(route) => Called::Route(*route),
            Key::Act(act) => Called::Act(act.clone()),
        }
    }
}

/// Calls a handler; false if it panicked.
///
/// The panic's payload may panic again when it is dropped (a guard that asserts something). The payload of
/// that second panic is leaked.
pub(in super::super) fn returns(handler: impl FnOnce()) -> bool {
    let Err(payload) = catch_unwind(AssertUnwindSafe(handler)) else { return true };
    if let Err(second) = catch_unwind(AssertUnwindSafe(|| drop(payload))) {
        std::mem::forget(second);
    }
    false
}

/// The session that a handler works for, for as long as the handler runs.
#[derive(Debug)]
pub struct Caller<'a> {
    pub(in super::super) connection: &'a Arc<Connection>,
    pub(in super::super) inbox: &'a Sender<Event>,
    pub(in super::super) encoding: Encoding,
    pub(in super::super) key: &'a Key,
    pub(in super::super) tag: Option<&'a str>,
    /// Answers, encoded.
    pub(in super::super) answers: Vec<u8>,
    /// Answers that wait until the peer has shown its framing.
    pub(in super::super) unsaid: Option<Vec<(Key, Vec<u8>)>>,
    pub(in super::super) close: Option<CloseReason>,
}

impl Caller<'_> {
    /// The session's id.
    #[must_use]
    pub fn id(&self) -> SessionId {
        self.connection.id
    }

    /// The peer's address, `127.0.0.1:5123`, also where others do not see it.
    #[must_use]
    pub fn address(&self) -> &str {
        &self.connection.address
    }

    /// The door by which it came in.
    #[must_use]
    pub fn door(&self) -> Wire {
        self.connection.wire
    }

    /// What was called.
    #[must_use]
    pub fn key(&self) -> &Key {
        self.key
    }

    /// Answers: a frame of the same route, a packet of the same `Act` with `data` as its `Data`, or,
    /// on the line doors, a line. Answers are sent in the order of the requests.
    pub fn reply(&mut self, data: impl AsRef<[u8]>) {
        match &mut self.unsaid {
            Some(unsaid) => unsaid.push((self.key.clone(), data.as_ref().to_vec())),
            None => self.encoding.encode_custom(self.key, data.as_ref(), self.tag, &mut self.answers),
        }
    }

    /// Sends something else beside the answer.
    pub fn send(&mut self, key: &Key, data: impl AsRef<[u8]>) {
        match &mut self.unsaid {
            Some(unsaid) => unsaid.push((key.clone(), data.as_ref().to_vec())),
            None => self.encoding.encode_custom(key, data.as_ref(), None, &mut self.answers),
        }
    }

    /// Ends the session when the handler returns and its bytes are delivered, whatever the reason.
    pub fn close(&mut self, reason: CloseReason) {
        self.close = Some(reason);
    }

    /// A handle to this session for other threads, valid beyond the handler.
    #[must_use]
    pub fn remote(&self) -> Remote {
        Remote { connection: Arc::downgrade(self.connection), inbox: self.inbox.clone() }
    }
}

/// A session, from anywhere in the program.
#[derive(Debug, Clone)]
pub struct Remote {
    connection: std::sync::Weak<Connection>,
    inbox: Sender<Event>,
}

/// Why a [`Remote`] could not send.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SendError {
    /// The session, or the server, has gone.
    Gone,
    /// The server has too much to do just now; nothing was sent.
    Busy,
}

impl fmt::Display for SendError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Gone => "the session has gone",
            Self::Busy => "the server is busy, nothing was sent",
        })
    }
}

impl std::error::Error for SendError {}

impl Remote {
    /// Sends to the session. Never blocks. If the session's outbox is full, the data is skipped and counted, and
    /// the session is told, as for lines of its room. Data for a JSON session that has sent nothing waits for
    /// its first packet, which shows the framing; at most 64 KiB wait.
    ///
    /// # Errors
    /// If the session has gone, or the server is too busy to take more.
    pub fn send(&self, key: Key, data: impl Into<Vec<u8>>) -> Result<(), SendError> {
        let connection =
            self.connection.upgrade().filter(|connection| connection.reason().is_none()).ok_or(SendError::Gone)?;
        let event = Event::Push(connection.slot.index, connection.id, key, data.into());
        self.inbox.try_send(event).map_err(|error| match error {
            TrySendError::Full(_) => SendError::Busy,
            TrySendError::Disconnected(_) => SendError::Gone,
        })
    }
}

impl super::super::Server {
    /// Calls `handler` for frames of `route`, with their data. The routes of the chat's commands
    /// (100 and up, see [`COMMANDS`](crate::protocol::COMMANDS)) stay the chat's: a handler for one
    /// of them is never called. Neither is one for route 0, the heartbeat.
    #[must_use]
    pub fn on_route(mut self, route: u32, handler: impl Fn(&mut Caller<'_>, &[u8]) + Send + Sync + 'static) -> Self {
        self.routes.handlers.insert(Key::Route(route), Box::new(handler));
        self
    }

    /// Calls `handler` for JSON packets with this `Act`, with their `Data`. The acts of the chat's
    /// commands stay the chat's, and `heartbeat` is answered by nobody: a handler for one of them is
    /// never called.
    #[must_use]
    pub fn on_act(mut self, act: &str, handler: impl Fn(&mut Caller<'_>, &[u8]) + Send + Sync + 'static) -> Self {
        self.routes.handlers.insert(Key::Act(act.into()), Box::new(handler));
        self
    }

    /// Calls `handler` for every route and act that has none of its own, and is neither the chat's
    /// nor a heartbeat.
    #[must_use]
    pub fn on_other(mut self, handler: impl Fn(&mut Caller<'_>, &[u8]) + Send + Sync + 'static) -> Self {
        self.routes.fallback = Some(Box::new(handler));
        self
    }

    /// Calls `handler` when a session has come in, by any door. What it sends to a JSON session waits for
    /// the peer's first packet and uses that packet's framing.
    #[must_use]
    pub fn on_open(mut self, handler: impl Fn(&mut Caller<'_>) + Send + Sync + 'static) -> Self {
        self.routes.opened = Some(Box::new(handler));
        self
    }

    /// Calls `handler` when a session is over, once, on the thread that was its reader's. Also for a
    /// caller that was turned away before [`Server::on_open`](Self::on_open): because a second thread could
    /// not start (as [`CloseReason::WriteFailed`]), or because its first bytes were another protocol's.
    #[must_use]
    pub fn on_close(mut self, handler: impl Fn(SessionId, &CloseReason) + Send + Sync + 'static) -> Self {
        self.routes.closed = Some(Box::new(handler));
        self
    }

    /// What the older programs' clients expect: tnet's echo on routes 1 and 2, and gtcp's `hello`
    /// and `doexit`.
    #[must_use]
    pub fn with_standard_routes(self) -> Self {
        self.on_route(1, |caller, data| caller.reply(data))
            .on_route(2, |caller, data| caller.reply(data))
            .on_act("hello", |caller, _| caller.reply("Nice to meet you!"))
            .on_act("doexit", |caller, _| caller.close(CloseReason::Quit))
    }
}
