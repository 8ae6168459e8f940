//! Finds the command that a typed word means, or the one that it is a near miss of.

use super::{COMMANDS, CommandSpec, Refusal, shortened};

/// Most characters of an unknown word that a refusal repeats.
const REPEATED_CHARS: usize = 24;
/// Longest word for which a near miss is looked for, in characters.
const LONGEST_MISTYPED: usize = 12;
/// Shortest alias that a near miss may mean, in bytes: every short word is near `m` or `?`.
const SHORTEST_NEAR_ALIAS: usize = 3;
/// Most slips (wrong, missing, extra or exchanged letters) of a near miss.
const MAX_SLIPS: usize = 2;

/// The row for a word in any case: a name or an alias, else the unique beginning of a name, else the unique
/// beginning of an alias.
///
/// A refusal says that typing `literally` instead sends the line as text; empty if it was not meant as text.
///
/// # Errors
/// [`Refusal::UnknownCommand`] or [`Refusal::Ambiguous`].
pub fn find_command(word: &str, literally: &str) -> Result<&'static CommandSpec, Refusal> {
    let lower = word.to_lowercase();
    let exact = |spec: &&CommandSpec| spec.name == lower || spec.aliases.contains(&lower.as_str());
    if let Some(spec) = COMMANDS.iter().find(exact) {
        return Ok(spec);
    }
    let by_name = |spec: &CommandSpec| spec.name.starts_with(&lower);
    let by_alias = |spec: &CommandSpec| spec.aliases.iter().any(|alias| alias.starts_with(&lower));
    let unknown = || Refusal::UnknownCommand {
        word: shortened(word, REPEATED_CHARS),
        literally: literally.to_owned(),
        like: near_miss(&lower),
    };
    if lower.is_empty() {
        return Err(unknown());
    }
    let mut found: Vec<_> = COMMANDS.iter().filter(|spec| by_name(spec)).collect();
    if found.is_empty() {
        found = COMMANDS.iter().filter(|spec| by_alias(spec)).collect();
    }
    match found.as_slice() {
        [] => Err(unknown()),
        [spec] => Ok(spec),
        many => Err(Refusal::Ambiguous {
            word: shortened(word, REPEATED_CHARS),
            among: many.iter().map(|spec| spec.name).collect(),
        }),
    }
}

/// The command that a mistyped word may mean: at most two slips away, and fewer slips than half its letters.
fn near_miss(word: &str) -> Option<&'static str> {
    let length = word.chars().count();
    if length > LONGEST_MISTYPED {
        return None;
    }
    let slips = |spec: &CommandSpec| {
        let names = spec.aliases.iter().filter(|alias| alias.len() >= SHORTEST_NEAR_ALIAS).chain([&spec.name]);
        // A difference in length is as many slips. Comparing letters costs time, so this goes first.
        let names = names.filter(|name| name.len().abs_diff(length) <= MAX_SLIPS);
        names.map(|name| strsim::damerau_levenshtein(word, name)).min().unwrap_or(usize::MAX)
    };
    let best = COMMANDS.iter().min_by_key(|spec| slips(spec))?;
    let slips = slips(best);
    (slips <= MAX_SLIPS && slips * 2 < length.max(3)).then_some(best.name)
}

#[cfg(test)]
mod tests {
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
