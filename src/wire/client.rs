//! The client's end of each wire format: requests as bytes, and what a server says as values.
//!
//! A server is not trusted: what it says is cleaned before anybody can put it on a terminal, and a
//! packet that never ends is an error, not memory. What the formats say differently comes out
//! alike, so that a program need not know which door it came in by. It does not know what the
//! client wants, nor when: [`Heard`] is all that there is to know.
//!
//! On the text door a line of one's own is known by the address before it, which the first line of
//! the greeting tells. On the others each request carries a mark that its answer brings back.

use std::collections::VecDeque;
use std::net::SocketAddr;

use memchr::memchr;
use serde_json::Value;

use super::buffer::Buffer;
use super::packet::Request;
use super::{Foreign, Framing, Wire, WireError, frame, text};
use crate::protocol::{COMMANDS, Command, Refusal, Switch, clean, is_mask};

/// Longest line that is taken from a server, in bytes. Its own longest is a list of people, one a
/// JSON line, of which 4096 need some hundred thousand.
const MAX_LINE: usize = 1024 * 1024;
/// Longest data of a frame that is taken from a server, in bytes: the most that `--max-frame` allows.
const MAX_FRAME: usize = 16 * 1024 * 1024;

/// Longest object that a client sends as a line or in a frame, in bytes, for want of a length that
/// those cannot say: what `--max-packet` and `--max-frame` are when nobody has set them. A server
/// closes for more, and what was behind it is lost.
const MAX_SENT_LINE: usize = 65_535;
/// See [`MAX_SENT_LINE`].
const MAX_SENT_FRAME: usize = 65_536;

/// One thing that a client hears. All texts are clean (see [`clean`]).
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Heard {
    /// Somebody speaks.
    Speech(Speech),
    /// Somebody came into the room.
    Came {
        /// Who.
        name: String,
    },
    /// Somebody left it.
    Left {
        /// Who.
        name: String,
        /// Why, where the door tells it: `idle` for silence, the stable names of the JSON door else.
        why: Option<String>,
    },
    /// Somebody has another name now.
    Renamed {
        /// The name before.
        old: String,
        /// The name now.
        name: String,
    },
    /// The text door has let this client in; its address there. The first thing that it says.
    Here(String),
    /// This client's name is this now.
    YouAre(String),
    /// One person of a list, and what the list says of that person.
    Person {
        /// Who.
        name: String,
        /// `idle 3 s, here 12 min`, or an address.
        detail: String,
    },
    /// The list that was asked for is complete.
    EndOfList,
    /// Something that this client asked for was not done.
    Refused {
        /// The stable code, where the door tells it.
        code: Option<String>,
        /// The words for people.
        text: String,
    },
    /// Information.
    Info(String),
    /// The server asks this client to leave.
    Leave,
    /// Anything else.
    Other(String),
}

/// What somebody said.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Speech {
    /// How it was said.
    pub kind: Kind,
    /// Who said it; of a private line that this client has sent: who received it.
    pub name: String,
    /// What.
    pub text: String,
    /// The room, without its `#`; not of private lines.
    pub room: Option<String>,
    /// The speaker's address, where the door tells it (text).
    pub address: Option<String>,
    /// The speaker's session, where the door tells it (JSON, frame).
    pub id: Option<String>,
    /// When, in Unix milliseconds, where the door tells it.
    pub at: Option<u64>,
    /// The time of day (UTC), where the door tells only that (text): `12:04`.
    pub clock: Option<String>,
    /// The line's number in its room, where the door tells it.
    pub seq: Option<u64>,
    /// Whether it is this client's own and has come back.
    pub mine: bool,
    /// Whether it was said earlier, and is told again.
    pub past: bool,
}

/// How something was said.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Kind {
    /// To the room.
    #[default]
    Said,
    /// As an action.
    Acted,
    /// Privately, to this client.
    Told,
    /// Privately, by this client.
    ToldTo,
}

