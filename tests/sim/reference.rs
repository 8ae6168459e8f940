//! The lines that each session must hear, computed by the simplest means: no chunks, no outbox, no batches.
//!
//! The manager's hub is this [`Hub`]. It asks the real one, and records each effect for each of its recipients, in
//! the recipient's encoding of that moment. [`Expected::compare`] compares that with what a peer received.

use std::cell::{Cell, RefCell};
use std::collections::{BTreeMap, BTreeSet, HashMap, VecDeque};
use std::time::Duration;

use parlor::chat::{Arrival, Effect, Entry, Filter, Heard, HubSettings, Now, Post, RoomIndex};
use parlor::protocol::{CloseReason, Command, Notice, Refusal, RoomName, SessionId};
use parlor::wire::{Encoding, Wire};

use crate::os::{self, Instant};

/// One thing that somebody is to hear.
#[derive(Debug)]
struct Item {
    bytes: Vec<u8>,
    /// Where there is no room for it, it is counted instead.
    may_be_skipped: bool,
}

/// The lines that one session is to hear.
#[derive(Debug)]
pub struct Expected {
    encoding: Encoding,
    filter: Filter,
    rooms: BTreeSet<RoomIndex>,
    /// It has been in several rooms at once.
    pub was_in_several: bool,
    items: Vec<Item>,
    pub tags: VecDeque<Box<str>>,
    pub entered: bool,
    /// Whether the others know of it.
    listed: bool,
    /// It is a stream: which lines it has been told.
    follows: Option<Follows>,
}

/// The lines that a stream has been told, by their numbers.
#[derive(Debug)]
struct Follows {
    /// No line of another one comes, though a room's place may be given to another.
    room: RoomName,
    /// The number of the last one.
    last: Option<u64>,
    /// Lines of the past and of the present.
    past: u64,
    present: u64,
}

impl Follows {
    /// Each line comes once, in order, and none is missing that is not counted as lost.
    fn hear(&mut self, notice: &Notice) {
        if let Notice::HistoryLine { line, .. } | Notice::Said(line) | Notice::Acted(line) = notice {
            assert_eq!(line.room, self.room);
        }
        match notice {
            Notice::HistoryLine { line, .. } => {
                assert!(self.last.is_none_or(|last| line.seq > last), "{} after {:?}", line.seq, self.last);
                // Lines are lost before the first one only.
                assert!(self.past == 0 || self.last == Some(line.seq - 1), "{} after {:?}", line.seq, self.last);
                self.past += 1;
                self.last = Some(line.seq);
            }
            Notice::HistoryEnd { last_seq, .. } => self.last = Some(*last_seq),
            Notice::Said(line) | Notice::Acted(line) => {
                assert!(self.last.is_none_or(|last| line.seq == last + 1), "{} after {:?}", line.seq, self.last);
                self.present += 1;
                self.last = Some(line.seq);
            }
            _ => {}
        }
    }
}

/// The part of it that was heard.
#[derive(Debug, Default)]
pub struct Compared {
    pub skipped: u64,
    /// Lines that were skipped and never told, since the session ended before.
    pub untold: u64,
}

#[derive(Debug, Default)]
struct Journal {
    sessions: BTreeMap<SessionId, Expected>,
    /// The sessions that the hub has not hung up.
    present: BTreeSet<SessionId>,
    /// The mark of every line of every room, in the one order.
    said: Vec<String>,
    stopped: bool,
    /// When somebody went in or out last.
    moved: Duration,
    /// By room: who went in and out, and what was told of it.
    moves: HashMap<RoomIndex, Moves>,
}

#[derive(Debug, Default, PartialEq, Eq)]
struct Moves {
    came: usize,
    left: usize,
    told_came: usize,
    told_left: usize,
}

thread_local! {
    /// Time that each command takes; and when the hub was told to stop.
    pub static COMMAND_TAKES: Cell<Duration> = const { Cell::new(Duration::ZERO) };
    pub static STOPPED_AT: Cell<Option<Instant>> = const { Cell::new(None) };
    static JOURNAL: RefCell<Journal> = RefCell::default();
}

