//! Reserved names: addresses, session ids, and words that would speak for the server.

use std::collections::HashSet;
use std::sync::LazyLock;

use unicode_normalization::UnicodeNormalization;
use unicode_normalization::char::is_combining_mark;

use super::NameKeys;
use super::name_chars::is_separator;
use super::skeleton::skeleton;

/// Words reserved as a whole name. `guest…` is reserved too: masked addresses begin so.
const WORDS: [&str; 9] = ["op", "everyone", "all", "here", "nobody", "me", "you", "null", "login"];

/// Words reserved also as part of a name, between `. _ -` and digits: `server1`, `parlor-server` (CASES C2).
const ROLES: [&str; 12] = [
    "server",
    "system",
    "admin",
    "administrator",
    "mod",
    "moderator",
    "operator",
    "root",
    "parlor",
    "staff",
    "support",
    "sysop",
];

/// Whether a name is a reserved word, or looks like one.
pub(super) fn is_reserved(name: &str, keys: &NameKeys) -> bool {
    static KEYS: LazyLock<HashSet<String>> = LazyLock::new(|| {
        WORDS.iter().flat_map(|word| NameKeys::of(word).all().map(str::to_owned).collect::<Vec<_>>()).collect()
    });
    static ROLE_LOOKS: LazyLock<HashSet<String>> = LazyLock::new(|| ROLES.iter().map(|word| bare_look(word)).collect());
    if keys.all().any(|key| KEYS.contains(key)) {
        return true;
    }
    // One letter at a time: a digit may be read as a digit or as the letter that it looks like.
    let looks: Vec<(char, String)> =
        name.nfkc().map(|c| (c, bare_look(c.encode_utf8(&mut [0; 4])))).filter(|(_, look)| !look.is_empty()).collect();
    let joined = |letters: &[(char, String)]| letters.iter().map(|(_, look)| look.as_str()).collect::<String>();
    let is_digit = |(c, _): &(char, String)| c.is_numeric();
    let is_role = |letters: &[(char, String)]| ROLE_LOOKS.contains(&joined(letters));
    joined(&looks).starts_with("guest")
        || looks.split(|(c, _)| is_separator(*c)).any(|part| {
            let from = part.iter().position(|letter| !is_digit(letter)).unwrap_or(part.len());
            let to = part.iter().rposition(|letter| !is_digit(letter)).map_or(from, |last| last + 1);
            is_role(part)
                || part.get(from..to).is_some_and(is_role) // `r00t1`
                || part.split(is_digit).any(is_role)
        })
}

/// The skeleton of a text without marks and case. i and l count as one: no reserved word differs from
/// another name by that alone.
fn bare_look(text: &str) -> String {
    let bare: String = text.nfd().filter(|c| !is_combining_mark(*c)).collect();
    let look = skeleton(&skeleton(&bare.to_lowercase()).to_lowercase()).to_lowercase();
    look.chars().filter(|c| !is_combining_mark(*c)).map(|c| if c == 'i' { 'l' } else { c }).collect()
}

/// Whether a name looks like an address (four groups of digits) or a session id (nine digits or more and
/// nothing else). Beside digits `l` and `O` count as 1 and 0. Ids have 19 digits (see
/// [`Snowflakes`](super::Snowflakes)).
pub(super) fn is_address_like(name: &str, keys: &NameKeys) -> bool {
    let plain: String = name.nfkc().collect();
    let is_digit = |c: char| c.is_numeric() || matches!(c, 'l' | 'L' | 'o' | 'O');
    let is_like_numbers = |look: &str| {
        let only_numbers = look.chars().all(|c| is_digit(c) || is_separator(c));
        let digits = look.chars().filter(|c| is_digit(*c)).count();
        let groups = look.split(|c: char| !is_digit(c)).filter(|group| !group.is_empty()).count();
        only_numbers && (groups >= 4 || digits > MAX_DIGITS)
    };
    let ways = || keys.looks.iter().map(String::as_str).chain([&*plain]);
    ways().any(|look| look.chars().any(char::is_numeric)) && ways().any(is_like_numbers)
}

/// Most digits of a name without a letter: ids have more.
const MAX_DIGITS: usize = 8;

#[cfg(test)]
mod tests {
    use crate::protocol::{Nick, Refusal};

    #[test]
    fn address_like_and_server_names_are_refused() {
        for name in ["127.0.0.1", "10.0.0.7", "127-0-0-1", "2123807362945912832", "１２７.0.0.1", "127.0.0.1.5123"] {
            assert!(matches!(Nick::parse(name), Err(Refusal::AddressName { .. })), "{name}");
        }
        // Look-alikes count too: U+02D0 looks like the colon that ends a name, l and O like 1 and 0.
        for name in
            ["2l2523lO6735384576O", "l27.O.O.l", "1O-O-O-7", "1O.0.0.1", "IO.O.O.1", "lƧ𐓒.O.O.l", "ƧlƧЗȢOƼЗЗOЗO"]
        {
            assert!(matches!(Nick::parse(name), Err(Refusal::AddressName { .. })), "{name}");
        }
        for name in ["127.0.0.1\u{2d0}42756", "ann\u{2d0}", "ann\u{a789}"] {
            assert!(matches!(Nick::parse(name), Err(Refusal::BadName { .. })), "{name}");
        }
        for name in ["lolololol", "l.o.l.o", "oO", "Lo7", "ЗОЛОТО"] {
            assert!(Nick::parse(name).is_ok(), "{name}");
        }
        for name in
            ["server", "SERVER", "ｓｅｒｖｅｒ", "ѕеrvеr", "guest", "Guest42", "0p", "root", "Login", "me", "Moderator"]
        {
            assert!(matches!(Nick::parse(name), Err(Refusal::Reserved { .. })), "{name}");
        }
        for name in ["1.5", "42", "servers", "gues", "1-2-3"] {
            assert!(Nick::parse(name).is_ok(), "{name}");
        }
    }
}
