//! The accept loop, on the main thread: accepts at every door until a stop is requested.
//!
//! One poll covers all listening sockets and the pipe of the stop. An accept can fail for a reason that passes
//! (no descriptors, no memory). The connection then stays in the kernel's queue, and a loop that only tried
//! again would spin. So the loop pauses, longer each time, and logs the failure once.

pub(super) mod admission;
pub mod arenas;
pub mod budget;
pub(super) mod capacity;
pub(super) mod door;
mod machine;
pub(super) mod turn_away;

use std::fs::File;
use std::hash::RandomState;
use std::io::{ErrorKind, PipeReader};
use std::net::SocketAddr;
use std::sync::Arc;
use std::thread::{Builder, Scope};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use log::{info, warn};
use parking_lot::Mutex;
use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::io::Errno;

use crate::config::Addresses;
use crate::metrics::Metrics;
use crate::protocol::{CloseReason, Masks, Refusal, Resource, Snowflakes};
use crate::wire::Wire;

use super::context::{Context, TurnedAway};
use super::event::Event;
use super::profile::Profile;
use super::session::accepted::Accepted;
use super::session::{self, READER_STACK};
use super::socket::Socket;
use super::stream::Stream;
use super::transport::Transport;
use admission::Request;
use door::Door;
use turn_away::turn_away;

/// The first and the longest pause after a failed accept: connections are accepted again within a second after
/// the cause has passed.
const FIRST_PAUSE: Duration = Duration::from_millis(10);
const LONGEST_PAUSE: Duration = Duration::from_millis(800);
/// Connections accepted at one door before the others have their turn.
const ACCEPTS_IN_A_ROW: usize = 64;
/// The file that the spare descriptor has open.
const SPARE: &str = "/dev/null";

/// The accept loop.
pub(super) struct Acceptor<'scope, 'env> {
    context: &'scope Context,
    scope: &'scope Scope<'scope, 'env>,
    ids: Snowflakes,
    /// The names that others see in place of addresses, with `--addresses masked`.
    masks: Option<Masks>,
    /// A spare descriptor. Closing it frees one, so that a caller can be told that there are none left.
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
        for _ in 0..ACCEPTS_IN_A_ROW {
            match door.listener.accept() {
                Ok((stream, peer)) => {
                    self.recovered();
                    self.admit(door.wire, stream.into(), peer);
                }
                Err(error) => match error.kind() {
                    ErrorKind::WouldBlock => return,
                    // The caller has gone again, or a signal came.
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

    /// Starts a session for a caller, or tells it why not.
    fn admit(&mut self, wire: Wire, socket: Socket, peer: SocketAddr) {
        let context = self.context;
        let (peer, stream) = (canonical(peer), Stream::Plain(socket));
        let unix_ms = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default().as_millis();
        let id = self.ids.next(u64::try_from(unix_ms).unwrap_or(u64::MAX));
        let request = Request { id, address: peer.ip(), counts_when_silent: Profile::of(wire).counts_silent };
        let slot = match context.admission.admit(request, context.uptime()) {
            Ok((slot, None)) => slot,
            Ok((slot, Some(silent))) => {
                if !context.setups.end(silent, CloseReason::Silent) {
                    // It fails only if the manager has ended, and all sessions end with it.
                    let _ = context.inbox.send(Event::Dismiss(silent, CloseReason::Silent));
                }
                slot
            }
            Err(refusal) => {
                context.turned_away(kind(&refusal), &refusal.to_string(), &peer);
                return turn_away(&stream, wire, context.config.limits(), &refusal);
            }
        };
        let address: Arc<str> = peer.to_string().into();
        let shown = self.masks.as_mut().map_or_else(|| Arc::clone(&address), |masks| masks.draw().into());
        let door: Arc<str> = match stream.local_address() {
            Some(local) => canonical(local).to_string().into(),
            None => "HOST:PORT".into(), // the caller has closed already, so nobody reads this
        };
        let name = format!("r-{}", slot.index);
        // A failed spawn drops the closure with all that it owns. The connection is in a cell, so that it can still
        // be refused in words.
        let cell = Arc::new(Mutex::new(Some(Accepted {
            id,
            wire,
            transport: Transport::new(stream),
            slot,
            address,
            shown,
            door,
        })));
        let (scope, theirs) = (self.scope, Arc::clone(&cell));
        let reader = move || {
            let accepted = theirs.lock().take();
            accepted.into_iter().for_each(|accepted| session::run(context, scope, accepted));
        };
        if let Err(error) = Builder::new().name(name).stack_size(READER_STACK).spawn_scoped(scope, reader)
            && let Some(accepted) = cell.lock().take()
        {
            session::turn_away_busy(context, &accepted.transport.stream, wire, &error);
        }
    }

    /// Accepts one caller on the spare descriptor, only to tell it that there is no place.
    fn tell_one_caller(&mut self, door: &Door) {
        if self.spare.take().is_some()
            && let Ok((stream, peer)) = door.listener.accept()
        {
            let refusal = Refusal::Busy { lack: Resource::Descriptor };
            self.context.turned_away(TurnedAway::Descriptor, "no descriptor", &canonical(peer));
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

/// The kind of a refusal for the log rate limit.
fn kind(refusal: &Refusal) -> TurnedAway {
    match refusal {
        Refusal::TooManyFrom { .. } => TurnedAway::Address,
        Refusal::TooManySilent { .. } => TurnedAway::Silent,
        _ => TurnedAway::Full,
    }
}

/// The address without the form that IPv4 has at an IPv6 door.
fn canonical(peer: SocketAddr) -> SocketAddr {
    SocketAddr::new(peer.ip().to_canonical(), peer.port())
}

fn open_spare() -> Option<File> {
    File::open(SPARE).ok()
}
