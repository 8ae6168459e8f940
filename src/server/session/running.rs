//! The handlers that are running.
//!
//! A stop cannot end a thread: if a handler blocks, `Server::run` waits for it beyond `Config::drain`. The
//! log then names each handler that has not returned, so that an operator knows why.

use std::collections::BTreeMap;
use std::fmt;
use std::time::Instant;

use parking_lot::{Condvar, Mutex};

use crate::protocol::SessionId;

/// The called handler. A fallback has no key here, since the peer would choose its words.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(in super::super) enum Called {
    Route(u32),
    Act(Box<str>),
    Other,
    Open,
    Close,
}

impl fmt::Display for Called {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Route(route) => write!(f, "the handler of route {route}"),
            Self::Act(act) => write!(f, "the handler of act {act}"),
            Self::Other => f.write_str("the handler of all other requests (on_other)"),
            Self::Open => f.write_str("the handler of openings (on_open)"),
            Self::Close => f.write_str("the handler of closes (on_close)"),
        }
    }
}

/// Calls that have not returned. Each session has at most one, made by its reader.
#[derive(Debug, Default)]
pub(in super::super) struct Running {
    calls: Mutex<BTreeMap<SessionId, Called>>,
    none: Condvar,
}

impl Running {
    /// Counts a call until the guard is dropped, also if the handler panics.
    pub(in super::super) fn enter(&self, id: SessionId, called: Called) -> Call<'_> {
        self.calls.lock().insert(id, called);
        Call { running: self, id }
    }

    /// Waits until no handler runs, but no longer than `until`. Returns the calls that still run.
    pub(in super::super) fn wait_for_none(&self, until: Instant) -> BTreeMap<SessionId, Called> {
        let mut calls = self.calls.lock();
        self.none.wait_while_until(&mut calls, |calls| !calls.is_empty(), until);
        calls.clone()
    }
}

/// One call of a handler.
pub(in super::super) struct Call<'a> {
    running: &'a Running,
    id: SessionId,
}

impl Drop for Call<'_> {
    fn drop(&mut self) {
        let mut calls = self.running.calls.lock();
        calls.remove(&self.id);
        if calls.is_empty() {
            self.running.none.notify_all();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn running_names_calls_that_have_not_returned() {
        let running = Running::default();
        let first = running.enter(SessionId(1), Called::Route(7));
        let second = running.enter(SessionId(2), Called::Open);
        drop(second);
        let left = running.wait_for_none(Instant::now());
        assert_eq!(left.into_iter().collect::<Vec<_>>(), [(SessionId(1), Called::Route(7))]);
        drop(first);
        assert!(running.wait_for_none(Instant::now()).is_empty());
    }
}
