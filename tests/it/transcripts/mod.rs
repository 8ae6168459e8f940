//! Golden conversations, played against the real binary: every file of `tests/transcripts`.
//!
//! | line | means |
//! |---|---|
//! | `# words` | a comment; the first one is the title |
//! | `@ --idle 2s` | flags of the server, besides the doors and `--rate 0` |
//! | `alice text`, `bob relay`, `carol json`, `dave frame` | a session by that door, which has read nothing yet |
//! | `alice enters` | a session by the text door that has read its greeting |
//! | `alice> /nick alice` | she sends this line and LF |
//! | `dave> 100 hi` | he sends a frame of route 100 with the data `hi` |
//! | `alice< *** You are now alice` | she hears exactly this line next: LF on the text door, CRLF on the relay door; `\r` at its end: CRLF on the text door |
//! | `carol< {"Act":"ping","Data":"pong"}` | she hears this object next, its keys in any order; a text of `{*}` is any value |
//! | `dave< 200 {"Act":"chat",…}` | he hears a frame of that route next, with such an object or with such text; heartbeats are passed over |
//! | `alice>> "h\xc3\r\n"` | she sends these bytes as they are |
//! | `alice<< "\xff\xfc\x06"` | she hears exactly these bytes next |
//! | `alice-` | she ends her input, and goes on listening |
//! | `alice<.` | the server has ended the connection, cleanly, and said nothing more |
//! | `alice=` | she has heard nothing else so far |
//!
//! In all of them `{alice}` is her address, `{host}` and `{port}` are those of the text door, `{text}`
//! to `{frame}` are the addresses of the doors, `{x*5000}` is 5,000 times `x`. In received lines, `{*}` is
//! anything within a line. So is `{bob.id:=*}`, which is called `{bob.id}` from then on.
//!
//! At the end, every session must have heard nothing more than was written down.
//!
//! A room announces at most five joins and leaves within two seconds one by one. So a transcript has no more of
//! them in a room.

mod every_door;

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::fs;
use std::path::{Path, PathBuf};

use parlor::protocol::COMMANDS;
use serde_json::Value;

use crate::support::{Peer, TestServer};

/// One test for each file, named like it.
macro_rules! transcripts {
    ($($name:ident)*) => {
        $(#[test] fn $name() { Play::of(&file(stringify!($name))).run(); })*

        #[test]
        fn every_transcript_is_played() {
            let mut files: Vec<_> = fs::read_dir(folder()).unwrap().map(|entry| entry.unwrap().path()).collect();
            files.sort();
            let mut played = vec![$(file(stringify!($name))),*];
            played.sort();
            assert_eq!(files, played);
        }
    };
}

transcripts! {
    the_first_thirty_seconds
    welcome
    welcome_to_a_crowd
    the_old_chat_room
    commands
    help
    short_names_of_commands
    said_literally
    unknown_commands
    refused_words
    names
    names_refused
    private_lines
    echo
    quit
    idle
    never_idle
    address
    charset
    classic
    masked
    masked_to_programs
    line_ends
    long_lines
    half_close
    cleaning
    telnet
    wrong_protocol
    visits
    relay
    relay_lines
    two_doors
    rooms
    rooms_refused
    topics
    history
    history_off
    whois_and_away
    ignoring
    quiet
    time
    json_talk
    json_names
    json_private_lines
    json_rooms
    json_several_rooms
    json_history
    json_preferences
    json_errors
    json_quit
    frames
    frames_of_the_chat
    frame_rooms
    frames_unasked
    four_doors
    one_line
}

/// Each command by each door that has it, and its help: a new row of the table needs a conversation.
#[test]
fn command_is_in_transcripts_of_each_door() {
    let mut said = BTreeSet::new();
    for path in fs::read_dir(folder()).unwrap().map(|entry| entry.unwrap().path()) {
        let mut doors = HashMap::new();
        for line in fs::read_to_string(path).unwrap().lines() {
            match line.split_once(' ') {
                Some((who, door @ ("text" | "enters" | "json" | "frame"))) => _ = doors.insert(who.to_owned(), door),
                Some((who, words)) if who.ends_with('>') => {
                    let door = who.strip_suffix('>').and_then(|who| doors.get(who)).copied().unwrap_or_default();
                    let act = || serde_json::from_str::<Value>(words).ok()?["Act"].as_str().map(str::to_owned);
                    let word = || words.split(' ').next().unwrap_or_default().to_owned();
                    let help = words.starts_with("/help ");
                    _ = match door {
                        "text" | "enters" if help => said.insert(words.to_owned()),
                        "text" | "enters" => said.insert(word().to_lowercase()),
                        "json" => said.insert(format!("json {}", act().unwrap_or_default())),
                        "frame" => said.insert(format!("frame {}", word())),
                        _ => false,
                    };
                }
                _ => {}
            }
        }
    }
    let wanted = COMMANDS.iter().flat_map(|spec| {
        let by_text = [format!("/{}", spec.name), format!("/help {}", spec.name)];
        let by_programs = [format!("json {}", spec.name), format!("frame {}", spec.route)];
        by_text.into_iter().chain(by_programs.into_iter().filter(|_| spec.route > 0))
    });
    let missing: Vec<_> = wanted.filter(|one| !said.contains(one)).collect();
    assert_eq!(missing, [""; 0], "in no transcript");
}

pub(crate) fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/transcripts")
}

