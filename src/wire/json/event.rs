//! The events that programs are told of notices: the keys of its object, and the route of its frame.

use std::borrow::Cow;

use serde::ser::{Serialize, SerializeMap, Serializer};

use super::act::Act;
use crate::protocol::{
    Away, Body, CloseReason, Code, Line, Notice, Presence, RoomInfo, RoomName, SessionId, Speaker, Switch,
};

/// One person in a list.
pub(super) struct Entry<'a> {
    name: &'a str,
    id: String,
    idle: u64,
    here: u64,
    away: Option<Cow<'a, str>>,
    /// The rooms of a person who is in several.
    rooms: &'a [RoomName],
}

impl Serialize for Entry<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(None)?;
        map.serialize_entry("Name", self.name)?;
        map.serialize_entry("Id", &self.id)?;
        map.serialize_entry("Idle", &self.idle)?;
        map.serialize_entry("Here", &self.here)?;
        if let Some(away) = &self.away {
            map.serialize_entry("Away", away)?;
        }
        if !self.rooms.is_empty() {
            map.serialize_entry("Rooms", &self.rooms.iter().map(RoomName::as_str).collect::<Vec<_>>())?;
        }
        map.end()
    }
}

/// One room in a list.
struct Place<'a>(&'a RoomInfo);

impl Serialize for Place<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(Some(3))?;
        map.serialize_entry("Room", self.0.name.as_str())?;
        map.serialize_entry("People", &self.0.people)?;
        map.serialize_entry("Topic", self.0.topic.as_ref().map(Body::as_str).unwrap_or_default())?;
        map.end()
    }
}

/// One event as a program is told it. Absent keys are not written.
#[derive(Default)]
pub(super) struct Event<'a> {
    pub(super) act: Act<'a>,
    pub(super) data: Cow<'a, str>,
    from: Option<&'a Speaker>,
    /// The session's own id, in answers about itself.
    id: Option<SessionId>,
    to: Option<&'a str>,
    room: Option<&'a str>,
    ts: Option<u64>,
    seq: Option<u64>,
    old: Option<&'a str>,
    why: Option<&'a str>,
    pub(super) code: Option<Code>,
    skipped: Option<u64>,
    pub(super) people: Option<Vec<Entry<'a>>>,
    pub(super) rooms: Option<&'a [RoomInfo]>,
    by: Option<&'a str>,
    /// How many came and left.
    counts: Option<(usize, usize)>,
    lost: Option<u64>,
    /// When the room was made.
    since: Option<u64>,
    past: bool,
    pub(super) cut: bool,
}

impl<'a> Event<'a> {
    /// An event with the two keys that every event has.
    pub(super) fn of(act: Act<'a>, data: Cow<'a, str>) -> Self {
        Self { act, data, ..Self::default() }
    }
}

impl Serialize for Event<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(None)?;
        map.serialize_entry("Act", self.act.name())?;
        map.serialize_entry("Data", &self.data)?;
        if let Some(from) = self.from {
            map.serialize_entry("From", &*from.name)?;
            map.serialize_entry("Id", &from.id.to_string())?; // beyond 2⁵³: a string
        }
        if let Some(id) = self.id {
            map.serialize_entry("Id", &id.to_string())?;
        }
        for (key, text) in [
            ("To", self.to),
            ("Room", self.room),
            ("Old", self.old),
            ("Why", self.why),
            ("Code", self.code.map(Code::name)),
            ("By", self.by),
        ] {
            if let Some(text) = text {
                map.serialize_entry(key, text)?;
            }
        }
        for (key, number) in
            [("Ts", self.ts), ("Seq", self.seq), ("Skipped", self.skipped), ("Lost", self.lost), ("Since", self.since)]
        {
            if let Some(number) = number {
                map.serialize_entry(key, &number)?;
            }
        }
        if let Some(people) = &self.people {
            map.serialize_entry("People", people)?;
        }
        if let Some(rooms) = self.rooms {
            map.serialize_entry("Rooms", &rooms.iter().map(Place).collect::<Vec<_>>())?;
        }
        if let Some((came, left)) = self.counts {
            map.serialize_entry("Came", &came)?;
            map.serialize_entry("Left", &left)?;
        }
        if self.past {
            map.serialize_entry("Past", &true)?;
        }
        if self.cut {
            map.serialize_entry("Cut", &true)?;
        }
        map.end()
    }
}

