//! Decodes the objects of the JSON and frame doors for a client.
//!
//! An object is read key by key and only known keys are kept. So the memory is at most a small multiple
//! of the bytes received (15 MiB of `{"":0},` became 1.5 GiB).

use std::borrow::Cow;
use std::collections::VecDeque;
use std::fmt;

use serde::de::{Deserialize, Deserializer, IgnoredAny, MapAccess, SeqAccess, Visitor};

use super::act::Act;
use crate::protocol::{Code, Verb, clean};
use crate::wire::heard::{Heard, Kind, Speech};

/// Most entries of one list that are kept; the rest are counted. Sixteen times the default of
/// `--max-clients`.
const MAX_ENTRIES: usize = 65_536;
/// The act of gtcp's greeting; its answer is a sentence.
const HELLO: &str = "hello";
/// Bytes shown of text that is no object.
const MAX_SHOWN: usize = 4096;

/// Reads the object of one packet and appends its events to `ready`. `place` is the room that the client
/// is in.
pub(in crate::wire) fn read_object(
    bytes: &[u8],
    ready: &mut VecDeque<(Option<u64>, Heard)>,
    place: &mut Option<String>,
) {
    let object = serde_json::from_slice::<Object>(bytes).ok().filter(|object| object.has_act);
    let Some(object) = object else {
        let (shown, more) = bytes.split_at(bytes.len().min(MAX_SHOWN));
        let mark = if more.is_empty() { "" } else { " …" };
        return ready.push_back((None, Heard::Other(format!("{}{mark}", clean(shown)))));
    };
    let tag = object.tag;
    let mut hear = |heard| ready.push_back((tag, heard));
    let (act, data) = (object.act.clone().unwrap_or_default(), object.data.clone().unwrap_or_default());
    let from = || object.from.clone().unwrap_or_else(|| data.clone());
    // A packet cut to fit has no `From`. Its `Data` is text, not a name.
    let speaker = || object.from.clone().unwrap_or_default();
    let room = || object.room.clone().unwrap_or_default();
    match Act::named(&act) {
        Act::Chat => hear(object.speech(Kind::Said, speaker(), data, tag)),
        Act::Action => hear(object.speech(Kind::Acted, speaker(), data, tag)),
        Act::Private => hear(object.speech(Kind::Told, speaker(), data, None)),
        Act::Answer(Verb::Msg) => {
            hear(object.speech(Kind::ToldTo, object.to.clone().unwrap_or_default(), data, Some(0)));
        }
        Act::Joined => hear(Heard::Came { name: from() }),
        Act::Left => hear(Heard::Left { name: from(), why: object.why.clone() }),
        Act::Renamed => hear(Heard::Renamed { old: object.old.clone().unwrap_or_default(), name: from() }),
        Act::Answer(Verb::Nick) => hear(Heard::YouAre(data)),
        Act::Error => hear(Heard::Refused { code: object.code.clone(), text: data }),
        Act::DoExit => hear(Heard::Leave),
        Act::Answer(Verb::Quit) => hear(Heard::Info("Goodbye".to_owned())),
        Act::Answer(Verb::Join) => {
            *place = Some(data.clone());
            hear(Heard::Info(format!("You are in #{data}")));
        }
        Act::Answer(Verb::Version) => hear(Heard::Info(format!("Parlor {data}"))),
        Act::Answer(Verb::Uptime) => hear(Heard::Info(format!("Up for {data} s"))),
        Act::Answer(Verb::Topic) | Act::TopicSet => hear(Heard::Info(match &object.from {
            Some(name) => format!("{name} set the topic: {data}"),
            None => format!("topic of #{}: {data}", room()),
        })),
        Act::Answer(Verb::History) => hear(Heard::Info("end of history".to_owned())),
        Act::Answer(Verb::Whois) => {
            let room = object.room.as_ref().map_or_else(|| "no room".to_owned(), |room| format!("#{room}"));
            hear(Heard::Info(format!("{data}: in {room}, by {}", object.by.clone().unwrap_or_default())));
        }
        Act::Answer(Verb::Away) if data.is_empty() => hear(Heard::Info("You are away".to_owned())),
        Act::Answer(Verb::Away) => hear(Heard::Info(format!("You are away: {data}"))),
        Act::Answer(Verb::Back) => hear(Heard::Info("Welcome back".to_owned())),
        Act::Notice if object.code.as_deref() == Some(Code::Away.name()) => {
            let away = if data.is_empty() { data } else { format!(": {data}") };
            hear(Heard::Info(format!("{} is away{away}", speaker())));
        }
        Act::Answer(Verb::Who) => {
            let Entries { all, more } = object.people;
            hear(Heard::Info(format!("{} here in #{}:", all.len() + more, object.room.unwrap_or_default())));
            for entry in all {
                let detail = format!("idle {} s, here {} s", entry.idle, entry.here);
                hear(Heard::Person { name: entry.name, detail });
            }
            if more > 0 {
                hear(Heard::Info(format!("  and {more} more")));
            }
            hear(Heard::EndOfList);
        }
        Act::Answer(Verb::Rooms) => {
            let Entries { all, more } = object.rooms;
            for entry in all {
                let line = format!("  #{}  {} here  {}", entry.room, entry.people, entry.topic);
                hear(Heard::Info(line.trim_end().to_owned()));
            }
            if more > 0 {
                hear(Heard::Info(format!("  and {more} more")));
            }
            hear(Heard::EndOfList);
        }
        // The answers of these have no words, only a name or a switch.
        Act::Answer(Verb::Ignore | Verb::Unignore | Verb::Quiet | Verb::Echo) | Act::Custom(_) if act != HELLO => {
            hear(Heard::Info(format!("{act}: {data}")));
        }
        Act::Answer(_) | Act::Notice | Act::Custom(_) => hear(Heard::Info(data)),
    }
}

