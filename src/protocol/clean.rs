//! Cleans a peer's text, so that it is safe to show on other people's terminals.
//!
//! A terminal obeys control characters: an escape sequence clears the screen, a carriage return rewrites the
//! line, a right-to-left override makes a name read as another. So text is cleaned once, where it enters the
//! server, and every door shows it unchanged from then on.
//!
//! Nothing is refused here: visible characters stay, controls are shown as pictures. Cleaning clean text
//! changes nothing.

use std::borrow::Cow;

/// The text of one line, safe for any terminal.
///
/// * invalid UTF-8 becomes U+FFFD, one for each maximal broken part (as in [`String::from_utf8_lossy`]);
/// * NUL is removed. TAB, CR, U+0085, U+2028 and U+2029 become one blank: a few TABs move the cursor to
///   the next row of a terminal, and the text after them would look like a line of its own (case B5).
/// * The other C0 controls become their pictures (ESC is `␛`, LF is `␊`).
/// * DEL and the C1 controls become U+FFFD;
/// * Bidirectional overrides, embeddings and isolates (U+202A–U+202E, U+2066–U+2069) are removed. So are
///   deprecated controls (U+206A–U+206F, U+E0001) and annotation controls (U+FFF9–U+FFFB), which some
///   terminals and editors obey. Other invisible characters stay: emoji and many scripts need joiners,
///   direction marks, variation selectors and tags.
///
/// The result never has more bytes than three times the input. ASCII text is borrowed, not copied.
#[must_use]
pub fn clean(raw: &[u8]) -> Cow<'_, str> {
    // Nearly all text is valid: use the quicker check first.
    let text = std::str::from_utf8(raw).map_or_else(|_| String::from_utf8_lossy(raw), Cow::Borrowed);
    if text.bytes().all(|b| matches!(b, b' '..=b'~')) || text.chars().all(is_clean) {
        return text;
    }
    Cow::Owned(text.chars().filter_map(cleaned).collect())
}

/// At most `most` characters of a typed text, the last of them `…` if there were more. A refusal repeats it.
pub(crate) fn shortened(text: &str, most: usize) -> String {
    match text.char_indices().nth(most) {
        None => text.to_owned(),
        Some(_) => text.chars().take(most.saturating_sub(1)).chain(['…']).collect(),
    }
}

fn is_clean(c: char) -> bool {
    cleaned(c) == Some(c)
}

/// The replacement of one character; `None` if it is removed.
fn cleaned(c: char) -> Option<char> {
    match c {
        '\0' => None,
        '\t' | '\r' | '\u{85}' | '\u{2028}' | '\u{2029}' => Some(' '),
        // U+2400 begins the block of control pictures, in the order of the controls.
        '\u{1}'..='\u{1f}' => char::from_u32(0x2400 + u32::from(c)),
        '\u{7f}'..='\u{9f}' => Some(char::REPLACEMENT_CHARACTER),
        '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{206f}' | '\u{fff9}'..='\u{fffb}' | '\u{e0001}' => None,
        _ => Some(c),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn controls_are_shown_as_pictures() {
        assert_eq!(clean(b"plain\ttext\t\t~"), "plain text  ~");
        assert_eq!(clean(b"\x1b[2J\x07"), "␛[2J␇");
        assert_eq!(clean(b"one\rtwo\0three\nfour"), "one twothree␊four");
        assert_eq!(clean("a\u{7f}b\u{9b}31mc\u{85}d".as_bytes()), "a\u{fffd}b\u{fffd}31mc d");
        assert_eq!(clean("x\u{202e}y\u{2066}z\u{2069}\u{2028}\u{2029}".as_bytes()), "xyz  ");
        assert_eq!(clean("a\u{206a}b\u{206f}c\u{fff9}d\u{fffb}e\u{e0001}f".as_bytes()), "abcdef");
        assert_eq!(clean(b"caf\xe9 \xff\xfe ok"), "caf\u{fffd} \u{fffd}\u{fffd} ok");
        // Flags consist of tags, families of joiners.
        for text in
            ["häuser, 家, 🏠, שלום\u{200f}", "🏴\u{e0067}\u{e0062}\u{e0065}\u{e006e}\u{e0067}\u{e007f}", "👩\u{200d}👧"]
        {
            assert_eq!(clean(text.as_bytes()), text);
        }
    }

    fn forbidden(c: char) -> bool {
        let u = u32::from(c);
        u < 0x20
            || (0x7f..=0x9f).contains(&u)
            || (0x202a..=0x202e).contains(&u)
            || (0x2066..=0x206f).contains(&u)
            || (0xfff9..=0xfffb).contains(&u)
            || u == 0xe0001
            || u == 0x2028
            || u == 0x2029
    }

    proptest! {
        #[test]
        fn any_bytes_lose_forbidden_characters(raw in proptest::collection::vec(any::<u8>(), 0..200)) {
            let once = clean(&raw).into_owned();
            prop_assert!(!once.chars().any(forbidden));
            prop_assert!(once.len() <= 3 * raw.len());
            prop_assert_eq!(clean(once.as_bytes()), once.as_str());
        }

        #[test]
        fn valid_text_loses_forbidden_characters(raw in "[\\x00-\\x20\\x7f-\\u{a0}\\u{2020}-\\u{2070}a-c]{0,60}") {
            let once = clean(raw.as_bytes()).into_owned();
            prop_assert!(!once.chars().any(forbidden));
            prop_assert_eq!(clean(once.as_bytes()), once.as_str());
        }

        #[test]
        fn printable_text_is_untouched(raw in "[ -~\u{a1}-\u{17f}家族🏠]{0,60}") {
            prop_assert_eq!(clean(raw.as_bytes()), raw.as_str());
        }
    }
}
