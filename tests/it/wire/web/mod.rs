//! The HTTP door's requests: what is read of their bytes, what they ask for, and how they are answered. Then what a
//! WebSocket sends and receives, and what a stream does.

#![allow(clippy::unwrap_used, clippy::panic, reason = "clippy's allow-…-in-tests does not reach a test's helpers")]

mod encoding;
mod origins;
mod posts;
mod requests;
mod responses;
mod routes;
mod socket;

use parlor::wire::web::{BadRequest, Request, RequestDecoder};

/// The result of a decoder: the requests, and the error that ended it or that its end is.
type Read = (Vec<Request>, Result<(), BadRequest>);

/// Feeds `reads`, then the end of input.
fn read<'a>(reads: impl IntoIterator<Item = &'a [u8]>) -> Read {
    let mut decoder = RequestDecoder::new();
    let mut requests = Vec::new();
    for bytes in reads {
        decoder.feed(bytes);
        loop {
            match decoder.next() {
                Ok(Some(request)) => requests.push(request),
                Ok(None) => break,
                Err(bad) => return (requests, Err(bad)),
            }
        }
    }
    (requests, decoder.end())
}

/// Reads `input` whole, byte by byte and cut at every index, which must all be one; returns it.
#[track_caller]
fn every_split(input: &[u8]) -> Read {
    let whole = read([input]);
    assert_eq!(read(input.chunks(1)), whole, "byte by byte: {}", input.escape_ascii());
    for cut in 1..input.len() {
        let (left, right) = input.split_at(cut);
        assert_eq!(read([left, right]), whole, "{} | {}", left.escape_ascii(), right.escape_ascii());
    }
    whole
}

/// The only request in `input`.
#[track_caller]
fn request(input: &str) -> Request {
    let (mut requests, ended) = read([input.as_bytes()]);
    assert_eq!((requests.len(), ended), (1, Ok(())), "{input:?}");
    requests.remove(0)
}

/// The request with this first line, these headers and this body.
#[track_caller]
fn asked(line: &str, headers: &[&str], body: &str) -> Request {
    let headers: String = headers.iter().map(|header| format!("{header}\r\n")).collect();
    let host = if headers.contains("Host:") { "" } else { "Host: 127.0.0.1:8088\r\n" };
    request(&format!("{line} HTTP/1.1\r\n{host}{headers}Content-Length: {}\r\n\r\n{body}", body.len()))
}
