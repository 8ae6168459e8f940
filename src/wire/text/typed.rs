//! Reads a typed line: a command, or something to say.
//!
//! Something before a slash must not turn a private line into a public one. So invisible characters are
//! removed first. Then the line is obeyed, refused or said:
//!
//! | the line, from its first visible character on | is |
//! |---|---|
//! | `/` and a command's name | obeyed |
//! | `who`, `rename\|NAME`, `help`, `quit`, `exit`, and nothing else | obeyed |
//! | `/` and no command's name | refused; said where it is indented and no near-miss: a path |
//! | another slash, or bytes that are not UTF-8 before the slash, and a command's name or near-miss | refused |
//! | `//x` | said as `/x`; as it stands where it is indented or a blank follows: a comment in code |
//! | `\` and what would not be said as it stands | said without the backslash |
//! | anything else | said |

use unicode_normalization::UnicodeNormalization as _;

use crate::protocol::{Body, Command, Nick, Refusal, clean, find_command, shortened};
use crate::wire::invisible::{Opening, is_invisible, without_invisible_end, without_paste_end};
use crate::wire::sniff;

/// Characters that keyboards and input methods type instead of a slash, and characters that look like one.
const LOOK_LIKE_A_SLASH: [char; 9] =
    ['\u{ff0f}', '\u{2044}', '\u{2215}', '\u{29f8}', '\u{2571}', '\u{3001}', '\u{ff64}', '\u{30fb}', '\u{ff65}'];
/// Most characters of a line or a name that a refusal repeats.
const QUOTED_CHARS: usize = 40;
/// Longest word that is compared with commands, in bytes.
const LONGEST_NAME: usize = 32;

/// Reads one line as the text door does; `None` if it is blank. `more_follows`: other text came with it,
/// so a bare `quit` or `exit` amid a paste is said.
///
/// # Errors
/// Why the line is neither obeyed nor said.
pub fn typed_line(line: &str, more_follows: impl FnOnce() -> bool) -> Option<Result<Command, Refusal>> {
    let body = match meaning(line, more_follows) {
        Meaning::Obey(command) => return Some(Ok(command)),
        Meaning::Refuse(refusal) => return Some(Err(refusal)),
        Meaning::Say(body) => body,
    };
    Body::new(body).map(|body| Ok(Command::Say(body)))
}

/// Whether a line would not be said as it stands, wherever it comes in a session.
pub(in crate::wire) fn is_special(line: &str) -> bool {
    let inner = line.trim_start_matches('\\');
    !matches!(meaning(inner, || false), Meaning::Say(said) if said == inner) || sniff::is_taken_for_another(inner)
}

enum Meaning<'a> {
    Say(&'a str),
    Obey(Command),
    Refuse(Refusal),
}

fn meaning(line: &str, more_follows: impl FnOnce() -> bool) -> Meaning<'_> {
    let opening = Opening::of(line);
    let understood = match opening.rest.chars().next() {
        Some('/') => slashed(opening),
        Some('\\') => line.strip_prefix('\\').filter(|inner| is_special(inner)).map(Meaning::Say),
        Some(c) if LOOK_LIKE_A_SLASH.contains(&c) => {
            let behind = opening.rest.strip_prefix(c).unwrap_or_default();
            let looks_like = !behind.starts_with(is_any_slash) && is_near_a_command(behind);
            looks_like.then_some(Meaning::Refuse(Refusal::LooksLikeCommand))
        }
        Some(_) if !begins_like_a_bare_word(opening.rest) => None,
        Some(_) => match bare(without_unseen_end(opening.rest)) {
            Some(Ok(Command::Quit(None))) if more_follows() => None,
            Some(_) if opening.is_marked => Some(Meaning::Refuse(Refusal::LooksLikeCommand)),
            Some(Ok(command)) => Some(Meaning::Obey(command)),
            Some(Err(refusal)) => Some(Meaning::Refuse(refusal)),
            None => None,
        },
        None => None,
    };
    understood.unwrap_or(Meaning::Say(line))
}

