//! The wire formats, and the names by which their doors are opened.

use std::fmt;

use super::json::Framing;

/// A wire format: what is spoken at a door.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Wire {
    /// Lines for people with telnet or nc.
    Text,
    /// Lines as GoChat's client speaks them.
    Relay,
    /// JSON packets as gtcp speaks them, in one framing, or in the one that a peer uses.
    Json(Option<Framing>),
    /// Frames as tnet speaks them.
    Frame,
}

impl Wire {
    /// Every wire format whose clients need not be told how to speak it.
    pub const ALL: [Self; 4] = [Self::Text, Self::Relay, Self::Json(None), Self::Frame];

    /// The wire format of a scheme of `--listen`: a name, or `json+FRAMING`.
    #[must_use]
    pub fn from_scheme(scheme: &str) -> Option<Self> {
        if let Some(framing) = scheme.strip_prefix("json+") {
            return Framing::ALL
                .into_iter()
                .find(|known| known.name() == framing)
                .map(|framing| Self::Json(Some(framing)));
        }
        Self::ALL.into_iter().find(|wire| wire.name() == scheme)
    }

    /// Its name, which is also the scheme of `--listen SCHEME://…`.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Text => "text",
            Self::Relay => "relay",
            Self::Json(_) => "json",
            Self::Frame => "frame",
        }
    }
}

impl fmt::Display for Wire {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}
