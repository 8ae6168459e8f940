//! Where two threads of the server meet: loom plays every order in which they can (with at most two
//! or three interruptions of a thread in the middle of something).
//!
//! The outbox, the writer, the connection, the deliveries and the stop are the files of `src/server`,
//! compiled here over loom (`os`). The loops of the reader, of the manager and of the accept
//! thread, of which each needs two lines here, are written out in the tests that need them.
//!
//! ```text
//! LOOM_LOG=info cargo test --test handshakes NAME     # how far it has come
//! LOOM_MAX_PREEMPTIONS=4 cargo test --release --test handshakes   # more of them, for an hour
//! ```

#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::new_without_default,
    unreachable_pub,
    reason = "a test says what is wrong by panicking, and what stands in for std looks like it"
)]

mod os;
mod socket;

#[path = "../../src/server/connection.rs"]
#[allow(dead_code, reason = "some of it is for the session's root")]
mod connection;
#[path = "../../src/server/outbox.rs"]
#[allow(dead_code, reason = "some of it is for the manager")]
mod outbox;
#[path = "../../src/server/profile.rs"]
#[allow(dead_code, reason = "some of it is only for readers")]
mod profile;
mod session;
#[path = "../../src/server/shutdown.rs"]
mod shutdown;
#[path = "../../src/server/stream.rs"]
#[allow(dead_code, reason = "some of it is only for readers")]
mod stream;
#[path = "../../src/server/transport.rs"]
mod transport;

/// The reports of a writer to the manager.
mod event {
    use crate::protocol::SessionId;

    #[derive(Debug, PartialEq, Eq)]
    pub enum Event {
        CaughtUp(SessionId),
        HasRoom(SessionId),
    }
}

mod manager;

mod accept {
    pub mod admission {

        #[derive(Debug)]
        pub struct Slot;
    }
}

use std::sync::Arc;
use std::time::Duration;

use loom::thread;
use parlor::{chat, metrics, protocol, wire};

use connection::Connection;
use event::Event;
use os::{Receiver, bounded};
use outbox::{Bytes, Outbox, PACKET_OVERHEAD, Part, Pushed};
use protocol::{CloseReason, SessionId};
use session::writer::Writer;
use shutdown::{Delays, Stopper};
use socket::Socket;
use stream::Stream;
use transport::Transport;
use wire::Wire;

const ID: SessionId = SessionId(1);
/// Half an outbox: what waits of three bytes in a packet, of which the socket has taken two.
const HALF: usize = PACKET_OVERHEAD + 1;

/// One session whose socket takes `room` bytes, and whose outbox holds `limit`.
struct Session {
    connection: Arc<Connection>,
    outbox: Outbox,
    inbox: Receiver<Event>,
    writer: thread::JoinHandle<()>,
    /// Bytes that the peer has received, and whether it was cut before it had closed.
    peer: thread::JoinHandle<(Vec<u8>, bool)>,
}

/// Its writer runs, and its peer reads to the end and closes, which its reader sees.
fn session(room: usize, limit: usize, half: usize) -> Session {
    let socket = Socket::new(room);
    let theirs = socket.clone();
    let connection = Arc::new(Connection::new(
        ID,
        Wire::Relay,
        "".into(),
        "".into(),
        Transport::new(Stream::Plain(socket)),
        accept::admission::Slot,
    ));
    let (outbox, queue) = Outbox::new(Arc::clone(&connection), limit);
    let (events, inbox) = bounded(8);
    let timeout = Duration::from_secs(10);
    let writer = Writer { connection: Arc::clone(&connection), queue, inbox: events, half, timeout };
    let writer = thread::spawn(move || writer.run());
    connection.threads.set_writer(writer.thread().clone());
    let reader = Arc::clone(&connection);
    let peer = thread::spawn(move || {
        let mut received = Vec::new();
        loop {
            let bytes = theirs.read();
            if bytes.is_empty() {
                break;
            }
            received.extend(bytes);
        }
        let cut = theirs.is_cut();
        reader.threads.finish_reading();
        (received, cut)
    });
    Session { connection, outbox, inbox, writer, peer }
}

impl Session {
    fn push(&mut self, bytes: &[u8]) -> Pushed {
        let mut gathered = Bytes::default();
        gathered.append(|out| out.extend_from_slice(bytes));
        self.outbox.push(std::iter::once(Part::whole(&gathered)))
    }

    /// The outbox is dropped, for a polite reason or none; what the peer has received at the end.
    fn end(self) -> Vec<u8> {
        drop(self.outbox);
        self.writer.join().unwrap();
        assert_eq!(self.connection.pending(), 0);
        let (received, cut) = self.peer.join().unwrap();
        assert!(!cut, "a polite end waits until the peer has closed");
        received
    }
}

/// Every order of a model, with so many interruptions in the middle of something.
fn every_order(interruptions: usize, model: impl Fn() + Send + Sync + 'static) {
    let mut builder = loom::model::Builder::new();
    builder.preemption_bound.get_or_insert(interruptions);
    builder.check(model);
}

