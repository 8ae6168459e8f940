//! The main thread's work: accept on every door until somebody asks for a stop.
//!
//! One poll over all listeners and the stop's pipe. An accept can fail for reasons that pass (no
//! descriptors, no memory); the caller stays in the kernel's queue then, so a loop that just tried
//! again would spin. So it pauses, longer each time, and says so once.

pub(super) mod admission;
pub mod arenas;
pub mod budget;
pub(super) mod capacity;
pub(super) mod door;
pub(super) mod turn_away;

use std::fs::File;
use std::hash::RandomState;
use std::io::{ErrorKind, PipeReader};
use std::net::SocketAddr;
use std::sync::Arc;
use std::thread::{Builder, Scope};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use log::{info, warn};
use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::io::Errno;

use crate::config::Addresses;
use crate::metrics::Metrics;
use crate::protocol::{CloseReason, Masks, Refusal, Resource, Snowflakes};
use crate::wire::Wire;

use super::Context;
use super::connection::Connection;
use super::event::Event;
use super::session;
use super::socket::Socket;
use super::stream::Stream;
use admission::Newcomer;
use door::Door;
use turn_away::turn_away;

/// After a failed accept, the first pause and the longest: callers are let in again within a second
/// after what was missing has come back.
const FIRST_PAUSE: Duration = Duration::from_millis(10);
const LONGEST_PAUSE: Duration = Duration::from_millis(800);
/// Callers taken from one door before the others get their turn.
const CALLERS_IN_A_ROW: usize = 64;
/// Which file the spare descriptor has open.
const SPARE: &str = "/dev/null";
/// A reader's stack: decoding, names and their Unicode tables; deeper in debug builds.
pub(super) const READER_STACK: usize = 256 * 1024;

/// Accepts for the house.
pub(super) struct Acceptor<'scope, 'env> {
    context: &'scope Context,
    scope: &'scope Scope<'scope, 'env>,
    ids: Snowflakes,
    /// What is shown for addresses, if they are not.
    masks: Option<Masks>,
    /// A descriptor kept in hand, so that a caller can be told that there are none left.
    spare: Option<File>,
    failures: u64,
    pause: Duration,
}

impl<'scope, 'env> Acceptor<'scope, 'env> {
    pub(super) fn new(context: &'scope Context, scope: &'scope Scope<'scope, 'env>) -> std::io::Result<Self> {
        let ids = Snowflakes::new(context.config.node);
        let masks = (context.config.addresses == Addresses::Masked).then(|| Masks::new(RandomState::new()));
        let spare = Some(File::open(SPARE)?);
        Ok(Self { context, scope, ids, masks, spare, failures: 0, pause: FIRST_PAUSE })
    }

    /// Returns when `wake` becomes readable.
    pub(super) fn run(&mut self, doors: &[Door], wake: &PipeReader) {
        while !self.context.stopper.is_triggered() {
            let mut fds = vec![PollFd::new(wake, PollFlags::IN)];
            fds.extend(doors.iter().map(|door| PollFd::new(&door.listener, PollFlags::IN)));
            match poll(&mut fds, None) {
                Ok(_) | Err(Errno::INTR) => {}
                Err(error) => {
                    self.pause_after(&std::io::Error::from(error), wake);
                    continue;
                }
            }
            let ready: Vec<bool> = fds.iter().skip(1).map(|fd| !fd.revents().is_empty()).collect();
            for (door, _) in doors.iter().zip(ready).filter(|(_, ready)| *ready) {
                self.accept_some(door, wake);
            }
        }
    }

    fn accept_some(&mut self, door: &Door, wake: &PipeReader) {
        for _ in 0..CALLERS_IN_A_ROW {
            match door.listener.accept() {
                Ok((stream, peer)) => {
                    self.recovered();
                    self.admit(door.wire, stream.into(), peer);
                }
                Err(error) => match error.kind() {
                    ErrorKind::WouldBlock => return,
                    // The caller has gone again before we came, or a signal did.
                    ErrorKind::ConnectionAborted | ErrorKind::ConnectionReset | ErrorKind::Interrupted => {}
                    _ => {
                        let out_of_descriptors = [Errno::MFILE, Errno::NFILE].map(Errno::raw_os_error);
                        if error.raw_os_error().is_some_and(|code| out_of_descriptors.contains(&code)) {
                            self.tell_one_caller(door);
                        }
                        return self.pause_after(&error, wake);
                    }
                },
            }
        }
    }

