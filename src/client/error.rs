//! What can go wrong between a client and a server, each with what was attempted.

use std::fmt;
use std::io;

/// Why something was not done.
#[derive(Debug)]
pub enum ClientError {
    /// What was given is no address.
    Address {
        /// What was given.
        given: String,
    },
    /// A variable's value cannot be used.
    Variable {
        /// The variable.
        name: &'static str,
        /// What is wrong with it.
        what: String,
    },
    /// The name of the host has no address.
    Resolve {
        /// What was looked up.
        address: String,
        /// What the system said.
        error: io::Error,
    },
    /// Nobody could be reached there.
    Connect {
        /// Where.
        address: String,
        /// What the system said.
        error: io::Error,
    },
    /// A relay door answers nothing, so a client cannot tell what has become of its lines.
    Relay,
    /// A request could not be sent.
    Send {
        /// To whom.
        address: String,
        /// What the system said.
        error: io::Error,
    },
    /// The connection broke.
    Receive {
        /// To whom.
        address: String,
        /// What the system said.
        error: io::Error,
    },
    /// The server has closed the connection.
    Closed {
        /// Which server.
        address: String,
        /// What it said last, if that tells why.
        last_words: Option<String>,
    },
    /// What comes cannot be read.
    Malformed {
        /// From whom.
        address: String,
        /// What is wrong with it.
        what: String,
    },
    /// It took too long.
    NoAnswer {
        /// Who did not answer.
        address: String,
        /// What was attempted.
        attempted: &'static str,
    },
    /// The server, or this client for it, refuses; the connection goes on.
    Refused {
        /// The stable code, where the door tells it.
        code: Option<String>,
        /// Why, and what to do instead.
        text: String,
    },
    /// The terminal does not work.
    Terminal {
        /// What was attempted.
        attempted: &'static str,
        /// What the system said.
        error: String,
    },
}

impl ClientError {
    /// Whether this error ends the connection, and a new connection may work.
    #[must_use]
    pub fn is_break(&self) -> bool {
        matches!(self, Self::Send { .. } | Self::Receive { .. } | Self::Closed { .. } | Self::Malformed { .. })
    }

    /// Why, for somebody who knows what was attempted.
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
            Self::Address { given } => {
                write!(f, "{given:?} is no address; write HOST, HOST:PORT or [::1]:PORT")
            }
            Self::Variable { name, what } => write!(f, "{name}: {what}"),
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
            Self::Terminal { attempted, error } => write!(f, "cannot {attempted}: {error}"),
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
