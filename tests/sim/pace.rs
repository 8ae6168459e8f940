//! A slow consumer and its room: the manager alone, with no other thread in the world, so that it
//! is known to the microsecond.

use std::cell::{Cell, RefCell};
use std::collections::VecDeque;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use parlor::chat::{HubSettings, Now};
use parlor::config::Config;
use parlor::metrics::Metrics;
use parlor::protocol::{Body, CloseReason, Command, IdleLimits, RoomName, SessionId};
use parlor::wire::{Framing, Inbound, Wire};

use crate::accept::admission::Slot;
use crate::connection::Connection;
use crate::event::{Event, Opened};
use crate::manager::Manager;
use crate::os::{self, Instant, OnceLock, Receiver, Sender, bounded, dice};
use crate::outbox::{Outbox, PACKET_OVERHEAD, Packet};
use crate::reference::{self, Hub};
use crate::session::writer::Writer;
use crate::socket::Socket;
use crate::stream::Stream;
use crate::transport::Transport;

/// The time in which a session that keeps up takes a quarter of its outbox.
const PATIENCE: Duration = Duration::from_millis(100);
pub const MAX_PENDING: usize = 1 << 20;
const LINES: usize = 4000;

pub type Observer = Box<dyn FnMut(bool)>;

thread_local! {
    /// Time that passes before each of the manager's turns, in which it takes 150 lines, and each send.
    static TICK: Cell<Duration> = const { Cell::new(Duration::ZERO) };
    /// How long the manager had work that it deferred, and nothing else to do.
    static HELD_UP: Cell<Duration> = const { Cell::new(Duration::ZERO) };
    /// Dropped when the manager has nothing more to do, which ends it.
    static INBOX: RefCell<Option<Sender<Event>>> = const { RefCell::new(None) };
    /// The session that reads steadily, if there is one.
    static READER: RefCell<Option<Reader>> = const { RefCell::new(None) };
    /// Looks at the world whenever the manager lets others go on. Its argument: whether the manager waits until
    /// a deadline.
    static OBSERVER: RefCell<Option<Observer>> = const { RefCell::new(None) };
    /// For how long the process is stopped in the next wait that has a deadline.
    static STOP: Cell<Duration> = const { Cell::new(Duration::ZERO) };
    /// Input that waited in a socket meanwhile, and comes a moment later.
    static WAITED: RefCell<Option<Event>> = const { RefCell::new(None) };
    /// When nobody is left who could send an event, which ends the manager.
    static ENDS_AT: Cell<Option<Instant>> = const { Cell::new(None) };
    /// Events that come before that.
    static LAST: RefCell<Option<Event>> = const { RefCell::new(None) };
}

/// Has the world looked at from now on.
pub fn observe(observer: Option<Observer>) {
    OBSERVER.set(observer);
}

/// Ends the manager when it has nothing more to do.
pub fn end_with(inbox: Sender<Event>) {
    TICK.set(Duration::ZERO);
    INBOX.set(Some(inbox));
}

fn look(waits: bool) {
    OBSERVER.with_borrow_mut(|observer| observer.iter_mut().for_each(|look| look(waits)));
}

/// Nobody else is there; time passes.
pub fn interrupt() {
    look(false);
    elapse(TICK.get());
}

/// Lets time pass, in which the reader reads.
fn elapse(time: Duration) {
    let until = Instant::now() + time;
    let reads_at = || READER.with_borrow(|reader| reader.as_ref().map(|reader| reader.reads_at));
    while let Some(at) = reads_at().filter(|at| *at <= until) {
        os::pass(at.duration_since(Instant::now()));
        READER.with_borrow_mut(|reader| reader.as_mut().unwrap().read());
    }
    os::pass(until.duration_since(Instant::now()));
}