/// Begins anew.
pub fn begin() {
    JOURNAL.take();
    COMMAND_TAKES.take();
    STOPPED_AT.take();
}

/// A session is on its way to the hub: to its room, or to listen only.
pub fn expect(id: SessionId, wire: Wire, entry: &Entry) {
    let follows = match entry {
        Entry::Stream { room, after, .. } => Some(Follows { room: room.clone(), last: *after, past: 0, present: 0 }),
        Entry::Lobby | Entry::Nowhere { .. } => None,
    };
    let expected = Expected {
        encoding: wire.first_encoding(),
        filter: Filter::default(),
        rooms: BTreeSet::new(),
        was_in_several: false,
        items: Vec::new(),
        tags: VecDeque::new(),
        entered: false,
        listed: matches!(entry, Entry::Nowhere { .. }),
        follows,
    };
    JOURNAL.with_borrow_mut(|journal| journal.sessions.insert(id, expected));
}

/// A request with a mark is on its way.
pub fn tag(id: SessionId, tag: Box<str>) {
    JOURNAL.with_borrow_mut(|journal| journal.sessions.get_mut(&id).unwrap().tags.push_back(tag));
}

pub fn take(id: SessionId) -> Expected {
    JOURNAL.with_borrow_mut(|journal| journal.sessions.remove(&id).unwrap())
}

/// The mark of a line that was said, `s1000003n12`: who, and how many before.
pub fn mark(text: &str) -> Option<String> {
    let is_mark =
        |word: &&str| word.strip_prefix('s').is_some_and(|rest| rest.starts_with(|c: char| c.is_ascii_digit()));
    text.split([' ', ':', '\r']).find(is_mark).map(str::to_owned)
}

/// The marks of all lines that were said, in the order of the hub.
pub fn said() -> Vec<String> {
    JOURNAL.with_borrow(|journal| journal.said.clone())
}

/// When somebody went in or out last.
pub fn moved() -> Instant {
    JOURNAL.with_borrow(|journal| Instant(journal.moved))
}

/// Every coming and going has been told of, once, one by one or counted.
pub fn check_moves() {
    JOURNAL.with_borrow(|journal| {
        for moves in journal.moves.values() {
            assert_eq!((moves.came, moves.left), (moves.told_came, moves.told_left), "{moves:?}");
        }
    });
}

impl Journal {
    fn of(&mut self, id: SessionId) -> &mut Expected {
        assert!(self.present.contains(&id), "{id} has left");
        self.sessions.get_mut(&id).unwrap()
    }

    fn write_down(&mut self, effects: &[Effect], tag: Option<&(SessionId, Box<str>)>) {
        for effect in effects {
            if matches!(effect, Effect::Enter(..) | Effect::Exit(..)) {
                self.moved = Instant::now().0;
            }
            match effect {
                Effect::Tell(id, notice) => {
                    let may_be_skipped = matches!(notice, Notice::Told { .. });
                    let tag = tag.filter(|(asker, _)| asker == id && !may_be_skipped);
                    self.of(*id).hear(notice, tag.map(|(_, tag)| &**tag), may_be_skipped);
                }
                Effect::Room { room, notice, except } => {
                    self.note(*room, notice);
                    for id in &self.present {
                        let one = self.sessions.get_mut(id).unwrap();
                        let hidden = one.filter.hides(notice.said_by(), notice.is_join_or_leave());
                        if one.rooms.contains(room) && *except != Some(*id) && !hidden {
                            one.hear(notice, None, true);
                        }
                    }
                }
                Effect::Enter(room, id) => {
                    let one = self.of(*id);
                    assert!(one.rooms.insert(*room), "twice in one room");
                    one.was_in_several |= one.rooms.len() > 1;
                    self.moves.entry(*room).or_default().came += usize::from(self.of(*id).listed);
                }
                Effect::Exit(room, id) => {
                    assert!(self.of(*id).rooms.remove(room), "out of another room");
                    let counts = self.of(*id).listed && !self.stopped;
                    self.moves.entry(*room).or_default().left += usize::from(counts);
                }
                Effect::Filter(id, filter) => self.of(*id).filter = filter.clone(),
                Effect::Style(id, change) => {
                    let one = self.of(*id);
                    one.encoding = one.encoding.with(*change);
                }
                Effect::HangUp(id, _) => drop(self.present.remove(id)),
            }
        }
    }

