//! Joins and leaves: in a room of their own, three watchers observe one visitor at a time.
//!
//! Each watcher, on a text, a JSON and a frame door, must receive the visitor's join, its line and its leave: each
//! once, in this order, and nothing later. (In the lobby many sessions join and leave, which is summed.)

use std::collections::HashMap;
use std::time::{Duration, Instant};

use memchr::memmem;

use super::count::Count;
use super::door::Door;
use super::peer::{Heard, Peer, Talker};
use super::random::Random;
use super::shared::Shared;

/// The pause between two visits. More than 5 joins and leaves within 2 s would be summed. The server's clock does
/// not count the time in which strace has stopped it. With a pause of 1.3 s, three visits fell into its 2 s twice
/// in 300, and the third leave was summed.
const VISIT_PAUSE: Duration = Duration::from_millis(2_600);
/// The pause after watchers have joined or left: their moves count too. If those are summed, the sum comes 2 s later,
/// and for 2 s more every move is summed.
const WATCHER_PAUSE: Duration = Duration::from_millis(4_500);
/// Longest wait for the notices of a visit.
const NOTICE_TIMEOUT: Duration = Duration::from_secs(15);
/// The wait for doubled notices after the last visit.
const DOUBLE_WAIT: Duration = Duration::from_millis(300);
const ROOM: &str = "pairs";

/// A notice about a visitor, in the right order.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Move {
    Joined,
    Spoke,
    Left,
}

/// The notices that one watcher received of each visit.
#[derive(Debug, Default)]
struct Notices {
    /// Earlier visits are ignored.
    since: u64,
    visits: HashMap<u64, Vec<Move>>,
    /// Join summaries. A join or leave that is missing may be counted in one.
    summaries: u64,
}

impl Notices {
    /// Notes a line or packet about a visitor. Returns what is wrong with it.
    fn hears(&mut self, unit: &[u8]) -> Option<String> {
        self.summaries += u64::from(is_summary(unit));
        let (visit, what) = read(unit)?;
        if visit < self.since {
            return None;
        }
        let told = self.visits.entry(visit).or_default();
        let is_due = told.last().map_or(what == Move::Joined, |last| what > *last);
        told.push(what);
        (!is_due).then(|| format!("of visitor {visit}: {told:?}"))
    }

    fn of(&self, visit: u64) -> &[Move] {
        self.visits.get(&visit).map_or(&[], Vec::as_slice)
    }

    /// Visitors that have joined and not left.
    fn unpaired(&self) -> Vec<u64> {
        let open = self.visits.iter().filter(|(_, told)| !told.contains(&Move::Left));
        open.map(|(visit, _)| *visit).collect()
    }
}

/// A session that watches.
struct Watcher<'a> {
    shared: &'a Shared,
    peer: Peer<'a>,
    told: Notices,
}

impl Watcher<'_> {
    /// Reads until `done`, for `at_most`. `None` if the server ends the session.
    fn listen_until(&mut self, at_most: Duration, mut done: impl FnMut(&Notices) -> bool) -> Option<bool> {
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

    /// Checks that each visitor has left, and that no notice comes twice.
    fn finish(&mut self) {
        let door = self.peer.door.name();
        if self.listen_until(NOTICE_TIMEOUT, |told| told.unpaired().is_empty()) == Some(false) {
            let open = self.told.unpaired();
            self.shared
                .fault(format!("the watcher by {door} was told that visitors {open:?} came, but not that they left"));
        }
        self.listen_until(DOUBLE_WAIT, |_| false);
    }
}

/// Runs visits until the soak ends.
pub(super) fn run(shared: &Shared) {
    let mut random = shared.random(0xbeef);
    let mut is_first_of_churn = true;
    while let Some(_busy) = shared.phases.wait_for_churn() {
        if !std::mem::take(&mut is_first_of_churn) {
            wait(shared, WATCHER_PAUSE);
        }
        let since = shared.next_visit();
        let watchers = [Door::Text, Door::Json, Door::Frame].map(|door| {
            let peer = Peer::enter(shared, door, ROOM)?;
            Some(Watcher { shared, peer, told: Notices { since, ..Notices::default() } })
        });
        let [Some(text), Some(json), Some(frame)] = watchers else {
            std::thread::sleep(Duration::from_millis(200));
            continue;
        };
        let mut watchers = [text, json, frame];
        wait(shared, WATCHER_PAUSE);
        // Until the churn ends, or a watcher's session.
        while shared.phases.is_churn() && visit(shared, &mut random, &mut watchers).is_some() {
            wait(shared, VISIT_PAUSE);
        }
        watchers.iter_mut().for_each(Watcher::finish);
        is_first_of_churn = !shared.phases.is_churn();
    }
}

/// Waits for this time, or for the end of the churn.
fn wait(shared: &Shared, time: Duration) {
    let until = Instant::now() + time;
    while shared.phases.is_churn() && Instant::now() < until {
        std::thread::sleep(Duration::from_millis(20));
    }
}