/// The manager waits, and nobody comes.
pub fn wait(deadline: Option<Instant>) {
    look(deadline.is_some());
    let Some(deadline) = deadline else {
        let inbox = INBOX.take().expect("nobody will ever come");
        if let Some(last) = LAST.take() {
            inbox.send(last).unwrap();
            INBOX.set(Some(inbox));
        } else if let Some(mut reader) = READER.take() {
            reader.writer.inbox = bounded(1).0;
            READER.set(Some(reader));
        }
        return;
    };
    if ENDS_AT.get().is_some_and(|end| end < deadline) {
        drop(INBOX.take());
        return;
    }
    let time = deadline.duration_since(Instant::now());
    let stop = STOP.take();
    if stop.is_zero()
        && let Some(waited) = WAITED.take()
    {
        elapse(time.min(Duration::from_millis(10)));
        return INBOX.with_borrow(|inbox| inbox.as_ref().unwrap().send(waited).unwrap());
    }
    HELD_UP.set(HELD_UP.get() + time);
    elapse(time + stop);
}

pub fn session(number: u64, wire: Wire, room: usize) -> (Event, Receiver<Packet>) {
    session_with(number, wire, room, MAX_PENDING)
}

fn session_with(number: u64, wire: Wire, room: usize, limit: usize) -> (Event, Receiver<Packet>) {
    let id = SessionId(1_000_000 + number);
    let address: Arc<str> = format!("127.0.0.1:{}", 5000 + number).into();
    let slot = Slot;
    let (shown, name) = (Arc::clone(&address), Arc::clone(&address));
    let transport = Transport::new(Stream::Plain(Socket::new(room)));
    let connection = Arc::new(Connection::new(id, wire, address, shown, transport, slot));
    let (outbox, queue) = Outbox::new(Arc::clone(&connection), limit);
    let (_, credit) = bounded(2);
    let entry = connection.profile().entry.clone();
    reference::expect(id, wire, &entry);
    let opened = Opened { connection, outbox, credit, name, door: "127.0.0.1:8000".into(), entry };
    (Event::Opened(Box::new(opened)), queue)
}

/// Settings under which nothing but the idle limit depends on time; a room keeps so many lines.
pub fn settings(idle: Duration, history: usize) -> HubSettings {
    HubSettings {
        idle: IdleLimits::same(idle),
        join_grace: Duration::ZERO,
        max_rooms: 8,
        history,
        history_shown: 0,
        classic: false,
    }
}

/// Why a frame session ends whose socket takes nothing, whose outbox is filled but for some bytes, and to
/// whom this then happens; and how many bytes wait for it.
fn end_of_full_session(then: Option<Event>) -> (Option<CloseReason>, usize) {
    os::begin(1);
    reference::begin();
    TICK.set(Duration::from_secs(1)); // a heartbeat is due before each event
    let config = Config { max_pending: MAX_PENDING, heartbeat: Duration::from_millis(500), ..Config::default() };
    let settings = settings(Duration::ZERO, 0);
    let metrics = Metrics::default();
    let (inbox, events) = bounded(1003);
    let (opened, _queue) = session(0, Wire::Frame, 0);
    let Event::Opened(who) = &opened else { unreachable!() };
    let connection = Arc::clone(&who.connection);
    inbox.send(opened).unwrap();
    let filling = vec![b'x'; MAX_PENDING - PACKET_OVERHEAD - 70];
    inbox.send(Event::Received(SessionId(1_000_000), vec![Inbound::Answer(filling.into())])).unwrap();
    // More than are taken in one turn, so that heartbeats come due in between.
    (0..1000).for_each(|_| inbox.send(Event::CaughtUp(SessionId(1))).unwrap());
    if let Some(then) = then {
        inbox.send(then).unwrap();
    }
    drop(inbox);
    let hub = Hub::new(settings, Now { up: Duration::ZERO, unix_ms: 0 });
    Manager::new(hub, events, &config, Arc::new(OnceLock::new()), Instant::now(), &metrics).run();
    (connection.reason().cloned(), connection.pending())
}

