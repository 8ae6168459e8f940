//! Packets and frames by the layouts of the protocols, without a line of Parlor's own encoders.

use parlor::wire::{Framing, Limits};

/// `--max-packet` and the other limits as they are by default.
#[allow(dead_code, reason = "not every crate decodes")]
pub(crate) const LIMITS: Limits = Limits { max_line: 4096, max_packet: 65_535, max_frame: 65_536 };

/// The object that says this; `text` is what stands between the quotes.
#[allow(dead_code, reason = "not every crate says something")]
pub(crate) fn say_object(text: &str) -> String {
    format!("{{\"Act\":\"say\",\"Data\":\"{text}\"}}")
}

/// One packet of the JSON format. The header must have room for the length of `data`.
pub(crate) fn packet(framing: Framing, data: impl AsRef<[u8]>) -> Vec<u8> {
    let data = data.as_ref();
    let most = match framing {
        Framing::Gf1 => 0xff,
        Framing::Gf2 => 0xffff,
        _ => 0xff_fff8,
    };
    assert!(data.len() <= most, "{framing:?}: no header for {} bytes", data.len());
    let length = (data.len() as u32).to_be_bytes();
    let total = (7 + data.len() as u32).to_be_bytes();
    let sum = data.iter().map(|byte| u32::from(*byte)).sum::<u32>().to_be_bytes();
    match framing {
        Framing::Gf1 => [&length[3..], data].concat(),
        Framing::Gf2 => [&length[2..], data].concat(),
        Framing::Gf3 => [&length[1..], data].concat(),
        Framing::Gf4 => [&length[..], data].concat(),
        Framing::Gf7 => [&total[1..], &sum, data].concat(),
        Framing::Lines => [data, b"\n"].concat(),
    }
}

/// One frame of a WebSocket client. `first` is the first byte: the bit of the last fragment, and the opcode.
#[allow(dead_code, reason = "not every crate speaks it")]
pub(crate) fn masked(first: u8, data: &[u8]) -> Vec<u8> {
    const MASK: [u8; 4] = [0x37, 0xfa, 0x21, 0x3d];
    let mut frame = unmasked(first, data);
    let body = frame.split_off(frame.len() - data.len());
    frame[1] |= 0x80;
    frame.extend_from_slice(&MASK);
    frame.extend(body.iter().zip(MASK.iter().cycle()).map(|(byte, mask)| byte ^ mask));
    frame
}

/// One frame of a WebSocket server.
#[allow(dead_code, reason = "not every crate hears it")]
pub(crate) fn unmasked(first: u8, data: &[u8]) -> Vec<u8> {
    let length = match data.len() {
        length @ 0..126 => vec![length as u8],
        length @ 126..65_536 => [&[126][..], &(length as u16).to_be_bytes()].concat(),
        length => [&[127][..], &(length as u64).to_be_bytes()].concat(),
    };
    [&[first], &length[..], data].concat()
}

/// One frame: `u32 little-endian route`, `u32 little-endian length`, data.
pub(crate) fn frame(route: u32, data: &[u8]) -> Vec<u8> {
    [&route.to_le_bytes()[..], &(data.len() as u32).to_le_bytes(), data].concat()
}
