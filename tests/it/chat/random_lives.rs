//! A small model does the same random steps as the hub, and compares the effects.
//!
//! Here are the steps, the model and the rules that hold at any time; in `compare` are the effects that each step
//! must have.

#![allow(clippy::unwrap_used, clippy::panic, reason = "clippy's allow-…-in-tests does not reach a test's helpers")]

mod compare;

use std::collections::{BTreeSet, HashMap};
use std::sync::Arc;
use std::time::Duration;

use parlor::chat::{Effect, HubSettings, RoomIndex};
use parlor::protocol::{CloseReason, Command, Line, NameKeys, Notice, RoomName, SessionId, Speaker, Switch};
use proptest::collection::vec;
use proptest::prelude::*;

use super::{LOBBY, Room, SETTINGS, room_name, say, session};
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

/// The model: the sessions, the room of each, and what was said there.
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
