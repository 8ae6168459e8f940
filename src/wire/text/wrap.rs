//! Wraps the server's own lines at 78 columns.
//!
//! Each further line begins with the same mark, `*** ` or `!!! `, and an indent. So typed words, such as a
//! topic, never stand where a line of the server begins. The blank at which a line is wrapped stays at its
//! end, as in format=flowed (RFC 3676): a program then knows that the line goes on.

use std::fmt;

use unicode_width::UnicodeWidthStr as _;

/// Widest line of the server, in columns: a terminal has 80, and needs room for a cursor.
pub(crate) const COLUMNS: usize = 78;

/// The indent after the mark of a further line.
pub(super) const INDENT: &str = "    ";

/// Collects the lines of the server.
pub(super) struct Page<'a> {
    pub(super) eol: &'a str,
    pub(super) out: &'a mut Vec<u8>,
}

impl Page<'_> {
    /// Adds information: `*** ` and the text.
    pub(super) fn info(&mut self, text: fmt::Arguments<'_>) {
        self.marked("*** ", text);
    }

    /// Adds `mark` and a text, wrapped. A `\n` in `text` begins a line that is not indented.
    pub(super) fn marked(&mut self, mark: &str, text: fmt::Arguments<'_>) {
        match text.as_str() {
            Some(text) => wrap(mark, text, self.eol, self.out),
            None => wrap(mark, &text.to_string(), self.eol, self.out),
        }
    }

    /// Adds a line unwrapped, of any width: people's words, and the old chat room's answers.
    pub(super) fn bare(&mut self, text: fmt::Arguments<'_>) {
        use std::io::Write as _;
        // Writing to a Vec cannot fail.
        let _ = self.out.write_fmt(text);
        self.end();
    }

    pub(super) fn end(&mut self) {
        self.out.extend_from_slice(self.eol.as_bytes());
    }
}

/// Appends `mark` and `text` in lines of at most [`COLUMNS`]; a `\n` begins a new line.
pub(in crate::wire) fn wrap(mark: &str, text: &str, eol: &str, out: &mut Vec<u8>) {
    for line in text.split('\n') {
        out.extend_from_slice(mark.as_bytes());
        if line.is_ascii() && mark.len() + line.len() <= COLUMNS {
            out.extend_from_slice(line.trim_end_matches(' ').as_bytes()); // nearly every line
        } else {
            wrap_line(mark, line, eol, out);
        }
        out.extend_from_slice(eol.as_bytes());
    }
}

fn wrap_line(mark: &str, line: &str, eol: &str, out: &mut Vec<u8>) {
    let mut column = mark.len();
    let mut blanks = 0;
    let mut is_fresh = true; // no word stands on this line yet
    for (index, word) in line.split(' ').enumerate() {
        blanks += usize::from(index > 0);
        if word.is_empty() {
            continue;
        }
        let width = word.width();
        // One column is left for the blank at which the line may be wrapped.
        if !is_fresh && column + blanks + width >= COLUMNS {
            column = next_line(" ", mark, eol, out);
            blanks = 0;
        }
        out.extend(std::iter::repeat_n(b' ', blanks));
        column += blanks;
        let mut rest = word;
        // Measure only the beginning of a long word for each line: handlers may send megabytes.
        loop {
            let fits = fitting(rest, COLUMNS - 1 - column.min(COLUMNS - 2));
            if fits == rest.len() && column + rest.width() < COLUMNS {
                break;
            }
            let (piece, beyond) = rest.split_at(fits);
            out.extend_from_slice(piece.as_bytes());
            rest = beyond;
            column = next_line("", mark, eol, out);
        }
        out.extend_from_slice(rest.as_bytes());
        column += rest.width();
        blanks = 0;
        is_fresh = false;
    }
}

/// Ends a wrapped line and begins its next one; returns the column there.
fn next_line(end: &str, mark: &str, eol: &str, out: &mut Vec<u8>) -> usize {
    for part in [end, eol, mark, INDENT] {
        out.extend_from_slice(part.as_bytes());
    }
    mark.len() + INDENT.len()
}

/// How many bytes of `text` fit into so many columns: at least one character and its marks.
fn fitting(text: &str, columns: usize) -> usize {
    let is_printable = |byte: &u8| matches!(byte, b' '..=b'~');
    if text.as_bytes().get(..=columns).is_some_and(|start| start.iter().all(is_printable)) {
        return columns; // nearly every text: a column is a byte
    }
    let mut fits = 0;
    for (at, c) in text.char_indices() {
        let end = at + c.len_utf8();
        let width = text.get(..end).map_or(0, |part| part.width());
        if width > columns && fits > 0 {
            break;
        }
        fits = end;
    }
    fits
}

/// `text` cut to so many columns; an ellipsis marks a cut.
pub(super) fn cut(text: &str, columns: usize) -> String {
    if text.width() <= columns {
        return text.to_owned();
    }
    let kept = text.get(..fitting(text, columns.saturating_sub(1))).unwrap_or_default();
    format!("{}…", kept.trim_end_matches(' '))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn wrapped(text: &str) -> String {
        let mut out = Vec::new();
        wrap("*** ", text, "\n", &mut out);
        String::from_utf8(out).unwrap()
    }

    #[test]
    fn short_lines_stay_as_they_are() {
        assert_eq!(wrapped("pong"), "*** pong\n");
        assert_eq!(wrapped("  mike  idle 3 s"), "***   mike  idle 3 s\n");
        assert_eq!(wrapped(&"x".repeat(74)), format!("*** {}\n", "x".repeat(74)));
        assert_eq!(wrapped("No.\nTo say it"), "*** No.\n*** To say it\n");
    }

    #[test]
    fn long_line_wraps_at_blank() {
        let words = "word ".repeat(20);
        let line = "word ".repeat(14);
        assert_eq!(wrapped(&words), format!("*** {line}\n***     {}\n", "word ".repeat(6).trim_end()));
        let word = "y".repeat(100);
        assert_eq!(wrapped(&word), format!("*** {}\n***     {}\n", &word[..73], &word[73..]));
        assert_eq!(
            wrapped(&format!("topic: {word}")),
            format!("*** topic: \n***     {}\n***     {}\n", &word[..69], &word[69..])
        );
    }

    #[test]
    fn cut_text_ends_in_mark() {
        assert_eq!(cut("tea & cake", 10), "tea & cake");
        assert_eq!(cut("tea & cake", 9), "tea & ca…");
        assert_eq!(cut("tea & cake", 7), "tea &…");
        assert_eq!(cut("家族家族", 5), "家族…");
    }

    proptest! {
        #[test]
        fn wrapped_line_is_narrow_and_complete(text in "[a-c 家e\u{301}\u{1F3E0}\u{FE0F}\u{200D}❤]{0,300}", typed in "\\PC{0,200}") {
            for text in [&text, &typed] {
                let lines = wrapped(text);
                for (index, line) in lines.lines().enumerate() {
                    prop_assert!(line.width() <= COLUMNS, "{} columns: {line:?}", line.width());
                    prop_assert!(line.starts_with(if index == 0 { "*** " } else { "***     " }), "{line:?}");
                }
                let without_blanks = |text: &str| text.replace(' ', "");
                let said: String = lines.lines().map(|line| &line[4..]).collect();
                prop_assert_eq!(without_blanks(&said), without_blanks(text));
            }
        }
    }
}
