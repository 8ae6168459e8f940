//! Parses the host and port of `Host` and `Origin`: `chat.example.org:8088`, `127.0.0.1`, `[::1]:8088`.

use std::fmt;
use std::net::{IpAddr, Ipv6Addr};

/// Longest name of a host, in bytes: what DNS allows.
const MAX_NAME_BYTES: usize = 253;

/// A host with or without a port.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Authority {
    /// In lower case, without a dot at its end; an IPv6 address in brackets.
    name: Box<str>,
    port: Option<u16>,
}

impl Authority {
    /// Parses `HOST` or `HOST:PORT`; `None` if it is neither. A user name before the host is an error.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        let (name, port) = match text.strip_prefix('[') {
            Some(rest) => {
                let (address, port) = rest.split_once(']')?;
                (format!("[{}]", address.parse::<Ipv6Addr>().ok()?), port)
            }
            None => {
                let (name, port) = text.split_at(text.find(':').unwrap_or(text.len()));
                (name.strip_suffix('.').unwrap_or(name).to_ascii_lowercase(), port)
            }
        };
        let is_name_char = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '.' | '_');
        if name.is_empty() || name.len() > MAX_NAME_BYTES || !(name.starts_with('[') || name.chars().all(is_name_char))
        {
            return None;
        }
        let port = match port.strip_prefix(':') {
            Some("") => None,
            Some(digits) if digits.bytes().all(|byte| byte.is_ascii_digit()) => Some(digits.parse().ok()?),
            None if port.is_empty() => None,
            _ => return None,
        };
        Some(Self { name: name.into(), port })
    }

    /// The host without the port.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The port, if it has one.
    #[must_use]
    pub fn port(&self) -> Option<u16> {
        self.port
    }

    /// Whether the name leads to the same machine everywhere: `localhost`, a name below it, or an address of
    /// the loopback interface. Another name may be made to lead to it by the name's owner (DNS rebinding).
    #[must_use]
    pub fn is_loopback(&self) -> bool {
        let address = self.name.trim_start_matches('[').trim_end_matches(']');
        let is_loopback = |address: IpAddr| address.to_canonical().is_loopback();
        &*self.name == "localhost" || self.name.ends_with(".localhost") || address.parse().is_ok_and(is_loopback)
    }
}

impl fmt::Display for Authority {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.name)?;
        self.port.map_or(Ok(()), |port| write!(f, ":{port}"))
    }
}
