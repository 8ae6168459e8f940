//! Why a server ended other than by a stop.

use std::fmt;
use std::io;

use super::accept::door::StartError;

/// Why a server ended other than by a stop.
#[derive(Debug)]
pub enum RunError {
    /// The server did not get ready: the operating system refused something that every server needs.
    NotReady(StartError),
    /// The callback of [`Server::on_ready`](crate::Server::on_ready) panicked; no caller was admitted.
    ReadyPanicked,
    /// The manager panicked, which is a bug; the rest of the server was stopped.
    ManagerPanicked,
}

impl fmt::Display for RunError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NotReady(error) => write!(f, "{error}"),
            Self::ReadyPanicked => f.write_str("the program's handler for on_ready panicked"),
            Self::ManagerPanicked => {
                f.write_str("the manager thread panicked; this is a bug in parlor, please report it")
            }
        }
    }
}

impl std::error::Error for RunError {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match self {
            Self::NotReady(error) => Some(error),
            Self::ReadyPanicked | Self::ManagerPanicked => None,
        }
    }
}

/// The error of a start that the operating system refused.
pub(super) fn not_ready(attempted: &'static str) -> impl Fn(io::Error) -> RunError {
    move |error| RunError::NotReady(StartError::System { attempted, error })
}
