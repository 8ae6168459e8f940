//! A session's filter: the joins, leaves and people that it does not want to see.

use crate::protocol::{SessionId, Speaker};

/// The joins, leaves and people that one session does not want to see.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Filter {
    /// No joins and leaves.
    pub quiet: bool,
    /// Sessions whose lines, names, topics, joins and leaves are hidden.
    pub ignored: Vec<SessionId>,
}

impl Filter {
    /// Whether a notice is hidden, by the session that caused it and by whether it is a join or a leave.
    #[must_use]
    pub fn hides(&self, said_by: Option<SessionId>, is_join_or_leave: bool) -> bool {
        (self.quiet && is_join_or_leave) || said_by.is_some_and(|id| self.ignored.contains(&id))
    }

    /// Whether it hides nothing at all.
    #[must_use]
    pub fn is_open(&self) -> bool {
        !self.quiet && self.ignored.is_empty()
    }

    /// Whether it hides the lines of a speaker. A visit is ignored by its session or by its name.
    pub(super) fn ignores(&self, speaker: &Speaker) -> bool {
        let ignored = &self.ignored;
        // Most sessions ignore nobody, and this is asked for every line of a history.
        !ignored.is_empty()
            && (ignored.contains(&speaker.id) || speaker.visitor.is_some_and(|visitor| ignored.contains(&visitor)))
    }
}