pub(crate) fn file(name: &str) -> PathBuf {
    folder().join(format!("{name}.txt"))
}

/// The values of `{name}`.
pub(crate) type Known = HashMap<String, String>;

/// One transcript on its way.
struct Play {
    file: String,
    script: String,
    /// Before the server, so that everybody has left when it is stopped.
    sessions: BTreeMap<String, Session>,
    server: TestServer,
    known: Known,
}

struct Session {
    peer: Peer,
    door: Door,
    ended: bool,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Door {
    Text,
    Relay,
    Json,
    Frame,
}

impl Play {
    fn of(path: &Path) -> Self {
        let script = fs::read_to_string(path).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
        let flags: Vec<&str> =
            script.lines().filter_map(|line| line.strip_prefix("@ ")).flat_map(str::split_whitespace).collect();
        let server = TestServer::with(&flags);
        let known = HashMap::from([
            ("host".to_owned(), server.text.ip().to_string()),
            ("port".to_owned(), server.text.port().to_string()),
            ("text".to_owned(), server.text.to_string()),
            ("relay".to_owned(), server.relay.to_string()),
            ("json".to_owned(), server.json.to_string()),
            ("frame".to_owned(), server.frame.to_string()),
        ]);
        let file = path.strip_prefix(env!("CARGO_MANIFEST_DIR")).unwrap_or(path).display().to_string();
        Self { file, script, server, sessions: BTreeMap::new(), known }
    }

    fn run(mut self) {
        for (index, line) in std::mem::take(&mut self.script).lines().enumerate() {
            if line.is_empty() || line.starts_with(['#', '@']) {
                continue;
            }
            let place = format!("{}:{}: {line}\n", self.file, index + 1);
            for session in self.sessions.values_mut() {
                session.peer.place.clone_from(&place);
            }
            let length = line.find(|c: char| !c.is_ascii_alphanumeric()).unwrap_or(line.len());
            let (who, what) = line.split_at(length);
            match what {
                " text" => self.open(who, Peer::connect(self.server.text), Door::Text),
                " enters" => self.open(who, Peer::enter(self.server.text), Door::Text),
                " relay" => self.open(who, Peer::connect(self.server.relay), Door::Relay),
                " json" => self.open(who, Peer::connect(self.server.json), Door::Json),
                " frame" => self.open(who, Peer::connect(self.server.frame), Door::Frame),
                _ => self.step(who, what, &place),
            }
        }
        self.expect_nothing_more();
    }

    fn open(&mut self, who: &str, peer: Peer, door: Door) {
        self.known.insert(who.to_owned(), peer.name.clone());
        self.sessions.insert(who.to_owned(), Session { peer, door, ended: false });
    }

