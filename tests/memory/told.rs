//! The manager allocates nothing for a heartbeat, as much for a room's line with sixty listeners as with
//! six, and no answers for a peer that has gone.
//!
//! The manager is its own source, run on the thread of the test; only that thread is counted. The sessions are
//! real sockets on another thread.

use std::io::Read;
use std::net::{Ipv4Addr, TcpListener, TcpStream};
use std::sync::{Arc, OnceLock};
use std::thread;
use std::time::{Duration, Instant};

use allocation_counter::{AllocationInfo, measure};
use crossbeam_channel::{Receiver, Sender, bounded};
use parlor::chat::{Hub, HubSettings, Now};
use parlor::config::Config;
use parlor::metrics::Metrics;
use parlor::protocol::{Body, Command, IdleLimits, RoomName, SessionId};
use parlor::wire::{Framing, HEARTBEAT, Inbound, Wire};

use crate::accept::admission::Slot;
use crate::connection::Connection;
use crate::event::{Event, Opened};
use crate::manager::Manager;
use crate::outbox::{Outbox, Packet};
use crate::stream::Stream;
use crate::transport::Transport;

/// A wait that is longer fails.
const DEADLINE: Duration = Duration::from_secs(60);

/// Lines that a room keeps.
const KEPT_LINES: usize = 100;

/// The other end of a session.
struct Peer {
    stream: TcpStream,
    id: SessionId,
    connection: Arc<Connection>,
    /// The packets for its writer; it reads everything at once, so there are none.
    _queue: Receiver<Packet>,
    _credit: Sender<()>,
}

impl Peer {
    /// The `number`th session, by `wire`.
    fn come(number: u32, wire: Wire, inbox: &Sender<Event>) -> Self {
        let door = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
        let stream = TcpStream::connect(door.local_addr().unwrap()).unwrap();
        stream.set_read_timeout(Some(DEADLINE)).unwrap();
        let address: Arc<str> = stream.local_addr().unwrap().to_string().into();
        let id = SessionId(u64::from(number) + 1);
        let ours = Transport::new(Stream::Plain(door.accept().unwrap().0.into()));
        let slot = Slot;
        let connection = Arc::new(Connection::new(id, wire, Arc::clone(&address), Arc::clone(&address), ours, slot));
        let (outbox, queue) = Outbox::new(Arc::clone(&connection), 1 << 20);
        let (credited, credit) = bounded(2);
        let entry = connection.profile().entry.clone();
        let opened = Opened {
            connection: Arc::clone(&connection),
            outbox,
            credit,
            name: Arc::clone(&address),
            door: address,
            entry,
        };
        inbox.send(Event::Opened(Box::new(opened))).unwrap();
        inbox.send(Event::Appeared(id)).unwrap();
        Self { stream, id, connection, _queue: queue, _credit: credited }
    }

    fn asks(&self, command: Command, inbox: &Sender<Event>) {
        inbox.send(Event::Received(self.id, vec![Inbound::Command(command)])).unwrap();
    }

    /// Reads until it has seen `text`.
    fn hears(&mut self, text: &str) {
        let mut heard = Vec::new();
        let mut buffer = [0; 4096];
        while !heard.windows(text.len()).any(|window| window == text.as_bytes()) {
            let count = self.stream.read(&mut buffer).unwrap();
            assert!(count > 0, "the connection has ended before {text:?}");
            heard.extend_from_slice(&buffer[..count]);
        }
    }
}

/// The allocations of a manager while sessions at these doors run `script`.
fn spent(
    wires: &[Wire],
    heartbeat: Duration,
    script: impl FnOnce(&mut [Peer], &Sender<Event>) + Send,
) -> AllocationInfo {
    let config = Config { heartbeat, ..Config::default() };
    let settings = HubSettings {
        idle: IdleLimits::same(Duration::ZERO),
        join_grace: Duration::ZERO,
        max_rooms: 8,
        history: KEPT_LINES,
        history_shown: 0,
        classic: false,
    };
    let (inbox, events) = bounded(1024);
    let metrics = Metrics::default();
    let hub = Hub::new(settings, Now { up: Duration::ZERO, unix_ms: 0 });
    let drain_by = Arc::new(OnceLock::new());
    let manager = Manager::new(hub, events, &config, drain_by, Instant::now(), &metrics);
    thread::scope(|scope| {
        scope.spawn(move || {
            let mut peers: Vec<_> = (0..).zip(wires).map(|(number, wire)| Peer::come(number, *wire, &inbox)).collect();
            script(&mut peers, &inbox);
        });
        measure(|| manager.run()) // until the script has ended, and with it the inbox
    })
}

