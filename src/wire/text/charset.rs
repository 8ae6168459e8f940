//! Reads and writes a session's lines in its character set.
//!
//! Everything else in this folder sees UTF-8. Bytes are decoded when they are added to the typed line, so
//! editing characters remove decoded characters. Lines are encoded last, when they are whole.

use crate::protocol::Charset;

/// The control sequence introducer of terminals that send eight bits.
pub(super) const CSI: u8 = 0x9b;

/// Encodes finished lines from UTF-8, and appends them to `out`. Characters that the set lacks become `?`.
#[cfg(feature = "charset")]
pub(super) fn write(charset: Charset, lines: &[u8], out: &mut Vec<u8>) {
    use encoding_rs::EncoderResult;
    let (Some(set), Ok(mut rest)) = (charset.other(), std::str::from_utf8(lines)) else {
        return out.extend_from_slice(lines);
    };
    let start = out.len();
    let mut encoder = set.encoding.new_encoder();
    loop {
        // The longest encoding of a character has four bytes.
        out.reserve(encoder.max_buffer_length_from_utf8_without_replacement(rest.len()).unwrap_or(rest.len() * 4));
        let (result, read) = encoder.encode_from_utf8_to_vec_without_replacement(rest, out, true);
        rest = rest.get(read..).unwrap_or_default();
        match result {
            EncoderResult::InputEmpty => break,
            EncoderResult::Unmappable(_) => out.push(b'?'),
            EncoderResult::OutputFull => {} // more is reserved
        }
    }
    if set.has_c1 {
        out.iter_mut().skip(start).filter(|byte| matches!(byte, 0x80..=0x9f)).for_each(|byte| *byte = b'?');
    }
    if set.doubles_255 && out.iter().skip(start).any(|byte| *byte == u8::MAX) {
        let written = out.split_off(start);
        out.extend(written.into_iter().flat_map(|byte| std::iter::repeat_n(byte, 1 + usize::from(byte == u8::MAX))));
    }
}

/// There is only UTF-8.
#[cfg(not(feature = "charset"))]
pub(super) fn write(_: Charset, lines: &[u8], out: &mut Vec<u8>) {
    out.extend_from_slice(lines);
}

/// Decodes typed bytes to UTF-8, whatever pieces they come in.
#[cfg(feature = "charset")]
pub(super) struct Decoder {
    decoder: Box<encoding_rs::Decoder>,
    /// Byte 0x9b is the control CSI, whatever letter the standard has there. A key's sequence begins with it
    /// and may stand before a command.
    has_csi: bool,
}

/// There is only UTF-8, which needs none.
#[cfg(not(feature = "charset"))]
#[derive(Debug)]
pub(super) enum Decoder {}

impl Decoder {
    /// A decoder from `charset`; `None` for UTF-8.
    pub(super) fn of(charset: Charset) -> Option<Self> {
        #[cfg(feature = "charset")]
        return charset.other().map(|set| Self {
            decoder: Box::new(set.encoding.new_decoder_without_bom_handling()),
            has_csi: set.has_c1,
        });
        #[cfg(not(feature = "charset"))]
        charset.other().map(|never| match never {})
    }

    /// Decodes some bytes and passes the text on, in pieces. An unfinished character at their end waits for the
    /// next bytes.
    #[cfg(feature = "charset")]
    pub(super) fn decode(&mut self, bytes: &[u8], mut to: impl FnMut(&[u8])) {
        if !self.has_csi {
            return self.step(bytes, false, to);
        }
        for part in bytes.split_inclusive(|byte| *byte == CSI) {
            let letters = part.strip_suffix(&[CSI]);
            self.step(letters.unwrap_or(part), false, &mut to);
            if letters.is_some() {
                to("\u{9b}".as_bytes());
            }
        }
    }

    /// Ends the text: an unfinished character becomes U+FFFD.
    #[cfg(feature = "charset")]
    pub(super) fn end(&mut self, to: impl FnMut(&[u8])) {
        self.step(&[], true, to);
        *self.decoder = self.decoder.encoding().new_decoder_without_bom_handling();
    }

    #[cfg(feature = "charset")]
    fn step(&mut self, bytes: &[u8], is_last: bool, mut to: impl FnMut(&[u8])) {
        let (mut piece, mut rest) = ([0; 512], bytes);
        loop {
            let (result, read, written, _) = self.decoder.decode_to_utf8(rest, &mut piece, is_last);
            to(piece.get(..written).unwrap_or_default());
            rest = rest.get(read..).unwrap_or_default();
            if result == encoding_rs::CoderResult::InputEmpty {
                return;
            }
        }
    }

    #[cfg(not(feature = "charset"))]
    pub(super) fn decode(&mut self, _: &[u8], _: impl FnMut(&[u8])) {
        match *self {}
    }

    #[cfg(not(feature = "charset"))]
    pub(super) fn end(&mut self, _: impl FnMut(&[u8])) {
        match *self {}
    }
}

#[cfg(feature = "charset")]
impl std::fmt::Debug for Decoder {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_tuple("Decoder").field(&self.decoder.encoding().name()).finish()
    }
}
