//! The manager's values that a writer's thread meets, compiled over loom.

#[path = "../../src/server/manager/audience.rs"]
#[allow(dead_code, reason = "some of it is for the manager")]
mod audience;
#[path = "../../src/server/manager/backpressure.rs"]
#[allow(dead_code, reason = "some of it is for the manager")]
mod backpressure;
#[path = "../../src/server/manager/clock.rs"]
#[allow(dead_code, reason = "some of it is for the manager")]
mod clock;
#[path = "../../src/server/manager/consumer.rs"]
#[allow(dead_code, reason = "some of it is for the manager")]
mod consumer;
#[path = "../../src/server/manager/index.rs"]
#[allow(dead_code, reason = "some of it is for the manager")]
mod index;
#[path = "../../src/server/manager/message.rs"]
#[allow(dead_code, reason = "some of it is for the manager")]
mod message;
#[path = "../../src/server/manager/recipient.rs"]
#[allow(dead_code, reason = "some of it is for the manager")]
mod recipient;

use std::sync::Arc;

use parlor::metrics::Metrics;
use parlor::wire::Encoding;

use super::connection::Connection;
use super::os::Instant;
use super::outbox::{Bytes, Outbox};
use audience::Audiences;
use backpressure::Backpressure;
use clock::Clock;
use consumer::Levels;
use index::Index;
use recipient::{Delivery, Recipient};

/// Sends chunks to a recipient, as a flush does; returns the recipient and the lines that were skipped.
pub(super) fn send(connection: &Arc<Connection>, outbox: Outbox, chunks: &[&[u8]]) -> (impl Sized + use<>, u64) {
    let (clock, metrics) = (Clock::new(Instant::now()), Metrics::default());
    let mut recipient = Recipient::new(Arc::clone(connection), outbox, Encoding::Relay, &clock);
    let mut backpressure = Backpressure::new(Levels::of(10_000));
    for bytes in chunks {
        let mut chunk = audience::Chunk::default();
        chunk.bytes.append(|out| out.extend_from_slice(bytes));
        chunk.marks.push(audience::Mark {
            end: bytes.len(),
            order: 1,
            except: None,
            said_by: None,
            visitor: None,
            is_join_or_leave: false,
        });
        let mut delivery = Delivery {
            audiences: &Audiences::default(),
            own: &Bytes::default(),
            backpressure: &mut backpressure,
            clock: &clock,
            metrics: &metrics,
            delivered: 0,
        };
        recipient.send_chunk(Index(0), &chunk, &mut delivery);
    }
    let skipped = recipient.consumer.skipped.unwrap_or(0);
    (recipient, skipped)
}
