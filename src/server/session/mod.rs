//! One session from the accept to its end: the root of its two threads.
//!
//! The reader thread begins it, starts the writer, tells the manager that somebody came, reads
//! until there is a reason to stop, and tells the manager so. A panic below here ends this session
//! and nobody else's.

pub(super) mod allowances;
pub(super) mod handlers;
mod linger;
pub(super) mod reader;
pub(super) mod running;
pub(super) mod throttle;
pub(super) mod writer;

use std::convert::Infallible;
use std::io;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::thread::{self, Builder, Scope};
use std::time::{Duration, Instant};

use log::{debug, error, info};

use crate::protocol::{CloseReason, Refusal, Resource};
use crate::wire::Wire;

use super::Context;
use super::accept::READER_STACK;
use super::connection::Connection;
use super::event::{CREDIT, Event, Opened};
use super::log::UNLIMITED;
use super::outbox::Outbox;
use handlers::returns;
use linger::discard_input;
use reader::Reader;
use running::Called;
use writer::Writer;

/// A caller on the text door who speaks another protocol does so at once; so long its first bytes
/// are waited for before it is greeted. A person does not notice it.
const FIRST_BYTES: Duration = Duration::from_millis(10);

/// A writer's stack. It calls sendmsg and poll on short lists; the rest is std's own need.
pub(super) const WRITER_STACK: usize = 64 * 1024;

/// A connection ends when its peer has not acknowledged bytes for this time, or for twice `--write-timeout` if
/// that is longer. The writer deals with a peer that acknowledges and does not read.
const USER_TIMEOUT: Duration = Duration::from_secs(30);

/// Runs one session. `scope` is where its writer lives.
pub(super) fn run<'scope>(
    context: &'scope Context,
    scope: &'scope Scope<'scope, '_>,
    connection: &Arc<Connection>,
    door: Arc<str>,
) {
    connection.set_reader(thread::current());
    // Telnet marks its interrupts as urgent. Out of line, a byte would be missing in the stream.
    let urgent_inline = connection.wire == Wire::Text;
    for error in connection.stream.tune(USER_TIMEOUT.max(context.config.write_timeout * 2), urgent_inline) {
        debug!("session {}: a socket option was not set: {error}", connection.id);
    }
    let outcome = catch_unwind(AssertUnwindSafe(|| converse(context, scope, connection, door)));
    if outcome.is_err() {
        connection.end(CloseReason::Panicked);
        connection.cut();
        let _ = context.inbox.send(Event::Closed(connection.slot.index, connection.id, CloseReason::Panicked));
    }
    connection.finish_reading();
    report(context, connection);
}

fn report(context: &Context, connection: &Connection) {
    if let (Some(closed), Some(reason)) = (&context.routes.closed, connection.reason())
        && !returns(|| {
            let _running = context.running.enter(connection.id, Called::Close);
            closed(connection.id, reason);
        })
    {
        error!("session {connection}: the program's handler for on_close panicked");
    }
    let stopping = context.stopper.is_triggered();
    // Each kind of ending is a cause of its own; a stop ends everybody, once.
    let kind = connection.reason().map_or("unknown", |reason| reason.kind().name());
    let cause = if stopping { UNLIMITED.to_owned() } else { format!("parlor::closed::{kind}") };
    use CloseReason::{PeerClosed, ReadFailed, WriteFailed};
    match connection.reason() {
        // Operators need not hear of a health check or a port scan.
        Some(reason @ (PeerClosed | ReadFailed | WriteFailed)) if !connection.has_appeared() => {
            debug!(target: &cause, "session {connection} closed: {reason}, without a sign of life");
        }
        Some(reason @ (CloseReason::Panicked | CloseReason::HandlerPanicked(_))) => {
            error!("session {connection} closed: {reason}");
        }
        Some(reason @ CloseReason::WriteTimeout) => {
            info!(target: &cause, "session {connection} closed: {reason}, {} KiB pending", connection.pending() / 1024);
        }
        Some(reason) => info!(target: &cause, "session {connection} closed: {reason}"),
        None => info!(target: &cause, "session {connection} closed"),
    }
    if stopping {
        info!(target: UNLIMITED, "handler done.");
    }
}

