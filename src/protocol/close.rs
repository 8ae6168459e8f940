//! Reasons for the end of a session. Every end has one: it is logged, counted, and told where it can be.

use std::fmt;

use super::{Malformed, Setting};

/// The reason for which a session ended. Of several, the first counts.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum CloseReason {
    /// The session asked for it: `/quit`.
    Quit,
    /// The peer ended its input, or closed.
    PeerClosed,
    /// The session was silent for longer than `--idle` allows.
    Idle {
        /// The idle limit in seconds.
        seconds: u64,
    },
    /// The peer took fewer than 4 KiB of its pending bytes within `--write-timeout`.
    WriteTimeout,
    /// The peer's input breaks its wire format.
    Malformed(Malformed),
    /// The peer spoke another protocol (HTTP, TLS, frames) on this door; holds its name.
    WrongProtocol(&'static str),
    /// A program neither joined a room nor said anything, and did not leave when it was asked to.
    NotJoined,
    /// The peer had sent nothing yet, for longer than the others, when its place was needed.
    Silent,
    /// A handler of the embedding program asked for it.
    Dismissed,
    /// The server is stopping.
    ServerStopping,
    /// Reading failed (a reset, a vanished host).
    ReadFailed,
    /// Writing failed.
    WriteFailed,
    /// A bug of Parlor ended the session's thread. No other session is affected.
    Panicked,
    /// The handler of that name, of the embedding program, panicked.
    HandlerPanicked(Box<str>),
}

/// The kind of a [`CloseReason`], for counters and programs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[expect(missing_docs, reason = "as the variants of CloseReason")]
pub enum CloseKind {
    Quit,
    PeerClosed,
    Idle,
    WriteTimeout,
    Malformed,
    WrongProtocol,
    ServerStopping,
    ReadFailed,
    WriteFailed,
    Panicked,
    NotJoined,
    Dismissed,
    Silent,
    HandlerPanicked,
}

impl CloseKind {
    /// Every kind, in the order of its numbers (`kind as usize`).
    pub const ALL: [Self; 14] = [
        Self::Quit,
        Self::PeerClosed,
        Self::Idle,
        Self::WriteTimeout,
        Self::Malformed,
        Self::WrongProtocol,
        Self::ServerStopping,
        Self::ReadFailed,
        Self::WriteFailed,
        Self::Panicked,
        Self::NotJoined,
        Self::Dismissed,
        Self::Silent,
        Self::HandlerPanicked,
    ];

    /// Its name, which never changes.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Quit => "quit",
            Self::PeerClosed => "peer closed",
            Self::Idle => "idle",
            Self::WriteTimeout => "write time-out",
            Self::Malformed => "malformed",
            Self::WrongProtocol => "wrong protocol",
            Self::ServerStopping => "server stopping",
            Self::ReadFailed => "read failed",
            Self::WriteFailed => "write failed",
            Self::Panicked => "panicked",
            Self::NotJoined => "not joined",
            Self::Dismissed => "dismissed",
            Self::Silent => "silent",
            Self::HandlerPanicked => "handler panicked",
        }
    }
}

impl CloseReason {
    /// Its kind.
    #[must_use]
    pub fn kind(&self) -> CloseKind {
        match self {
            Self::Quit => CloseKind::Quit,
            Self::PeerClosed => CloseKind::PeerClosed,
            Self::Idle { .. } => CloseKind::Idle,
            Self::WriteTimeout => CloseKind::WriteTimeout,
            Self::Malformed(_) => CloseKind::Malformed,
            Self::WrongProtocol(_) => CloseKind::WrongProtocol,
            Self::NotJoined => CloseKind::NotJoined,
            Self::Silent => CloseKind::Silent,
            Self::Dismissed => CloseKind::Dismissed,
            Self::ServerStopping => CloseKind::ServerStopping,
            Self::ReadFailed => CloseKind::ReadFailed,
            Self::WriteFailed => CloseKind::WriteFailed,
            Self::Panicked => CloseKind::Panicked,
            Self::HandlerPanicked(_) => CloseKind::HandlerPanicked,
        }
    }

    /// The goodbye to people; `None` if there is none.
    #[must_use]
    pub fn farewell(&self) -> Option<String> {
        match self {
            Self::Quit => Some(GOODBYE.into()),
            Self::ServerStopping => Some(STOPPING.into()),
            Self::Idle { seconds } => Some(format!("{DISCONNECTED}quiet for {}", Setting(*seconds))),
            Self::Malformed(what) => Some(format!("{DISCONNECTED}{what}")),
            _ => None,
        }
    }

    /// Whether a server's words are a [`farewell`](Self::farewell). A person may be called Goodbye, but no name
    /// has a colon.
    #[must_use]
    pub fn is_farewell(text: &str) -> bool {
        text.starts_with(DISCONNECTED) || [GOODBYE, STOPPING].contains(&text)
    }

    /// Whether pending bytes are still sent to the peer: false if the connection cannot be used any more.
    #[must_use]
    pub fn is_polite(&self) -> bool {
        !matches!(self, Self::WriteTimeout | Self::ReadFailed | Self::WriteFailed | Self::Panicked)
    }
}

const GOODBYE: &str = "Goodbye";
const STOPPING: &str = "The server is stopping. Goodbye";
const DISCONNECTED: &str = "Disconnected: ";

impl fmt::Display for CloseReason {
    /// The text for the operator's log.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Idle { seconds } => write!(f, "idle for {seconds} s"),
            Self::WriteTimeout => f.write_str("slow reader, it took fewer than 4 KiB within --write-timeout"),
            Self::Malformed(what) => write!(f, "malformed input: {what}"),
            Self::WrongProtocol(which) => write!(f, "spoke {which} on this door"),
            Self::NotJoined => f.write_str("neither joined a room nor said anything, and did not leave when asked to"),
            Self::Silent => f.write_str("had sent nothing yet when its place was needed"),
            Self::Dismissed => f.write_str("dismissed by a handler"),
            Self::Panicked => f.write_str("panicked (a bug in parlor)"),
            Self::HandlerPanicked(handler) => write!(f, "the program's handler for {handler} panicked"),
            Self::Quit | Self::PeerClosed | Self::ServerStopping | Self::ReadFailed | Self::WriteFailed => {
                f.write_str(self.kind().name())
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn kinds_stand_at_their_numbers() {
        for (number, kind) in CloseKind::ALL.into_iter().enumerate() {
            assert_eq!(kind as usize, number, "{}", kind.name());
        }
    }
}
