//! The count of open connections: each from its accept until its reader thread is done with it.

use crate::metrics::Scheme;

use super::super::context::Context;
#[cfg(feature = "web")]
use super::super::outboxes::Entered;
use super::super::profile::Profile;
use super::accepted::Accepted;

/// A connection that is counted as open. The drop counts its end.
pub(super) struct Counted<'a> {
    context: &'a Context,
    scheme: Scheme,
    #[cfg(feature = "web")]
    _outbox: Entered<'a>,
}

impl<'a> Counted<'a> {
    pub(super) fn new(context: &'a Context, accepted: &Accepted) -> Self {
        let scheme = Profile::of(accepted.wire).scheme;
        context.metrics.count_opened(scheme);
        Self {
            context,
            scheme,
            #[cfg(feature = "web")]
            _outbox: context.outboxes.enter(accepted.slot.index, &accepted.transport),
        }
    }
}

impl Drop for Counted<'_> {
    fn drop(&mut self) {
        self.context.metrics.count_ended(self.scheme);
    }
}