impl Heard {
    /// The names of people that this tells of.
    #[must_use]
    pub fn names(&self) -> Vec<&str> {
        match self {
            Self::Speech(Speech { name, .. })
            | Self::Came { name }
            | Self::Renamed { name, .. }
            | Self::YouAre(name)
            | Self::Person { name, .. } => vec![name],
            // `You are ann, in #lobby with 2 others: bob, mike and 5 more`
            Self::Info(text) => {
                let others = [" others: ", " other: "].iter().find_map(|words| text.split_once(words));
                let others = others.filter(|_| text.contains("ou are ")).map_or("", |(_, others)| others);
                let others = others.split(" and ").next().unwrap_or_default();
                others.split(", ").filter(|name| !name.is_empty()).collect()
            }
            _ => Vec::new(),
        }
    }

    /// Whether the server says by this that the connection ends.
    #[must_use]
    pub fn is_farewell(&self) -> bool {
        match self {
            // Somebody may be called Goodbye; nobody has a colon in the name.
            Self::Info(text) => {
                text.starts_with("Disconnected: ") || ["The server is stopping. Goodbye", "Goodbye"].contains(&&**text)
            }
            Self::Leave => true,
            _ => false,
        }
    }
}

impl Wire {
    /// Appends the request for `command`. Where the format can, it carries `tag`, which the answer
    /// brings back.
    ///
    /// # Errors
    /// If this cannot be asked for at such a door, it is too long for a packet, or, on the text door,
    /// the receiver's name has a blank, where another name would end; nothing is appended then.
    pub fn encode_request(self, command: &Command, tag: u64, out: &mut Vec<u8>) -> Result<(), Refusal> {
        let name = command.spec().map_or("", |spec| spec.name);
        let unknown = || Refusal::UnknownAct { act: name.to_owned() };
        let route = || COMMANDS.iter().find(|spec| spec.name == name && spec.route != 0).map(|spec| spec.route);
        let mut request = request(command);
        (request.act, request.tag) = (Some(name.into()), Some(tag.to_string().into()));
        match self {
            Self::Text => {
                // `/msg a b hi` is for a, whoever was meant; nobody has a name with a blank in it.
                if let Command::Msg { to, .. } = command
                    && (to.is_empty() || clean(to.as_bytes()).contains(char::is_whitespace))
                {
                    return Err(Refusal::NobodyCalled { name: to.clone(), like: None });
                }
                let line = line(command, name, &request).ok_or_else(unknown)?;
                if Foreign::is_http(line.as_bytes(), true) {
                    out.push(b'\n'); // the first line of all may be a browser's, the second not
                }
                // A name is not parsed before it is sent; here it cannot become a second line.
                out.extend_from_slice(clean(line.as_bytes()).as_bytes());
                out.push(b'\n');
            }
            Self::Relay => match command {
                Command::Say(body) => {
                    out.extend_from_slice(body.as_str().as_bytes());
                    out.push(b'\n');
                }
                _ => return Err(unknown()),
            },
            Self::Json(framing) => {
                let framing = framing.unwrap_or(CLIENT_FRAMING);
                route().ok_or_else(unknown)?;
                framing.put(&object(&request, framing.longest().min(MAX_SENT_LINE))?, out);
            }
            Self::Frame => frame::put(route().ok_or_else(unknown)?, &object(&request, MAX_SENT_FRAME)?, out),
        }
        Ok(())
    }

