//! Callers who speak another protocol on the text door: how they are known, and what they are told.
//!
//! A browser, a TLS client or a program that belongs at another door would otherwise see nothing
//! but a stream that makes no sense. Each gets an answer in its own protocol and a close.

use byteorder::{ByteOrder, NetworkEndian};

/// Another protocol, known by its first bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Foreign {
    /// An HTTP request.
    Http,
    /// A TLS client hello.
    Tls,
    /// Binary data, such as the packets of the other doors.
    Binary,
}

/// TLS record type "alert" (RFC 8446, 5.1) and the record version that every client reads.
const TLS_ALERT: u8 = 21;
const TLS_RECORD_VERSION: u16 = 0x0301;
/// Alert level "fatal", description `protocol_version` (RFC 8446, 6.2).
const TLS_FATAL_PROTOCOL_VERSION: u16 = 0x0246;

impl Foreign {
    /// For the log.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Http => "HTTP",
            Self::Tls => "TLS",
            Self::Binary => "binary data",
        }
    }

    /// What such a caller is answered before the close.
    ///
    /// `door` is the address at which it came in; `doors` names the house's other doors.
    #[must_use]
    pub fn answer(self, door: &str, doors: &str) -> Vec<u8> {
        match self {
            Self::Http => {
                let (host, port) = host_and_port(door);
                let page = format!(
                    "This is Parlor, a chat for nc and telnet; it does not speak HTTP.\nCome in by: nc {host} {port}\n"
                );
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
            Self::Binary => format!("!!! This is the text door. {doors}\n").into_bytes(),
        }
    }

    /// Whether a first line is an HTTP request line: `METHOD TARGET HTTP/x.y`, or, where only its
    /// beginning is known, `METHOD /…`.
    pub(super) fn is_http(line: &[u8], is_cut: bool) -> bool {
        let line = line.trim_ascii_end();
        let method_length = line.iter().take_while(|b| b.is_ascii_uppercase()).count();
        let version = line.rsplit(|b| *b == b' ').next().unwrap_or_default();
        (3..=7).contains(&method_length)
            && line.get(method_length) == Some(&b' ')
            && (version.len() == 8 && version.starts_with(b"HTTP/")
                || is_cut && line.get(method_length + 1) == Some(&b'/'))
    }
}

/// An address as the arguments of `nc`, which takes no brackets around IPv6.
pub(super) fn host_and_port(address: &str) -> (&str, &str) {
    let (host, port) = address.rsplit_once(':').unwrap_or((address, ""));
    (host.trim_start_matches('[').trim_end_matches(']'), port)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn knows_a_request_line_from_a_line_of_chat() {
        for line in ["GET / HTTP/1.1\r", "OPTIONS * HTTP/1.0", "PRI * HTTP/2.0\r"] {
            assert!(Foreign::is_http(line.as_bytes(), false), "{line}");
        }
        for line in ["GET out", "get / HTTP/1.1", "GET", "", "HTTP/1.1", "I like HTTP/1.1"] {
            assert!(!Foreign::is_http(line.as_bytes(), false), "{line}");
        }
    }

    #[test]
    fn knows_the_beginning_of_a_long_request_line() {
        assert!(Foreign::is_http(b"GET /a?b=ccccccccccc", true));
        assert!(!Foreign::is_http(b"GET out of here, all of you", true));
    }

    #[test]
    fn answers_tls_with_an_alert_record() {
        assert_eq!(Foreign::Tls.answer("", ""), [0x15, 3, 1, 0, 2, 2, 0x46]);
    }
}
