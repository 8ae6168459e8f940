//! The text door: lines that people type, and everything that they are shown.
//!
//! What the server writes can be told apart by its first bytes (`[`, `* `, `>>> `, `--- `, `*** `,
//! `!!! `), and nothing that a person types can produce them, since what people say is always
//! behind a name. The first two lines of a greeting, `who`, `rename|NAME` and the announcements are
//! the older chat room's, to the byte.

use std::collections::VecDeque;
use std::io::Write as _;
use std::sync::Arc;
use std::time::Duration;

use memchr::memchr3;

use super::buffer::Buffer;
use super::telnet::{IAC, Step, Telnet};
use super::{Decode, Encoding, Foreign, Inbound, Limits, WireError};
use crate::protocol::{
    Away, COMMANDS, CloseReason, Command, CommandSpec, Nick, Notice, Refusal, RoomInfo, RoomName, Speaker, clean,
    find_command,
};

/// A line buffer that has grown beyond this is given back after the line.
const KEPT_CAPACITY: usize = 512;
/// So many first bytes tell a caller who speaks another protocol: enough for the header of a
/// frame (8) or the length of a JSON packet (2 to 7).
const HEAD: usize = 8;
/// A TLS record begins with type 22 (handshake) and major version 3.
const TLS_HANDSHAKE: [u8; 2] = [0x16, 0x03];

/// Turns the bytes of one text session into commands.
#[derive(Debug)]
pub struct TextDecoder {
    max_line: usize,
    input: Buffer,
    telnet: Telnet,
    /// The line so far, at most `max_line` + 1 bytes of it (one more for a CR).
    line: Vec<u8>,
    /// How long the line really is.
    line_bytes: u64,
    ends_in_cr: bool,
    /// The first bytes of all, telnet commands left out.
    head: [u8; HEAD],
    head_bytes: usize,
    first_line_done: bool,
    crlf: bool,
    ready: VecDeque<Inbound>,
    ended: bool,
}

impl TextDecoder {
    /// A decoder for one session.
    #[must_use]
    pub fn new(limits: Limits) -> Self {
        Self {
            max_line: limits.max_line,
            input: Buffer::default(),
            telnet: Telnet::new(),
            line: Vec::new(),
            line_bytes: 0,
            ends_in_cr: false,
            head: [0; HEAD],
            head_bytes: 0,
            first_line_done: false,
            crlf: false,
            ready: VecDeque::new(),
            ended: false,
        }
    }

    /// Adds data that holds neither LF nor NUL to the line.
    fn extend_line(&mut self, data: &[u8]) -> Result<(), WireError> {
        self.look_at_head(data)?;
        let room = (self.max_line + 1).saturating_sub(self.line.len()).min(data.len());
        self.line.extend_from_slice(data.get(..room).unwrap_or_default());
        self.line_bytes += data.len() as u64;
        self.ends_in_cr = data.last() == Some(&b'\r');
        Ok(())
    }

    /// Looks at the first bytes for those of another protocol.
    fn look_at_head(&mut self, data: &[u8]) -> Result<(), WireError> {
        for byte in data {
            let Some(slot) = self.head.get_mut(self.head_bytes) else { break };
            *slot = *byte;
            self.head_bytes += 1;
            if self.head_bytes == 2 && self.head.starts_with(&TLS_HANDSHAKE) {
                return Err(WireError::Foreign(Foreign::Tls));
            }
            if *byte == 0 {
                return Err(WireError::Foreign(Foreign::Binary));
            }
        }
        Ok(())
    }

    fn finish_line(&mut self, with_lf: bool) -> Result<(), WireError> {
        let length = self.line_bytes - u64::from(self.ends_in_cr);
        if with_lf && self.ends_in_cr {
            self.answer_with_crlf();
        }
        let line = self.line.get(..usize::try_from(length).unwrap_or(usize::MAX)).unwrap_or(&self.line);
        let is_cut = length > self.max_line as u64;
        if !self.first_line_done && Foreign::is_http(line, is_cut) {
            return Err(WireError::Foreign(Foreign::Http));
        }
        if is_cut {
            self.ready.push_back(Inbound::Refused(Refusal::TooLong { bytes: length, limit: self.max_line }));
        } else {
            read_line(&clean(line), &mut self.ready);
        }
        self.first_line_done = true;
        self.line.clear();
        self.line.shrink_to(KEPT_CAPACITY);
        self.line_bytes = 0;
        self.ends_in_cr = false;
        Ok(())
    }

    fn answer_with_crlf(&mut self) {
        if !self.crlf {
            self.crlf = true;
            self.ready.push_back(Inbound::Switch(Encoding::TextCrlf));
        }
    }

