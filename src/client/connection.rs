//! One connection to a server.
//!
//! A [`Client`] listens; its [`Talker`]s, of which there may be one on every thread, talk. What is
//! heard while somebody waits for an answer is kept for [`Client::recv`], so an answer never costs
//! a line, unless more is said meanwhile than anybody would read.

use std::fmt;
use std::io::{ErrorKind, Read};
use std::net::{Shutdown, ToSocketAddrs};
use std::time::{Duration, Instant};

use super::kept::Kept;
use super::{ClientError, Talker};
use crate::protocol::{Body, Command, Nick, RoomName, VisitTo};
use crate::wire::{Heard, HeardDecoder, Kind, Speech, Wire, WireError};

/// A server that does not take the connection, or greet, in this time is not there for a person.
const CONNECT: Duration = Duration::from_secs(5);
/// How often a client says that it is there: a third of the silence that a text door allows when
/// nobody has told it otherwise.
const KEEP_ALIVE: Duration = Duration::from_secs(10);
/// And at most so often, however short that silence is.
const KEEP_ALIVE_AT_MOST: Duration = Duration::from_millis(200);
/// So long a client that leaves waits for the server's close.
const FAREWELL: Duration = Duration::from_millis(500);
/// One read takes at most so much.
const READ: usize = 16 * 1024;

/// A connection to a server: what is heard there.
#[derive(Debug)]
pub struct Client {
    talker: Talker,
    decoder: HeardDecoder,
    kept: Kept,
    buffer: Vec<u8>,
    /// When it last said that it is there.
    kept_alive: Instant,
    name: Option<String>,
    last_words: Option<String>,
    /// The door has let it in: from here on only a farewell tells why the end comes.
    is_in: bool,
    ended: bool,
}

/// What something heard is to a question.
enum Fit {
    Answer,
    Part,
    Nothing,
}

impl Client {
    /// Connects to the door at `address` and waits until it has let this client in.
    ///
    /// A text door puts it into #lobby; at the others it is in no room yet (see [`Client::enter`]).
    ///
    /// # Errors
    /// If nobody is there, nobody answers as such a door does within 5 s, or the door is full.
    pub fn connect(address: impl ToSocketAddrs + fmt::Display, wire: Wire) -> Result<Self, ClientError> {
        Self::connect_within(address, wire, CONNECT)
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
        let decoder = HeardDecoder::new(wire).ok_or(ClientError::Relay)?;
        let mut client = Self {
            talker: Talker::connect(&address, wire, until)?,
            decoder,
            kept: Kept::default(),
            buffer: vec![0; READ],
            kept_alive: Instant::now(),
            name: None,
            last_words: None,
            is_in: false,
            ended: false,
        };
        client.be_greeted(until)?;
        (client.is_in, client.last_words) = (true, None);
        Ok(client)
    }

    /// A text door greets; the others are asked whether they are there.
    fn be_greeted(&mut self, until: Instant) -> Result<(), ClientError> {
        let (is_text, doubt) = match self.talker.0.wire {
            Wire::Text => (true, "is a text door there?"),
            Wire::Frame => (false, "is a frame door there?"),
            _ => (false, "is a json door there?"),
        };
        let greeted = if is_text {
            self.wait_for_greeting(doubt, until)
        } else {
            self.ask(&Command::Ping, doubt, until, |_| Fit::Answer)
        };
        greeted.map_err(|error| match error {
            ClientError::Closed { address, last_words } => {
                ClientError::Closed { address, last_words: last_words.or_else(|| Some(doubt.to_owned())) }
            }
            ClientError::Malformed { address, what } => {
                ClientError::Malformed { address, what: format!("{what}; {doubt}") }
            }
            other => other,
        })
    }

    fn wait_for_greeting(&mut self, doubt: &'static str, until: Instant) -> Result<(), ClientError> {
        loop {
            match self.listen(until)? {
                Some((_, Heard::Here(address))) => {
                    self.name = Some(address);
                    return Ok(());
                }
                Some((_, heard)) => self.kept.push(heard),
                None => return Err(self.no_answer(doubt)),
            }
            if Instant::now() >= until {
                return Err(self.no_answer(doubt));
            }
        }
    }

    /// The talking half.
    #[must_use]
    pub fn talker(&self) -> Talker {
        self.talker.clone()
    }

