//! The house itself: sockets and threads around the pure parts.
//!
//! [`Server::bind`] opens the doors, [`Server::run`] accepts until it is told to stop, and every
//! thread that it starts has ended when it returns.

mod accept;
mod connection;
mod event;
pub mod log;
mod manager;
mod os;
mod outbox;
mod session;
mod shutdown;
mod slot;
mod socket;
mod stream;

use std::convert::Infallible;
use std::fmt;
use std::io::{self, PipeReader};
use std::net::SocketAddr;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, OnceLock};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use crossbeam_channel::{Receiver, Sender};
use parking_lot::Mutex;

use crate::chat::{Hub, HubSettings, Now};
use crate::config::Config;
use crate::metrics::Metrics;
use crate::wire::Wire;

use accept::Acceptor;
use accept::admission::Admission;
use accept::budget::Budget;
use accept::capacity::Capacity;
use accept::door::Door;
use event::Event;
use manager::Manager;
use session::allowances::Allowances;
use session::handlers::{Routes, returns};
use session::running::Running;
use session::throttle::Rates;
use shutdown::Held;

pub use accept::door::StartError;
pub use accept::{arenas, budget};
pub use session::handlers::{Caller, Remote, SendError};
pub use shutdown::Stopper;

/// Events that may wait for the manager. Each reader has at most two in it, so a flooder cannot
/// fill it; when many talk at once, they wait in their readers.
const INBOX_EVENTS: usize = 1024;
/// The manager's stack: encoding and the hub, which recurse nowhere.
const MANAGER_STACK: usize = 1024 * 1024;
/// How long a stop waits for throttled lines and for answers of handlers.
const HELD_LINES: Duration = Duration::from_millis(300);
/// Of the time that a stop may take, the part after which whoever is left is cut; the rest is for
/// threads to end.
const CUT_AFTER: (u32, u32) = (4, 5);

/// What every thread of a server may look at.
struct Context {
    config: Config,
    admission: Arc<Admission>,
    allowances: Mutex<Allowances>,
    inbox: Sender<Event>,
    stopper: Stopper,
    /// Disconnects when the house begins to stop: wakes readers that hold lines back.
    stopping: Receiver<Infallible>,
    held: Held,
    running: Running,
    metrics: Arc<Metrics>,
    routes: Routes,
    started: Instant,
    /// All doors, for a caller at the wrong one.
    doors: String,
}

impl Context {
    fn uptime(&self) -> Duration {
        self.started.elapsed()
    }

    /// Counts a caller who was turned away, and says so. `kind` is the cause by which the log counts
    /// crowds of them.
    fn turned_away(&self, kind: &'static str, why: &str, detail: &dyn fmt::Display) {
        let count = self.metrics.turned_away.fetch_add(1, Ordering::Relaxed) + 1;
        let cause = format!("parlor::turned_away::{kind}");
        ::log::warn!(target: &cause, "turned a caller away ({count} so far): {why} ({detail})");
    }
}

/// A program's callback for the moment when the server is ready.
type OnReady = Box<dyn FnOnce(&[(Wire, SocketAddr)]) + Send>;

/// A server with open doors at which nobody has been let in yet.
pub struct Server {
    config: Config,
    capacity: Capacity,
    ready: Vec<OnReady>,
    doors: Vec<Door>,
    stopper: Stopper,
    wake: PipeReader,
    metrics: Arc<Metrics>,
    routes: Routes,
}

impl fmt::Debug for Server {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Server").field("config", &self.config).field("doors", &self.doors).finish_non_exhaustive()
    }
}

/// Why a server ended other than by being stopped.
#[derive(Debug)]
pub enum RunError {
    /// It did not get ready: the operating system refused something that every server needs.
    NotReady(StartError),
    /// The callback of [`Server::on_ready`] panicked; no caller was admitted.
    ReadyPanicked,
    /// The manager panicked, which is a bug; the rest of the house was stopped.
    ManagerPanicked,
}

impl fmt::Display for RunError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NotReady(error) => write!(f, "{error}"),
            Self::ReadyPanicked => f.write_str("the program's handler for on_ready panicked"),
            Self::ManagerPanicked => {
                f.write_str("the manager thread panicked; this is a bug in parlor, please report it")
            }
        }
    }
}

impl std::error::Error for RunError {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match self {
            Self::NotReady(error) => Some(error),
            Self::ReadyPanicked | Self::ManagerPanicked => None,
        }
    }
}

/// The error of a start that the operating system refused.
fn not_ready(attempted: &'static str) -> impl Fn(io::Error) -> RunError {
    move |error| RunError::NotReady(StartError::System { attempted, error })
}

