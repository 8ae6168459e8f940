//! One session, from its accepted connection to its end: the root of its two threads.
//!
//! The reader thread sets the connection up, starts the writer, tells the manager of the session, reads until
//! there is a reason to end, and reports the end. A panic below here ends this session only.

pub(super) mod accepted;
pub(super) mod allowances;
pub(super) mod buckets;
pub(super) mod caller;
mod calls;
mod costs;
mod counted;
mod events;
pub(super) mod handlers;
pub(super) mod input;
mod linger;
pub(super) mod reader;
pub(super) mod running;
mod setup;
pub(super) mod throttle;
mod timeouts;
#[cfg(feature = "web")]
mod web;
pub(super) mod writer;

use std::convert::Infallible;
use std::io;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::thread::{self, Builder, Scope};
use std::time::{Duration, Instant};

use log::{debug, error, info};

use crate::chat::Entry;
use crate::protocol::{CloseReason, Refusal, Resource};
use crate::wire::{Protocol, Wire};

use super::accept::turn_away::turn_away;
use super::connection::Connection;
use super::context::{Context, TurnedAway};
use super::event::{CREDIT, Event, Opened};
use super::log::UNLIMITED;
use super::outbox::Outbox;
use super::profile::FirstName;
use super::stream::Stream;
use accepted::Accepted;
use counted::Counted;
use handlers::returns;
use input::Input;
use linger::discard_input;
use reader::Reader;
use running::Called;
use setup::{SetUp, set_up};
use writer::Writer;

/// A reader's stack: decoding, names and their Unicode tables; deeper in debug builds.
pub(super) const READER_STACK: usize = 256 * 1024;
/// A writer's stack. It calls sendmsg and poll on short lists; std needs the rest.
pub(super) const WRITER_STACK: usize = 64 * 1024;

/// Runs one session. Its writer lives in `scope`.
pub(super) fn run<'scope>(context: &'scope Context, scope: &'scope Scope<'scope, '_>, accepted: Accepted) {
    let _counted = Counted::new(context, &accepted);
    let set_up = match catch_unwind(AssertUnwindSafe(|| set_up(&accepted, context))) {
        Ok(SetUp::Session { wire, entry, input }) => Ok((wire, entry, input)),
        #[cfg(feature = "web")]
        Ok(SetUp::Over(reason)) => {
            context.metrics.count_closed(&reason);
            let Accepted { id, wire, address, .. } = accepted;
            return debug!("connection {id} ({wire}, {address}) closed: {reason}");
        }
        Err(panic) => Err(panic),
    };
    let Accepted { id, wire: accepted_by, transport, slot, address, shown, door } = accepted;
    let wire = set_up.as_ref().map_or(accepted_by, |(wire, ..)| *wire);
    let connection = &Arc::new(Connection::new(id, wire, address, shown, transport, slot));
    connection.threads.set_reader(thread::current());
    let outcome = set_up.and_then(|(_, entry, input)| {
        catch_unwind(AssertUnwindSafe(|| converse(context, scope, connection, door, entry, input)))
    });
    let has_appeared = outcome.unwrap_or_else(|_| {
        connection.end(CloseReason::Panicked);
        connection.cut();
        let _ = context.inbox.send(Event::Closed(connection.id, CloseReason::Panicked));
        true
    });
    connection.threads.finish_reading();
    call_on_close(context, connection);
    log_end(context, connection, has_appeared);
    connection.reason().into_iter().for_each(|reason| context.metrics.count_closed(reason));
}

fn call_on_close(context: &Context, connection: &Connection) {
    if let (Some(closed), Some(reason)) = (&context.handlers.closed, connection.reason())
        && !returns(|| {
            let _running = context.running.enter(connection.id, Called::Close);
            closed(connection.id, reason);
        })
    {
        error!("session {connection}: the program's handler for on_close panicked");
    }
}

