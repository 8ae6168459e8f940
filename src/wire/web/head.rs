//! The head of a request: its first line and its headers.

use httparse::{EMPTY_HEADER, Header};
use memchr::memmem;

use super::bad_request::{MAX_BODY, MAX_HEADERS};
use super::target::Target;
use super::{Authority, BadRequest, Handshake, Method, Request};

/// A request whose body has not come yet.
#[derive(Debug)]
pub(super) struct Head {
    pub(super) request: Request,
    /// The body's length in bytes, [`MAX_BODY`] at most.
    pub(super) length: usize,
    /// Whether the client waits for `100 Continue` before it sends the body.
    pub(super) expects_continue: bool,
}

/// A request's line, taken apart.
pub(super) struct RequestLine<'a> {
    method: &'a [u8],
    target: &'a [u8],
    is_http10: bool,
}

impl<'a> RequestLine<'a> {
    /// Parses a line without its end.
    pub(super) fn parse(line: &'a [u8]) -> Result<Self, BadRequest> {
        let mut words = line.split(|byte| *byte == b' ');
        let (method, target) = (words.next().unwrap_or_default(), words.next().unwrap_or_default());
        if method.is_empty() || target.is_empty() || !method.iter().all(|byte| byte.is_ascii_uppercase()) {
            return Err(BadRequest::RequestLine);
        }
        let is_http10 = match (words.next(), words.next()) {
            (Some(b"HTTP/1.1"), None) => false,
            (Some(b"HTTP/1.0"), None) => true,
            (Some(b"HTTP/2.0"), None) if method == b"PRI" => return Err(BadRequest::Http2),
            (Some(version), None) if version.starts_with(b"HTTP/") => return Err(BadRequest::Version),
            (None, _) => return Err(BadRequest::NoVersion),
            _ => return Err(BadRequest::RequestLine),
        };
        Ok(Self { method, target, is_http10 })
    }
}

impl Head {
    /// Parses a whole head, whose lines end in CR LF. Lines are not folded.
    pub(super) fn parse(head: &[u8]) -> Result<Self, BadRequest> {
        let line_end = memmem::find(head, b"\r\n").unwrap_or(head.len());
        let (line, headers) = head.split_at_checked(line_end).unwrap_or((head, b""));
        let line = RequestLine::parse(line)?;
        let target = Target::parse(line.target)?;
        let mut found = [EMPTY_HEADER; MAX_HEADERS];
        let parsed = httparse::parse_headers(headers.get(2..).unwrap_or_default(), &mut found);
        let headers = match parsed {
            Ok(httparse::Status::Complete((_, headers))) => Headers::collect(headers)?,
            Ok(httparse::Status::Partial) | Err(httparse::Error::HeaderName) => return Err(BadRequest::HeaderName),
            Err(httparse::Error::TooManyHeaders) => return Err(BadRequest::TooManyHeaders),
            Err(_) => return Err(BadRequest::HeaderValue),
        };
        headers.into_head(&line, target)
    }
}

/// The headers that this door reads. Each but the lists may come once.
#[derive(Default)]
struct Headers<'a> {
    host: Option<&'a [u8]>,
    content_length: Option<&'a [u8]>,
    content_type: Option<&'a [u8]>,
    content_encoding: Option<&'a [u8]>,
    expect: Option<&'a [u8]>,
    origin: Option<&'a [u8]>,
    fetch_site: Option<&'a [u8]>,
    x_name: Option<&'a [u8]>,
    last_event_id: Option<&'a [u8]>,
    if_none_match: Option<&'a [u8]>,
    websocket_version: Option<&'a [u8]>,
    websocket_key: Option<&'a [u8]>,
    lists: Lists,
}

/// The values of the headers that are lists.
#[derive(Default)]
struct Lists {
    /// `Transfer-Encoding` is there.
    transfer_encoding: bool,
    /// `Connection` has `close`.
    close: bool,
    /// `Connection` has `keep-alive`.
    keep_alive: bool,
    /// `Connection` has `upgrade`.
    connection_upgrade: bool,
    /// `Upgrade` has `websocket`.
    websocket: bool,
}

