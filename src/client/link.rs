//! The connection behind a person's terminal: when it breaks, it comes back by itself.
//!
//! One thread listens, shows what is heard, and connects again when that ends; the thread of the
//! terminal talks through what both know, [`Link`]. What is shown goes into a bounded queue: who
//! does not look (a stopped terminal) stops the listening, and the server deals with that as with
//! every slow reader.

use std::collections::VecDeque;
use std::convert::Infallible;
use std::sync::Arc;
use std::time::{Duration, Instant};

use crossbeam_channel::{Receiver, RecvTimeoutError, Sender};
use parking_lot::{Condvar, Mutex};

use super::look::Look;
use super::reconnect::{ASK_AGAIN, NAME_HELD, Pauses};
use super::settings::Settings;
use super::{Client, ClientError, Talker};
use crate::protocol::{Command, Nick, RoomName};
use crate::wire::{Heard, Kind, Speech, Wire};

/// A server answers in this time, or is not there.
pub(super) const ANSWER: Duration = Duration::from_secs(5);
/// What a door says at once has come in this time, and where others never stop talking nobody waits
/// longer for a moment's silence.
const AT_ONCE: Duration = Duration::from_millis(100);
/// Nobody waits longer than this at once.
const HOUR: Duration = Duration::from_secs(3600);
/// Names that Tab knows; those heard of least recently go.
const MAX_NAMES: usize = 500;
/// Lines that have not come back. More are not remembered.
const MAX_UNCONFIRMED: usize = 100;

/// What somebody is told who keeps a line when there is a connection again.
pub(super) const CAN_BE_SENT: &str = "Press Enter to send the line that was kept";

/// What the terminal and the listening thread both know.
#[derive(Debug, Default)]
pub(super) struct Link {
    state: Mutex<State>,
    /// The name or the room has changed, something was refused, or there is a connection.
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
    /// How often the room has changed.
    moves: u64,
    names: VecDeque<String>,
    unconfirmed: VecDeque<String>,
    /// A line that could not be sent waits in the editor, and whoever typed it for the connection.
    keeps: bool,
    leaving: bool,
    /// How often the connection has broken.
    breaks: u64,
}

/// What became of a command.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Sent {
    Done,
    /// There is no connection just now.
    NotConnected,
    /// It was meant for another room than this one.
    Elsewhere(Option<RoomName>),
}

impl Link {
    /// The room that this person is in, once it is known.
    pub(super) fn room(&self) -> Option<RoomName> {
        self.state.lock().room.clone()
    }

    /// The name that the server knows this person by.
    pub(super) fn name(&self) -> Option<String> {
        self.state.lock().name.clone()
    }

    /// Names heard of, the latest first.
    pub(super) fn names(&self) -> Vec<String> {
        self.state.lock().names.iter().rev().cloned().collect()
    }