impl Server {
    /// Opens every door that `config` names.
    ///
    /// From here on the kernel queues callers; they are let in by [`Server::run`].
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
        let (metrics, routes) = (Arc::default(), Routes::default());
        Ok(Self { config, capacity, ready: vec![], doors, stopper, wake, metrics, routes })
    }

    /// Calls `ready` with [`Server::addresses`] when everything runs, just before it admits callers.
    #[must_use]
    pub fn on_ready(mut self, ready: impl FnOnce(&[(Wire, SocketAddr)]) + Send + 'static) -> Self {
        self.ready.push(Box::new(ready));
        self
    }

    /// What is spoken where, in the order of [`Config::listen`]; port 0 has become a port.
    #[must_use]
    pub fn addresses(&self) -> Vec<(Wire, SocketAddr)> {
        self.doors.iter().map(|door| (door.wire, door.address)).collect()
    }

    /// Asks this server to stop, from any thread, also before it runs.
    #[must_use]
    pub fn stopper(&self) -> Stopper {
        self.stopper.clone()
    }

    /// What happened so far.
    #[must_use]
    pub fn metrics(&self) -> Arc<Metrics> {
        Arc::clone(&self.metrics)
    }

    /// Lets people in until a stop is asked for, then sends everyone home.
    ///
    /// What was said before the stop is delivered. Returns when every thread has ended, at most
    /// [`Config::drain`] after the stop, whatever clients do. A program's handler that blocks makes it longer,
    /// since a thread cannot be ended from outside: the log names that handler, and this waits for it.
    ///
    /// # Errors
    /// If the operating system gives too little to get ready, or the manager panicked.
    pub fn run(self) -> Result<(), RunError> {
        let addresses = self.addresses();
        let Self { config, capacity, ready, doors, stopper, wake, metrics, routes } = self;
        if capacity.sessions < config.max_clients {
            ::log::warn!("room for {capacity}; --max-clients {} is more than that", config.max_clients);
        }
        let worst = Budget::of(&Config { max_clients: capacity.sessions.min(config.max_clients), ..config.clone() });
        ::log::debug!("at worst {} MiB of memory, {} KiB for each session", worst.all >> 20, worst.session >> 10);
        let seats = capacity.sessions.min(config.max_clients);
        let (inbox, events) = crossbeam_channel::bounded(INBOX_EVENTS);
        let (begin_stop, stopping) = crossbeam_channel::bounded(0);
        let context = Context {
            allowances: Mutex::new(Allowances::new(Rates::of(&config))),
            admission: Admission::new(seats, config.max_per_address, config.max_silent),
            inbox,
            stopper,
            stopping,
            held: Held::default(),
            running: Running::default(),
            metrics: Arc::clone(&metrics),
            routes,
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
            let asked = Instant::now();
            let deadline = asked + context.config.drain * CUT_AFTER.0 / CUT_AFTER.1;
            let _ = drain_by.set(deadline);
            drop(doors);
            drop(begin_stop);
            context.held.wait_for_none(HELD_LINES.min(context.config.drain / 4));
            let _ = context.inbox.send(Event::Drain(deadline)); // fails only where the manager has gone
            let _ = managed.recv_deadline(asked + context.config.drain); // a session whose handler blocks keeps the manager
            for (id, called) in context.running.wait_for_none(asked + context.config.drain) {
                ::log::warn!("session {id}: {called} has not returned; the stop waits for it");
            }
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

/// Where those belong who are wrong at the text door: `Frames: 127.0.0.1:9999, JSON: …`.
fn other_doors(doors: &[Door]) -> String {
    let named = |wanted: fn(&Wire) -> bool, name: &str| {
        doors
            .iter()
            .filter(move |door| wanted(&door.wire))
            .map(move |door| format!("{name}: {}", door.address))
            .collect()
    };
    let frames: Vec<String> = named(|wire| *wire == Wire::Frame, "Frames");
    let json: Vec<String> = named(|wire| matches!(wire, Wire::Json(_)), "JSON");
    let relay: Vec<String> = named(|wire| *wire == Wire::Relay, "Relay");
    [frames, json, relay].concat().join(", ")
}

/// A server that runs on its own thread. Dropping the handle requests the stop, as [`Handle::stop`] does, but
/// does not wait for it. Without the handle, nothing else could stop the server.
#[derive(Debug)]
pub struct Handle {
    addresses: Vec<(Wire, SocketAddr)>,
    stopper: Stopper,
    metrics: Arc<Metrics>,
    /// `None` once the thread is joined.
    thread: Option<JoinHandle<Result<(), RunError>>>,
}

impl Handle {
    /// What is spoken where.
    #[must_use]
    pub fn addresses(&self) -> &[(Wire, SocketAddr)] {
        &self.addresses
    }

    /// The first address at which `wire` is spoken.
    #[must_use]
    pub fn address(&self, wire: Wire) -> Option<SocketAddr> {
        self.addresses.iter().find(|(spoken, _)| *spoken == wire).map(|(_, address)| *address)
    }

    /// What happened so far.
    #[must_use]
    pub fn metrics(&self) -> &Metrics {
        &self.metrics
    }

    /// Asks for the stop and goes on.
    pub fn stop(&self) {
        self.stopper.trigger();
    }

    /// Waits until the server has ended. It does not request the stop.
    ///
    /// # Errors
    /// As [`Server::run`].
    pub fn join(mut self) -> Result<(), RunError> {
        self.thread.take().map_or(Ok(()), |thread| thread.join().unwrap_or(Err(RunError::ManagerPanicked)))
    }
}

impl Drop for Handle {
    fn drop(&mut self) {
        self.stopper.trigger();
    }
}