/// Words that nobody asked for are no reason to take from it what it is still to have.
#[test]
fn goodbye_that_does_not_fit_cuts_nobody() {
    assert_eq!(end_of_full_session(None), (None, MAX_PENDING - 70));
    let quit = Event::Received(SessionId(1_000_000), vec![Inbound::Command(Command::Quit(None))]);
    let (reason, pending) = end_of_full_session(Some(quit));
    assert_eq!(reason, Some(CloseReason::Quit));
    assert!((1..1000).contains(&(pending - MAX_PENDING)), "{pending} bytes wait");
}

/// The bytes that a session is sent within this time, in which others may do something.
#[cfg(feature = "web")]
fn sent_within(wire: Wire, time: Duration, then: impl FnOnce() -> Vec<Event>) -> Vec<u8> {
    os::begin(1);
    reference::begin();
    TICK.set(Duration::ZERO);
    let config = Config { max_pending: MAX_PENDING, heartbeat: Duration::from_secs(5), ..Config::default() };
    let settings = settings(Duration::ZERO, 0);
    let metrics = Metrics::default();
    let (inbox, events) = bounded(10);
    let (opened, queue) = session(0, wire, usize::MAX);
    let Event::Opened(who) = &opened else { unreachable!() };
    let connection = Arc::clone(&who.connection);
    inbox.send(opened).unwrap();
    then().into_iter().for_each(|event| inbox.send(event).unwrap());
    INBOX.set(Some(inbox));
    ENDS_AT.set(Some(Instant::now() + time));
    let hub = Hub::new(settings, Now { up: Duration::ZERO, unix_ms: 0 });
    Manager::new(hub, events, &config, Arc::new(OnceLock::new()), Instant::now(), &metrics).run();
    ENDS_AT.set(None);
    let Stream::Plain(socket) = connection.stream();
    let mut sent: Vec<u8> = socket.wire.borrow().to_peer.iter().copied().collect();
    // The rest, if the socket did not take all at once.
    std::iter::from_fn(|| queue.try_recv().ok()).for_each(|packet| sent.extend_from_slice(packet.bytes()));
    sent
}

/// Proxies drop a connection on which nothing has come for 60 s. Frames have `--heartbeat`, 5 s here.
#[cfg(feature = "web")]
#[test]
fn silent_session_gets_heartbeat_of_its_format() {
    use parlor::wire::HEARTBEAT;
    use parlor::wire::web::{COMMENT, Feed, PING, Web};
    for (wire, after, heartbeat) in [
        (Wire::Frame, 5, &HEARTBEAT[..]),
        (Wire::Web(Web::Socket), 30, &PING),
        (Wire::Web(Web::Stream(Feed::Sse)), 30, COMMENT),
    ] {
        assert_eq!(sent_within(wire, Duration::from_secs(after - 1), Vec::new), b"", "{wire:?}");
        assert_eq!(sent_within(wire, Duration::from_secs(after + 1), Vec::new), heartbeat, "{wire:?}");
    }
}

/// The reader tells the end of the session a moment later. Nothing may be sent in that moment.
#[cfg(feature = "web")]
#[test]
fn nothing_follows_a_close_frame() {
    let close = b"\x88\x02\x03\xe8";
    let join = || Inbound::Command(Command::Join(RoomName::lobby()));
    let then = || {
        let (talker, _queue) = session(1, Wire::Relay, usize::MAX);
        let closes = Event::Received(SessionId(1_000_000), vec![join(), Inbound::Close((*close).into())]);
        vec![talker, closes, says()]
    };
    let sent = sent_within(Wire::Web(parlor::wire::web::Web::Socket), Duration::from_secs(4), then);
    assert!(sent.len() > close.len() && sent.ends_with(close), "{}", sent.escape_ascii());
}

/// The effects of some events.
struct Outcome {
    /// How long the room was held up, and how often.
    held_up: (Duration, u64),
    skipped: u64,
    /// Bytes pending for the session whose socket takes nothing.
    waiting: String,
}