    /// Appends what shows the server that this client is still there, and is not answered.
    pub fn encode_keep_alive(self, out: &mut Vec<u8>) {
        match self {
            Self::Text | Self::Relay => out.push(b'\n'),
            Self::Json(framing) => {
                framing.unwrap_or(CLIENT_FRAMING).put(br#"{"Act":"heartbeat","Data":""}"#, out);
            }
            Self::Frame => out.extend_from_slice(&frame::HEARTBEAT),
        }
    }
}

/// The framing of a client that was not told another one: what a JSON door speaks until its peer
/// has spoken, so that a refusal at the accept is understood too.
const CLIENT_FRAMING: Framing = Framing::Gf2;

/// The object by which a client asks, if it is no longer than `limit`.
fn object(request: &Request<'_>, limit: usize) -> Result<Vec<u8>, Refusal> {
    let object = request.object();
    if object.len() > limit {
        return Err(Refusal::TooLong { bytes: object.len() as u64, limit });
    }
    Ok(object)
}

/// What a command asks for, without its name.
fn request(command: &Command) -> Request<'_> {
    let data = |text| Request { data: Some(text), ..Request::default() };
    match command {
        Command::Say(body)
        | Command::Me(body)
        | Command::Reply(body)
        | Command::Topic(Some(body))
        | Command::Away(Some(body))
        | Command::Quit(Some(body)) => data(body.as_str().into()),
        Command::Msg { to, body } => Request { to: Some(to.into()), ..data(body.as_str().into()) },
        Command::Nick(nick) | Command::Rename(nick) => data(nick.as_str().into()),
        Command::In(room, command) => Request { room: Some(room.as_str().into()), ..request(command) },
        Command::Join(room) | Command::Who(Some(room)) => data(room.as_str().into()),
        Command::History(lines) => data(lines.to_string().into()),
        Command::HistoryAfter(room, after) => {
            Request { room: room.as_ref().map(|room| room.as_str().into()), after: Some(*after), ..Request::default() }
        }
        Command::Whois(name) | Command::Ignore(name) | Command::Unignore(name) => data(name.into()),
        Command::Help(Some(spec)) => data(spec.name.into()),
        Command::Echo(switch) | Command::Quiet(switch) | Command::Time(switch) => {
            data(if *switch == Switch::On { "on" } else { "off" }.into())
        }
        Command::Leave
        | Command::Rooms
        | Command::Topic(None)
        | Command::Away(None)
        | Command::Back
        | Command::Who(None)
        | Command::UserList
        | Command::Help(None)
        | Command::Stay
        | Command::Ping
        | Command::Version
        | Command::Uptime
        | Command::Quit(None) => Request::default(),
    }
}

/// A command as a person would type it; `None` where people cannot ask for it.
fn line(command: &Command, name: &str, request: &Request<'_>) -> Option<String> {
    let data = request.data.as_deref().unwrap_or_default();
    Some(match command {
        Command::HistoryAfter(..) | Command::In(..) => return None,
        // The room's own answers, which the slashed commands do not give.
        Command::UserList => "who".to_owned(),
        Command::Rename(_) => format!("rename|{data}"),
        // What is said is said as it stands, whatever it looks like.
        Command::Say(_) if text::is_special(data) => format!("\\{data}"),
        Command::Say(_) => data.to_owned(),
        _ => {
            let words = [request.to.as_deref().unwrap_or_default(), data];
            words.iter().filter(|word| !word.is_empty()).fold(format!("/{name}"), |line, word| line + " " + word)
        }
    })
}

/// Turns the bytes that one server sends into what a client hears. Bytes may come in any pieces.
#[derive(Debug)]
pub struct HeardDecoder {
    format: Format,
    input: Buffer,
    /// How much of the input is known to hold no line's end.
    scanned: usize,
    ready: VecDeque<(Option<u64>, Heard)>,
    ended: bool,
}

#[derive(Debug)]
enum Format {
    Text(TextDoor),
    Json(Framing),
    Frame,
}

impl HeardDecoder {
    /// A decoder for one connection; `None` for relay, where nobody can tell an answer from a line.
    #[must_use]
    pub fn new(wire: Wire) -> Option<Self> {
        let format = match wire {
            Wire::Text => Format::Text(TextDoor::default()),
            Wire::Json(framing) => Format::Json(framing.unwrap_or(CLIENT_FRAMING)),
            Wire::Frame => Format::Frame,
            Wire::Relay => return None,
        };
        Some(Self { format, input: Buffer::default(), scanned: 0, ready: VecDeque::new(), ended: false })
    }

