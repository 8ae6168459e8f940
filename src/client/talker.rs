//! The sending half of a connection.

use std::fmt;
use std::io::{self, ErrorKind, Write};
use std::net::{TcpStream, ToSocketAddrs};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use parking_lot::Mutex;
use socket2::SockRef;

use super::ClientError;
use crate::protocol::Command;
use crate::wire::Wire;

/// A server that takes no bytes for this time counts as gone.
const WRITE_TIMEOUT: Duration = Duration::from_secs(10);
/// A server whose machine acknowledges nothing for this time counts as gone.
const USER_TIMEOUT: Duration = Duration::from_secs(30);

/// The sending half of a [`Client`](super::Client), usable from any thread.
#[derive(Debug, Clone)]
pub struct Talker(pub(super) Arc<Line>);

/// The state that all talkers of a connection share.
#[derive(Debug)]
pub(super) struct Line {
    pub stream: TcpStream,
    pub wire: Wire,
    pub address: String,
    next_tag: AtomicU64,
    /// Held while one request is written, so that two requests never mix.
    writing: Mutex<()>,
}

impl Talker {
    /// Connects before the deadline.
    pub(super) fn connect(
        address: &(impl ToSocketAddrs + fmt::Display),
        wire: Wire,
        until: Instant,
    ) -> Result<Self, ClientError> {
        let stream = reach(address, until)?;
        tune(&stream);
        let (address, next_tag) = (address.to_string(), AtomicU64::new(1));
        Ok(Self(Arc::new(Line { stream, wire, address, next_tag, writing: Mutex::new(()) })))
    }

    /// Whether the connection has no other talker.
    pub(super) fn is_alone(&self) -> bool {
        Arc::strong_count(&self.0) == 1
    }

    /// The wire format of the connection.
    #[must_use]
    pub fn wire(&self) -> Wire {
        self.0.wire
    }

    /// Sends a request; returns the mark that its answer will carry, on the doors that have marks.
    ///
    /// # Errors
    /// [`ClientError::Refused`] if this door has no such request or the request is too long; else an error of
    /// the connection.
    pub fn send(&self, command: &Command) -> Result<u64, ClientError> {
        let tag = self.0.next_tag.fetch_add(1, Ordering::Relaxed);
        let mut bytes = Vec::new();
        self.0.wire.encode_request(command, tag, &mut bytes).map_err(|refusal| ClientError::Refused {
            code: Some(refusal.code().name().to_owned()),
            text: refusal.to_string(),
        })?;
        self.write(&bytes)?;
        Ok(tag)
    }

    /// Sends a line as typed: a text door may know more commands than this client.
    ///
    /// # Errors
    /// An error of the connection.
    pub fn send_typed(&self, line: &str) -> Result<(), ClientError> {
        self.write(format!("{line}\n").as_bytes())
    }

    /// Tells the server that the client is there.
    pub(super) fn keep_alive(&self) {
        let mut bytes = Vec::new();
        self.0.wire.encode_keep_alive(&mut bytes);
        let _ = self.write(&bytes); // the next read tells if the connection is over
    }

    fn write(&self, bytes: &[u8]) -> Result<(), ClientError> {
        let _writing = self.0.writing.lock();
        (&self.0.stream).write_all(bytes).map_err(|error| ClientError::Send { address: self.0.address.clone(), error })
    }
}

/// The first address that takes a connection.
fn reach(address: &(impl ToSocketAddrs + fmt::Display), until: Instant) -> Result<TcpStream, ClientError> {
    let found =
        address.to_socket_addrs().map_err(|error| ClientError::Resolve { address: address.to_string(), error })?;
    let mut failure = io::Error::new(ErrorKind::NotFound, "it has no address");
    for socket in found {
        let left = until.saturating_duration_since(Instant::now()).max(Duration::from_millis(1));
        match TcpStream::connect_timeout(&socket, left) {
            Ok(stream) => return Ok(stream),
            Err(error) => failure = error,
        }
    }
    Err(ClientError::Connect { address: address.to_string(), error: failure })
}

/// Sets socket options. Each may fail on a connection that is already gone; the first read tells that.
fn tune(stream: &TcpStream) {
    let _ = stream.set_nodelay(true);
    let _ = stream.set_write_timeout(Some(WRITE_TIMEOUT));
    let _ = SockRef::from(stream).set_tcp_user_timeout(Some(USER_TIMEOUT));
}