fn converse<'scope>(
    context: &'scope Context,
    scope: &'scope Scope<'scope, '_>,
    connection: &Arc<Connection>,
    door: Arc<str>,
) {
    let mut reader = Reader::new(context, connection, Arc::clone(&door));
    if connection.wire == Wire::Text && has_input_within(connection, FIRST_BYTES) {
        reader.read_ahead();
        if let Some(protocol) = reader.wrong_protocol() {
            let reason = CloseReason::WrongProtocol(protocol.name());
            context.metrics.count_closed(&reason);
            connection.end(reason);
            let answer = protocol.answer(connection.wire, &door, &context.doors);
            let _ = connection.stream.send(&answer);
            return part(connection, context.config.drain / 2);
        }
    }
    let (outbox, packets) = Outbox::new(Arc::clone(connection), context.config.max_pending);
    let writer = Writer {
        connection: Arc::clone(connection),
        queue: packets,
        inbox: context.inbox.clone(),
        half: context.config.max_pending / 2,
        timeout: context.config.write_timeout,
    };
    if let Err(error) = spawn_writer(scope, writer) {
        return turn_away_busy(context, connection, &error);
    }
    let (credit, credits) = crossbeam_channel::bounded(CREDIT);
    let name = match connection.wire {
        Wire::Text => Arc::clone(&connection.shown),
        Wire::Relay | Wire::Json(_) | Wire::Frame => connection.id.to_string().into(),
    };
    let opened = Opened { connection: Arc::clone(connection), outbox, credit: credits, name, door };
    if context.inbox.send(Event::Opened(Box::new(opened))).is_err() {
        connection.end(CloseReason::ServerStopping);
        return; // and the outbox is dropped with the event, which ends the writer
    }
    let reason = reader.run(&credit);
    connection.end(reason);
    let reason = connection.reason().cloned().unwrap_or(CloseReason::PeerClosed);
    let polite = connection.ends_politely();
    let _ = context.inbox.send(Event::Closed(connection.slot.index, connection.id, reason));
    if polite {
        discard_input(connection, None); // its writer cuts it when that takes too long
    } else {
        connection.cut();
        // What the kernel holds for a peer that does not read goes at once, not when it gives up.
        connection.stream.reset_on_close();
    }
}

fn spawn_writer<'scope>(scope: &'scope Scope<'scope, '_>, writer: Writer) -> io::Result<()> {
    let connection = Arc::clone(&writer.connection);
    let name = format!("w-{}", connection.slot.index.0);
    let thread = Builder::new().name(name).stack_size(WRITER_STACK).spawn_scoped(scope, move || {
        if catch_unwind(AssertUnwindSafe(|| writer.run())).is_err() {
            writer.connection.end(CloseReason::Panicked);
            writer.connection.cut();
        }
    })?;
    connection.set_writer(thread.thread().clone());
    Ok(())
}

/// Starts the two threads of a session and ends them again, as a trial.
///
/// # Errors
/// If they cannot start; then no session could.
pub(super) fn prove_room<'scope>(scope: &'scope Scope<'scope, '_>) -> io::Result<()> {
    let (let_go, held) = crossbeam_channel::bounded::<Infallible>(0);
    let start = |name: &str, stack| {
        let held = held.clone();
        Builder::new().name(name.into()).stack_size(stack).spawn_scoped(scope, move || _ = held.recv())
    };
    let both = [start("r-first", READER_STACK)?, start("w-first", WRITER_STACK)?];
    drop(let_go);
    both.into_iter().for_each(|thread| _ = thread.join());
    Ok(())
}

/// Whether the peer sends something within `at_most`.
fn has_input_within(connection: &Connection, at_most: Duration) -> bool {
    connection.stream.wait_for_input(Some(at_most)).is_ok_and(|ready| ready)
}

/// Tells a caller for whom there is no thread.
pub(super) fn turn_away_busy(context: &Context, connection: &Connection, error: &io::Error) {
    context.turned_away("thread", "no thread", error);
    connection.end(CloseReason::WriteFailed);
    let limits = context.config.limits();
    super::accept::turn_away::turn_away(
        &connection.stream,
        connection.wire,
        limits,
        &Refusal::Busy { lack: Resource::Thread },
    );
}

/// Ends a connection that has no writer: our last byte, then a while for the peer's, `at_most` so long:
/// the manager, which knows nothing of it, does not cut it at a stop.
fn part(connection: &Connection, at_most: Duration) {
    if connection.stream.end_output() {
        discard_input(connection, Some(Instant::now() + writer::LINGER.min(at_most)));
    }
    connection.cut();
}
