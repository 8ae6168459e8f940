//! The connections in a setup that takes long: they are no sessions yet, so the manager does not know them.
//!
//! A stop ends their input at once, so that their threads' waits return, and cuts what is left at its deadline.
//! A connection may have to end for another caller too. There are never more of them than slots.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Instant;

use parking_lot::{Condvar, Mutex};

use crate::protocol::{CloseReason, SessionId};

use super::transport::Transport;

/// The connections in their setup.
#[derive(Debug, Default)]
pub(super) struct Setups {
    state: Mutex<State>,
    none: Condvar,
}

#[derive(Debug, Default)]
struct State {
    stage: Stage,
    connections: BTreeMap<SessionId, Entry>,
}

/// How far a stop has come.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
enum Stage {
    #[default]
    Running,
    InputEnded,
    Cut,
}

#[derive(Debug)]
struct Entry {
    transport: Arc<Transport>,
    reason: Option<CloseReason>,
}

impl Setups {
    /// Adds a connection until the guard is dropped. If a stop has begun, its input ends at once.
    pub(super) fn enter(&self, id: SessionId, transport: &Arc<Transport>) -> InSetup<'_> {
        let entry = Entry { transport: Arc::clone(transport), reason: None };
        let mut state = self.state.lock();
        state.connections.insert(id, entry);
        let stage = state.stage;
        drop(state);
        match stage {
            Stage::Running => {}
            Stage::InputEnded => transport.stream.end_input(),
            Stage::Cut => transport.stream.cut(),
        }
        InSetup { setups: self, id }
    }

    /// Cuts a connection for `reason`; false if it is in no setup.
    pub(super) fn end(&self, id: SessionId, reason: CloseReason) -> bool {
        let mut state = self.state.lock();
        let Some(entry) = state.connections.get_mut(&id) else { return false };
        entry.reason.get_or_insert(reason);
        let transport = Arc::clone(&entry.transport);
        drop(state);
        transport.stream.cut();
        true
    }

    /// Ends the input of all, for a stop: their waits for input are over.
    pub(super) fn end_input(&self) {
        self.enter_stage(Stage::InputEnded).iter().for_each(|transport| transport.stream.end_input());
    }

    /// Waits until no connection is left, and cuts those that are left at `deadline`.
    pub(super) fn cut_at(&self, deadline: Instant) {
        let mut state = self.state.lock();
        self.none.wait_while_until(&mut state, |state| !state.connections.is_empty(), deadline);
        drop(state);
        self.enter_stage(Stage::Cut).iter().for_each(|transport| transport.stream.cut());
    }

    /// No lock is held across a system call: the caller does what the stage asks for.
    fn enter_stage(&self, stage: Stage) -> Vec<Arc<Transport>> {
        let mut state = self.state.lock();
        state.stage = stage;
        state.connections.values().map(|entry| Arc::clone(&entry.transport)).collect()
    }
}

/// A connection in its setup.
#[derive(Debug)]
pub(super) struct InSetup<'a> {
    setups: &'a Setups,
    id: SessionId,
}

impl InSetup<'_> {
    /// Why another thread has cut the connection, if one has.
    pub(super) fn reason(&self) -> Option<CloseReason> {
        let state = self.setups.state.lock();
        let entry = state.connections.get(&self.id);
        let is_cut = state.stage == Stage::Cut;
        entry.and_then(|entry| entry.reason.clone()).or(is_cut.then_some(CloseReason::ServerStopping))
    }
}

impl Drop for InSetup<'_> {
    fn drop(&mut self) {
        let mut state = self.setups.state.lock();
        state.connections.remove(&self.id);
        if state.connections.is_empty() {
            self.setups.none.notify_all();
        }
    }
}

#[cfg(test)]
mod tests {
    use std::io::Write;
    use std::os::unix::net::UnixStream;

    use super::*;
    use crate::server::socket::Socket;
    use crate::server::stream::Stream;

    fn connection() -> (Arc<Transport>, UnixStream) {
        let (ours, theirs) = UnixStream::pair().unwrap();
        (Transport::new(Stream::Plain(Socket::from(ours))), theirs)
    }

    /// Reads once; `None` if nothing has come and nothing has ended.
    fn read(transport: &Transport) -> Option<usize> {
        transport.stream.recv(&mut Vec::with_capacity(16)).ok()
    }

    #[test]
    fn ended_connection_is_cut_for_first_reason() {
        let setups = Setups::default();
        let (transport, _peer) = connection();
        let setup = setups.enter(SessionId(1), &transport);
        assert_eq!((setup.reason(), read(&transport)), (None, None));
        assert!(setups.end(SessionId(1), CloseReason::Silent));
        assert!(setups.end(SessionId(1), CloseReason::Quit));
        assert_eq!((setup.reason(), read(&transport)), (Some(CloseReason::Silent), Some(0)));
        drop(setup);
        assert!(!setups.end(SessionId(1), CloseReason::Silent));
    }

    #[test]
    fn stop_ends_input_behind_what_came() {
        let setups = Setups::default();
        let (early, mut peer) = connection();
        let _setup = setups.enter(SessionId(1), &early);
        peer.write_all(b"hello").unwrap();
        setups.end_input();
        assert_eq!([read(&early), read(&early)], [Some(5), Some(0)]);
        let (late, _peer) = connection();
        let _setup = setups.enter(SessionId(2), &late);
        assert_eq!(read(&late), Some(0));
        assert_eq!(late.stream.send(b"answer"), Ok(6), "its output goes on");
    }

    #[test]
    fn deadline_cuts_connections_that_are_left() {
        let setups = Setups::default();
        let (early, _peer) = connection();
        let setup = setups.enter(SessionId(1), &early);
        setups.cut_at(Instant::now());
        assert_eq!(setup.reason(), Some(CloseReason::ServerStopping));
        let (late, _peer) = connection();
        let _setup = setups.enter(SessionId(2), &late);
        assert!(early.stream.send(b"answer").is_err() && late.stream.send(b"answer").is_err());
    }
}