/// The known keys of one packet; texts are clean. The last of equal keys counts.
#[derive(Debug, Default)]
struct Object {
    has_act: bool,
    act: Option<String>,
    data: Option<String>,
    from: Option<String>,
    to: Option<String>,
    old: Option<String>,
    room: Option<String>,
    id: Option<String>,
    why: Option<String>,
    by: Option<String>,
    code: Option<String>,
    tag: Option<u64>,
    at: Option<u64>,
    seq: Option<u64>,
    past: bool,
    people: Entries,
    rooms: Entries,
}

impl Object {
    fn speech(&self, kind: Kind, name: String, text: String, tag: Option<u64>) -> Heard {
        Heard::Speech(Speech {
            kind,
            name,
            text,
            room: self.room.clone(),
            address: None,
            id: self.id.clone(),
            at: self.at,
            clock: None,
            seq: self.seq,
            // Only the answer to this client's own line carries a mark.
            mine: tag.is_some() && !self.past,
            past: self.past,
        })
    }
}

impl<'de> Deserialize<'de> for Object {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        struct Keys;
        impl<'de> Visitor<'de> for Keys {
            type Value = Object;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("an object")
            }

            fn visit_map<M: MapAccess<'de>>(self, mut map: M) -> Result<Object, M::Error> {
                let mut object = Object::default();
                while let Some(key) = map.next_key::<Cow<'de, str>>()? {
                    match &*key {
                        "Act" => (object.has_act, object.act) = (true, map.next_value::<Scalar>()?.text()),
                        "Data" => object.data = map.next_value::<Scalar>()?.text(),
                        "From" => object.from = map.next_value::<Scalar>()?.text(),
                        "To" => object.to = map.next_value::<Scalar>()?.text(),
                        "Old" => object.old = map.next_value::<Scalar>()?.text(),
                        "Room" => object.room = map.next_value::<Scalar>()?.text(),
                        "Id" => object.id = map.next_value::<Scalar>()?.text(),
                        "Why" => object.why = map.next_value::<Scalar>()?.text(),
                        "By" => object.by = map.next_value::<Scalar>()?.text(),
                        "Code" => object.code = map.next_value::<Scalar>()?.text(),
                        "Ref" => object.tag = map.next_value::<Scalar>()?.number(),
                        "Ts" => object.at = map.next_value::<Scalar>()?.number(),
                        "Seq" => object.seq = map.next_value::<Scalar>()?.number(),
                        "Past" => object.past = map.next_value::<Scalar>()?.flag(),
                        "People" => object.people = map.next_value()?,
                        "Rooms" => object.rooms = map.next_value()?,
                        _ => drop(map.next_value::<IgnoredAny>()?),
                    }
                }
                Ok(object)
            }
        }
        from.deserialize_map(Keys)
    }
}

