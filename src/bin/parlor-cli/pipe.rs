//! The lines of a program's output, as a terminal would finally show them.
//!
//! Escape sequences are removed. Of text that a carriage return overwrites, the last counts
//! (`1%\r50%\r100%`). A line that is too long comes in parts. No visible text is lost.

use std::io::{BufRead, BufReader, Read};
use std::thread;

use anstream::adapter::StripStr;
use crossbeam_channel::{Receiver, Sender, bounded};

use super::error::Error;
use parlor::protocol::{Body, clean};

/// Longest part of a line, in bytes. It fits into a JSON packet even if every character is escaped.
const MAX_PART: usize = 32_000;
/// Bytes of input read at once.
const READ_BYTES: u64 = 16 * 1024;
/// Most lines read ahead of the one being said.
const READ_AHEAD: usize = 16;

/// Reads lines on a thread, so that the session is kept alive while no input comes. The thread ends with
/// the input, or when the receiver is dropped.
pub(super) fn read_ahead(input: impl Read + Send + 'static) -> Result<Receiver<Body>, Error> {
    let (sender, lines) = bounded(READ_AHEAD);
    let thread = thread::Builder::new().name("input".into()).spawn(move || read(input, &sender));
    thread.map_err(|error| Error::terminal("read standard input", &error))?;
    Ok(lines)
}

fn read(input: impl Read, lines: &Sender<Body>) {
    let mut input = BufReader::new(input);
    let (mut shown, mut rest) = (Shown::default(), Vec::new());
    loop {
        let count = input.by_ref().take(READ_BYTES).read_until(b'\n', &mut rest).unwrap_or(0);
        let is_whole = count == 0 || rest.last() == Some(&b'\n');
        let whole = if is_whole { rest.len() } else { rest.len() - unfinished(&rest) };
        shown.write(&String::from_utf8_lossy(rest.get(..whole).unwrap_or_default()));
        rest.drain(..whole);
        while let Some(part) = shown.part(is_whole) {
            if let Some(body) = Body::new(&part)
                && lines.send(body).is_err()
            {
                return;
            }
        }
        if count == 0 {
            return;
        }
    }
}

/// The length of an incomplete UTF-8 character at the end, in bytes.
fn unfinished(bytes: &[u8]) -> usize {
    let tail = bytes.get(bytes.len().saturating_sub(3)..).unwrap_or_default();
    (1..=tail.len())
        .find(|length| {
            let end = tail.get(tail.len() - length..).unwrap_or_default();
            matches!(std::str::from_utf8(end), Err(error) if error.valid_up_to() == 0 && error.error_len().is_none())
        })
        .unwrap_or(0)
}

/// One line as a terminal shows it.
#[derive(Default)]
struct Shown {
    escapes: StripStr,
    text: String,
    /// The text before the last carriage return.
    before: String,
}

impl Shown {
    fn write(&mut self, text: &str) {
        for c in text.split_inclusive(['\r', '\u{8}', '\n']) {
            let (plain, control) = match c.char_indices().next_back() {
                Some((at, control @ ('\r' | '\u{8}' | '\n'))) => (c.get(..at).unwrap_or_default(), Some(control)),
                _ => (c, None),
            };
            for visible in self.escapes.strip_next(plain) {
                self.text.push_str(visible);
            }
            match control {
                Some('\r') if !self.text.trim().is_empty() => self.before = std::mem::take(&mut self.text),
                Some('\r') => self.text.clear(),
                Some('\u{8}') => drop(self.text.pop()),
                _ => {}
            }
        }
    }

    /// The next part that can be said; `None` until more of the line arrives.
    fn part(&mut self, is_whole: bool) -> Option<String> {
        if self.text.len() > MAX_PART {
            let text = std::mem::take(&mut self.text);
            let (part, rest) = split(&text, MAX_PART);
            self.text = rest.to_owned();
            self.before.clear();
            return Some(part.to_owned());
        }
        if !is_whole {
            return None;
        }
        let Self { text, before, .. } = std::mem::take(self);
        let line = if text.trim().is_empty() { before } else { text };
        (!line.is_empty()).then(|| clean(line.as_bytes()).into_owned())
    }
}