    /// The name that this client goes by, as far as the server has told.
    #[must_use]
    pub fn name(&self) -> Option<&str> {
        self.name.as_deref()
    }

    /// Sends a request and goes on; see [`Client::recv`] for what becomes of it.
    ///
    /// # Errors
    /// If it cannot be sent.
    pub fn send(&mut self, command: &Command) -> Result<(), ClientError> {
        self.talker.send(command).map(|_| ())
    }

    /// The next thing that is heard; `None` if nothing is until `deadline`.
    ///
    /// # Errors
    /// When the connection is over; nothing comes after that.
    pub fn recv(&mut self, deadline: Instant) -> Result<Option<Heard>, ClientError> {
        if let Some(heard) = self.kept.pop() {
            return Ok(Some(heard));
        }
        Ok(self.listen(deadline)?.map(|(_, heard)| heard))
    }

    /// Says a line as it stands, and waits until it has come back: the server has it, and has sent
    /// it to everybody in the room.
    ///
    /// # Errors
    /// If it is refused, does not come back until `deadline`, or the connection is over.
    pub fn say(&mut self, body: &Body, deadline: Instant) -> Result<(), ClientError> {
        // On the text door only the words tell which line has come back. Elsewhere its mark does, and
        // its words may have been cut to fit the packet. If nobody else talks through this connection, only
        // this line can come back.
        let is_sure = self.talker.0.wire != Wire::Text || self.talker.is_alone();
        self.ask(&Command::Say(body.clone()), "does my line come back?", deadline, |heard| match heard {
            Heard::Speech(speech @ Speech { kind: Kind::Said, mine: true, past: false, .. })
                if is_sure || speech.is_echo_of(body.as_str()) =>
            {
                Fit::Answer
            }
            _ => Fit::Nothing,
        })
    }

    /// Says a line as a visit, under `name` if there is one, and waits until the server has it. The text door
    /// has no visits.
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

    /// The wire format of this connection.
    #[must_use]
    pub fn wire(&self) -> Wire {
        self.talker.0.wire
    }

    /// Says a line to one person, and waits until the server has delivered it.
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

    /// Goes to #lobby, where the door has not done that, so that what is said there is heard.
    ///
    /// # Errors
    /// As [`Client::say`].
    pub fn enter(&mut self, deadline: Instant) -> Result<(), ClientError> {
        if self.talker.0.wire == Wire::Text {
            return Ok(());
        }
        self.join(&RoomName::lobby(), deadline)
    }