/// Plays these events in a server with a text session whose socket takes nothing and a talker by relay.
/// The room keeps `history` lines.
fn happen(pause: Duration, history: usize, coming: Vec<Event>) -> Outcome {
    os::begin(1);
    reference::begin();
    HELD_UP.set(Duration::ZERO);
    TICK.set(pause);
    let config = Config { max_pending: MAX_PENDING, heartbeat: Duration::ZERO, history, ..Config::default() };
    let settings = settings(Duration::from_secs(30), history);
    let metrics = Metrics::default();
    let (inbox, events) = bounded(coming.len() + 3);
    let (stalled, queue) = session(0, Wire::Text, 0);
    let (talker, _another) = session(1, Wire::Relay, usize::MAX); // a relay's talker does not hear itself
    inbox.send(stalled).unwrap();
    inbox.send(talker).unwrap();
    inbox.send(Event::Appeared(SessionId(1_000_000))).unwrap();
    coming.into_iter().for_each(|event| inbox.send(event).unwrap());
    INBOX.set(Some(inbox));
    let hub = Hub::new(settings, Now { up: Duration::ZERO, unix_ms: 0 });
    Manager::new(hub, events, &config, Arc::new(OnceLock::new()), Instant::now(), &metrics).run();
    let read = |counter: &std::sync::atomic::AtomicU64| counter.load(Ordering::Relaxed);
    let waiting = std::iter::from_fn(|| queue.try_recv().ok());
    let waiting = waiting.map(|packet| String::from_utf8_lossy(packet.bytes()).into_owned()).collect();
    Outcome { held_up: (HELD_UP.get(), read(&metrics.held_up)), skipped: read(&metrics.skipped), waiting }
}

/// The talker does something.
fn does(command: Command) -> Event {
    Event::Received(SessionId(1_000_001), vec![Inbound::Command(command)])
}

pub fn says() -> Event {
    does(Command::Say(Body::new(&"x".repeat(400)).unwrap()))
}

/// Says [`LINES`] lines of 440 bytes, 150 at once and then a pause.
fn talk(pause: Duration) -> Outcome {
    happen(pause, 0, (0..LINES).map(|_| says()).collect())
}

/// Else a few sessions that ask for long answers and read none would delay all others for 100 ms each.
#[test]
fn unread_answers_congest_nothing() {
    let answer = || Event::Received(SessionId(1_000_000), vec![Inbound::Answer(vec![b'x'; 300_000].into())]);
    assert_eq!(happen(Duration::ZERO, 0, (0..3).map(|_| answer()).collect()).held_up, (Duration::ZERO, 0));
}

/// But one small answer does not make a slow reader of one for whom the room has much.
#[test]
fn small_answer_leaves_time_to_catch_up() {
    let pong = || Event::Received(SessionId(1_000_000), vec![Inbound::Command(Command::Ping)]);
    let lines = |count| (0..count).map(|_| says());
    // Half the outbox is some 1,200 lines.
    let Outcome { held_up, .. } = happen(
        Duration::ZERO,
        0,
        lines(1190).chain([pong()]).chain(lines(60)).chain([pong()]).chain(lines(900)).collect(),
    );
    assert_eq!(held_up, (Duration::from_millis(100), 1));
}

/// The way to what was missed is shown where it leads to all of it, and only there.
#[test]
fn missed_lines_point_to_kept_history() {
    // Some 2,400 lines fill the outbox; the room keeps 128 KiB, some 320 of them, if it keeps so many.
    let missed = |history, more: usize, between: Option<Event>| {
        let told = Event::CaughtUp(SessionId(1_000_000));
        let lines = |count| (0..count).map(|_| says());
        let all = lines(2600).chain(between).chain(lines(more)).collect();
        LAST.set(Some(told));
        let Outcome { waiting, .. } = happen(Duration::ZERO, history, all);
        let words = waiting.lines().find_map(|line| line.strip_prefix("*** ")?.split_once(" lines were skipped, "));
        let (count, words) = words.expect("it was told");
        assert!((100..2600).contains(&count.parse().unwrap()), "{count} skipped");
        match words {
            "you read too slowly" => false,
            words if words == format!("you read too slowly. /history {count} shows them") => true,
            words => panic!("{words}"),
        }
    };
    assert!(missed(1000, 0, None), "all are kept");
    assert!(!missed(20, 0, None), "not so many are kept");
    assert!(!missed(1000, 400, None), "not so many bytes are kept");
    let to = "127.0.0.1:5000".to_owned();
    let private = does(Command::Msg { to, body: Body::new(&"x".repeat(400)).unwrap() });
    assert!(!missed(1000, 10, Some(private)), "a private line is in no history");
}

