//! The wire formats, and the names by which their doors are opened.

use std::fmt;

use super::json::Framing;
#[cfg(feature = "web")]
use super::web::Web;

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
    /// HTTP: requests, and what a connection becomes by one.
    #[cfg(feature = "web")]
    Web(Web),
}

impl Wire {
    /// The wire formats in which a session speaks from its first byte.
    pub const ALL: [Self; 4] = [Self::Text, Self::Relay, Self::Json(None), Self::Frame];

    /// Every wire format that a door may have, by the names of the schemes.
    pub const DOORS: &'static [Self] = &[
        Self::Text,
        Self::Relay,
        Self::Json(None),
        Self::Frame,
        #[cfg(feature = "web")]
        Self::Web(Web::Http),
    ];

    /// The wire format of a scheme of `--listen`: a name, or `json+FRAMING`.
    #[must_use]
    pub fn from_scheme(scheme: &str) -> Option<Self> {
        if let Some(framing) = scheme.strip_prefix("json+") {
            return Framing::ALL
                .into_iter()
                .find(|known| known.name() == framing)
                .map(|framing| Self::Json(Some(framing)));
        }
        Self::DOORS.iter().copied().find(|wire| wire.name() == scheme)
    }

    /// Its name, which is also the scheme of `--listen SCHEME://…`.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Text => "text",
            Self::Relay => "relay",
            Self::Json(_) => "json",
            Self::Frame => "frame",
            #[cfg(feature = "web")]
            Self::Web(_) => "http",
        }
    }
}

impl fmt::Display for Wire {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}
