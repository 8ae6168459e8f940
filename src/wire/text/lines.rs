//! Splits typed bytes into lines and obeys editing characters.
//!
//! A line ends at LF, CR LF or CR NUL (RFC 1123, 3.3.1). A terminal in raw mode sends a bare CR for
//! Enter: until a peer has sent its first LF, a read that ends in a bare CR makes every bare CR a
//! line end. Any other CR is a blank, so that a progress bar is one line.
//!
//! In a character set other than UTF-8, bytes are decoded when they are added. None of these sets has an
//! editing character or a line end within a character.
//!
//! Backspace and DEL remove a character, Ctrl-U the line so far. A line keeps at most `max` bytes. A line
//! that was longer at any time stays too long, even after characters are removed.

use memchr::{memchr, memchr3};

use super::typed_text::TypedText;

const BACKSPACE: u8 = 0x08;
const CTRL_U: u8 = 0x15;
const DEL: u8 = 0x7f;

/// Most bytes searched at once for a line end or an editing character. It bounds the work for a read full of
/// editing characters, which is searched again after each.
const SEARCHED_BYTES: usize = 256;

/// How a line ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum LineEnd {
    /// LF, with or without a CR before it.
    Lf { with_cr: bool },
    /// CR NUL, or a bare CR.
    Cr,
}

/// The reason why [`TypedLine::take`] stopped.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Stop {
    /// The line is complete.
    Ended(LineEnd),
    /// The next byte is the `mark` that was asked for.
    Mark,
    /// All bytes are taken.
    Empty,
}

/// The kind of the previous byte.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Before {
    Other,
    Lf,
    /// A CR whose meaning depends on the next byte.
    Cr,
    /// A CR that ended a line. An LF that comes next belongs to it.
    CrThatEnded,
    /// A CR directly after LF, which was removed.
    CrThatWent,
}

/// The line that is being typed.
#[derive(Debug)]
pub(super) struct TypedLine {
    pub(super) text: TypedText,
    before: Before,
    lf_seen: bool,
    crlf_seen: bool,
    bare_cr_ends: bool,
}

impl TypedLine {
    /// An empty line that keeps at most `max` bytes.
    pub(super) fn new(max: usize) -> Self {
        Self { text: TypedText::new(max), before: Before::Other, lf_seen: false, crlf_seen: false, bare_cr_ends: false }
    }

    /// Whether an LF has come: from then on a bare CR does not end a line.
    pub(super) fn has_seen_lf(&self) -> bool {
        self.lf_seen
    }

    /// Whether CR LF has come.
    pub(super) fn has_seen_crlf(&self) -> bool {
        self.crlf_seen
    }

    /// Tells that the bytes of the next read have no LF and end in a bare CR.
    pub(super) fn read_ends_in_bare_cr(&mut self) {
        self.bare_cr_ends |= !self.lf_seen;
    }

    /// Takes bytes up to and with the line end, or up to and without `mark`. Returns how many it took, and
    /// why it stopped.
    pub(super) fn take(&mut self, bytes: &[u8], mark: u8) -> (usize, Stop) {
        let mut taken = 0;
        loop {
            let rest = bytes.get(taken..).unwrap_or_default();
            let plain = plain_length(rest, mark);
            if plain > 0 {
                self.push(rest.get(..plain).unwrap_or_default());
                taken += plain;
            }
            match rest.get(plain) {
                None => return (taken, Stop::Empty),
                Some(_) if plain == SEARCHED_BYTES => {} // the next bytes may be plain too
                Some(byte) if *byte == mark => return (taken, Stop::Mark),
                Some(byte) => {
                    taken += 1;
                    if let Some(end) = self.act(*byte) {
                        self.text.end();
                        return (taken, Stop::Ended(end));
                    }
                }
            }
        }
    }

    /// Adds bytes that are neither line ends nor editing characters.
    pub(super) fn push(&mut self, bytes: &[u8]) {
        self.settle_cr();
        self.text.push(bytes);
    }

