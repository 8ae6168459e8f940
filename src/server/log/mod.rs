//! The log of a program: a thread that writes it, and a limit for floods of lines.
//!
//! The server writes its events by the `log` crate. A program may take them with any logger, or with feature
//! `logging` by `start`.

#[cfg(feature = "logging")]
mod rate_limit;
#[cfg(feature = "logging")]
mod thread;

#[cfg(feature = "logging")]
pub use thread::{Log, start};
#[cfg(all(test, feature = "logging"))]
pub(super) use thread::{MAX_LINE, QUEUE_LINES};

/// The target of lines that a stop writes once for each session: the log rate limit lets all of them through.
pub(super) const UNLIMITED: &str = "parlor::stop";
