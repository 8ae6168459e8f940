//! The decoders and encoders, without a socket.
//!
//! A stream has no messages. So input that decodes whole must decode the same byte by byte and cut at every
//! index. `every_split` holds a decoder to that, over every short string of
//! hostile bytes, over what real clients send, and over random bytes. What the decoded values must be
//! is spelled out beside each input.

#![allow(clippy::unwrap_used, clippy::panic, reason = "clippy's allow-…-in-tests does not reach a test's helpers")]

pub(crate) mod heard;

mod anything;
mod frame;
mod json;
mod notices;
mod packets;
mod relay;
mod sniff;
mod splits;
mod text;
#[cfg(feature = "web")]
mod web;

use std::sync::Arc;

use crate::support::values::body;
use parlor::protocol::{Command, Line, Nick, Notice, Refusal, RoomName, SessionId, Speaker};
use parlor::wire::{Decode, Encoding, Framing, Inbound, Limits, Style, Wire, WireError};
use serde_json::Value;

/// The items that a decoder made of its input, up to the error that ended it.
type Decoded = (Vec<Inbound>, Option<WireError>);

fn limits(max_line: usize) -> Limits {
    Limits { max_line, max_packet: 65_535, max_frame: 65_536 }
}

/// Feeds `chunks` as so many reads, then the end of input.
fn decode<'a>(wire: Wire, max_line: usize, chunks: impl IntoIterator<Item = &'a [u8]>) -> Decoded {
    let mut decoder = wire.decoder(limits(max_line));
    let mut all = Vec::new();
    for chunk in chunks {
        decoder.feed(chunk);
        if let Err(error) = drain(decoder.as_mut(), &mut all) {
            return (all, Some(error));
        }
    }
    decoder.end();
    let error = drain(decoder.as_mut(), &mut all).err();
    (all, error)
}

fn drain(decoder: &mut dyn Decode, all: &mut Vec<Inbound>) -> Result<(), WireError> {
    while let Some(inbound) = decoder.next()? {
        all.push(inbound);
    }
    Ok(())
}

/// Whether a bare CR is in the first line, where it ends a line if a read ends behind it: nothing else
/// depends on where reads end.
fn has_bare_cr(wire: Wire, input: &[u8]) -> bool {
    let first = input.split(|byte| *byte == b'\n').next().unwrap_or_default();
    let first = first.strip_suffix(b"\r").filter(|_| first.len() < input.len()).unwrap_or(first);
    wire == Wire::Text && first.contains(&b'\r')
}

/// Decodes `input` whole, byte by byte and cut at every index, which must all be one; returns it.
#[track_caller]
fn every_split(wire: Wire, max_line: usize, input: &[u8]) -> Decoded {
    let whole = decode(wire, max_line, [input]);
    if has_bare_cr(wire, input) {
        return whole;
    }
    if !(1..input.len()).any(|cut| has_bare_cr(wire, &input[..cut])) {
        let crumbs = decode(wire, max_line, input.chunks(1));
        assert!(crumbs == whole, "{wire} {}: whole {whole:?}, byte by byte {crumbs:?}", input.escape_ascii());
    }
    for cut in 1..input.len() {
        let (left, right) = input.split_at(cut);
        if has_bare_cr(wire, left) {
            continue;
        }
        let split = decode(wire, max_line, [left, right]);
        let shown = || format!("{wire} {} | {}", left.escape_ascii(), right.escape_ascii());
        assert!(split == whole, "{}: whole {whole:?}, cut {split:?}", shown());
    }
    whole
}

/// Runs `every_split` over every string of up to `longest` of these bytes, behind `before`.
fn every_string(wire: Wire, before: &[u8], alphabet: &[u8], longest: u32) -> usize {
    let mut input = before.to_vec();
    let mut count = 0;
    for length in 0..=longest {
        for number in 0..alphabet.len().pow(length) {
            input.truncate(before.len());
            let mut rest = number;
            for _ in 0..length {
                input.push(alphabet[rest % alphabet.len()]);
                rest /= alphabet.len();
            }
            // Four bytes are a long line here, so that over-long lines are among the strings.
            every_split(wire, 3, &input);
            count += 1;
        }
    }
    count
}

const TELNET: [u8; 9] = [b'a', b'\n', b'\r', 0, 255, 250, 240, 253, 6];
const TEXT: [u8; 9] = [b'a', b'\n', b'\r', b'/', b'|', b'\\', b' ', 0xc3, 0xff];
/// The smallest limit that `--max-line` takes.
const LIMIT: usize = 64;

fn rename(name: &str) -> Inbound {
    Inbound::Command(Command::Rename(Nick::parse(name).unwrap()))
}

