//! The doors: listening sockets, either all of them open or none.

use std::fmt;
use std::fs;
use std::io;
use std::net::{IpAddr, SocketAddr, TcpListener};

use log::warn;
use rustix::io::Errno;

use crate::config::Listen;
use crate::wire::Wire;

use super::super::socket;

/// One open door.
#[derive(Debug)]
pub(in super::super) struct Door {
    pub(in super::super) wire: Wire,
    pub(in super::super) listener: TcpListener,
    /// Its real address: port 0 has become a port.
    pub(in super::super) address: SocketAddr,
}

/// Why a server could not be made ready.
#[derive(Debug)]
pub enum StartError {
    /// A required door cannot be opened.
    Door {
        /// The door.
        listen: Listen,
        /// The operating system's error.
        error: io::Error,
    },
    /// Two of the requested doors take the same port.
    Overlap {
        /// The two doors, and the reason.
        sentence: String,
    },
    /// No door could be opened.
    NoDoors,
    /// A limit of the machine leaves no room for a single session.
    NoRoom {
        /// The limit, its value, and the lowest value with room for a session.
        sentence: String,
    },
    /// The operating system refused something that every server needs.
    System {
        /// The attempt.
        attempted: &'static str,
        /// The operating system's error.
        error: io::Error,
    },
}

impl fmt::Display for StartError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Door { listen, error } => {
                write!(f, "cannot listen on {listen}: {error}. {}", advice_on_door(listen, error))
            }
            Self::Overlap { sentence } | Self::NoRoom { sentence } => f.write_str(sentence),
            Self::NoDoors => f.write_str("no door to listen on; name one with --listen text://127.0.0.1:8000"),
            Self::System { attempted, error } => {
                write!(f, "cannot {attempted}: {error}")?;
                advice_on_limits(error).map_or(Ok(()), |advice| write!(f, ". {advice}"))
            }
        }
    }
}

/// The likely cause of an error and what to do. If the error has two causes, both are named.
fn advice_on_door(listen: &Listen, error: &io::Error) -> String {
    let (address, port) = (listen.address, listen.address.port());
    match error.raw_os_error().map(Errno::from_raw_os_error) {
        Some(Errno::ADDRINUSE) => format!(
            "Another program has that port, perhaps another parlor; choose another one with --listen {}://IP:PORT",
            listen.wire
        ),
        Some(Errno::ACCESS | Errno::PERM) => {
            let policy = "a security policy (SELinux, AppArmor, a sandbox) forbids it";
            let first_free = first_unprivileged_port();
            if port < first_free {
                format!(
                    "Either the port needs privileges, as those below {first_free} do (CAP_NET_BIND_SERVICE), or {policy}; \
                     choose a port from {first_free} on"
                )
            } else {
                format!("Port {port} needs no privileges, so {policy}; allow it there, or choose another port")
            }
        }
        Some(Errno::ADDRNOTAVAIL) => match address.ip() {
            IpAddr::V6(ip) if ip.is_unspecified() => {
                format!("IPv6 is switched off on this machine; 0.0.0.0:{port} is every IPv4 address it has")
            }
            IpAddr::V6(_) => "Either this machine does not have that address, or IPv6 is switched off on it; \
                              [::] is every address it has, 0.0.0.0 every IPv4 address"
                .into(),
            IpAddr::V4(_) => "This machine does not have that address; [::] is every address it has".into(),
        },
        Some(Errno::AFNOSUPPORT) if address.is_ipv6() => {
            format!("This machine has no IPv6; 0.0.0.0:{port} is every IPv4 address it has")
        }
        Some(Errno::INVAL) if is_link_local(address) => {
            format!("A link-local address needs the number of its interface: [{}%2]:{port}", address.ip())
        }
        _ => advice_on_limits(error).unwrap_or("Another address may do: choose one with --listen").into(),
    }
}