    /// Takes the bytes of one read. Call [`HeardDecoder::next`] until it has no more before feeding
    /// again.
    pub fn feed(&mut self, bytes: &[u8]) {
        self.input.feed(bytes);
    }

    /// Says that no more bytes come: a last line without an end counts.
    pub fn end(&mut self) {
        self.ended = true;
    }

    /// The next thing, with the mark of the request that it answers, if any; `None` where more bytes
    /// are needed.
    ///
    /// # Errors
    /// Where the stream cannot be followed any further; nothing comes after an error.
    #[allow(clippy::should_implement_trait)] // as `Decode::next`
    pub fn next(&mut self) -> Result<Option<(Option<u64>, Heard)>, WireError> {
        loop {
            if let Some(heard) = self.ready.pop_front() {
                return Ok(Some(heard));
            }
            if !self.take_one()? {
                return Ok(None);
            }
        }
    }

    /// The silence after which the text door disconnects, in seconds, once it has told.
    #[must_use]
    pub fn idle_limit(&self) -> Option<u64> {
        match &self.format {
            Format::Text(door) => door.idle,
            _ => None,
        }
    }

    /// Takes one line, packet or frame off the input; false where more bytes are needed.
    fn take_one(&mut self) -> Result<bool, WireError> {
        let rest = self.input.rest();
        let length = match &mut self.format {
            Format::Text(_) | Format::Json(Framing::Lines) => {
                let end = memchr(b'\n', rest.get(self.scanned..).unwrap_or_default()).map(|at| self.scanned + at);
                let length = end.unwrap_or(rest.len());
                if length > MAX_LINE {
                    return Err(WireError::Malformed("a line of more than 1 MiB"));
                }
                if end.is_none() && (rest.is_empty() || !self.ended) {
                    self.scanned = length;
                    return Ok(false);
                }
                let line = rest.get(..length).unwrap_or_default();
                match &mut self.format {
                    Format::Text(door) => self.ready.extend(door.read(line).map(|heard| (None, heard))),
                    _ if line.trim_ascii().is_empty() => {}
                    _ => read_object(line, &mut self.ready),
                }
                self.scanned = 0;
                length + 1
            }
            Format::Json(framing) => {
                let packet = framing.packet(rest, framing.longest()).map_err(WireError::Malformed)?;
                let Some((length, data)) = packet else { return Ok(false) };
                read_object(data, &mut self.ready);
                length
            }
            Format::Frame => {
                let Some((route, length)) = frame::head(rest) else { return Ok(false) };
                if length > MAX_FRAME {
                    return Err(WireError::Malformed("a frame of more than 16 MiB"));
                }
                let Some(data) = rest.get(frame::HEADER..frame::HEADER + length) else { return Ok(false) };
                match (route, data.first()) {
                    (0, None) => {} // a heartbeat
                    (frame::ERROR_ROUTE, _) => {
                        self.ready.push_back((None, Heard::Refused { code: None, text: clean(data).into_owned() }));
                    }
                    (_, Some(b'{')) => read_object(data, &mut self.ready),
                    _ => self.ready.push_back((None, Heard::Other(format!("route {route}: {}", clean(data))))),
                }
                frame::HEADER + length
            }
        };
        self.input.take(length);
        Ok(true)
    }
}

/// What the text door has told this client about itself, for reading what it tells next.
#[derive(Debug, Default)]
struct TextDoor {
    /// This client's address there, once it is let in.
    me: Option<String>,
    /// Whether it has seen itself come: what looks like that afterwards, it has said.
    came: bool,
    name: Option<String>,
    room: Option<String>,
    idle: Option<u64>,
    /// Within the list of `/who`.
    listing: bool,
}

