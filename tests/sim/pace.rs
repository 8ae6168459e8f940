//! How long a listener who reads nothing keeps the room waiting: by the manager alone, with nobody
//! else in the world, so that it is known to the microsecond.

use std::cell::Cell;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use parlor::chat::{HubSettings, Seat};
use parlor::config::Config;
use parlor::metrics::Metrics;
use parlor::protocol::{Body, Command, SessionId};
use parlor::wire::{Inbound, Wire};

use crate::gate::Permit;
use crate::lifeline::Lifeline;
use crate::manager::{Event, Manager, Opened};
use crate::os::{self, Instant, OnceLock, Receiver, TcpStream, bounded};
use crate::outbox::{Outbox, Packet};
use crate::reference::{self, Hub};

const MAX_PENDING: usize = 1 << 20;
const LINES: usize = 4000;

thread_local! {
    /// Time that passes before each of the manager's turns, in which it takes 150 lines, and each send.
    static TICK: Cell<Duration> = const { Cell::new(Duration::ZERO) };
    /// How long the manager has waited for somebody.
    static HELD_UP: Cell<Duration> = const { Cell::new(Duration::ZERO) };
}

/// Nobody else is there; time passes.
pub fn interrupt() {
    os::pass(TICK.get());
}

/// The manager waits, and nobody comes.
pub fn wait(deadline: Option<Instant>) {
    let time = deadline.expect("nobody will ever come").duration_since(Instant::now());
    HELD_UP.set(HELD_UP.get() + time);
    os::pass(time);
}

fn session(number: u64, wire: Wire, room: usize) -> (Event, Receiver<Packet>) {
    let id = SessionId(1_000_000 + number);
    reference::expect(id, wire);
    let address: Arc<str> = format!("127.0.0.1:{}", 5000 + number).into();
    let permit = Permit { seat: Seat(u32::try_from(number).unwrap()) };
    let (shown, name) = (Arc::clone(&address), Arc::clone(&address));
    let lifeline = Arc::new(Lifeline::new(id, wire, address, shown, TcpStream::new(room), permit));
    let (outbox, queue) = Outbox::new(Arc::clone(&lifeline), MAX_PENDING);
    let (_, credit) = bounded(2);
    let opened = Opened { lifeline, outbox, credit, name, door: "127.0.0.1:8000".into() };
    (Event::Opened(Box::new(opened)), queue)
}

/// Says [`LINES`] lines of 440 bytes, 150 at once and then a pause, to one whose socket takes
/// nothing; how long the room was held up, how often, and how many lines were skipped.
fn talk(pause: Duration) -> (Duration, u64, u64) {
    os::begin(1);
    reference::begin();
    HELD_UP.set(Duration::ZERO);
    TICK.set(pause);
    let config = Config { max_pending: MAX_PENDING, heartbeat: Duration::ZERO, history: 0, ..Config::default() };
    let settings =
        HubSettings { idle_seconds: 30, join_grace: Duration::ZERO, max_rooms: 8, history: 0, history_shown: 0 };
    let metrics = Metrics::default();
    let (inbox, events) = bounded(LINES + 2);
    let (_nudge, nudges) = bounded(1);
    let (stalled, _its_queue) = session(0, Wire::Text, 0);
    let (talker, _another) = session(1, Wire::Relay, usize::MAX); // a relay's talker does not hear itself
    inbox.send(stalled).unwrap();
    inbox.send(talker).unwrap();
    for _ in 0..LINES {
        let say = Inbound::Command(Command::Say(Body::new(&"x".repeat(400)).unwrap()));
        inbox.send(Event::Received(Seat(1), SessionId(1_000_001), vec![say])).unwrap();
    }
    drop(inbox);
    let hub = Hub::new(settings, Duration::ZERO);
    Manager::new(hub, events, nudges, &config, Arc::new(OnceLock::new()), Instant::now(), &metrics).run();
    let read = |counter: &std::sync::atomic::AtomicU64| counter.load(Ordering::Relaxed);
    (HELD_UP.get(), read(&metrics.held_up), read(&metrics.skipped))
}

#[test]
fn who_stops_reading_where_people_talk_keeps_nobody_waiting() {
    let (time, times, skipped) = talk(Duration::from_millis(100));
    assert!(skipped > 1000, "{skipped} skipped of {LINES}: it was not slow");
    assert_eq!((time, times), (Duration::ZERO, 0));
}

#[test]
fn who_stops_reading_where_somebody_floods_keeps_the_others_waiting_for_100_ms_once() {
    let (time, times, skipped) = talk(Duration::ZERO);
    assert!(skipped > 1000, "{skipped} skipped of {LINES}: it was not slow");
    assert_eq!((time, times), (Duration::from_millis(100), 1));
}
