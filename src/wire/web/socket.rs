//! Reads the frames of a WebSocket (RFC 6455): each text message is one object of the JSON door.
//!
//! [`WebSocketDecoder`] takes whole frames off the input, checks their headers, and gives them to tungstenite,
//! which unmasks them, puts fragments together, and writes pongs and the answer to a close frame.

use std::io::{Cursor, ErrorKind, Read, Result as IoResult, Write};

use tungstenite::error::{Error, ProtocolError};
use tungstenite::protocol::frame::FrameHeader;
use tungstenite::protocol::frame::coding::{Data, OpCode};
use tungstenite::protocol::{Message, Role, WebSocketConfig, WebSocketContext};

use super::super::buffer::Buffer;
use super::super::json::{Requests, read};
use super::super::{Decode, Inbound, Limits, WireError};
use crate::protocol::{BadFrame, Malformed};

/// The size of tungstenite's read buffer, in bytes. It exists only while a message is being read.
const READ_BUFFER: usize = 2 * 1024;
/// Longest data of a control frame, in bytes (RFC 6455, section 5.5).
const MAX_CONTROL: u64 = 125;

/// Turns the bytes of one WebSocket into requests.
#[derive(Debug)]
pub(super) struct WebSocketDecoder {
    /// Longest message, in bytes.
    max_message: usize,
    input: Buffer,
    /// The message of which some fragments have come, and not the last one.
    message: Option<Box<WebSocketContext>>,
    ready: Requests,
    /// Whether the peer has sent a close frame. What follows it is ignored.
    is_closed: bool,
}

/// A whole frame at the beginning of the input.
#[derive(Debug, Clone, Copy)]
struct Frame {
    /// Its length with its header, in bytes.
    length: usize,
    /// Whether a message is unfinished after it.
    is_continued: bool,
}

impl WebSocketDecoder {
    /// A decoder for one session.
    pub(super) fn new(limits: Limits) -> Self {
        Self {
            max_message: limits.max_packet,
            input: Buffer::default(),
            message: None,
            ready: Requests::default(),
            is_closed: false,
        }
    }

    /// Takes one frame off the input; false if more bytes are needed.
    fn take_frame(&mut self) -> Result<bool, BadFrame> {
        let rest = self.input.rest();
        let Some(frame) = first_frame(rest, self.max_message, self.message.is_some())? else { return Ok(false) };
        let mut memory = Memory { input: rest.get(..frame.length).unwrap_or_default(), output: Vec::new() };
        let mut context = self.message.take().unwrap_or_else(|| Box::new(context(self.max_message)));
        match context.read(&mut memory) {
            Ok(Message::Text(text)) => read(text.as_bytes(), &mut self.ready),
            Ok(Message::Ping(_)) => {
                // The answer was queued. Memory takes all of it, so this cannot fail.
                let _ = context.flush(&mut memory);
                self.ready.push(Inbound::Pong(memory.output.into()));
            }
            Ok(Message::Close(_)) => {
                let _ = context.flush(&mut memory); // an error by design: it says that the connection is over
                self.ready.push(Inbound::Close(memory.output.into()));
                self.is_closed = true;
            }
            Ok(Message::Pong(_) | Message::Frame(_)) => {}
            Ok(Message::Binary(_)) => return Err(BadFrame::Binary),
            Err(Error::Io(error)) if error.kind() == ErrorKind::WouldBlock => {} // a fragment
            Err(error) => return Err(bad_frame(&error)),
        }
        self.input.take(frame.length);
        self.message = frame.is_continued.then_some(context);
        Ok(true)
    }
}

impl Decode for WebSocketDecoder {
    fn feed(&mut self, bytes: &[u8]) {
        self.input.feed(bytes);
    }

    fn end(&mut self) {}

    fn next(&mut self) -> Result<Option<Inbound>, WireError> {
        loop {
            if let Some(inbound) = self.ready.next() {
                return Ok(Some(inbound));
            }
            if self.is_closed || !self.take_frame().map_err(|why| WireError::Malformed(Malformed::WebSocket(why)))? {
                return Ok(None);
            }
        }
    }

    fn is_midway(&self) -> bool {
        !self.is_closed && (self.message.is_some() || !self.input.rest().is_empty())
    }
}

/// The frame that `bytes` begin with; `None` if more bytes are needed. What is wrong with its header is found
/// before its data has come.
fn first_frame(bytes: &[u8], max_message: usize, is_in_message: bool) -> Result<Option<Frame>, BadFrame> {
    let mut cursor = Cursor::new(bytes);
    let Some((header, length)) = FrameHeader::parse(&mut cursor).map_err(|error| bad_frame(&error))? else {
        return Ok(None);
    };
    if header.rsv1 || header.rsv2 || header.rsv3 {
        return Err(BadFrame::ReservedBits);
    }
    if header.mask.is_none() {
        return Err(BadFrame::Unmasked);
    }
    let is_continued = match header.opcode {
        OpCode::Control(_) if !header.is_final || length > MAX_CONTROL => return Err(BadFrame::Control),
        OpCode::Control(_) => is_in_message,
        OpCode::Data(Data::Binary) => return Err(BadFrame::Binary),
        OpCode::Data(_) => !header.is_final,
    };
    let length = usize::try_from(length).ok().filter(|length| *length <= max_message).ok_or(BadFrame::TooLong)?;
    let length = usize::try_from(cursor.position()).unwrap_or(usize::MAX).saturating_add(length);
    Ok((bytes.len() >= length).then_some(Frame { length, is_continued }))
}

/// Reads the frames of one message.
fn context(max_message: usize) -> WebSocketContext {
    let config = WebSocketConfig::default()
        .read_buffer_size(READ_BUFFER)
        .write_buffer_size(0)
        .max_message_size(Some(max_message))
        .max_frame_size(Some(max_message))
        .accept_unmasked_frames(false);
    WebSocketContext::new(Role::Server, Some(config))
}

/// The fault that the peer is told of.
fn bad_frame(error: &Error) -> BadFrame {
    use ProtocolError as Broken;
    match error {
        Error::Utf8(_) => BadFrame::NotUtf8,
        Error::Capacity(_) => BadFrame::TooLong,
        Error::Protocol(Broken::NonZeroReservedBits) => BadFrame::ReservedBits,
        Error::Protocol(Broken::UnmaskedFrameFromClient) => BadFrame::Unmasked,
        Error::Protocol(Broken::FragmentedControlFrame | Broken::ControlFrameTooBig) => BadFrame::Control,
        Error::Protocol(Broken::InvalidCloseSequence) => BadFrame::Close,
        Error::Protocol(Broken::UnexpectedContinueFrame | Broken::ExpectedFragment(_)) => BadFrame::Sequence,
        _ => BadFrame::Opcode,
    }
}

/// The stream that tungstenite reads one frame from, and writes its answer to.
struct Memory<'a> {
    input: &'a [u8],
    output: Vec<u8>,
}

impl Read for Memory<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> IoResult<usize> {
        if self.input.is_empty() { Err(ErrorKind::WouldBlock.into()) } else { self.input.read(buffer) }
    }
}

impl Write for Memory<'_> {
    fn write(&mut self, bytes: &[u8]) -> IoResult<usize> {
        self.output.write(bytes)
    }

    fn flush(&mut self) -> IoResult<()> {
        Ok(())
    }
}
