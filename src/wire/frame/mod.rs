//! The frame door: tnet's frames, for its clients and for devices.
//!
//! `u32 little-endian route`, `u32 little-endian length`, data. Route 0 is a heartbeat. Other routes are
//! for handlers, or for the chat by the table of commands: then the data is the JSON door's object, or
//! plain text.

use byteorder::{ByteOrder, LittleEndian};

use super::buffer::Buffer;
use super::json::{self, Object, Requests};
use super::{Decode, Inbound, Key, Limits, WireError};
use crate::protocol::{CloseReason, CommandSpec, Malformed, Notice, Refusal};

/// Bytes before the data.
pub(super) const HEADER: usize = 8;
/// The route on which tnet reports errors.
pub(super) const ERROR_ROUTE: u32 = 10_000;
/// The heartbeat that the server sends.
pub const HEARTBEAT: [u8; HEADER] = [0; HEADER];

/// Turns the bytes of one frame session into requests.
#[derive(Debug)]
pub struct FrameDecoder {
    max_frame: usize,
    input: Buffer,
    ready: Requests,
    broken: bool,
}

impl FrameDecoder {
    /// A decoder for one session.
    #[must_use]
    pub fn new(limits: Limits) -> Self {
        Self { max_frame: limits.max_frame, input: Buffer::default(), ready: Requests::default(), broken: false }
    }

    /// Takes one frame off the input; false where more bytes are needed.
    fn take_frame(&mut self) -> Result<bool, WireError> {
        let rest = self.input.rest();
        let Some((route, length)) = head(rest) else { return Ok(false) };
        if length > self.max_frame {
            let mut answer = Vec::new();
            put(
                ERROR_ROUTE,
                format!("frame too large: {length} bytes (max {})", self.max_frame).as_bytes(),
                &mut answer,
            );
            self.ready.push(Inbound::Answer(answer.into()));
            self.broken = true;
            return Ok(true);
        }
        let Some(data) = rest.get(HEADER..HEADER + length) else { return Ok(false) };
        match CommandSpec::of_route(route) {
            Some(spec) => json::read_for(spec, data, &mut self.ready),
            None if route == 0 => self.ready.push(Inbound::Heartbeat), // tnet's clients may put data into one
            None => self.ready.push(Inbound::Custom { key: Key::Route(route), data: data.to_vec() }),
        }
        self.input.take(HEADER + length);
        Ok(true)
    }
}

impl Decode for FrameDecoder {
    fn feed(&mut self, bytes: &[u8]) {
        self.input.feed(bytes);
    }

    fn end(&mut self) {}

    fn next(&mut self) -> Result<Option<Inbound>, WireError> {
        loop {
            if let Some(inbound) = self.ready.next() {
                return Ok(Some(inbound));
            }
            if self.broken {
                return Err(WireError::Malformed(Malformed::FrameTooLong));
            }
            if !self.take_frame()? {
                return Ok(None);
            }
        }
    }

    fn is_midway(&self) -> bool {
        !self.input.rest().is_empty()
    }
}

/// The route and the length of the data of the frame that `bytes` begin with; `None`: more bytes are
/// needed.
pub(super) fn head(bytes: &[u8]) -> Option<(u32, usize)> {
    let (route, length) = bytes.get(..HEADER)?.split_at(HEADER / 2);
    Some((LittleEndian::read_u32(route), LittleEndian::read_u32(length) as usize))
}

/// Appends a frame.
pub(super) fn put(route: u32, data: &[u8], out: &mut Vec<u8>) {
    let mut header = [0; HEADER];
    let (first, second) = header.split_at_mut(HEADER / 2);
    LittleEndian::write_u32(first, route);
    LittleEndian::write_u32(second, u32::try_from(data.len()).unwrap_or(u32::MAX));
    out.extend_from_slice(&header);
    out.extend_from_slice(data);
}

/// Appends the frame that a program is sent of `notice`, whose object is `object`; errors of frames in
/// tnet's own words.
pub(super) fn encode(notice: &Notice, object: &mut Object<'_>, tag: Option<&str>, out: &mut Vec<u8>) {
    match notice {
        Notice::Refused(refusal @ Refusal::UnknownRoute { .. }) => {
            put(ERROR_ROUTE, refusal.to_string().as_bytes(), out);
        }
        Notice::Goodbye(CloseReason::Malformed(Malformed::FrameTooLong)) => {}
        Notice::Goodbye(CloseReason::Malformed(what)) => put(ERROR_ROUTE, what.text().as_bytes(), out),
        _ => {
            if let Some((route, object)) = object.get(tag, u32::MAX as usize) {
                put(route, &object, out);
            }
        }
    }
}
