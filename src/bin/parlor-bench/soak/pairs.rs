//! Comings and goings: in a room of their own, one visitor at a time, whom three others watch.
//!
//! Each of the three, on a text, a JSON and a frame door, must be told that the visitor came, hear its
//! line, and be told that it left: each once, and in this order, and nothing later. (In the lobby a
//! crowd comes and goes, which is told in sums.)

use std::collections::HashMap;
use std::time::{Duration, Instant};

use memchr::memmem;

use super::Shared;
use super::count::Count;
use super::door::Door;
use super::peer::{Heard, Peer, Voice};
use super::random::Random;

/// From the end of a visit to the next one: of more than 5 moves within 2 s only the sum would be told.
const APART: Duration = Duration::from_millis(1_300);
/// The moves of watchers count as well: so long nobody comes after some have come or gone. If those were
/// too many to be told one by one, the sum is told 2 s later, and for 2 s more nothing but sums is.
const AFTER_A_CHANGE: Duration = Duration::from_millis(4_500);
/// What a visit brings about is waited for so long.
const AT_MOST: Duration = Duration::from_secs(15);
/// After the last visit something that is told twice is waited for so long.
const AFTERWARDS: Duration = Duration::from_millis(300);
const ROOM: &str = "pairs";

/// What a watcher is told of a visitor, in the order that is due.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Move {
    Came,
    Spoke,
    Left,
}

/// What one watcher was told of each visit since it came.
#[derive(Debug, Default)]
struct Told {
    /// Earlier visits are not its business.
    since: u64,
    visits: HashMap<u64, Vec<Move>>,
}

impl Told {
    /// Notes it if it is about a visitor; returns what is wrong with it.
    fn hears(&mut self, unit: &[u8]) -> Option<String> {
        let (visit, what) = read(unit)?;
        if visit < self.since {
            return None;
        }
        let told = self.visits.entry(visit).or_default();
        let is_due = told.last().map_or(what == Move::Came, |last| what > *last);
        told.push(what);
        (!is_due).then(|| format!("of visitor {visit}: {told:?}"))
    }

    fn of(&self, visit: u64) -> &[Move] {
        self.visits.get(&visit).map_or(&[], Vec::as_slice)
    }

    /// Visitors who came and have not left.
    fn unpaired(&self) -> Vec<u64> {
        let open = self.visits.iter().filter(|(_, told)| !told.contains(&Move::Left));
        open.map(|(visit, _)| *visit).collect()
    }
}

/// Somebody who watches.
struct Watcher<'a> {
    shared: &'a Shared,
    peer: Peer<'a>,
    told: Told,
}

impl Watcher<'_> {
    /// Listens until this is so, for `at_most`; `None` if it was cut.
    fn listen_until(&mut self, at_most: Duration, mut done: impl FnMut(&Told) -> bool) -> Option<bool> {
        let until = Instant::now() + at_most;
        while !done(&self.told) {
            if Instant::now() >= until {
                return Some(false);
            }
            let (shared, told, door) = (self.shared, &mut self.told, self.peer.door.name());
            let heard = self.peer.listen(|unit| {
                if let Some(wrong) = told.hears(unit) {
                    shared.fault(format!("the watcher by {door} was told {wrong}"));
                }
            });
            if heard != Heard::More {
                shared.cut_short(self.peer.address, &format!("the watcher by {door} was cut"));
                return None;
            }
        }
        Some(true)
    }

    /// Whoever came has left, and nothing is told twice.
    fn close_books(&mut self) {
        let door = self.peer.door.name();
        if self.listen_until(AT_MOST, |told| told.unpaired().is_empty()) == Some(false) {
            let open = self.told.unpaired();
            self.shared
                .fault(format!("the watcher by {door} was told that visitors {open:?} came, but not that they left"));
        }
        self.listen_until(AFTERWARDS, |_| false);
    }
}

/// Goes on while the house is open.
pub(super) fn run(shared: &Shared) {
    let mut random = shared.draw(0xbeef);
    let mut first_since_rest = true;
    while let Some(_busy) = shared.wait_until_open() {
        if !std::mem::take(&mut first_since_rest) {
            wait(shared, AFTER_A_CHANGE);
        }
        let since = shared.next_visit();
        let watchers = [Door::Text, Door::Json, Door::Frame].map(|door| {
            let peer = Peer::come(shared, door, ROOM)?;
            Some(Watcher { shared, peer, told: Told { since, visits: HashMap::new() } })
        });
        let [Some(text), Some(json), Some(frame)] = watchers else {
            std::thread::sleep(Duration::from_millis(200));
            continue;
        };
        let mut watchers = [text, json, frame];
        wait(shared, AFTER_A_CHANGE);
        // Until the house rests, or a watcher is not there any more.
        while shared.is_open() && visit(shared, &mut random, &mut watchers).is_some() {
            wait(shared, APART);
        }
        watchers.iter_mut().for_each(Watcher::close_books);
        first_since_rest = !shared.is_open();
    }
}

/// Waits for so long, or for the house to rest.
fn wait(shared: &Shared, time: Duration) {
    let until = Instant::now() + time;
    while shared.is_open() && Instant::now() < until {
        std::thread::sleep(Duration::from_millis(20));
    }
}

