//! Removes what stands before a line's first visible character.
//!
//! Keyboards, terminals and editors put invisible characters before a line: the escape sequence of an
//! arrow key, the mark of a paste, a byte order mark, a joiner, a blank. Whether a line is a command must
//! not depend on them.

use unicode_normalization::char::is_combining_mark;

const ESC: char = '\u{1b}';
/// The mark that terminals put after pasted text.
const PASTE_END: &str = "\u{1b}[201~";

/// Unicode's `Default_Ignorable_Code_Point` (DerivedCoreProperties.txt, Unicode 17): terminals show nothing
/// for them. A test compares this with the table of the `regex` crate.
const IGNORABLE: [(u32, u32); 17] = [
    (0xad, 0xad),
    (0x34f, 0x34f),
    (0x61c, 0x61c),
    (0x115f, 0x1160),
    (0x17b4, 0x17b5),
    (0x180b, 0x180f),
    (0x200b, 0x200f),
    (0x202a, 0x202e),
    (0x2060, 0x206f),
    (0x3164, 0x3164),
    (0xfe00, 0xfe0f),
    (0xfeff, 0xfeff),
    (0xffa0, 0xffa0),
    (0xfff0, 0xfff8),
    (0x1_bca0, 0x1_bca3),
    (0x1_d173, 0x1_d17a),
    (0xe_0000, 0xe_0fff),
];

/// The visible part of a line, and what stood before it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Opening<'a> {
    /// The line from its first visible character on.
    pub(super) rest: &'a str,
    /// A blank stood before it: the line may be indented on purpose.
    pub(super) is_indented: bool,
    /// Something visible stood before it: bytes that are not UTF-8, or marks without a letter.
    pub(super) is_marked: bool,
}

impl<'a> Opening<'a> {
    pub(super) fn of(line: &'a str) -> Self {
        let mut opening = Self { rest: line, is_indented: false, is_marked: false };
        while let Some(c) = opening.rest.chars().next() {
            let length = match c {
                ESC | '\u{80}'..='\u{9f}' => sequence(opening.rest),
                c if is_invisible(c) => c.len_utf8(),
                c if is_marking(c) => {
                    opening.is_marked = true;
                    c.len_utf8()
                }
                _ => break,
            };
            opening.is_indented |= c.is_whitespace();
            opening.rest = opening.rest.get(length..).unwrap_or_default();
        }
        opening
    }
}

/// A line without invisible characters at its end.
pub(super) fn without_invisible_end(mut line: &str) -> &str {
    loop {
        let shorter = without_paste_end(line).trim_end_matches(is_invisible);
        if shorter.len() == line.len() {
            return line;
        }
        line = shorter;
    }
}

/// A line without the mark of a paste at its end.
pub(super) fn without_paste_end(line: &str) -> &str {
    line.strip_suffix(PASTE_END).unwrap_or(line)
}

/// Whether a character is shown as nothing or as a blank.
pub(super) fn is_invisible(c: char) -> bool {
    c.is_control() || c.is_whitespace() || is_ignorable(c) || is_other_blank(c)
}

fn is_ignorable(c: char) -> bool {
    let c = u32::from(c);
    IGNORABLE.iter().any(|(first, last)| (*first..=*last).contains(&c))
}

/// Blank Braille, the anchors of ruby text, the byte order mark read backwards.
fn is_other_blank(c: char) -> bool {
    matches!(c, '\u{2800}' | '\u{fff9}'..='\u{fffc}' | '\u{fffe}')
}

/// Whether a visible character is nothing that people type before a command: bytes that are not UTF-8, a mark
/// without a letter, private-use characters and noncharacters (keys of a Mac send them).
fn is_marking(c: char) -> bool {
    let is_private = matches!(c, '\u{e000}'..='\u{f8ff}' | '\u{f0000}'..);
    let is_nonchar = u32::from(c) & 0xfffe == 0xfffe || matches!(c, '\u{fdd0}'..='\u{fdef}');
    c == char::REPLACEMENT_CHARACTER || is_combining_mark(c) || is_private || is_nonchar
}

