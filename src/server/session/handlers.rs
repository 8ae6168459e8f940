//! Handlers of a program's own frames and packets, beside the chat's.
//!
//! A handler runs on the reader thread of the session that called. Calls of one session come in order, one at a
//! time; a slow handler delays its own session only. A panic in it ends that session only, after the bytes that
//! it has sent; the log names the handler. Its answers keep their order among the chat's.
//!
//! A handler must return: a stop waits for it, also beyond [`Config::drain`](crate::Config::drain), since
//! a thread cannot be ended from outside. The log names each handler that has not returned by then.

use std::collections::HashMap;
use std::fmt;
use std::panic::{AssertUnwindSafe, catch_unwind};

use crate::protocol::{CloseReason, SessionId};
use crate::wire::Key;

use super::caller::Caller;
use super::running::Called;

pub(in super::super) type Handler = Box<dyn Fn(&mut Caller<'_>, &[u8]) + Send + Sync>;
pub(in super::super) type OnOpen = Box<dyn Fn(&mut Caller<'_>) + Send + Sync>;
pub(in super::super) type OnClose = Box<dyn Fn(SessionId, &CloseReason) + Send + Sync>;

/// The registered handlers. A request without one, and without a fallback, is refused.
#[derive(Default)]
pub(in super::super) struct Handlers {
    pub(in super::super) by_key: HashMap<Key, Handler>,
    pub(in super::super) fallback: Option<Handler>,
    pub(in super::super) opened: Option<OnOpen>,
    pub(in super::super) closed: Option<OnClose>,
}

impl fmt::Debug for Handlers {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_set().entries(self.by_key.keys()).finish()
    }
}

impl Handlers {
    pub(in super::super) fn handler(&self, key: &Key) -> Option<&Handler> {
        self.by_key.get(key).or(self.fallback.as_ref())
    }

    /// The name of the handler for `key` in the log.
    pub(in super::super) fn called(&self, key: &Key) -> Called {
        match key {
            key if !self.by_key.contains_key(key) => Called::Other,
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
