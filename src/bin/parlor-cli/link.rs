//! The state that a terminal's thread shares with the listener: the connection, the name, the room.
//!
//! The terminal's thread sends through it. [`Listener`](super::listener::Listener) updates it.

use std::collections::VecDeque;
use std::time::{Duration, Instant};

use parking_lot::{Condvar, Mutex};

use parlor::client::{ClientError, Talker};
use parlor::protocol::{Command, Nick, RoomName, Switch};
use parlor::wire::{Heard, Kind, Speech};

/// Most names that Tab completes. The least recent are dropped.
const MAX_NAMES: usize = 500;
/// Longest name that Tab completes, in bytes: names have at most 64, addresses fewer.
const MAX_NAME: usize = 64;
/// Most lines that have not come back. Further lines are not recorded.
const MAX_UNCONFIRMED: usize = 100;

/// The message about a pending line when there is a connection again.
pub(super) const CAN_BE_SENT: &str = "Press Enter to send the line that was kept";

/// The state that the terminal and the listener share.
#[derive(Debug, Default)]
pub(super) struct Link {
    state: Mutex<State>,
    /// Signals a change of the name, the room, the refusals or the connection.
    answered: Condvar,
}

#[derive(Debug, Default)]
struct State {
    /// `None` while there is no connection.
    talker: Option<Talker>,
    /// The name as the server has it; none while it is only an address or a number.
    name: Option<String>,
    /// The room as the server has it.
    room: Option<RoomName>,
    refusals: u64,
    /// How many times the room has changed.
    moves: u64,
    names: VecDeque<String>,
    unconfirmed: VecDeque<String>,
    /// A line that could not be sent waits in the editor for a connection.
    has_pending: bool,
    leaving: bool,
    /// No further connection is made.
    over: bool,
    /// How often the connection has broken.
    breaks: u64,
    /// `/quiet on`: joins and leaves are hidden. It is sent again after a break.
    quiet: bool,
}

/// The outcome of a command.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Sent {
    Done,
    /// There is no connection at present.
    NotConnected,
    /// It was typed for another room than the present one.
    Elsewhere(Option<RoomName>),
}

impl Link {
    /// The present room, once it is known.
    pub(super) fn room(&self) -> Option<RoomName> {
        self.state.lock().room.clone()
    }

    /// The name as the server has it.
    pub(super) fn name(&self) -> Option<String> {
        self.state.lock().name.clone()
    }

    /// Names for Tab, the latest first.
    pub(super) fn names(&self) -> Vec<String> {
        self.state.lock().names.iter().rev().cloned().collect()
    }

    /// Sends a request. Sends nothing if it was typed for another room than the present one.
    pub(super) fn send(&self, command: &Command, meant_for: Option<&RoomName>) -> Result<Sent, ClientError> {
        let talker = {
            let mut state = self.state.lock();
            let Some(talker) = state.talker.clone() else { return Ok(Sent::NotConnected) };
            if meant_for.is_some() && meant_for != state.room.as_ref() {
                return Ok(Sent::Elsewhere(state.room.clone()));
            }
            match command {
                Command::Say(body) if state.unconfirmed.len() < MAX_UNCONFIRMED => {
                    state.unconfirmed.push_back(body.as_str().to_owned());
                }
                Command::Quit(_) => state.leaving = true,
                Command::Quiet(switch) => state.quiet = *switch == Switch::On,
                _ => {}
            }
            talker
        };
        match talker.send(command) {
            Err(ClientError::Send { .. }) => Ok(Sent::NotConnected), // the listener shows the reason
            sent => sent.map(|_| Sent::Done),
        }
    }

    /// Sends a line as it was typed.
    pub(super) fn send_typed(&self, line: &str) -> Sent {
        let talker = self.state.lock().talker.clone();
        if talker.is_some_and(|talker| talker.send_typed(line).is_ok()) { Sent::Done } else { Sent::NotConnected }
    }

    /// Waits for a connection.
    pub(super) fn wait_for_connection(&self, at_most: Duration) {
        self.wait(at_most, |state| state.talker.is_some() || state.over);
    }

    /// Requests a room and waits a moment for the answer, so that the next prompt shows the room.
    pub(super) fn go(&self, command: &Command, at_most: Duration) -> Result<Sent, ClientError> {
        let (refusals, moves) = {
            let state = self.state.lock();
            (state.refusals, state.moves)
        };
        let sent = self.send(command, None)?;
        if sent == Sent::Done {
            self.wait(at_most, |state| state.moves != moves || state.refusals != refusals);
        }
        Ok(sent)
    }

