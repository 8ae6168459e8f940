//! One request, with what this door reads of it.

use super::Authority;

/// A whole request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Request {
    /// The method.
    pub method: Method,
    /// The path, percent-decoded: UTF-8 without control characters, `.` and `..`.
    pub path: String,
    /// The parameters behind `?`.
    pub query: Query,
    /// Whether its version is 1.0.
    pub is_http10: bool,
    /// The host that it was sent to. Only a request of HTTP/1.0 may have none.
    pub host: Option<Authority>,
    /// `Origin`: the page that asks, as browsers say it.
    pub origin: Option<String>,
    /// `Sec-Fetch-Site`: how near that page is.
    pub fetch_site: Option<String>,
    /// `Content-Type`
    pub content_type: Option<String>,
    /// `Content-Encoding`: how the body is compressed.
    pub content_encoding: Option<String>,
    /// `X-Name`: the name of a line's speaker.
    pub x_name: Option<String>,
    /// `Last-Event-ID`: the last event of a stream that the client has.
    pub last_event_id: Option<String>,
    /// `If-None-Match`: the version of an answer that the client has.
    pub if_none_match: Option<String>,
    /// The wish for a WebSocket.
    pub handshake: Handshake,
    /// Whether another request may follow on the connection.
    pub keep_alive: bool,
    /// The body.
    pub body: Vec<u8>,
}

impl Request {
    /// Whether the answer is to have no body.
    #[must_use]
    pub fn is_head(&self) -> bool {
        self.method == Method::Head
    }
}

/// The method of a request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Method {
    /// `GET`
    Get,
    /// `HEAD`: as `GET`, but the answer has no body.
    Head,
    /// `POST`
    Post,
    /// A method that no path here has.
    Other,
}

/// The parameters that this door knows, percent-decoded. The first of a name counts.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Query {
    /// The name of a line's speaker.
    pub name: Option<String>,
    /// The number of the last line that the client has.
    pub after: Option<String>,
    /// Whether a stream ends after the lines that there are.
    pub poll: Option<String>,
}

/// The headers that ask for a WebSocket (RFC 6455, section 4.1).
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Handshake {
    /// `Upgrade` has `websocket`.
    pub upgrade: bool,
    /// `Connection` has `Upgrade`.
    pub connection: bool,
    /// `Sec-WebSocket-Version`
    pub version: Option<String>,
    /// `Sec-WebSocket-Key`
    pub key: Option<String>,
}