    /// Takes one byte of a telnet command, which is not taken off the input yet.
    fn step_telnet(&mut self, byte: u8) -> Result<(), WireError> {
        let step = self.telnet.step(byte)?;
        if step == Step::NotTelnet {
            return self.extend_line(&[IAC]); // and the byte itself is data, looked at again
        }
        self.input.take(1);
        if self.telnet.has_spoken() {
            self.answer_with_crlf();
        }
        match step {
            Step::Byte255 => self.extend_line(&[IAC])?,
            Step::Answer(bytes) => self.ready.push_back(Inbound::Answer(bytes.into())),
            Step::AreYouThere => self.ready.push_back(Inbound::Tell(Notice::StillHere)),
            Step::Nothing | Step::NotTelnet => {}
        }
        Ok(())
    }

    /// Takes data up to the next byte that means something, or that byte.
    fn take_data(&mut self) -> Result<(), WireError> {
        let mut input = std::mem::take(&mut self.input);
        let rest = input.rest();
        let (length, outcome) = match (memchr3(b'\n', IAC, 0, rest), rest.first()) {
            (Some(0), Some(b'\n')) => (1, self.look_at_head(b"\n").and_then(|()| self.finish_line(true))),
            (Some(0), Some(0)) => (1, self.look_at_head(&[0])),
            (Some(0), _) => (1, self.telnet.step(IAC).map(|_| ())),
            (end, _) => {
                let data = rest.get(..end.unwrap_or(rest.len())).unwrap_or_default();
                (data.len(), self.extend_line(data))
            }
        };
        input.take(length);
        self.input = input;
        outcome
    }
}

impl Decode for TextDecoder {
    fn feed(&mut self, bytes: &[u8]) {
        self.input.feed(bytes);
    }

    fn end(&mut self) {
        self.ended = true;
    }

    fn next(&mut self) -> Result<Option<Inbound>, WireError> {
        loop {
            if let Some(inbound) = self.ready.pop_front() {
                return Ok(Some(inbound));
            }
            match self.input.rest().first() {
                Some(byte) if !self.telnet.in_data() => self.step_telnet(*byte)?,
                Some(_) => self.take_data()?,
                None if self.ended && (self.line_bytes > 0 || self.telnet.holds_255()) => {
                    if self.telnet.holds_255() {
                        self.telnet = Telnet::new();
                        self.extend_line(&[IAC])?;
                    }
                    self.finish_line(false)?;
                }
                None => return Ok(None),
            }
        }
    }
}

/// Reads one clean line; what it amounts to is appended to `ready`.
fn read_line(line: &str, ready: &mut VecDeque<Inbound>) {
    let hint = rename_hint(line);
    let command = match read_command(line) {
        Some(Ok(command)) => command,
        Some(Err(refusal)) => return ready.push_back(Inbound::Refused(refusal)),
        None => match literal(line) {
            Some(body) => Command::Say(body),
            None => return, // a blank line keeps the session alive and says nothing
        },
    };
    ready.push_back(Inbound::Command(command));
    ready.extend(hint.map(Inbound::Tell));
}

/// The command that a line is, if it is one.
fn read_command(line: &str) -> Option<Result<Command, Refusal>> {
    if let Some(rest) = line.strip_prefix('/') {
        if rest.starts_with('/') {
            return None;
        }
        let (word, args) = rest.split_once(char::is_whitespace).unwrap_or((rest, ""));
        let found = find_command(word, &format!("//{}", shortened(rest)));
        return Some(found.and_then(|spec| spec.parse(args)));
    }
    let line = line.trim_end();
    if line.eq_ignore_ascii_case("who") {
        return Some(Ok(Command::UserList));
    } else if line.eq_ignore_ascii_case("help") {
        return Some(Ok(Command::Help(None)));
    } else if line.eq_ignore_ascii_case("quit") {
        return Some(Ok(Command::Quit(None)));
    }
    let (word, names) = line.split_once('|')?;
    if !word.eq_ignore_ascii_case("rename") {
        return None;
    }
    let name = names.split('|').next().unwrap_or_default();
    Some(if name.trim().is_empty() { Err(Refusal::NoName) } else { Nick::parse(name).map(Command::Rename) })
}

/// What a line that is no command says. `\who` and `//who` say `who` and `/who`; a backslash
/// before anything else is only a backslash.
fn literal(line: &str) -> Option<crate::protocol::Body> {
    let escaped = match line.strip_prefix('\\') {
        Some(rest) if is_special(rest) => Some(rest),
        Some(_) => None,
        None => line.strip_prefix('/'),
    };
    crate::protocol::Body::new(escaped.unwrap_or(line))
}

