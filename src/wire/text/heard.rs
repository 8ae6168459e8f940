//! Decodes the text door's lines for a client.
//!
//! A client knows its own line by the address before it; the first line of the greeting tells it.

use std::collections::VecDeque;
use std::net::SocketAddr;

use super::announcement::{I_AM_HERE, LOGIN, LOGIN_OUT, TIME_OUT};
use super::wrap::INDENT;
use crate::protocol::{CloseKind, Setting, clean, is_mask};
use crate::wire::heard::{Heard, Kind, Speech};

/// Longest wrapped line of the server that is joined again, in bytes.
const MAX_JOINED: usize = 64 * 1024;

/// Facts that the text door has told this client so far; later lines are read by them.
#[derive(Debug, Default)]
pub(in crate::wire) struct TextDoor {
    /// This client's address there, once it is admitted.
    me: Option<String>,
    /// Whether it has seen its own arrival. Lines that look like one after that are its own speech.
    came: bool,
    name: Option<String>,
    room: Option<String>,
    pub(in crate::wire) idle: Option<u64>,
    /// Within the list of `/who`.
    listing: bool,
    /// A wrapped line of the server whose rest has not come.
    begun: Option<String>,
}

impl TextDoor {
    /// The room that this client is in: the lobby until the server names another.
    pub(in crate::wire) fn room(&self) -> Option<&str> {
        self.room.as_deref().or_else(|| self.me.as_ref().map(|_| "lobby"))
    }

    /// Reads a line. Keeps a wrapped line until its rest has come.
    pub(in crate::wire) fn read(&mut self, line: &[u8], ready: &mut VecDeque<(Option<u64>, Heard)>) {
        let line = clean(line.strip_suffix(b"\r").unwrap_or(line));
        let line = match self.begun.take() {
            Some(begun) => match further(&begun, &line) {
                Some(more) => begun + more,
                None => {
                    ready.extend(self.read_whole(&begun).map(|heard| (None, heard)));
                    line.into_owned()
                }
            },
            None => line.into_owned(),
        };
        // The server leaves a blank at the end of a wrapped line.
        if line.ends_with(' ') && line.len() <= MAX_JOINED && (line.starts_with("*** ") || line.starts_with("!!! ")) {
            self.begun = Some(line);
        } else {
            ready.extend(self.read_whole(&line).map(|heard| (None, heard)));
        }
    }

    /// Reads the kept line, because no rest follows.
    pub(in crate::wire) fn finish(&mut self, ready: &mut VecDeque<(Option<u64>, Heard)>) {
        if let Some(begun) = self.begun.take() {
            ready.extend(self.read_whole(&begun).map(|heard| (None, heard)));
        }
    }

    fn read_whole(&mut self, line: &str) -> Option<Heard> {
        let line = without_time(line);
        if let Some(info) = line.strip_prefix("*** ") {
            return Some(self.info(info));
        } else if let Some(more) = line.strip_prefix("!!! To say it as text: ") {
            // The second line of one refusal.
            return Some(Heard::Info(format!("To say it as text: {more}")));
        } else if let Some(text) = line.strip_prefix("!!! ") {
            return Some(Heard::Refused { code: None, text: text.to_owned() });
        } else if let Some(past) = line.strip_prefix("--- ") {
            return Some(past_line(past));
        }
        let speech = self.speech(line).map(|speech| self.of(speech));
        speech.unwrap_or_else(|| Some(entry(line).unwrap_or_else(|| Heard::Other(line.to_owned()))))
    }

    /// Reads a line that a person caused.
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

    /// Reads the words of a line that a person caused. Announcements have the same form as speech; a client
    /// can tell them apart only for itself.
    fn of(&mut self, speech: Speech) -> Option<Heard> {
        if speech.kind == Kind::Said {
            match (&*speech.text, speech.mine) {
                (I_AM_HERE, _) if self.me.is_none() => {
                    self.me.clone_from(&speech.address);
                    self.name = Some(speech.name);
                    return speech.address.map(Heard::Here);
                }
                (LOGIN, true) if !self.came => {
                    self.came = true;
                    return None;
                }
                (LOGIN, false) => return Some(Heard::Came { name: speech.name }),
                (LOGIN_OUT, false) => return Some(Heard::Left { name: speech.name, why: None }),
                (TIME_OUT, false) => {
                    return Some(Heard::Left { name: speech.name, why: Some(CloseKind::Idle.name().to_owned()) });
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
            ["Welcome", "to", "Parlor.", ..] => {
                self.room = words.iter().find(|word| word.starts_with('#')).map(|room| bare(room));
            }
            ["Quiet", "for", count, unit, "means", ..] => {
                self.idle = Setting::parse(count, unit).map(|Setting(seconds)| seconds);
            }
            ["Say", "something", "or", "take", "a", "name", "within", count, unit, ..] => {
                self.idle = Setting::parse(count, unit.trim_end_matches(';')).map(|Setting(seconds)| seconds);
            }
            _ => {}
        }
        Heard::Info(info.to_owned())
    }
}

/// The rest of a wrapped line; `None` if the next line is another one.
fn further<'a>(begun: &str, line: &'a str) -> Option<&'a str> {
    line.strip_prefix(begun.get(..4)?)?.strip_prefix(INDENT)
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

/// A history line after its dashes: `12:04 mike: text`.
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

/// `ADDR:NAME` in the answer to a bare `who`. The name may be an address, and the address may be masked.
fn entry(line: &str) -> Option<Heard> {
    let mut colons = line.match_indices(':').map(|(at, _)| (line.get(..at), line.get(at + 1..)));
    colons.find_map(|(address, name)| {
        let (address, name) = (address?, name?);
        let is_address = address.parse::<SocketAddr>().is_ok() || is_mask(address);
        let is_entry = is_address && !name.is_empty() && !name.contains(' ');
        is_entry.then(|| Heard::Person { name: name.to_owned(), detail: address.to_owned() })
    })
}
