//! The client's side of WebSocket (RFC 6455): the upgrade, masked frames to the server, frames from the server.
//!
//! Deliveries are counted by a byte (see [`super::payload`]) that a frame's header and a ping may contain too. So
//! both are taken out of what was read, and only text is left. A read may end anywhere.

use std::net::SocketAddr;

use memchr::memmem;

/// The path at which Parlor takes WebSockets.
const PATH: &str = "/ws";
/// The key of RFC 6455, section 1.3, and the answer to it. A fixed key is enough to know a server of this protocol.
const KEY: &str = "dGhlIHNhbXBsZSBub25jZQ==";
const ACCEPT: &[u8] = b"s3pPLMBiTxaQ9kYGzzhZRbK+xOo=";
/// Each frame has the mask of the example of section 5.7. A mask protects proxies, and here is none.
const MASK: [u8; 4] = [0x37, 0xfa, 0x21, 0x3d];
/// A masked close frame with code 1000, by which a session leaves.
pub(super) const GOODBYE: &[u8] = &[0x88, 0x82, 0x37, 0xfa, 0x21, 0x3d, 0x34, 0x12];
/// Most bytes of the answer to the upgrade.
const MAX_HEAD: usize = 8192;
/// Most bytes of the header of a frame from the server.
const MAX_HEADER: usize = 10;

const CONTINUATION: u8 = 0;
const TEXT: u8 = 1;
const CLOSE: u8 = 8;
const PING: u8 = 9;
const PONG: u8 = 10;

/// One WebSocket, from the upgrade on.
#[derive(Debug, Default)]
pub(super) struct WebSocket {
    upgraded: bool,
    /// The beginning of the answer to the upgrade, or of a frame's header, whose end is missing.
    begun: Vec<u8>,
    /// The bytes to send when the server has upgraded. Before that a client must not send frames.
    first: Vec<u8>,
    frame: Option<Frame>,
    /// A text message has begun, and its last frame is missing.
    in_message: bool,
    /// The data of a control frame whose end is missing.
    control: Vec<u8>,
    /// A close frame has been sent.
    pub(super) leaves: bool,
}

/// A frame whose end is missing.
#[derive(Debug, Clone, Copy)]
struct Frame {
    opcode: u8,
    is_last: bool,
    /// The bytes that are missing.
    left: u64,
}

impl WebSocket {
    /// Appends the request for the upgrade. `first` is sent when the server has agreed.
    pub(super) fn begin(server: SocketAddr, first: Vec<u8>, out: &mut Vec<u8>) -> Self {
        let request = format!(
            "GET {PATH} HTTP/1.1\r\nHost: {server}\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\
             Sec-WebSocket-Key: {KEY}\r\nSec-WebSocket-Version: 13\r\n\r\n"
        );
        out.extend_from_slice(request.as_bytes());
        Self { first, ..Self::default() }
    }

    /// Takes bytes from the server. Moves the text among them to the front and returns its length. Appends what has
    /// to be sent now: the first bytes after the upgrade, pongs, the answer to a close.
    pub(super) fn receive(&mut self, bytes: &mut [u8], out: &mut Vec<u8>) -> Result<usize, String> {
        let mut at = 0;
        if !self.upgraded {
            match self.upgrade(bytes)? {
                Some(length) => at = length,
                None => return Ok(0),
            }
            out.append(&mut self.first);
        }
        let mut text = 0;
        loop {
            let mut frame = match self.frame {
                Some(frame) => frame,
                None => match self.header(&bytes[at..])? {
                    Some((frame, length)) => {
                        at += length;
                        frame
                    }
                    None => return Ok(text),
                },
            };
            let count = frame.left.min((bytes.len() - at) as u64) as usize;
            if frame.is_control() {
                self.control.extend_from_slice(&bytes[at..at + count]);
            } else {
                bytes.copy_within(at..at + count, text);
                text += count;
            }
            at += count;
            frame.left -= count as u64;
            self.frame = Some(frame).filter(|frame| frame.left > 0);
            if self.frame.is_some() {
                return Ok(text);
            }
            self.end(frame, out);
        }
    }

