//! Writes the frames of a WebSocket (RFC 6455). The server's frames are not masked, so one encoded
//! frame serves all browsers.

use crate::protocol::{BadFrame, CloseReason, Malformed};

/// A ping without data. A browser answers it by itself.
pub const PING: [u8; 2] = [FINAL | 0x9, 0];

/// The bit of a frame that is not continued.
const FINAL: u8 = 0x80;
const TEXT: u8 = 0x1;
const CLOSE: u8 = 0x8;

/// Longest reason in a close frame, in bytes: a control frame has at most 125, and the code takes two.
const MAX_REASON: usize = 123;

/// Appends a text message with one object.
pub(super) fn put_text(object: &[u8], out: &mut Vec<u8>) {
    put(TEXT, object.len(), out);
    out.extend_from_slice(object);
}

/// The close frame of a session that ends; `None` if nothing can be sent, or the peer has closed.
pub(super) fn close(reason: &CloseReason) -> Option<Vec<u8>> {
    let code = close_code(reason)?;
    let words = reason.farewell().unwrap_or_default();
    let words = words.get(..words.floor_char_boundary(MAX_REASON)).unwrap_or_default();
    let mut frame = Vec::new();
    put(CLOSE, 2 + words.len(), &mut frame);
    frame.extend_from_slice(&code.to_be_bytes());
    frame.extend_from_slice(words.as_bytes());
    Some(frame)
}

/// Appends the header of an unfragmented frame.
fn put(opcode: u8, length: usize, out: &mut Vec<u8>) {
    out.push(FINAL | opcode);
    match (u8::try_from(length), u16::try_from(length)) {
        (Ok(length @ 0..126), _) => out.push(length),
        (_, Ok(length)) => {
            out.push(126);
            out.extend_from_slice(&length.to_be_bytes());
        }
        _ => {
            out.push(127);
            out.extend_from_slice(&(length as u64).to_be_bytes());
        }
    }
}

/// The status code for an ending (RFC 6455, section 7.4.1).
fn close_code(reason: &CloseReason) -> Option<u16> {
    Some(match reason {
        CloseReason::Quit => 1000,
        CloseReason::ServerStopping => 1001,
        CloseReason::Malformed(Malformed::WebSocket(BadFrame::Binary)) => 1003,
        CloseReason::Malformed(Malformed::WebSocket(BadFrame::NotUtf8)) => 1007,
        CloseReason::Malformed(Malformed::WebSocket(BadFrame::TooLong)) => 1009,
        CloseReason::Malformed(Malformed::WebSocket(BadFrame::Unfinished))
        | CloseReason::Idle { .. }
        | CloseReason::WriteTimeout
        | CloseReason::NotJoined
        | CloseReason::Silent
        | CloseReason::Dismissed => 1008,
        CloseReason::Malformed(_) | CloseReason::WrongProtocol(_) => 1002,
        CloseReason::Panicked | CloseReason::HandlerPanicked(_) => 1011,
        CloseReason::PeerClosed | CloseReason::ReadFailed | CloseReason::WriteFailed => return None,
    })
}