impl TextDoor {
    fn read(&mut self, line: &[u8]) -> Option<Heard> {
        let line = clean(line.strip_suffix(b"\r").unwrap_or(line));
        let line = without_time(&line);
        if let Some(info) = line.strip_prefix("*** ") {
            return Some(self.info(info));
        } else if let Some(text) = line.strip_prefix("!!! ") {
            return Some(Heard::Refused { code: None, text: text.to_owned() });
        } else if let Some(past) = line.strip_prefix("--- ") {
            return Some(past_line(past));
        }
        let speech = self.speech(line).map(|speech| self.of(speech));
        speech.unwrap_or_else(|| Some(entry(line).unwrap_or_else(|| Heard::Other(line.to_owned()))))
    }

    /// A line that somebody is behind.
    fn speech(&self, line: &str) -> Option<Speech> {
        if let Some(private) = line.strip_prefix(">>> ") {
            // A name has no blanks, so `to bob` is not one.
            let (kind, rest) = match private.strip_prefix("to ") {
                Some(rest) => (Kind::ToldTo, rest),
                None => (Kind::Told, private),
            };
            let (name, text) = rest.split_once(": ")?;
            let mine = kind == Kind::ToldTo;
            return Some(Speech { kind, name: name.to_owned(), text: text.to_owned(), mine, ..Speech::default() });
        }
        let room = Some(self.room.clone().unwrap_or_else(|| "lobby".to_owned()));
        if let Some(action) = line.strip_prefix("* ") {
            let (name, text) = action.split_once(' ')?;
            let mine = self.name.as_deref() == Some(name);
            return Some(Speech {
                kind: Kind::Acted,
                name: name.to_owned(),
                text: text.to_owned(),
                room,
                mine,
                ..Speech::default()
            });
        }
        // An address of IPv6 has brackets of its own, `[[::1]:5123]bob: hi`; a colon follows them.
        let rest = line.strip_prefix('[')?;
        let end =
            rest.match_indices(']').map(|(at, _)| at).find(|at| !rest.get(at + 1..).unwrap_or("").starts_with(':'))?;
        let (address, rest) = (rest.get(..end)?, rest.get(end + 1..)?);
        let (name, text) = rest.split_once(": ")?;
        Some(Speech {
            kind: Kind::Said,
            name: name.to_owned(),
            text: text.to_owned(),
            room,
            address: Some(address.to_owned()),
            mine: self.me.as_deref() == Some(address),
            ..Speech::default()
        })
    }

    /// What a line that somebody is behind amounts to. The room's announcements have the same form
    /// as what people say; only of oneself one knows which it is.
    fn of(&mut self, speech: Speech) -> Option<Heard> {
        if speech.kind == Kind::Said {
            match (&*speech.text, speech.mine) {
                ("I am here", _) if self.me.is_none() => {
                    self.me.clone_from(&speech.address);
                    self.name = Some(speech.name);
                    return speech.address.map(Heard::Here);
                }
                ("login", true) if !self.came => {
                    self.came = true;
                    return None;
                }
                ("login", false) => return Some(Heard::Came { name: speech.name }),
                ("login out", false) => return Some(Heard::Left { name: speech.name, why: None }),
                ("time out leave out", false) => {
                    return Some(Heard::Left { name: speech.name, why: Some("idle".to_owned()) });
                }
                _ => {}
            }
            if speech.mine {
                self.name = Some(speech.name.clone());
            }
        }
        Some(Heard::Speech(speech))
    }