    fn step(&mut self, who: &str, what: &str, place: &str) {
        let operators = [">>", "<<", "<.", ">", "<", "-", "="];
        let operator = operators.into_iter().find(|operator| what.starts_with(operator));
        let operator = operator.unwrap_or_else(|| panic!("{place}is no line of a transcript"));
        let words = &what[operator.len()..];
        let words = words.strip_prefix(' ').unwrap_or(words);
        let words = if operator == "<" { words.to_owned() } else { filled_in(words, &self.known, place) };
        let Some(Session { peer, door, ended }) = self.sessions.get_mut(who) else { panic!("{place}who?") };
        match (operator, *door) {
            (">", Door::Frame) => {
                let (route, data) = words.split_once(' ').unwrap_or((&words, ""));
                let route = route.parse().unwrap_or_else(|error| panic!("{place}{error}"));
                peer.send_frame(route, data.as_bytes());
            }
            (">", _) => peer.send(&words),
            (">>", _) => peer.send_raw(&bytes_of(&words, place)),
            ("<<", _) => peer.expect_raw(&bytes_of(&words, place)),
            ("-", _) => peer.half_close(),
            ("<.", _) => {
                peer.expect_end();
                *ended = true;
            }
            ("=", door) => expect_nothing(peer, door),
            (_, door) => {
                let (got, found) = match door {
                    Door::Frame => {
                        let (route, data) = peer.next_frame();
                        let got = format!("{route} {}", String::from_utf8_lossy(&data));
                        let found = fits_frame(&words, &got, &self.known);
                        (got, found)
                    }
                    Door::Json => {
                        let got = peer.line();
                        let found = fits_json(&words, &got, &self.known);
                        (got, found)
                    }
                    Door::Text | Door::Relay => {
                        let got = peer.line();
                        let crlf = door == Door::Relay || words.ends_with(r"\r");
                        let wanted = words.strip_suffix(r"\r").unwrap_or(&words);
                        let found = match (got.strip_suffix('\r'), crlf) {
                            (Some(line), true) => matches(wanted, line, &self.known),
                            (None, false) => matches(wanted, &got, &self.known),
                            _ => None,
                        };
                        (got, found)
                    }
                };
                match found {
                    Some(found) => self.known.extend(found),
                    None => self.fail(who, &words, &got),
                }
            }
        }
    }

    fn fail(&self, who: &str, wanted: &str, got: &str) -> ! {
        for (name, session) in self.sessions.iter().filter(|(name, _)| *name != who) {
            eprintln!("--- the conversation of {name}, {} ---\n{}", session.peer.name, session.peer.conversation());
        }
        self.sessions[who].peer.fail(&format!("({who})\nwanted {wanted:?}\n   got {got:?}"))
    }