    /// Goes to a room.
    ///
    /// # Errors
    /// As [`Client::say`].
    pub fn join(&mut self, room: &RoomName, deadline: Instant) -> Result<(), ClientError> {
        if self.room() == Some(room.as_str()) {
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

    /// The room that this client is in, without its `#`, as far as the server has told.
    #[must_use]
    pub fn room(&self) -> Option<&str> {
        self.decoder.room()
    }

    /// The names of the others in a room, the present one if none is named.
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
        names.retain(|name| Some(name) != self.name.as_ref());
        Ok(names)
    }

    /// Takes leave, and gives the server a moment to close.
    pub fn leave(mut self) {
        let deadline = Instant::now() + FAREWELL;
        if self.send(&Command::Quit(None)).is_ok() {
            while let Ok(Some(_)) = self.listen(deadline)
                && Instant::now() < deadline
            {}
        }
    }

    /// Asks, and waits for the answer; the rest of what is heard is kept.
    fn ask(
        &mut self,
        command: &Command,
        attempted: &'static str,
        deadline: Instant,
        mut fits: impl FnMut(&Heard) -> Fit,
    ) -> Result<(), ClientError> {
        let tag = self.talker.send(command)?;
        loop {
            let Some((answers, heard)) = self.listen(deadline)? else { return Err(self.no_answer(attempted)) };
            let is_to_this = answers.map_or(self.talker.0.wire == Wire::Text, |answered| answered == tag);
            match (is_to_this, heard) {
                (true, Heard::Refused { code, text }) => return Err(ClientError::Refused { code, text }),
                (true, heard) => match fits(&heard) {
                    Fit::Answer => return Ok(()),
                    Fit::Part => {}
                    Fit::Nothing => self.kept.push(heard),
                },
                (false, heard) => self.kept.push(heard),
            }
            // While others talk on, there is always something more to listen to.
            if Instant::now() >= deadline {
                return Err(self.no_answer(attempted));
            }
        }
    }

    /// Waits for the next thing from the socket, and says now and then that somebody waits.
    fn listen(&mut self, deadline: Instant) -> Result<Option<(Option<u64>, Heard)>, ClientError> {
        let mut looked = false; // what is there already is taken, even if there is no time
        loop {
            let next = self.decoder.next().map_err(|error| self.malformed(&error))?;
            if let Some((tag, heard)) = next {
                self.note(tag, &heard);
                return Ok(Some((tag, heard)));
            }
            if self.ended {
                let (address, last_words) = (self.talker.0.address.clone(), self.last_words.take());
                return Err(ClientError::Closed { address, last_words });
            }
            let now = Instant::now();
            if now >= deadline && looked {
                return Ok(None);
            }
            // The greeting tells how long a silence may be, so this may change from one look to the next.
            let mut keep_alive_at = self.kept_alive + self.keep_alive_every();
            if now >= keep_alive_at {
                self.talker.keep_alive();
                self.kept_alive = now;
                keep_alive_at = now + self.keep_alive_every();
            }
            let wait = deadline.min(keep_alive_at).saturating_duration_since(now);
            self.read(wait.max(Duration::from_millis(1)))?;
            looked = true;
        }
    }

    /// One read.
    fn read(&mut self, wait: Duration) -> Result<(), ClientError> {
        let mut stream = &self.talker.0.stream;
        match stream.set_read_timeout(Some(wait)).and_then(|()| stream.read(&mut self.buffer)) {
            Ok(0) => {
                self.decoder.end();
                self.ended = true;
            }
            Ok(count) => self.decoder.feed(self.buffer.get(..count).unwrap_or_default()),
            Err(error) => match error.kind() {
                ErrorKind::WouldBlock | ErrorKind::TimedOut | ErrorKind::Interrupted => {}
                // A reset is what is left of a close over something that it had not read.
                ErrorKind::ConnectionReset => self.ended = true,
                _ => return Err(ClientError::Receive { address: self.talker.0.address.clone(), error }),
            },
        }
        Ok(())
    }

    /// Remembers what tells about this client itself.
    fn note(&mut self, tag: Option<u64>, heard: &Heard) {
        match heard {
            Heard::YouAre(name) => self.name = Some(name.clone()),
            // Without a name where the packet had no room for one.
            Heard::Speech(Speech { kind: Kind::Said, mine: true, name, .. }) if !name.is_empty() => {
                self.name = Some(name.clone());
            }
            _ => {}
        }
        self.last_words = match heard {
            Heard::Refused { text, .. } | Heard::Info(text) if !self.is_in || heard.is_farewell() => Some(text.clone()),
            // Without the mark of a request it is not one request that is refused, but the whole session.
            Heard::Refused { text, .. } if tag.is_none() && self.talker.0.wire != Wire::Text => Some(text.clone()),
            Heard::Leave => Some("the server asked this client to leave".to_owned()),
            _ => None,
        };
    }

    fn keep_alive_every(&self) -> Duration {
        match self.decoder.idle_limit() {
            Some(seconds) => (Duration::from_secs(seconds) / 3).clamp(KEEP_ALIVE_AT_MOST, KEEP_ALIVE),
            None => KEEP_ALIVE,
        }
    }

    fn no_answer(&self, attempted: &'static str) -> ClientError {
        ClientError::NoAnswer { address: self.talker.0.address.clone(), attempted }
    }

    fn malformed(&self, error: &WireError) -> ClientError {
        let what = match error {
            WireError::Malformed(what) => what.to_string(),
            WireError::WrongProtocol(protocol) => format!("that is {}", protocol.name()),
        };
        ClientError::Malformed { address: self.talker.0.address.clone(), what }
    }
}

impl Drop for Client {
    /// Talkers that are left notice that nobody listens any more.
    fn drop(&mut self) {
        let _ = self.talker.0.stream.shutdown(Shutdown::Both);
    }
}

/// Whether this character may stand in a room's name.
fn is_of_a_name(c: char) -> bool {
    c.is_alphanumeric() || matches!(c, '-' | '_')
}