/// The length in bytes of the escape sequence at the beginning of `text` (ECMA-48, 5.3 to 5.6 and 8.3;
/// ECMA-35, 13.2). A C1 control is ESC and a letter in one character.
///
/// It must not take a slash: after a cut sequence a slash may begin a command.
fn sequence(text: &str) -> usize {
    let mut chars = text.chars();
    let introducer = chars.next();
    let kind = match introducer {
        Some(c1 @ '\u{80}'..='\u{9f}') => char::from_u32(u32::from(c1) - 0x40),
        _ => chars.next(),
    };
    let begins = text.len() - chars.as_str().len();
    let rest = chars.as_str();
    match kind {
        // A mouse click in the oldest mode: the button and two coordinates, a character each.
        Some('[') if rest.strip_prefix('M').is_some_and(|click| click.starts_with([' ', '!', '"', '#', '`', 'a'])) => {
            begins
                + 1
                + rest
                    .chars()
                    .skip(1)
                    .take(3)
                    .take_while(|c| matches!(c, ' '..='.' | '0'..='~'))
                    .map(char::len_utf8)
                    .sum::<usize>()
        }
        Some('[' | 'O') => begins + controls(rest, '0'..='?'),
        // A string up to its terminator: a window title, or the answer to a query.
        Some(']' | 'P' | 'X' | '^' | '_') => {
            let rest = Some(rest).filter(|rest| !rest.starts_with('/')).unwrap_or_default();
            let ends = ["\u{7}", "\u{1b}\\", "\u{9c}"].map(|end| rest.find(end).map(|at| at + end.len()));
            begins + ends.into_iter().flatten().min().unwrap_or(0)
        }
        // Any other C1 control stands alone.
        _ if introducer != Some(ESC) => introducer.map_or(0, char::len_utf8),
        // Selects a character set.
        Some('!'..='.') => 1 + controls(text.get(1..).unwrap_or_default(), '0'..='0'),
        // Saves the cursor or sets the keypad's mode. No command begins so.
        Some('0'..='@' | '\\' | '`' | '{'..='~') => begins,
        // Alt and a letter, unless the letter may begin a word. Hangul fillers are letters that nobody sees.
        Some(c) if c.is_ascii_alphabetic() && !rest.is_empty() && !rest.starts_with(is_seen_in_words) => begins,
        _ => 1,
    }
}

fn is_seen_in_words(c: char) -> bool {
    c.is_alphanumeric() && !is_invisible(c)
}

/// The length of parameters, intermediate bytes and the final byte.
fn controls(text: &str, parameters: std::ops::RangeInclusive<char>) -> usize {
    let body = text.trim_start_matches(|c| parameters.contains(&c) || matches!(c, ' '..='.'));
    let taken = text.len() - body.len();
    taken + usize::from(body.starts_with(|c| matches!(c, '0'..='~')))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ignorable_characters_are_those_of_unicode() {
        let known = regex::Regex::new(r"^\p{Default_Ignorable_Code_Point}$").unwrap();
        for c in '\0'..=char::MAX {
            assert_eq!(is_ignorable(c), known.is_match(c.encode_utf8(&mut [0; 4])), "{c:?}");
        }
    }

    #[test]
    fn controls_and_blanks_of_unicode_are_invisible() {
        let known = regex::Regex::new(r"^[\p{Default_Ignorable_Code_Point}\p{White_Space}\p{Zs}\p{Cc}]$").unwrap();
        for c in '\0'..=char::MAX {
            assert!(is_invisible(c) || !known.is_match(c.encode_utf8(&mut [0; 4])), "{c:?}");
        }
        assert!(!(' '..='~').skip(1).any(is_invisible));
    }

    #[test]
    fn escape_sequences_are_taken_away_whole() {
        for (line, rest) in [
            ("\u{1b}[A/x", "/x"),
            ("\u{1b}[200~/x", "/x"),
            ("\u{1b}[1;5D\u{1b}OP/x", "/x"),
            ("\u{9b}31m/x", "/x"),
            ("\u{1b}]0;title\u{7}/x", "/x"),
            ("\u{1b}]11;rgb:0/0/0\u{1b}\\/x", "/x"),
            // However a sequence is cut, no part of it takes the slash.
            ("\u{1b}/x", "/x"),
            ("\u{1b}[/x", "/x"),
            ("\u{1b}[1 /x", "/x"),
            ("\u{1b}]/x\u{7}", "/x\u{7}"),
            ("\u{1b}Pno end/x", "no end/x"),
            ("\u{1b}who", "who"),
            // Character sets, keypad, cursor, Alt and a letter, clicks, C1 controls.
            ("\u{1b}(B\u{1b})0\u{1b}#8\u{1b}%G/x", "/x"),
            ("\u{1b}(/x", "/x"),
            ("\u{1b}=\u{1b}>\u{1b}7\u{1b}8/x", "/x"),
            ("\u{1b}b\u{1b}f/x", "/x"),
            ("\u{1b}[M !!/x", "/x"),
            ("\u{1b}[M /!/x", "/!/x"),
            ("\u{1b}[Mwho", "who"),
            ("\u{90}1$r0m\u{9c}\u{9d}0;t\u{7}\u{84}/x", "/x"),
        ] {
            assert_eq!(Opening::of(line).rest, rest, "{line:?}");
        }
    }

    #[test]
    fn what_a_terminal_shows_is_told_apart() {
        let opening = |line| {
            let Opening { rest, is_indented, is_marked } = Opening::of(line);
            (rest, is_indented, is_marked)
        };
        assert_eq!(opening("x"), ("x", false, false));
        assert_eq!(opening("\u{feff}\u{200b}x"), ("x", false, false));
        assert_eq!(opening("\t\u{feff}x"), ("x", true, false));
        assert_eq!(opening("\u{a0}x"), ("x", true, false));
        assert_eq!(opening("\u{fffd}\u{301}x"), ("x", false, true));
        assert_eq!(opening(" \u{4}"), ("", true, false));
        assert_eq!(without_invisible_end("who \u{1b}[201~\u{200b}\t"), "who");
    }
}
