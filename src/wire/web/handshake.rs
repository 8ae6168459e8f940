//! The request that turns a connection into a WebSocket (RFC 6455, section 4.2.1).

use data_encoding::BASE64;
use tungstenite::handshake::derive_accept_key;

use super::{Request, Response, Status};

/// The only version of the protocol.
const VERSION: &str = "13";
/// The length of a key, in bytes.
const KEY_BYTES: usize = 16;

/// The value of `Sec-WebSocket-Accept` for a request that asks for a WebSocket.
///
/// # Errors
/// The answer, with what is missing.
pub(super) fn accept(request: &Request) -> Result<String, Response> {
    let handshake = &request.handshake;
    let wants = |line: &str| Response::text(Status::UpgradeRequired, line).with("Upgrade", "websocket");
    if request.is_http10 || !handshake.upgrade || !handshake.connection {
        return Err(wants("/ws is a WebSocket; ask with HTTP/1.1, Upgrade: websocket and Connection: Upgrade"));
    }
    if handshake.version.as_deref() != Some(VERSION) {
        let response = wants("Only version 13 of WebSocket is spoken here; send Sec-WebSocket-Version: 13");
        return Err(response.with("Sec-WebSocket-Version", VERSION));
    }
    let key = handshake.key.as_deref().unwrap_or_default();
    match BASE64.decode(key.as_bytes()) {
        Ok(bytes) if bytes.len() == KEY_BYTES => Ok(derive_accept_key(key.as_bytes())),
        _ => Err(Response::text(Status::BadRequest, "Sec-WebSocket-Key is not 16 bytes in Base64; make a new one")),
    }
}
