//! The text of the line that is being typed, in UTF-8.
//!
//! In another character set, bytes are decoded when they are added. The text keeps at most `max` bytes. A text
//! that was longer at any time stays too long, even after characters are removed.

use super::charset::Decoder;
use crate::protocol::Charset;

/// A line buffer that grows beyond this is shrunk after the line, in bytes.
const KEPT_CAPACITY: usize = 512;
/// Longest character of UTF-8, in bytes.
const MAX_CHARACTER: usize = 4;

/// The text of a line without its end.
#[derive(Debug)]
pub(super) struct TypedText {
    max: usize,
    /// Decodes what is typed; `None` for UTF-8.
    decoder: Option<Decoder>,
    kept: Vec<u8>,
    /// The length of the text; more than is kept, if it is too long.
    bytes: u64,
}

impl TypedText {
    /// An empty text that keeps at most `max` bytes.
    pub(super) fn new(max: usize) -> Self {
        Self { max, decoder: None, kept: Vec::new(), bytes: 0 }
    }

    /// From now on, bytes are in this character set. The text is empty.
    pub(super) fn set_charset(&mut self, charset: Charset) {
        self.decoder = Decoder::of(charset);
    }

    /// Whether nothing has been typed since the last line's end.
    pub(super) fn is_empty(&self) -> bool {
        self.bytes == 0
    }

    /// The bytes kept: all of the line, unless it is too long.
    pub(super) fn kept(&self) -> &[u8] {
        &self.kept
    }

    /// Lends the kept bytes to the caller; see [`TypedText::take_back`].
    pub(super) fn lend(&mut self) -> Vec<u8> {
        std::mem::take(&mut self.kept)
    }

    /// Takes the lent buffer back, to reuse its memory.
    pub(super) fn take_back(&mut self, kept: Vec<u8>) {
        self.kept = kept;
    }

    /// The line's length in bytes, if it is or was longer than `max`.
    pub(super) fn too_long(&self) -> Option<u64> {
        (self.bytes > self.max as u64).then_some(self.bytes)
    }

    /// Clears the line for the next one.
    pub(super) fn clear(&mut self) {
        self.kept.clear();
        self.kept.shrink_to(KEPT_CAPACITY);
        self.bytes = 0;
    }

    /// Adds typed bytes.
    pub(super) fn push(&mut self, bytes: &[u8]) {
        match self.decoder.take() {
            None => self.keep_text(bytes),
            Some(mut decoder) => {
                decoder.decode(bytes, |text| self.keep_text(text));
                self.decoder = Some(decoder);
            }
        }
    }

    fn keep_text(&mut self, text: &[u8]) {
        let room = self.max.saturating_sub(self.kept.len()).min(text.len());
        self.kept.extend_from_slice(text.get(..room).unwrap_or_default());
        self.bytes += text.len() as u64;
    }

    /// Removes the last character, which may be several bytes.
    pub(super) fn erase_character(&mut self) {
        self.end();
        if self.too_long().is_some() {
            return; // which characters were thrown away is not known
        }
        let whole = (2..=MAX_CHARACTER.min(self.kept.len())).find(|length| {
            let tail = self.kept.get(self.kept.len() - length..).unwrap_or_default();
            std::str::from_utf8(tail).is_ok_and(|text| text.chars().count() == 1)
        });
        self.kept.truncate(self.kept.len().saturating_sub(whole.unwrap_or(1)));
        self.bytes = self.kept.len() as u64;
    }

    /// Ends the text so far: an unfinished character becomes U+FFFD.
    pub(super) fn end(&mut self) {
        if let Some(mut decoder) = self.decoder.take() {
            decoder.end(|text| self.keep_text(text));
            self.decoder = Some(decoder);
        }
    }
}