#[test]
fn stalled_reader_among_talkers_congests_nothing() {
    let Outcome { held_up, skipped, .. } = talk(Duration::from_millis(100));
    assert!(skipped > 1000, "{skipped} skipped of {LINES}: it was not slow");
    assert_eq!(held_up, (Duration::ZERO, 0));
}

#[test]
fn stalled_reader_in_flood_congests_once() {
    let Outcome { held_up, skipped, .. } = talk(Duration::ZERO);
    assert!(skipped > 1000, "{skipped} skipped of {LINES}: it was not slow");
    assert_eq!(held_up, (Duration::from_millis(100), 1));
}

/// Its own writer could not run while the process was stopped. Before, the manager found the deadline of
/// every slow consumer passed.
#[test]
fn stopped_process_gives_slow_consumers_time() {
    STOP.set(Duration::from_secs(60));
    let Outcome { held_up, skipped, .. } = talk(Duration::ZERO);
    assert_eq!(held_up, (Duration::from_millis(200), 1), "as without the stop, and 100 ms to catch up");
    assert!(skipped > 1000, "{skipped} skipped of {LINES}: it was not slow");
}

/// The lines to a program that joins within ten seconds, or not, while the process is stopped in between.
fn heard_by_a_program(stop: Duration, joins: bool) -> String {
    os::begin(1);
    reference::begin();
    TICK.set(Duration::ZERO);
    let config = Config { max_pending: MAX_PENDING, heartbeat: Duration::ZERO, ..Config::default() };
    let settings = HubSettings {
        idle: IdleLimits::same(Duration::ZERO),
        join_grace: Duration::from_secs(10),
        max_rooms: 8,
        history: 0,
        history_shown: 0,
        classic: false,
    };
    let metrics = Metrics::default();
    let (inbox, events) = bounded(4);
    let (opened, _queue) = session(0, Wire::Json(Some(Framing::Lines)), usize::MAX);
    let Event::Opened(program) = &opened else { unreachable!() };
    let Stream::Plain(socket) = program.connection.stream();
    let heard = socket.clone();
    inbox.send(opened).unwrap();
    INBOX.set(Some(inbox));
    STOP.set(stop);
    let join = Command::Join(RoomName::lobby());
    WAITED.set(joins.then(|| Event::Received(SessionId(1_000_000), vec![Inbound::Command(join)])));
    let hub = Hub::new(settings, Now { up: Duration::ZERO, unix_ms: 0 });
    Manager::new(hub, events, &config, Arc::new(OnceLock::new()), Instant::now(), &metrics).run();
    let wire = heard.wire.borrow();
    String::from_utf8(wire.to_peer.iter().copied().collect()).unwrap()
}

/// A program that joins just in time is not asked to leave because the process was stopped.
#[test]
fn stopped_process_asks_no_program_to_leave() {
    for seconds in [1, 60, 100_000] {
        let heard = heard_by_a_program(Duration::from_secs(seconds), true);
        assert!(!heard.contains("doexit") && heard.contains("\"Act\":\"join\""), "{seconds} s: {heard}");
        assert!(heard_by_a_program(Duration::from_secs(seconds), false).contains("doexit"), "{seconds} s");
    }
}