/// Whether a line would not be sent as it stands.
pub(super) fn is_special(line: &str) -> bool {
    let inner = line.trim_start_matches('\\');
    inner.starts_with('/') || read_command(inner).is_some()
}

/// `rename mike` is chat; whoever sends it perhaps means `rename|mike`.
fn rename_hint(line: &str) -> Option<Notice> {
    let mut words = line.split_whitespace();
    let first = words.next().filter(|word| line.starts_with(word) && word.eq_ignore_ascii_case("rename"));
    match (first, words.next(), words.next()) {
        (Some(_), Some(name), None) => {
            let name = name.split('|').find(|part| !part.is_empty())?;
            Some(Notice::RenameHint(shortened(name)))
        }
        _ => None,
    }
}

/// At most 40 characters of what somebody typed, for repeating it to them.
fn shortened(text: &str) -> String {
    if text.chars().count() <= 40 { text.to_owned() } else { text.chars().take(39).chain(['…']).collect() }
}

/// Appends the lines that a person is shown of `notice`, each with `eol` behind it, and the time
/// before what is said, if wanted.
pub(super) fn encode(notice: &Notice, eol: &str, time: bool, out: &mut Vec<u8>) {
    // Writing to a Vec cannot fail.
    let _ = match notice {
        Notice::Said(line) => {
            if time {
                let _ = write!(out, "{} ", Clock(line.at));
            }
            speech(&line.from, line.body.as_str(), eol, out);
            Ok(())
        }
        Notice::IAmHere(who) => {
            speech(who, "I am here", eol, out);
            Ok(())
        }
        Notice::Login { who, .. } => {
            speech(who, "login", eol, out);
            Ok(())
        }
        Notice::Left { who, why: CloseReason::Idle { .. }, .. } => {
            speech(who, "time out leave out", eol, out);
            Ok(())
        }
        Notice::Left { who, .. } => {
            speech(who, "login out", eol, out);
            Ok(())
        }
        Notice::Acted(line) if time => {
            write!(out, "{} * {} {}{eol}", Clock(line.at), line.from.name, line.body.as_str())
        }
        Notice::Acted(line) => write!(out, "* {} {}{eol}", line.from.name, line.body.as_str()),
        Notice::Told { from, body } => write!(out, ">>> {}: {}{eol}", from.name, body.as_str()),
        Notice::ToldTo { to, body } => write!(out, ">>> to {}: {}{eol}", to.name, body.as_str()),
        Notice::Welcome { .. } => welcome(notice, eol, out),
        Notice::Renamed { who, old, .. } => write!(out, "*** {old} is now {}{eol}", who.name),
        Notice::RenameOk => write!(out, "rename ok{eol}"),
        Notice::YouAre(name) => write!(out, "*** You are now {name}{eol}"),
        Notice::InRoom { room, others, others_total } => {
            let _ = write!(out, "*** You are in {room} ");
            let _ = company(others, *others_total, out);
            write!(out, "{eol}")
        }
        Notice::DoExit => Ok(()),
        Notice::UserList(people) => {
            let mut written = write!(out, "user list:{eol}");
            for who in people {
                written = write!(out, "{}:{}{eol}", who.address, who.name);
            }
            written
        }
        Notice::Names { room, people } => {
            let _ = write!(out, "*** {} here in {room}:{eol}", people.len());
            for one in people {
                let _ = write!(out, "***   {}  idle {}, here {}", one.who.name, Span(one.idle), Span(one.here));
                let _ = away(one.away.as_ref(), ", away", out);
                let _ = write!(out, "{eol}");
            }
            write!(out, "*** end of list{eol}")
        }
        Notice::Help => help(eol, out),
        Notice::HelpFor(spec) => help_for(spec, eol, out),
        Notice::Pong => write!(out, "*** pong{eol}"),
        Notice::StillHere => write!(out, "*** Yes, still here.{eol}"),
        Notice::Version => write!(out, "*** Parlor {}{eol}", env!("CARGO_PKG_VERSION")),
        Notice::Uptime { up, people } => write!(out, "*** Up for {}, {people} here{eol}", Span(*up)),
        Notice::Staying => write!(out, "*** You may stay silent. /quit leaves{eol}"),
        Notice::Echo { on: true } => write!(out, "*** Your own lines come back to you{eol}"),
        Notice::Echo { on: false } => write!(out, "*** Your own lines no longer come back to you{eol}"),
        Notice::RenameHint(name) => {
            write!(out, "*** That was sent as a line. To be called {name}, type rename|{name}{eol}")
        }
        Notice::IdleWarning { quiet, left } => {
            write!(
                out,
                "*** Quiet for {quiet} s: in {left} s you are disconnected. Enter keeps you here, /stay for good{eol}"
            )
        }
        Notice::SlowDown { rate, waiting } => {
            write!(out, "*** Slow down: your lines are now sent at {rate} a second, {waiting} wait{eol}")
        }
        Notice::Skipped { lines, kept: false } => {
            write!(out, "*** {lines} lines were skipped, you read too slowly{eol}")
        }
        Notice::Skipped { lines, kept: true } => {
            write!(out, "*** {lines} lines were skipped, you read too slowly. /history {lines} shows them{eol}")
        }
        Notice::Came { who, from, .. } => write!(out, "*** {} came from {from}{eol}", who.name),
        Notice::Went { who, to, .. } => write!(out, "*** {} went to {to}{eol}", who.name),
        Notice::Bustle { came, left, .. } => write!(out, "*** {came} came, {left} left{eol}"),
        Notice::Past { line, is_action } => {
            let mark = if *is_action { "* " } else { "" };
            let colon = if *is_action { "" } else { ":" };
            let (clock, name, text) = (Clock(line.at), &line.from.name, line.body.as_str());
            write!(out, "--- {clock} {mark}{name}{colon} {text}{eol}")
        }
        Notice::PastEnd { lost: 0, .. } => write!(out, "--- end of history{eol}"),
        Notice::PastEnd { lost, .. } => write!(out, "--- end of history, {lost} lines before it are not kept{eol}"),
        Notice::Topic { room, topic: Some(topic) } => write!(out, "*** topic of {room}: {}{eol}", topic.as_str()),
        Notice::Topic { room, topic: None } => write!(out, "*** {room} has no topic; /topic TEXT sets it{eol}"),
        Notice::TopicSet { who, topic, .. } => write!(out, "*** {} set the topic: {}{eol}", who.name, topic.as_str()),
        Notice::Rooms(rooms) => {
            let _ = write!(out, "*** rooms:{eol}");
            for RoomInfo { name, people, topic } in rooms {
                let noun = if *people == 1 { "person" } else { "people" };
                let topic = topic.as_ref().map(|topic| format!("  {}", topic.as_str())).unwrap_or_default();
                let _ = write!(out, "***   {name}  {people} {noun}{topic}{eol}");
            }
            write!(out, "*** end of list{eol}")
        }
        Notice::Whois { who: one, room, by } => {
            let _ = write!(out, "*** {}: in ", one.who.name);
            let room = room.as_ref().map_or_else(|| "no room".to_owned(), RoomName::to_string);
            let _ = write!(out, "{room}");
            let _ = write!(out, ", here {}, idle {}, by {by}", Span(one.here), Span(one.idle));
            let _ = away(one.away.as_ref(), ", away", out);
            write!(out, "{eol}")
        }
        Notice::YouAreAway(reason) => {
            let _ = away(Some(reason), "*** You are away", out);
            write!(out, ". /back when you return{eol}")
        }
        Notice::WelcomeBack => write!(out, "*** Welcome back{eol}"),
        Notice::IsAway { who, away: reason } => {
            let _ = write!(out, "*** {} is", who.name);
            let _ = away(Some(reason), " away", out);
            write!(out, "{eol}")
        }
        Notice::Ignoring { who, on: true } => write!(out, "*** You no longer see {}{eol}", who.name),
        Notice::Ignoring { who, on: false } => write!(out, "*** You see {} again{eol}", who.name),
        Notice::Quiet { on: true } => write!(out, "*** Comings and goings are hidden from you{eol}"),
        Notice::Quiet { on: false } => write!(out, "*** You see comings and goings again{eol}"),
        Notice::Time { on: true } => write!(out, "*** The time (UTC) stands before what is said{eol}"),
        Notice::Time { on: false } => write!(out, "*** Lines have no time before them{eol}"),
        Notice::Refused(refusal) => write!(out, "!!! {refusal}{eol}"),
        Notice::Goodbye(reason) => goodbye(reason, eol, out),
    };
}

