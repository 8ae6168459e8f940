//! Names and texts that are parsed once and trusted after: a value of these types is valid.
//!
//! A name is what people trust when they read who said something. So two people cannot have names
//! that differ only in case or width, or that merely look different to a computer (`mike` and a
//! Cyrillic `mіke`), and nobody can be called like an address, a session id or the house itself.

use std::collections::HashSet;
use std::fmt;
use std::sync::{Arc, LazyLock};

use unicode_normalization::UnicodeNormalization;
use unicode_normalization::char::is_combining_mark;
use unicode_security::skeleton;

use super::{Refusal, clean};

/// Most characters of a nick (Unicode scalar values after NFC).
pub const MAX_NICK_CHARS: usize = 24;
/// Most bytes of a nick in UTF-8.
pub const MAX_NICK_BYTES: usize = 64;

/// Names that would speak for the house or for everybody; `guest…` is reserved beside them.
const RESERVED: [&str; 17] = [
    "server",
    "system",
    "admin",
    "moderator",
    "sysop",
    "op",
    "operator",
    "root",
    "parlor",
    "everyone",
    "all",
    "here",
    "nobody",
    "me",
    "you",
    "null",
    "login",
];

/// A session's id: a snowflake (see [`Snowflakes`](super::Snowflakes)), unique and rising.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct SessionId(pub u64);

impl fmt::Display for SessionId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// Who a line is from, as others see it. One allocation, shared by every line of that person.
#[derive(Debug, PartialEq, Eq)]
pub struct Speaker {
    /// The session.
    pub id: SessionId,
    /// Its address as others see it, `127.0.0.1:5123`, an IPv4 peer never in its IPv6 form; or what
    /// masks it (see [`Masks`](super::Masks)).
    pub address: Arc<str>,
    /// Its nick, or its first name: the address on the text door, the id on the others.
    pub name: Arc<str>,
}

/// A name that a person chose: 1–24 letters, digits, marks, `_ - .`, at most 64 bytes, NFC.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Nick(Arc<str>);

impl Nick {
    /// Parses a name; blanks around it do not count.
    ///
    /// # Errors
    /// [`Refusal::BadName`], [`Refusal::AddressName`] or [`Refusal::Reserved`]. Whether somebody
    /// present has it is for the hub to say.
    pub fn parse(raw: &str) -> Result<Self, Refusal> {
        let name: String = clean(raw.trim().as_bytes()).nfc().collect();
        if !has_form(&name) {
            return Err(Refusal::BadName { instead: mended(&name) });
        }
        let keys = NameKeys::of(&name);
        if is_address_like(&name, &keys) {
            return Err(Refusal::AddressName { name });
        }
        if keys.is_reserved() {
            return Err(Refusal::Reserved { name });
        }
        Ok(Self(name.into()))
    }

    /// The name as it is shown.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The name as shared text.
    #[must_use]
    pub fn shared(&self) -> Arc<str> {
        Arc::clone(&self.0)
    }

    /// Names like this one in the order in which they are offered where it is taken: `mike2`,
    /// `mike_`, `mike7`, then with rising numbers. Each is a valid nick.
    pub fn variants(&self) -> impl Iterator<Item = Nick> + '_ {
        let ends = ["2", "_", "7"].into_iter().map(str::to_owned);
        ends.chain((3..10_000).filter(|n| *n != 7).map(|n| n.to_string())).filter_map(|end| {
            let mut base = self.as_str();
            while base.chars().count() + end.len() > MAX_NICK_CHARS || base.len() + end.len() > MAX_NICK_BYTES {
                let last = base.char_indices().next_back()?.0;
                base = base.get(..last)?;
            }
            Nick::parse(&format!("{base}{end}")).ok()
        })
    }
}

fn is_name_char(c: char) -> bool {
    (c.is_alphanumeric() || is_combining_mark(c) || matches!(c, '_' | '-' | '.')) && is_visible(c) && !is_colon_like(c)
}

/// Some letters look like a colon, which ends a name where somebody speaks and parts an address from its port.
fn is_colon_like(c: char) -> bool {
    !c.is_ascii() && skeleton(c.encode_utf8(&mut [0; 4])).any(|look| look == ':')
}

/// Whether a character shows at all: fillers and variation selectors are letters and marks too, and
/// the skeleton of UTS 39 leaves them out.
fn is_visible(c: char) -> bool {
    skeleton(c.encode_utf8(&mut [0; 4])).next().is_some()
}

fn has_form(name: &str) -> bool {
    // What costs most comes last: a name may be as long as a packet until its length has been looked at.
    name.len() <= MAX_NICK_BYTES
        && name.chars().count() <= MAX_NICK_CHARS
        && name.chars().next().is_some_and(char::is_alphanumeric)
        && name.chars().all(is_name_char)
}