/// Plays a stop, 2.4 s before its deadline: what the talker has just said, in one event, of which each line
/// takes so long. Returns when everybody was told goodbye, and how many lines had been said.
fn stop_after(said: usize, each_takes: Duration, stalled: bool) -> (Duration, usize) {
    os::begin(1);
    reference::begin();
    TICK.set(Duration::ZERO);
    let config = Config { max_pending: MAX_PENDING, heartbeat: Duration::ZERO, ..Config::default() };
    let settings = settings(Duration::from_secs(30), 0);
    let metrics = Metrics::default();
    let (inbox, events) = bounded(said + 8);
    let (listener, _queue) = session(0, Wire::Text, if stalled { 0 } else { usize::MAX });
    let (talker, _another) = session(1, Wire::Relay, usize::MAX);
    inbox.send(listener).unwrap();
    inbox.send(talker).unwrap();
    reference::COMMAND_TAKES.set(each_takes);
    let lines = (0..said).map(|number| Command::Say(Body::new(&format!("s1n{number} {}", "x".repeat(700))).unwrap()));
    let lines = lines.map(Inbound::Command).collect();
    inbox.send(Event::Received(SessionId(1_000_001), lines)).unwrap();
    let drain_by = Arc::new(OnceLock::new());
    let deadline = Instant::now() + Duration::from_millis(2400);
    drain_by.set(deadline).unwrap();
    inbox.send(Event::Drain(deadline)).unwrap();
    INBOX.set(Some(inbox));
    let hub = Hub::new(settings, Now { up: Duration::ZERO, unix_ms: 0 });
    Manager::new(hub, events, &config, drain_by, Instant(Duration::ZERO), &metrics).run();
    INBOX.take();
    (reference::STOPPED_AT.get().unwrap().0, reference::said().len())
}

/// Five hundred lines of 44 ms once made a stop of 3 s last 22 s: the deadline is looked at before each.
#[test]
fn stop_with_costly_commands_says_goodbye() {
    let (goodbye, said) = stop_after(500, Duration::from_millis(44), false);
    assert!((Duration::from_millis(1900)..Duration::from_millis(1950)).contains(&goodbye), "{goodbye:?}");
    assert_eq!(said, 44, "1.9 s of them");
    let (goodbye, said) = stop_after(500, Duration::from_micros(44), false);
    assert!(goodbye < Duration::from_millis(50), "{goodbye:?}: it waits for nothing");
    assert_eq!(said, 500);
}

/// Lines that a slow consumer delayed are said before the goodbye.
#[test]
fn stop_works_off_what_was_deferred() {
    let (goodbye, said) = stop_after(1400, Duration::ZERO, true);
    assert_eq!(said, 1400);
    assert!((PATIENCE..2 * PATIENCE).contains(&goodbye), "{goodbye:?}");
}

/// A session that takes a quarter of its outbox in every 100 ms, and no byte more.
struct Reader {
    writer: Writer,
    batch: VecDeque<Packet>,
    reads_at: Instant,
    every: Duration,
    amount: usize,
    received: Vec<u8>,
}

impl Reader {
    fn read(&mut self) {
        self.reads_at = self.reads_at + self.every;
        let mut left = self.amount;
        while left > 0 {
            if self.batch.is_empty() {
                let Ok(packet) = self.writer.queue.try_recv() else { return };
                self.batch.push_back(packet);
            }
            let bytes = self.batch[0].bytes();
            let count = bytes.len().min(left);
            self.received.extend(&bytes[..count]);
            left -= count;
            self.writer.take_off(&mut self.batch, count);
        }
        self.writer.report_caught_up();
    }
}