/// The remedy if a limit of the process or the machine is the cause.
fn advice_on_limits(error: &io::Error) -> Option<&'static str> {
    match Errno::from_raw_os_error(error.raw_os_error()?) {
        Errno::MFILE => Some("This process may open no more files: raise its limit (ulimit -n)"),
        Errno::NFILE => Some("The machine has no file left to open: raise fs.file-max, or end another program"),
        Errno::AGAIN => Some(
            "Either a limit of threads is reached (ulimit -u, a service's TasksMax, the cgroup's pids.max), \
             or memory is short (ulimit -v)",
        ),
        Errno::NOMEM | Errno::NOBUFS => Some("Memory is short: raise the limit (ulimit -v, the cgroup's memory.max)"),
        _ => None,
    }
}

fn is_link_local(address: SocketAddr) -> bool {
    matches!(address, SocketAddr::V6(v6) if v6.ip().is_unicast_link_local() && v6.scope_id() == 0)
}

/// The first port that needs no privileges: 1024 unless the operator has set another on Linux.
fn first_unprivileged_port() -> u16 {
    let set = fs::read_to_string("/proc/sys/net/ipv4/ip_unprivileged_port_start");
    set.ok().and_then(|text| text.trim().parse().ok()).unwrap_or(1024)
}

impl std::error::Error for StartError {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match self {
            Self::Door { error, .. } | Self::System { error, .. } => Some(error),
            Self::NoDoors | Self::Overlap { .. } | Self::NoRoom { .. } => None,
        }
    }
}

/// Opens every door, or none. A door that is not required may fail with a warning.
pub(in super::super) fn open(listens: &[Listen]) -> Result<Vec<Door>, StartError> {
    let mut doors: Vec<Door> = Vec::new();
    for (index, listen) in listens.iter().enumerate() {
        if let Some(sentence) = listens.iter().take(index).find_map(|other| other.overlap(listen)) {
            return Err(StartError::Overlap { sentence });
        }
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
    let listener = socket::listen(address)?;
    let address = listener.local_addr()?;
    Ok((listener, address))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn told(door: &str, error: Errno) -> String {
        let listen = Listen::required(Wire::Text, door.parse().unwrap());
        StartError::Door { listen, error: io::Error::from(error) }.to_string()
    }

    #[test]
    fn door_error_names_the_known_causes() {
        for (door, error, known) in [
            ("0.0.0.0:8000", Errno::ADDRINUSE, &["Another program has that port, perhaps another parlor"][..]),
            ("0.0.0.0:8000", Errno::ACCESS, &["8000 needs no privileges, so a security policy"]),
            ("0.0.0.0:8000", Errno::PERM, &["8000 needs no privileges, so a security policy"]),
            ("0.0.0.0:0", Errno::ADDRNOTAVAIL, &["does not have that address"]),
            ("[::]:8000", Errno::ADDRNOTAVAIL, &["IPv6 is switched off", "0.0.0.0:8000"]),
            ("[2001:db8::1]:8000", Errno::ADDRNOTAVAIL, &["Either this machine does not", "or IPv6 is switched off"]),
            ("[::]:8000", Errno::AFNOSUPPORT, &["has no IPv6", "0.0.0.0:8000"]),
            ("[fe80::1]:8000", Errno::INVAL, &["[fe80::1%2]:8000"]),
            ("0.0.0.0:8000", Errno::MFILE, &["ulimit -n"]),
            ("0.0.0.0:8000", Errno::NFILE, &["fs.file-max"]),
            ("0.0.0.0:8000", Errno::NOBUFS, &["Memory is short"]),
        ] {
            let told = told(door, error);
            assert!(told.contains(&format!("cannot listen on text://{door}: ")), "{told}");
            assert!(known.iter().all(|known| told.contains(known)), "{told}");
            let advises_another = told.contains("--listen");
            assert_eq!(advises_another, error == Errno::ADDRINUSE, "another address does not help: {told}");
        }
        let low = first_unprivileged_port().saturating_sub(1);
        let told = told(&format!("0.0.0.0:{low}"), Errno::ACCESS);
        assert!(
            low == 0 || told.contains("Either the port needs privileges") && told.contains("or a security"),
            "{told}"
        );
    }
}
