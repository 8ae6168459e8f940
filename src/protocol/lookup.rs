//! Finds the name that a typed word means, or a name that the word nearly is.

use super::{Refusal, shortened};

/// Most characters of an unknown word that a refusal repeats.
const REPEATED_CHARS: usize = 24;
/// Longest word for which a near miss is looked for, in characters.
const LONGEST_MISTYPED: usize = 12;
/// Shortest alias that a near miss may mean, in bytes: every short word is near `m` or `?`.
const SHORTEST_NEAR_ALIAS: usize = 3;
/// Most slips (wrong, missing, extra or exchanged letters) of a near miss.
const MAX_SLIPS: usize = 2;

/// The names of one command.
#[derive(Debug, Clone, Copy)]
pub(super) struct Names {
    pub(super) name: &'static str,
    pub(super) aliases: &'static [&'static str],
}

/// The value whose names the word means, in any case; see [`find_command`](super::find_command).
///
/// # Errors
/// [`Refusal::UnknownCommand`] or [`Refusal::Ambiguous`].
pub(super) fn find<T>(
    all: &(impl Iterator<Item = (T, Names)> + Clone),
    word: &str,
    literally: &str,
) -> Result<T, Refusal> {
    let lower = word.to_lowercase();
    let exact = |(_, names): &(T, Names)| names.name == lower || names.aliases.contains(&lower.as_str());
    if let Some((found, _)) = all.clone().find(exact) {
        return Ok(found);
    }
    let unknown = || Refusal::UnknownCommand {
        word: shortened(word, REPEATED_CHARS),
        literally: literally.to_owned(),
        like: near_miss(all.clone().map(|(_, names)| names), &lower),
    };
    if lower.is_empty() {
        return Err(unknown());
    }
    let mut found: Vec<_> = all.clone().filter(|(_, names)| names.name.starts_with(&lower)).collect();
    if found.is_empty() {
        let by_alias = |names: &Names| names.aliases.iter().any(|alias| alias.starts_with(&lower));
        found = all.clone().filter(|(_, names)| by_alias(names)).collect();
    }
    if found.len() > 1 {
        let among = found.iter().map(|(_, names)| names.name).collect();
        return Err(Refusal::Ambiguous { word: shortened(word, REPEATED_CHARS), among });
    }
    found.pop().map(|(found, _)| found).ok_or_else(unknown)
}

/// The name that a mistyped word may mean: at most two slips away, and fewer slips than half its letters.
fn near_miss(all: impl Iterator<Item = Names>, word: &str) -> Option<&'static str> {
    let length = word.chars().count();
    if length > LONGEST_MISTYPED {
        return None;
    }
    let slips = |names: &Names| {
        let all = names.aliases.iter().filter(|alias| alias.len() >= SHORTEST_NEAR_ALIAS).chain([&names.name]);
        // A difference in length is as many slips. Comparing letters costs time, so this goes first.
        let near = all.filter(|name| name.len().abs_diff(length) <= MAX_SLIPS);
        near.map(|name| strsim::damerau_levenshtein(word, name)).min().unwrap_or(usize::MAX)
    };
    let (slips, best) = all.map(|names| (slips(&names), names.name)).min_by_key(|(slips, _)| *slips)?;
    (slips <= MAX_SLIPS && slips * 2 < length.max(3)).then_some(best)
}

#[cfg(test)]
mod tests {
    use super::super::find_command;
    use super::*;

    fn found(word: &str) -> Result<&'static str, Refusal> {
        find_command(word, "").map(|spec| spec.name)
    }

    #[test]
    fn names_aliases_and_beginnings_are_found() {
        for (word, name) in [
            ("who", "who"),
            ("WHO", "who"),
            ("?", "help"),
            ("h", "help"),
            ("he", "help"),
            ("m", "msg"),
            ("ms", "msg"),
            ("w", "msg"),
            ("q", "quit"),
            ("by", "quit"),
            ("ex", "quit"),
            ("e", "echo"),
            ("te", "msg"),
        ] {
            assert_eq!(found(word), Ok(name), "{word}");
        }
        assert_eq!(found("S"), Err(Refusal::Ambiguous { word: "S".into(), among: vec!["stay", "say"] }));
    }

    #[test]
    fn near_miss_is_suggested() {
        let like = |word: &str| match found(word) {
            Err(Refusal::UnknownCommand { like, .. }) => like,
            other => panic!("{word}: {other:?}"),
        };
        assert_eq!(like("mgs"), Some("msg"));
        assert_eq!(like("hlep"), Some("help"));
        assert_eq!(like("qiut"), Some("quit"));
        assert_eq!(like("xyzzy"), None);
        assert_eq!(like(""), None);
        assert_eq!(like(&"a".repeat(4000)), None);
    }
}