/// The nearest valid name, if one is near: blanks become `_`, the rest that may not stand goes.
fn mended(name: &str) -> Option<String> {
    let joined = name.split_whitespace().collect::<Vec<_>>().join("_");
    let kept = joined.chars().filter(|c| is_name_char(*c)).skip_while(|c| !c.is_alphanumeric());
    let mut nick: String = kept.take(MAX_NICK_CHARS).collect();
    while nick.len() > MAX_NICK_BYTES {
        nick.pop();
    }
    (nick != name).then(|| Nick::parse(&nick).ok()).flatten().map(|nick| nick.as_str().to_owned())
}

/// Whether a name is shaped like what the house itself shows for people: an address (four groups
/// of digits) or an id (nine digits or more and nothing else), as it is written or as it looks: `l` and
/// `O` stand for 1 and 0 beside digits.
fn is_address_like(name: &str, keys: &NameKeys) -> bool {
    let plain: String = name.nfkc().collect();
    let is_digit = |c: char| c.is_numeric() || matches!(c, 'l' | 'o');
    let is_like_numbers = |look: &String| {
        let only_numbers = look.chars().all(|c| is_digit(c) || matches!(c, '.' | '_' | '-'));
        let digits = look.chars().filter(|c| is_digit(*c)).count();
        let groups = look.split(|c: char| !is_digit(c)).filter(|group| !group.is_empty()).count();
        only_numbers && (groups >= 4 || digits >= 9)
    };
    let ways = || [&plain].into_iter().chain(&keys.looks);
    ways().any(|look| look.chars().any(char::is_numeric)) && ways().any(is_like_numbers)
}

/// What two names are compared by. Names clash where any of these keys meet.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NameKeys {
    /// Without case and width: NFKC, lower case.
    pub folded: String,
    /// What it looks like, as written and in lower case (`Iris` looks like `lris` only as
    /// written): UTS 39 skeletons, in lower case again, since a skeleton may hold capitals (`0` is `O`).
    pub looks: [String; 2],
}

impl NameKeys {
    /// The keys of any name, valid as a nick or not.
    #[must_use]
    pub fn of(name: &str) -> Self {
        let plain: String = name.nfkc().collect();
        let folded: String = plain.to_lowercase().nfkc().collect();
        let once = |text: &str| skeleton(text).collect::<String>().to_lowercase();
        let look = |text: &str| once(&once(text));
        Self { looks: [look(&plain), look(&folded)], folded }
    }

    fn is_reserved(&self) -> bool {
        static KEYS: LazyLock<HashSet<String>> = LazyLock::new(|| {
            RESERVED.iter().flat_map(|word| NameKeys::of(word).all().map(str::to_owned).collect::<Vec<_>>()).collect()
        });
        self.all().any(|key| KEYS.contains(key) || key.starts_with("guest"))
    }

    fn all(&self) -> impl Iterator<Item = &str> {
        self.looks.iter().map(String::as_str).chain([self.folded.as_str()])
    }
}

/// A room's name, without its `#`. Shown as `#lobby`.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct RoomName(Arc<str>);

impl RoomName {
    /// The room in which people find themselves.
    #[must_use]
    pub fn lobby() -> Self {
        Self("lobby".into())
    }

    /// Parses a room's name, with or without its `#`: 1–24 letters, digits, `_ -`, in lower case.
    ///
    /// # Errors
    /// [`Refusal::BadRoom`].
    pub fn parse(raw: &str) -> Result<Self, Refusal> {
        let raw = raw.trim();
        // Before anything else: one character can become eighteen.
        if raw.len() > 4 * MAX_NICK_BYTES {
            return Err(Refusal::BadRoom);
        }
        // Once more after the lower case: T with two dots has no letter of its own, t with two dots has.
        let plain = raw.strip_prefix('#').unwrap_or(raw).nfkc().collect::<String>().to_lowercase();
        let name: String = plain.nfkc().collect();
        if has_form(&name) && !name.contains('.') { Ok(Self(name.into())) } else { Err(Refusal::BadRoom) }
    }

    /// The name without its `#`.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for RoomName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "#{}", self.0)
    }
}

/// What was said: one line of clean text (see [`clean`]) of which something can be seen.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Body(Arc<str>);

impl Body {
    /// Cleans `text`; `None` where nothing that can be seen is left.
    #[must_use]
    pub fn new(text: &str) -> Option<Self> {
        let text = clean(text.as_bytes());
        text.chars().any(|c| !c.is_whitespace() && is_visible(c)).then(|| Self(text.as_ref().into()))
    }

