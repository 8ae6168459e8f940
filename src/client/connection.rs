//! One connection to a server.
//!
//! A [`Client`] receives. Its [`Talker`]s send, on any thread. Events that arrive while a call waits for an answer go
//! to a bounded backlog for [`Client::recv`], so an answer costs no line, unless more arrives than the backlog keeps.

use std::fmt;
use std::net::{Shutdown, ToSocketAddrs};
use std::time::{Duration, Instant};

use super::backlog::Backlog;
use super::receiver::Receiver;
use super::{ClientError, Talker};
use crate::protocol::{Body, Command, Nick, RoomName, VisitTo};
use crate::wire::{Heard, Kind, Speech, Wire};

/// Longest wait for the connection and the greeting.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(5);
/// Longest wait of a client that leaves for the server's close.
const LEAVE_TIMEOUT: Duration = Duration::from_millis(500);

/// A connection to a server: its receiving half, and the requests that wait for an answer.
#[derive(Debug)]
pub struct Client {
    receiver: Receiver,
    backlog: Backlog,
}

/// How an event fits a request.
enum Fit {
    Answer,
    Part,
    Nothing,
}

impl Client {
    /// Connects to the door at `address` and waits until it has let this client in.
    ///
    /// A text door puts it into #lobby. At the others it is in no room yet: see [`Client::join`].
    ///
    /// # Errors
    /// If nothing listens there, the answer is not that of such a door, none comes within 5 s, or the door is full.
    pub fn connect(address: impl ToSocketAddrs + fmt::Display, wire: Wire) -> Result<Self, ClientError> {
        Self::connect_within(address, wire, CONNECT_TIMEOUT)
    }

    /// The same, with another time limit.
    ///
    /// # Errors
    /// As [`Client::connect`].
    pub fn connect_within(
        address: impl ToSocketAddrs + fmt::Display,
        wire: Wire,
        limit: Duration,
    ) -> Result<Self, ClientError> {
        let until = Instant::now() + limit;
        let mut client = Self { receiver: Receiver::connect(&address, wire, until)?, backlog: Backlog::default() };
        let doubt = client.receiver.door.doubt;
        let let_in = if client.receiver.door.greets {
            client.receiver.wait_for_greeting(&mut client.backlog, until)
        } else {
            client.ask(&Command::Ping, doubt, until, |_| Fit::Answer)
        };
        let_in.map_err(|error| match error {
            ClientError::Closed { address, last_words } => {
                ClientError::Closed { address, last_words: last_words.or_else(|| Some(doubt.to_owned())) }
            }
            ClientError::Malformed { address, what } => {
                ClientError::Malformed { address, what: format!("{what}; {doubt}") }
            }
            other => other,
        })?;
        client.receiver.let_in();
        Ok(client)
    }

    /// A sending half.
    #[must_use]
    pub fn talker(&self) -> Talker {
        self.receiver.talker.clone()
    }

    /// The client's name, as far as the server has told it.
    #[must_use]
    pub fn name(&self) -> Option<&str> {
        self.receiver.name.as_deref()
    }

    /// Sends a request without waiting. [`Client::recv`] returns the answer.
    ///
    /// # Errors
    /// If it cannot be sent.
    pub fn send(&mut self, command: &Command) -> Result<(), ClientError> {
        self.receiver.talker.send(command).map(|_| ())
    }

    /// The next event; `None` if there is none until `deadline`.
    ///
    /// # Errors
    /// If the connection is over. No event comes after that.
    pub fn recv(&mut self, deadline: Instant) -> Result<Option<Heard>, ClientError> {
        if let Some(heard) = self.backlog.pop() {
            return Ok(Some(heard));
        }
        Ok(self.receiver.listen(deadline)?.map(|(_, heard)| heard))
    }

    /// Says a line as it stands, and waits until it comes back: the server has then broadcast it to the room.
    ///
    /// # Errors
    /// If it is refused, does not come back until `deadline`, or the connection is over.
    pub fn say(&mut self, body: &Body, deadline: Instant) -> Result<(), ClientError> {
        // A text door's answer carries no mark, so only its words tell which line has come back. With one talker, only
        // this line can come back. At the other doors the words may be cut to fit the packet.
        let is_sure = self.receiver.door.marks_answers || self.receiver.talker.is_alone();
        self.ask(&Command::Say(body.clone()), "does my line come back?", deadline, |heard| match heard {
            Heard::Speech(speech @ Speech { kind: Kind::Said, mine: true, past: false, .. })
                if is_sure || speech.is_echo_of(body.as_str()) =>
            {
                Fit::Answer
            }
            _ => Fit::Nothing,
        })
    }