    /// Sends what a person asks for; nothing if it was meant for another room than this person is in now.
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
                _ => {}
            }
            talker
        };
        match talker.send(command) {
            Err(ClientError::Send { .. }) => Ok(Sent::NotConnected), // the listening thread says why
            sent => sent.map(|_| Sent::Done),
        }
    }

    /// Sends a line as it was typed.
    pub(super) fn send_typed(&self, line: &str) -> Sent {
        let talker = self.state.lock().talker.clone();
        if talker.is_some_and(|talker| talker.send_typed(line).is_ok()) { Sent::Done } else { Sent::NotConnected }
    }

    /// Waits until there is a connection.
    pub(super) fn wait_for_connection(&self, at_most: Duration) {
        self.wait(at_most, |state| state.talker.is_some());
    }

    /// Asks for a room, and waits a moment for the answer, so that the next prompt has it.
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

    /// The room is this one now.
    fn place(&self, room: Option<&str>) {
        let Some(room) = room.and_then(|room| RoomName::parse(room).ok()) else { return };
        let mut state = self.state.lock();
        if state.room.as_ref() != Some(&room) {
            state.room = Some(room);
            state.moves += 1;
            self.answered.notify_all();
        }
    }

    /// Tells as soon as there is a connection that a kept line can be sent; `false` if there is one again
    /// already.
    pub(super) fn keep(&self) -> bool {
        let mut state = self.state.lock();
        state.keeps = state.talker.is_none();
        state.keeps
    }

    /// The line that was kept is sent, or given up.
    pub(super) fn keep_no_more(&self) {
        self.state.lock().keeps = false;
    }

    /// From now on an end of the connection is the end.
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

    /// Learns from what is heard; `false` if it need not be shown, because it stands there already,
    /// as it was typed.
    fn learn(&self, heard: &Heard) -> bool {
        let mut state = self.state.lock();
        if let Heard::Left { name, .. } | Heard::Renamed { old: name, .. } = heard {
            state.names.retain(|known| known != name);
        }
        for name in heard.names() {
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
}

/// The listening thread.
pub(super) struct Listener {
    pub(super) link: Arc<Link>,
    pub(super) settings: Settings,
    pub(super) look: Arc<Look>,
    /// Whether a line of one's own is shown when it comes back, for want of a terminal on which it stands.
    pub(super) shows_own: bool,
    /// What is to be shown, each with its line's end.
    pub(super) screen: Sender<String>,
    /// Disconnects when the person leaves.
    pub(super) left: Receiver<Infallible>,
}

/// The name that is wanted.
struct Wanted {
    nick: Option<Nick>,
    /// When it is asked for again, and until when.
    again: Option<(Instant, Instant)>,
}

impl Listener {
    /// Listens until the person leaves, or the connection breaks and that is to be the end.
    pub(super) fn run(&self, first: Client) -> Option<ClientError> {
        let mut client = first;
        let mut wanted = Wanted { nick: self.settings.name.clone(), again: None };
        let mut room = self.settings.room.clone();
        let mut pauses = Pauses::new();
        loop {
            let error = self.listen(&mut client, &mut wanted, room.as_ref());
            // What was heard while an answer was waited for, the server's last words perhaps.
            self.hear_what_is_there(&mut client);
            drop(client); // the server may not know yet that it is over, and keeps the name so long
            let (lost, leaving) = {
                let mut state = self.link.state.lock();
                state.talker = None;
                state.breaks += 1;
                room = state.room.clone().or(room);
                (std::mem::take(&mut state.unconfirmed), state.leaving)
            };
            if leaving {
                return None;
            }
            for line in lost {
                self.show(&self.look.paint.refusal(&format!("Perhaps not sent: {line}")));
            }
            self.inform(&match &error {
                ClientError::Closed { last_words: Some(_), .. } => "Connection lost".to_owned(), // they are shown
                error => format!("Connection lost: {}", error.reason()),
            });
            if !self.settings.reconnects {
                return Some(error);
            }
            pauses.broke();
            client = self.connect_again(&mut pauses)?;
            pauses.connected();
            self.inform("Connected again");
        }
    }

    /// Shows what is heard until the connection ends. Nothing can be sent before the name and the room are
    /// those of before, or it has been told that they are not: what was typed for one room must not come
    /// into another.
    fn listen(&self, client: &mut Client, wanted: &mut Wanted, room: Option<&RoomName>) -> ClientError {
        // What the door has said at once is shown at once.
        self.hear_what_is_there(client);
        if let Some(nick) = wanted.nick.clone() {
            wanted.again = match self.ask_for_name(client, &nick) {
                Ok(None) => None,
                Ok(Some(refusal)) => {
                    self.link.state.lock().name = None;
                    self.hear(&Heard::Refused { code: None, text: refusal });
                    self.inform(&format!("You have no name now. Asking for {} again for a minute", nick.as_str()));
                    let now = Instant::now();
                    Some((now + ASK_AGAIN, now + NAME_HELD))
                }
                Err(error) => return error,
            };
        }
        if let Err(error) = self.come_in(client, room) {
            return error;
        }
        self.link.place(client.room());
        let keeps = {
            let mut state = self.link.state.lock();
            state.talker = Some(client.talker());
            self.link.answered.notify_all();
            state.keeps
        };
        if keeps {
            self.inform(CAN_BE_SENT);
        }
        loop {
            if let (Some(nick), Some((at, until))) = (wanted.nick.clone(), wanted.again)
                && at <= Instant::now()
            {
                wanted.again = match self.ask_for_name(client, &nick) {
                    Ok(Some(_)) if Instant::now() < until => Some((Instant::now() + ASK_AGAIN, until)),
                    Ok(_) => None,
                    Err(error) => return error,
                };
            }
            match client.recv(wanted.again.map_or_else(|| Instant::now() + HOUR, |(at, _)| at)) {
                Ok(Some(heard)) => {
                    if let Heard::YouAre(name) = &heard {
                        // Whatever name a person has, it is the one to have again.
                        *wanted = Wanted { nick: Nick::parse(name).ok(), again: None };
                    }
                    self.hear(&heard);
                    self.link.place(client.room());
                }
                Ok(None) => {}
                Err(error) => return error,
            }
        }
    }

    /// Asks for a name; why it was refused, if it was.
    fn ask_for_name(&self, client: &mut Client, nick: &Nick) -> Result<Option<String>, ClientError> {
        match client.take_name(nick, Instant::now() + ANSWER) {
            Ok(()) => {
                self.hear(&Heard::YouAre(nick.as_str().to_owned()));
                Ok(None)
            }
            Err(ClientError::Refused { text, .. }) => Ok(Some(text)),
            Err(error) => Err(error),
        }
    }

    /// Goes into the room of before, with the name, if there is one, so that it is what the others see coming.
    fn come_in(&self, client: &mut Client, room: Option<&RoomName>) -> Result<(), ClientError> {
        let lobby = RoomName::lobby();
        if let Some(room) = room.filter(|room| **room != lobby) {
            match client.join(room, Instant::now() + ANSWER) {
                Ok(()) => {
                    self.inform(&format!("You are in {room}"));
                    return if self.settings.wire == Wire::Text { Ok(()) } else { client.send(&Command::Who(None)) };
                }
                Err(ClientError::Refused { text, .. }) => {
                    self.hear(&Heard::Refused { code: None, text });
                    self.inform(&format!("You are in {lobby}, not in {room}"));
                }
                Err(error) => return Err(error),
            }
        }
        // Where the door has not put this client into a room, and not told who is there.
        if self.settings.wire != Wire::Text {
            client.enter(Instant::now() + ANSWER)?;
            client.send(&Command::Who(None))?;
        }
        Ok(())
    }

    /// Shows what has come already.
    fn hear_what_is_there(&self, client: &mut Client) {
        let until = Instant::now() + AT_ONCE;
        while Instant::now() < until
            && let Ok(Some(heard)) = client.recv(Instant::now())
        {
            self.hear(&heard);
        }
    }

    fn hear(&self, heard: &Heard) {
        // The house's warning is for those who are not kept alive, and its advice for newcomers.
        let is_idle_talk = matches!(heard, Heard::Info(text) if text.starts_with("Quiet for ")
            || text.starts_with("Say something or take a name within ")
            || self.link.state.lock().breaks > 0 && text.starts_with("who lists people, "));
        let is_new = self.link.learn(heard) || self.shows_own;
        if is_new
            && !is_idle_talk
            && let Some(line) = self.look.heard(heard, self.link.name().as_deref())
        {
            self.show(&line);
        }
    }

    fn inform(&self, text: &str) {
        self.show(&self.look.rows.indented(&self.look.paint.info(text)));
    }

    fn show(&self, line: &str) {
        let _ = self.screen.send(format!("{line}\n")); // fails only when nobody looks any more
    }

    /// Connects again, as often as it takes; `None` if the person leaves meanwhile.
    fn connect_again(&self, pauses: &mut Pauses) -> Option<Client> {
        loop {
            let (told, pause) = pauses.next();
            self.inform(&format!("Trying again in {:.1} s", told.as_secs_f32()));
            match self.left.recv_timeout(pause) {
                Err(RecvTimeoutError::Timeout) => {}
                _ => return None,
            }
            match Client::connect_within(&*self.settings.address, self.settings.wire, ANSWER) {
                Ok(client) => return Some(client),
                Err(error) => self.inform(&format!("Not reached: {}", error.reason())),
            }
        }
    }
}
