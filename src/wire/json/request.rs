//! Decodes a program's requests: the object of a packet or a frame becomes a command.

use std::borrow::Cow;
use std::fmt;

use serde::de::{DeserializeSeed, Deserializer, MapAccess, Visitor};
use serde::ser::{Serialize, SerializeMap, Serializer};
use serde_json::value::RawValue;

use super::field::{Field, Text, is_object, text_of};
use super::object::write;
use super::requests::{Lines, Manner, Requests};
use crate::protocol::{Command, CommandSpec, Nick, OthersHear, Refusal, RoomName, Verb, VisitTo, clean};
use crate::wire::{Inbound, Key};

/// The object of a request.
#[derive(Default)]
pub(in crate::wire) struct Request<'a> {
    pub(in crate::wire) act: Option<Cow<'a, str>>,
    pub(in crate::wire) data: Option<Cow<'a, str>>,
    pub(in crate::wire) to: Option<Cow<'a, str>>,
    pub(in crate::wire) room: Option<Cow<'a, str>>,
    pub(in crate::wire) after: Option<u64>,
    /// The name of a visit.
    pub(in crate::wire) name: Option<Cow<'a, str>>,
    pub(in crate::wire) visit: bool,
    /// Whether a join keeps the rooms that the session is in.
    pub(in crate::wire) also: bool,
    /// An error in its `Also`. It counts only for a join: programs may use the key for themselves.
    pub(in crate::wire) also_wrong: Option<String>,
    /// Its `Ref`, as JSON text.
    pub(in crate::wire) tag: Option<Box<str>>,
}

impl Serialize for Request<'_> {
    /// A request as a client writes it; [`write`] adds the `Ref`.
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(None)?;
        map.serialize_entry("Act", self.act.as_deref().unwrap_or_default())?;
        for (key, text) in [("Data", &self.data), ("To", &self.to), ("Room", &self.room), ("Name", &self.name)] {
            if let Some(text) = text {
                map.serialize_entry(key, text)?;
            }
        }
        if self.visit {
            map.serialize_entry("Visit", &true)?;
        }
        if self.also {
            map.serialize_entry("Also", &true)?;
        }
        if let Some(after) = self.after {
            map.serialize_entry("After", &after)?;
        }
        map.end()
    }
}

impl Request<'_> {
    /// The object by which a client asks.
    pub(in crate::wire) fn object(&self) -> Vec<u8> {
        write(self, self.tag.as_deref())
    }
}

/// A request that is being read, and the first error in it.
#[derive(Default)]
struct Draft<'a> {
    request: Request<'a>,
    wrong: Option<String>,
    /// An error in its `Name`. It counts only for a visit: programs may use the key for themselves.
    name_wrong: Option<String>,
}

impl<'a> Draft<'a> {
    /// Reads an object. An error does not end the reading, so that a later `Ref` is found.
    fn read(bytes: &'a [u8], text: &'a str) -> Self {
        let mut draft = Self::default();
        let mut deserializer = serde_json::Deserializer::from_str(text);
        let read = Keys(&mut draft).deserialize(&mut deserializer).and_then(|()| deserializer.end());
        if let Err(error) = read {
            draft.note(error.to_string());
        }
        if let Err(error) = std::str::from_utf8(bytes) {
            // The request would mean something else than the program wanted.
            draft.wrong = Some(format!("the byte at {} is not UTF-8; JSON is UTF-8", error.valid_up_to()));
        }
        if draft.request.visit
            && let Some(why) = draft.name_wrong.take()
        {
            draft.note(why);
        }
        draft.request.to = draft.request.to.filter(|to| !to.trim().is_empty()); // nobody is called nothing
        draft
    }

    fn note(&mut self, why: String) {
        self.wrong.get_or_insert(why);
    }

    /// Reads the value of one key. Case is ignored in keys; unknown keys are ignored.
    fn take(&mut self, key: &str, raw: &'a RawValue) {
        let request = &mut self.request;
        let field = |name: &'static str| key.eq_ignore_ascii_case(name).then_some(Field { key: name, raw });
        let taken = if let Some(field) = field("Act") {
            fill(&mut request.act, field, Field::text)
        } else if let Some(field) = field("Data") {
            fill(&mut request.data, field, Field::text)
        } else if let Some(field) = field("To") {
            fill(&mut request.to, field, Field::text)
        } else if let Some(field) = field("Room") {
            fill(&mut request.room, field, Field::text)
        } else if let Some(field) = field("After") {
            fill(&mut request.after, field, Field::number)
        } else if let Some(field) = field("Ref") {
            fill(&mut request.tag, field, Field::tag)
        } else if let Some(field) = field("Visit") {
            fill_flag(&mut request.visit, field)
        } else {
            if let Some(field) = field("Name")
                && let Err(why) = fill(&mut request.name, field, Field::text)
            {
                self.name_wrong.get_or_insert(why);
            } else if let Some(field) = field("Also")
                && let Err(why) = fill_flag(&mut request.also, field)
            {
                request.also_wrong.get_or_insert(why);
            }
            return;
        };
        if let Err(why) = taken {
            self.note(why);
        }
    }
}

