//! What programs are told of each notice: the keys of its object, and the route of its frame.

use std::borrow::Cow;

use serde::ser::{Serialize, SerializeMap, Serializer};

use crate::protocol::{
    Away, Body, CloseReason, Code, Line, Notice, Presence, RoomInfo, RoomName, SessionId, Speaker, Switch, Verb,
};

/// Routes of the frame door for what is not the answer to a command.
mod event_route {
    pub(super) const CHAT: u32 = 200;
    pub(super) const ACTION: u32 = 201;
    pub(super) const PRIVATE: u32 = 202;
    pub(super) const JOINED: u32 = 203;
    pub(super) const LEFT: u32 = 204;
    pub(super) const RENAMED: u32 = 205;
    pub(super) const TOPIC: u32 = 206;
    pub(super) const NOTICE: u32 = crate::wire::frame::NOTICE_ROUTE;
    pub(super) const ERROR: u32 = 208;
    pub(super) const DOEXIT: u32 = 209;
}

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

/// What a program is told. Absent keys are not written.
#[derive(Default)]
pub(super) struct Event<'a> {
    pub(super) act: &'a str,
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
    pub(super) fn of(act: &'a str, data: Cow<'a, str>) -> Self {
        Self { act, data, ..Self::default() }
    }
}

impl Serialize for Event<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(None)?;
        map.serialize_entry("Act", self.act)?;
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

