//! The server: sockets and threads around the rules (`chat`) and the formats (`wire`).
//!
//! [`Server::bind`] opens the doors. [`Server::run`] accepts connections until a stop is requested. When it
//! returns, every thread that it started has ended.

mod accept;
mod connection;
mod context;
mod error;
mod event;
mod handle;
pub mod log;
mod manager;
mod os;
mod outbox;
#[cfg(feature = "web")]
mod outboxes;
mod profile;
mod session;
#[cfg_attr(not(feature = "web"), expect(dead_code, reason = "only the setup of the HTTP door takes long"))]
mod setups;
mod shutdown;
mod socket;
mod stream;
mod transport;

use std::convert::Infallible;
use std::fmt;
use std::io::{self, PipeReader};
use std::net::SocketAddr;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, OnceLock};
use std::thread;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use crossbeam_channel::{Receiver, Sender};
use parking_lot::Mutex;

use crate::chat::{Hub, HubSettings, Now};
use crate::config::Config;
use crate::metrics::Metrics;
#[cfg(feature = "web")]
use crate::metrics::Process;
use crate::protocol::{CloseReason, SessionId};
use crate::wire::{Key, OtherDoors, Wire};

use accept::Acceptor;
use accept::admission::Admission;
use accept::budget::Budget;
use accept::capacity::Capacity;
use accept::door::Door;
use context::Context;
use error::not_ready;
use event::Event;
use manager::{MANAGER_STACK, Manager};
#[cfg(feature = "web")]
use outboxes::Outboxes;
use profile::Profile;
use session::allowances::Allowances;
use session::buckets::Rates;
use session::handlers::{Handlers, returns};
use session::running::Running;
use setups::Setups;
use shutdown::Delays;

pub use accept::door::StartError;
pub use accept::{arenas, budget};
pub use error::RunError;
pub use handle::Handle;
pub use session::caller::{Caller, Remote, SendError};
pub use shutdown::Stopper;

/// Events that may wait for the manager. Each reader has at most two in it, so no session can fill it. When
/// many talk at once, they wait in their readers.
const INBOX_EVENTS: usize = 1024;
/// How long a stop waits for throttled lines and for answers of handlers.
const DELAYED_LINES: Duration = Duration::from_millis(300);
/// The part of a stop's time after which the remaining sessions are cut. The rest is for threads to end.
const CUT_AFTER: (u32, u32) = (4, 5);

/// A program's callback for the moment when the server is ready.
type OnReady = Box<dyn FnOnce(&[(Wire, SocketAddr)]) + Send>;

/// A server with open doors that has not accepted a connection yet.
pub struct Server {
    config: Config,
    capacity: Capacity,
    ready: Vec<OnReady>,
    doors: Vec<Door>,
    stopper: Stopper,
    wake: PipeReader,
    metrics: Arc<Metrics>,
    handlers: Handlers,
}

impl fmt::Debug for Server {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Server").field("config", &self.config).field("doors", &self.doors).finish_non_exhaustive()
    }
}

impl Server {
    /// Opens every door that `config` names.
    ///
    /// From here on the kernel queues connections. [`Server::run`] accepts them.
    ///
    /// # Errors
    /// If a required door cannot be opened; then none is. If a limit of the machine leaves no room for a
    /// single session.
    pub fn bind(config: &Config) -> Result<Self, StartError> {
        let config = config.within_bounds();
        let doors = accept::door::open(&config.listen)?;
        let (stopper, wake) =
            Stopper::new().map_err(|error| StartError::System { attempted: "make a pipe for the stop", error })?;
        let capacity = Capacity::of_this_machine(&config)?;
        let (metrics, handlers) = (Arc::default(), Handlers::default());
        Ok(Self { config, capacity, ready: vec![], doors, stopper, wake, metrics, handlers })
    }

    /// Calls `ready` with [`Server::addresses`] when everything runs, just before it admits callers.
    #[must_use]
    pub fn on_ready(mut self, ready: impl FnOnce(&[(Wire, SocketAddr)]) + Send + 'static) -> Self {
        self.ready.push(Box::new(ready));
        self
    }

    /// The wire format and address of each door, in the order of [`Config::listen`]. Port 0 has become a port.
    #[must_use]
    pub fn addresses(&self) -> Vec<(Wire, SocketAddr)> {
        self.doors.iter().map(|door| (door.wire, door.address)).collect()
    }

    /// A handle that stops this server, from any thread, also before it runs.
    #[must_use]
    pub fn stopper(&self) -> Stopper {
        self.stopper.clone()
    }

    /// The counters of what happened so far.
    #[must_use]
    pub fn metrics(&self) -> Arc<Metrics> {
        Arc::clone(&self.metrics)
    }

