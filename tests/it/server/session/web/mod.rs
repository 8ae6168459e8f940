//! Connections at the HTTP door before they become sessions, over sockets.

mod requests;
mod stop;
mod websocket;

use std::net::SocketAddr;

use crate::support::{Peer, TestServer};

/// A server with an HTTP door beside the others.
fn server_with(flags: &[&str]) -> (TestServer, SocketAddr) {
    let server = TestServer::with(&[&["--listen", "http://127.0.0.1:0"], flags].concat());
    let http = server.door("http");
    (server, http)
}

/// One answer.
struct Answer {
    status: u16,
    /// The head, with the line of the status.
    head: String,
    body: Vec<u8>,
}

impl Answer {
    /// Reads one.
    #[track_caller]
    fn of(peer: &mut Peer) -> Self {
        let mut head = String::new();
        loop {
            let line = peer.line();
            if line == "\r" {
                break;
            }
            head += &format!("{line}\n");
        }
        let status = head.split(' ').nth(1).and_then(|code| code.parse().ok());
        let status = status.unwrap_or_else(|| peer.fail(&format!("no status in {head:?}")));
        let length = head.lines().find_map(|line| line.strip_prefix("Content-Length: "));
        let length = length.map_or(0, |length| length.trim_end().parse().unwrap());
        Self { status, head, body: peer.read_raw(length) }
    }

    /// Reads one, which must have this status; returns its body.
    #[track_caller]
    fn expect(peer: &mut Peer, status: u16) -> String {
        let answer = Self::of(peer);
        let body = String::from_utf8(answer.body).unwrap();
        if answer.status != status {
            peer.fail(&format!("wanted {status}, got {}: {body}", answer.status));
        }
        body
    }
}

/// A request without a body.
fn get(path: &str) -> String {
    format!("GET {path} HTTP/1.1\r\nHost: localhost\r\n\r\n")
}

/// A request that says lines.
fn post(path: &str, body: &str) -> String {
    format!("POST {path} HTTP/1.1\r\nHost: localhost\r\nContent-Length: {}\r\n\r\n{body}", body.len())
}
