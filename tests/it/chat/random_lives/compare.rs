//! The effects that each step must have, by the model.

#![allow(clippy::unwrap_used, clippy::panic, reason = "clippy's allow-…-in-tests does not reach a test's helpers")]

use std::sync::Arc;

use parlor::chat::{Effect, Filter};
use parlor::protocol::{CloseReason, Line, Notice, Refusal, RoomName, Speaker};

use super::super::{at as moment, refusal, room_name};
use super::{FORGETFUL, LOBBY, Life, Means, Model, Place, Step, clash};
use crate::support::values::body;

impl Model {
    pub(super) fn compare(&mut self, player: usize, step: &Step, effects: &[Effect]) {
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
        let line = Line { room, from, body: body(text), at: moment(self.room.now).unix_ms, seq };
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
            self.places.push(Place::new(name, moment(self.room.now).unix_ms));
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

    pub(super) fn perform_leaving(&mut self, player: usize, why: &CloseReason, effects: &[Effect]) {
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
}
