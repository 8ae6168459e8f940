//! Nicks: the names that people choose.
//!
//! People trust the name on a line. So no two people may have names that look alike ([`NameKeys`]), and
//! no name may look like an address, a session id or a word of the server
//! ([`reserved`](super::reserved)).

use std::sync::Arc;

use unicode_normalization::UnicodeNormalization;

use super::name_chars::{MAX_TYPED_BYTES, fits, fitting, has_form, mixes_scripts};
use super::reserved::{is_address_like, is_reserved};
use super::{MAX_NICK_BYTES, MAX_NICK_CHARS, NameKeys, Refusal, clean};

/// A valid nick: 1–24 letters, digits, marks, `_ - .`, at most 64 bytes, NFC.
#[derive(Debug, Clone)]
pub struct Nick {
    name: Arc<str>,
    keys: Arc<NameKeys>,
}

impl PartialEq for Nick {
    fn eq(&self, other: &Self) -> bool {
        self.name == other.name // the keys follow from it
    }
}

impl Eq for Nick {}

impl Nick {
    /// Parses a name and ignores blanks around it. The cost is bounded, whatever the text's length.
    ///
    /// # Errors
    /// [`Refusal::BadName`], [`Refusal::AddressName`] or [`Refusal::Reserved`]. The hub checks the rest:
    /// whether the name is taken, and whether it mixes scripts.
    pub fn parse(raw: &str) -> Result<Self, Refusal> {
        let raw = raw.trim();
        let name: String = clean(shortest(raw).as_bytes()).nfc().collect();
        if raw.len() > MAX_TYPED_BYTES {
            return Err(Refusal::BadName { instead: mended(&name) });
        }
        match Self::valid(&name) {
            Err(Refusal::BadName { .. }) => Err(Refusal::BadName { instead: mended(&name) }),
            parsed => parsed,
        }
    }

    /// The name in NFC, if it is valid. The costly checks come last.
    fn valid(name: &str) -> Result<Self, Refusal> {
        let not_a_name = Refusal::BadName { instead: None };
        if !has_form(name) {
            return Err(not_a_name);
        }
        let keys = NameKeys::of(name);
        if is_address_like(name, &keys) {
            return Err(Refusal::AddressName { name: name.to_owned() });
        }
        if is_reserved(name, &keys) {
            return Err(Refusal::Reserved { name: name.to_owned() });
        }
        if fits(name) { Ok(Self { name: name.into(), keys: Arc::new(keys) }) } else { Err(not_a_name) }
    }

    /// The name as it is shown.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.name
    }

    /// The name as shared text.
    #[must_use]
    pub fn shared(&self) -> Arc<str> {
        Arc::clone(&self.name)
    }

    /// The keys by which it is compared.
    #[must_use]
    pub fn keys(&self) -> &Arc<NameKeys> {
        &self.keys
    }

    /// Whether it mixes scripts, as `mіke` with a Cyrillic і does. The hub refuses such a name, after it has
    /// looked for a person whose name it imitates.
    #[must_use]
    pub fn mixes_scripts(&self) -> bool {
        mixes_scripts(&self.name)
    }

    /// Suggestions beside a taken name, in order: `mike2`, `mike_`, `mike7`, then rising numbers. Each is a
    /// valid nick; at most `attempts` are tried.
    pub fn variants(&self, attempts: usize) -> impl Iterator<Item = Nick> + '_ {
        let ends = ["2", "_", "7"].into_iter().map(str::to_owned);
        let ends = ends.chain((3..).filter(|n| *n != 7).map(|n| n.to_string()));
        ends.take(attempts).filter_map(|end| {
            let mut base = self.as_str();
            while base.chars().count() + end.len() > MAX_NICK_CHARS || base.len() + end.len() > MAX_NICK_BYTES {
                let last = base.char_indices().next_back()?.0;
                base = base.get(..last)?;
            }
            Nick::valid(&format!("{base}{end}").nfc().collect::<String>()).ok()
        })
    }
}

/// The beginning of a text, at most as long as a typed name.
fn shortest(raw: &str) -> &str {
    raw.get(..raw.floor_char_boundary(MAX_TYPED_BYTES)).unwrap_or_default()
}

/// The nearest valid name, if there is one: blanks become `_`, other invalid characters are dropped.
fn mended(name: &str) -> Option<String> {
    let plain: String = name.nfkc().collect();
    let joined = plain.split_whitespace().collect::<Vec<_>>().join("_");
    let mut nick: String = joined.chars().skip_while(|c| !c.is_alphanumeric()).collect();
    nick = fitting(&nick).chars().skip_while(|c| !c.is_alphanumeric()).take(MAX_NICK_CHARS).collect();
    while nick.len() > MAX_NICK_BYTES {
        nick.pop();
    }
    let nick: String = nick.nfc().collect();
    (nick != name && Nick::valid(&nick).is_ok_and(|nick| !nick.mixes_scripts())).then_some(nick)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::protocol::skeleton::counted;
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
        assert_eq!(instead("ｍｉｋｅ").as_deref(), Some("mike"));
        assert_eq!(instead("mi\u{307}ke").as_deref(), Some("mike"));
        assert_eq!(instead("سـلام").as_deref(), Some("سلام"));
        assert_eq!(instead(&"é".repeat(40_000)).as_deref(), Some("é".repeat(24).as_str()));
        assert_eq!(instead("[127.0.0.1:5123]"), None, "what is left would be an address");
    }

    /// CASES A1: parsing a name of 64 KB took 13 to 17 ms.
    #[test]
    fn long_name_costs_a_bounded_look() {
        counted::take();
        for c in ["a", "m", "é", "家", "\u{fdfa}", "\u{3164}", "㊿", "ΐ", "\u{301}", " ", "_", "1", "."] {
            for length in [1, 20, 24, 25, 64, 256, 257, 65_536] {
                let _ = Nick::parse(&c.repeat(length));
                let _ = Nick::parse(&format!("a{}", c.repeat(length)));
                let looked_at = counted::take();
                assert!(looked_at <= 2048, "{looked_at} characters for {length} times {c:?}");
            }
        }
    }

    #[test]
    fn variants_are_valid_and_in_order() {
        let first = |name: &str| nick(name).variants(3).map(|n| n.as_str().to_owned()).collect::<Vec<_>>();
        assert_eq!(first("mike"), ["mike2", "mike_", "mike7"]);
        assert_eq!(first(&"a".repeat(24))[0], format!("{}2", "a".repeat(23)));
        assert_eq!(first(&"家".repeat(21))[0].len(), 64, "21 characters of 3 bytes and a digit");
    }

    proptest! {
        #[test]
        fn any_text_is_nick_or_refused(raw in "\\PC{0,30}") {
            if let Ok(nick) = Nick::parse(&raw) {
                prop_assert!(has_form(nick.as_str()));
                let again = Nick::parse(nick.as_str());
                prop_assert_eq!(again.as_ref().map(Nick::as_str).ok(), Some(nick.as_str()));
                for variant in nick.variants(3) {
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
    }
}