/// Each answer goes out before the next is made. Otherwise a session that asks a thousand times at once would
/// have a thousand answers gathered.
#[test]
fn long_answers_do_not_pile_up() {
    const PEOPLE: usize = 60;
    let most = |questions: usize| {
        spent(&[Wire::Text; PEOPLE], Duration::ZERO, |peers, inbox| {
            (0..questions).for_each(|_| peers[0].asks(Command::Who(None), inbox));
            peers[0].asks(Command::Ping, inbox);
            peers[0].hears("*** pong\n");
        })
        .bytes_max
    };
    // An answer is some 3 KiB, and the kernel takes a few MB of them.
    let (few, many) = (most(2), most(200));
    assert!(many < few + 64 * 1024, "2 questions: {few} bytes at most, 200: {many}");
}

/// A soak found it: readers that were reset over 300 requests for `/history` kept the manager busy for minutes.
#[test]
fn gone_peer_has_no_answers_encoded() {
    let spent = |questions: usize| {
        spent(&[Wire::Json(Some(Framing::Lines)), Wire::Text], Duration::ZERO, |peers, inbox| {
            for line in 0..KEPT_LINES {
                let text = format!("line {line}.");
                peers[1].asks(Command::Say(Body::new(&text).unwrap()), inbox);
                peers[1].hears(&text);
            }
            peers[0].connection.cut();
            peers[0].asks(Command::Ping, inbox); // the send fails, as after a reset
            (0..questions).for_each(|_| peers[0].asks(Command::History(KEPT_LINES), inbox));
            peers[1].asks(Command::Ping, inbox);
            peers[1].hears("*** pong\n");
        })
        .count_total
    };
    let (few, many) = (spent(2), spent(102));
    // To write a line as JSON takes one allocation or more.
    assert!(many - few < 100 * KEPT_LINES as u64 / 2, "2 questions: {few} allocations, 102: {many}");
}

/// A line is encoded once for each wire format that somebody in the room listens in, and its bytes are
/// shared: one more listener costs a write, and no memory.
#[test]
fn line_allocates_alike_for_any_audience() {
    const LINES: u64 = 100;
    let wires = [
        Wire::Text,
        Wire::Relay,
        Wire::Frame,
        Wire::Json(Some(Framing::Gf2)),
        Wire::Json(Some(Framing::Gf7)),
        Wire::Json(Some(Framing::Lines)),
    ];
    // Each line is heard by all before the next is said, so it is a turn, and a chunk, of its own.
    let said = |listeners: usize, lines: u64| {
        spent(&wires.repeat(listeners), Duration::ZERO, |peers, inbox| {
            peers.iter().for_each(|peer| peer.asks(Command::Join(RoomName::lobby()), inbox));
            for line in 0..lines {
                let text = format!("line {line}.");
                peers[0].asks(Command::Say(Body::new(&text).unwrap()), inbox);
                // The talker of the text door hears itself too.
                peers.iter_mut().for_each(|peer| peer.hears(&text));
            }
        })
        .count_total
    };
    let of_lines = |listeners| said(listeners, 2 * LINES) - said(listeners, LINES);
    let (few, many) = (of_lines(1), of_lines(10));
    assert!(few >= LINES, "{few} allocations for {LINES} lines are too few to tell anything");
    // Now and then a list of people is told as well.
    assert!(many < few + LINES / 2, "{LINES} lines to 6 listeners: {few} allocations, to 60: {many}");
}

mod exhaustive {
    use super::*;

    /// Devices are sent one every few seconds, for as long as they are there.
    #[test]
    fn heartbeat_sent_allocates_nothing() {
        const BEATS: usize = 500;
        let info = spent(&[Wire::Frame; 2], Duration::from_millis(1), |peers, _| {
            for _ in 0..BEATS {
                for peer in &mut *peers {
                    let mut beat = [1; HEARTBEAT.len()];
                    peer.stream.read_exact(&mut beat).unwrap();
                    assert_eq!(beat, HEARTBEAT);
                }
            }
        });
        assert!(info.count_total < BEATS as u64 / 5, "coming in and {BEATS} heartbeats: {info:?}");
    }
}
