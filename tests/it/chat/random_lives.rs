//! A small model walks beside the hub through random lives, and holds it to what must never happen.

#![allow(clippy::unwrap_used, clippy::panic, reason = "clippy's allow-…-in-tests does not reach a test's helpers")]

use std::collections::{BTreeSet, HashMap};
use std::sync::Arc;
use std::time::Duration;

use parlor::chat::{Effect, Filter, HubSettings, RoomIndex, Seat};
use parlor::protocol::{CloseReason, Command, Line, NameKeys, Notice, Refusal, RoomName, SessionId, Speaker, Switch};
use proptest::collection::vec;
use proptest::prelude::*;

use super::{LOBBY, Room, SETTINGS, at, body, nick, refusal, room_name, say};

/// What happens next, to whom.
#[derive(Debug, Clone)]
enum Step {
    /// By this door.
    Enter(&'static str),
    /// Whether the request is marked.
    Say(bool),
    Me(bool),
    Rename(&'static str),
    Nick(&'static str),
    Msg(usize, Means),
    Reply,
    Echo(bool),
    Join(&'static str),
    Back,
    History(usize),
    After(&'static str, u64),
    Ignore(usize, bool),
    Quit(bool),
    Leave,
    Stop,
}

/// How a receiver is meant.
#[derive(Debug, Clone, Copy)]
enum Means {
    Name,
    Capitals,
    Address,
    Nonsense,
}

const SEATS: usize = 6;
/// Many of them clash with one another.
const NAMES: [&str; 13] =
    ["mike", "MIKE", "МІКЕ", "mike2", "Mike_", "Iris", "lris", "iris", "bob", "b0b", "modem", "modern", "ann"];
const ROOMS: [&str; 4] = ["lobby", "dev", "ops", "zoo"];
/// Little is kept and less is shown, so that the ends of both are met.
const FORGETFUL: HubSettings = HubSettings { history: 8, history_shown: 3, ..SETTINGS };
/// From step to step: no move is counted with another (2 s), no room forgotten in 80 steps (10 min).
const PACE: Duration = Duration::from_secs(5);

fn steps() -> impl Strategy<Value = Vec<(usize, Step)>> {
    let name = || prop::sample::select(NAMES.as_slice());
    let room = || prop::sample::select(ROOMS.as_slice());
    let door = prop::sample::select(["text", "text", "relay", "frame"].as_slice());
    let means = prop::sample::select([Means::Name, Means::Capitals, Means::Address, Means::Nonsense].as_slice());
    let step = prop_oneof![
        6 => door.prop_map(Step::Enter),
        6 => any::<bool>().prop_map(Step::Say),
        1 => any::<bool>().prop_map(Step::Me),
        4 => name().prop_map(Step::Rename),
        1 => name().prop_map(Step::Nick),
        4 => (0..SEATS, means).prop_map(|(to, means)| Step::Msg(to, means)),
        3 => Just(Step::Reply),
        1 => any::<bool>().prop_map(Step::Echo),
        6 => room().prop_map(Step::Join),
        2 => Just(Step::Back),
        2 => (1..12_usize).prop_map(Step::History),
        2 => (room(), 0..12_u64).prop_map(|(room, seq)| Step::After(room, seq)),
        3 => (0..SEATS, prop::bool::weighted(0.7)).prop_map(|(whom, on)| Step::Ignore(whom, on)),
        1 => any::<bool>().prop_map(Step::Quit),
        2 => Just(Step::Leave),
    ];
    // Rare enough that rooms fill before it.
    let step = prop_oneof![100 => step, 1 => Just(Step::Stop)];
    vec((0..SEATS, step), 1..80)
}

/// One person as the model knows them.
#[derive(Debug, Clone)]
struct Life {
    speaker: Arc<Speaker>,
    echo: bool,
    writer: Option<SessionId>,
    /// Where, by the number of the place.
    place: Option<usize>,
    ignored: BTreeSet<SessionId>,
    /// Whether it is shown a room's past unasked.
    told_past: bool,
    /// Whether it has written to somebody.
    has_written: bool,
}

impl Life {
    /// A frame session that has done nothing in the chat is sent nothing.
    fn takes_part(&self) -> bool {
        self.told_past || self.place.is_some() || self.has_written || *self.speaker.name != *self.speaker.id.to_string()
    }
}

/// One room as the model knows it; the places are in the order in which they were made.
#[derive(Debug)]
struct Place {
    name: RoomName,
    /// In the order in which they came.
    members: Vec<usize>,
    /// Everything that was ever said.
    lines: Vec<(Line, bool)>,
    /// When it was made, in Unix milliseconds.
    since: u64,
    /// Who hears it, as `Enter` and `Exit` have it.
    audience: BTreeSet<usize>,
}

impl Place {
    fn new(name: &str, since: u64) -> Self {
        Self { name: room_name(name), members: Vec::new(), lines: Vec::new(), since, audience: BTreeSet::new() }
    }

    fn index(number: usize) -> RoomIndex {
        RoomIndex(u32::try_from(number).unwrap())
    }
}

/// The model: who sits where, who is in which room, what was said there.
struct Model {
    room: Room,
    lives: HashMap<usize, Life>,
    places: Vec<Place>,
    hung_up: usize,
    left: usize,
}

fn seat_of(seat: usize) -> Seat {
    Seat(u32::try_from(seat).unwrap())
}

impl Model {
    fn new() -> Self {
        Self {
            room: Room::with(FORGETFUL),
            lives: HashMap::new(),
            places: vec![Place::new("lobby", 0)],
            hung_up: 0,
            left: 0,
        }
    }

    /// Does one step with the hub and with the model, and compares.
    fn step(&mut self, seat: usize, step: &Step) {
        self.room.now += PACE;
        match *step {
            Step::Enter(_) if self.lives.contains_key(&seat) => return, // the gate gives no seat twice
            Step::Enter(by) => self.enter(seat, by),
            Step::Stop => {
                let effects = self.room.effects(|hub, _, out| hub.stop(out));
                self.left += self.lives.len();
                self.perform(&effects);
                self.lives.clear();
                self.places.iter_mut().for_each(|place| place.members.clear());
            }
            Step::Leave => {
                let effects = self.room.leave(seat_of(seat), CloseReason::PeerClosed);
                self.perform_leaving(seat, &CloseReason::PeerClosed, &effects);
            }
            _ => {
                let tagged = matches!(step, Step::Say(true) | Step::Me(true));
                let command = self.command(step);
                let effects = self.room.effects(|hub, now, out| hub.command(seat_of(seat), command, tagged, now, out));
                match self.lives.contains_key(&seat) {
                    true => self.compare(seat, step, &effects),
                    false => assert_eq!(effects, [], "nobody sits there"),
                }
            }
        }
        self.check();
    }

    fn command(&self, step: &Step) -> Command {
        match step {
            Step::Me(_) => Command::Me(body("waves")),
            Step::Rename(name) => Command::Rename(nick(name)),
            Step::Nick(name) => Command::Nick(nick(name)),
            Step::Msg(to, means) => Command::Msg { to: self.call(*to, *means), body: body("psst") },
            Step::Reply => Command::Reply(body("ok")),
            Step::Echo(on) => Command::Echo(if *on { Switch::On } else { Switch::Off }),
            Step::Join(name) => Command::Join(room_name(name)),
            Step::Back => Command::Leave,
            Step::History(count) => Command::History(*count),
            Step::After(name, seq) => Command::HistoryAfter(Some(room_name(name)), *seq),
            Step::Ignore(whom, true) => Command::Ignore(self.call(*whom, Means::Address)),
            Step::Ignore(whom, false) => Command::Unignore(self.call(*whom, Means::Address)),
            Step::Quit(words) => Command::Quit(words.then(|| body("bye"))),
            Step::Say(_) | Step::Enter(_) | Step::Leave | Step::Stop => say("hi"),
        }
    }

    /// What somebody would write to mean the one on this seat.
    fn call(&self, seat: usize, means: Means) -> String {
        match (self.lives.get(&seat), means) {
            (Some(life), Means::Name) => life.speaker.name.to_string(),
            (Some(life), Means::Capitals) => life.speaker.name.to_uppercase(),
            (Some(life), Means::Address) => life.speaker.address.to_string(),
            _ => "xyzzy".to_owned(),
        }
    }

    fn enter(&mut self, seat: usize, by: &'static str) {
        let at = seat_of(seat);
        let (speaker, effects) = self.room.arrive(at, by);
        let mut life = Life {
            speaker: Arc::clone(&speaker),
            echo: by != "relay",
            writer: None,
            place: None,
            ignored: BTreeSet::new(),
            told_past: by != "frame",
            has_written: false,
        };
        if by == "frame" {
            assert_eq!(effects, []);
        } else {
            let others = self.names_in(0);
            life.place = Some(0);
            self.lives.insert(seat, life.clone());
            let you = || Arc::clone(&speaker);
            let login = || Notice::Login { who: you(), room: RoomName::lobby() };
            let mut wanted = vec![Effect::Tell(at, Notice::IAmHere(you())), Effect::Tell(at, login())];
            wanted.extend(self.past(seat, 0, FORGETFUL.history_shown, 0));
            let (room, door, others_total) = (RoomName::lobby(), "127.0.0.1:8000".into(), others.len());
            let idle = FORGETFUL.idle;
            let welcome = Notice::Welcome { you: you(), room, others, others_total, door, idle };
            wanted.push(Effect::Tell(at, welcome));
            wanted.push(Effect::Enter(LOBBY, at));
            wanted.push(Effect::Room { room: LOBBY, notice: login(), hidden_from: Some(at) });
            assert_eq!(effects, wanted);
            self.places[0].members.push(seat);
        }
        self.lives.insert(seat, life);
        self.perform(&effects);
    }

    fn names_in(&self, place: usize) -> Vec<Arc<str>> {
        self.places[place].members.iter().map(|seat| Arc::clone(&self.lives[seat].speaker.name)).collect()
    }

    /// What of a room's past somebody is to be shown.
    fn past(&self, seat: usize, place: usize, count: usize, after: u64) -> Vec<Effect> {
        let ignored = &self.lives[&seat].ignored;
        let lines = &self.places[place].lines;
        let kept = &lines[lines.len().saturating_sub(FORGETFUL.history)..];
        let wanted = kept.iter().filter(|(line, _)| line.seq > after && !ignored.contains(&line.from.id));
        let mut wanted: Vec<_> = wanted
            .map(|(line, is_action)| {
                Effect::Tell(seat_of(seat), Notice::Past { line: line.clone(), is_action: *is_action })
            })
            .collect();
        wanted.split_off(wanted.len().saturating_sub(count))
    }

    fn compare(&mut self, seat: usize, step: &Step, effects: &[Effect]) {
        let at = seat_of(seat);
        let life = self.lives[&seat].clone();
        match *step {
            Step::Say(tagged) => self.compare_said(seat, "hi", false, tagged, effects),
            Step::Me(tagged) => self.compare_said(seat, "waves", true, tagged, effects),
            Step::Rename(name) | Step::Nick(name) => self.compare_rename(seat, name, effects),
            Step::Msg(to, Means::Nonsense) => {
                assert!(matches!(refusal(effects, at), Refusal::NobodyCalled { .. }), "{to}");
            }
            Step::Msg(to, _) if !self.lives.get(&to).is_some_and(Life::takes_part) => {
                refusal(effects, at);
            }
            Step::Msg(to, _) => self.compare_private(seat, to, "psst", effects),
            Step::Reply => {
                let writer = self.lives.iter().find(|(_, other)| Some(other.speaker.id) == life.writer);
                match writer.map(|(seat, _)| *seat) {
                    Some(to) => self.compare_private(seat, to, "ok", effects),
                    None => assert_eq!(refusal(effects, at), &Refusal::NobodyToAnswer),
                }
            }
            Step::Echo(on) => {
                assert_eq!(effects, [Effect::Tell(at, Notice::Echo { on })]);
                self.lives.get_mut(&seat).unwrap().echo = on;
            }
            Step::Join(name) => self.compare_join(seat, name, effects),
            Step::Back => self.compare_join(seat, "lobby", effects),
            Step::History(count) => {
                let place = life.place.unwrap_or(0);
                let (room, last_seq) = (self.places[place].name.clone(), self.places[place].lines.len() as u64);
                let mut wanted = self.past(seat, place, count, 0);
                wanted.push(Effect::Tell(
                    at,
                    Notice::PastEnd { room, last_seq, lost: 0, since: self.places[place].since },
                ));
                assert_eq!(effects, wanted);
            }
            Step::After(name, seq) => match self.places.iter().position(|place| place.name.as_str() == name) {
                None => assert_eq!(refusal(effects, at), &Refusal::NoRoom { room: room_name(name) }),
                Some(place) => {
                    let (room, last_seq) = (self.places[place].name.clone(), self.places[place].lines.len() as u64);
                    let forgotten = last_seq.saturating_sub(FORGETFUL.history as u64);
                    let mut wanted = self.past(seat, place, usize::MAX, seq);
                    let lost = forgotten.saturating_sub(seq);
                    wanted.push(Effect::Tell(
                        at,
                        Notice::PastEnd { room, last_seq, lost, since: self.places[place].since },
                    ));
                    assert_eq!(effects, wanted);
                }
            },
            Step::Ignore(whom, on) => self.compare_ignore(seat, whom, on, effects),
            Step::Quit(words) => {
                // The last words, and what brings who was nowhere to where they are heard, come first.
                let last_words =
                    if words { effects.iter().position(|one| matches!(one, Effect::Tell(..))) } else { None };
                let (last_words, leaving) = effects.split_at(last_words.unwrap_or(0));
                if words {
                    self.compare_said(seat, "bye", false, false, last_words);
                    self.perform(last_words);
                }
                return self.perform_leaving(seat, &CloseReason::Quit, leaving);
            }
            Step::Enter(_) | Step::Leave | Step::Stop => unreachable!("these are no commands"),
        }
        self.perform(effects);
    }

    fn compare_said(&mut self, seat: usize, text: &str, is_action: bool, tagged: bool, effects: &[Effect]) {
        let at = seat_of(seat);
        let mut wanted = Vec::new();
        let life = self.lives.get_mut(&seat).unwrap();
        let (from, echo) = (Arc::clone(&life.speaker), life.echo);
        let number = *life.place.get_or_insert_with(|| {
            let notice = Notice::Login { who: Arc::clone(&from), room: RoomName::lobby() };
            wanted.extend([Effect::Room { room: LOBBY, notice, hidden_from: None }, Effect::Enter(LOBBY, at)]);
            self.places[0].members.push(seat);
            0
        });
        let place = &mut self.places[number];
        let (seq, room) = (place.lines.len() as u64 + 1, place.name.clone());
        let line = Line { room, from, body: body(text), at: self::at(self.room.now).unix_ms, seq };
        place.lines.push((line.clone(), is_action));
        let notice = || if is_action { Notice::Acted(line.clone()) } else { Notice::Said(line.clone()) };
        wanted.extend(tagged.then(|| Effect::Tell(at, notice())));
        let hidden_from = (tagged || !echo).then_some(at);
        wanted.push(Effect::Room { room: Place::index(number), notice: notice(), hidden_from });
        assert_eq!(effects, wanted);
    }

    fn compare_join(&mut self, seat: usize, name: &str, effects: &[Effect]) {
        let at = seat_of(seat);
        let to = self.places.iter().position(|place| place.name.as_str() == name).unwrap_or_else(|| {
            self.places.push(Place::new(name, self::at(self.room.now).unix_ms));
            self.places.len() - 1
        });
        let life = self.lives.get_mut(&seat).unwrap();
        let (who, from) = (Arc::clone(&life.speaker), life.place.replace(to));
        let (who, room) = (|| Arc::clone(&who), || room_name(name));
        let told = |place, notice| Effect::Room { room: Place::index(place), notice, hidden_from: None };
        let mut wanted = Vec::new();
        if from != Some(to) {
            let came = match from {
                None => Notice::Login { who: who(), room: room() },
                Some(number) => {
                    let left = &mut self.places[number];
                    left.members.retain(|member| *member != seat);
                    wanted.push(Effect::Exit(Place::index(number), at));
                    wanted.push(told(number, Notice::Went { who: who(), to: room(), room: left.name.clone() }));
                    Notice::Came { who: who(), from: left.name.clone(), room: room() }
                }
            };
            wanted.extend([told(to, came), Effect::Enter(Place::index(to), at)]);
        }
        let others: Vec<_> = self.names_in(to).into_iter().filter(|name| *name != who().name).collect();
        let others_total = others.len();
        wanted.push(Effect::Tell(
            at,
            Notice::InRoom { you: who(), room: room(), others, others_total, since: self.places[to].since },
        ));
        if from != Some(to) {
            self.places[to].members.push(seat);
            if self.lives[&seat].told_past {
                wanted.extend(self.past(seat, to, FORGETFUL.history_shown, 0));
            }
        }
        assert_eq!(effects, wanted);
    }

    fn compare_ignore(&mut self, seat: usize, whom: usize, on: bool, effects: &[Effect]) {
        let at = seat_of(seat);
        let Some(other) = self.lives.get(&whom) else {
            assert!(matches!(refusal(effects, at), Refusal::NobodyCalled { .. }));
            return;
        };
        let who = Arc::clone(&other.speaker);
        if whom == seat {
            assert!(matches!(refusal(effects, at), Refusal::CannotIgnore { .. }));
            return;
        }
        let life = self.lives.get_mut(&seat).unwrap();
        match on {
            true => life.ignored.insert(who.id),
            false => life.ignored.remove(&who.id),
        };
        let [Effect::Filter(filtered, Filter { quiet: false, ignored }), answer] = effects else {
            panic!("{effects:?}")
        };
        assert_eq!((*filtered, ignored.iter().copied().collect()), (at, life.ignored.clone()));
        assert_eq!(ignored.len(), life.ignored.len(), "nobody twice");
        assert_eq!(answer, &Effect::Tell(at, Notice::Ignoring { who, on }));
    }

    fn compare_rename(&mut self, seat: usize, name: &str, effects: &[Effect]) {
        let at = seat_of(seat);
        let others: Vec<_> = self.lives.iter().filter(|(other, _)| **other != seat).map(|(_, life)| life).collect();
        if let Some(holder) = others.iter().find(|other| clash(name, &other.speaker.name)) {
            match refusal(effects, at) {
                Refusal::Taken { free, .. } => {
                    assert_eq!(free.len(), 3);
                    for offered in free {
                        let holder = others.iter().find(|other| clash(offered, &other.speaker.name));
                        assert!(holder.is_none(), "{offered} is offered and {holder:?} has it");
                    }
                }
                Refusal::LooksLike { present, .. } => assert!(clash(name, present)),
                other => panic!("{name}, which {holder:?} has: {other}"),
            }
            return;
        }
        let life = self.lives.get_mut(&seat).unwrap();
        let old = Arc::clone(&life.speaker.name);
        let Speaker { id, address, .. } = &*life.speaker;
        let speaker = Arc::new(Speaker { id: *id, address: Arc::clone(address), name: name.into(), visitor: None });
        life.speaker = Arc::clone(&speaker);
        let is_told = *old != *name;
        let told = life.place.filter(|_| is_told).map(|place| Effect::Room {
            room: Place::index(place),
            notice: Notice::Renamed { who: speaker, old, room: self.places[place].name.clone() },
            hidden_from: Some(at),
        });
        assert!(matches!(effects[0], Effect::Tell(seat, Notice::RenameOk | Notice::YouAre(_)) if seat == at));
        assert_eq!(effects[1..], *told.as_slice());
    }

    fn compare_private(&mut self, seat: usize, to: usize, text: &str, effects: &[Effect]) {
        self.lives.get_mut(&seat).unwrap().has_written = true;
        let from = Arc::clone(&self.lives[&seat].speaker);
        let receiver = self.lives.get_mut(&to).unwrap();
        let to_sender = Notice::ToldTo { to: Arc::clone(&receiver.speaker), body: body(text) };
        let mut wanted = vec![Effect::Tell(seat_of(seat), to_sender)];
        if !receiver.ignored.contains(&from.id) {
            receiver.writer = Some(from.id);
            wanted.push(Effect::Tell(seat_of(to), Notice::Told { from, body: body(text) }));
        }
        assert_eq!(effects, wanted);
    }

    fn perform_leaving(&mut self, seat: usize, why: &CloseReason, effects: &[Effect]) {
        let Some(life) = self.lives.get(&seat) else { return assert_eq!(effects, []) };
        let at = seat_of(seat);
        let mut wanted = vec![Effect::Tell(at, Notice::Goodbye(why.clone()))];
        if let Some(number) = life.place {
            let place = &mut self.places[number];
            place.members.retain(|member| *member != seat);
            let (who, room, why) = (Arc::clone(&life.speaker), place.name.clone(), why.clone());
            let notice = Notice::Left { who, room, why };
            wanted.push(Effect::Exit(Place::index(number), at));
            wanted.push(Effect::Room { room: Place::index(number), notice, hidden_from: None });
        }
        wanted.push(Effect::HangUp(at, why.clone()));
        assert_eq!(effects, wanted);
        self.left += 1;
        self.perform(effects);
        self.lives.remove(&seat);
    }

    /// Does what the manager would do with the effects, in their order.
    fn perform(&mut self, effects: &[Effect]) {
        let mut gone = BTreeSet::new();
        for effect in effects {
            match effect {
                Effect::Enter(room, seat) => {
                    let elsewhere = self.places.iter().any(|place| place.audience.contains(&seat.index()));
                    assert!(!elsewhere, "{effect:?}, though it hears a room already");
                    self.places[room.index()].audience.insert(seat.index());
                }
                Effect::Exit(room, seat) => {
                    assert!(self.places[room.index()].audience.remove(&seat.index()), "{effect:?}: it is not in there");
                }
                Effect::Tell(seat, _) | Effect::Filter(seat, _) | Effect::Time(seat, _) => {
                    assert!(self.lives.contains_key(&seat.index()), "{effect:?} to an empty seat");
                    assert!(!gone.contains(&seat.index()), "{effect:?} after the hang-up");
                }
                Effect::Room { room, notice, hidden_from } => {
                    let place = &self.places[room.index()];
                    assert!(hidden_from.is_none_or(|seat| place.audience.contains(&seat.index())), "{effect:?}");
                    if let Notice::Said(line) | Notice::Acted(line) = notice {
                        let members: BTreeSet<_> = place.members.iter().copied().collect();
                        assert_eq!((&line.room, &place.audience), (&place.name, &members), "no line to an outsider");
                    }
                }
                Effect::HangUp(seat, _) => {
                    assert!(gone.insert(seat.index()), "hangs up twice");
                    let hears = self.places.iter().any(|place| place.audience.contains(&seat.index()));
                    assert!(!hears, "hung up and still in a room");
                    self.hung_up += 1;
                }
            }
        }
    }

    /// What is true at any time.
    fn check(&mut self) {
        assert_eq!(self.hung_up, self.left, "one hang-up for each who left");
        assert_eq!(self.room.hub.population(), self.lives.len());
        assert_eq!(self.room.due(), None, "no move was counted");
        for number in 0..self.places.len() {
            let place = &self.places[number];
            assert_eq!(place.audience, place.members.iter().copied().collect(), "who hears {}", place.name);
            let Some(asker) = place.members.first().map(|seat| seat_of(*seat)) else { continue };
            let wanted: Vec<_> = place.members.iter().map(|seat| Arc::clone(&self.lives[seat].speaker)).collect();
            assert_eq!(self.room.does(asker, Command::UserList), [Effect::Tell(asker, Notice::UserList(wanted))]);
        }
        let names: Vec<_> = self.lives.values().map(|life| Arc::clone(&life.speaker.name)).collect();
        for (index, one) in names.iter().enumerate() {
            for other in names.iter().take(index) {
                assert!(!clash(one, other), "{one} and {other} are both here");
            }
        }
    }
}

/// Whether any key of one name meets any of the other.
fn clash(one: &str, other: &str) -> bool {
    NameKeys::of(one).clashes_with(&NameKeys::of(other))
}

proptest! {
    // No file of failures is kept: what one finds becomes a named test.
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn random_lives_break_no_rule(steps in steps()) {
        let mut model = Model::new();
        for (seat, step) in &steps {
            model.step(*seat, step);
        }
    }
}
