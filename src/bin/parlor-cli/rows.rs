//! Long lines in a terminal: the rows after the first are indented.
//!
//! A peer can pad a line so that the terminal wraps it where the peer wants: a forged `*** The server is
//! stopping. Goodbye` would stand alone from column 1. So only the beginning of a line stands in column
//! 1, at any width.

use std::io::{IsTerminal, Stdout};

use rustix::termios::tcgetwinsize;
use unicode_width::UnicodeWidthChar;

/// Blanks before the rows after the first.
const INDENT: usize = 4;
/// In a terminal narrower than this, the indent is one blank.
const NARROW_COLUMNS: usize = 20;

/// How lines wrap.
#[derive(Debug, Clone, Copy)]
pub(super) struct Rows {
    /// Whether there is a terminal. Its width is read for each line.
    on: bool,
}

impl Rows {
    /// Wraps lines if `out` is a terminal.
    pub(super) fn of(out: &impl IsTerminal) -> Self {
        Self { on: out.is_terminal() }
    }

    #[cfg(test)]
    pub(super) fn none() -> Self {
        Self { on: false }
    }

    /// The line in rows, none of them wider than the terminal.
    pub(super) fn indented(self, line: &str) -> String {
        let columns = if self.on { columns(&std::io::stdout()) } else { None };
        columns.map_or_else(|| line.to_owned(), |columns| indented(line, columns))
    }
}

/// The terminal's width, if it tells one.
fn columns(out: &Stdout) -> Option<usize> {
    tcgetwinsize(out).ok().map(|size| usize::from(size.ws_col)).filter(|columns| *columns > 0)
}

/// Breaks at the last blank in the second half of a row, else at its end. The last column stays empty:
/// terminals differ on when they wrap after it.
fn indented(line: &str, columns: usize) -> String {
    let indent = " ".repeat(if columns < NARROW_COLUMNS { 1 } else { INDENT });
    let most = columns.saturating_sub(1).max(indent.len() + 2);
    let mut rows = String::with_capacity(line.len() + line.len() / 8);
    // The width of this row, the place of its last blank, and the row's width up to that.
    let (mut width, mut blank, mut width_at_blank) = (0, None, 0);
    let mut is_escape = false;
    for c in line.chars() {
        // Colours are ours; a line from the server has no escape sequences.
        let wide = match c {
            '\x1b' => {
                is_escape = true;
                0
            }
            _ if is_escape => {
                is_escape = !c.is_ascii_alphabetic();
                0
            }
            // The variation selector makes the character before it as wide as an emoji.
            '\u{fe0f}' => 1,
            '\t' => 1,
            other => other.width().unwrap_or(0),
        };
        // A TAB's width depends on the terminal.
        let c = if c == '\t' { ' ' } else { c };
        if width + wide > most && c == ' ' {
            rows.push('\n');
            rows.push_str(&indent);
            (width, blank) = (indent.len(), None);
            continue;
        }
        if width + wide > most {
            match blank {
                Some(at) if width_at_blank > most / 2 => {
                    rows.replace_range(at..=at, &format!("\n{indent}"));
                    width = indent.len() + width - width_at_blank;
                }
                _ => {
                    rows.push('\n');
                    rows.push_str(&indent);
                    width = indent.len();
                }
            }
            blank = None;
        }
        if c == ' ' {
            (blank, width_at_blank) = (Some(rows.len()), width + 1);
        }
        rows.push(c);
        width += wide;
    }
    rows
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn long_line_wraps_at_blanks_with_indent() {
        assert_eq!(indented("ann: short", 40), "ann: short");
        assert_eq!(
            indented("ann: one two three four five six seven", 24),
            "ann: one two three four\n    five six seven"
        );
        assert_eq!(
            indented(&"x".repeat(50), 24),
            format!("{}\n    {}\n    {}", "x".repeat(23), "x".repeat(19), "x".repeat(8))
        );
        assert_eq!(indented(&"家".repeat(15), 24), format!("{}\n    {}", "家".repeat(11), "家".repeat(4)));
        assert_eq!(
            indented("\x1b[31mann\x1b[0m: \x1b[1mhello\x1b[0m you there!", 24),
            "\x1b[31mann\x1b[0m: \x1b[1mhello\x1b[0m you there!"
        );
    }

    /// Padded with 60 TABs or blanks, a forged line stood alone from column 1.
    #[test]
    fn padded_forgery_never_stands_in_column_one() {
        for columns in 1..=200 {
            for pad in ["\t", " ", "\u{3000}", "\u{a0}", "x", "\u{200b}", "\u{feff} "] {
                for times in 0..150 {
                    let line = format!(
                        "[127.0.0.1:41034]ann: I resign{}*** The server is stopping. Goodbye",
                        pad.repeat(times)
                    );
                    for row in indented(&line, columns).split('\n').skip(1) {
                        assert!(row.starts_with(' '), "{columns} {times} {pad:?}: {row}");
                    }
                }
            }
        }
    }

    proptest! {
        #[test]
        fn nothing_but_blanks_changes(line in "[a-z 家\u{300}🏠\u{fe0f}\u{200d}*!]{0,120}", columns in 1_usize..90) {
            let rows = indented(&line, columns);
            let strip = |text: &str| text.replace(['\n', ' '], "");
            prop_assert_eq!(strip(&rows), strip(&line));
            for (number, row) in rows.split('\n').enumerate() {
                let width: usize = row.chars().map(|c| if c == '\u{fe0f}' { 1 } else { c.width().unwrap_or(0) }).sum();
                prop_assert!(width < columns.max(7) , "{}: {:?}", columns, row);
                prop_assert!(number == 0 || row.starts_with(' '));
            }
        }
    }
}