/// The event that a program is sent of `notice`; `None` if programs are not told.
pub(super) fn event(notice: &Notice) -> Option<Event<'_>> {
    let answer = |data| Event::of(notice.answers().map_or_else(Act::default, Act::Answer), data);
    let empty = Event::default();
    Some(match notice {
        Notice::Said(line) => said(Act::Chat, line),
        Notice::Acted(line) => said(Act::Action, line),
        Notice::Told { from, body } => {
            Event { act: Act::Private, data: body.as_str().into(), from: Some(from), ..empty }
        }
        Notice::Login { who, room } => {
            Event { act: Act::Joined, data: (&*who.name).into(), from: Some(who), room: Some(room.as_str()), ..empty }
        }
        Notice::Left { who, room, why } => {
            let (data, room, why) = ((&*who.name).into(), Some(room.as_str()), Some(why.kind().name()));
            Event { act: Act::Left, data, from: Some(who), room, why, ..empty }
        }
        Notice::Came { who, from, room } => {
            let (data, old) = ((&*who.name).into(), from.as_ref().map(RoomName::as_str));
            Event { act: Act::Joined, data, from: Some(who), room: Some(room.as_str()), old, ..empty }
        }
        Notice::Went { who, to, room } => {
            let (data, to, why) = ((&*who.name).into(), to.as_ref().map(RoomName::as_str), Some("moved"));
            let room = Some(room.as_str());
            Event { act: Act::Left, data, from: Some(who), room, to, why, ..empty }
        }
        Notice::Renamed { who, old, room } => {
            let (data, room, old) = ((&*who.name).into(), Some(room.as_str()), Some(&**old));
            Event { act: Act::Renamed, data, from: Some(who), room, old, ..empty }
        }
        Notice::TopicSet { who, room, topic } => {
            let (data, room) = (topic.as_str().into(), Some(room.as_str()));
            Event { act: Act::TopicSet, data, from: Some(who), room, ..empty }
        }
        Notice::HistoryLine { line, is_action } => {
            Event { past: true, ..said(if *is_action { Act::Action } else { Act::Chat }, line) }
        }
        Notice::JoinSummary { room, came, left } => {
            Event { data: text(notice), room: Some(room.as_str()), counts: Some((*came, *left)), ..empty }
        }
        Notice::SlowDown { .. } => Event { data: text(notice), code: Some(Code::Flood), ..empty },
        Notice::Skipped { lines, .. } => {
            // Programs have other ways to ask for the lines than people.
            let data = text(&Notice::Skipped { lines: *lines, kept: false });
            Event { data, skipped: Some(*lines), ..empty }
        }
        Notice::IsAway { who, away } => Event { data: reason(away), from: Some(who), code: Some(Code::Away), ..empty },
        Notice::Refused(refusal) => Event { code: Some(refusal.code()), ..Event::of(Act::Error, text(notice)) },
        Notice::Goodbye(CloseReason::Malformed(what)) => {
            Event { code: Some(what.code()), ..Event::of(Act::Error, what.text().into()) }
        }
        Notice::DoExit | Notice::Goodbye(CloseReason::ServerStopping | CloseReason::Silent) => {
            Event { act: Act::DoExit, ..empty }
        }
        Notice::ToldTo { to, body } => Event { to: Some(&to.name), ..answer(body.as_str().into()) },
        Notice::HistoryEnd { room, last_seq, lost, since } => Event {
            room: Some(room.as_str()),
            seq: Some(*last_seq),
            lost: Some(*lost),
            since: Some(*since),
            ..answer(lost.to_string().into())
        },
        Notice::Topic { room, topic } => {
            let data = topic.as_ref().map(Body::as_str).unwrap_or_default().into();
            Event { room: Some(room.as_str()), ..answer(data) }
        }
        Notice::Rooms(rooms) => {
            let names: Vec<&str> = rooms.iter().map(|room| room.name.as_str()).collect();
            Event { rooms: Some(rooms), ..answer(names.join(", ").into()) }
        }
        Notice::Whois { who, room, by } => Event {
            from: Some(&who.who),
            room: room.as_ref().map(RoomName::as_str),
            by: Some(by),
            people: Some(vec![entry(who)]),
            ..answer((&*who.who.name).into())
        },
        Notice::YouAreAway(away) => answer(reason(away)),
        Notice::Ignoring { who, .. } => answer((&*who.name).into()),
        Notice::Quiet { on } | Notice::Echo { on } => answer(Switch::of(*on).name().into()),
        Notice::YouAre(you) => Event { id: Some(you.id), ..answer((&*you.name).into()) },
        Notice::InRoom { you, room, since, .. } => {
            Event { id: Some(you.id), room: Some(room.as_str()), since: Some(*since), ..answer(room.as_str().into()) }
        }
        Notice::Names { room, people } => {
            let names: Vec<&str> = people.iter().map(|one| &*one.who.name).collect();
            let people = Some(people.iter().map(entry).collect());
            Event { room: Some(room.as_str()), people, ..answer(names.join(", ").into()) }
        }
        Notice::Version => answer(env!("CARGO_PKG_VERSION").into()),
        Notice::Uptime { up, .. } => answer(up.as_secs().to_string().into()),
        Notice::WelcomeBack | Notice::Goodbye(CloseReason::Quit) => answer("".into()),
        // Every other answer has the words of the text door.
        other => {
            other.answers().filter(|verb| verb.spec().is_for_programs())?;
            Event { from: other.speaker().map(|speaker| &**speaker), ..answer(other.text()?.into()) }
        }
    })
}

/// The words of the text door.
fn text(notice: &Notice) -> Cow<'static, str> {
    notice.text().unwrap_or_default().into()
}

fn entry(one: &Presence) -> Entry<'_> {
    Entry {
        name: &one.who.name,
        id: one.who.id.to_string(),
        idle: one.idle.as_secs(),
        here: one.here.as_secs(),
        away: one.away.as_ref().map(reason),
        rooms: &one.rooms,
    }
}

fn reason(away: &Away) -> Cow<'_, str> {
    away.0.as_ref().map(Body::as_str).unwrap_or_default().into()
}

fn said<'a>(act: Act<'a>, line: &'a Line) -> Event<'a> {
    let Line { room, from, body, at, seq } = line;
    Event {
        act,
        data: body.as_str().into(),
        from: Some(from),
        room: Some(room.as_str()),
        ts: Some(*at),
        seq: Some(*seq),
        ..Event::default()
    }
}
