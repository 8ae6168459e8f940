//! Where the server listens, and what others see of an address.

use std::fmt;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::str::FromStr;

use crate::wire::{Framing, Wire};

/// One listening address with its wire format.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Listen {
    /// The wire format.
    pub wire: Wire,
    /// Where; port 0 takes a free port.
    pub address: SocketAddr,
    /// Whether the server cannot start without it.
    pub required: bool,
}

impl Listen {
    /// A door that must open.
    #[must_use]
    pub fn required(wire: Wire, address: SocketAddr) -> Self {
        Self { wire, address, required: true }
    }

    /// Why both doors cannot be open at once, if so.
    pub(crate) fn overlap(&self, other: &Self) -> Option<String> {
        let pair = format!("--listen {self} and --listen {other}");
        let is_all = |all: IpAddr| [self, other].iter().any(|listen| listen.address.ip() == all);
        let meaning = match () {
            () if !self.overlaps(other) => return None,
            () if self.address == other.address => {
                return Some(format!("{pair} are one address; each door needs its own"));
            }
            () if is_all(Ipv6Addr::UNSPECIFIED.into()) => "[::] is every address of this machine, those of IPv4 too",
            () if is_all(Ipv4Addr::UNSPECIFIED.into()) => "0.0.0.0 is every IPv4 address of this machine",
            () => "both are the same IPv4 address",
        };
        Some(format!("{pair} overlap: {meaning}. Leave one of them out, or give it another port"))
    }

    /// Whether both doors cannot be open at once: they have the same port of the same address, or of all
    /// addresses. `[::]` is every address of the machine, IPv4 too.
    fn overlaps(&self, other: &Self) -> bool {
        let (port, ours, theirs) = (self.address.port(), self.address.ip(), other.address.ip());
        let covers = |all: IpAddr, one: IpAddr| match all {
            IpAddr::V4(v4) => v4.is_unspecified() && one.to_canonical().is_ipv4(),
            IpAddr::V6(v6) => v6.is_unspecified(),
        };
        let same = ours.to_canonical() == theirs.to_canonical() && scope(self.address) == scope(other.address);
        port != 0 && port == other.address.port() && (same || covers(ours, theirs) || covers(theirs, ours))
    }
}

/// The interface that a link-local address belongs to.
fn scope(address: SocketAddr) -> u32 {
    match address {
        SocketAddr::V4(_) => 0,
        SocketAddr::V6(v6) => v6.scope_id(),
    }
}

impl fmt::Display for Listen {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}://{}", self.wire, self.address)
    }
}

impl FromStr for Listen {
    type Err = String;

    /// Reads `text://127.0.0.1:8000`; the error is a sentence.
    fn from_str(text: &str) -> Result<Self, String> {
        let example = "write it like text://127.0.0.1:8000 or text://[::]:8000";
        let (scheme, address) = text.split_once("://").ok_or_else(|| format!("no scheme; {example}"))?;
        let wire = Wire::from_scheme(scheme).ok_or_else(|| {
            let known: Vec<_> = Wire::DOORS.iter().map(|wire| wire.name()).collect();
            let framings: Vec<_> = Framing::ALL.iter().map(|framing| framing.name()).collect();
            let (known, framings) = (known.join(", "), framings.join(", "));
            format!("no scheme {scheme:?}; there are {known}, and json+FRAMING where that is {framings}")
        })?;
        let numeric = address.strip_prefix("localhost:").map(|port| format!("127.0.0.1:{port}"));
        let address: SocketAddr = numeric
            .as_deref()
            .unwrap_or(address)
            .parse()
            .map_err(|_| format!("{address:?} is no IP address with a port up to 65535; {example}"))?;
        Ok(Self::required(wire, address))
    }
}

/// Whether others see a peer's address.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[cfg_attr(feature = "flags", derive(clap::ValueEnum))]
pub enum Addresses {
    /// The address.
    Shown,
    /// A mask in its place (see [`Masks`](crate::protocol::Masks)); only the log has the address.
    Masked,
}

/// The callers that may read `/metrics`.
#[cfg(feature = "web")]
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[cfg_attr(feature = "flags", derive(clap::ValueEnum))]
pub enum MetricsFor {
    /// Callers from every address.
    Any,
    /// Callers from the loopback interface.
    Local,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn doors_on_one_port_overlap_by_address() {
        let door = |address: &str| Listen::required(Wire::Text, address.parse().unwrap());
        for (one, other) in [
            ("0.0.0.0:8000", "[::]:8000"),
            ("127.0.0.1:8000", "0.0.0.0:8000"),
            ("127.0.0.1:8000", "[::]:8000"),
            ("[::1]:8000", "[::]:8000"),
            ("[::ffff:127.0.0.1]:8000", "127.0.0.1:8000"),
            ("[::ffff:127.0.0.1]:8000", "0.0.0.0:8000"),
            ("[::]:8000", "[::]:8000"),
        ] {
            assert!(door(one).overlaps(&door(other)) && door(other).overlaps(&door(one)), "{one} and {other}");
        }
        for (one, other) in [
            ("0.0.0.0:8000", "[::]:8001"),
            ("0.0.0.0:0", "[::]:0"),
            ("0.0.0.0:8000", "[::1]:8000"),
            ("127.0.0.1:8000", "127.0.0.2:8000"),
            ("[fe80::1%1]:8000", "[fe80::1%2]:8000"),
        ] {
            assert!(!door(one).overlaps(&door(other)) && !door(other).overlaps(&door(one)), "{one} and {other}");
        }
    }
    #[test]
    fn wrong_door_says_how_to_write_one() {
        let listen = |text: &str| text.parse::<Listen>().map(|listen| listen.to_string());
        assert_eq!(listen("text://[::]:8000").as_deref(), Ok("text://[::]:8000"));
        assert_eq!(listen("relay://localhost:0").as_deref(), Ok("relay://127.0.0.1:0"));
        for wrong in
            ["8000", "text:8000", "text://8000", "ftp://127.0.0.1:80", "text://example.org:1", "text://127.0.0.1:99999"]
        {
            assert!(listen(wrong).is_err(), "{wrong}");
        }
    }
}