fn too_long(bytes: u64) -> Inbound {
    Inbound::Refused(Refusal::TooLong { bytes, limit: LIMIT })
}

fn answers(all: &[[u8; 3]]) -> Vec<Inbound> {
    let answers = all.iter().map(|bytes| Inbound::Answer(bytes.to_vec().into()));
    [CRLF].into_iter().chain(answers).collect()
}

const CRLF: Inbound = Inbound::Crlf;
/// The notice to a sender of bytes that are not UTF-8.
const NOT_UTF8: Inbound = Inbound::Tell(Notice::NotUtf8);
const USER_LIST: Inbound = Inbound::Command(Command::UserList);

/// Decodes `input` at the text door, split everywhere, and wants exactly this.
#[track_caller]
fn reads(input: &[u8], wanted: &[Inbound]) {
    let (got, error) = every_split(Wire::Text, LIMIT, input);
    assert_eq!((got.as_slice(), error), (wanted, None), "{}", input.escape_ascii());
}

/// The same, where the stream cannot be followed to its end.
#[track_caller]
fn breaks(input: &[u8], wanted: &[Inbound], why: WireError) {
    let (got, error) = every_split(Wire::Text, LIMIT, input);
    assert_eq!((got.as_slice(), error), (wanted, Some(why)), "{}", input.escape_ascii());
}

fn ends_a_line(c: char) -> bool {
    matches!(c, '\n' | '\r' | '\u{b}' | '\u{c}' | '\u{85}' | '\u{2028}' | '\u{2029}')
}

fn speaker(number: u64, name: &str) -> Arc<Speaker> {
    let address = format!("127.0.0.1:{}", 5000 + number);
    Arc::new(Speaker {
        id: SessionId(2_123_807_362_945_912_832 + number),
        address: address.into(),
        name: name.into(),
        visitor: None,
    })
}

/// Unix milliseconds of a noon, UTC.
const NOON: u64 = 1_795_176_000_000;

const TEXT_LF: Encoding = Encoding::Text(Style::PLAIN);
const TEXT_CRLF: Encoding = Encoding::Text(Style { crlf: true, ..Style::PLAIN });
const TEXT_LF_TIME: Encoding = Encoding::Text(Style { time: true, ..Style::PLAIN });
const TEXT_CRLF_TIME: Encoding = Encoding::Text(Style { crlf: true, time: true, ..Style::PLAIN });
const CLASSIC_LF: Encoding = Encoding::Text(Style { classic: true, ..Style::PLAIN });

/// The encodings of people's lines.
const LINES: [Encoding; 5] = [TEXT_LF, TEXT_CRLF, TEXT_LF_TIME, TEXT_CRLF_TIME, Encoding::Relay];

/// Every encoding.
fn encodings() -> impl Iterator<Item = Encoding> {
    let switch = [false, true];
    let styles = switch.into_iter().flat_map(move |crlf| {
        let times = switch.into_iter().map(move |time| Style { crlf, time, ..Style::PLAIN });
        let addresses = times.flat_map(move |style| switch.map(|address| Style { address, ..style }));
        addresses.flat_map(move |style| switch.map(|classic| Encoding::Text(Style { classic, ..style })))
    });
    styles.chain([Encoding::Relay, Encoding::Frame]).chain(Framing::ALL.map(Encoding::Json))
}

fn bytes(encoding: Encoding, notice: &Notice, tag: Option<&str>) -> Vec<u8> {
    let mut out = b"before".to_vec(); // it appends
    encoding.encode(notice, tag, &mut out);
    assert!(out.starts_with(b"before"));
    out.split_off("before".len())
}

fn encoded(encoding: Encoding, notice: &Notice) -> String {
    String::from_utf8(bytes(encoding, notice, None)).unwrap()
}

/// The object that a program reads of a notice, on one line; `None` where it reads nothing.
fn object(notice: &Notice, tag: Option<&str>) -> Option<Value> {
    let line = String::from_utf8(bytes(Encoding::Json(Framing::Lines), notice, tag)).unwrap();
    if line.is_empty() {
        return None;
    }
    let object = line.strip_suffix('\n').unwrap();
    assert!(!object.contains(['\n', '\r']), "{object:?}");
    Some(serde_json::from_str(object).unwrap())
}

fn eol(encoding: Encoding) -> &'static str {
    match encoding {
        Encoding::Text(Style { crlf: false, .. }) | Encoding::Json(Framing::Lines) => "\n",
        Encoding::Text(_) | Encoding::Relay => "\r\n",
        Encoding::Frame | Encoding::Json(_) | Encoding::Web(_) => "",
    }
}

fn said(name: &str, text: &str) -> Line {
    Line { room: RoomName::lobby(), from: speaker(1, name), body: body(text), at: NOON, seq: 57 }
}