/// Reads a line whose first visible character is a slash; `None` if it is said as it stands.
fn slashed(opening: Opening<'_>) -> Option<Meaning<'_>> {
    let behind = opening.rest.strip_prefix('/')?;
    if let Some(more) = behind.strip_prefix('/') {
        let is_code = opening.is_indented || opening.is_marked || more.starts_with(char::is_whitespace);
        return (!is_code).then_some(Meaning::Say(behind));
    }
    if opening.is_marked {
        return is_near_a_command(behind).then_some(Meaning::Refuse(Refusal::LooksLikeCommand));
    }
    let behind = clean(without_paste_end(behind).as_bytes());
    let (word, args) = behind.split_once(char::is_whitespace).unwrap_or((&behind, ""));
    if let Some(renamed) = bare(&behind).filter(|_| word.contains('|')) {
        return Some(renamed.map_or_else(Meaning::Refuse, Meaning::Obey)); // `/rename|bob`
    }
    let escape = if word.is_empty() { r"\/" } else { "//" }; // two slashes and a blank are a comment
    let found = find_command(word, &format!("{escape}{}", shortened(&behind, QUOTED_CHARS)));
    let is_unknown = matches!(found, Err(Refusal::UnknownCommand { .. }));
    if is_unknown && opening.is_indented && !is_near_a_command(&behind) {
        return None; // a path, a comment
    }
    Some(match found.and_then(|spec| spec.parse(args)) {
        Ok(command) => Meaning::Obey(command),
        Err(refusal) => Meaning::Refuse(refusal),
    })
}

/// A whole line that is a command without a slash.
type Bare = (&'static str, fn() -> Command);

const BARE: [Bare; 4] = [
    ("who", || Command::UserList),
    ("help", || Command::Help(None)),
    ("quit", || Command::Quit(None)),
    ("exit", || Command::Quit(None)),
];
/// The word of `rename|NAME`.
pub(super) const RENAME: &str = "rename";

/// Whether a line may be a command without a slash. Most lines of chat are not, and are looked at no further.
fn begins_like_a_bare_word(line: &str) -> bool {
    let begins_with =
        |word: &str| line.as_bytes().get(..word.len()).is_some_and(|begun| begun.eq_ignore_ascii_case(word.as_bytes()));
    begins_with(RENAME) || BARE.iter().any(|(word, _)| begins_with(word))
}

/// The command of a whole line without a slash, if it is one.
fn bare(line: &str) -> Option<Result<Command, Refusal>> {
    if let Some((_, command)) = BARE.iter().find(|(word, _)| line.eq_ignore_ascii_case(word)) {
        return Some(Ok(command()));
    }
    let (_, names) = line.split_once('|').filter(|(word, _)| word.eq_ignore_ascii_case(RENAME))?;
    let names = clean(names.as_bytes());
    let name = without_invisible_end(names.split('|').next().unwrap_or_default());
    Some(if name.trim().is_empty() { Err(Refusal::NoName) } else { Nick::parse(name).map(Command::Rename) })
}

/// A line without invisible text at its end. If nothing visible follows the first word, only the word is left.
fn without_unseen_end(line: &str) -> &str {
    let behind = line.trim_start_matches(|c: char| c.is_ascii_graphic());
    let word = line.strip_suffix(behind).unwrap_or(line);
    let after = Opening::of(behind);
    // A mark is part of a name: `rename|jose` and a combining acute is josé.
    if after.rest.is_empty() && !after.is_marked { word } else { without_invisible_end(line) }
}

fn is_any_slash(c: char) -> bool {
    c == '/' || LOOK_LIKE_A_SLASH.contains(&c)
}

/// Whether text begins with a command's name, its beginning, or a near-miss of one. Invisible characters
/// and forms of input methods are ignored.
fn is_near_a_command(text: &str) -> bool {
    let text = Opening::of(text).rest;
    let word = text.split(char::is_whitespace).next().unwrap_or_default();
    let word: String = word.chars().filter(|c| !is_invisible(*c)).take(LONGEST_NAME).nfkc().collect();
    match find_command(&word, "") {
        Ok(_) | Err(Refusal::Ambiguous { .. }) => true,
        Err(Refusal::UnknownCommand { like, .. }) => like.is_some(),
        Err(_) => false,
    }
}
