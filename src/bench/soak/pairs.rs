//! Comings and goings: in a room of their own, one visitor at a time, whom two others watch.
//!
//! Each of the two, on a text and a JSON door, must be told that the visitor came, hear its line,
//! and be told that it left: each once, and in this order. (In the lobby a crowd comes and goes,
//! which is told in sums.)

use std::time::{Duration, Instant};

use memchr::memmem;

use super::Shared;
use super::count::Count;
use super::door::Door;
use super::peer::{Heard, Peer, Voice};
use super::random::Random;

/// From the end of a visit to the next one: of more than 5 moves within 2 s only the sum would be told.
const APART: Duration = Duration::from_millis(1_300);
/// The moves of watchers count as well: so long nobody comes after some have gone, and after the first
/// visit to those that have just come.
const AFTER_A_CHANGE: Duration = Duration::from_millis(2_500);
/// What a visit brings about is waited for so long.
const AT_MOST: Duration = Duration::from_secs(15);
const ROOM: &str = "pairs";

/// What a watcher is told of a visitor.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Told {
    Came,
    Spoke,
    Left,
}

/// Goes on while the house is open.
pub(super) fn run(shared: &Shared) {
    let mut random = shared.draw(0xbeef);
    let mut first_since_rest = true;
    while let Some(_busy) = shared.wait_until_open() {
        if !std::mem::take(&mut first_since_rest) {
            wait(shared, Instant::now() + AFTER_A_CHANGE);
        }
        let watchers = [Door::Text, Door::Json].map(|door| Peer::come(shared, door, ROOM));
        let [Some(mut text), Some(mut json)] = watchers else {
            std::thread::sleep(Duration::from_millis(200));
            continue;
        };
        let mut apart = AFTER_A_CHANGE;
        while shared.is_open() {
            if visit(shared, &mut random, &mut [&mut text, &mut json]).is_none() {
                break; // a watcher is not there any more
            }
            wait(shared, Instant::now() + std::mem::replace(&mut apart, APART));
        }
        first_since_rest = !shared.is_open();
    }
}

/// Waits for this moment, or for the house to rest.
fn wait(shared: &Shared, until: Instant) {
    while shared.is_open() && Instant::now() < until {
        std::thread::sleep(Duration::from_millis(20));
    }
}

/// One visit; `None` if it cannot go on.
fn visit(shared: &Shared, random: &mut Random, watchers: &mut [&mut Peer<'_>; 2]) -> Option<()> {
    let door = random.one_of(&[Door::Text, Door::Json, Door::Packets, Door::Frame]);
    // By its name it is told from whoever else may come or go here.
    let name = format!("pair{}z", shared.next_visit());
    let mut out = Vec::new();
    door.act("nick", &name, &mut out);
    let visitor = Peer::knock(shared, door)
        .and_then(|mut visitor| (visitor.send(&out) && visitor.is_welcome(ROOM)).then_some(visitor));
    let Some(mut visitor) = visitor else { return Some(()) }; // refused, which is no business of the room's
    let mut voice = Voice::new(shared);
    out.clear();
    voice.say(door, 1, 9, &mut out);
    visitor.send(&out);
    let until = Instant::now() + AT_MOST;
    while voice.echoes == 0 && Instant::now() < until && visitor.listen(|unit| voice.hears(unit)) == Heard::More {}
    if voice.echoes == 0 {
        shared.cut_short("a visitor was cut".to_owned());
        return None;
    }
    match random.between(0, 2) {
        0 => visitor.end_input(),
        1 if door == Door::Text => drop(visitor.send(b"/quit\n")),
        _ => visitor.reset(),
    }
    for watcher in watchers {
        let mut told = Vec::new();
        let until = Instant::now() + AT_MOST;
        while !told.contains(&Told::Left) && Instant::now() < until {
            if watcher.listen(|unit| told.extend(what(unit, name.as_bytes()))) != Heard::More {
                shared.cut_short(format!("a watcher by {} was cut", watcher.door.name()));
                return None;
            }
        }
        if told != [Told::Came, Told::Spoke, Told::Left] {
            shared.fault(format!("of a visitor by {}, {} was told {told:?}", door.name(), watcher.door.name()));
        }
    }
    shared.count(Count::Pairs);
    Some(())
}

fn what(unit: &[u8], name: &[u8]) -> Option<Told> {
    let has = |words: &[u8]| memmem::find(unit, words).is_some();
    if !has(name) || unit.starts_with(b"--- ") || has(b"\"Past\":true") {
        None
    } else if has(b"`") {
        Some(Told::Spoke)
    } else if has(b" came from #lobby") || has(b"\"Act\":\"joined\"") || unit.ends_with(b": login") {
        Some(Told::Came)
    } else if has(b"\"Act\":\"left\"") || unit.ends_with(b": login out") {
        Some(Told::Left)
    } else {
        None
    }
}
