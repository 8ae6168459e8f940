//! A running server, as the program that started it sees it.

use std::net::SocketAddr;
use std::sync::Arc;
use std::thread::JoinHandle;

use crate::metrics::Metrics;
use crate::wire::Wire;

use super::error::RunError;
use super::shutdown::Stopper;

/// A server that runs on its own thread. Dropping the handle requests the stop, as [`Handle::stop`] does, but
/// does not wait for it. Without the handle, nothing else could stop the server.
#[derive(Debug)]
pub struct Handle {
    pub(super) addresses: Vec<(Wire, SocketAddr)>,
    pub(super) stopper: Stopper,
    pub(super) metrics: Arc<Metrics>,
    /// `None` once the thread is joined.
    pub(super) thread: Option<JoinHandle<Result<(), RunError>>>,
}

impl Handle {
    /// The wire format and address of each door.
    #[must_use]
    pub fn addresses(&self) -> &[(Wire, SocketAddr)] {
        &self.addresses
    }

    /// The first address with this wire format.
    #[must_use]
    pub fn address(&self, wire: Wire) -> Option<SocketAddr> {
        self.addresses.iter().find(|(spoken, _)| *spoken == wire).map(|(_, address)| *address)
    }

    /// The counters of what happened so far.
    #[must_use]
    pub fn metrics(&self) -> &Metrics {
        &self.metrics
    }

    /// Requests the stop, and does not wait for it.
    pub fn stop(&self) {
        self.stopper.trigger();
    }

    /// Waits until the server has ended. It does not request the stop.
    ///
    /// # Errors
    /// As [`Server::run`](crate::Server::run).
    pub fn join(mut self) -> Result<(), RunError> {
        self.thread.take().map_or(Ok(()), |thread| thread.join().unwrap_or(Err(RunError::ManagerPanicked)))
    }
}

impl Drop for Handle {
    fn drop(&mut self) {
        self.stopper.trigger();
    }
}
