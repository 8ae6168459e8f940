//! The outboxes of all connections, by slot: how many bytes wait for them.
//!
//! Only the metrics ask. They must delay nobody, and the manager is too busy to be asked. So they read the
//! pending bytes of each transport themselves. The slots are in groups, each with a lock of its own that is held
//! for some microseconds; the manager takes none of them.

use std::sync::Arc;

use parking_lot::Mutex;

use crate::metrics::Pending;

use super::transport::Transport;

/// Slots in one group.
const GROUP: usize = 256;

/// The transports of one group, by slot.
type Group = Mutex<Vec<Option<Arc<Transport>>>>;

/// The transports of all connections.
#[derive(Debug)]
pub(super) struct Outboxes {
    groups: Box<[Group]>,
}

impl Outboxes {
    /// Takes the connections of so many slots.
    pub(super) fn new(slots: usize) -> Self {
        Self { groups: (0..slots.div_ceil(GROUP)).map(|_| Mutex::default()).collect() }
    }

    /// Adds the connection at a slot, until the guard is dropped.
    pub(super) fn enter(&self, slot: u32, transport: &Arc<Transport>) -> Entered<'_> {
        let slot = slot as usize;
        let before = self.groups.get(slot / GROUP).and_then(|group| {
            let mut group = group.lock();
            if group.len() <= slot % GROUP {
                group.resize(slot % GROUP + 1, None);
            }
            group.get_mut(slot % GROUP)?.replace(Arc::clone(transport))
        });
        drop(before); // it may be the last holder, and close the descriptor: not under the lock
        Entered { outboxes: self, slot, transport: Arc::clone(transport) }
    }

    /// Reads how many bytes are pending.
    pub(super) fn pending(&self) -> Pending {
        let mut pending = Pending::default();
        for group in &self.groups {
            for transport in group.lock().iter().flatten() {
                let bytes = transport.pending();
                pending.sum += bytes;
                pending.largest = pending.largest.max(bytes);
            }
        }
        pending
    }
}

/// A connection among the outboxes.
#[derive(Debug)]
pub(super) struct Entered<'a> {
    outboxes: &'a Outboxes,
    slot: usize,
    transport: Arc<Transport>,
}

impl Drop for Entered<'_> {
    fn drop(&mut self) {
        let Some(group) = self.outboxes.groups.get(self.slot / GROUP) else { return };
        let mut group = group.lock();
        if let Some(place) = group.get_mut(self.slot % GROUP)
            // The slot may have become another connection's already.
            && place.as_ref().is_some_and(|transport| Arc::ptr_eq(transport, &self.transport))
        {
            *place = None; // this guard still holds it, so nothing is closed under the lock
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::server::stream::Stream;
    use std::net::{TcpListener, TcpStream};

    fn transport(pending: usize) -> Arc<Transport> {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let _client = TcpStream::connect(listener.local_addr().unwrap()).unwrap();
        let transport = Transport::new(Stream::Plain(listener.accept().unwrap().0.into()));
        transport.queued(pending);
        transport
    }

    #[test]
    fn pending_bytes_are_summed_over_all_groups() {
        let outboxes = Outboxes::new(600);
        assert_eq!(outboxes.pending(), Pending::default());
        let (first, second, third) = (transport(10), transport(500), transport(3));
        let guards = [(0, &first), (255, &second), (599, &third)].map(|(slot, one)| outboxes.enter(slot, one));
        assert_eq!(outboxes.pending(), Pending { sum: 513, largest: 500 });
        second.sent(495);
        assert_eq!(outboxes.pending(), Pending { sum: 18, largest: 10 });
        drop(guards);
        assert_eq!(outboxes.pending(), Pending::default());
    }

    /// A slot is free before the thread of its last connection has ended.
    #[test]
    fn slot_taken_again_keeps_the_newcomer() {
        let outboxes = Outboxes::new(1);
        let (first, second) = (transport(1), transport(2));
        let leaving = outboxes.enter(0, &first);
        let staying = outboxes.enter(0, &second);
        drop(leaving);
        assert_eq!(outboxes.pending(), Pending { sum: 2, largest: 2 });
        drop(staying);
        assert_eq!((Arc::strong_count(&first), Arc::strong_count(&second)), (1, 1));
    }
}