/// Plays a flood in a room with a reader that reads just enough, slow consumers that join one after another,
/// private lines and visits. Returns what the reader has received, the number of lines, and how often the room
/// was congested.
fn flood_past_a_steady_reader(seed: u64) -> (String, usize, u64) {
    const LIMIT: usize = Config::MIN_PENDING;
    os::begin(seed);
    reference::begin();
    TICK.set(Duration::from_micros(dice(300) as u64));
    let config = Config { max_pending: LIMIT, heartbeat: Duration::ZERO, history: 0, ..Config::default() };
    let settings = settings(Duration::from_secs(30), 0);
    let metrics = Metrics::default();
    let (inbox, events) = bounded(100_000);
    let (opened, queue) = session_with(0, Wire::Text, 0, LIMIT);
    let Event::Opened(who) = &opened else { unreachable!() };
    let every = Duration::from_millis([1, 10, 50, 100][dice(4)]);
    let amount = (LIMIT / 4 * every.as_millis() as usize).div_ceil(100);
    let half = LIMIT / 2;
    let connection = Arc::clone(&who.connection);
    let writer = Writer { connection, queue, inbox: inbox.clone(), half, timeout: Duration::from_secs(10) };
    let (batch, received) = (VecDeque::new(), Vec::new());
    READER.set(Some(Reader { writer, batch, reads_at: Instant::now() + every, every, amount, received }));
    inbox.send(opened).unwrap();
    inbox.send(Event::Appeared(SessionId(1_000_000))).unwrap(); // private lines find it by its address
    // They keep what is queued for the sessions that read nothing.
    let mut unread = Vec::new();
    let mut come = |number, wire, room| {
        let (opened, queue) = session_with(number, wire, room, LIMIT);
        unread.push(queue);
        inbox.send(opened).unwrap();
    };
    const TALKERS: u32 = 3;
    (1..=TALKERS).for_each(|talker| come(talker.into(), Wire::Relay, usize::MAX));
    let (mut said, mut slow, longest) = (0, 0, [30, 200, 800][dice(3)]);
    while said < 4 * LIMIT / (longest / 2 + 60) {
        let talker = 1 + dice(TALKERS as usize) as u32;
        let words = |said: &mut usize| {
            *said += 1;
            Body::new(&format!("n{} {}", *said - 1, "x".repeat(dice(longest)))).unwrap()
        };
        let commands = (0..1 + dice(200)).map(|_| match dice(20) {
            0 => Command::Msg { to: "127.0.0.1:5000".to_owned(), body: words(&mut said) },
            _ => Command::Say(words(&mut said)),
        });
        let commands = commands.map(Inbound::Command).collect();
        inbox.send(Event::Received(SessionId(1_000_000 + u64::from(talker)), commands)).unwrap();
        if dice(8) == 0 && slow < 6 {
            slow += 1;
            come(u64::from(TALKERS) + slow, Wire::Text, 0);
        }
    }
    INBOX.set(Some(inbox));
    let hub = Hub::new(settings, Now { up: Duration::ZERO, unix_ms: 0 });
    Manager::new(hub, events, &config, Arc::new(OnceLock::new()), Instant::now(), &metrics).run();
    let mut reader = READER.take().unwrap();
    while reader.writer.connection.pending() > 0 {
        reader.read();
    }
    (String::from_utf8(reader.received).unwrap(), said, metrics.held_up.load(Ordering::Relaxed))
}

mod exhaustive {
    use super::*;

    /// The README's promise: it holds in any flood, and beside any number of slow consumers.
    #[test]
    fn reader_keeping_up_in_flood_misses_nothing() {
        let mut congested = 0;
        for seed in 0..20 {
            let (received, said, times) = flood_past_a_steady_reader(seed);
            assert!(
                !received.contains("skipped"),
                "seed {seed}: {:?}",
                received.lines().find(|line| line.contains("skipped"))
            );
            let mut heard: Vec<usize> = received
                .lines()
                .filter_map(|line| line.rsplit_once(": n")?.1.split_once(' ')?.0.parse().ok())
                .collect();
            heard.sort_unstable(); // talkers wait for one another in any order
            assert!(heard.iter().copied().eq(0..said), "seed {seed}: {} of {said} lines", heard.len());
            congested += times;
        }
        assert!(congested > 20, "{congested} times congested: nobody was in a hurry");
    }
}
