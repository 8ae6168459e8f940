//! Quotes typed lines that look like announcements of the old chat room.
//!
//! `[ADDR]NAME: login out` announces a leave, in the form of a typed line. A person who types these words
//! would seem to leave (case B4), so the text door shows them in quotation marks. The line itself stays:
//! only the text door has announcements in this form.

use std::sync::LazyLock;

use unicode_width::UnicodeWidthChar as _;

use crate::protocol::NameKeys;

pub(super) const I_AM_HERE: &str = "I am here";
pub(super) const LOGIN: &str = "login";
pub(super) const LOGIN_OUT: &str = "login out";
pub(super) const TIME_OUT: &str = "time out leave out";

const ALL: [&str; 4] = [I_AM_HERE, LOGIN, LOGIN_OUT, TIME_OUT];

static KEYS: LazyLock<[NameKeys; 4]> = LazyLock::new(|| ALL.map(NameKeys::of));

/// Characters that a look-alike may have beyond the announcement: `rn` is one more than `m`.
const SLACK: usize = 2;
/// Longest look-alike, in visible characters.
const LONGEST: usize = TIME_OUT.len() + SLACK;

/// Whether people would take a line for an announcement. Case, width, look-alikes, invisible characters and
/// blanks around it are ignored.
pub(super) fn is_like(text: &str) -> bool {
    // This runs for every line: most begin with a letter that no announcement begins with.
    let begins_otherwise =
        |c: &u8| c.is_ascii_graphic() && !matches!(c, b'i' | b'I' | b'l' | b'L' | b't' | b'T' | b'1' | b'|' | b'!');
    if text.as_bytes().iter().find(|c| **c != b' ').is_some_and(begins_otherwise) {
        return false;
    }
    let Some(seen) = seen(text) else { return false };
    let count = seen.chars().count();
    let may_be = |words: &str| (words.len()..=words.len() + SLACK).contains(&count);
    ALL.into_iter().any(may_be) && {
        let keys = NameKeys::of(&seen);
        KEYS.iter().any(|announcement| announcement.clashes_with(&keys))
    }
}

/// The visible text of a line, with one blank between words; `None` if it is longer than [`LONGEST`].
fn seen(text: &str) -> Option<String> {
    let mut seen = String::new();
    let (mut count, mut is_between) = (0, false);
    for c in text.chars() {
        if is_blank(c) {
            is_between = count > 0;
        } else if c.width().unwrap_or(0) > 0 && c != '\u{ad}' {
            count += 1 + usize::from(is_between);
            if count > LONGEST {
                return None;
            }
            seen.extend(is_between.then_some(' '));
            seen.push(c);
            is_between = false;
        }
    }
    Some(seen)
}

/// White space and characters that look like it: Hangul's fillers and the Braille pattern without dots.
fn is_blank(c: char) -> bool {
    c.is_whitespace() || matches!(c, '\u{115f}' | '\u{1160}' | '\u{2800}' | '\u{3164}' | '\u{ffa0}')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn announcement_is_known_in_disguise() {
        for text in [
            "login",
            "LOGIN",
            " login ",
            "login out",
            "login  out",
            "Login Out",
            "time out leave out",
            "I am here",
            "i am here",
            "log\u{200b}in",
            "\u{feff}login out\u{200d}",
            "login\u{a0}out",
            "login\u{3000}out",
            "ｌｏｇｉｎ",
            "lоgin",
            "Iogin",
            "1ogin",
            "l0gin",
            "|ogin",
            "lo\u{ad}gin",
            "login\u{2800}",
            "\u{3164}login",
            "tirne out leave out",
        ] {
            assert!(is_like(text), "{text:?}");
        }
    }

    #[test]
    fn other_words_are_no_announcement() {
        for text in [
            "",
            " ",
            "hi",
            "login?",
            "log in",
            "logins",
            "login out now",
            "I am there",
            "time out",
            "time",
            "\"login\"",
            "登录",
            "\u{200b}",
            "login login",
        ] {
            assert!(!is_like(text), "{text:?}");
        }
        assert!(!is_like(&"login out ".repeat(1000)));
    }
}
