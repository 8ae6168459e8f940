//! The conversations of the text door, held over the doors of programs: what a person types is asked
//! for by its act, and what a person reads must be heard.
//!
//! A program is told the same in other words, so both are read by the client's decoders and compared
//! as what they amount to: who said, did, was called or refused what. Information is worded by each
//! door as it likes, so of that only its place counts. Left out is what only people can ask for (a bare
//! `who`). A program's first name is its id, so `{bob}` is that here.

#![allow(clippy::panic, reason = "a helper that cannot go on has found a fault")]

use std::collections::{BTreeMap, HashMap, VecDeque};
use std::fs;

use parlor::Wire;
use parlor::client::{Heard, Kind, Speech};
use parlor::protocol::COMMANDS;
use parlor::wire::{Framing, HeardDecoder};
use serde_json::{Value, json};

use crate::support::{House, Peer, frame};
use crate::transcripts::{Known, bytes_of, file, filled_in, matches};

const JSON: Wire = Wire::Json(Some(Framing::Lines));

/// One test for each transcript.
macro_rules! held_over {
    ($wires:expr; $($name:ident)*) => {
        $(#[test] fn $name() { $wires.into_iter().for_each(|wire| play(stringify!($name), wire)); })*
    };
}

held_over! { [JSON, Wire::Frame]; private_lines names quit ignoring quiet echo }
// A client of the frame door is not told of itself what was said before it came.
held_over! { [JSON]; rooms topics }

struct Program {
    peer: Peer,
    wire: Wire,
    decoder: HeardDecoder,
    heard: VecDeque<Heard>,
    ended: bool,
}

fn play(name: &str, wire: Wire) {
    let path = file(name);
    let script = fs::read_to_string(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
    let mut programs = BTreeMap::new();
    let own = script.lines().filter_map(|line| line.strip_prefix("@ ")).flat_map(str::split_whitespace);
    let flags: Vec<&str> = own.chain(["--heartbeat", "0"]).collect(); // so that a wait for a frame has an end
    let house = House::with(&flags);
    let mut known: Known = HashMap::new();
    for (index, line) in script.lines().enumerate() {
        if line.is_empty() || line.starts_with(['#', '@']) {
            continue;
        }
        let place = format!("{name} by {wire}, line {}: {line}\n", index + 1);
        let (who, what) = line.split_at(line.find(|c: char| !c.is_ascii_alphanumeric()).unwrap_or(line.len()));
        if what == " enters" {
            let (program, id) = Program::enter(&house, wire, &known);
            known.insert(who.to_owned(), id);
            programs.insert(who.to_owned(), program);
            continue;
        }
        let program: &mut Program = programs.get_mut(who).unwrap_or_else(|| panic!("{place}who?"));
        program.peer.place.clone_from(&place);
        if let Some(quoted) = what.strip_prefix(">> ") {
            let bytes = bytes_of(quoted, &place);
            String::from_utf8_lossy(&bytes).lines().for_each(|line| program.asks(line));
        } else if what == "<." {
            program.peer.expect_end();
            program.ended = true;
        } else if what == "=" {
            program.expects_nothing();
        } else if let Some(words) = what.strip_prefix("> ") {
            program.asks(&filled_in(words, &known, &place));
        } else if let Some(pattern) = what.strip_prefix("< ") {
            let Some(wanted) = wanted(pattern) else { continue };
            let got = shown(&program.next());
            match matches(&wanted, &got, &known) {
                Some(found) => known.extend(found),
                None => program.peer.fail(&format!("({who})\nwanted {wanted:?}\n   got {got:?}")),
            }
        } else {
            panic!("{place}is no line for this");
        }
    }
    for program in programs.values_mut().filter(|program| !program.ended) {
        program.peer.place = format!("{name} by {wire}, at its end\n");
        program.expects_nothing();
    }
}

impl Program {
    /// Comes into the lobby; also returns its id, which is its first name.
    fn enter(house: &House, wire: Wire, known: &Known) -> (Self, String) {
        let peer = Peer::connect(if wire == Wire::Frame { house.frame } else { house.json });
        let decoder = HeardDecoder::new(wire).unwrap();
        let mut program = Self { peer, wire, decoder, heard: VecDeque::new(), ended: false };
        program.sends("join", json!({"Data": "lobby"}));
        program.sends("who", json!({}));
        let ids = loop {
            let object = program.next_object();
            if object["Act"] == "who" {
                break object["People"].as_array().unwrap().clone();
            }
        };
        let mut ids = ids.iter().map(|person| person["Id"].as_str().unwrap().to_owned());
        let own = ids.find(|id| !known.values().any(|known| known == id));
        (program, own.unwrap())
    }

    fn sends(&mut self, act: &str, mut object: Value) {
        if self.wire == Wire::Frame {
            let spec = COMMANDS.iter().find(|spec| spec.name == act).unwrap();
            self.peer.send_frame(spec.route, object.to_string().as_bytes());
        } else {
            object["Act"] = act.into();
            self.peer.ask(&object);
        }
    }

    /// Asks for what a person asks for by this line.
    fn asks(&mut self, line: &str) {
        if line == "who" {
            return;
        }
        if let Some(rest) = line.strip_prefix("rename|") {
            return self.sends("nick", json!({"Data": rest.split('|').next()}));
        }
        let words = if line.eq_ignore_ascii_case("quit") { Some("quit") } else { line.strip_prefix('/') };
        let Some(words) = words else { return self.sends("say", json!({"Data": line})) };
        let (word, rest) = words.split_once(' ').unwrap_or((words, ""));
        let word = word.to_lowercase();
        let spec = COMMANDS.iter().find(|spec| spec.name == word || spec.aliases.contains(&word.as_str()));
        let act = spec.unwrap_or_else(|| panic!("no command {word}")).name;
        match rest.split_once(' ').filter(|_| act == "msg") {
            Some((to, text)) => self.sends(act, json!({"To": to, "Data": text})),
            None => self.sends(act, json!({"Data": rest})),
        }
    }

    fn next_object(&mut self) -> Value {
        if self.wire == Wire::Frame {
            serde_json::from_slice(&self.peer.next_frame().1).unwrap()
        } else {
            self.peer.json()
        }
    }

    fn next(&mut self) -> Heard {
        while self.heard.is_empty() {
            if self.wire == Wire::Frame {
                let (route, data) = self.peer.next_frame();
                self.decoder.feed(&frame(route, &data));
            } else {
                let line = self.peer.line();
                self.decoder.feed(format!("{line}\n").as_bytes());
            }
            while let Some((_, heard)) = self.decoder.next().unwrap() {
                self.heard.push_back(heard);
            }
        }
        self.heard.pop_front().unwrap()
    }

    fn expects_nothing(&mut self) {
        let mut heard: Vec<String> = self.heard.iter().map(shown).collect();
        if self.wire == Wire::Frame {
            heard.extend(self.peer.frame_fence().iter().map(|heard| format!("{heard:?}")));
        } else {
            heard.extend(self.peer.json_fence().iter().map(Value::to_string));
        }
        if !heard.is_empty() {
            self.peer.fail(&format!("wanted nothing, got {heard:?}"));
        }
    }
}

/// What a line of the text door amounts to; `None` where no program can ask for it.
fn wanted(pattern: &str) -> Option<String> {
    let mut decoder = HeardDecoder::new(Wire::Text).unwrap();
    decoder.feed(format!("{pattern}\n").as_bytes());
    let (_, heard) = decoder.next().unwrap().unwrap();
    match &heard {
        Heard::Other(text) if text == "rename ok" => Some("is now called {*}".to_owned()),
        Heard::Other(text) if text == "user list:" || text.starts_with('{') => None,
        Heard::Info(text) if text == "rooms:" => None,
        Heard::Info(text) if text.starts_with("  ") && !text.starts_with("  #") => {
            Some(format!("{} is listed", text.split_whitespace().next()?))
        }
        // A program is not told of a bare form that it has not got.
        Heard::Refused { text, .. } if text.starts_with("No name given") => {
            Some("refused: Usage: /nick NAME".to_owned())
        }
        // To those in a room, who goes to another one has left.
        Heard::Info(text) if text.contains(" went to #") => Some(format!("{} left", text.split(' ').next()?)),
        Heard::Info(text) if text.contains(" came from #") => Some(format!("{} came", text.split(' ').next()?)),
        heard => Some(shown(heard)),
    }
}

/// What was heard, in words that are the same for every door.
fn shown(heard: &Heard) -> String {
    match heard {
        Heard::Speech(Speech { kind, name, text, past, .. }) => {
            let past = if *past { "earlier, " } else { "" };
            let how = match kind {
                Kind::Said => "said",
                Kind::Acted => "did",
                Kind::Told => "told me",
                Kind::ToldTo => "was told",
            };
            format!("{past}{name} {how}: {text}")
        }
        Heard::Came { name } => format!("{name} came"),
        Heard::Left { name, .. } => format!("{name} left"),
        Heard::Renamed { old, name } => format!("{old} is now {name}"),
        Heard::YouAre(name) => format!("is now called {name}"),
        Heard::Refused { text, .. } => format!("refused: {text}"),
        Heard::Person { name, .. } => format!("{name} is listed"),
        Heard::Info(_) => "information".to_owned(),
        other => format!("{other:?}"),
    }
}
