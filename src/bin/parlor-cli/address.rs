//! The server's address as it is given: `HOST`, `HOST:PORT` or `[::1]:PORT`.

use parlor::Config;
use parlor::wire::Wire;

use super::error::Error;

/// The server if none is named.
pub(super) const DEFAULT_HOST: &str = "127.0.0.1";

/// `given` with the port of the door for `wire`, if it has none.
///
/// # Errors
/// If that is no address.
pub(super) fn address(given: &str, wire: Wire) -> Result<String, Error> {
    let wrong = || Error::Address { given: given.to_owned() };
    let default = Config::default_doors().into_iter().find(|door| door.wire.name() == wire.name());
    let port = default.map_or(0, |door| door.address.port());
    let host = given.trim();
    let (name, port) = match (host.strip_prefix('['), host.split_once(':')) {
        // In brackets, IPv6.
        (Some(rest), _) => match rest.split_once(']') {
            Some((ip, "")) => (ip, Ok(port)),
            Some((ip, rest)) => (ip, rest.strip_prefix(':').ok_or_else(wrong)?.parse()),
            None => return Err(wrong()),
        },
        (None, Some((name, rest))) if !rest.contains(':') => (name, rest.parse()),
        // Without brackets it has no port.
        _ => (host, Ok(port)),
    };
    let port: u16 = port.map_err(|_| wrong())?;
    let is_ipv6 = name.contains(':');
    if name.is_empty() || name.contains(char::is_whitespace) || is_ipv6 && name.parse::<std::net::Ipv6Addr>().is_err() {
        return Err(wrong());
    }
    Ok(if is_ipv6 { format!("[{name}]:{port}") } else { format!("{name}:{port}") })
}

/// Whether `given` names a port.
pub(super) fn has_port(given: &str) -> bool {
    let given = given.trim();
    match given.strip_prefix('[') {
        Some(rest) => !rest.ends_with(']'),
        None => given.matches(':').count() == 1,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn address_without_port_gets_that_of_its_door() {
        let address = |given, wire| address(given, Wire::from_scheme(wire).unwrap()).map_err(|error| error.to_string());
        for (given, wire, wanted) in [
            ("localhost", "text", "localhost:8000"),
            ("localhost", "json", "localhost:8999"),
            ("localhost", "frame", "localhost:9999"),
            ("localhost", "json+gf7", "localhost:8999"),
            ("10.0.0.7:81", "text", "10.0.0.7:81"),
            ("[::1]:81", "text", "[::1]:81"),
            ("[::1]", "text", "[::1]:8000"),
            ("::1", "text", "[::1]:8000"),
        ] {
            assert_eq!(address(given, wire).as_deref(), Ok(wanted), "{given}");
        }
        for wrong in ["", "host:", "host:x", "host:99999", "[::1", "[::1]81", "[::1]:", ":81", "a b", "1:2:x", "[h]:"] {
            assert!(address(wrong, "text").is_err(), "{wrong}");
        }
    }

    #[test]
    fn port_is_told_from_host() {
        for (given, wanted) in [("h", false), ("h:1", true), ("[::1]", false), ("[::1]:1", true), ("::1", false)] {
            assert_eq!(has_port(given), wanted, "{given}");
        }
    }
}
