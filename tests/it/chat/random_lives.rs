//! A small model walks beside the hub through random lives, and holds it to what must never happen.

#![allow(clippy::unwrap_used, clippy::panic, reason = "clippy's allow-…-in-tests does not reach a test's helpers")]

use std::collections::{BTreeSet, HashMap};
use std::sync::Arc;
use std::time::Duration;

use parlor::chat::{Effect, Filter, HubSettings, RoomIndex};
use parlor::protocol::{CloseReason, Command, Line, NameKeys, Notice, Refusal, RoomName, SessionId, Speaker, Switch};
use proptest::collection::vec;
use proptest::prelude::*;

use super::{LOBBY, Room, SETTINGS, at, refusal, room_name, say, session};
use crate::support::values::{body, nick};

/// The next step of one player.
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
    JoinAlso(&'static str),
    /// Into the room of that name, if the player is in it.
    SayIn(&'static str),
    LeaveCurrent,
    LeaveRoom(&'static str),
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

const PLAYERS: usize = 6;
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
        4 => (0..PLAYERS, means).prop_map(|(to, means)| Step::Msg(to, means)),
        3 => Just(Step::Reply),
        1 => any::<bool>().prop_map(Step::Echo),
        5 => room().prop_map(Step::Join),
        5 => room().prop_map(Step::JoinAlso),
        3 => room().prop_map(Step::SayIn),
        2 => Just(Step::LeaveCurrent),
        2 => room().prop_map(Step::LeaveRoom),
        2 => (1..12_usize).prop_map(Step::History),
        2 => (room(), 0..12_u64).prop_map(|(room, seq)| Step::After(room, seq)),
        3 => (0..PLAYERS, prop::bool::weighted(0.7)).prop_map(|(whom, on)| Step::Ignore(whom, on)),
        1 => any::<bool>().prop_map(Step::Quit),
        2 => Just(Step::Leave),
    ];
    // Rare enough that rooms fill before it.
    let step = prop_oneof![100 => step, 1 => Just(Step::Stop)];
    vec((0..PLAYERS, step), 1..80)
}

/// One person as the model knows them.
#[derive(Debug, Clone)]
struct Life {
    speaker: Arc<Speaker>,
    echo: bool,
    writer: Option<SessionId>,
    /// The numbers of its places in the order in which they were joined: the last one is the current one.
    joined: Vec<usize>,
    ignored: BTreeSet<SessionId>,
    /// Whether it is shown a room's past unasked.
    told_history: bool,
    /// Whether it has written to somebody.
    has_written: bool,
}

impl Life {
    fn current(&self) -> Option<usize> {
        self.joined.last().copied()
    }

    /// Its places, the current one first, the others in the order in which they were joined.
    fn current_first(&self) -> Vec<usize> {
        let (current, others) =
            self.joined.split_last().map_or((None, [].as_slice()), |(last, rest)| (Some(*last), rest));
        current.into_iter().chain(others.iter().copied()).collect()
    }

    /// A frame session that has done nothing in the chat is sent nothing.
    fn takes_part(&self) -> bool {
        self.told_history
            || !self.joined.is_empty()
            || self.has_written
            || *self.speaker.name != *self.speaker.id.to_string()
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
    /// The listeners, as `Enter` and `Exit` have it.
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
    /// The latest session of each player. A player that comes again has a new session.
    sessions: [SessionId; PLAYERS],
    came: u64,
    lives: HashMap<usize, Life>,
    places: Vec<Place>,
    hung_up: usize,
    left: usize,
}

impl Model {
    fn new() -> Self {
        Self {
            room: Room::with(FORGETFUL),
            sessions: [session(0); PLAYERS],
            came: 0,
            lives: HashMap::new(),
            places: vec![Place::new("lobby", 0)],
            hung_up: 0,
            left: 0,
        }
    }

    fn id_of(&self, player: usize) -> SessionId {
        self.sessions[player]
    }

    /// The player that has this session now.
    fn player_of(&self, id: SessionId) -> usize {
        self.sessions.iter().position(|other| *other == id).unwrap_or_else(|| panic!("{id} is nobody's session"))
    }

    /// Does one step with the hub and with the model, and compares.
    fn step(&mut self, player: usize, step: &Step) {
        self.room.now += PACE;
        match *step {
            Step::Enter(_) if self.lives.contains_key(&player) => return, // it has a session
            Step::Enter(by) => self.enter(player, by),
            Step::Stop => {
                let effects = self.room.effects(|hub, _, out| hub.stop(out));
                self.left += self.lives.len();
                self.perform(&effects);
                self.lives.clear();
                self.places.iter_mut().for_each(|place| place.members.clear());
            }
            Step::Leave => {
                let effects = self.room.leave(self.sessions[player], CloseReason::PeerClosed);
                self.perform_leaving(player, &CloseReason::PeerClosed, &effects);
            }
            _ => {
                let tagged = matches!(step, Step::Say(true) | Step::Me(true));
                let command = self.command(step);
                let id = self.id_of(player);
                let effects = self.room.effects(|hub, now, out| hub.command(id, command, tagged, now, out));
                match self.lives.contains_key(&player) {
                    true => self.compare(player, step, &effects),
                    false => assert_eq!(effects, [], "no such session"),
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
            Step::JoinAlso(name) => Command::JoinAlso(room_name(name)),
            Step::SayIn(name) => Command::In(room_name(name), Box::new(say("hi"))),
            Step::LeaveCurrent => Command::Leave,
            Step::LeaveRoom(name) => Command::LeaveRoom(room_name(name)),
            Step::History(count) => Command::History(*count),
            Step::After(name, seq) => Command::HistoryAfter(Some(room_name(name)), *seq),
            Step::Ignore(whom, true) => Command::Ignore(self.call(*whom, Means::Address)),
            Step::Ignore(whom, false) => Command::Unignore(self.call(*whom, Means::Address)),
            Step::Quit(words) => Command::Quit(words.then(|| body("bye"))),
            Step::Say(_) | Step::Enter(_) | Step::Leave | Step::Stop => say("hi"),
        }
    }

    /// A name that means this player.
    fn call(&self, player: usize, means: Means) -> String {
        match (self.lives.get(&player), means) {
            (Some(life), Means::Name) => life.speaker.name.to_string(),
            (Some(life), Means::Capitals) => life.speaker.name.to_uppercase(),
            (Some(life), Means::Address) => life.speaker.address.to_string(),
            _ => "xyzzy".to_owned(),
        }
    }

    fn enter(&mut self, player: usize, by: &'static str) {
        self.came += 1;
        let at = session(self.came);
        self.sessions[player] = at;
        let (speaker, effects) = self.room.arrive(at, by);
        let mut life = Life {
            speaker: Arc::clone(&speaker),
            echo: by != "relay",
            writer: None,
            joined: Vec::new(),
            ignored: BTreeSet::new(),
            told_history: by != "frame",
            has_written: false,
        };
        if by == "frame" {
            assert_eq!(effects, []);
        } else {
            let others = self.names_in(0);
            life.joined = vec![0];
            self.lives.insert(player, life.clone());
            let you = || Arc::clone(&speaker);
            let login = || Notice::Login { who: you(), room: RoomName::lobby() };
            let mut wanted = vec![Effect::Tell(at, Notice::IAmHere(you())), Effect::Tell(at, login())];
            wanted.extend(self.kept(player, 0, FORGETFUL.history_shown, 0));
            let (room, door, others_total) = (RoomName::lobby(), "127.0.0.1:8000".into(), others.len());
            let idle = FORGETFUL.idle;
            let welcome = Notice::Welcome { you: you(), room, others, others_total, door, idle };
            wanted.push(Effect::Tell(at, welcome));
            wanted.push(Effect::Enter(LOBBY, at));
            wanted.push(Effect::Room { room: LOBBY, notice: login(), except: Some(at) });
            assert_eq!(effects, wanted);
            self.places[0].members.push(player);
        }
        self.lives.insert(player, life);
        self.perform(&effects);
    }

    fn names_in(&self, place: usize) -> Vec<Arc<str>> {
        self.places[place].members.iter().map(|player| Arc::clone(&self.lives[player].speaker.name)).collect()
    }

    /// The part of a room's history that a person is to be shown.
    fn kept(&self, player: usize, place: usize, count: usize, after: u64) -> Vec<Effect> {
        let ignored = &self.lives[&player].ignored;
        let lines = &self.places[place].lines;
        let kept = &lines[lines.len().saturating_sub(FORGETFUL.history)..];
        let wanted = kept.iter().filter(|(line, _)| line.seq > after && !ignored.contains(&line.from.id));
        let mut wanted: Vec<_> = wanted
            .map(|(line, is_action)| {
                Effect::Tell(self.id_of(player), Notice::HistoryLine { line: line.clone(), is_action: *is_action })
            })
            .collect();
        wanted.split_off(wanted.len().saturating_sub(count))
    }

    fn compare(&mut self, player: usize, step: &Step, effects: &[Effect]) {
        let at = self.id_of(player);
        let life = self.lives[&player].clone();
        match *step {
            Step::Say(tagged) => self.compare_said(player, None, "hi", (false, tagged), effects),
            Step::Me(tagged) => self.compare_said(player, None, "waves", (true, tagged), effects),
            Step::Rename(name) | Step::Nick(name) => self.compare_rename(player, name, effects),
            Step::Msg(to, Means::Nonsense) => {
                assert!(matches!(refusal(effects, at), Refusal::NobodyCalled { .. }), "{to}");
            }
            Step::Msg(to, _) if !self.lives.get(&to).is_some_and(Life::takes_part) => {
                refusal(effects, at);
            }
            Step::Msg(to, _) => self.compare_private(player, to, "psst", effects),
            Step::Reply => {
                let writer = self.lives.iter().find(|(_, other)| Some(other.speaker.id) == life.writer);
                match writer.map(|(player, _)| *player) {
                    Some(to) => self.compare_private(player, to, "ok", effects),
                    None => assert_eq!(refusal(effects, at), &Refusal::NobodyToAnswer),
                }
            }
            Step::Echo(on) => {
                assert_eq!(effects, [Effect::Tell(at, Notice::Echo { on })]);
                self.lives.get_mut(&player).unwrap().echo = on;
            }
            Step::Join(name) => self.compare_join(player, name, false, effects),
            Step::JoinAlso(name) => self.compare_join(player, name, true, effects),
            Step::SayIn(name) => self.compare_said_in(player, name, effects),
            Step::LeaveCurrent => self.compare_left(player, None, effects),
            Step::LeaveRoom(name) => self.compare_left(player, Some(name), effects),
            Step::History(count) => {
                let place = life.current().unwrap_or(0);
                let (room, last_seq) = (self.places[place].name.clone(), self.places[place].lines.len() as u64);
                let mut wanted = self.kept(player, place, count, 0);
                wanted.push(Effect::Tell(
                    at,
                    Notice::HistoryEnd { room, last_seq, lost: 0, since: self.places[place].since },
                ));
                assert_eq!(effects, wanted);
            }
            Step::After(name, seq) => match self.places.iter().position(|place| place.name.as_str() == name) {
                None => assert_eq!(refusal(effects, at), &Refusal::NoRoom { room: room_name(name) }),
                Some(place) => {
                    let (room, last_seq) = (self.places[place].name.clone(), self.places[place].lines.len() as u64);
                    let forgotten = last_seq.saturating_sub(FORGETFUL.history as u64);
                    let mut wanted = self.kept(player, place, usize::MAX, seq);
                    let lost = forgotten.saturating_sub(seq);
                    wanted.push(Effect::Tell(
                        at,
                        Notice::HistoryEnd { room, last_seq, lost, since: self.places[place].since },
                    ));
                    assert_eq!(effects, wanted);
                }
            },
            Step::Ignore(whom, on) => self.compare_ignore(player, whom, on, effects),
            Step::Quit(words) => {
                // The last words, and what brings who was nowhere to where they are heard, come first.
                let last_words =
                    if words { effects.iter().position(|one| matches!(one, Effect::Tell(..))) } else { None };
                let (last_words, leaving) = effects.split_at(last_words.unwrap_or(0));
                if words {
                    self.compare_said(player, None, "bye", (false, false), last_words);
                    self.perform(last_words);
                }
                return self.perform_leaving(player, &CloseReason::Quit, leaving);
            }
            Step::Enter(_) | Step::Leave | Step::Stop => unreachable!("these are no commands"),
        }
        self.perform(effects);
    }

    fn compare_said_in(&mut self, player: usize, name: &'static str, effects: &[Effect]) {
        let life = &self.lives[&player];
        let named = self.places.iter().position(|place| place.name.as_str() == name);
        match named.filter(|place| life.joined.contains(place)) {
            Some(place) => self.compare_said(player, Some(place), "hi", (false, false), effects),
            // The lobby, to a player that is nowhere: its first line.
            None if life.joined.is_empty() && name == "lobby" => {
                self.compare_said(player, None, "hi", (false, false), effects);
            }
            None => {
                let present = self.places[life.current().unwrap_or(0)].name.clone();
                let wanted = Refusal::OtherRoom { named: room_name(name), present };
                assert_eq!(refusal(effects, self.id_of(player)), &wanted);
            }
        }
    }

    /// A line in a place that is named, or in the current one. `kind`: whether it is an action, and tagged.
    fn compare_said(
        &mut self,
        player: usize,
        named: Option<usize>,
        text: &str,
        kind: (bool, bool),
        effects: &[Effect],
    ) {
        let (is_action, tagged) = kind;
        let at = self.id_of(player);
        let mut wanted = Vec::new();
        let life = self.lives.get_mut(&player).unwrap();
        let (from, echo) = (Arc::clone(&life.speaker), life.echo);
        let number = named.or(life.current()).unwrap_or_else(|| {
            life.joined.push(0);
            let notice = Notice::Login { who: Arc::clone(&from), room: RoomName::lobby() };
            wanted.extend([Effect::Room { room: LOBBY, notice, except: None }, Effect::Enter(LOBBY, at)]);
            self.places[0].members.push(player);
            0
        });
        let place = &mut self.places[number];
        let (seq, room) = (place.lines.len() as u64 + 1, place.name.clone());
        let line = Line { room, from, body: body(text), at: self::at(self.room.now).unix_ms, seq };
        place.lines.push((line.clone(), is_action));
        let notice = || if is_action { Notice::Acted(line.clone()) } else { Notice::Said(line.clone()) };
        wanted.extend(tagged.then(|| Effect::Tell(at, notice())));
        let except = (tagged || !echo).then_some(at);
        wanted.push(Effect::Room { room: Place::index(number), notice: notice(), except });
        assert_eq!(effects, wanted);
    }

    fn compare_join(&mut self, player: usize, name: &str, also: bool, effects: &[Effect]) {
        let at = self.id_of(player);
        let to = self.places.iter().position(|place| place.name.as_str() == name).unwrap_or_else(|| {
            self.places.push(Place::new(name, self::at(self.room.now).unix_ms));
            self.places.len() - 1
        });
        let life = self.lives.get_mut(&player).unwrap();
        let (who, from, is_new) = (Arc::clone(&life.speaker), life.current(), !life.joined.contains(&to));
        let (who, room) = (|| Arc::clone(&who), || room_name(name));
        let told = |place, notice| Effect::Room { room: Place::index(place), notice, except: None };
        let mut wanted = Vec::new();
        if is_new {
            let came = match from {
                None => Notice::Login { who: who(), room: room() },
                Some(_) if also => Notice::Came { who: who(), from: None, room: room() },
                Some(number) => {
                    life.joined.pop();
                    let left = &mut self.places[number];
                    left.members.retain(|member| *member != player);
                    wanted.push(Effect::Exit(Place::index(number), at));
                    wanted.push(told(number, Notice::Went { who: who(), to: Some(room()), room: left.name.clone() }));
                    Notice::Came { who: who(), from: Some(left.name.clone()), room: room() }
                }
            };
            wanted.extend([told(to, came), Effect::Enter(Place::index(to), at)]);
            self.places[to].members.push(player);
        }
        life.joined.retain(|place| *place != to);
        life.joined.push(to);
        wanted.push(self.in_room(player));
        if is_new && self.lives[&player].told_history {
            wanted.extend(self.kept(player, to, FORGETFUL.history_shown, 0));
        }
        assert_eq!(effects, wanted);
    }

    /// The answer that says in which place a player is now.
    fn in_room(&self, player: usize) -> Effect {
        let life = &self.lives[&player];
        let place = life.current().unwrap();
        let you = Arc::clone(&life.speaker);
        let others: Vec<_> = self.names_in(place).into_iter().filter(|name| *name != you.name).collect();
        let (room, others_total, since) = (self.places[place].name.clone(), others.len(), self.places[place].since);
        Effect::Tell(self.id_of(player), Notice::InRoom { you, room, others, others_total, since })
    }

    fn compare_left(&mut self, player: usize, name: Option<&str>, effects: &[Effect]) {
        let at = self.id_of(player);
        let life = self.lives.get_mut(&player).unwrap();
        let named = name.map(|name| {
            let found = self.places.iter().position(|place| place.name.as_str() == name);
            found.filter(|place| life.joined.contains(place)).ok_or(name)
        });
        let place = match named {
            Some(Err(name)) => {
                assert_eq!(refusal(effects, at), &Refusal::NotInRoom { room: room_name(name) });
                return;
            }
            Some(Ok(place)) => Some(place),
            None => life.current(),
        };
        match place.filter(|_| life.joined.len() > 1) {
            None => self.compare_join(player, "lobby", false, effects),
            Some(number) => {
                life.joined.retain(|place| *place != number);
                let who = Arc::clone(&life.speaker);
                let place = &mut self.places[number];
                place.members.retain(|member| *member != player);
                let notice = Notice::Went { who, to: None, room: place.name.clone() };
                let told = Effect::Room { room: Place::index(number), notice, except: None };
                assert_eq!(effects, [Effect::Exit(Place::index(number), at), told, self.in_room(player)]);
            }
        }
    }

    fn compare_ignore(&mut self, player: usize, whom: usize, on: bool, effects: &[Effect]) {
        let at = self.id_of(player);
        let Some(other) = self.lives.get(&whom) else {
            assert!(matches!(refusal(effects, at), Refusal::NobodyCalled { .. }));
            return;
        };
        let who = Arc::clone(&other.speaker);
        if whom == player {
            assert!(matches!(refusal(effects, at), Refusal::IgnoresItself));
            return;
        }
        let life = self.lives.get_mut(&player).unwrap();
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

    fn compare_rename(&mut self, player: usize, name: &str, effects: &[Effect]) {
        let at = self.id_of(player);
        let others: Vec<_> = self.lives.iter().filter(|(other, _)| **other != player).map(|(_, life)| life).collect();
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
        let life = self.lives.get_mut(&player).unwrap();
        let old = Arc::clone(&life.speaker.name);
        let Speaker { id, address, .. } = &*life.speaker;
        let speaker = Arc::new(Speaker { id: *id, address: Arc::clone(address), name: name.into(), visitor: None });
        life.speaker = Arc::clone(&speaker);
        let is_told = *old != *name;
        let told = life.current_first().into_iter().filter(|_| is_told).map(|place| Effect::Room {
            room: Place::index(place),
            notice: Notice::Renamed {
                who: Arc::clone(&speaker),
                old: Arc::clone(&old),
                room: self.places[place].name.clone(),
            },
            except: Some(at),
        });
        assert!(matches!(effects[0], Effect::Tell(id, Notice::RenameOk | Notice::YouAre(_)) if id == at));
        assert_eq!(effects[1..], told.collect::<Vec<_>>());
    }

    fn compare_private(&mut self, player: usize, to: usize, text: &str, effects: &[Effect]) {
        self.lives.get_mut(&player).unwrap().has_written = true;
        let from = Arc::clone(&self.lives[&player].speaker);
        let (sender, to_id) = (self.id_of(player), self.id_of(to));
        let receiver = self.lives.get_mut(&to).unwrap();
        let to_sender = Notice::ToldTo { to: Arc::clone(&receiver.speaker), body: body(text) };
        let mut wanted = vec![Effect::Tell(sender, to_sender)];
        if !receiver.ignored.contains(&from.id) {
            receiver.writer = Some(from.id);
            wanted.push(Effect::Tell(to_id, Notice::Told { from, body: body(text) }));
        }
        assert_eq!(effects, wanted);
    }

    fn perform_leaving(&mut self, player: usize, why: &CloseReason, effects: &[Effect]) {
        let Some(life) = self.lives.get(&player) else { return assert_eq!(effects, []) };
        let at = self.id_of(player);
        let mut wanted = vec![Effect::Tell(at, Notice::Goodbye(why.clone()))];
        for number in life.current_first() {
            let place = &mut self.places[number];
            place.members.retain(|member| *member != player);
            let (who, room, why) = (Arc::clone(&life.speaker), place.name.clone(), why.clone());
            let notice = Notice::Left { who, room, why };
            wanted.push(Effect::Exit(Place::index(number), at));
            wanted.push(Effect::Room { room: Place::index(number), notice, except: None });
        }
        wanted.push(Effect::HangUp(at, why.clone()));
        assert_eq!(effects, wanted);
        self.left += 1;
        self.perform(effects);
        self.lives.remove(&player);
    }

    /// Does what the manager would do with the effects, in their order.
    fn perform(&mut self, effects: &[Effect]) {
        let mut gone = BTreeSet::new();
        for effect in effects {
            match effect {
                Effect::Enter(room, id) => {
                    let player = self.player_of(*id);
                    assert!(self.places[room.index()].audience.insert(player), "{effect:?}: it is in there");
                }
                Effect::Exit(room, id) => {
                    let player = self.player_of(*id);
                    assert!(self.places[room.index()].audience.remove(&player), "{effect:?}: it is not in there");
                }
                Effect::Tell(id, _) | Effect::Filter(id, _) | Effect::Style(id, _) => {
                    assert!(self.lives.contains_key(&self.player_of(*id)), "{effect:?} to a session that has left");
                    assert!(!gone.contains(&self.player_of(*id)), "{effect:?} after the hang-up");
                }
                Effect::Room { room, notice, except } => {
                    let place = &self.places[room.index()];
                    assert!(except.is_none_or(|id| place.audience.contains(&self.player_of(id))), "{effect:?}");
                    if let Notice::Said(line) | Notice::Acted(line) = notice {
                        let members: BTreeSet<_> = place.members.iter().copied().collect();
                        assert_eq!((&line.room, &place.audience), (&place.name, &members), "no line to an outsider");
                    }
                }
                Effect::HangUp(id, _) => {
                    assert!(gone.insert(self.player_of(*id)), "hangs up twice");
                    let hears = self.places.iter().any(|place| place.audience.contains(&self.player_of(*id)));
                    assert!(!hears, "hung up and still in a room");
                    self.hung_up += 1;
                }
            }
        }
    }

    /// Rules that hold at any time.
    fn check(&mut self) {
        assert_eq!(self.hung_up, self.left, "one hang-up for each who left");
        assert_eq!(self.room.hub.population(), self.lives.len());
        assert_eq!(self.room.due(), None, "no move was counted");
        for number in 0..self.places.len() {
            let place = &self.places[number];
            assert_eq!(place.audience, place.members.iter().copied().collect(), "who hears {}", place.name);
            let Some(asker) = place.members.first().map(|player| self.id_of(*player)) else { continue };
            let wanted: Vec<_> = place.members.iter().map(|player| Arc::clone(&self.lives[player].speaker)).collect();
            let list = Command::In(place.name.clone(), Box::new(Command::UserList));
            assert_eq!(self.room.does(asker, list), [Effect::Tell(asker, Notice::UserList(wanted))]);
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

mod exhaustive {
    use super::*;

    proptest! {
        // No file of failures is kept: what one finds becomes a named test.
        #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

        #[test]
        fn random_lives_break_no_rule(steps in steps()) {
            let mut model = Model::new();
            for (player, step) in &steps {
                model.step(*player, step);
            }
        }
    }
}