    fn info(&mut self, info: &str) -> Heard {
        if self.listing
            && let Some(person) = info.strip_prefix("  ")
        {
            let (name, detail) = person.split_once("  ").unwrap_or((person, ""));
            return Heard::Person { name: name.to_owned(), detail: detail.to_owned() };
        }
        let words: Vec<&str> = info.split(' ').collect();
        match words.as_slice() {
            ["end", "of", "list"] => {
                self.listing = false;
                return Heard::EndOfList;
            }
            ["You", "are", "now", name] => {
                self.name = Some((*name).to_owned());
                return Heard::YouAre((*name).to_owned());
            }
            [old, "is", "now", name] => return Heard::Renamed { old: (*old).to_owned(), name: (*name).to_owned() },
            [_, "here", "in", _] => self.listing = true,
            ["You", "are", "in", room, ..] => self.room = Some(bare(room)),
            ["Welcome", "to", "Parlor.", "You", "are", name, rest @ ..] => {
                self.name = Some(name.trim_end_matches(',').to_owned());
                self.room = rest.iter().find(|word| word.starts_with('#')).map(|room| bare(room));
            }
            ["Quiet", "for", seconds, "s", "means", ..] => self.idle = seconds.parse().ok(),
            _ => {}
        }
        Heard::Info(info.to_owned())
    }
}

/// `lobby` of `#lobby.`
fn bare(room: &str) -> String {
    room.trim_start_matches('#').trim_end_matches(['.', ',', ':']).to_owned()
}

/// `/time on` puts `12:04 ` before what is said.
fn without_time(line: &str) -> &str {
    match line.as_bytes() {
        [a, b, b':', c, d, b' ', b'[' | b'*' | b'>', ..] if [a, b, c, d].iter().all(|digit| digit.is_ascii_digit()) => {
            line.get(6..).unwrap_or(line)
        }
        _ => line,
    }
}

/// `12:04 mike: text`, behind the dashes.
fn past_line(line: &str) -> Heard {
    let speech = line.split_once(' ').filter(|(clock, _)| clock.contains(':')).and_then(|(clock, rest)| {
        let (kind, (name, text)) = match rest.strip_prefix("* ") {
            Some(action) => (Kind::Acted, action.split_once(' ')?),
            None => (Kind::Said, rest.split_once(": ")?),
        };
        let (name, text, clock) = (name.to_owned(), text.to_owned(), Some(clock.to_owned()));
        Some(Speech { kind, name, text, clock, past: true, ..Speech::default() })
    });
    speech.map_or_else(|| Heard::Info(line.to_owned()), Heard::Speech)
}

/// `ADDR:NAME`, of the answer to a bare `who`. The name may be an address too; an address may be masked.
fn entry(line: &str) -> Option<Heard> {
    let mut colons = line.match_indices(':').map(|(at, _)| (line.get(..at), line.get(at + 1..)));
    colons.find_map(|(address, name)| {
        let (address, name) = (address?, name?);
        let is_address = address.parse::<SocketAddr>().is_ok() || is_mask(address);
        let is_entry = is_address && !name.is_empty() && !name.contains(' ');
        is_entry.then(|| Heard::Person { name: name.to_owned(), detail: address.to_owned() })
    })
}