/// The event that a program is sent of `notice`, and the route of its frame. `None` if programs are not told.
pub(super) fn event(notice: &Notice) -> Option<(u32, Event<'_>)> {
    let answer = |verb: Verb| verb.spec().route;
    let empty = Event::default();
    Some(match notice {
        Notice::Said(line) => (event_route::CHAT, said("chat", line)),
        Notice::Acted(line) => (event_route::ACTION, said("action", line)),
        Notice::Told { from, body } => {
            (event_route::PRIVATE, Event { act: "private", data: body.as_str().into(), from: Some(from), ..empty })
        }
        Notice::ToldTo { to, body } => {
            (answer(Verb::Msg), Event { act: "msg", data: body.as_str().into(), to: Some(&to.name), ..empty })
        }
        Notice::Login { who, room } => {
            let event =
                Event { act: "joined", data: (&*who.name).into(), from: Some(who), room: Some(room.as_str()), ..empty };
            (event_route::JOINED, event)
        }
        Notice::Left { who, room, why } => {
            let (data, room, why) = ((&*who.name).into(), Some(room.as_str()), Some(why.kind().name()));
            (event_route::LEFT, Event { act: "left", data, from: Some(who), room, why, ..empty })
        }
        Notice::Came { who, from, room } => {
            let (data, old) = ((&*who.name).into(), from.as_ref().map(RoomName::as_str));
            (
                event_route::JOINED,
                Event { act: "joined", data, from: Some(who), room: Some(room.as_str()), old, ..empty },
            )
        }
        Notice::Went { who, to, room } => {
            let (data, to, why) = ((&*who.name).into(), to.as_ref().map(RoomName::as_str), Some("moved"));
            let room = Some(room.as_str());
            (event_route::LEFT, Event { act: "left", data, from: Some(who), room, to, why, ..empty })
        }
        Notice::JoinSummary { room, came, left } => {
            let data = format!("{came} came, {left} left").into();
            let counts = Some((*came, *left));
            (event_route::NOTICE, Event { act: "notice", data, room: Some(room.as_str()), counts, ..empty })
        }
        Notice::HistoryLine { line, is_action } => {
            let (route, act) = if *is_action { (event_route::ACTION, "action") } else { (event_route::CHAT, "chat") };
            (route, Event { past: true, ..said(act, line) })
        }
        Notice::HistoryEnd { room, last_seq, lost, since } => {
            let (data, room) = (lost.to_string().into(), Some(room.as_str()));
            let (seq, lost, since) = (Some(*last_seq), Some(*lost), Some(*since));
            (answer(Verb::History), Event { act: "history", data, room, seq, lost, since, ..empty })
        }
        Notice::Topic { room, topic } => {
            let data = topic.as_ref().map(Body::as_str).unwrap_or_default().into();
            (answer(Verb::Topic), Event { act: "topic", data, room: Some(room.as_str()), ..empty })
        }
        Notice::TopicSet { who, room, topic } => {
            let (data, room) = (topic.as_str().into(), Some(room.as_str()));
            (event_route::TOPIC, Event { act: "topic", data, from: Some(who), room, ..empty })
        }
        Notice::Rooms(rooms) => {
            let names: Vec<&str> = rooms.iter().map(|room| room.name.as_str()).collect();
            let data = names.join(", ").into();
            (answer(Verb::Rooms), Event { act: "rooms", data, rooms: Some(rooms), ..empty })
        }
        Notice::Whois { who, room, by } => {
            let room = room.as_ref().map(RoomName::as_str);
            let people = Some(vec![entry(who)]);
            let data = (&*who.who.name).into();
            (
                answer(Verb::Whois),
                Event { act: "whois", data, from: Some(&who.who), room, by: Some(by), people, ..empty },
            )
        }
        Notice::YouAreAway(away) => (answer(Verb::Away), Event { act: "away", data: reason(away), ..empty }),
        Notice::WelcomeBack => (answer(Verb::Back), Event { act: "back", ..empty }),
        Notice::IsAway { who, away } => (
            event_route::NOTICE,
            Event { act: "notice", data: reason(away), from: Some(who), code: Some(Code::Away), ..empty },
        ),
        Notice::Ignoring { who, on } => {
            let verb = if *on { Verb::Ignore } else { Verb::Unignore };
            (answer(verb), Event { act: verb.spec().name, data: (&*who.name).into(), ..empty })
        }
        Notice::Quiet { on } => {
            (answer(Verb::Quiet), Event { act: "quiet", data: Switch::of(*on).name().into(), ..empty })
        }
        Notice::Renamed { who, old, room } => {
            let (data, room, old) = ((&*who.name).into(), Some(room.as_str()), Some(&**old));
            (event_route::RENAMED, Event { act: "renamed", data, from: Some(who), room, old, ..empty })
        }
        Notice::YouAre(you) => {
            (answer(Verb::Nick), Event { act: "nick", data: (&*you.name).into(), id: Some(you.id), ..empty })
        }
        Notice::InRoom { you, room, since, .. } => {
            let (data, room, since) = (room.as_str().into(), Some(room.as_str()), Some(*since));
            (answer(Verb::Join), Event { act: "join", data, id: Some(you.id), room, since, ..empty })
        }
        Notice::Names { room, people } => {
            let names: Vec<&str> = people.iter().map(|one| &*one.who.name).collect();
            let people = Some(people.iter().map(entry).collect());
            (
                answer(Verb::Who),
                Event { act: "who", data: names.join(", ").into(), room: Some(room.as_str()), people, ..empty },
            )
        }
        Notice::Pong => (answer(Verb::Ping), Event { act: "ping", data: "pong".into(), ..empty }),
        Notice::Version => {
            (answer(Verb::Version), Event { act: "version", data: env!("CARGO_PKG_VERSION").into(), ..empty })
        }
        Notice::Uptime { up, .. } => {
            (answer(Verb::Uptime), Event { act: "uptime", data: up.as_secs().to_string().into(), ..empty })
        }
        Notice::Echo { on } => {
            (answer(Verb::Echo), Event { act: "echo", data: Switch::of(*on).name().into(), ..empty })
        }
        Notice::SlowDown { rate, waiting } => {
            let data = format!("Slow down: your lines are now sent at {rate} a second, {waiting} wait");
            (event_route::NOTICE, Event { act: "notice", data: data.into(), code: Some(Code::Flood), ..empty })
        }
        Notice::Skipped { lines, .. } => {
            let data = format!("{lines} lines were skipped, you read too slowly");
            (event_route::NOTICE, Event { act: "notice", data: data.into(), skipped: Some(*lines), ..empty })
        }
        Notice::Refused(refusal) => (event_route::ERROR, error(refusal, refusal.code())),
        Notice::DoExit | Notice::Goodbye(CloseReason::ServerStopping | CloseReason::Silent) => {
            (event_route::DOEXIT, Event { act: "doexit", ..empty })
        }
        Notice::Goodbye(CloseReason::Malformed(what)) => (event_route::ERROR, error(what, what.code())),
        Notice::Goodbye(CloseReason::Quit) => (answer(Verb::Quit), Event { act: "quit", ..empty }),
        _ => return None,
    })
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

fn said<'a>(act: &'a str, line: &'a Line) -> Event<'a> {
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

fn error(why: &impl ToString, code: Code) -> Event<'static> {
    Event { act: "error", data: why.to_string().into(), code: Some(code), ..Event::default() }
}