    /// Says a line as a visit, under `name` if there is one, and waits for the answer. The text door has no visits.
    ///
    /// # Errors
    /// As [`Client::say`].
    pub fn visit(
        &mut self,
        name: Option<&Nick>,
        to: &VisitTo,
        body: &Body,
        deadline: Instant,
    ) -> Result<(), ClientError> {
        let command = Command::Visit { name: name.cloned(), to: to.clone(), body: body.clone() };
        self.ask(&command, "has my line been delivered?", deadline, |heard| match heard {
            Heard::Speech(_) => Fit::Answer,
            _ => Fit::Nothing,
        })
    }

    /// Says a line to one session, and waits until the server has delivered it.
    ///
    /// # Errors
    /// As [`Client::say`].
    pub fn tell(&mut self, name: &str, body: &Body, deadline: Instant) -> Result<(), ClientError> {
        let command = Command::Msg { to: name.to_owned(), body: body.clone() };
        self.ask(&command, "has my line been delivered?", deadline, |heard| match heard {
            Heard::Speech(Speech { kind: Kind::ToldTo, .. }) => Fit::Answer,
            _ => Fit::Nothing,
        })
    }

    /// Takes a name.
    ///
    /// # Errors
    /// As [`Client::say`].
    pub fn take_name(&mut self, nick: &Nick, deadline: Instant) -> Result<(), ClientError> {
        self.ask(&Command::Nick(nick.clone()), "may I have that name?", deadline, |heard| match heard {
            Heard::YouAre(_) => Fit::Answer,
            _ => Fit::Nothing,
        })
    }

    /// Joins a room. A text session is in #lobby from the beginning.
    ///
    /// # Errors
    /// As [`Client::say`].
    pub fn join(&mut self, room: &RoomName, deadline: Instant) -> Result<(), ClientError> {
        let at_first = self.receiver.door.greets.then(RoomName::lobby);
        if self.room().or(at_first.as_ref().map(RoomName::as_str)) == Some(room.as_str()) {
            return Ok(());
        }
        let answer = format!("You are in {room}");
        self.ask(&Command::Join(room.clone()), "may I come into the room?", deadline, |heard| match heard {
            Heard::Info(text) if text.strip_prefix(&*answer).is_some_and(|rest| !rest.starts_with(is_of_a_name)) => {
                Fit::Answer
            }
            _ => Fit::Nothing,
        })
    }

    /// The client's room without its `#`, as far as the server has told it.
    #[must_use]
    pub fn room(&self) -> Option<&str> {
        self.receiver.room()
    }

    /// The names of the others in a room; in the client's room if none is named.
    ///
    /// # Errors
    /// As [`Client::say`].
    pub fn who(&mut self, room: Option<&RoomName>, deadline: Instant) -> Result<Vec<String>, ClientError> {
        let mut names = Vec::new();
        self.ask(&Command::Who(room.cloned()), "who is here?", deadline, |heard| match heard {
            Heard::Person { name, .. } => {
                names.push(name.clone());
                Fit::Part
            }
            Heard::EndOfList => Fit::Answer,
            _ => Fit::Nothing,
        })?;
        names.retain(|name| Some(name) != self.receiver.name.as_ref());
        Ok(names)
    }

    /// Leaves, and waits a moment for the server's close.
    pub fn leave(mut self) {
        let deadline = Instant::now() + LEAVE_TIMEOUT;
        if self.send(&Command::Quit(None)).is_ok() {
            while let Ok(Some(_)) = self.receiver.listen(deadline)
                && Instant::now() < deadline
            {}
        }
    }

    /// Sends a request and waits for the answer. Other events go to the backlog.
    fn ask(
        &mut self,
        command: &Command,
        attempted: &'static str,
        deadline: Instant,
        mut fits: impl FnMut(&Heard) -> Fit,
    ) -> Result<(), ClientError> {
        let tag = self.receiver.talker.send(command)?;
        loop {
            let Some((answers, heard)) = self.receiver.listen(deadline)? else {
                return Err(self.receiver.no_answer(attempted));
            };
            let is_to_this = answers.map_or(!self.receiver.door.marks_answers, |answered| answered == tag);
            match (is_to_this, heard) {
                (true, Heard::Refused { code, text }) => return Err(ClientError::Refused { code, text }),
                (true, heard) => match fits(&heard) {
                    Fit::Answer => return Ok(()),
                    Fit::Part => {}
                    Fit::Nothing => self.backlog.push(heard),
                },
                (false, heard) => self.backlog.push(heard),
            }
            // In a busy room there is always another event.
            if Instant::now() >= deadline {
                return Err(self.receiver.no_answer(attempted));
            }
        }
    }
}

impl Drop for Client {
    /// Ends the connection for the talkers too.
    fn drop(&mut self) {
        let _ = self.receiver.talker.0.stream.shutdown(Shutdown::Both);
    }
}

/// Whether this character may stand in a room's name.
fn is_of_a_name(c: char) -> bool {
    c.is_alphanumeric() || matches!(c, '-' | '_')
}
