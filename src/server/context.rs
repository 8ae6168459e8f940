//! The part of a server that all its threads may use.

use std::convert::Infallible;
use std::fmt;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

use crossbeam_channel::{Receiver, Sender};
use parking_lot::Mutex;

use crate::config::Config;
use crate::metrics::Metrics;
use crate::wire::OtherDoors;

use super::accept::admission::Admission;
use super::event::Event;
use super::session::allowances::Allowances;
use super::session::handlers::Handlers;
use super::session::running::Running;
use super::setups::Setups;
use super::shutdown::{Delays, Stopper};

/// The values that every thread of a server may use.
pub(super) struct Context {
    pub(super) config: Config,
    pub(super) admission: Arc<Admission>,
    pub(super) allowances: Mutex<Allowances>,
    pub(super) inbox: Sender<Event>,
    pub(super) stopper: Stopper,
    /// Disconnects when a stop begins: wakes readers that delay lines.
    pub(super) stopping: Receiver<Infallible>,
    pub(super) delays: Delays,
    pub(super) running: Running,
    pub(super) setups: Setups,
    pub(super) metrics: Arc<Metrics>,
    pub(super) handlers: Handlers,
    /// All times of readers and of admission are measured from here.
    pub(super) started: Instant,
    /// The addresses of the other doors, for a client at the wrong one.
    pub(super) doors: OtherDoors,
}

impl Context {
    pub(super) fn uptime(&self) -> Duration {
        self.started.elapsed()
    }

    /// The metrics in Prometheus' text format: the body of `GET /metrics`, of type
    /// [`CONTENT_TYPE`](crate::metrics::CONTENT_TYPE). Takes no lock that another thread waits for.
    #[cfg(feature = "web")]
    pub(super) fn metrics_text(&self) -> String {
        crate::metrics::render(&self.metrics)
    }

    /// Counts and logs a caller that was turned away. The log limits the lines of each `kind`.
    pub(super) fn turned_away(&self, kind: TurnedAway, why: &str, detail: &dyn fmt::Display) {
        let count = self.metrics.turned_away.fetch_add(1, Ordering::Relaxed) + 1;
        let cause = format!("parlor::turned_away::{}", kind.name());
        ::log::warn!(target: &cause, "turned a caller away ({count} so far): {why} ({detail})");
    }
}

/// The kind of a refusal at the accept. The log limits the lines of each.
#[derive(Debug, Clone, Copy)]
pub(super) enum TurnedAway {
    /// Too many connections from one address.
    Address,
    /// Too many connections that have sent nothing.
    Silent,
    /// No free slot.
    Full,
    /// No free descriptor.
    Descriptor,
    /// No thread could be started.
    Thread,
}

impl TurnedAway {
    fn name(self) -> &'static str {
        match self {
            Self::Address => "address",
            Self::Silent => "silent",
            Self::Full => "full",
            Self::Descriptor => "descriptor",
            Self::Thread => "thread",
        }
    }
}