    /// Lets a caller in, or tells it why not.
    fn admit(&mut self, wire: Wire, socket: Socket, peer: SocketAddr) {
        let peer = canonical(peer);
        let ip = peer.ip();
        let unix_ms = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default().as_millis();
        let id = self.ids.next(u64::try_from(unix_ms).unwrap_or(u64::MAX));
        let counts_when_silent = matches!(wire, Wire::Json(_) | Wire::Frame);
        let caller = Newcomer { id, address: ip, counts_when_silent };
        let slot = match self.context.admission.admit(caller, self.context.uptime()) {
            Ok((slot, None)) => slot,
            Ok((slot, Some((index, silent)))) => {
                // It fails only where the manager has gone, and everybody goes with it.
                let _ = self.context.inbox.send(Event::Dismiss(index, silent, CloseReason::Silent));
                slot
            }
            Err(refusal) => {
                self.context.turned_away(kind(&refusal), &refusal.to_string(), &peer);
                return turn_away(&Stream::Plain(socket), wire, self.context.config.limits(), &refusal);
            }
        };
        let address: Arc<str> = peer.to_string().into();
        let shown = self.masks.as_mut().map_or_else(|| Arc::clone(&address), |masks| masks.draw().into());
        let door: Arc<str> = match socket.local_address() {
            Some(local) => SocketAddr::new(local.ip().to_canonical(), local.port()).to_string().into(),
            None => "HOST:PORT".into(), // it has gone already; nobody will read this
        };
        let name = format!("r-{}", slot.index.0);
        let connection = Arc::new(Connection::new(id, wire, address, shown, Stream::Plain(socket), slot));
        let (context, scope, theirs) = (self.context, self.scope, Arc::clone(&connection));
        let reader = move || session::run(context, scope, &theirs, door);
        if let Err(error) = Builder::new().name(name).stack_size(READER_STACK).spawn_scoped(scope, reader) {
            session::turn_away_busy(context, &connection, &error);
        }
    }

    /// Takes one caller on the spare descriptor, only to say that there is no place.
    fn tell_one_caller(&mut self, door: &Door) {
        if self.spare.take().is_some()
            && let Ok((stream, peer)) = door.listener.accept()
        {
            let refusal = Refusal::Busy { lack: Resource::Descriptor };
            self.context.turned_away("descriptor", "no descriptor", &canonical(peer));
            turn_away(&Stream::Plain(stream.into()), door.wire, self.context.config.limits(), &refusal);
        }
        self.spare = open_spare();
    }

    fn pause_after(&mut self, error: &std::io::Error, wake: &PipeReader) {
        Metrics::count(&self.context.metrics.accept_failures);
        if self.failures == 0 {
            warn!("cannot accept: {error}; trying again with pauses of up to {} ms", LONGEST_PAUSE.as_millis());
        }
        self.failures += 1;
        let timeout = Timespec::try_from(self.pause).ok();
        let _ = poll(&mut [PollFd::new(wake, PollFlags::IN)], timeout.as_ref());
        self.pause = (self.pause * 2).min(LONGEST_PAUSE);
    }

    fn recovered(&mut self) {
        if self.failures > 0 {
            info!("accepting again after {} failures", self.failures);
            self.failures = 0;
            self.pause = FIRST_PAUSE;
        }
        if self.spare.is_none() {
            self.spare = open_spare();
        }
    }
}

/// What the log counts a refused caller by.
fn kind(refusal: &Refusal) -> &'static str {
    match refusal {
        Refusal::TooManyFrom { .. } => "address",
        Refusal::TooManySilent { .. } => "silent",
        _ => "full",
    }
}

/// An IPv4 peer on an IPv6 door is an IPv4 peer.
fn canonical(peer: SocketAddr) -> SocketAddr {
    SocketAddr::new(peer.ip().to_canonical(), peer.port())
}

fn open_spare() -> Option<File> {
    File::open(SPARE).ok()
}