    /// The text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The first `count` characters, with a mark if there were more.
    #[must_use]
    pub fn cut(self, count: usize) -> Self {
        match self.0.char_indices().nth(count) {
            None => self,
            Some((end, _)) => Self(format!("{}…", self.0.get(..end).unwrap_or_default()).into()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn nick(text: &str) -> Nick {
        Nick::parse(text).unwrap_or_else(|refusal| panic!("{text:?}: {refusal}"))
    }

    #[test]
    fn names_of_every_script_are_names() {
        for name in
            ["bob", "Ann-Lee", "j.r", "x_1", "7of9", "Jürgen", "Δημήτρης", "家族", "नेहा", "1", "a".repeat(24).as_str()]
        {
            assert_eq!(nick(name).as_str(), name);
        }
        assert_eq!(nick("  bob\t").as_str(), "bob");
        assert_eq!(nick("u\u{308}").as_str(), "ü", "NFC");
    }

    #[test]
    fn what_cannot_be_seen_is_not_said() {
        for text in ["", " \t", "\u{200b}", " \u{200d}\u{2060} ", "\u{feff}", "\u{3164}"] {
            assert_eq!(Body::new(text), None, "{text:?}");
        }
        assert_eq!(Body::new("\u{200b}x").unwrap().as_str(), "\u{200b}x");
        assert!(RoomName::parse(&"\u{fdfa}".repeat(1_000_000)).is_err(), "by its length, before anything else");
    }

    #[test]
    fn bad_names_come_with_a_good_one() {
        let instead = |text: &str| match Nick::parse(text) {
            Err(Refusal::BadName { instead }) => instead,
            other => panic!("{text:?}: {other:?}"),
        };
        assert_eq!(instead("mike smith").as_deref(), Some("mike_smith"));
        assert_eq!(instead("<b>bob</b>").as_deref(), Some("bbobb"));
        assert_eq!(instead("_bob").as_deref(), Some("bob"));
        assert_eq!(instead(&"a".repeat(25)).as_deref(), Some("a".repeat(24).as_str()));
        assert_eq!(instead(""), None);
        assert_eq!(instead("!!!"), None);
        assert_eq!(instead("\u{1b}[2J").as_deref(), Some("2J"));
        assert_eq!(instead("[127.0.0.1:5123]"), None, "what is left would be an address");
    }

    #[test]
    fn nobody_is_called_like_an_address_a_number_or_the_house() {
        for name in ["127.0.0.1", "10.0.0.7", "127-0-0-1", "2123807362945912832", "１２７.0.0.1", "127.0.0.1.5123"] {
            assert!(matches!(Nick::parse(name), Err(Refusal::AddressName { .. })), "{name}");
        }
        // Nor like what only looks so: U+02D0 shows as a colon, which ends a name, l and O as 1 and 0.
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

    fn clash(a: &str, b: &str) -> bool {
        let (a, b) = (NameKeys::of(a), NameKeys::of(b));
        a.all().any(|key| b.all().any(|other| other == key))
    }

    #[test]
    fn names_that_look_alike_clash() {
        for (a, b) in [
            ("mike", "MIKE"),
            ("mike", "mіke"),
            ("mike", "ｍｉｋｅ"),
            ("Iris", "lris"),
            ("bob", "b0b"),
            ("modern", "modem"),
        ] {
            assert!(clash(a, b), "{a} and {b}");
        }
        for (a, b) in [("mike", "mika"), ("mike", "mike2"), ("ann", "anna")] {
            assert!(!clash(a, b), "{a} and {b}");
        }
    }

    #[test]
    fn variants_are_valid_and_in_order() {
        let first = |name: &str| nick(name).variants().take(3).map(|n| n.as_str().to_owned()).collect::<Vec<_>>();
        assert_eq!(first("mike"), ["mike2", "mike_", "mike7"]);
        assert_eq!(first(&"a".repeat(24))[0], format!("{}2", "a".repeat(23)));
        assert_eq!(first(&"家".repeat(21))[0].len(), 64, "21 characters of 3 bytes and a digit");
    }

    proptest! {
        #[test]
        fn any_text_makes_a_valid_nick_or_a_refusal(raw in "\\PC{0,30}") {
            if let Ok(nick) = Nick::parse(&raw) {
                prop_assert!(has_form(nick.as_str()));
                let again = Nick::parse(nick.as_str());
                prop_assert_eq!(again.as_ref().map(Nick::as_str).ok(), Some(nick.as_str()));
                for variant in nick.variants().take(3) {
                    prop_assert!(has_form(variant.as_str()));
                }
            }
        }

        #[test]
        fn an_offered_name_is_accepted(raw in "[a-zé家 _.!<>\\-]{1,40}") {
            if let Err(Refusal::BadName { instead: Some(instead) }) = Nick::parse(&raw) {
                prop_assert!(Nick::parse(&instead).is_ok());
            }
        }

        #[test]
        fn case_and_width_never_tell_two_names_apart(raw in "[a-z]{1,12}") {
            let wide: String = raw.chars().filter_map(|c| char::from_u32(u32::from(c) - 0x20 + 0xff00)).collect();
            prop_assert!(clash(&raw, &raw.to_uppercase()));
            prop_assert!(clash(&raw, &wide));
        }
    }
}
