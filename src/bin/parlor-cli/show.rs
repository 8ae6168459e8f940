//! The written form of events, for people and for programs.

use std::io::{self, IsTerminal, Write};
use std::process::ExitCode;

use serde_json::{Map, Value};

use parlor::protocol::CloseKind;
use parlor::wire::{Heard, Kind, Speech};

/// The colours of names: those of the terminal's own palette that are legible on dark and light.
const COLOURS: [u8; 10] = [31, 32, 33, 34, 35, 36, 91, 92, 94, 95];

/// Whether the terminal obeys no control sequences: `TERM` is `dumb`, empty or unset.
pub(super) fn is_dumb_terminal() -> bool {
    std::env::var_os("TERM").is_none_or(|term| term.is_empty() || term == "dumb")
}

/// The colours of a terminal.
#[derive(Debug, Clone, Copy)]
pub(super) struct Paint {
    on: bool,
}

impl Paint {
    /// Colours, if `out` is a terminal that has them and NO_COLOR is not set (<https://no-color.org>).
    pub(super) fn on(out: &impl IsTerminal) -> Self {
        let unwanted = std::env::var_os("NO_COLOR").is_some_and(|value| !value.is_empty());
        Self { on: out.is_terminal() && !unwanted && !is_dumb_terminal() }
    }

    pub(super) fn none() -> Self {
        Self { on: false }
    }

    /// A name in its colour, the same one each time.
    pub(super) fn name(self, name: &str) -> String {
        self.with(colour(name), name)
    }

    fn with(self, code: u8, text: &str) -> String {
        if self.on { format!("\x1b[{code}m{text}\x1b[0m") } else { text.to_owned() }
    }

    pub(super) fn faint(self, text: &str) -> String {
        self.with(2, text)
    }

    /// A line of chat.
    pub(super) fn speech(self, speech: &Speech) -> String {
        let (name, text) = (self.name(&speech.name), &speech.text);
        match speech.kind {
            Kind::Said => format!("{name}: {text}"),
            Kind::Acted => format!("* {name} {text}"),
            Kind::Told => format!(">>> {name}: {text}"),
            Kind::ToldTo => format!(">>> to {name}: {text}"),
        }
    }

    /// A join, a leave or a new name.
    pub(super) fn movement(self, heard: &Heard) -> Option<String> {
        Some(match heard {
            Heard::Came { name } => format!("*** {} came", self.name(name)),
            Heard::Left { name, why } => {
                let why = if why.as_deref() == Some(CloseKind::Idle.name()) { " (silent too long)" } else { "" };
                format!("*** {} left{why}", self.name(name))
            }
            Heard::Renamed { old, name } => format!("*** {} is now {}", self.name(old), self.name(name)),
            _ => return None,
        })
    }

    /// Any event that a person is to see.
    pub(super) fn line(self, heard: &Heard) -> Option<String> {
        Some(match heard {
            Heard::Speech(speech) => self.speech(speech),
            Heard::YouAre(name) => format!("*** You are now {}", self.name(name)),
            Heard::Person { name, detail } => format!("***   {}  {}", self.name(name), self.faint(detail)),
            Heard::EndOfList => self.faint("*** end of list"),
            Heard::Refused { text, .. } => self.refusal(text),
            Heard::Info(text) => self.info(text),
            Heard::Leave => self.info("The server asks you to leave"),
            Heard::Other(text) => text.clone(),
            Heard::Here(_) => return None,
            movement => return self.movement(movement),
        })
    }

    pub(super) fn info(self, text: &str) -> String {
        self.faint(&format!("*** {text}"))
    }

    /// Emphasis for a line that addresses the reader.
    pub(super) fn strong(self, text: &str) -> String {
        self.with(1, text)
    }

    pub(super) fn refusal(self, text: &str) -> String {
        self.with(31, &format!("!!! {text}"))
    }
}

/// FNV-1a: the same colour for a name in every run.
fn colour(name: &str) -> u8 {
    let hash = name
        .bytes()
        .fold(0xcbf2_9ce4_8422_2325_u64, |hash, byte| (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3));
    let index = usize::try_from((hash >> 32) % COLOURS.len() as u64).unwrap_or(0);
    COLOURS.get(index).copied().unwrap_or(0)
}

/// A line of chat as one JSON object, with the keys of the JSON door.
pub(super) fn object(speech: &Speech) -> String {
    let act = match speech.kind {
        Kind::Said => "chat",
        Kind::Acted => "action",
        Kind::Told => "private",
        Kind::ToldTo => "msg",
    };
    let mut object = Map::new();
    let mut put = |key: &str, value: Option<Value>| {
        if let Some(value) = value {
            object.insert(key.to_owned(), value);
        }
    };
    let text = |text: &Option<String>| text.clone().map(Value::String);
    put("Act", Some(act.into()));
    put("Data", Some(speech.text.clone().into()));
    put(if speech.kind == Kind::ToldTo { "To" } else { "From" }, Some(speech.name.clone().into()));
    put("Address", text(&speech.address));
    put("Id", text(&speech.id));
    put("Room", text(&speech.room));
    put("Ts", speech.at.map(Value::from));
    put("Seq", speech.seq.map(Value::from));
    Value::Object(object).to_string()
}

/// Writes to standard error.
pub(super) fn warn(what: &str) {
    let _ = writeln!(io::stderr(), "parlor-cli: {what}");
}

/// Writes the reason to standard error. Returns the exit code.
pub(super) fn complain(why: &str, code: u8) -> ExitCode {
    warn(why);
    ExitCode::from(code)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn name_has_one_colour() {
        let paint = Paint { on: true };
        assert_eq!(paint.name("ann"), paint.name("ann"));
        let names = ["ann", "bob", "mike", "eve", "carol", "dave", "127.0.0.1:5123"];
        let colours: std::collections::HashSet<_> = names.iter().map(|name| colour(name)).collect();
        assert!(colours.len() >= 4, "{colours:?}");
        assert_eq!(Paint::none().name("ann"), "ann");
    }

    #[test]
    fn object_has_keys_of_json_door() {
        let speech = Speech {
            name: "ann".into(),
            text: "\"hi\"".into(),
            room: Some("lobby".into()),
            seq: Some(3),
            ..Speech::default()
        };
        assert_eq!(object(&speech), r#"{"Act":"chat","Data":"\"hi\"","From":"ann","Room":"lobby","Seq":3}"#);
    }
}
