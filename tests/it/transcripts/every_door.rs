//! The conversations of the text door, held over the doors of programs: what a person types is asked
//! for by its act, and what a person reads must be heard.
//!
//! A program is told the same in other words, so both are read by the client's decoders and compared
//! as what they amount to: who said, did, was called or refused what. Information is worded by each
//! door as it likes, so of that only its place counts. Left out is what only people can ask for (a bare
//! `who`, `/stay`), with its answer. A program's first name is its id, so `{bob}` is that here.

#![allow(clippy::panic, reason = "a helper that cannot go on has found a fault")]

use std::collections::{BTreeMap, HashMap, VecDeque};
use std::fs;

use parlor::client::{Heard, Kind, Speech};
use parlor::protocol::{COMMANDS, Command};
use parlor::wire::{Framing, HeardDecoder, Inbound};
use parlor::{Config, Wire};
use serde_json::{Value, json};

use crate::support::{Peer, TestServer, frame, packet};
use crate::transcripts::{Known, bytes_of, file, filled_in, folder, matches};

/// One test for each transcript, by every door of programs and in every framing.
macro_rules! held_over {
    ($($name:ident)*) => {
        $(#[test] fn $name() { play_by_every_door(stringify!($name)); })*

        #[test]
        fn transcript_is_held_over_or_excused() {
            let mut files: Vec<_> = fs::read_dir(folder()).unwrap().map(|entry| entry.unwrap().path()).collect();
            files.sort();
            let left_out = NOT_HELD_OVER.iter().flat_map(|(names, _)| names.split(' ')).map(file);
            let mut told: Vec<_> = [$(file(stringify!($name))),*].into_iter().chain(left_out).collect();
            told.sort();
            assert_eq!(files, told);
        }
    };
}

held_over! {
    private_lines names names_refused said_literally quit ignoring quiet echo rooms rooms_refused topics
    whois_and_away commands
}

/// Why the other transcripts are not played here.
const NOT_HELD_OVER: [(&str, &str); 9] = [
    (
        "json_talk json_names json_private_lines json_rooms json_several_rooms json_history json_preferences json_errors json_quit",
        "are by the json door already",
    ),
    ("frames frames_of_the_chat frame_rooms frames_unasked", "are by the frame door already"),
    (
        "four_doors one_line two_doors visits masked_to_programs relay relay_lines",
        "say by which door each comes, and what each sees of the others",
    ),
    (
        "the_first_thirty_seconds welcome welcome_to_a_crowd masked history history_off idle never_idle",
        "are of the text door's greeting and of silence there. A program is not greeted and may be silent; what it is \
         told of the past is in json_history and frames_unasked, how it is masked in masked_to_programs",
    ),
    (
        "help short_names_of_commands unknown_commands refused_words",
        "are of how commands are typed. A program has the whole act or none, and its words in keys: see json_errors",
    ),
    ("time address charset", "are of the style of lines for people; a program gets `Ts` and `Id`, in UTF-8"),
    ("line_ends long_lines half_close telnet wrong_protocol", "are of the bytes of the text door"),
    ("classic", "is of what the text door leaves out"),
    (
        "the_old_chat_room cleaning",
        "need what JSON cannot say: bare words, empty lines, bytes that are not UTF-8. How a program's words are \
         cleaned is in one_line",
    ),
];

/// A packet of 255 bytes has no place for lists of people and rooms, nor for long topics.
const TOO_LONG_FOR_GF1: [&str; 5] = ["commands", "rooms", "rooms_refused", "topics", "whois_and_away"];

struct Program {
    peer: Peer,
    wire: Wire,
    decoder: HeardDecoder,
    heard: VecDeque<Heard>,
    /// The last request; `None` until the next request of all if no program can ask for it.
    asked: Option<&'static str>,
    ended: bool,
}

/// Once in JSON lines, once in frames, and twice with each program in another of gtcp's framings.
fn play_by_every_door(name: &str) {
    use Framing::{Gf1, Gf2, Gf3, Gf4, Gf7, Lines};
    for framings in [&[Lines][..], &[Gf1, Gf7, Gf3], &[Gf2, Gf4, Gf1]] {
        let fit = framings.iter().filter(|framing| **framing != Gf1 || !TOO_LONG_FOR_GF1.contains(&name));
        play(name, &fit.map(|framing| Wire::Json(Some(*framing))).collect::<Vec<_>>());
    }
    play(name, &[Wire::Frame]);
}

/// Each session uses the next of `wires`, and the first one again after the last.
fn play(name: &str, wires: &[Wire]) {
    let path = file(name);
    let script = fs::read_to_string(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
    let mut programs = BTreeMap::new();
    let own = script.lines().filter_map(|line| line.strip_prefix("@ ")).flat_map(str::split_whitespace);
    let flags: Vec<&str> = own.chain(["--heartbeat", "0"]).collect(); // so that a wait for a frame has an end
    let server = TestServer::with(&flags);
    let mut wires = wires.iter().copied().cycle();
    let mut known: Known = HashMap::new();
    for (index, line) in unwrapped(&script).iter().enumerate() {
        if line.is_empty() || line.starts_with(['#', '@']) {
            continue;
        }
        let place = format!("{name}, line {}: {line}\n", index + 1);
        let (who, what) = line.split_at(line.find(|c: char| !c.is_ascii_alphanumeric()).unwrap_or(line.len()));
        if what == " enters" || what == " relay" {
            let (program, name) = match what {
                " relay" => Program::of_relay(&server),
                _ => Program::enter(&server, wires.next().unwrap(), &known),
            };
            known.insert(who.to_owned(), name);
            programs.insert(who.to_owned(), program);
            continue;
        }
        if what.starts_with('>') {
            programs.values_mut().for_each(|program: &mut Program| _ = program.asked.get_or_insert(""));
        }
        let program: &mut Program = programs.get_mut(who).unwrap_or_else(|| panic!("{place}who?"));
        program.peer.place = format!("by {:?}: {place}", program.wire);
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
            if program.is_not_told(pattern) {
                continue;
            }
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
    let mut left: Vec<_> = programs.values_mut().filter(|program| !program.ended).collect();
    left.sort_by_key(|program| program.wire == Wire::Relay); // which have to leave to be asked
    for program in left {
        program.peer.place = format!("by {:?}: {name}, at its end\n", program.wire);
        program.expects_nothing();
    }
}

impl Program {
    fn connect(server: &TestServer, wire: Wire) -> Self {
        let peer = Peer::connect(match wire {
            Wire::Relay => server.relay,
            Wire::Frame => server.frame,
            _ => server.json,
        });
        let decoder = HeardDecoder::new(wire).or_else(|| HeardDecoder::new(Wire::Text)).unwrap();
        Self { peer, wire, decoder, heard: VecDeque::new(), asked: Some(""), ended: false }
    }

    /// Comes into the lobby; also returns its id, which is its first name.
    fn enter(server: &TestServer, wire: Wire, known: &Known) -> (Self, String) {
        let mut program = Self::connect(server, wire);
        program.sends("join", json!({"Data": "lobby"}));
        program.until_answer("join");
        program.sends("ping", json!({"Ref": "fence"}));
        program.until_answer("ping");
        program.sends("whois", json!({"Data": program.peer.name.clone()}));
        let id = program.until_answer("whois")["Data"].as_str().unwrap().to_owned();
        assert!(!known.values().any(|known| *known == id));
        (program, id)
    }

    /// A session of the relay door, which only talks here; also returns its address.
    fn of_relay(server: &TestServer) -> (Self, String) {
        let program = Self::connect(server, Wire::Relay);
        let name = program.peer.name.clone();
        (program, name)
    }

    fn until_answer(&mut self, act: &str) -> Value {
        loop {
            let (_, object) = self.next_packet();
            if object["Act"] == act {
                return object;
            }
        }
    }

    fn sends(&mut self, act: &str, mut object: Value) {
        if let Wire::Json(framing) = self.wire {
            object["Act"] = act.into();
            self.peer.send_packet(framing.unwrap(), &object.to_string());
        } else {
            let spec = COMMANDS.iter().find(|spec| spec.name == act).unwrap();
            self.peer.send_frame(spec.route, object.to_string().as_bytes());
        }
    }

    /// Asks for what a person asks for by this line.
    fn asks(&mut self, line: &str) {
        if self.wire == Wire::Relay {
            return self.peer.send(line);
        }
        self.asked = None;
        if line == "who" {
            return;
        }
        let mut sends = |act: &'static str, object| {
            self.asked = Some(act);
            self.sends(act, object);
        };
        // The text decoder tells which lines are said.
        if let Some(said) = said_by(line) {
            return sends("say", json!({"Data": said}));
        }
        if let Some(rest) = line.strip_prefix("rename|") {
            return sends("nick", json!({"Data": rest.split('|').next()}));
        }
        let words = if ["quit", "exit"].iter().any(|word| line.eq_ignore_ascii_case(word)) {
            "quit"
        } else {
            line.strip_prefix('/').unwrap()
        };
        let (word, rest) = words.split_once(' ').unwrap_or((words, ""));
        let word = word.to_lowercase();
        let spec = COMMANDS.iter().find(|spec| spec.name == word || spec.aliases.contains(&word.as_str()));
        let spec = spec.unwrap_or_else(|| panic!("no command {word}"));
        match rest.split_once(' ').filter(|_| spec.name == "msg") {
            _ if spec.route == 0 => {}
            Some((to, text)) => sends(spec.name, json!({"To": to, "Data": text})),
            None => sends(spec.name, json!({"Data": rest})),
        }
    }

    /// Whether a person is told this here, and this program is not.
    fn is_not_told(&self, pattern: &str) -> bool {
        match self.asked {
            None => true,
            // A client of the frame door is not told of itself what was said before it came.
            Some(asked) => self.wire == Wire::Frame && pattern.starts_with("--- ") && asked != "history",
        }
    }

    /// The bytes of the next packet, and its object.
    fn next_packet(&mut self) -> (Vec<u8>, Value) {
        let (bytes, data) = match self.wire {
            Wire::Json(framing) => {
                let framing = framing.unwrap();
                let data = self.peer.next_packet(framing);
                (packet(framing, &data), data)
            }
            _ => {
                let (route, data) = self.peer.next_frame();
                (frame(route, &data), String::from_utf8(data).unwrap())
            }
        };
        let object = serde_json::from_str(&data);
        (bytes, object.unwrap_or_else(|error| self.peer.fail(&format!("{error}: {data:?}"))))
    }

    fn next(&mut self) -> Heard {
        while self.heard.is_empty() {
            let (bytes, _) = self.next_packet();
            self.decoder.feed(&bytes);
            while let Some((_, heard)) = self.decoder.next().unwrap() {
                self.heard.push_back(heard);
            }
        }
        self.heard.pop_front().unwrap()
    }

    fn expects_nothing(&mut self) {
        if self.wire == Wire::Relay {
            self.peer.half_close(); // it cannot ask
            return self.peer.expect_end();
        }
        let mut heard: Vec<String> = self.heard.iter().map(shown).collect();
        self.sends("ping", json!({"Ref": "fence"}));
        loop {
            let (_, object) = self.next_packet();
            if object["Ref"] == "fence" {
                break;
            }
            heard.push(object.to_string());
        }
        if !heard.is_empty() {
            self.peer.fail(&format!("wanted nothing, got {heard:?}"));
        }
    }
}

/// The lines of a script, with those in one that the text door wraps: no other door does.
fn unwrapped(script: &str) -> Vec<String> {
    let mut lines: Vec<String> = Vec::new();
    for line in script.lines() {
        let further = ["*** ", "!!! "].iter().find_map(|mark| line.split_once(&format!("< {mark}    ")));
        match (lines.iter_mut().rev().find(|last| !last.is_empty()), further) {
            (Some(begun), Some((_, more))) => {
                // In a transcript `{*}` stands for the blank at which a line is wrapped.
                if let Some(text) = begun.strip_suffix("{*}") {
                    *begun = format!("{text} ");
                }
                begun.push_str(more);
                lines.push(String::new()); // the places of the others stay
            }
            _ => lines.push(line.to_owned()),
        }
    }
    lines
}

/// The words that the text decoder takes this line to say to the room.
fn said_by(line: &str) -> Option<&str> {
    let mut decoder = Wire::Text.decoder(Config::default().limits());
    decoder.feed(format!("{line}\n").as_bytes());
    match decoder.next() {
        // As it was typed: it is for the server to clean it.
        Ok(Some(Inbound::Command(Command::Say(body)))) => Some(match line.strip_suffix(body.as_str()) {
            Some(before) => &line[before.len()..],
            None => line,
        }),
        _ => None,
    }
}

/// The meaning of a line of the text door; `None` where it is a heading that no program needs.
fn wanted(pattern: &str) -> Option<String> {
    let mut decoder = HeardDecoder::new(Wire::Text).unwrap();
    decoder.feed(format!("{pattern}\n").as_bytes());
    let (_, heard) = decoder.next().unwrap().unwrap();
    match &heard {
        Heard::Other(text) if text == "rename ok" => Some("is now called {*}".to_owned()),
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

/// The meaning of what was heard, in words that are the same for every door.
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
