//! The session as its handler sees it, and handles to it for other threads.

use std::fmt;
use std::sync::{Arc, Weak};

use crossbeam_channel::{Sender, TrySendError};

use crate::protocol::{CloseReason, SessionId};
use crate::wire::{Encoding, Key, Wire};

use super::super::connection::Connection;
use super::super::event::Event;

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

    /// The peer's address, `127.0.0.1:5123`, also if others do not see it.
    #[must_use]
    pub fn address(&self) -> &str {
        &self.connection.address
    }

    /// The wire format of its door.
    #[must_use]
    pub fn door(&self) -> Wire {
        self.connection.wire
    }

    /// The route or act that was called.
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

/// A handle to a session, for any thread of the program.
#[derive(Debug, Clone)]
pub struct Remote {
    connection: Weak<Connection>,
    inbox: Sender<Event>,
}

/// Why a [`Remote`] could not send.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SendError {
    /// The session, or the server, has gone.
    Gone,
    /// The server's inbox is full; nothing was sent.
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
        let event = Event::Push(connection.id, key, data.into());
        self.inbox.try_send(event).map_err(|error| match error {
            TrySendError::Full(_) => SendError::Busy,
            TrySendError::Disconnected(_) => SendError::Gone,
        })
    }
}
