//! Local state: how this server presents the shared state to its own sessions.

use std::time::Duration;

use crate::protocol::{ById, SessionId, Speaker};

use super::deadlines::Deadlines;
use super::filter::Filter;
use super::join_summary::JoinSummaries;
use super::settings::HubSettings;
use super::writers::Writers;

/// How the chat is presented to one session.
#[derive(Debug, Default, Clone)]
pub(super) struct View {
    /// Whether the session's own lines come back.
    pub(super) echo: bool,
    pub(super) filter: Filter,
    /// The last writers of private lines to this session.
    pub(super) writers: Writers,
}

/// How this server presents the shared state to its sessions.
#[derive(Debug, Clone)]
pub(super) struct Local {
    pub(super) settings: HubSettings,
    /// When the server started.
    pub(super) started: Duration,
    pub(super) summaries: JoinSummaries,
    pub(super) deadlines: Deadlines,
    /// By session. Never walked through, so its order does not matter.
    pub(super) views: ById<View>,
}

impl Local {
    pub(super) fn new(settings: HubSettings, started: Duration) -> Self {
        let (summaries, deadlines, views) = Default::default();
        Self { settings, started, summaries, deadlines, views }
    }

    /// Whether a session hides the lines of a speaker.
    pub(super) fn ignores(&self, id: SessionId, speaker: &Speaker) -> bool {
        self.views.get(&id).is_some_and(|view| view.filter.ignores(speaker))
    }

    /// Whether a session's own lines come back to it.
    pub(super) fn echoes(&self, id: SessionId) -> bool {
        self.views.get(&id).is_some_and(|view| view.echo)
    }
}
