//! Decodes requests from the bytes of one connection. A request may span several reads.
//!
//! Each byte of a head is scanned twice: on arrival, and in the complete head. A wrong byte is refused on arrival, so
//! that the client of another protocol gets the error immediately.

use super::bad_request::MAX_HEAD;
use super::head::{Head, RequestLine};
use super::{BadRequest, Request};
use crate::wire::buffer::Buffer;

/// Most empty lines before a request: some clients send one behind the body of the request before.
const MAX_EMPTY_LINES: usize = 2;
/// The first byte of TLS: a record of the handshake.
const TLS: u8 = 0x16;

/// The part of a request that a connection waits for. It decides how long that may take.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Phase {
    /// The next request.
    Idle,
    /// The rest of a request's head.
    Head,
    /// The rest of a request's body.
    Body,
}

/// Decodes requests. Its memory is bounded by [`MAX_HEAD`], [`MAX_BODY`](super::MAX_BODY) and one read.
#[derive(Debug, Default)]
pub struct RequestDecoder {
    buffer: Buffer,
    scan: Scan,
    /// A request whose body is not whole.
    head: Option<Box<Head>>,
}

impl RequestDecoder {
    /// A decoder for one connection.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Takes the bytes of one read. Call [`RequestDecoder::next`] until it has no more before feeding again.
    pub fn feed(&mut self, bytes: &[u8]) {
        self.buffer.feed(bytes);
    }

    /// The next whole request; `None` where more bytes are needed.
    ///
    /// # Errors
    /// If what follows cannot be understood. Answer it, and end the connection.
    #[allow(clippy::should_implement_trait, reason = "as every decoder here")]
    pub fn next(&mut self) -> Result<Option<Request>, BadRequest> {
        let head = match self.head.take() {
            Some(head) => head,
            None => {
                let Some(end) = self.scan.end_of_head(self.buffer.rest())? else { return Ok(None) };
                let head = self.buffer.rest().get(self.scan.begin..end).unwrap_or_default();
                let head = Box::new(Head::parse(head)?);
                self.buffer.take(end);
                self.scan = Scan::default();
                head
            }
        };
        let Some(body) = self.buffer.rest().get(..head.length) else {
            self.head = Some(head);
            return Ok(None);
        };
        let request = Request { body: body.to_vec(), ..head.request };
        self.buffer.take(head.length);
        Ok(Some(request))
    }

    /// Says that no more bytes come.
    ///
    /// # Errors
    /// If a request is not whole. The client may still read an answer.
    pub fn end(&self) -> Result<(), BadRequest> {
        if self.phase() == Phase::Idle { Ok(()) } else { Err(BadRequest::CutOff) }
    }

    /// The part of a request that the connection waits for.
    #[must_use]
    pub fn phase(&self) -> Phase {
        match self.head {
            Some(_) => Phase::Body,
            None if self.buffer.rest().len() > self.scan.begin => Phase::Head,
            None => Phase::Idle,
        }
    }

    /// The error of a request that does not come in time; `None` where none has begun.
    #[must_use]
    pub fn late(&self) -> Option<BadRequest> {
        match self.phase() {
            Phase::Idle => None,
            Phase::Head => Some(BadRequest::SlowHead),
            Phase::Body => Some(BadRequest::SlowBody),
        }
    }

    /// Whether to send `100 Continue` now: the client waits for it before it sends the body. True once for a
    /// request.
    pub fn wants_continue(&mut self) -> bool {
        let nothing_came = self.buffer.rest().is_empty();
        self.head.as_mut().is_some_and(|head| std::mem::take(&mut head.expects_continue) && nothing_came)
    }

    /// Takes the bytes behind the last request, which belong to what the connection has become.
    pub fn take_rest(&mut self) -> Vec<u8> {
        let rest = self.buffer.rest().to_vec();
        self.buffer.take(rest.len());
        rest
    }
}

/// Looks for the end of a head, and remembers how far it has looked.
#[derive(Debug, Default)]
struct Scan {
    /// Where the request begins, behind empty lines.
    begin: usize,
    /// Where the present line begins.
    line: usize,
    /// The bytes that have been looked at.
    seen: usize,
    after_cr: bool,
}

impl Scan {
    /// The length of the head with the empty line that ends it; `None` where it is not whole.
    fn end_of_head(&mut self, bytes: &[u8]) -> Result<Option<usize>, BadRequest> {
        let new = bytes.get(self.seen..bytes.len().min(MAX_HEAD)).unwrap_or_default();
        for byte in new {
            self.seen += 1;
            if *byte == b'\n' {
                if !self.after_cr {
                    return Err(BadRequest::BareLf);
                }
                self.after_cr = false;
                if self.line_ends(bytes)? {
                    return Ok(Some(self.seen));
                }
                self.line = self.seen;
            } else if self.after_cr {
                return Err(BadRequest::BareCr);
            } else if *byte == b'\r' {
                self.after_cr = true;
            } else if *byte == TLS && self.seen == 1 {
                return Err(BadRequest::Tls);
            } else if byte.is_ascii_control() && *byte != b'\t' {
                return Err(BadRequest::ControlByte);
            }
        }
        if self.seen == MAX_HEAD { Err(BadRequest::HeadTooLong) } else { Ok(None) }
    }

    /// Looks at a line that is whole. Returns whether it ends the head.
    fn line_ends(&mut self, bytes: &[u8]) -> Result<bool, BadRequest> {
        let line = bytes.get(self.line..self.seen - 2).unwrap_or_default();
        let is_first = self.line == self.begin;
        match line.first() {
            None if is_first => {
                self.begin = self.seen;
                if self.begin > 2 * MAX_EMPTY_LINES { Err(BadRequest::EmptyLines) } else { Ok(false) }
            }
            None => Ok(true),
            Some(_) if is_first => RequestLine::parse(line).map(|_| false),
            Some(b' ' | b'\t') => Err(BadRequest::FoldedHeader),
            Some(_) => Ok(false),
        }
    }
}