impl<'a> Headers<'a> {
    fn collect(headers: &[Header<'a>]) -> Result<Self, BadRequest> {
        let mut all = Self::default();
        for Header { name, value } in headers {
            let lists = &mut all.lists;
            let (place, name) = match name.to_ascii_lowercase().as_str() {
                "host" => (&mut all.host, "Host"),
                "content-length" => (&mut all.content_length, "Content-Length"),
                "content-type" => (&mut all.content_type, "Content-Type"),
                "content-encoding" => (&mut all.content_encoding, "Content-Encoding"),
                "expect" => (&mut all.expect, "Expect"),
                "origin" => (&mut all.origin, "Origin"),
                "sec-fetch-site" => (&mut all.fetch_site, "Sec-Fetch-Site"),
                "x-name" => (&mut all.x_name, "X-Name"),
                "last-event-id" => (&mut all.last_event_id, "Last-Event-ID"),
                "if-none-match" => (&mut all.if_none_match, "If-None-Match"),
                "sec-websocket-version" => (&mut all.websocket_version, "Sec-WebSocket-Version"),
                "sec-websocket-key" => (&mut all.websocket_key, "Sec-WebSocket-Key"),
                "transfer-encoding" => {
                    lists.transfer_encoding = true;
                    continue;
                }
                "connection" => {
                    lists.close |= has_token(value, "close");
                    lists.keep_alive |= has_token(value, "keep-alive");
                    lists.connection_upgrade |= has_token(value, "upgrade");
                    continue;
                }
                "upgrade" => {
                    lists.websocket |= has_token(value, "websocket");
                    continue;
                }
                _ => continue,
            };
            if place.replace(*value).is_some() {
                return Err(BadRequest::Twice(name));
            }
        }
        Ok(all)
    }

    fn into_head(self, line: &RequestLine<'_>, target: Target) -> Result<Head, BadRequest> {
        let named = self.host.map(|host| parse_host(host).ok_or(BadRequest::Host)).transpose()?;
        if named.is_none() && !line.is_http10 {
            return Err(BadRequest::NoHost);
        }
        let length = match (self.lists.transfer_encoding, self.content_length) {
            (true, Some(_)) => return Err(BadRequest::TwoLengths),
            (true, None) => return Err(BadRequest::TransferEncoding),
            (false, digits) => digits.map_or(Ok(0), length)?,
        };
        let expects_continue = match self.expect {
            Some(expected) if !expected.eq_ignore_ascii_case(b"100-continue") => return Err(BadRequest::Expectation),
            expected => expected.is_some() && !line.is_http10,
        };
        let text = |value: Option<&[u8]>| value.map(|value| String::from_utf8_lossy(value).trim().to_owned());
        let keep_alive = !self.lists.close && (!line.is_http10 || self.lists.keep_alive);
        let request = Request {
            method: match line.method {
                b"GET" => Method::Get,
                b"HEAD" => Method::Head,
                b"POST" => Method::Post,
                _ => Method::Other,
            },
            path: target.path,
            query: target.query,
            is_http10: line.is_http10,
            host: target.host.or(named),
            origin: text(self.origin),
            fetch_site: text(self.fetch_site),
            content_type: text(self.content_type),
            content_encoding: text(self.content_encoding),
            x_name: text(self.x_name),
            last_event_id: text(self.last_event_id),
            if_none_match: text(self.if_none_match),
            handshake: Handshake {
                upgrade: self.lists.websocket,
                connection: self.lists.connection_upgrade,
                version: text(self.websocket_version),
                key: text(self.websocket_key),
            },
            keep_alive,
            body: Vec::new(),
        };
        Ok(Head { request, length, expects_continue })
    }
}

fn parse_host(value: &[u8]) -> Option<Authority> {
    Authority::parse(std::str::from_utf8(value).ok()?)
}

/// The length of a body.
fn length(digits: &[u8]) -> Result<usize, BadRequest> {
    if digits.is_empty() || !digits.iter().all(u8::is_ascii_digit) {
        return Err(BadRequest::ContentLength);
    }
    // More digits than a number has are too many bytes too.
    let length = std::str::from_utf8(digits).ok().and_then(|digits| digits.parse().ok());
    length.filter(|length| *length <= MAX_BODY).ok_or(BadRequest::BodyTooLong)
}

/// Whether a list such as `keep-alive, Upgrade` has this word.
fn has_token(list: &[u8], token: &str) -> bool {
    list.split(|byte| *byte == b',').any(|one| one.trim_ascii().eq_ignore_ascii_case(token.as_bytes()))
}
