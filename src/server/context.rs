//! The part of a server that all its threads may use.

use std::convert::Infallible;
use std::fmt;
use std::sync::Arc;
use std::time::{Duration, Instant};

use crossbeam_channel::{Receiver, Sender};
use parking_lot::Mutex;

use crate::config::Config;
use crate::metrics::Metrics;
#[cfg(feature = "web")]
use crate::metrics::{Process, Snapshot};
use crate::wire::OtherDoors;

pub(super) use crate::metrics::TurnedAway;

use super::accept::admission::Admission;
use super::event::Event;
#[cfg(feature = "web")]
use super::outboxes::Outboxes;
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
    #[cfg(feature = "web")]
    pub(super) outboxes: Outboxes,
    #[cfg(feature = "web")]
    pub(super) process: Process,
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
    /// [`CONTENT_TYPE`](crate::metrics::CONTENT_TYPE). Asks no other thread.
    #[cfg(feature = "web")]
    pub(super) fn metrics_text(&self) -> String {
        let (metrics, pending, process) = (&*self.metrics, self.outboxes.pending(), self.process.read());
        crate::metrics::render(&Snapshot { metrics, pending, process })
    }

    /// Counts and logs a caller that was turned away. The log limits the lines of each `kind`.
    pub(super) fn turned_away(&self, kind: TurnedAway, why: &str, detail: &dyn fmt::Display) {
        let count = self.metrics.count_turned_away(kind);
        let cause = format!("parlor::turned_away::{}", kind.name());
        ::log::warn!(target: &cause, "turned a caller away ({count} so far): {why} ({detail})");
    }
}