    /// Calls `handler` for frames of `route`, with their data. The routes of the chat's commands
    /// (100 and up, see [`COMMANDS`](crate::protocol::COMMANDS)) stay the chat's: a handler for one
    /// of them is never called. Neither is one for route 0, the heartbeat.
    #[must_use]
    pub fn on_route(mut self, route: u32, handler: impl Fn(&mut Caller<'_>, &[u8]) + Send + Sync + 'static) -> Self {
        self.handlers.by_key.insert(Key::Route(route), Box::new(handler));
        self
    }

    /// Calls `handler` for JSON packets with this `Act`, with their `Data`. The acts of the chat's
    /// commands stay the chat's, and `heartbeat` has no answer: a handler for one of them is
    /// never called.
    #[must_use]
    pub fn on_act(mut self, act: &str, handler: impl Fn(&mut Caller<'_>, &[u8]) + Send + Sync + 'static) -> Self {
        self.handlers.by_key.insert(Key::Act(act.into()), Box::new(handler));
        self
    }

    /// Calls `handler` for every route and act that has none of its own, and is neither the chat's
    /// nor a heartbeat.
    #[must_use]
    pub fn on_other(mut self, handler: impl Fn(&mut Caller<'_>, &[u8]) + Send + Sync + 'static) -> Self {
        self.handlers.fallback = Some(Box::new(handler));
        self
    }

    /// Calls `handler` when a session has come in, by any door. What it sends to a JSON session waits for
    /// the peer's first packet and uses that packet's framing.
    #[must_use]
    pub fn on_open(mut self, handler: impl Fn(&mut Caller<'_>) + Send + Sync + 'static) -> Self {
        self.handlers.opened = Some(Box::new(handler));
        self
    }

    /// Calls `handler` when a session is over, once, on the thread that was its reader's. Also for a
    /// caller that was turned away before [`Server::on_open`](Self::on_open): because a second thread could
    /// not start (as [`CloseReason::WriteFailed`]), or because its first bytes were another protocol's. A connection
    /// of the HTTP door that only sends requests is no session: no handler is called.
    #[must_use]
    pub fn on_close(mut self, handler: impl Fn(SessionId, &CloseReason) + Send + Sync + 'static) -> Self {
        self.handlers.closed = Some(Box::new(handler));
        self
    }

    /// Adds what the older programs' clients expect: tnet's echo on routes 1 and 2, and gtcp's `hello`
    /// and `doexit`.
    #[must_use]
    pub fn with_standard_routes(self) -> Self {
        self.on_route(1, |caller, data| caller.reply(data))
            .on_route(2, |caller, data| caller.reply(data))
            .on_act("hello", |caller, _| caller.reply("Nice to meet you!"))
            .on_act("doexit", |caller, _| caller.close(CloseReason::Quit))
    }

    /// Accepts connections until a stop is requested, then ends all sessions.
    ///
    /// Lines that were sent before the stop are delivered. Returns when every thread has ended, at most
    /// [`Config::drain`] after the stop, whatever clients do. A program's handler that blocks makes it longer,
    /// since a thread cannot be ended from outside: the log names that handler, and this waits for it.
    ///
    /// # Errors
    /// If the operating system gives too little to get ready, or the manager panicked.
    pub fn run(self) -> Result<(), RunError> {
        let addresses = self.addresses();
        let Self { config, capacity, ready, doors, stopper, wake, metrics, handlers } = self;
        if capacity.sessions < config.max_clients {
            ::log::warn!("room for {capacity}; --max-clients {} is more than that", config.max_clients);
        }
        let slots = capacity.sessions.min(config.max_clients);
        let worst = Budget::of(&Config { max_clients: slots, ..config.clone() });
        ::log::debug!("at worst {} MiB of memory, {} KiB for each session", worst.all >> 20, worst.session >> 10);
        let (inbox, events) = crossbeam_channel::bounded(INBOX_EVENTS);
        let (begin_stop, stopping) = crossbeam_channel::bounded(0);
        let context = Context {
            allowances: Mutex::new(Allowances::new(Rates::of(&config))),
            admission: Admission::new(slots, config.max_per_address, config.max_silent),
            inbox,
            stopper,
            stopping,
            delays: Delays::default(),
            running: Running::default(),
            setups: Setups::default(),
            metrics: Arc::clone(&metrics),
            #[cfg(feature = "web")]
            outboxes: Outboxes::new(slots),
            #[cfg(feature = "web")]
            process: Process::new(),
            handlers,
            started: Instant::now(),
            doors: other_doors(&doors),
            config,
        };
        let settings = HubSettings {
            idle: context.config.idle_limits(),
            join_grace: context.config.join_grace,
            max_rooms: context.config.max_rooms,
            history: context.config.history,
            history_shown: context.config.history_shown,
            classic: context.config.classic,
        };
        let drain_by = Arc::new(OnceLock::new());
        let unix_ms = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default().as_millis();
        let opening = Now { up: Duration::ZERO, unix_ms: u64::try_from(unix_ms).unwrap_or(u64::MAX) };
        let manager = Manager::new(
            Hub::new(settings, opening),
            events,
            &context.config,
            Arc::clone(&drain_by),
            context.started,
            &metrics,
        );
        let panicked = AtomicBool::new(false);
        thread::scope(|scope| {
            let context = &context;
            let panicked = &panicked;
            let (manages, managed) = crossbeam_channel::bounded::<Infallible>(0);
            let managing = move || {
                let _manages = manages;
                if catch_unwind(AssertUnwindSafe(|| manager.run())).is_err() {
                    panicked.store(true, Ordering::SeqCst);
                    context.stopper.trigger();
                }
            };
            let manager = thread::Builder::new().name("manager".into()).stack_size(MANAGER_STACK);
            manager.spawn_scoped(scope, managing).map_err(not_ready("start the manager thread"))?;
            let acceptor = session::prove_room(scope)
                .map_err(not_ready("start the two threads of a session"))
                .and_then(|()| Acceptor::new(context, scope).map_err(not_ready("keep a spare descriptor")));
            let mut acceptor = match acceptor {
                Ok(acceptor) => acceptor,
                Err(error) => {
                    let _ = context.inbox.send(Event::Drain(Instant::now())); // ends the manager
                    return Err(error);
                }
            };
            if !ready.into_iter().all(|ready| returns(|| ready(&addresses))) {
                let _ = context.inbox.send(Event::Drain(Instant::now()));
                return Err(RunError::ReadyPanicked);
            }
            acceptor.run(&doors, &wake);
            ::log::info!("recv quit signal");
            drop(doors);
            drain(context, begin_stop, &drain_by, &managed);
            Ok(())
        })?;
        if panicked.load(Ordering::SeqCst) { Err(RunError::ManagerPanicked) } else { Ok(()) }
    }

    /// Runs the server on a thread of its own; returns when it is ready.
    ///
    /// # Errors
    /// If the operating system gives too little to get ready.
    pub fn spawn(self) -> io::Result<Handle> {
        let (addresses, stopper, metrics) = (self.addresses(), self.stopper(), self.metrics());
        let (ready, is_ready) = crossbeam_channel::bounded(1);
        let server = self.on_ready(move |_| _ = ready.send(()));
        let thread = thread::Builder::new().name("parlor".into()).spawn(move || server.run())?;
        let handle = Handle { addresses, stopper, metrics, thread: Some(thread) };
        if is_ready.recv().is_err() {
            // The thread has ended before the server was ready.
            handle.join().map_err(io::Error::other)?;
            return Err(io::Error::other("the server ended before it was ready"));
        }
        Ok(handle)
    }
}

/// The graceful shutdown, when no connection is accepted any more: waits for delayed lines, has the manager end
/// all sessions, and waits for it. `managed` disconnects when the manager has ended.
fn drain(
    context: &Context,
    begin_stop: Sender<Infallible>,
    drain_by: &OnceLock<Instant>,
    managed: &Receiver<Infallible>,
) {
    let asked = Instant::now();
    let time = context.config.drain;
    let deadline = asked + time * CUT_AFTER.0 / CUT_AFTER.1;
    let _ = drain_by.set(deadline);
    drop(begin_stop); // wakes the readers that delay lines
    context.setups.end_input();
    context.delays.wait_for_none(DELAYED_LINES.min(time / 4));
    let _ = context.inbox.send(Event::Drain(deadline)); // it fails only if the manager has ended
    let _ = managed.recv_deadline(deadline);
    context.setups.cut_at(deadline);
    let _ = managed.recv_deadline(asked + time); // a session whose handler blocks keeps the manager
    for (id, called) in context.running.wait_for_none(asked + time) {
        ::log::warn!("session {id}: {called} has not returned; the stop waits for it");
    }
}

/// The other doors, for a client at the wrong one: those of programs in the order of their labels.
fn other_doors(doors: &[Door]) -> OtherDoors {
    let label = |door: &Door| Profile::of(door.wire).label;
    let mut labelled: Vec<_> = doors.iter().filter_map(|door| Some((label(door)?, door.address))).collect();
    labelled.sort_by_key(|(label, _)| *label);
    let programs: Vec<_> = labelled.iter().map(|(label, address)| format!("{label}: {address}")).collect();
    let http = doors.iter().find(|door| Profile::of(door.wire).takes_requests).map(|door| door.address);
    OtherDoors { programs: programs.join(", "), http }
}