    /// Removes the last character, which may be several bytes. Never removes one of the previous line.
    pub(super) fn erase_character(&mut self) {
        self.settle_cr();
        self.text.erase_character();
    }

    /// Removes the line so far.
    pub(super) fn erase_line(&mut self) {
        self.before = Before::Other;
        self.text.end();
        self.text.clear();
    }

    /// Handles a byte that is not plain text; returns the line end if it is one.
    fn act(&mut self, byte: u8) -> Option<LineEnd> {
        match byte {
            b'\n' => return self.end_at_lf(),
            b'\r' if self.bare_cr_ends => {
                self.settle_cr();
                self.before = Before::CrThatEnded;
                return Some(LineEnd::Cr);
            }
            b'\r' if self.before == Before::Lf => self.before = Before::CrThatWent,
            b'\r' => {
                self.settle_cr();
                self.before = Before::Cr;
            }
            0 if self.before == Before::Cr => {
                self.before = Before::Other;
                return Some(LineEnd::Cr);
            }
            0 => {}
            CTRL_U => self.erase_line(),
            _ => self.erase_character(),
        }
        None
    }

    fn end_at_lf(&mut self) -> Option<LineEnd> {
        let before = std::mem::replace(&mut self.before, Before::Lf);
        let with_cr = !matches!(before, Before::Other | Before::Lf);
        self.lf_seen = true;
        self.crlf_seen |= with_cr;
        self.bare_cr_ends = false;
        (before != Before::CrThatEnded).then_some(LineEnd::Lf { with_cr })
    }

    /// Adds a blank for a CR that did not end the line.
    fn settle_cr(&mut self) {
        if std::mem::replace(&mut self.before, Before::Other) == Before::Cr {
            self.text.push(b" ");
        }
    }
}