/// `[ADDR]NAME: text`, the one line that is written for every delivery.
fn speech(who: &Speaker, text: &str, eol: &str, out: &mut Vec<u8>) {
    for part in ["[", &who.address, "]", &who.name, ": ", text, eol] {
        out.extend_from_slice(part.as_bytes());
    }
}

fn welcome(notice: &Notice, eol: &str, out: &mut Vec<u8>) -> std::io::Result<()> {
    let Notice::Welcome { you, room, others, others_total, door, idle_seconds } = notice else { return Ok(()) };
    write!(out, "*** Welcome to Parlor. You are {}, ", you.name)?;
    match others_total {
        0 => {
            let (host, port) = door.rsplit_once(':').unwrap_or((door, ""));
            let host = host.trim_start_matches('[').trim_end_matches(']');
            write!(out, "the first one in {room}. Tell others: nc {host} {port}")?;
        }
        _ => {
            write!(out, "in {room} ")?;
            company(others, *others_total, out)?;
        }
    }
    write!(out, "{eol}*** Type to talk. who = who is here, rename|NAME = your name, /help = more, /quit = leave{eol}")?;
    if *idle_seconds > 0 {
        write!(out, "*** Quiet for {idle_seconds} s means disconnected; /stay lets you just listen{eol}")?;
    }
    Ok(())
}