/// Splits `text` after at most `limit` bytes: at a blank in the last eighth, else between characters. The
/// blank is dropped.
pub(super) fn split(text: &str, limit: usize) -> (&str, &str) {
    if text.len() <= limit {
        return (text, "");
    }
    let first = text.chars().next().map_or(0, char::len_utf8);
    let end = text.floor_char_boundary(limit).max(first);
    let near = text.floor_char_boundary(end - end / 8);
    // A blank just after the limit counts too.
    let behind = text.get(end..).and_then(|rest| rest.chars().next()).filter(|c| c.is_whitespace());
    let blank = match behind {
        Some(_) => Some(end),
        None => text.get(near..end).and_then(|last| last.rfind(char::is_whitespace)).map(|at| near + at),
    };
    match blank.filter(|at| *at > 0) {
        Some(at) => {
            let (part, rest) = text.split_at(at);
            let blank = rest.chars().next().map_or(0, char::len_utf8);
            (part, rest.get(blank..).unwrap_or_default())
        }
        None => text.split_at(end),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn lines(input: &[u8]) -> Vec<String> {
        let (sender, lines) = crossbeam_channel::unbounded();
        read(input, &sender);
        drop(sender);
        lines.into_iter().map(|body: Body| body.as_str().to_owned()).collect()
    }

    #[test]
    fn program_output_reads_as_terminal_shows() {
        for (input, wanted) in [
            ("a\nb", &["a", "b"][..]),
            ("a\r\n\r\nb\r\n", &["a", "b"]),
            ("1%\r50%\r100%\n", &["100%"]),
            ("1%\r50%\r100%\r\n", &["100%"]),
            ("1%\r50%\r100%", &["100%"]),
            ("1%\r50%\r", &["50%"]),
            ("50%\r\x1b[K\n", &["50%"]),
            ("50%\r    \rdone\n", &["done"]),
            ("\x1b[1;31merror\x1b[0m: \x1b[38;5;9mx\x1b[m\n", &["error: x"]),
            ("\x1b]0;title\x07a\x1b]8;;http://x\x1b\\b\x1b]8;;\x1b\\\n", &["ab"]),
            ("\x1b(Ba\x1b7b\x1bPq#0\x1b\\c\x1b[?25l\n", &["abc"]),
            ("\x1b[2J\n\x1b[0m\n", &[]),
            ("\x1b]0;never ended\nnext\n", &["next"]),
            ("N\x08NA\x08AM\x08ME\n", &["NAME"]),
            ("  indented\ttab\n", &["  indented\ttab"]),
            ("/msg ann x\n\u{200b}/msg ann x\n \u{feff}who\n", &["/msg ann x", "\u{200b}/msg ann x", " \u{feff}who"]),
            ("\u{7}ding\x7f\n", &["ding"]),
        ] {
            let wanted: Vec<String> = wanted.iter().map(|line| Body::new(line).unwrap().as_str().to_owned()).collect();
            assert_eq!(lines(input.as_bytes()), wanted, "{input:?}");
        }
        assert_eq!(lines(b"\xff\xc4\xe3\n\xe5\xae"), ["\u{fffd}\u{fffd}\u{fffd}", "\u{fffd}"]);
    }

    #[test]
    fn endless_line_comes_in_parts() {
        let word = "häuser ".repeat(50_000);
        let parts = lines(word.as_bytes());
        assert!(parts.len() > 10 && parts.iter().all(|part| part.len() <= MAX_PART));
        assert!(parts.iter().all(|part| part.trim().split(' ').all(|word| word == "häuser")), "split at blanks");
        assert_eq!(parts.concat().replace(' ', ""), word.replace(' ', ""));
        let solid = "ä".repeat(100_000);
        assert_eq!(lines(solid.as_bytes()).concat(), solid);
        // Progress output without a line end is one line at last.
        assert_eq!(lines("50% of it\r".repeat(100_000).as_bytes()), ["50% of it"]);
    }

    proptest! {
        #[test]
        fn parts_are_the_whole(text in "[a-zä家 🏠]{0,60}", limit in 1_usize..50) {
            let (mut rest, mut parts) = (&*text, Vec::new());
            while !rest.is_empty() {
                let (part, more) = split(rest, limit);
                prop_assert!(part.len() <= limit.max(4), "{:?}", part);
                prop_assert!(more.len() < rest.len());
                parts.push(part);
                rest = more;
            }
            prop_assert_eq!(parts.concat().replace(' ', ""), text.replace(' ', ""));
        }

        #[test]
        fn no_output_is_too_strange(bytes in proptest::collection::vec(any::<u8>(), 0..200)) {
            for line in lines(&bytes) {
                prop_assert!(!line.contains(|c: char| c.is_control() && c != '\t'), "{:?}", line);
            }
        }
    }
}