    /// Relay sessions cannot be asked, so they end theirs, when all others have been.
    fn expect_nothing_more(&mut self) {
        let (relay, others): (Vec<_>, Vec<_>) = self
            .sessions
            .values_mut()
            .filter(|session| !session.ended)
            .partition(|session| session.door == Door::Relay);
        for session in others.into_iter().chain(relay) {
            session.peer.place = format!("{}: at its end\n", self.file);
            expect_nothing(&mut session.peer, session.door);
        }
    }
}

#[track_caller]
fn expect_nothing(peer: &mut Peer, door: Door) {
    match door {
        Door::Text => peer.expect_nothing(),
        Door::Relay => {
            peer.half_close();
            peer.expect_end();
        }
        Door::Json => {
            let heard = peer.json_fence();
            if !heard.is_empty() {
                peer.fail(&format!("wanted nothing, got {heard:?}"));
            }
        }
        Door::Frame => {
            let heard = peer.frame_fence();
            if !heard.is_empty() {
                peer.fail(&format!("wanted nothing, got {heard:?}"));
            }
        }
    }
}

/// A part of a line of a transcript.
#[derive(Debug, PartialEq)]
enum Part<'a> {
    Text(&'a str),
    /// `{x*3}`
    Times(String),
    /// `{alice}`
    Known(&'a str),
    /// `{*}`, or `{alice.id:=*}` with its name.
    Anything(Option<&'a str>),
}

/// Braces with anything else in them are only braces.
fn parts(line: &str) -> Vec<Part<'_>> {
    let mut parts = Vec::new();
    let mut rest = line;
    // The innermost braces, so that those of a JSON object around them are only braces.
    while let Some((whole, after)) = rest.split_once('}') {
        let Some((before, inner)) = whole.rsplit_once('{') else {
            parts.push(Part::Text(&rest[..=whole.len()]));
            rest = after;
            continue;
        };
        let times = inner.rsplit_once('*').and_then(|(text, count)| Some(text.repeat(count.parse().ok()?)));
        let is_name = !inner.is_empty() && inner.chars().all(|c| c.is_ascii_alphanumeric() || c == '.');
        let part = match (inner, inner.strip_suffix(":=*"), times) {
            ("*", ..) => Part::Anything(None),
            (_, Some(name), _) => Part::Anything(Some(name)),
            (.., Some(text)) => Part::Times(text),
            _ if is_name => Part::Known(inner),
            _ => Part::Text(&rest[before.len()..rest.len() - after.len()]),
        };
        parts.extend([Part::Text(before), part]);
        rest = after;
    }
    parts.push(Part::Text(rest));
    parts
}

/// The words with everything that is known put in.
pub(crate) fn filled_in(words: &str, known: &Known, place: &str) -> String {
    let mut text = String::new();
    for part in parts(words) {
        match part {
            Part::Text(plain) => text.push_str(plain),
            Part::Times(times) => text.push_str(&times),
            Part::Known(name) => match known.get(name) {
                Some(value) => text.push_str(value),
                None => panic!("{place}nobody knows {{{name}}}"),
            },
            Part::Anything(_) => panic!("{place}anything at all cannot be sent"),
        }
    }
    text
}

/// The names that a pattern learns from a line that fits it.
pub(crate) fn matches(pattern: &str, line: &str, known: &Known) -> Option<Known> {
    fn go<'a>(parts: &[Part<'a>], line: &str, known: &Known, found: &mut Vec<(&'a str, String)>) -> bool {
        let Some((part, rest)) = parts.split_first() else { return line.is_empty() };
        let plain = match part {
            Part::Text(text) => text,
            Part::Times(text) => text.as_str(),
            Part::Known(name) => known.get(*name).map_or("\0", String::as_str),
            Part::Anything(name) => {
                for end in (0..=line.len()).filter(|end| line.is_char_boundary(*end)) {
                    if go(rest, &line[end..], known, found) {
                        found.extend(name.map(|name| (name, line[..end].to_owned())));
                        return true;
                    }
                }
                return false;
            }
        };
        line.strip_prefix(plain).is_some_and(|line| go(rest, line, known, found))
    }
    let mut found = Vec::new();
    let fits = go(&parts(pattern), line, known, &mut found);
    fits.then(|| found.into_iter().map(|(name, value)| (name.to_owned(), value)).collect())
}

/// As [`matches`], of two JSON values. A text of the pattern is a pattern itself, and fits numbers and
/// lists by their JSON; keys and lengths must be the same.
fn fits_json(pattern: &str, got: &str, known: &Known) -> Option<Known> {
    fn go(pattern: &Value, got: &Value, known: &mut Known) -> bool {
        match (pattern, got) {
            (Value::String(pattern), got) => {
                let text = got.as_str().map_or_else(|| got.to_string(), str::to_owned);
                let found = matches(pattern, &text, known);
                let plain = got.is_string() || pattern.contains("*}");
                known.extend(found.iter().flatten().map(|(name, value)| (name.clone(), value.clone())));
                plain && found.is_some()
            }
            (Value::Object(pattern), Value::Object(got)) => {
                pattern.len() == got.len()
                    && pattern.iter().all(|(key, value)| got.get(key).is_some_and(|got| go(value, got, known)))
            }
            (Value::Array(pattern), Value::Array(got)) => {
                pattern.len() == got.len() && pattern.iter().zip(got).all(|(pattern, got)| go(pattern, got, known))
            }
            (pattern, got) => pattern == got,
        }
    }
    let pattern = serde_json::from_str(pattern).unwrap_or_else(|error| panic!("{error}: {pattern}"));
    let got = serde_json::from_str(got).ok()?;
    let mut found = known.clone();
    go(&pattern, &got, &mut found).then_some(found)
}

/// As [`matches`], of frames written as `route data`; a pattern of an object is compared as JSON.
fn fits_frame(pattern: &str, got: &str, known: &Known) -> Option<Known> {
    let (route, wanted) = pattern.split_once(' ').unwrap_or((pattern, ""));
    let (got_route, got) = got.split_once(' ')?;
    if route != got_route {
        return None;
    }
    if wanted.starts_with("{\"") { fits_json(wanted, got, known) } else { matches(wanted, got, known) }
}

/// The bytes that a text in quotation marks stands for: `\r \n \t \0 \\ \" \xff`.
pub(crate) fn bytes_of(quoted: &str, place: &str) -> Vec<u8> {
    let wrong = || -> ! { panic!("{place}is not \"text in quotation marks with \\xff escapes\"") };
    let Some(text) = quoted.strip_prefix('"').and_then(|text| text.strip_suffix('"')) else { wrong() };
    let mut bytes = Vec::new();
    let mut rest = text.bytes();
    while let Some(byte) = rest.next() {
        bytes.push(match (byte, if byte == b'\\' { rest.next() } else { None }) {
            (b'\\', Some(b'r')) => b'\r',
            (b'\\', Some(b'n')) => b'\n',
            (b'\\', Some(b't')) => b'\t',
            (b'\\', Some(b'0')) => 0,
            (b'\\', Some(same @ (b'\\' | b'"'))) => same,
            (b'\\', Some(b'x')) => {
                let digits = [rest.next().unwrap_or(b' '), rest.next().unwrap_or(b' ')];
                let text = str::from_utf8(&digits).unwrap_or_else(|_| wrong());
                u8::from_str_radix(text, 16).unwrap_or_else(|_| wrong())
            }
            (b'\\', _) => wrong(),
            (plain, _) => plain,
        });
    }
    bytes
}

#[test]
fn pattern_fits_what_it_says_only() {
    let known = HashMap::from([("bob".to_owned(), "10.0.0.7:1".to_owned())]);
    let fits = |pattern, line| matches(pattern, line, &known).is_some();
    assert!(fits("[{bob}]{bob}: hi {there!}", "[10.0.0.7:1]10.0.0.7:1: hi {there!}"));
    assert!(fits("***   bob  idle {*} s, here {*} s", "***   bob  idle 0 s, here 12 s"));
    assert!(fits("{a*3}{é*2}", "aaaéé"));
    assert!(!fits("{a*3}", "aaaa"));
    assert!(!fits("{bob}", "10.0.0.7:12"));
    assert!(!fits("{ann}", "10.0.0.7:1"), "nobody knows her");
    assert!(!fits("*** {*} s", "*** 5 s "));
    assert_eq!(matches("{id:=*}:hi", "21238:hi", &known).unwrap()["id"], "21238");
    assert_eq!(parts(r#"{"Id":"{bob}"}"#)[1..3], [Part::Known("bob"), Part::Text("\"}")]);
    assert_eq!(bytes_of(r#""a\xff\r\n\0\"é""#, ""), b"a\xff\r\n\0\"\xc3\xa9");
}

#[test]
fn object_pattern_fits_what_it_says_only() {
    let known = Known::from([("bob".to_owned(), "10.0.0.7:1".to_owned())]);
    let fits = |pattern, got| fits_json(pattern, got, &known).is_some();
    let got = r#"{"Act":"chat","From":"10.0.0.7:1","Ts":12,"Seq":3,"People":[{"Name":"x"}]}"#;
    assert!(fits(r#"{"Seq":3,"Act":"chat","From":"{bob}","Ts":"{*}","People":[{"Name":"{*}"}]}"#, got));
    assert!(fits(r#"{"Seq":3,"Act":"chat","From":"{*}","Ts":12,"People":"{*}"}"#, got));
    assert!(!fits(r#"{"Act":"chat"}"#, got), "keys are missing");
    assert!(!fits(r#"{"Seq":4,"Act":"chat","From":"{bob}","Ts":12,"People":"{*}"}"#, got), "another number");
    assert!(!fits(r#"{"Seq":"3","Act":"chat","From":"{bob}","Ts":12,"People":"{*}"}"#, got), "a number is no text");
    assert!(!fits(r#"{"Seq":3,"Act":"chat","From":"{bob}","Ts":12,"People":[]}"#, got), "a shorter list");
    assert!(!fits("{}", "*** no object"));
    assert_eq!(fits_json(r#"{"Id":"{id:=*}"}"#, r#"{"Id":"77"}"#, &known).unwrap()["id"], "77");
    assert!(fits_frame("200 {\"A\":1}", "200 {\"A\": 1}", &known).is_some());
    assert!(fits_frame("2 {*}lo", "2 hello", &known).is_some() && fits_frame("2", "2 ", &known).is_some());
    assert!(fits_frame("2 hello", "1 hello", &known).is_none() && fits_frame("2", "2 x", &known).is_none());
}