/// Fills an empty field. Refuses a key that comes twice, since either value may be meant.
fn fill<'a, T>(
    place: &mut Option<T>,
    field: Field<'a>,
    read: impl Fn(Field<'a>) -> Result<Option<T>, String>,
) -> Result<(), String> {
    match read(field)? {
        Some(_) if place.is_some() => Err(format!("{} is given twice", field.key)),
        Some(value) => {
            *place = Some(value);
            Ok(())
        }
        None => Ok(()), // null: as if it were not there
    }
}

/// Sets a flag that is not set yet.
fn fill_flag(flag: &mut bool, field: Field<'_>) -> Result<(), String> {
    let mut value = flag.then_some(true);
    let filled = fill(&mut value, field, Field::flag);
    *flag = value == Some(true);
    filled
}

/// Reads the keys of an object into a draft, which keeps the keys before an error.
struct Keys<'d, 'a>(&'d mut Draft<'a>);

impl<'de> DeserializeSeed<'de> for Keys<'_, 'de> {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<(), D::Error> {
        deserializer.deserialize_map(self)
    }
}

impl<'de> Visitor<'de> for Keys<'_, 'de> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an object with Act and Data")
    }

    fn visit_map<M: MapAccess<'de>>(self, mut map: M) -> Result<(), M::Error> {
        while let Some(Text(key)) = map.next_key()? {
            self.0.take(&key, map.next_value::<&RawValue>()?);
        }
        Ok(())
    }
}

/// Reads the object of one packet and adds its requests to `requests`.
pub(in crate::wire) fn read(bytes: &[u8], requests: &mut Requests) {
    let text = text_of(bytes);
    let Draft { mut request, wrong, .. } = Draft::read(bytes, &text);
    let tag = request.tag.take();
    if let Some(why) = wrong {
        return refuse(tag, &format!("Not a packet of this door: {why}"), requests);
    }
    let act = request.act.take().filter(|act| !act.is_empty());
    if act.as_deref() == Some("heartbeat") {
        return requests.push(Inbound::Heartbeat); // no answer, so its mark would go to the next one's
    }
    let Some(act) = act else {
        return refuse(tag, "No Act: say what is wanted, like {\"Act\":\"say\",\"Data\":\"hi\"}", requests);
    };
    match CommandSpec::of_act(&act) {
        Some(spec) => ask(spec, &request, tag, requests),
        None => {
            let data = request.data.unwrap_or_default().into_owned().into_bytes();
            add(tag, Inbound::Custom { key: Key::Act(act.into()), data }, requests);
        }
    }
}

/// Refuses an incomplete object whose rest does not come.
pub(in crate::wire) fn refuse_open(bytes: &[u8], requests: &mut Requests) {
    let text = text_of(bytes);
    let tag = Draft::read(bytes, &text).request.tag.take();
    let why = "The object was not finished within 60 s. Reading goes on at the next line that begins with {";
    refuse(tag, why, requests);
}

/// Reads the data of a frame for a command's route: an object, or text that counts as its `Data`.
pub(in crate::wire) fn read_for(spec: &'static CommandSpec, bytes: &[u8], requests: &mut Requests) {
    if !is_object(bytes) {
        let data = Some(String::from_utf8_lossy(bytes));
        return ask(spec, &Request { data, ..Request::default() }, None, requests);
    }
    let text = text_of(bytes);
    let Draft { mut request, wrong, .. } = Draft::read(bytes, &text);
    let tag = request.tag.take();
    match wrong {
        Some(why) => refuse(tag, &format!("Not an object of this door: {why}"), requests),
        None => ask(spec, &request, tag, requests),
    }
}

