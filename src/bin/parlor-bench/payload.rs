//! The payload of a line of the bench, and the search for it in what a server sends.
//!
//! ```text
//! ` K TTTTTTTTTTTTTTTT SSSSSSSS NN xxx…     (no blanks)
//! ```
//!
//! No server here sends a backquote for another reason. Counting that byte therefore counts deliveries, on each wire
//! and wherever a read ends. K is the kind, T the line's due time in nanoseconds since the start of the bench, S its
//! number among the talker's lines, N its talker; T, S and N in hexadecimal.

use memchr::{memchr, memchr_iter};

/// The first byte of a payload, which nothing else contains.
pub(super) const MARK: u8 = b'`';
/// The shortest payload with a line end after it.
pub(super) const SHORTEST: usize = 29;

/// The purpose of a line.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    /// Is counted and recorded.
    Data,
    /// Shows that all members receive lines, or warms up. Is counted, not recorded.
    Fence,
}

/// The contents of a line.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Payload {
    pub(super) kind: Kind,
    /// The due time, in nanoseconds since the start of the bench.
    pub(super) due: u64,
    /// The number among the talker's lines, from 0.
    pub(super) number: u32,
    pub(super) talker: u8,
}

impl Payload {
    /// Appends the payload, filled up to `length` bytes.
    pub(super) fn write(&self, length: usize, out: &mut Vec<u8>) {
        let end = out.len() + length;
        out.push(MARK);
        out.push(match self.kind {
            Kind::Data => b'D',
            Kind::Fence => b'F',
        });
        hex(self.due, 16, out);
        hex(u64::from(self.number), 8, out);
        hex(u64::from(self.talker), 2, out);
        out.resize(end, b'x');
    }

    fn parse(bytes: &[u8]) -> Option<Self> {
        let kind = match bytes.get(1)? {
            b'D' => Kind::Data,
            b'F' => Kind::Fence,
            _ => return None,
        };
        Some(Self {
            kind,
            due: unhex(bytes.get(2..18)?)?,
            number: u32::try_from(unhex(bytes.get(18..26)?)?).ok()?,
            talker: u8::try_from(unhex(bytes.get(26..28)?)?).ok()?,
        })
    }
}

/// The number of payloads that begin in these bytes.
pub(super) fn count(bytes: &[u8]) -> u64 {
    memchr_iter(MARK, bytes).count() as u64
}

/// Calls `found` for each payload of `length` bytes that ends in `bytes`. Between two calls `rest` keeps a payload
/// that has begun.
pub(super) fn scan(rest: &mut Vec<u8>, bytes: &[u8], length: usize, mut found: impl FnMut(Payload)) {
    let carried = !rest.is_empty();
    if carried {
        rest.extend_from_slice(bytes);
    }
    let whole = std::mem::take(rest);
    let text = if carried { &whole[..] } else { bytes };
    let mut at = 0;
    while let Some(start) = memchr(MARK, &text[at..]) {
        let start = at + start;
        let Some(payload) = text.get(start..start + length) else {
            *rest = text[start..].to_vec();
            return;
        };
        match Payload::parse(payload) {
            Some(payload) => {
                found(payload);
                at = start + length;
            }
            None => at = start + 1,
        }
    }
}

fn hex(value: u64, digits: u32, out: &mut Vec<u8>) {
    for place in (0..digits).rev() {
        let digit = (value >> (4 * place)) & 15;
        out.push(b"0123456789abcdef"[digit as usize]);
    }
}

fn unhex(bytes: &[u8]) -> Option<u64> {
    bytes.iter().try_fold(0, |value, byte| Some(value << 4 | u64::from((*byte as char).to_digit(16)?)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn payload_cut_anywhere_is_found() {
        let lines = [(Kind::Fence, 3, 0, 0), (Kind::Data, u64::MAX, 7, 255), (Kind::Data, 0, u32::MAX, 1)];
        let lines = lines.map(|(kind, due, number, talker)| Payload { kind, due, number, talker });
        for length in [SHORTEST - 1, 63, 399] {
            let mut bytes = Vec::new();
            for line in &lines {
                bytes.extend_from_slice(b"[a]a: ");
                line.write(length, &mut bytes);
                bytes.push(b'\n');
            }
            for piece in 1..bytes.len() {
                let (mut rest, mut found, mut counted) = (Vec::new(), Vec::new(), 0);
                for bytes in bytes.chunks(piece) {
                    counted += count(bytes);
                    scan(&mut rest, bytes, length, |payload| found.push(payload));
                }
                assert_eq!(found, lines, "in pieces of {piece}");
                assert_eq!(counted, 3);
            }
        }
    }
}
