//! The answer to a caller of another protocol, before the close.

use std::net::{IpAddr, SocketAddr};

use byteorder::{ByteOrder, NetworkEndian};

use super::wrap::wrap;
use crate::wire::{Protocol, Wire};

/// TLS record type "alert" (RFC 8446, 5.1) and the record version that every client reads.
const TLS_ALERT: u8 = 21;
const TLS_RECORD_VERSION: u16 = 0x0301;
/// Alert level "fatal", description `protocol_version` (RFC 8446, 6.2).
const TLS_FATAL_PROTOCOL_VERSION: u16 = 0x0246;

/// The other doors of a server, for a client at the wrong one.
#[derive(Debug, Clone, Default)]
pub struct OtherDoors {
    /// Those of programs: `Frames: 127.0.0.1:9999, JSON: …`.
    pub programs: String,
    /// The address of the HTTP door.
    pub http: Option<SocketAddr>,
}

impl OtherDoors {
    /// The URL of the page for a caller that has reached `host`; `None` if the page cannot be reached there.
    fn page(&self, host: &str) -> Option<String> {
        let http = self.http?;
        let host: IpAddr = host.parse().ok()?;
        let ip = if http.ip().is_unspecified() { host } else { http.ip() };
        let is_near = host.is_loopback() || !ip.is_loopback();
        is_near.then(|| format!("http://{}/", SocketAddr::new(ip, http.port())))
    }
}

impl Protocol {
    /// The answer to such a caller before the close.
    ///
    /// `door` is the address that the caller connected to by `wire`; `doors` are the other doors.
    #[must_use]
    pub fn answer(self, wire: Wire, door: &str, doors: &OtherDoors) -> Vec<u8> {
        match self {
            Self::Http => {
                let (host, port) = host_and_port(door);
                let where_to_go = match wire {
                    Wire::Text => format!("Come in by: nc {host} {port}"),
                    other => format!("This is its {other} door, for programs. People come in by its text door."),
                };
                let what_it_is = match doors.page(host) {
                    Some(page) => {
                        format!("This is Parlor, a chat. This door does not speak HTTP; its page is at\n{page}")
                    }
                    None => "This is Parlor, a chat for nc and telnet; it does not speak HTTP.".to_owned(),
                };
                let page = format!("{what_it_is}\n{where_to_go}\n");
                format!(
                    "HTTP/1.1 400 Bad Request\r\nContent-Type: text/plain; charset=utf-8\r\n\
                     Content-Length: {}\r\nConnection: close\r\n\r\n{page}",
                    page.len()
                )
                .into_bytes()
            }
            Self::Tls => {
                let mut record = [TLS_ALERT, 0, 0, 0, 0, 0, 0];
                let (_, numbers) = record.split_at_mut(1);
                NetworkEndian::write_u16_into(&[TLS_RECORD_VERSION, 2, TLS_FATAL_PROTOCOL_VERSION], numbers);
                record.to_vec()
            }
            Self::Binary => refused(&format!("This is the {wire} door. {}", doors.programs)),
            _ => refused(&format!("That is {}. This door takes lines of chat; nothing was sent", self.name())),
        }
    }
}

/// An address as the arguments of `nc`, which takes no brackets around IPv6.
pub(in crate::wire) fn host_and_port(address: &str) -> (&str, &str) {
    let (host, port) = address.rsplit_once(':').unwrap_or((address, ""));
    (host.trim_start_matches('[').trim_end_matches(']'), port)
}

fn refused(text: &str) -> Vec<u8> {
    let mut lines = Vec::new();
    wrap("!!! ", text, "\n", &mut lines);
    lines
}
