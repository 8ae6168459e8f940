//! The thread behind a terminal: it receives, and connects again after a break.
//!
//! It puts lines into a bounded queue for the screen. A stopped terminal fills the queue and stops the listener; the
//! server then treats this client as a slow consumer.

use std::convert::Infallible;
use std::sync::Arc;
use std::time::{Duration, Instant};

use crossbeam_channel::{Receiver, RecvTimeoutError, Sender};

use super::display::Display;
use super::link::{CAN_BE_SENT, Link};
use super::reconnect::{NAME_RETRY_INTERVAL, NAME_RETRY_TIME, Pauses};
use super::settings::Settings;
use parlor::client::{Client, ClientError};
use parlor::protocol::{Command, Nick, RoomName, Switch};
use parlor::wire::{Heard, Wire};

/// A server that does not answer in this time counts as not there.
pub(super) const ANSWER_TIMEOUT: Duration = Duration::from_secs(5);
/// Longest time for showing what has arrived. In a busy room the stream may never pause.
const GREETING_TIME: Duration = Duration::from_millis(100);
/// Longest wait in one call.
const MAX_WAIT: Duration = Duration::from_secs(3600);
/// Longest line that is shown, in bytes: the longest that a text door accepts.
const MAX_SHOWN: usize = 65_536;

/// The listening thread.
pub(super) struct Listener {
    pub(super) link: Arc<Link>,
    pub(super) settings: Settings,
    pub(super) display: Arc<Display>,
    /// Whether own lines are shown when they come back: only without a terminal, where they stand already.
    pub(super) shows_own: bool,
    /// Lines to be shown, each with its line end.
    pub(super) screen: Sender<String>,
    /// Disconnects when the person leaves.
    pub(super) left: Receiver<Infallible>,
}

/// The wanted name.
struct Wanted {
    nick: Option<Nick>,
    /// When the name is asked for again, and the deadline of that.
    again: Option<(Instant, Instant)>,
}

impl Listener {
    /// Listens until the person leaves, or until the connection breaks under `--no-reconnect`.
    pub(super) fn run(&self, first: Client) -> Option<ClientError> {
        let mut client = first;
        let mut wanted = Wanted { nick: self.settings.name.clone(), again: None };
        let mut room = self.settings.room.clone();
        let mut pauses = Pauses::new();
        loop {
            let error = self.listen(&mut client, &mut wanted, room.as_ref());
            // The server's last words may have arrived.
            self.hear_what_is_there(&mut client);
            drop(client); // until the server notices the end, it keeps the name
            let broken = self.link.broke();
            if broken.leaving {
                return None;
            }
            room = broken.room.or(room);
            for line in broken.lost {
                self.show(&self.display.paint.refusal(&format!("Perhaps not sent: {line}")));
            }
            self.inform(&match &error {
                ClientError::Closed { last_words: Some(_), .. } => "Connection lost".to_owned(), // they are shown
                error => format!("Connection lost: {}", error.reason()),
            });
            if !self.settings.reconnects {
                self.inform("Press Enter to end");
                self.link.end();
                return Some(error);
            }
            pauses.broke();
            client = self.connect_again(&mut pauses)?;
            pauses.connected();
            self.inform("Connected again");
        }
    }