    /// Reads the answer to the upgrade. Returns how many of these bytes belong to it, or `None` if it is not whole.
    fn upgrade(&mut self, bytes: &[u8]) -> Result<Option<usize>, String> {
        let had = self.begun.len();
        self.begun.extend_from_slice(bytes);
        let Some(end) = memmem::find(&self.begun, b"\r\n\r\n") else {
            return if self.begun.len() > MAX_HEAD {
                Err("its answer to an upgrade has no end".into())
            } else {
                Ok(None)
            };
        };
        let head = &self.begun[..end];
        if !head.starts_with(b"HTTP/1.1 101 ") {
            let line = head.split(|byte| *byte == b'\r').next().unwrap_or_default();
            return Err(format!("it answers an upgrade with {}", String::from_utf8_lossy(line)));
        }
        if memmem::find(head, ACCEPT).is_none() {
            return Err("its answer to an upgrade has another key".into());
        }
        self.begun.clear();
        self.upgraded = true;
        Ok(Some(end + 4 - had))
    }

    /// Parses a header that begins, or goes on, in these bytes. Returns how many of them belong to it.
    fn header(&mut self, bytes: &[u8]) -> Result<Option<(Frame, usize)>, String> {
        let had = self.begun.len();
        if had > 0 {
            self.begun.extend(bytes.iter().take(MAX_HEADER - had));
        }
        let Some((frame, length)) = Frame::parse(if had > 0 { &self.begun } else { bytes })? else {
            if had == 0 {
                self.begun.extend_from_slice(bytes);
            }
            return Ok(None);
        };
        self.begun.clear();
        if !frame.is_control() {
            if (frame.opcode == TEXT) == self.in_message {
                return Err("it mixes the frames of two messages".into());
            }
            self.in_message = !frame.is_last;
        }
        Ok(Some((frame, length - had)))
    }

    /// Answers a control frame that is whole.
    fn end(&mut self, frame: Frame, out: &mut Vec<u8>) {
        match frame.opcode {
            PING => put(PONG, &self.control, out),
            CLOSE if !self.leaves => {
                self.leaves = true;
                put(CLOSE, self.control.get(..2).unwrap_or_default(), out);
            }
            _ => {}
        }
        if frame.is_control() {
            self.control.clear();
        }
    }
}

impl Frame {
    fn is_control(self) -> bool {
        self.opcode >= CLOSE
    }

    /// The frame whose header begins these bytes, and the length of the header. `None`: it is not whole.
    fn parse(bytes: &[u8]) -> Result<Option<(Self, usize)>, String> {
        let &[first, second, ref rest @ ..] = bytes else { return Ok(None) };
        let (opcode, is_last, length) = (first & 15, first & 0x80 != 0, second & 0x7f);
        if first & 0x70 != 0 || second & 0x80 != 0 || ![CONTINUATION, TEXT, CLOSE, PING, PONG].contains(&opcode) {
            return Err(format!("it sends a frame that begins with the bytes {first:02x} {second:02x}"));
        }
        let extra = match length {
            126 => 2,
            127 => 8,
            _ => 0,
        };
        let Some(rest) = rest.get(..extra) else { return Ok(None) };
        let long = rest.iter().fold(0, |length, byte| length << 8 | u64::from(*byte));
        let frame = Self { opcode, is_last, left: if extra == 0 { length.into() } else { long } };
        if frame.is_control() && (frame.left > 125 || !is_last) {
            return Err("it sends a control frame that is too long, or in parts".into());
        }
        Ok(Some((frame, 2 + extra)))
    }
}

/// Appends a text message.
pub(super) fn put_text(text: &[u8], out: &mut Vec<u8>) {
    put(TEXT, text, out);
}

/// Appends a masked frame.
fn put(opcode: u8, data: &[u8], out: &mut Vec<u8>) {
    out.push(0x80 | opcode);
    match data.len() {
        length @ 0..=125 => out.push(0x80 | length as u8),
        length @ 126..=0xffff => {
            out.push(0x80 | 126);
            out.extend_from_slice(&(length as u16).to_be_bytes());
        }
        length => {
            out.push(0x80 | 127);
            out.extend_from_slice(&(length as u64).to_be_bytes());
        }
    }
    out.extend_from_slice(&MASK);
    out.extend(data.iter().zip(MASK.iter().cycle()).map(|(byte, mask)| byte ^ mask));
}

#[cfg(test)]
mod tests {
    use super::*;

    const AGREED: &[u8] = b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\
        Sec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n\r\n";

    fn begun() -> WebSocket {
        let mut request = Vec::new();
        let socket = WebSocket::begin(SocketAddr::from(([127, 0, 0, 1], 8088)), b"first".to_vec(), &mut request);
        assert!(request.starts_with(b"GET /ws HTTP/1.1\r\nHost: 127.0.0.1:8088\r\n") && request.ends_with(b"\r\n\r\n"));
        socket
    }