    fn wait(&self, at_most: Duration, done: impl Fn(&State) -> bool) {
        let until = Instant::now() + at_most;
        let mut state = self.state.lock();
        while !done(&state) {
            if self.answered.wait_until(&mut state, until).timed_out() {
                return;
            }
        }
    }

    /// Records the present room.
    pub(super) fn place(&self, room: Option<&str>) {
        let Some(room) = room.and_then(|room| RoomName::parse(room).ok()) else { return };
        let mut state = self.state.lock();
        if state.room.as_ref() != Some(&room) {
            state.room = Some(room);
            state.moves += 1;
            self.answered.notify_all();
        }
    }

    /// Marks a line as pending, so that the listener tells when there is a connection. Returns `false` if there is one
    /// already.
    pub(super) fn set_pending(&self) -> bool {
        let mut state = self.state.lock();
        state.has_pending = state.talker.is_none();
        state.has_pending
    }

    /// Records that the pending line was sent or dropped.
    pub(super) fn clear_pending(&self) {
        self.state.lock().has_pending = false;
    }

    /// Makes the next end of the connection the last.
    pub(super) fn leave(&self) {
        self.state.lock().leaving = true;
    }

    /// Asks for a name, and waits a moment for the answer, so that the next prompt has it.
    pub(super) fn take_name(&self, nick: &Nick, at_most: Duration) -> Result<Sent, ClientError> {
        let refusals = self.state.lock().refusals;
        let sent = self.send(&Command::Nick(nick.clone()), None)?;
        if sent == Sent::Done {
            self.wait(at_most, |state| state.name.as_deref() == Some(nick.as_str()) || state.refusals != refusals);
        }
        Ok(sent)
    }

    /// Notes an event. Returns `false` if it need not be shown: a line that stands there already, as it was typed.
    pub(super) fn learn(&self, heard: &Heard) -> bool {
        let mut state = self.state.lock();
        if let Heard::Left { name, .. } | Heard::Renamed { old: name, .. } = heard {
            state.names.retain(|known| known != name);
        }
        for name in heard.names().into_iter().filter(|name| name.len() <= MAX_NAME) {
            state.names.retain(|known| known != name);
            state.names.push_back(name.to_owned());
        }
        while state.names.len() > MAX_NAMES {
            state.names.pop_front();
        }
        match heard {
            Heard::YouAre(name) => state.name = Some(name.clone()),
            Heard::Refused { .. } => {
                state.refusals += 1;
            }
            Heard::Speech(speech @ Speech { kind: Kind::Said, mine: true, past: false, .. }) => {
                let place = state.unconfirmed.iter().position(|typed| speech.is_echo_of(typed));
                // Answers come in the order of the lines: those before it were refused.
                return place.is_none_or(|place| state.unconfirmed.drain(..=place).count() == 0);
            }
            _ => return true,
        }
        self.answered.notify_all();
        true
    }

    /// Records a new connection. Returns whether a pending line waits for it.
    pub(super) fn connected(&self, talker: Talker) -> bool {
        let mut state = self.state.lock();
        state.talker = Some(talker);
        self.answered.notify_all();
        state.has_pending
    }

    /// Records that the connection broke.
    pub(super) fn broke(&self) -> Broken {
        let mut state = self.state.lock();
        state.talker = None;
        state.breaks += 1;
        Broken { lost: std::mem::take(&mut state.unconfirmed), leaving: state.leaving, room: state.room.clone() }
    }

    /// Records that no further connection is made.
    pub(super) fn end(&self) {
        self.state.lock().over = true;
        self.answered.notify_all();
    }

    /// Whether no further connection is made.
    pub(super) fn is_over(&self) -> bool {
        self.state.lock().over
    }

    /// Records that the name was refused.
    pub(super) fn lose_name(&self) {
        self.state.lock().name = None;
    }

    /// Whether the connection has broken before.
    pub(super) fn has_broken(&self) -> bool {
        self.state.lock().breaks > 0
    }

    /// Whether joins and leaves are hidden.
    pub(super) fn is_quiet(&self) -> bool {
        self.state.lock().quiet
    }
}

/// The state that a broken connection leaves.
pub(super) struct Broken {
    /// Lines that were sent and have not come back.
    pub lost: VecDeque<String>,
    /// The person asked to leave.
    pub leaving: bool,
    /// The room that the person was in.
    pub room: Option<RoomName>,
}