/// The number of plain bytes, within the first [`SEARCHED_BYTES`], before a line end, an editing character or `mark`.
fn plain_length(bytes: &[u8], mark: u8) -> usize {
    let bytes = bytes.get(..SEARCHED_BYTES).unwrap_or(bytes);
    let bytes = bytes.get(..memchr3(b'\n', b'\r', mark, bytes).unwrap_or(bytes.len())).unwrap_or_default();
    let bytes = bytes.get(..memchr3(0, BACKSPACE, CTRL_U, bytes).unwrap_or(bytes.len())).unwrap_or_default();
    memchr(DEL, bytes).unwrap_or(bytes.len())
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    /// A mark that equals no byte in the tests.
    const NONE: u8 = 0xff;

    fn lines(max: usize, reads: &[&[u8]]) -> Vec<Result<String, u64>> {
        let mut typed = TypedLine::new(max);
        let mut all = Vec::new();
        let take = |typed: &mut TypedLine, all: &mut Vec<_>| {
            all.push(
                typed.text.too_long().map_or_else(|| Ok(String::from_utf8_lossy(typed.text.kept()).into_owned()), Err),
            );
            typed.text.clear();
        };
        for read in reads {
            if !typed.has_seen_lf() && !read.contains(&b'\n') && read.ends_with(b"\r") {
                typed.read_ends_in_bare_cr();
            }
            let mut rest = *read;
            loop {
                let (taken, stop) = typed.take(rest, NONE);
                rest = &rest[taken..];
                if stop == Stop::Empty {
                    break;
                }
                take(&mut typed, &mut all);
            }
        }
        if !typed.text.is_empty() {
            take(&mut typed, &mut all);
        }
        all
    }

    fn said(reads: &[&[u8]]) -> Vec<String> {
        lines(4096, reads).into_iter().map(|line| line.unwrap()).filter(|line| !line.is_empty()).collect()
    }

    #[test]
    fn line_ends_as_the_protocol_lists_them() {
        let cases: [(&[&[u8]], &[&str]); 14] = [
            (&[b"a\nb\r\nc"], &["a", "b", "c"]),
            (&[b"hello\r\0how are you\r\0"], &["hello", "how are you"]),
            (&[b"hello\r"], &["hello"]),
            (&[b"hello\r/msg ann x\r"], &["hello", "/msg ann x"]),
            (&[b"hello\r", b"\nb\r\nc\rd\n"], &["hello", "b", "c d"]),
            (&[b"a\r", b"b\rc", b"\rd\n", b"e\rf\n"], &["a", "b", "c", "d", "e f"]),
            (&[b"a\r", b"\0b\r", b"\0"], &["a", "b"]),
            (&[b"a\n\rb\n\r"], &["a", "b"]),
            (&[b"a\n\r", b"\nb\r", b"c\n"], &["a", "b c"]),
            (&[b"1%\r50%\r100%\n"], &["1% 50% 100%"]),
            (&[b"a\nb\r"], &["a", "b"]),
            (&[b"a\r\r\nb\0c\n"], &["a ", "bc"]),
            (&[b"a\n\r\rb\n"], &["a", " b"]),
            (&[b"x\r\x08y\r\x15z\r\0"], &["z"]),
        ];
        for (reads, wanted) in cases {
            assert_eq!(said(reads), wanted, "{reads:?}");
        }
    }

    #[test]
    fn editing_removes_characters_of_this_line() {
        let cases: [(&[u8], &[&str]); 7] = [
            (b"/msg anm\x08n hi\n", &["/msg ann hi"]),
            (b"anm\x7fn\n\x08\x7f\x08hi\n", &["ann", "hi"]),
            ("häß\u{8}\u{7f}i 🏠\u{8}\n".as_bytes(), &["hi "]),
            (b"secret\x15hi\n", &["hi"]),
            (b"caf\xe9\x08e \xe5\xae\x08!\n", &["cafe \u{fffd}!"]),
            (b"ab\x08\x08\x08\x08c\n", &["c"]),
            (b"one\rtwo\x08\x08\x08\x08!\n", &["one!"]),
        ];
        for (read, wanted) in cases {
            assert_eq!(said(&[read]), wanted, "{}", read.escape_ascii());
        }
    }

    /// The reference: splits lines without a bound on memory.
    fn model(max: usize, bytes: &[u8]) -> Result<String, u64> {
        let (mut line, mut over) = (Vec::new(), false);
        for byte in bytes {
            match *byte {
                CTRL_U => (line, over) = (Vec::new(), false),
                BACKSPACE | DEL if over => {}
                BACKSPACE | DEL => {
                    let text = String::from_utf8_lossy(&line).into_owned();
                    let last = text.chars().last();
                    let is_broken = last == Some(char::REPLACEMENT_CHARACTER);
                    line.truncate(line.len() - last.map_or(0, |c| if is_broken { 1 } else { c.len_utf8() }));
                }
                byte => line.push(byte),
            }
            over |= line.len() > max;
        }
        if over { Err(line.len() as u64) } else { Ok(String::from_utf8_lossy(&line).into_owned()) }
    }

    proptest! {
        #[test]
        fn an_edited_line_is_bounded_and_right(
            parts in proptest::collection::vec(
                prop_oneof![Just(vec![8]), Just(vec![0x7f]), Just(vec![0x15]), Just(vec![0xe9]), "[a-zäß家🏠]{1,9}".prop_map(String::into_bytes)],
                0..40,
            ),
            cut in any::<prop::sample::Index>(),
        ) {
            const MAX: usize = 20;
            let bytes = parts.concat();
            let (left, right) = bytes.split_at(cut.index(bytes.len() + 1));
            let mut typed = TypedLine::new(MAX);
            for read in [left, right] {
                prop_assert_eq!(typed.take(read, NONE), (read.len(), Stop::Empty));
                prop_assert!(typed.text.kept().len() <= MAX);
            }
            let got = typed.text.too_long().map_or_else(|| Ok(String::from_utf8_lossy(typed.text.kept()).into_owned()), Err);
            prop_assert_eq!(got, model(MAX, &bytes));
        }
    }
}
