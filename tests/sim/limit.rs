//! How much may wait for one session: counted to the byte, with what each packet costs beside its bytes.

use std::sync::Arc;

use parlor::protocol::SessionId;
use parlor::wire::Wire;

use crate::accept::admission::Slot;
use crate::connection::Connection;
use crate::os::{self, Receiver};
use crate::outbox::Standing;
use crate::outbox::{Bytes, Outbox, PACKET_OVERHEAD, Packet, Part, Pushed};
use crate::socket::Socket;
use crate::stream::Stream;
use crate::transport::Transport;

const LIMIT: usize = 1000;

/// An outbox over a socket with `room` for so many bytes, and what keeps it alive.
fn outbox(room: usize) -> (Outbox, Arc<Connection>, Receiver<Packet>) {
    let (slot, address) = (Slot, Arc::<str>::from("127.0.0.1:5000"));
    let shown = Arc::clone(&address);
    let transport = Transport::new(Stream::Plain(Socket::new(room)));
    let connection = Arc::new(Connection::new(SessionId(1), Wire::Text, address, shown, transport, slot));
    let (outbox, queue) = Outbox::new(Arc::clone(&connection), LIMIT);
    (outbox, connection, queue)
}

fn chunk() -> Bytes {
    let mut chunk = Bytes::default();
    chunk.append(|out| out.resize(LIMIT, b'x'));
    chunk
}

fn is_queued(pushed: Pushed) -> bool {
    matches!(pushed, Pushed::Queued(_))
}

/// Pushes parts of these lengths.
fn push(outbox: &mut Outbox, lengths: &[usize]) -> Pushed {
    let chunk = chunk();
    outbox.push(lengths.iter().map(|length| Part { of: &chunk, range: 0..*length }))
}

#[test]
fn outbox_takes_its_limit_exactly() {
    os::begin(1);
    let (mut outbox, connection, _queue) = outbox(0);
    assert!(is_queued(push(&mut outbox, &[100])));
    let mut waits = 100 + PACKET_OVERHEAD;
    assert_eq!(connection.pending(), waits);
    assert!(is_queued(push(&mut outbox, &[10, 20, 30])));
    waits += 60 + 3 * PACKET_OVERHEAD;
    assert_eq!(connection.pending(), waits);
    let rest = LIMIT - waits;
    for too_much in [&[rest - PACKET_OVERHEAD + 1][..], &[rest - 2 * PACKET_OVERHEAD, 1], &[1; 9]] {
        assert_eq!(push(&mut outbox, too_much), Pushed::Full, "{too_much:?}");
        assert_eq!(connection.pending(), waits, "nothing of {too_much:?} was taken");
    }
    assert!(is_queued(push(&mut outbox, &[rest - PACKET_OVERHEAD])));
    assert_eq!(connection.pending(), LIMIT);
    assert_eq!(push(&mut outbox, &[0]), Pushed::Full, "not even a packet without bytes");
}

/// Bytes that the socket has taken are not pending.
#[test]
fn partly_sent_packet_leaves_rest_pending() {
    os::begin(1);
    let in_part = (0..100).filter(|_| {
        let (mut outbox, connection, _queue) = outbox(40);
        assert!(is_queued(push(&mut outbox, &[30, 70])));
        let Stream::Plain(socket) = connection.stream();
        let sent = socket.wire.borrow().to_peer.len();
        let packets = if sent < 30 { 2 } else { 1 };
        assert_eq!(connection.pending(), 100 - sent + packets * PACKET_OVERHEAD, "{sent} sent");
        sent > 0
    });
    assert!(in_part.count() > 50, "the dice refuse one of sixteen");
}

/// An answer is not refused for its length alone.
#[test]
fn empty_outbox_takes_packet_over_limit() {
    os::begin(1);
    let (mut outbox, connection, _queue) = outbox(0);
    assert!(is_queued(push(&mut outbox, &[LIMIT, LIMIT])));
    assert_eq!(connection.pending(), 2 * (LIMIT + PACKET_OVERHEAD));
    assert_eq!(push(&mut outbox, &[1]), Pushed::Full);
}

/// Answers are never skipped; the manager sees to it that there is one at most behind a full outbox.
#[test]
fn answer_over_limit_is_queued() {
    for pending in [LIMIT - PACKET_OVERHEAD, 2 * LIMIT] {
        os::begin(1);
        let (mut outbox, connection, _queue) = outbox(0);
        assert!(is_queued(push(&mut outbox, &[pending / 2, pending - pending / 2 - PACKET_OVERHEAD])));
        assert_eq!(push(&mut outbox, &[41]), Pushed::Full);
        assert!(is_queued(outbox.push_answer(std::iter::once(Part::whole(&chunk())))));
        assert_eq!(connection.pending(), pending + PACKET_OVERHEAD + LIMIT + PACKET_OVERHEAD);
        assert_eq!(push(&mut outbox, &[1]), Pushed::Full, "a line behind it");
    }
}

/// The bytes that a session has taken are known from those pending: a slow consumer is judged by it.
#[test]
fn outbox_taken_is_queued_minus_pending() {
    os::begin(1);
    let (mut outbox, connection, _queue) = outbox(0);
    assert!(is_queued(push(&mut outbox, &[100])));
    assert_eq!(outbox.standing(), Standing { pending: 100 + PACKET_OVERHEAD, taken: 0 });
    connection.transport().sent(60);
    assert_eq!(outbox.standing(), Standing { pending: 40 + PACKET_OVERHEAD, taken: 60 });
}

/// While nothing waits, nobody is woken: the manager sends by itself.
#[test]
fn socket_with_room_is_written_directly() {
    os::begin(1);
    for lengths in [&[100][..], &[10, 20, 30]] {
        let at_once = (0..100).filter(|_| {
            let (mut outbox, connection, _queue) = outbox(LIMIT);
            let pushed = push(&mut outbox, lengths);
            assert_eq!(pushed == Pushed::Sent, connection.pending() == 0);
            pushed == Pushed::Sent
        });
        assert!(at_once.count() > 50, "the dice refuse one of sixteen, and cut one of four");
    }
}
