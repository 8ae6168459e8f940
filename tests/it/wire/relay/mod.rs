//! The relay door knows lines and nothing else.

#![allow(clippy::unwrap_used, clippy::panic, reason = "clippy's allow-…-in-tests does not reach a test's helpers")]

use parlor::protocol::{Command, Malformed};
use parlor::wire::{Inbound, Protocol, Wire, WireError};

use super::{LIMIT, decode, every_split};
use crate::support::values::say;

#[track_caller]
fn relays(input: &[u8], wanted: &[Inbound]) {
    let (got, error) = every_split(Wire::Relay, LIMIT, input);
    assert_eq!((got.as_slice(), error), (wanted, None), "{}", input.escape_ascii());
}

#[test]
fn relay_knows_lines_only() {
    relays(b"hi all\r\nme too\nlast", &[say("hi all"), say("me too"), say("last")]);
    relays(b"\n\r\n \r\n\r\0\n\r", &[]);
    relays(b"one\rtwo\r\r\nlast\r", &[say("one two "), say("last")]); // a lone CR ends no line
    relays(
        b"who\nrename|bob\n/quit\n\\who\n//x\n",
        &[say("who"), say("rename|bob"), say("/quit"), say("\\who"), say("//x")],
    );
    relays(b"so\nGET / HTTP/1.1\r\n\x16\x03\n", &[say("so"), say("GET / HTTP/1.1"), say("␖␃")]);
    relays(b"so\n\x01\0\0\0\x04\0\0\0test\n\0\x02{}\n", &[say("so"), say("␁␄test"), say("␂{}")]);
    relays(b"caf\xc3\xa9 \xc3\n\xff\xfd\x06\n", &[say("café \u{fffd}"), say("\u{fffd}\u{fffd}␆")]);
    relays(b"\x1b[2J one\xe2\x80\xa8two\r\n", &[say("␛[2J one two")]);
}

/// A web page can make a browser send one, to this machine too; what is in it is nobody's business.
#[test]
fn http_request_at_relay_is_unsaid() {
    for request in ["POST / HTTP/1.1\r\nCookie: a=b\r\n\r\nhi\n", "GET /a%20b HTTP/1.0\n", "OPTIONS * HTTP/1.1"] {
        let (got, error) = every_split(Wire::Relay, LIMIT, request.as_bytes());
        assert_eq!(
            (got.as_slice(), error),
            ([].as_slice(), Some(WireError::WrongProtocol(Protocol::Http))),
            "{request}"
        );
    }
    relays(b"GET off my lawn\nPOST / HTTP/1.1\n", &[say("GET off my lawn"), say("POST / HTTP/1.1")]);
}

#[test]
fn relay_line_has_a_limit() {
    for end in [b"\n".as_slice(), b"\r\n", b""] {
        for (length, fits) in [(65_534, true), (65_535, true), (65_536, false), (1 << 20, false)] {
            let input = [b"before\n".as_slice(), &vec![b'x'; length], end, b"\nafter"].concat();
            for size in [1 << 20, 4096, 65_536, 7] {
                let (got, error) = decode(Wire::Relay, LIMIT, input.chunks(size));
                if fits {
                    let lengths: Vec<_> = got.iter().map(said_length).collect();
                    assert_eq!((lengths, error), (vec![6, length, 5], None), "{length} in chunks of {size}");
                } else {
                    assert_eq!(got, [say("before")], "{length} in chunks of {size}");
                    assert_eq!(error, Some(WireError::Malformed(Malformed::RelayLineTooLong)));
                }
            }
        }
    }
}

fn said_length(inbound: &Inbound) -> usize {
    match inbound {
        Inbound::Command(Command::Say(body)) => body.as_str().len(),
        other => panic!("{other:?}"),
    }
}