/// One visit; `None` if it cannot go on.
fn visit(shared: &Shared, random: &mut Random, watchers: &mut [Watcher<'_>; 3]) -> Option<()> {
    let door = random.one_of(&[Door::Text, Door::Json, Door::Packets, Door::Frame]);
    // By its name it is told from whoever else may come or go here.
    let number = shared.next_visit();
    let mut out = Vec::new();
    door.act("nick", &format!("pair{number}z"), &mut out);
    let visitor = Peer::knock(shared, door)
        .and_then(|mut visitor| (visitor.send(&out) && visitor.is_welcome(ROOM)).then_some(visitor));
    // Refused, which is no business of the room's; or cut on its way in, and then it left again.
    let Some(mut visitor) = visitor else { return Some(()) };
    let mut voice = Voice::new(shared);
    out.clear();
    voice.say(door, 1, 9, &mut out);
    visitor.send(&out);
    let until = Instant::now() + AT_MOST;
    while voice.echoes == 0 && Instant::now() < until && visitor.listen(|unit| voice.hears(unit)) == Heard::More {}
    if voice.echoes == 0 {
        shared.cut_short(visitor.address, "a visitor of the pairs' was cut");
        return Some(());
    }
    match random.between(0, 2) {
        0 => visitor.end_input(),
        1 if door == Door::Text => drop(visitor.send(b"/quit\n")),
        _ => visitor.reset(),
    }
    let mut is_paired = true;
    for watcher in watchers {
        watcher.listen_until(AT_MOST, |told| told.of(number).contains(&Move::Left))?;
        let told = watcher.told.of(number);
        if told != [Move::Came, Move::Spoke, Move::Left] {
            is_paired = false;
            let watching = watcher.peer.door.name();
            shared
                .fault(format!("of visitor {number} by {}, the watcher by {watching} was told {told:?}", door.name()));
        }
    }
    if is_paired {
        shared.count(Count::Pairs);
    }
    Some(())
}

/// Which visitor a unit is about, and what it tells of it.
fn read(unit: &[u8]) -> Option<(u64, Move)> {
    let has = |words: &[u8]| memmem::find(unit, words).is_some();
    if unit.starts_with(b"--- ") || has(b"\"Past\":true") {
        return None;
    }
    let visit = memmem::find_iter(unit, b"pair").find_map(|at| {
        let rest = &unit[at + 4..];
        let digits = rest.iter().take_while(|byte| byte.is_ascii_digit()).count();
        let number = std::str::from_utf8(&rest[..digits]).ok()?.parse().ok()?;
        (rest.get(digits) == Some(&b'z')).then_some(number)
    })?;
    let what = if has(b"`") {
        Move::Spoke
    } else if has(b" came from #lobby") || has(b"\"Act\":\"joined\"") || unit.ends_with(b": login") {
        Move::Came
    } else if has(b"\"Act\":\"left\"") || unit.ends_with(b": login out") || has(b" went to #") {
        Move::Left
    } else {
        return None;
    };
    Some((visit, what))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// How many of these a watcher takes for wrong, and who has come and not left.
    fn watch(units: &[&str]) -> (usize, Vec<u64>) {
        let mut told = Told { since: 5, visits: HashMap::new() };
        let wrong = units.iter().filter(|unit| told.hears(unit.as_bytes()).is_some()).count();
        (wrong, told.unpaired())
    }

    const CAME: &str = "*** pair7z came from #lobby";
    const SPOKE: &str = "[127.0.0.1:1]pair7z: `0";
    const LEFT: &str = "[127.0.0.1:1]pair7z: login out";
    const NEXT: &str = r#"{"Act":"joined","Data":"","From":"pair8z","Room":"pairs"}"#;
    const NEXT_LEFT: &str = r#"{"Act":"left","Data":"","From":"pair8z","Room":"pairs"}"#;

    #[test]
    fn each_once_and_in_this_order() {
        assert_eq!(watch(&[CAME, SPOKE, LEFT, NEXT, NEXT_LEFT]), (0, vec![]));
        assert_eq!(watch(&[CAME, LEFT]), (0, vec![]), "it was cut before it spoke");
        assert_eq!(watch(&[CAME, SPOKE]), (0, vec![7]), "it never left");
        assert_eq!(watch(&[CAME, CAME, LEFT]), (1, vec![]), "it came twice");
        assert_eq!(watch(&[CAME, SPOKE, LEFT, LEFT]), (1, vec![]), "it left twice");
        assert_eq!(watch(&[CAME, LEFT, SPOKE]), (1, vec![]), "it spoke after it had left");
        assert_eq!(watch(&[LEFT]), (1, vec![]), "it left without having come");
    }

    #[test]
    fn an_earlier_visitor_is_not_forgotten() {
        assert_eq!(watch(&[CAME, SPOKE, LEFT, NEXT, LEFT, NEXT_LEFT]), (1, vec![]), "it left again");
        assert_eq!(watch(&[CAME, SPOKE, LEFT, NEXT, NEXT_LEFT, CAME]), (1, vec![]), "it came again");
        assert_eq!(watch(&["[127.0.0.1:1]pair4z: login out"]), (0, vec![]), "it came before the watcher");
    }
}