/// A reader that waits until at most half of its outbox is pending: it checks, and parks.
fn waiting_reader(connection: &Arc<Connection>) -> thread::JoinHandle<()> {
    let theirs = Arc::clone(connection);
    let reader = thread::spawn(move || {
        while theirs.pending() > HALF && theirs.reason().is_none() {
            thread::park();
        }
    });
    // The reader does it itself, before anybody else hears of the session.
    connection.threads.set_reader(reader.thread().clone());
    reader
}

#[test]
fn reader_awaiting_outbox_wakes_at_end() {
    every_order(3, || {
        let transport = Transport::new(Stream::Plain(Socket::new(0)));
        let connection =
            Arc::new(Connection::new(ID, Wire::Relay, "".into(), "".into(), transport, accept::admission::Slot));
        connection.transport().queued(HALF + 1);
        let reader = waiting_reader(&connection);
        connection.end(CloseReason::WriteTimeout);
        reader.join().unwrap();
    });
}

/// As the accept thread waits: it looks at the flag, then polls the pipe.
#[test]
fn stop_asked_often_wakes_accept_thread() {
    every_order(3, || {
        let (stopper, wake) = Stopper::new().unwrap();
        let asking: Vec<_> = (0..2)
            .map(|_| {
                let stopper = stopper.clone();
                thread::spawn(move || stopper.trigger())
            })
            .collect();
        while !stopper.is_triggered() {
            wake.wait_until_readable();
        }
        let first = asking.into_iter().map(|asked| usize::from(asked.join().unwrap())).sum::<usize>();
        assert_eq!(first, 1);
    });
}

mod exhaustive {
    use super::*;

    #[test]
    fn socket_goes_to_writer_and_back() {
        every_order(2, || {
            let mut session = session(2, 10_000, 5_000);
            for bytes in [b"abc", b"def"] {
                assert_ne!(session.push(bytes), Pushed::Dead);
            }
            assert_eq!(session.end(), b"abcdef");
        });
    }

    /// A line that does not fit is sent after all if the writer has finished meanwhile. Otherwise the writer
    /// reports, once.
    #[test]
    fn skipped_line_is_sent_or_reported_once() {
        every_order(2, || {
            let Session { connection, outbox, inbox, writer, peer } = session(2, PACKET_OVERHEAD + 3, 5_000);
            let (recipient, skipped) = manager::send(&connection, outbox, &[b"abc", b"def"]);
            if skipped == 1 {
                assert_eq!(inbox.recv(), Ok(Event::CaughtUp(ID)));
            }
            drop(recipient);
            writer.join().unwrap();
            assert_eq!(peer.join().unwrap().0, if skipped == 1 { &b"abc"[..] } else { b"abcdef" });
            assert_eq!(inbox.try_recv(), Err(()), "reported twice, or for nothing");
        });
    }

    /// As the manager defers what a session asks for: it looks, and takes other events until it is told.
    #[test]
    fn room_in_an_outbox_is_reported_always() {
        every_order(2, || {
            let mut session = session(1, 10_000, HALF);
            session.push(b"abc");
            while session.connection.pending() > HALF {
                assert_eq!(session.inbox.recv(), Ok(Event::HasRoom(ID)));
            }
            assert_eq!(session.end(), b"abc");
        });
    }

    #[test]
    fn reader_awaiting_outbox_wakes_by_room() {
        every_order(2, || {
            let mut session = session(1, 10_000, HALF);
            let reader = waiting_reader(&session.connection);
            session.push(b"abc");
            assert_eq!(session.end(), b"abc");
            reader.join().unwrap();
        });
    }

    /// A hang-up and the reader's own reason meet the last bytes: one reason, known alike to all, and
    /// every byte before the end.
    #[test]
    fn last_send_precedes_close_first_reason_wins() {
        every_order(2, || {
            let mut session = session(2, 10_000, 5_000);
            let connection = Arc::clone(&session.connection);
            let reader = thread::spawn(move || {
                connection.end(CloseReason::PeerClosed);
                connection.reason().unwrap().clone()
            });
            assert_ne!(session.push(b"bye"), Pushed::Dead);
            session.connection.end(CloseReason::Quit);
            let reason = session.connection.reason().unwrap().clone();
            assert_eq!(session.end(), b"bye");
            assert_eq!(reader.join().unwrap(), reason);
        });
    }

    /// A stop waits for every reader that delays lines.
    #[test]
    fn stop_waits_for_all_delayed_lines() {
        every_order(3, || {
            let delays = Arc::new(Delays::default());
            let passed_on = Arc::new(loom::sync::atomic::AtomicUsize::new(0));
            let readers: Vec<_> = (0..2)
                .map(|_| {
                    let (delays, passed_on) = (Arc::clone(&delays), Arc::clone(&passed_on));
                    thread::spawn(move || {
                        let delay = delays.begin();
                        passed_on.fetch_add(1, std::sync::atomic::Ordering::Relaxed);
                        drop(delay);
                    })
                })
                .collect();
            let mine = delays.begin();
            let stop = {
                let delays = Arc::clone(&delays);
                thread::spawn(move || delays.wait_for_none(Duration::from_secs(1)))
            };
            drop(mine);
            stop.join().unwrap();
            readers.into_iter().for_each(|reader| reader.join().unwrap());
            assert_eq!(passed_on.load(std::sync::atomic::Ordering::Relaxed), 2);
        });
    }
}
