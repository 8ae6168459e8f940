//! The part of a chunk that an outbox keeps for a slow consumer: a small part is copied, so that it does not
//! keep all of the chunk; of a large part all slow consumers keep the same bytes.

use std::net::{Ipv4Addr, TcpListener, TcpStream};
use std::sync::Arc;

use allocation_counter::measure;
use crossbeam_channel::Receiver;
use parlor::protocol::SessionId;
use parlor::wire::Wire;

use crate::accept::admission::Slot;
use crate::connection::Connection;
use crate::outbox::{Bytes, Outbox, Packet, Part, Pushed};
use crate::stream::Stream;
use crate::transport::Transport;

const LENGTH: usize = 64 * 1024;

fn chunk() -> Bytes {
    let mut chunk = Bytes::default();
    chunk.append(|out| out.resize(LENGTH, b'x'));
    chunk
}

/// An outbox whose peer reads nothing and whose socket is full.
fn full() -> (Outbox, Receiver<Packet>, TcpStream) {
    let door = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
    let peer = TcpStream::connect(door.local_addr().unwrap()).unwrap();
    let (slot, address) = (Slot, Arc::<str>::from("127.0.0.1:5000"));
    let shown = Arc::clone(&address);
    let transport = Transport::new(Stream::Plain(door.accept().unwrap().0.into()));
    let connection = Connection::new(SessionId(1), Wire::Text, address, shown, transport, slot);
    let (mut outbox, queue) = Outbox::new(Arc::new(connection), 1 << 30);
    while push(&mut outbox, &chunk(), LENGTH) == Pushed::Sent {}
    (outbox, queue, peer)
}

fn push(outbox: &mut Outbox, chunk: &Bytes, length: usize) -> Pushed {
    outbox.push(std::iter::once(Part { of: chunk, range: 0..length }))
}

#[test]
fn small_part_does_not_keep_chunk() {
    let (mut outbox, _queue, _peer) = full();
    for length in [1, 1000, LENGTH / 4 - 1] {
        let chunk = chunk();
        let spent = measure(|| assert!(matches!(push(&mut outbox, &chunk, length), Pushed::Queued(_))));
        assert!(spent.bytes_total < length as u64 + 8192, "{spent:?} for {length} bytes");
    }
}

#[test]
fn slow_consumers_keep_the_same_bytes() {
    let mut slow: Vec<_> = (0..8).map(|_| full()).collect();
    let chunk = chunk();
    let spent = measure(|| {
        for (outbox, ..) in &mut slow {
            assert!(matches!(push(outbox, &chunk, LENGTH / 2), Pushed::Queued(_)));
        }
    });
    assert!(spent.bytes_total < LENGTH as u64 * 2, "{spent:?} for eight");
}
