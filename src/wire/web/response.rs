//! Answers to requests, and their bytes.
//!
//! A header's value never has a CR or LF in it: [`Response::with`] is the only way to add one, and cleans it.

use std::borrow::Cow;

use super::Feed;
use crate::protocol::{Code, Refusal, clean};

/// The status of an answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Status {
    /// 200
    Ok,
    /// 304: the client has it already.
    NotModified,
    /// 400
    BadRequest,
    /// 403
    Forbidden,
    /// 404
    NotFound,
    /// 405
    MethodNotAllowed,
    /// 408
    RequestTimeout,
    /// 413
    BodyTooLong,
    /// 415
    UnsupportedMediaType,
    /// 417
    ExpectationFailed,
    /// 426: WebSocket is wanted.
    UpgradeRequired,
    /// 429
    TooManyRequests,
    /// 431
    HeadTooLong,
    /// 501
    NotImplemented,
    /// 503
    Unavailable,
    /// 505
    VersionNotSupported,
}

impl Status {
    /// The number.
    #[must_use]
    pub fn code(self) -> u16 {
        self.row().0
    }

    /// The number and the words of the status line.
    fn row(self) -> (u16, &'static str) {
        match self {
            Self::Ok => (200, "OK"),
            Self::NotModified => (304, "Not Modified"),
            Self::BadRequest => (400, "Bad Request"),
            Self::Forbidden => (403, "Forbidden"),
            Self::NotFound => (404, "Not Found"),
            Self::MethodNotAllowed => (405, "Method Not Allowed"),
            Self::RequestTimeout => (408, "Request Timeout"),
            Self::BodyTooLong => (413, "Content Too Large"),
            Self::UnsupportedMediaType => (415, "Unsupported Media Type"),
            Self::ExpectationFailed => (417, "Expectation Failed"),
            Self::UpgradeRequired => (426, "Upgrade Required"),
            Self::TooManyRequests => (429, "Too Many Requests"),
            Self::HeadTooLong => (431, "Request Header Fields Too Large"),
            Self::NotImplemented => (501, "Not Implemented"),
            Self::Unavailable => (503, "Service Unavailable"),
            Self::VersionNotSupported => (505, "HTTP Version Not Supported"),
        }
    }
}

/// Plain text, as the type of an answer.
pub const TEXT: &str = "text/plain; charset=utf-8";
/// The page's type.
pub const HTML: &str = "text/html; charset=utf-8";
/// The headers of every answer: its type is what it says, and no address of this server is told to others.
const ALWAYS: &str = "X-Content-Type-Options: nosniff\r\nReferrer-Policy: no-referrer\r\n\
                      Cross-Origin-Resource-Policy: same-origin\r\n";

/// One answer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Response {
    status: Status,
    content_type: &'static str,
    headers: Vec<(&'static str, String)>,
    body: Cow<'static, [u8]>,
}

impl Response {
    /// An answer with a body of this type. Caches may keep it as its headers say.
    #[must_use]
    pub fn new(status: Status, content_type: &'static str, body: impl Into<Cow<'static, [u8]>>) -> Self {
        Self { status, content_type, headers: vec![], body: body.into() }
    }

    /// An answer of one line of text, which no cache keeps.
    #[must_use]
    pub fn text(status: Status, line: impl std::fmt::Display) -> Self {
        // It may repeat what the peer sent.
        let line = clean(line.to_string().replace('\n', " ").as_bytes()).into_owned();
        Self::new(status, TEXT, (line + "\n").into_bytes()).with("Cache-Control", "no-store")
    }

    /// The same with one more header. Bytes that a header may not have are left out of its value.
    #[must_use]
    pub fn with(mut self, name: &'static str, value: &str) -> Self {
        let value = value.chars().filter(|c| matches!(c, ' '..='~')).collect();
        self.headers.push((name, value));
        self
    }

    /// The status.
    #[must_use]
    pub fn status(&self) -> Status {
        self.status
    }

    /// The body.
    #[must_use]
    pub fn body(&self) -> &[u8] {
        &self.body
    }

    /// Appends the answer. `head_only` leaves out the body, as HEAD wants it; without `keep_alive` it says that
    /// the connection ends.
    pub fn encode(&self, head_only: bool, keep_alive: bool, out: &mut Vec<u8>) {
        let (code, words) = self.status.row();
        let mut head = format!("HTTP/1.1 {code} {words}\r\n{ALWAYS}");
        if self.status != Status::NotModified {
            head += &format!("Content-Type: {}\r\nContent-Length: {}\r\n", self.content_type, self.body.len());
        }
        for (name, value) in &self.headers {
            head += &format!("{name}: {value}\r\n");
        }
        head += if keep_alive { "\r\n" } else { "Connection: close\r\n\r\n" };
        out.extend_from_slice(head.as_bytes());
        if !head_only && self.status != Status::NotModified {
            out.extend_from_slice(&self.body);
        }
    }
}

/// When to try again where a slot or memory was missing, in seconds.
const TRY_AGAIN: &str = "10";

impl From<&Refusal> for Response {
    /// The answer to a caller that is not let in, or whose request the rules refuse.
    fn from(refusal: &Refusal) -> Self {
        let status = match refusal {
            Refusal::TooManyFrom { .. } => Status::TooManyRequests,
            refusal => match refusal.code() {
                Code::Full => Status::Unavailable,
                Code::NoRoom => Status::NotFound,
                _ => Status::BadRequest,
            },
        };
        let line = match refusal {
            // The words for people name commands, which a request has not.
            Refusal::NoRoom { room } => {
                let path = room.as_str();
                format!(
                    "Nobody is in {room}, so nothing was said; GET /{path}/raw opens it, and POST /lobby always works"
                )
            }
            refusal => refusal.to_string().replace('\n', " "),
        };
        let response = Self::text(status, line);
        match status {
            Status::TooManyRequests | Status::Unavailable => response.with("Retry-After", TRY_AGAIN),
            _ => response,
        }
    }
}

/// Appends the answer that lets the client send its body (`Expect: 100-continue`).
pub fn put_continue(out: &mut Vec<u8>) {
    out.extend_from_slice(b"HTTP/1.1 100 Continue\r\n\r\n");
}

/// Appends the head that begins a WebSocket (RFC 6455, section 4.2.2).
pub fn put_switching(accept: &str, out: &mut Vec<u8>) {
    let head = format!(
        "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Accept: {accept}\r\n\r\n"
    );
    out.extend_from_slice(head.as_bytes());
}

/// Appends the head of a stream, which ends with the connection.
pub fn put_stream_head(feed: Feed, out: &mut Vec<u8>) {
    let content_type = match feed {
        Feed::Raw => TEXT,
        Feed::Json => "application/x-ndjson",
        Feed::Sse => "text/event-stream",
    };
    // nginx gathers an answer before it passes it on, unless it is told not to.
    let head = format!(
        "HTTP/1.1 200 OK\r\n{ALWAYS}Content-Type: {content_type}\r\nCache-Control: no-store\r\nX-Accel-Buffering: no\r\nConnection: close\r\n\r\n"
    );
    out.extend_from_slice(head.as_bytes());
}
