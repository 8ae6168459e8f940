//! Frames of a WebSocket (RFC 6455). The server's frames are not masked, so that one frame serves all browsers.

/// Appends a text message with one object.
pub(super) fn put_text(object: &[u8], out: &mut Vec<u8>) {
    const FINAL_TEXT: u8 = 0x81;
    out.push(FINAL_TEXT);
    match object.len() {
        length @ 0..126 => out.push(u8::try_from(length).unwrap_or(0)),
        length @ 126..65_536 => {
            out.push(126);
            out.extend_from_slice(&u16::try_from(length).unwrap_or(0).to_be_bytes());
        }
        length => {
            out.push(127);
            out.extend_from_slice(&(length as u64).to_be_bytes());
        }
    }
    out.extend_from_slice(object);
}