    /// The others are told of a session, at the latest before what its first command does.
    fn appears(&mut self, id: SessionId) {
        let Some(one) = self.sessions.get_mut(&id).filter(|_| self.present.contains(&id)) else { return };
        if !std::mem::replace(&mut one.listed, true) {
            let room = *one.rooms.first().expect("it is in the lobby");
            self.moves.entry(room).or_default().came += 1;
            self.moved = Instant::now().0;
        }
    }

    fn note(&mut self, room: RoomIndex, notice: &Notice) {
        let moves = self.moves.entry(room).or_default();
        match notice {
            Notice::Said(line) | Notice::Acted(line) => self.said.extend(mark(line.body.as_str())),
            Notice::Login { .. } | Notice::Came { .. } => moves.told_came += 1,
            Notice::Left { .. } | Notice::Went { .. } => moves.told_left += 1,
            Notice::JoinSummary { came, left, .. } => {
                moves.told_came += *came;
                moves.told_left += *left;
            }
            _ => {}
        }
    }
}

impl Expected {
    /// How many lines of the past and of the present a stream was told; `None` for others.
    pub fn followed(&self) -> Option<(u64, u64)> {
        self.follows.as_ref().map(|follows| (follows.past, follows.present))
    }

    fn hear(&mut self, notice: &Notice, tag: Option<&str>, may_be_skipped: bool) {
        if let Some(follows) = &mut self.follows {
            follows.hear(notice);
        }
        let mut bytes = Vec::new();
        self.encoding.encode(notice, tag, &mut bytes);
        if !bytes.is_empty() {
            self.items.push(Item { bytes, may_be_skipped });
        }
    }

    /// Goes through what a peer received: everything in its order, once; where lines were skipped,
    /// told with their number before the next one. If `whole`, to the last byte; otherwise it may end
    /// anywhere. `history` is how many lines a room keeps.
    pub fn compare(&self, received: &[u8], whole: bool, history: u64) -> Compared {
        let mut rest = received;
        let mut compared = Compared::default();
        let mut items = self.items.iter().peekable();
        loop {
            if compared.untold > 0 {
                let lines = compared.untold;
                // Whether the history has them all depends on more than their number; the longer text
                // begins with the shorter one but for its end.
                for kept in [lines <= history, false] {
                    let mut told = Vec::new();
                    self.encoding.encode(&Notice::Skipped { lines, kept }, None, &mut told);
                    if !told.is_empty() && rest.starts_with(&told) {
                        rest = &rest[told.len()..];
                        compared.untold = 0;
                        break;
                    }
                }
            }
            let Some(item) = items.peek() else { break };
            if rest.is_empty() && !whole {
                return compared;
            }
            // Relay has no words for skipped lines: there the next one may come after any gap.
            let silent = self.encoding == Encoding::Relay;
            if rest.starts_with(&item.bytes) && (compared.untold == 0 || silent || !item.may_be_skipped) {
                if silent && item.may_be_skipped {
                    compared.untold = 0;
                }
                rest = &rest[item.bytes.len()..];
            } else if !whole && item.bytes.starts_with(rest) {
                return compared; // cut within it
            } else if item.may_be_skipped {
                compared.untold += 1;
                compared.skipped += 1;
            } else if !whole && compared.untold > 0 && self.is_part_of_a_notice(rest) {
                return compared; // cut within the word of those before it
            } else {
                panic!("received {:?}\nwhere was to come {:?}", shown(rest), shown(&item.bytes));
            }
            items.next();
        }
        assert!(rest.is_empty() || !whole && self.is_part_of_a_notice(rest), "more than was sent: {:?}", shown(rest));
        compared
    }