    /// The bytes of a server (the upgrade, text with each length of header, control frames), and the text in them.
    fn conversation() -> (Vec<u8>, Vec<u8>) {
        let (middle, long) = ("m".repeat(0x0160), "l".repeat(0x1_0060)); // lengths whose bytes look like marks
        let mut bytes = AGREED.to_vec();
        bytes.extend_from_slice(b"\x81\x60");
        bytes.extend_from_slice(&[b's'; 0x60]);
        bytes.extend_from_slice(b"\x89\x03a`b\x81\x00\x01\x03Hel\x89\x00\x8a\x01`\x80\x02lo");
        bytes.extend_from_slice(b"\x81\x7e\x01\x60");
        bytes.extend_from_slice(middle.as_bytes());
        bytes.extend_from_slice(b"\x81\x7f\0\0\0\0\0\x01\0\x60");
        bytes.extend_from_slice(long.as_bytes());
        bytes.extend_from_slice(b"\x88\x06\x03\xe9stop");
        (bytes, ["s".repeat(0x60), "Hello".into(), middle, long].concat().into_bytes())
    }

    #[test]
    fn frames_cut_anywhere_are_read() {
        let (bytes, wanted) = conversation();
        let mut answers = b"first".to_vec();
        put(PONG, b"a`b", &mut answers);
        put(PONG, b"", &mut answers);
        put(CLOSE, b"\x03\xe9", &mut answers);
        for piece in (1..20).chain([351, 4096, bytes.len()]) {
            let (mut socket, mut text, mut out) = (begun(), Vec::new(), Vec::new());
            for bytes in bytes.chunks(piece) {
                let mut bytes = bytes.to_vec();
                let length = socket.receive(&mut bytes, &mut out).unwrap();
                text.extend_from_slice(&bytes[..length]);
            }
            assert!(text == wanted, "in pieces of {piece}: {} bytes of text", text.len());
            assert_eq!(out, answers, "in pieces of {piece}");
        }
    }

    /// The examples of RFC 6455, section 5.7, and the goodbye.
    #[test]
    fn client_frames_are_masked() {
        let mut out = Vec::new();
        put_text(b"Hello", &mut out);
        assert_eq!(out, *b"\x81\x85\x37\xfa\x21\x3d\x7f\x9f\x4d\x51\x58");
        for (length, header) in
            [(125, &b"\x81\xfd"[..]), (126, b"\x81\xfe\x00\x7e"), (65_536, b"\x81\xff\0\0\0\0\0\x01\0\0")]
        {
            out.clear();
            put_text(&vec![b'x'; length], &mut out);
            assert!(out.starts_with(&[header, &MASK].concat()) && out.len() == header.len() + 4 + length, "{length}");
        }
        out.clear();
        put(CLOSE, b"\x03\xe8", &mut out);
        assert_eq!(out, GOODBYE);
    }

    #[test]
    fn server_that_breaks_the_protocol_is_named() {
        for (bytes, wanted) in [
            (&b"HTTP/1.1 503 Service Unavailable\r\n\r\n"[..], "it answers an upgrade with HTTP/1.1 503 Service Un"),
            (b"HTTP/1.1 101 Switching Protocols\r\n\r\n", "its answer to an upgrade has another key"),
            (&[b'x'; MAX_HEAD + 1], "its answer to an upgrade has no end"),
        ] {
            let error = begun().receive(&mut bytes.to_vec(), &mut Vec::new()).unwrap_err();
            assert!(error.starts_with(wanted), "{error}");
        }
        for (frames, wanted) in [
            (&b"\x81\x85"[..], "it sends a frame that begins with the bytes 81 85"),
            (b"\xc1\x05", "it sends a frame that begins with the bytes c1 05"),
            (b"\x82\x05", "it sends a frame that begins with the bytes 82 05"),
            (b"\x09\x00", "it sends a control frame"),
            (b"\x89\x7e\x00\x7e", "it sends a control frame"),
            (b"\x80\x01x", "it mixes"),
            (b"\x01\x01x\x81\x01y", "it mixes"),
        ] {
            let error = begun().receive(&mut [AGREED, frames].concat(), &mut Vec::new()).unwrap_err();
            assert!(error.starts_with(wanted), "{frames:x?}: {error}");
        }
    }
}
