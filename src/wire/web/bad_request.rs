//! Invalid requests: the error and its remedy. Each is answered and ends the connection.

use std::fmt;

use super::{Response, Status};

/// Longest head of a request, in bytes, with the empty line that ends it.
pub const MAX_HEAD: usize = 8 * 1024;
/// Longest body of a request, in bytes.
pub const MAX_BODY: usize = 64 * 1024;
/// Most headers of a request.
pub(super) const MAX_HEADERS: usize = 64;

/// How a request breaks HTTP, or a limit of this door.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum BadRequest {
    /// The first bytes are those of TLS.
    Tls,
    /// A control byte in the head.
    ControlByte,
    /// A line that ends in LF without CR.
    BareLf,
    /// A CR without LF.
    BareCr,
    /// More than two empty lines before a request.
    EmptyLines,
    /// A head longer than [`MAX_HEAD`].
    HeadTooLong,
    /// More than 64 headers.
    TooManyHeaders,
    /// A first line that is no request.
    RequestLine,
    /// A first line without a version, as in HTTP/0.9.
    NoVersion,
    /// The preface of HTTP/2.
    Http2,
    /// A version other than 1.0 and 1.1.
    Version,
    /// A target that is neither a path nor a URL.
    Target,
    /// A `#` in the target.
    Fragment,
    /// A `%` without two hexadecimal digits.
    PercentCode,
    /// A percent code of a control byte.
    PercentControl,
    /// A target that is not UTF-8.
    NotUtf8,
    /// `.` or `..` as a part of the path.
    Dots,
    /// A header that goes on in a second line.
    FoldedHeader,
    /// A header whose name is wrong, or that has no colon.
    HeaderName,
    /// A header whose value is wrong.
    HeaderValue,
    /// A header that must come once, and came twice.
    Twice(&'static str),
    /// No `Host`.
    NoHost,
    /// A `Host`, or the host in a URL, that is none.
    Host,
    /// A body whose length is not told beforehand.
    TransferEncoding,
    /// `Transfer-Encoding` and `Content-Length`.
    TwoLengths,
    /// A `Content-Length` that is no number.
    ContentLength,
    /// A body longer than [`MAX_BODY`].
    BodyTooLong,
    /// An expectation other than `100-continue`.
    Expectation,
    /// The input ended within a request.
    CutOff,
    /// The head did not come in time.
    SlowHead,
    /// The body did not come in time.
    SlowBody,
}

impl BadRequest {
    /// The status of the answer.
    #[must_use]
    pub fn status(self) -> Status {
        match self {
            Self::HeadTooLong | Self::TooManyHeaders => Status::HeadTooLong,
            Self::Http2 | Self::Version => Status::VersionNotSupported,
            Self::TransferEncoding => Status::NotImplemented,
            Self::BodyTooLong => Status::BodyTooLong,
            Self::Expectation => Status::ExpectationFailed,
            Self::SlowHead | Self::SlowBody => Status::RequestTimeout,
            _ => Status::BadRequest,
        }
    }
}

impl fmt::Display for BadRequest {
    /// The fault, and the remedy, in one line.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Tls => "These bytes are TLS; this door speaks plain HTTP. Write http:// for https://",
            Self::ControlByte => {
                "A control byte is in the request's head; percent-code it in the path, or leave it out"
            }
            Self::BareLf => "A line of the request's head ends in LF alone; end each line in CR LF",
            Self::BareCr => "A CR without LF is in the request's head; end each line in CR LF",
            Self::EmptyLines => "More than two empty lines came before the request; begin with the request's line",
            Self::HeadTooLong => "The request's head is longer than 8 KiB; send fewer or shorter headers and cookies",
            Self::TooManyHeaders => "The request has more than 64 headers; send fewer",
            Self::RequestLine => "The first line is no request; write it like: GET / HTTP/1.1",
            Self::NoVersion => "The first line has no HTTP version; write it like: GET / HTTP/1.1",
            Self::Http2 => "HTTP/2 is not spoken here; use HTTP/1.1",
            Self::Version => "Only HTTP/1.1 and HTTP/1.0 are spoken here; use one of them",
            Self::Target => "The request's target is no path; begin it with /, or write a URL with http://",
            Self::Fragment => "A # is in the path; write it as %23, or leave it out",
            Self::PercentCode => "A % in the path is not followed by two hexadecimal digits; write a % itself as %25",
            Self::PercentControl => "The path has the percent code of a control byte; leave it out",
            Self::NotUtf8 => "The path is not UTF-8; write it in UTF-8, percent-coded or not",
            Self::Dots => "The path has . or .. as a part; write the whole path",
            Self::FoldedHeader => "A header goes on in a second line; write each header in one line",
            Self::HeaderName => "A header's name is wrong, or its colon is missing; write it like: Name: value",
            Self::HeaderValue => "A header's value has a byte that may not be there; leave it out",
            Self::Twice(name) => return write!(f, "{name} came twice; send it once"),
            Self::NoHost => "There is no Host header; send one with the server's name",
            Self::Host => "The host is no name or address with a port; write it like: Host: chat.example.org:8088",
            Self::TransferEncoding => "Transfer-Encoding is not taken here; send the body's length as Content-Length",
            Self::TwoLengths => "Content-Length and Transfer-Encoding exclude each other; send Content-Length alone",
            Self::ContentLength => "Content-Length is no number; send the body's length in bytes, in digits",
            Self::BodyTooLong => "The body is longer than 64 KiB; send less at once",
            Self::Expectation => "Only the expectation 100-continue is known here; leave out Expect",
            Self::CutOff => "The input ended before the request did; send all of it before you close",
            Self::SlowHead => "The request's head did not come within 10 s; send it at once",
            Self::SlowBody => "The request's body did not come within 10 s; send it at once, or less of it",
        })
    }
}

impl std::error::Error for BadRequest {}

impl From<BadRequest> for Response {
    fn from(bad: BadRequest) -> Self {
        Self::text(bad.status(), bad)
    }
}
