//! Why a session ended. Every ending has a name: it is logged, counted, and told where it can be.

use std::fmt;

/// The reason for which one session ended. Of several, the first counts.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum CloseReason {
    /// It said so: `/quit`.
    Quit,
    /// The peer ended its input, or closed.
    PeerClosed,
    /// It was silent for longer than `--idle` allows; the seconds allowed.
    Idle {
        /// How long it may be silent, in seconds.
        seconds: u64,
    },
    /// It took fewer than 4 KiB of its pending bytes within `--write-timeout`.
    WriteTimeout,
    /// What it sent cannot be followed any further; the words say what.
    Malformed(&'static str),
    /// It spoke another protocol (HTTP, TLS, frames) on this door.
    WrongProtocol(&'static str),
    /// It was asked to leave, since it neither joined a room nor said anything, and did not.
    NotJoined,
    /// It had sent nothing yet, for longer than others in the same case, when its place was needed.
    Silent,
    /// A handler of the program's own asked for it.
    Dismissed,
    /// The server is stopping.
    ServerStopping,
    /// Reading from it failed (a reset, a vanished host).
    ReadFailed,
    /// Writing to it failed.
    WriteFailed,
    /// A bug of ours ended its thread; nobody else is hurt.
    Panicked,
    /// The program's handler that is named here panicked.
    HandlerPanicked(Box<str>),
}

impl CloseReason {
    /// Whether what waits for the peer is still worth sending: false where the connection is beyond use.
    #[must_use]
    pub fn is_polite(&self) -> bool {
        !matches!(self, Self::WriteTimeout | Self::ReadFailed | Self::WriteFailed | Self::Panicked)
    }

    /// Its short name, which stays: for counters and programs.
    #[must_use]
    pub fn name(&self) -> &'static str {
        Self::NAMES.get(self.index()).copied().unwrap_or_default()
    }

    /// Its number in `0..CloseReason::NAMES.len()`, for counters.
    #[must_use]
    pub fn index(&self) -> usize {
        match self {
            Self::Quit => 0,
            Self::PeerClosed => 1,
            Self::Idle { .. } => 2,
            Self::WriteTimeout => 3,
            Self::Malformed(_) => 4,
            Self::WrongProtocol(_) => 5,
            Self::ServerStopping => 6,
            Self::ReadFailed => 7,
            Self::WriteFailed => 8,
            Self::Panicked => 9,
            Self::NotJoined => 10,
            Self::Dismissed => 11,
            Self::Silent => 12,
            Self::HandlerPanicked(_) => 13,
        }
    }

    /// Short names in the order of [`CloseReason::index`].
    pub const NAMES: [&'static str; 14] = [
        "quit",
        "peer closed",
        "idle",
        "write time-out",
        "malformed",
        "wrong protocol",
        "server stopping",
        "read failed",
        "write failed",
        "panicked",
        "not joined",
        "dismissed",
        "silent",
        "handler panicked",
    ];
}

impl fmt::Display for CloseReason {
    /// For the operator's log.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Quit => f.write_str("quit"),
            Self::PeerClosed => f.write_str("peer closed"),
            Self::Idle { seconds } => write!(f, "idle for {seconds} s"),
            Self::WriteTimeout => f.write_str("slow reader, it took fewer than 4 KiB within --write-timeout"),
            Self::Malformed(what) => write!(f, "malformed input: {what}"),
            Self::WrongProtocol(which) => write!(f, "spoke {which} on this door"),
            Self::NotJoined => f.write_str("neither joined a room nor said anything, and did not leave when asked to"),
            Self::Silent => f.write_str("had sent nothing yet when its place was needed"),
            Self::Dismissed => f.write_str("dismissed by a handler"),
            Self::ServerStopping => f.write_str("server stopping"),
            Self::ReadFailed => f.write_str("read failed"),
            Self::WriteFailed => f.write_str("write failed"),
            Self::Panicked => f.write_str("panicked (a bug in parlor)"),
            Self::HandlerPanicked(handler) => write!(f, "the program's handler for {handler} panicked"),
        }
    }
}