/// Reads the object of one packet; what it amounts to is appended to `ready`.
fn read_object(bytes: &[u8], ready: &mut VecDeque<(Option<u64>, Heard)>) {
    let object = serde_json::from_slice::<Value>(bytes).ok().filter(|object| object.get("Act").is_some());
    let Some(object) = object else {
        return ready.push_back((None, Heard::Other(clean(bytes).into_owned())));
    };
    let tag = object.get("Ref").and_then(Value::as_u64);
    let mut hear = |heard| ready.push_back((tag, heard));
    let object = Object(&object);
    let (act, data) = (object.text("Act").unwrap_or_default(), object.text("Data").unwrap_or_default());
    let from = || object.text("From").unwrap_or_else(|| data.clone());
    // Of what is said, the words are no name: a packet cut to the bone tells none.
    let speaker = || object.text("From").unwrap_or_default();
    match act.as_str() {
        "chat" => hear(object.speech(Kind::Said, speaker(), data, tag)),
        "action" => hear(object.speech(Kind::Acted, speaker(), data, tag)),
        "private" => hear(object.speech(Kind::Told, speaker(), data, None)),
        "msg" => hear(object.speech(Kind::ToldTo, object.text("To").unwrap_or_default(), data, Some(0))),
        "joined" => hear(Heard::Came { name: from() }),
        "left" => hear(Heard::Left { name: from(), why: object.text("Why") }),
        "renamed" => hear(Heard::Renamed { old: object.text("Old").unwrap_or_default(), name: from() }),
        "nick" => hear(Heard::YouAre(data)),
        "error" => hear(Heard::Refused { code: object.text("Code"), text: data }),
        "doexit" => hear(Heard::Leave),
        "quit" => hear(Heard::Info("Goodbye".to_owned())),
        "join" => hear(Heard::Info(format!("You are in #{data}"))),
        "version" => hear(Heard::Info(format!("Parlor {data}"))),
        "uptime" => hear(Heard::Info(format!("Up for {data} s"))),
        "topic" => hear(Heard::Info(match object.text("From") {
            Some(name) => format!("{name} set the topic: {data}"),
            None => format!("topic of #{}: {data}", object.text("Room").unwrap_or_default()),
        })),
        "history" => hear(Heard::Info("end of history".to_owned())),
        "whois" => {
            let room = object.text("Room").map_or_else(|| "no room".to_owned(), |room| format!("#{room}"));
            hear(Heard::Info(format!("{data}: in {room}, by {}", object.text("By").unwrap_or_default())));
        }
        "away" if data.is_empty() => hear(Heard::Info("You are away".to_owned())),
        "away" => hear(Heard::Info(format!("You are away: {data}"))),
        "back" => hear(Heard::Info("Welcome back".to_owned())),
        "notice" if object.text("Code").as_deref() == Some("away") => {
            let away = if data.is_empty() { data } else { format!(": {data}") };
            hear(Heard::Info(format!("{} is away{away}", object.text("From").unwrap_or_default())));
        }
        "who" => {
            let people = object.list("People");
            let room = object.text("Room").unwrap_or_default();
            hear(Heard::Info(format!("{} here in #{room}:", people.len())));
            for person in people.iter().map(Object) {
                let seconds = |key| person.number(key).unwrap_or_default();
                let detail = format!("idle {} s, here {} s", seconds("Idle"), seconds("Here"));
                hear(Heard::Person { name: person.text("Name").unwrap_or_default(), detail });
            }
            hear(Heard::EndOfList);
        }
        "rooms" => {
            for room in object.list("Rooms").iter().map(Object) {
                let (name, topic) = (room.text("Room").unwrap_or_default(), room.text("Topic").unwrap_or_default());
                let line = format!("  #{name}  {} here  {topic}", room.number("People").unwrap_or_default());
                hear(Heard::Info(line.trim_end().to_owned()));
            }
            hear(Heard::EndOfList);
        }
        "notice" | "ping" | "hello" => hear(Heard::Info(data)),
        _ => hear(Heard::Info(format!("{act}: {data}"))),
    }
}

/// Looks into an object; texts come out clean.
struct Object<'a>(&'a Value);

impl Object<'_> {
    fn text(&self, key: &str) -> Option<String> {
        self.0.get(key)?.as_str().map(|text| clean(text.as_bytes()).into_owned())
    }

    fn number(&self, key: &str) -> Option<u64> {
        self.0.get(key)?.as_u64()
    }

    fn list(&self, key: &str) -> &[Value] {
        self.0.get(key).and_then(Value::as_array).map(Vec::as_slice).unwrap_or_default()
    }

    fn speech(&self, kind: Kind, name: String, text: String, tag: Option<u64>) -> Heard {
        let past = self.0.get("Past").and_then(Value::as_bool).unwrap_or(false);
        Heard::Speech(Speech {
            kind,
            name,
            text,
            room: self.text("Room"),
            address: None,
            id: self.text("Id"),
            at: self.number("Ts"),
            clock: None,
            seq: self.number("Seq"),
            // The room's lines carry no mark: one that does is the answer to this client's own.
            mine: tag.is_some() && !past,
            past,
        })
    }
}
