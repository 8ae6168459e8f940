//! The house's doors: listening sockets, all of them open or none.

use std::fmt;
use std::io;
use std::net::{Ipv6Addr, SocketAddr, TcpListener};

use log::warn;
use socket2::{Domain, Protocol, Socket, Type};

use crate::config::Listen;
use crate::wire::Wire;

/// Callers that the kernel keeps for us between two accepts. It cuts this to `net.core.somaxconn`,
/// 4096 on stock Linux.
const BACKLOG: i32 = 4096;

/// One open door.
#[derive(Debug)]
pub(super) struct Door {
    pub(super) wire: Wire,
    pub(super) listener: TcpListener,
    /// The address that it really has: port 0 has become a port.
    pub(super) address: SocketAddr,
}

/// Why a server could not be made ready.
#[derive(Debug)]
pub enum StartError {
    /// A door that was asked for cannot be opened.
    Door {
        /// Which.
        listen: Listen,
        /// What the operating system said.
        error: io::Error,
    },
    /// No door is left to come in by.
    NoDoors,
    /// Something that every server needs was refused.
    System {
        /// What was attempted.
        attempted: &'static str,
        /// What the operating system said.
        error: io::Error,
    },
}

impl fmt::Display for StartError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Door { listen, error } => {
                write!(f, "cannot listen on {listen}: {error}. ")?;
                match error.kind() {
                    io::ErrorKind::AddrInUse => {
                        write!(f, "Another program has that port; choose one with --listen {}://IP:PORT", listen.wire)
                    }
                    io::ErrorKind::PermissionDenied => {
                        f.write_str("Ports below 1024 need privileges; choose a higher one")
                    }
                    io::ErrorKind::AddrNotAvailable => {
                        f.write_str("This machine does not have that address; [::] stands for all it has")
                    }
                    _ => f.write_str("Choose another address with --listen"),
                }
            }
            Self::NoDoors => f.write_str("no door to come in by; give one with --listen text://127.0.0.1:8000"),
            Self::System { attempted, error } => write!(f, "cannot {attempted}: {error}"),
        }
    }
}

impl std::error::Error for StartError {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match self {
            Self::Door { error, .. } | Self::System { error, .. } => Some(error),
            Self::NoDoors => None,
        }
    }
}

/// Opens every door, or none. One that is not required may fail with a warning.
pub(super) fn open(listens: &[Listen]) -> Result<Vec<Door>, StartError> {
    let mut doors = Vec::new();
    for listen in listens {
        match bind(listen.address) {
            Ok((listener, address)) => doors.push(Door { wire: listen.wire, listener, address }),
            Err(error) if listen.required => return Err(StartError::Door { listen: *listen, error }),
            Err(error) => {
                warn!("the {} door stays closed: {}", listen.wire, StartError::Door { listen: *listen, error });
            }
        }
    }
    if doors.is_empty() { Err(StartError::NoDoors) } else { Ok(doors) }
}

fn bind(address: SocketAddr) -> io::Result<(TcpListener, SocketAddr)> {
    let socket = Socket::new(Domain::for_address(address), Type::STREAM, Some(Protocol::TCP))?;
    // So that a restart need not wait for the last run's connections to be forgotten.
    socket.set_reuse_address(true)?;
    if let SocketAddr::V6(v6) = address
        && *v6.ip() == Ipv6Addr::UNSPECIFIED
    {
        socket.set_only_v6(false)?; // [::] is every address of this machine, IPv4 too
    }
    socket.bind(&address.into())?;
    socket.listen(BACKLOG)?;
    socket.set_nonblocking(true)?;
    let listener = TcpListener::from(socket);
    let address = listener.local_addr()?;
    Ok((listener, address))
}
