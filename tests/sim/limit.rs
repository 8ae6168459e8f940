//! How much may wait for one session: counted to the byte, with what each packet costs beside its bytes.

use std::sync::Arc;

use parlor::chat::Seat;
use parlor::protocol::SessionId;
use parlor::wire::Wire;

use crate::gate::Permit;
use crate::lifeline::Lifeline;
use crate::os::{self, Instant, Receiver, TcpStream};
use crate::outbox::{Outbox, PACKET_OVERHEAD, Packet, Pushed, Shared};

const LIMIT: usize = 1000;
const CHUNK: [u8; LIMIT] = [b'x'; LIMIT];

/// An outbox over a socket with `room` for so many bytes, and what keeps it alive.
fn outbox(room: usize) -> (Outbox, Arc<Lifeline>, Receiver<Packet>) {
    let (permit, address) = (Permit { seat: Seat(0) }, Arc::<str>::from("127.0.0.1:5000"));
    let shown = Arc::clone(&address);
    let lifeline = Arc::new(Lifeline::new(SessionId(1), Wire::Text, address, shown, TcpStream::new(room), permit));
    let (outbox, queue) = Outbox::new(Arc::clone(&lifeline), LIMIT);
    (outbox, lifeline, queue)
}

/// Pushes parts of these lengths.
fn push(outbox: &mut Outbox, lengths: &[usize]) -> Pushed {
    let ranges: Vec<_> = lengths.iter().map(|length| 0..*length).collect();
    outbox.push(&mut Shared::new(&CHUNK), &ranges, Instant::now())
}

#[test]
fn as_much_waits_as_the_limit_says_and_no_byte_more() {
    os::begin(1);
    let (mut outbox, lifeline, _queue) = outbox(0);
    assert_eq!(push(&mut outbox, &[100]), Pushed::Queued);
    let mut waits = 100 + PACKET_OVERHEAD;
    assert_eq!(lifeline.pending(), waits);
    assert_eq!(push(&mut outbox, &[10, 20, 30]), Pushed::Queued);
    waits += 60 + 3 * PACKET_OVERHEAD;
    assert_eq!(lifeline.pending(), waits);
    let rest = LIMIT - waits;
    for too_much in [&[rest - PACKET_OVERHEAD + 1][..], &[rest - 2 * PACKET_OVERHEAD, 1], &[1; 9]] {
        assert_eq!(push(&mut outbox, too_much), Pushed::Full, "{too_much:?}");
        assert_eq!(lifeline.pending(), waits, "nothing of {too_much:?} was taken");
    }
    assert_eq!(push(&mut outbox, &[rest - PACKET_OVERHEAD]), Pushed::Queued);
    assert_eq!(lifeline.pending(), LIMIT);
    assert_eq!(push(&mut outbox, &[0]), Pushed::Full, "not even a packet without bytes");
}

/// What the socket has taken waits no more.
#[test]
fn of_what_was_sent_in_part_the_rest_waits() {
    os::begin(1);
    let in_part = (0..100).filter(|_| {
        let (mut outbox, lifeline, _queue) = outbox(40);
        assert_eq!(push(&mut outbox, &[30, 70]), Pushed::Queued);
        let sent = lifeline.stream.wire.borrow().to_peer.len();
        let packets = if sent < 30 { 2 } else { 1 };
        assert_eq!(lifeline.pending(), 100 - sent + packets * PACKET_OVERHEAD, "{sent} sent");
        sent > 0
    });
    assert!(in_part.count() > 50, "the dice refuse one of sixteen");
}

/// An answer is not refused for its length alone.
#[test]
fn what_is_pushed_to_an_empty_outbox_may_be_longer_than_the_limit() {
    os::begin(1);
    let (mut outbox, lifeline, _queue) = outbox(0);
    assert_eq!(push(&mut outbox, &[LIMIT, LIMIT]), Pushed::Queued);
    assert_eq!(lifeline.pending(), 2 * (LIMIT + PACKET_OVERHEAD));
    assert_eq!(push(&mut outbox, &[1]), Pushed::Full);
}

/// Last words fit whatever waits, and nothing else with them.
#[test]
fn room_is_made_for_so_many_bytes_and_no_more() {
    for waiting in [LIMIT - PACKET_OVERHEAD, 2 * LIMIT] {
        for (length, fits) in [(40, Pushed::Queued), (41, Pushed::Full)] {
            os::begin(1);
            let (mut outbox, lifeline, _queue) = outbox(0);
            assert_eq!(push(&mut outbox, &[waiting / 2, waiting - waiting / 2 - PACKET_OVERHEAD]), Pushed::Queued);
            assert_eq!(lifeline.pending(), waiting + PACKET_OVERHEAD);
            outbox.make_room(40);
            assert_eq!(push(&mut outbox, &[length]), fits, "{length} bytes behind {waiting}");
        }
    }
}

/// While nothing waits, nobody is woken: the manager sends by itself.
#[test]
fn a_socket_with_room_is_sent_to_at_once() {
    os::begin(1);
    for lengths in [&[100][..], &[10, 20, 30]] {
        let at_once = (0..100).filter(|_| {
            let (mut outbox, lifeline, _queue) = outbox(LIMIT);
            let pushed = push(&mut outbox, lengths);
            assert_eq!(pushed == Pushed::Sent, lifeline.pending() == 0);
            pushed == Pushed::Sent
        });
        assert!(at_once.count() > 50, "the dice refuse one of sixteen, and cut one of four");
    }
}