/// Runs one visit. `None` if a watcher's session has ended.
fn visit(shared: &Shared, random: &mut Random, watchers: &mut [Watcher<'_>; 3]) -> Option<()> {
    let door = random.one_of(&[Door::Text, Door::Json, Door::Packets, Door::Frame]);
    // The name tells the visitor from watchers.
    let number = shared.next_visit();
    let mut out = Vec::new();
    door.act("nick", &format!("pair{number}z"), &mut out);
    let visitor = Peer::connect(shared, door)
        .and_then(|mut visitor| (visitor.send(&out) && visitor.join(ROOM)).then_some(visitor));
    // A refused visitor has not joined. One that was ended while it joined has left again.
    let Some(mut visitor) = visitor else { return Some(()) };
    let mut talker = Talker::new(shared);
    out.clear();
    talker.say(door, 1, 9, &mut out);
    visitor.send(&out);
    let until = Instant::now() + NOTICE_TIMEOUT;
    while talker.echoes == 0 && Instant::now() < until && visitor.listen(|unit| talker.hears(unit)) == Heard::More {}
    if talker.echoes == 0 {
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
        watcher.listen_until(NOTICE_TIMEOUT, |told| told.of(number).contains(&Move::Left))?;
        let told = watcher.told.of(number);
        if told != [Move::Joined, Move::Spoke, Move::Left] {
            is_paired = false;
            let (watching, summaries) = (watcher.peer.door.name(), watcher.told.summaries);
            shared.fault(format!(
                "of visitor {number} by {}, the watcher by {watching} was told {told:?} (join summaries so far: {summaries})",
                door.name()
            ));
        }
    }
    if is_paired {
        shared.count(Count::Pairs);
    }
    Some(())
}

/// Whether a line or packet tells how many sessions have joined and left.
fn is_summary(unit: &[u8]) -> bool {
    let has = |words: &[u8]| memmem::find(unit, words).is_some();
    has(b"\"Came\":") || (unit.starts_with(b"*** ") && has(b" came, ") && unit.ends_with(b" left"))
}

/// The visitor that a line or packet is about, and what it tells.
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
        Move::Joined
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

    /// The number of wrong notices among these, and the visitors that have not left.
    fn watch(units: &[&str]) -> (usize, Vec<u64>) {
        let mut told = Notices { since: 5, ..Notices::default() };
        let wrong = units.iter().filter(|unit| told.hears(unit.as_bytes()).is_some()).count();
        (wrong, told.unpaired())
    }

    const CAME: &str = "*** pair7z came from #lobby";
    const SPOKE: &str = "[127.0.0.1:1]pair7z: `0";
    const LEFT: &str = "[127.0.0.1:1]pair7z: login out";
    const NEXT: &str = r#"{"Act":"joined","Data":"","From":"pair8z","Room":"pairs"}"#;
    const NEXT_LEFT: &str = r#"{"Act":"left","Data":"","From":"pair8z","Room":"pairs"}"#;

    #[test]
    fn notices_come_once_and_in_order() {
        assert_eq!(watch(&[CAME, SPOKE, LEFT, NEXT, NEXT_LEFT]), (0, vec![]));
        assert_eq!(watch(&[CAME, LEFT]), (0, vec![]), "it was cut before it spoke");
        assert_eq!(watch(&[CAME, SPOKE]), (0, vec![7]), "it never left");
        assert_eq!(watch(&[CAME, CAME, LEFT]), (1, vec![]), "it came twice");
        assert_eq!(watch(&[CAME, SPOKE, LEFT, LEFT]), (1, vec![]), "it left twice");
        assert_eq!(watch(&[CAME, LEFT, SPOKE]), (1, vec![]), "it spoke after it had left");
        assert_eq!(watch(&[LEFT]), (1, vec![]), "it left without having come");
    }

    #[test]
    fn notice_of_earlier_visit_is_wrong() {
        assert_eq!(watch(&[CAME, SPOKE, LEFT, NEXT, LEFT, NEXT_LEFT]), (1, vec![]), "it left again");
        assert_eq!(watch(&[CAME, SPOKE, LEFT, NEXT, NEXT_LEFT, CAME]), (1, vec![]), "it came again");
        assert_eq!(watch(&["[127.0.0.1:1]pair4z: login out"]), (0, vec![]), "it came before the watcher");
    }

    #[test]
    fn summary_of_joins_is_told_from_names() {
        let object = r#"{"Act":"notice","Data":"0 came, 1 left","Room":"pairs","Came":0,"Left":1}"#;
        assert!(is_summary(b"*** 0 came, 1 left") && is_summary(object.as_bytes()));
        assert!(![CAME, SPOKE, LEFT, NEXT].iter().any(|unit| is_summary(unit.as_bytes())));
    }
}