/// One scalar value. Lists and objects are read and dropped.
#[derive(Debug)]
enum Scalar {
    Text(String),
    Number(u64),
    Flag(bool),
    Other,
}

impl Scalar {
    fn text(self) -> Option<String> {
        if let Self::Text(text) = self { Some(text) } else { None }
    }

    fn number(self) -> Option<u64> {
        if let Self::Number(number) = self { Some(number) } else { None }
    }

    fn flag(self) -> bool {
        matches!(self, Self::Flag(true))
    }
}

impl<'de> Deserialize<'de> for Scalar {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        struct Any;
        impl<'de> Visitor<'de> for Any {
            type Value = Scalar;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a value")
            }

            fn visit_str<E>(self, text: &str) -> Result<Scalar, E> {
                Ok(Scalar::Text(clean(text.as_bytes()).into_owned()))
            }

            fn visit_u64<E>(self, number: u64) -> Result<Scalar, E> {
                Ok(Scalar::Number(number))
            }

            fn visit_i64<E>(self, _: i64) -> Result<Scalar, E> {
                Ok(Scalar::Other)
            }

            fn visit_f64<E>(self, _: f64) -> Result<Scalar, E> {
                Ok(Scalar::Other)
            }

            fn visit_bool<E>(self, flag: bool) -> Result<Scalar, E> {
                Ok(Scalar::Flag(flag))
            }

            fn visit_unit<E>(self) -> Result<Scalar, E> {
                Ok(Scalar::Other)
            }

            fn visit_seq<S: SeqAccess<'de>>(self, mut list: S) -> Result<Scalar, S::Error> {
                while list.next_element::<IgnoredAny>()?.is_some() {}
                Ok(Scalar::Other)
            }

            fn visit_map<M: MapAccess<'de>>(self, mut map: M) -> Result<Scalar, M::Error> {
                while map.next_entry::<IgnoredAny, IgnoredAny>()?.is_some() {}
                Ok(Scalar::Other)
            }
        }
        from.deserialize_any(Any)
    }
}

/// A list of people or rooms; entries without a name are left out.
#[derive(Debug, Default)]
struct Entries {
    all: Vec<Entry>,
    /// Entries beyond [`MAX_ENTRIES`].
    more: usize,
}

/// A person or a room.
#[derive(Debug, Default)]
struct Entry {
    name: String,
    idle: u64,
    here: u64,
    room: String,
    people: u64,
    topic: String,
}

impl<'de> Deserialize<'de> for Entries {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        struct List;
        impl<'de> Visitor<'de> for List {
            type Value = Entries;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a list")
            }

            fn visit_seq<S: SeqAccess<'de>>(self, mut list: S) -> Result<Entries, S::Error> {
                let mut entries = Entries::default();
                while let Some(entry) = list.next_element::<Entry>()? {
                    if entry.name.is_empty() && entry.room.is_empty() {
                        continue;
                    } else if entries.all.len() < MAX_ENTRIES {
                        entries.all.push(entry);
                    } else {
                        entries.more += 1;
                    }
                }
                Ok(entries)
            }
        }
        from.deserialize_seq(List)
    }
}

impl<'de> Deserialize<'de> for Entry {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        struct Keys;
        impl<'de> Visitor<'de> for Keys {
            type Value = Entry;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("an object")
            }

            fn visit_map<M: MapAccess<'de>>(self, mut map: M) -> Result<Entry, M::Error> {
                let mut entry = Entry::default();
                while let Some(key) = map.next_key::<Cow<'de, str>>()? {
                    match &*key {
                        "Name" => entry.name = map.next_value::<Scalar>()?.text().unwrap_or_default(),
                        "Idle" => entry.idle = map.next_value::<Scalar>()?.number().unwrap_or_default(),
                        "Here" => entry.here = map.next_value::<Scalar>()?.number().unwrap_or_default(),
                        "Room" => entry.room = map.next_value::<Scalar>()?.text().unwrap_or_default(),
                        "People" => entry.people = map.next_value::<Scalar>()?.number().unwrap_or_default(),
                        "Topic" => entry.topic = map.next_value::<Scalar>()?.text().unwrap_or_default(),
                        _ => drop(map.next_value::<IgnoredAny>()?),
                    }
                }
                Ok(entry)
            }
        }
        from.deserialize_map(Keys)
    }
}
