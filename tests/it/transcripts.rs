//! Golden conversations, played against the real binary: every file of `tests/transcripts`.
//!
//! | line | means |
//! |---|---|
//! | `# words` | a comment; the first one is the title |
//! | `@ --idle 2s` | flags of the house, besides the doors and `--rate 0` |
//! | `alice text`, `bob relay` | a session by that door, which has read nothing yet |
//! | `alice enters` | a session by the text door that has read its greeting |
//! | `alice> /nick alice` | she sends this line and LF |
//! | `alice< *** You are now alice` | she hears exactly this line next: LF on the text door, CRLF on the relay door; `\r` at its end: CRLF on the text door |
//! | `alice>> "h\xc3\r\n"` | she sends these bytes as they are |
//! | `alice<< "\xff\xfc\x06"` | she hears exactly these bytes next |
//! | `alice-` | she ends her input, and goes on listening |
//! | `alice<.` | the server has ended the connection, cleanly, and said nothing more |
//! | `alice=` | she has heard nothing else so far |
//!
//! In all of them `{alice}` is her address, `{host}` and `{port}` are those of the text door,
//! `{x*5000}` is 5,000 times `x`. In what is heard, `{*}` is anything within a line, and `{bob.id:=*}`
//! too, which then goes by the name of `{bob.id}`.
//!
//! At the end, every session must have heard nothing more than was written down.

use std::collections::{BTreeMap, HashMap};
use std::fs;
use std::path::{Path, PathBuf};

use crate::support::{House, Peer};

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
    line_ends
    long_lines
    half_close
    cleaning
    telnet
    wrong_protocol
    relay
    relay_lines
    two_doors
}

fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/transcripts")
}

fn file(name: &str) -> PathBuf {
    folder().join(format!("{name}.txt"))
}

/// One transcript on its way.
struct Play {
    file: String,
    script: String,
    /// Before the house, so that everybody has left when it is stopped.
    sessions: BTreeMap<String, Session>,
    house: House,
    /// What `{name}` stands for.
    known: HashMap<String, String>,
}

struct Session {
    peer: Peer,
    is_relay: bool,
    ended: bool,
}

impl Play {
    fn of(path: &Path) -> Self {
        let script = fs::read_to_string(path).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
        let flags: Vec<&str> =
            script.lines().filter_map(|line| line.strip_prefix("@ ")).flat_map(str::split_whitespace).collect();
        let house = House::with(&flags);
        let known = HashMap::from([
            ("host".to_owned(), house.text.ip().to_string()),
            ("port".to_owned(), house.text.port().to_string()),
            ("text".to_owned(), house.text.to_string()),
            ("relay".to_owned(), house.relay.to_string()),
        ]);
        let file = path.strip_prefix(env!("CARGO_MANIFEST_DIR")).unwrap_or(path).display().to_string();
        Self { file, script, house, sessions: BTreeMap::new(), known }
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
                " text" => self.open(who, Peer::connect(self.house.text), false),
                " enters" => self.open(who, Peer::enter(self.house.text), false),
                " relay" => self.open(who, Peer::connect(self.house.relay), true),
                _ => self.step(who, what, &place),
            }
        }
        self.expect_nothing_more();
    }

    fn open(&mut self, who: &str, peer: Peer, is_relay: bool) {
        self.known.insert(who.to_owned(), peer.name.clone());
        self.sessions.insert(who.to_owned(), Session { peer, is_relay, ended: false });
    }

    fn step(&mut self, who: &str, what: &str, place: &str) {
        let operators = [">>", "<<", "<.", ">", "<", "-", "="];
        let operator = operators.into_iter().find(|operator| what.starts_with(operator));
        let operator = operator.unwrap_or_else(|| panic!("{place}is no line of a transcript"));
        let words = &what[operator.len()..];
        let words = words.strip_prefix(' ').unwrap_or(words);
        let words = if operator == "<" { words.to_owned() } else { self.filled_in(words, place) };
        let Some(Session { peer, is_relay, ended }) = self.sessions.get_mut(who) else { panic!("{place}who?") };
        match operator {
            ">" => peer.send(&words),
            ">>" => peer.send_raw(&bytes_of(&words, place)),
            "<<" => peer.expect_raw(&bytes_of(&words, place)),
            "-" => peer.half_close(),
            "<." => {
                peer.expect_end();
                *ended = true;
            }
            "=" => peer.expect_nothing(),
            _ => {
                let got = peer.line();
                let crlf = *is_relay || words.ends_with(r"\r");
                let wanted = words.strip_suffix(r"\r").unwrap_or(&words);
                let found = match (got.strip_suffix('\r'), crlf) {
                    (Some(line), true) => matches(wanted, line, &self.known),
                    (None, false) => matches(wanted, &got, &self.known),
                    _ => None,
                };
                match found {
                    Some(found) => self.known.extend(found),
                    None => self.fail(who, &words, &got),
                }
            }
        }
    }

    /// The words with everything that is known put in.
    fn filled_in(&self, words: &str, place: &str) -> String {
        let mut text = String::new();
        for part in parts(words) {
            match part {
                Part::Text(plain) => text.push_str(plain),
                Part::Times(times) => text.push_str(&times),
                Part::Known(name) => match self.known.get(name) {
                    Some(value) => text.push_str(value),
                    None => panic!("{place}nobody knows {{{name}}}"),
                },
                Part::Anything(_) => panic!("{place}anything at all cannot be sent"),
            }
        }
        text
    }

    fn fail(&self, who: &str, wanted: &str, got: &str) -> ! {
        for (name, session) in self.sessions.iter().filter(|(name, _)| *name != who) {
            eprintln!("--- the conversation of {name}, {} ---\n{}", session.peer.name, session.peer.conversation());
        }
        self.sessions[who].peer.fail(&format!("({who})\nwanted {wanted:?}\n   got {got:?}"))
    }

    fn expect_nothing_more(&mut self) {
        let (relay, text): (Vec<_>, Vec<_>) =
            self.sessions.values_mut().filter(|session| !session.ended).partition(|session| session.is_relay);
        for session in text {
            session.peer.place = format!("{}: at its end\n", self.file);
            session.peer.expect_nothing();
        }
        for session in relay {
            session.peer.place = format!("{}: at its end\n", self.file);
            session.peer.half_close();
            session.peer.expect_end();
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
    while let Some((before, inner, after)) =
        rest.split_once('{').and_then(|(before, behind)| behind.split_once('}').map(|(a, b)| (before, a, b)))
    {
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

/// What a pattern learns from a line, if the line is as it says.
fn matches(pattern: &str, line: &str, known: &HashMap<String, String>) -> Option<HashMap<String, String>> {
    fn go<'a>(
        parts: &[Part<'a>],
        line: &str,
        known: &HashMap<String, String>,
        found: &mut Vec<(&'a str, String)>,
    ) -> bool {
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

/// The bytes that a text in quotation marks stands for: `\r \n \t \0 \\ \" \xff`.
fn bytes_of(quoted: &str, place: &str) -> Vec<u8> {
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
fn a_pattern_fits_what_it_says_and_nothing_else() {
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
    assert_eq!(bytes_of(r#""a\xff\r\n\0\"é""#, ""), b"a\xff\r\n\0\"\xc3\xa9");
}
