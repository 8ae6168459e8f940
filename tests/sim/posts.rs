//! Posts in the manager alone: when they wait, and when they are answered.

use std::cell::RefCell;
use std::rc::Rc;
use std::sync::Arc;
use std::time::Duration;

use parlor::chat::{Now, Post};
use parlor::config::Config;
use parlor::metrics::Metrics;
use parlor::protocol::{Body, Command, Refusal, RoomName, SessionId};
use parlor::wire::{Framing, Inbound, Wire};

use crate::event::{Event, Posted};
use crate::manager::Manager;
use crate::os::{self, Instant, OnceLock, Receiver, RecvTimeoutError, bounded};
use crate::pace::{self, MAX_PENDING};
use crate::reference::{self, Hub};
use crate::stream::Stream;

type Reply = Receiver<Result<usize, Refusal>>;

fn room(name: &str) -> RoomName {
    RoomName::parse(name).unwrap()
}

/// A post of `lines` lines by connection `number`, the first of which is `s<number>n0`.
fn post(number: u64, to: &str, lines: usize) -> (Event, Reply) {
    let (reply, answer) = bounded(1);
    let lines = (0..lines).map(|line| Body::new(&format!("s{number}n{line}")).unwrap()).collect();
    let post = Post::new(SessionId(number), "127.0.0.1:7000".into(), None, room(to), lines);
    (Event::Post(Box::new(Posted { post, reply })), answer)
}

/// A session in the lobby whose socket takes nothing, and so much from a talker that it congests the room; and a
/// program in another room.
fn congested() -> Vec<Event> {
    let (stalled, unread) = pace::session(0, Wire::Text, 0);
    let (talker, own) = pace::session(1, Wire::Relay, usize::MAX);
    let (program, its) = pace::session(2, Wire::Json(Some(Framing::Lines)), usize::MAX);
    std::mem::forget([unread, own, its]); // no writer runs
    let join = Inbound::Command(Command::Join(room("dev")));
    let flood = (0..2050).map(|_| pace::says());
    let events = [stalled, talker, program, Event::Received(SessionId(1_000_002), vec![join])];
    events.into_iter().chain(flood).collect()
}

/// Plays these events; `drain_by` is set to the deadline of a stop, if there is one.
fn play(events: Vec<Event>, deadline: Option<Instant>) {
    let config = Config { max_pending: MAX_PENDING, heartbeat: Duration::ZERO, ..Config::default() };
    let settings = pace::settings(Duration::from_secs(30), 0);
    let metrics = Metrics::default();
    let (inbox, coming) = bounded(events.len() + 1);
    events.into_iter().for_each(|event| inbox.send(event).unwrap());
    pace::end_with(inbox);
    let drain_by = Arc::new(OnceLock::new());
    deadline.into_iter().for_each(|deadline| drain_by.set(deadline).unwrap());
    let hub = Hub::new(settings, Now { up: Duration::ZERO, unix_ms: 0 });
    Manager::new(hub, coming, &config, drain_by, Instant::now(), &metrics).run();
    pace::observe(None);
}

#[test]
fn post_waits_for_congested_room_only() {
    os::begin(1);
    reference::begin();
    let mut events = congested();
    let (to_lobby, lobby) = post(7, "lobby", 3);
    let (after_it, second) = post(8, "lobby", 1);
    let (to_dev, dev) = post(9, "dev", 1);
    events.extend([to_lobby, after_it, to_dev]);
    let (lobby, looks) = (Rc::new(lobby), Rc::new(RefCell::new(0)));
    let (waiting, looked) = (Rc::clone(&lobby), Rc::clone(&looks));
    pace::observe(Some(Box::new(move |waits| {
        if waits && *looked.borrow() == 0 {
            *looked.borrow_mut() += 1;
            assert_eq!(dev.try_recv(), Ok(Ok(1)), "nobody stops that room");
            assert!(waiting.is_empty(), "the room is congested");
        }
    })));
    play(events, None);
    assert_eq!(*looks.borrow(), 1, "the manager waited");
    assert_eq!((lobby.try_recv(), second.try_recv()), (Ok(Ok(3)), Ok(Ok(1))));
    assert_eq!(reference::said(), ["s9n0", "s7n0", "s7n1", "s7n2", "s8n0"]);
}

/// 200 says that each listener's socket or outbox has the lines.
#[test]
fn reply_follows_the_flush() {
    os::begin(1);
    reference::begin();
    let (listener, _queue) = pace::session(0, Wire::Text, usize::MAX);
    let Event::Opened(opened) = &listener else { unreachable!() };
    let connection = Arc::clone(&opened.connection);
    let Stream::Plain(socket) = connection.stream();
    let socket = socket.clone();
    let (event, reply) = post(7, "lobby", 2);
    let replied = Rc::new(RefCell::new(false));
    let seen = Rc::clone(&replied);
    pace::observe(Some(Box::new(move |_| {
        if !reply.is_empty() {
            let wire = socket.wire.borrow();
            let heard = String::from_utf8_lossy(&wire.to_peer.iter().copied().collect::<Vec<_>>()).into_owned();
            let has_all = heard.contains("s7n0") && heard.contains("s7n1");
            assert!(has_all || connection.pending() > 0, "replied before the lines are sent: {heard}");
            *seen.borrow_mut() = true;
        }
    })));
    play(vec![listener, event], None);
    assert!(*replied.borrow(), "the reply was seen");
}

/// The connection answers that the server stops. The manager answers that it works, to the end.
#[test]
fn stop_drops_posts_it_cannot_say() {
    os::begin(1);
    reference::begin();
    let mut events = congested();
    let (waits, waiting) = post(7, "lobby", 1);
    let (comes_late, late) = post(8, "dev", 1);
    let (ask, asked) = bounded(1);
    let deadline = Instant::now() + Duration::from_millis(550); // 50 ms before it says goodbye
    events.extend([waits, Event::Drain(deadline), comes_late, Event::Ask(ask)]);
    play(events, Some(deadline));
    let dropped = Err(RecvTimeoutError::Disconnected);
    assert_eq!((waiting.try_recv(), late.try_recv()), (dropped.clone(), dropped));
    assert_eq!(asked.try_recv(), Ok(()));
    assert_eq!(reference::said(), [""; 0]);
}

/// It is worked off before the goodbyes, as what sessions have said.
#[test]
fn stop_works_off_posts() {
    os::begin(1);
    reference::begin();
    let mut events = congested();
    let (waits, waiting) = post(7, "lobby", 2);
    let deadline = Instant::now() + Duration::from_millis(2400);
    events.extend([waits, Event::Drain(deadline)]);
    play(events, Some(deadline));
    assert_eq!(waiting.try_recv(), Ok(Ok(2)));
}