    /// Whether a stream that was cut may end so: within the notice of skipped lines.
    fn is_part_of_a_notice(&self, rest: &[u8]) -> bool {
        (1..2000).any(|lines| {
            [true, false].into_iter().any(|kept| {
                let mut told = Vec::new();
                self.encoding.encode(&Notice::Skipped { lines, kept }, None, &mut told);
                told.starts_with(rest)
            })
        })
    }
}

fn shown(bytes: &[u8]) -> String {
    let text = String::from_utf8_lossy(bytes);
    text.chars().take(300).collect()
}

/// The real hub, and beside it the journal.
#[derive(Debug)]
pub struct Hub(parlor::chat::Hub);

impl Hub {
    pub fn new(settings: HubSettings, now: Now) -> Self {
        Self(parlor::chat::Hub::new(settings, now))
    }

    pub fn history_count(&self, id: SessionId) -> usize {
        self.0.history_count(id)
    }

    pub fn room_count(&self) -> usize {
        self.0.room_count()
    }

    pub fn heard_by(&self, id: SessionId, command: &Command) -> Heard {
        self.0.heard_by(id, command)
    }

    pub fn heard_by_post(&self, post: &Post) -> Heard {
        self.0.heard_by_post(post)
    }

    pub fn post(&mut self, post: &mut Post, now: Now, out: &mut Vec<Effect>) -> Option<Result<usize, Refusal>> {
        let mut effects = Vec::new();
        let done = self.0.post(post, now, &mut effects);
        Self::write_down(out, effects, None);
        done
    }

    fn write_down(out: &mut Vec<Effect>, effects: Vec<Effect>, tag: Option<&(SessionId, Box<str>)>) {
        JOURNAL.with_borrow_mut(|journal| journal.write_down(&effects, tag));
        out.extend(effects);
    }

    pub fn enter(&mut self, arrival: Arrival, now: Now, out: &mut Vec<Effect>) {
        let id = arrival.speaker.id;
        JOURNAL.with_borrow_mut(|journal| {
            assert!(journal.present.insert(id), "{id} comes twice");
            journal.sessions.get_mut(&id).unwrap().entered = true;
        });
        let mut effects = Vec::new();
        self.0.enter(arrival, now, &mut effects);
        Self::write_down(out, effects, None);
    }

    pub fn appear(&mut self, id: SessionId, now: Now, out: &mut Vec<Effect>) {
        let mut effects = Vec::new();
        self.0.appear(id, now, &mut effects);
        JOURNAL.with_borrow_mut(|journal| journal.appears(id));
        Self::write_down(out, effects, None);
    }

    pub fn command(&mut self, id: SessionId, command: Command, tagged: bool, now: Now, out: &mut Vec<Effect>) {
        JOURNAL.with_borrow_mut(|journal| journal.appears(id));
        let tag = tagged.then(|| {
            JOURNAL.with_borrow_mut(|journal| {
                journal.present.get(&id)?; // a session may have asked for more before its /quit
                journal.sessions.get_mut(&id)?.tags.pop_front()
            })
        });
        os::pass(COMMAND_TAKES.get());
        let mut effects = Vec::new();
        self.0.command(id, command, tagged, now, &mut effects);
        Self::write_down(out, effects, tag.flatten().map(|tag| (id, tag)).as_ref());
    }

    pub fn leave(&mut self, id: SessionId, reason: CloseReason, now: Now, out: &mut Vec<Effect>) {
        let mut effects = Vec::new();
        self.0.leave(id, reason, now, &mut effects);
        Self::write_down(out, effects, None);
    }

    pub fn stop(&mut self, out: &mut Vec<Effect>) {
        JOURNAL.with_borrow_mut(|journal| journal.stopped = true);
        STOPPED_AT.set(Some(Instant::now()));
        let mut effects = Vec::new();
        self.0.stop(&mut effects);
        Self::write_down(out, effects, None);
    }

    pub fn tick(&mut self, now: Now, out: &mut Vec<Effect>) {
        let mut effects = Vec::new();
        self.0.tick(now, &mut effects);
        Self::write_down(out, effects, None);
    }

    pub fn next_tick(&self) -> Option<Duration> {
        self.0.next_tick()
    }
}