/// Logs why a session ended. A session that never appeared was a health check or a port scan: at debug level.
fn log_end(context: &Context, connection: &Connection, has_appeared: bool) {
    let stopping = context.stopper.is_triggered();
    // The log limits the lines of each kind of ending. A stop ends each session once, so it has no limit.
    let kind = connection.reason().map_or("unknown", |reason| reason.kind().name());
    let cause = if stopping { UNLIMITED.to_owned() } else { format!("parlor::closed::{kind}") };
    use CloseReason::{PeerClosed, ReadFailed, WriteFailed};
    match connection.reason() {
        Some(reason @ (PeerClosed | ReadFailed | WriteFailed)) if !has_appeared => {
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

/// Runs a connection that is set up; returns whether the session appeared to others.
fn converse<'scope>(
    context: &'scope Context,
    scope: &'scope Scope<'scope, '_>,
    connection: &Arc<Connection>,
    door: Arc<str>,
    entry: Entry,
    input: Input,
) -> bool {
    if let Some(protocol) = input.wrong_protocol() {
        refuse_protocol(context, connection, &door, protocol);
        return false;
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
        turn_away_busy(context, connection.stream(), connection.wire, &error);
        connection.end(CloseReason::WriteFailed);
        return false;
    }
    let (credit, credits) = crossbeam_channel::bounded(CREDIT);
    let name = match connection.profile().first_name {
        FirstName::Address => Arc::clone(&connection.shown),
        FirstName::Id => connection.id.to_string().into(),
    };
    let reader = Reader::new(context, connection, Arc::clone(&door), input, credit);
    let opened = Opened { connection: Arc::clone(connection), outbox, credit: credits, name, door, entry };
    if context.inbox.send(Event::Opened(Box::new(opened))).is_err() {
        connection.end(CloseReason::ServerStopping);
        return false; // the outbox is dropped with the event, which ends the writer
    }
    let (reason, has_appeared) = reader.run();
    connection.end(reason);
    let reason = connection.reason().cloned().unwrap_or(CloseReason::PeerClosed);
    let polite = connection.ends_politely();
    let _ = context.inbox.send(Event::Closed(connection.id, reason));
    if polite {
        discard_input(connection, None); // the writer cuts the connection if that takes too long
    } else {
        connection.cut();
        // The kernel drops at once what it holds for a peer that does not read.
        connection.stream().reset_on_close();
    }
    has_appeared
}

/// Answers first bytes of another protocol, and ends the connection. The manager never hears of it.
fn refuse_protocol(context: &Context, connection: &Connection, door: &str, protocol: Protocol) {
    let reason = CloseReason::WrongProtocol(protocol.name());
    connection.end(reason);
    let _ = connection.stream().send(&protocol.answer(connection.wire, door, &context.doors));
    // There is no writer to cut the connection, and a stop must not wait for it.
    let linger: Duration = writer::LINGER.min(context.config.drain / 2);
    if connection.stream().end_output() {
        discard_input(connection, Some(Instant::now() + linger));
    }
    connection.cut();
}

/// Tells a caller for whom there is no thread.
pub(super) fn turn_away_busy(context: &Context, stream: &Stream, wire: Wire, error: &io::Error) {
    context.turned_away(TurnedAway::Thread, "no thread", error);
    turn_away(stream, wire, context.config.limits(), &Refusal::Busy { lack: Resource::Thread });
}

fn spawn_writer<'scope>(scope: &'scope Scope<'scope, '_>, writer: Writer) -> io::Result<()> {
    let connection = Arc::clone(&writer.connection);
    let name = format!("w-{}", connection.slot.index);
    let thread = Builder::new().name(name).stack_size(WRITER_STACK).spawn_scoped(scope, move || {
        if catch_unwind(AssertUnwindSafe(|| writer.run())).is_err() {
            writer.connection.end(CloseReason::Panicked);
            writer.connection.cut();
        }
    })?;
    connection.threads.set_writer(thread.thread().clone());
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
