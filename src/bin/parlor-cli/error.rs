//! The errors of `parlor-cli`, and their exit codes.

use std::fmt;

use parlor::client::ClientError;

/// The reason why a command was not done.
#[derive(Debug)]
pub(super) enum Error {
    /// The given text is no address.
    Address { given: String },
    /// A variable's value cannot be used.
    Variable { name: &'static str, what: String },
    /// The terminal or standard input does not work.
    Terminal { attempted: &'static str, error: String },
    /// An error of the connection, or a refusal.
    Client(ClientError),
}

impl Error {
    /// An error of the terminal.
    pub(super) fn terminal(attempted: &'static str, error: &impl ToString) -> Self {
        Self::Terminal { attempted, error: error.to_string() }
    }

    /// The exit code of the program.
    pub(super) fn exit_code(&self) -> u8 {
        match self {
            Self::Client(ClientError::Refused { .. }) => 1,
            Self::Address { .. } | Self::Variable { .. } => 2,
            Self::Terminal { .. } | Self::Client(_) => 3,
        }
    }
}

impl From<ClientError> for Error {
    fn from(error: ClientError) -> Self {
        Self::Client(error)
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Address { given } => write!(f, "{given:?} is no address; write HOST, HOST:PORT or [::1]:PORT"),
            Self::Variable { name, what } => write!(f, "{name}: {what}"),
            Self::Terminal { attempted, error } => write!(f, "cannot {attempted}: {error}"),
            Self::Client(error) => error.fmt(f),
        }
    }
}