/// `with 2 others: ann, mike`; those beyond the names are counted.
fn company(others: &[Arc<str>], total: usize, out: &mut Vec<u8>) -> std::io::Result<()> {
    match total {
        0 => return write!(out, "alone"),
        1 => write!(out, "with 1 other: {}", others.join(", "))?,
        many => write!(out, "with {many} others: {}", others.join(", "))?,
    }
    if total > others.len() { write!(out, " and {} more", total - others.len()) } else { Ok(()) }
}

/// The list of commands, in at most 12 lines of at most 78 columns: the first ones with a few words
/// to each, two beside each other, and the names of the rest.
fn help(eol: &str, out: &mut Vec<u8>) -> std::io::Result<()> {
    let (main, rest) = COMMANDS.split_at(CommandSpec::EXPLAINED.min(COMMANDS.len()));
    write!(out, "*** Type to talk. Commands (beginnings suffice; /help COMMAND tells more):{eol}")?;
    for pair in main.chunks(2) {
        let mut line = String::from("*** ");
        for spec in pair {
            line.push_str(&format!("{:<37}", format!("{:<17} {}", spec.usage(), spec.brief)));
        }
        write!(out, "{}{eol}", line.trim_end())?;
    }
    let rest: Vec<String> = rest.iter().map(|spec| format!("/{}", spec.name)).collect();
    write!(out, "*** and {}{eol}", rest.join(" "))?;
    write!(out, "*** who, rename|NAME, help and quit work bare; \\who says \"who\", //x says \"/x\".{eol}")
}

fn help_for(spec: &CommandSpec, eol: &str, out: &mut Vec<u8>) -> std::io::Result<()> {
    write!(out, "*** {}", spec.usage())?;
    if !spec.aliases.is_empty() {
        write!(out, "  (also /{})", spec.aliases.join(", /"))?;
    }
    write!(out, "{eol}***   {}{eol}", spec.help)
}

fn goodbye(reason: &CloseReason, eol: &str, out: &mut Vec<u8>) -> std::io::Result<()> {
    match reason {
        CloseReason::Quit => write!(out, "*** Goodbye{eol}"),
        CloseReason::Idle { seconds } => write!(out, "*** Disconnected: quiet for {seconds} s{eol}"),
        CloseReason::Malformed(what) => write!(out, "*** Disconnected: {what}{eol}"),
        CloseReason::ServerStopping => write!(out, "*** The server is stopping. Goodbye{eol}"),
        _ => Ok(()),
    }
}

/// `, away: lunch`, where somebody is.
fn away(away: Option<&Away>, words: &str, out: &mut Vec<u8>) -> std::io::Result<()> {
    match away {
        None => Ok(()),
        Some(Away(None)) => write!(out, "{words}"),
        Some(Away(Some(why))) => write!(out, "{words}: {}", why.as_str()),
    }
}

/// The time of day of a Unix millisecond, `12:04`, in UTC: the server does not know where its
/// people are.
struct Clock(u64);

impl std::fmt::Display for Clock {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let minutes = self.0 / 60_000 % (24 * 60);
        write!(f, "{:02}:{:02}", minutes / 60, minutes % 60)
    }
}

/// A span of time as people say it: `3 s`, `12 min`, `5 h`, `2 d`.
struct Span(Duration);

impl std::fmt::Display for Span {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self.0.as_secs() {
            seconds @ 0..60 => write!(f, "{seconds} s"),
            seconds @ 60..3600 => write!(f, "{} min", seconds / 60),
            seconds @ 3600..172_800 => write!(f, "{} h", seconds / 3600),
            seconds => write!(f, "{} d", seconds / 86_400),
        }
    }
}