    /// Shows events until the connection ends. First it restores the name and the room, or says that they are lost.
    /// Nothing can be sent before that: a line for one room must not reach another.
    fn listen(&self, client: &mut Client, wanted: &mut Wanted, room: Option<&RoomName>) -> ClientError {
        // The greeting is shown at once.
        self.hear_what_is_there(client);
        if let Some(nick) = wanted.nick.clone() {
            wanted.again = match self.ask_for_name(client, &nick) {
                Ok(None) => None,
                Ok(Some(refusal)) => {
                    self.link.lose_name();
                    self.hear(&Heard::Refused { code: None, text: refusal });
                    self.inform(&format!("You have no name now. Asking for {} again for a minute", nick.as_str()));
                    let now = Instant::now();
                    Some((now + NAME_RETRY_INTERVAL, now + NAME_RETRY_TIME))
                }
                Err(error) => return error,
            };
        }
        if let Err(error) = self.come_in(client, room) {
            return error;
        }
        self.link.place(client.room());
        if self.link.is_quiet()
            && let Err(error) = client.send(&Command::Quiet(Switch::On))
        {
            return error;
        }
        if self.link.connected(client.talker()) {
            self.inform(CAN_BE_SENT);
        }
        loop {
            if let (Some(nick), Some((at, until))) = (wanted.nick.clone(), wanted.again)
                && at <= Instant::now()
            {
                wanted.again = match self.ask_for_name(client, &nick) {
                    Ok(Some(_)) if Instant::now() < until => Some((Instant::now() + NAME_RETRY_INTERVAL, until)),
                    Ok(_) => None,
                    Err(error) => return error,
                };
            }
            match client.recv(wanted.again.map_or_else(|| Instant::now() + MAX_WAIT, |(at, _)| at)) {
                Ok(Some(heard)) => {
                    if let Heard::YouAre(name) = &heard {
                        // This name is to be restored later.
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

    /// Asks for a name. Returns the reason of a refusal.
    fn ask_for_name(&self, client: &mut Client, nick: &Nick) -> Result<Option<String>, ClientError> {
        match client.take_name(nick, Instant::now() + ANSWER_TIMEOUT) {
            Ok(()) => {
                self.hear(&Heard::YouAre(nick.as_str().to_owned()));
                Ok(None)
            }
            Err(ClientError::Refused { text, .. }) => Ok(Some(text)),
            Err(error) => Err(error),
        }
    }

    /// Returns to the earlier room, after taking the name, so that others see the name arrive.
    fn come_in(&self, client: &mut Client, room: Option<&RoomName>) -> Result<(), ClientError> {
        let lobby = RoomName::lobby();
        if let Some(room) = room.filter(|room| **room != lobby) {
            match client.join(room, Instant::now() + ANSWER_TIMEOUT) {
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
        // Such a door has neither put this client into a room nor listed its members.
        if self.settings.wire != Wire::Text {
            client.join(&lobby, Instant::now() + ANSWER_TIMEOUT)?;
            client.send(&Command::Who(None))?;
        }
        Ok(())
    }

    /// Shows what has already arrived.
    fn hear_what_is_there(&self, client: &mut Client) {
        let until = Instant::now() + GREETING_TIME;
        while Instant::now() < until
            && let Ok(Some(heard)) = client.recv(Instant::now())
        {
            self.hear(&heard);
        }
    }

    fn hear(&self, heard: &Heard) {
        // The server's idle warning is for clients without a keep-alive, its advice for newcomers.
        let is_known = heard.is_about_idle_limit() || self.link.has_broken() && heard.is_first_advice();
        let is_new = self.link.learn(heard) || self.shows_own;
        if is_new
            && !is_known
            && let Some(line) = self.display.heard(heard, self.link.name().as_deref())
        {
            self.show(&line);
        }
    }

    fn inform(&self, text: &str) {
        self.show(&self.display.rows.indented(&self.display.paint.info(text)));
    }

    fn show(&self, line: &str) {
        let (shown, more) = line.split_at(line.floor_char_boundary(MAX_SHOWN));
        let mark = if more.is_empty() { "" } else { " …" };
        let _ = self.screen.send(format!("{shown}{mark}\n")); // fails only when the screen thread has ended
    }

    /// Connects again, without a limit of attempts. Returns `None` if the person leaves meanwhile.
    fn connect_again(&self, pauses: &mut Pauses) -> Option<Client> {
        loop {
            let (told, pause) = pauses.next();
            self.inform(&format!("Trying again in {:.1} s", told.as_secs_f32()));
            match self.left.recv_timeout(pause) {
                Err(RecvTimeoutError::Timeout) => {}
                _ => return None,
            }
            match Client::connect_within(&*self.settings.address, self.settings.wire, ANSWER_TIMEOUT) {
                Ok(client) => return Some(client),
                Err(error) => self.inform(&format!("Not reached: {}", error.reason())),
            }
        }
    }
}
