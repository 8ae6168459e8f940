//! The errors of a client, each with the attempt that failed.

use std::fmt;
use std::io;

/// Why something was not done.
#[derive(Debug)]
pub enum ClientError {
    /// The name of the host has no address.
    Resolve {
        /// The address.
        address: String,
        /// The system's error.
        error: io::Error,
    },
    /// No connection could be made.
    Connect {
        /// The address.
        address: String,
        /// The system's error.
        error: io::Error,
    },
    /// A relay door answers nothing, so a client could not tell whether its lines arrived.
    Relay,
    /// A request could not be sent.
    Send {
        /// The server's address.
        address: String,
        /// The system's error.
        error: io::Error,
    },
    /// The connection broke.
    Receive {
        /// The server's address.
        address: String,
        /// The system's error.
        error: io::Error,
    },
    /// The server has closed the connection.
    Closed {
        /// The server's address.
        address: String,
        /// The server's last words, if they tell the reason.
        last_words: Option<String>,
    },
    /// The received bytes are malformed.
    Malformed {
        /// The server's address.
        address: String,
        /// The fault in them.
        what: String,
    },
    /// It took too long.
    NoAnswer {
        /// The server's address.
        address: String,
        /// The fact that stays unknown, in words.
        attempted: &'static str,
    },
    /// The server, or this client in its place, refuses the request. The connection goes on.
    Refused {
        /// The stable code, if the door tells it.
        code: Option<String>,
        /// The reason, and what to do instead.
        text: String,
    },
}

impl ClientError {
    /// Whether this error ends the connection, and a new connection may work.
    #[must_use]
    pub fn is_break(&self) -> bool {
        matches!(self, Self::Send { .. } | Self::Receive { .. } | Self::Closed { .. } | Self::Malformed { .. })
    }

    /// The reason, without the attempt.
    #[must_use]
    pub fn reason(&self) -> String {
        match self {
            Self::Resolve { error, .. }
            | Self::Connect { error, .. }
            | Self::Send { error, .. }
            | Self::Receive { error, .. } => plain(error),
            Self::Closed { last_words: Some(words), .. } => words.clone(),
            other => other.to_string(),
        }
    }
}

/// Without `(os error 111)`.
fn plain(error: &io::Error) -> String {
    let text = error.to_string();
    text.split(" (os error").next().unwrap_or_default().to_owned()
}

impl fmt::Display for ClientError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Resolve { address, error } => write!(f, "cannot look up {address}: {}", plain(error)),
            Self::Connect { address, error } => write!(f, "cannot connect to {address}: {}", plain(error)),
            Self::Relay => f.write_str("the relay door answers nothing; use text, json or frame"),
            Self::Send { address, error } => write!(f, "cannot send to {address}: {}", plain(error)),
            Self::Receive { address, error } => write!(f, "cannot hear from {address}: {}", plain(error)),
            Self::Closed { address, last_words: Some(words) } => write!(f, "{address} closed the connection: {words}"),
            Self::Closed { address, last_words: None } => write!(f, "{address} closed the connection"),
            Self::Malformed { address, what } => write!(f, "cannot understand {address}: {what}"),
            Self::NoAnswer { address, attempted } => write!(f, "no answer in time from {address}: {attempted}"),
            Self::Refused { text, .. } => f.write_str(text),
        }
    }
}

impl std::error::Error for ClientError {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match self {
            Self::Resolve { error, .. }
            | Self::Connect { error, .. }
            | Self::Send { error, .. }
            | Self::Receive { error, .. } => Some(error),
            _ => None,
        }
    }
}