fn ask(spec: &'static CommandSpec, request: &Request<'_>, tag: Option<Box<str>>, requests: &mut Requests) {
    let data = request.data.as_deref().unwrap_or_default();
    let command = match manner(spec, request) {
        Err(refusal) => Err(refusal),
        // The usual case: one line.
        Ok(Some(manner)) if !data.contains('\n') => manner.command(data).ok_or_else(|| needs(spec)),
        Ok(Some(manner)) => match Lines::new(manner, data, tag.clone()) {
            Some(lines) => return requests.push_lines(lines),
            None => Err(needs(spec)),
        },
        Ok(None) => command(spec, request),
    };
    add(tag, command.map_or_else(Inbound::Refused, Inbound::Command), requests);
}

/// The form in which the request's text is said; `None` if its `Data` is not a text of one or more lines.
fn manner(spec: &'static CommandSpec, request: &Request<'_>) -> Result<Option<Manner>, Refusal> {
    let room = request.room.as_deref().map(RoomName::parse).transpose()?;
    let to = || match &request.to {
        Some(to) => Ok(clean(to.as_bytes()).into_owned()),
        None => Err(needs(spec)),
    };
    if request.visit {
        let to = match spec.verb {
            Verb::Say => VisitTo::Room(room),
            Verb::Me => VisitTo::Action(room),
            Verb::Msg => VisitTo::Person(to()?),
            _ => return Err(Refusal::Usage { usage: "Visit with say, me or msg".into() }),
        };
        let name = request.name.as_deref().map(Nick::parse).transpose()?;
        return Ok(Some(Manner::Visit(name, to)));
    }
    Ok(Some(match spec.verb {
        Verb::Say => Manner::Say(room),
        Verb::Me => Manner::Me(room),
        Verb::Msg => Manner::Msg(to()?),
        Verb::Reply => Manner::Reply,
        _ => return Ok(None),
    }))
}

/// The usage of a command whose text is missing.
fn needs(spec: &CommandSpec) -> Refusal {
    let usage = match spec.verb {
        Verb::Msg => "msg with To and Data".to_owned(),
        _ => format!("{} with Data", spec.name),
    };
    Refusal::Usage { usage }
}

/// The command of a request whose `Data` is what people type after the command's name.
fn command(spec: &'static CommandSpec, request: &Request<'_>) -> Result<Command, Refusal> {
    let data = request.data.as_deref().unwrap_or_default();
    let room = request.room.as_deref().map(RoomName::parse).transpose()?;
    match (spec.verb, room) {
        (Verb::Join, room) => join(spec, request, room),
        (Verb::Leave, Some(room)) => Ok(Command::LeaveRoom(room)),
        (Verb::Who, Some(room)) => Ok(Command::Who(Some(room))),
        (Verb::History, room) if room.is_some() || request.after.is_some() => history(spec, request, room),
        // A program may not know that it has been moved out of the room.
        (_, Some(room)) if matches!(spec.others_hear, OthersHear::Line | OthersHear::Topic) => {
            spec.parse(data).map(|command| Command::In(room, Box::new(command)))
        }
        _ => spec.parse(data),
    }
}

/// A join names its room in `Data` or in `Room`.
fn join(spec: &'static CommandSpec, request: &Request<'_>, room: Option<RoomName>) -> Result<Command, Refusal> {
    if let Some(why) = &request.also_wrong {
        return Err(Refusal::BadPacket { why: format!("Not a packet of this door: {why}") });
    }
    let command = match room {
        Some(room) => Command::Join(room),
        None => spec.parse(request.data.as_deref().unwrap_or_default())?,
    };
    Ok(match command {
        Command::Join(room) if request.also => Command::JoinAlso(room),
        command => command,
    })
}

/// The last lines of a room that the session is in, or the lines of any room after a number.
fn history(spec: &'static CommandSpec, request: &Request<'_>, room: Option<RoomName>) -> Result<Command, Refusal> {
    let data = request.data.as_deref().unwrap_or_default();
    match (room, request.after) {
        (room, after) if data.trim().is_empty() => Ok(Command::HistoryAfter(room, after.unwrap_or(0))),
        (Some(room), None) => spec.parse(data).map(|command| Command::In(room, Box::new(command))),
        _ => {
            let usage = "history with a number as its Data, or with After, Room or both".into();
            Err(Refusal::Usage { usage })
        }
    }
}

fn add(tag: Option<Box<str>>, one: Inbound, requests: &mut Requests) {
    if let Some(tag) = tag {
        requests.push(Inbound::Tag(tag));
    }
    requests.push(one);
}

/// A parser's error, cleaned and shortened, since it may repeat what the peer sent.
fn refuse(tag: Option<Box<str>>, why: &str, requests: &mut Requests) {
    let why = clean(why.as_bytes()).chars().take(200).collect();
    add(tag, Inbound::Refused(Refusal::BadPacket { why }), requests);
}
