//! The keys by which two names are compared: they tell whether people would confuse the names.

use unicode_normalization::UnicodeNormalization;

use super::RoomName;
use super::skeleton::skeleton;

/// The keys of a name. Two names clash if they share a key.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NameKeys {
    /// The name without case and width: NFKC, upper and then lower case, Turkish İ and ı as i.
    pub folded: String,
    /// Skeletons of the name (UTS 39): as written, in lower case, in upper case, in title case, letter by
    /// letter, and as people read a bar among capitals. `Iris` looks like `lris`, `madina` in upper case like
    /// `MADlNA`, and `MaDlNa` reads as `MaDINa`.
    pub looks: Vec<String>,
}

impl NameKeys {
    /// The keys of any text, valid as a nick or not. The cost grows with its length.
    #[must_use]
    pub fn of(name: &str) -> Self {
        let written: String = name.nfkc().collect();
        let plain: String = written.chars().map(|c| if c == 'İ' { 'I' } else { c }).collect();
        let (upper, lower) = (plain.to_uppercase(), plain.to_lowercase());
        let (letters, read) = read(&plain);
        let mut looks = vec![
            skeleton(&written),
            stable(&lower),
            skeleton(&upper),
            skeleton(&titled(&plain)),
            stable(&letters),
            stable(&read),
        ];
        looks.sort_unstable();
        looks.dedup();
        Self { folded: folded(&plain), looks }
    }

    /// The keys of a room's name, which is normalized and in lower case.
    #[must_use]
    pub fn of_room(name: &RoomName) -> Self {
        Self { folded: name.as_str().to_owned(), ..Self::of(name.as_str()) }
    }

    /// Whether people would confuse the two names.
    #[must_use]
    pub fn clashes_with(&self, other: &Self) -> bool {
        self.folded == other.folded || self.looks.iter().any(|look| other.looks.contains(look))
    }

    pub(super) fn all(&self) -> impl Iterator<Item = &str> {
        self.looks.iter().map(String::as_str).chain([self.folded.as_str()])
    }

    /// [`NameKeys::folded`] of a name, without the cost of its skeletons.
    #[must_use]
    pub fn fold(name: &str) -> String {
        folded(&name.nfkc().map(|c| if c == 'İ' { 'I' } else { c }).collect::<String>())
    }
}

/// Upper case comes first: ß is SS, final ς is Σ. Case can decompose letters, so normalize again.
fn folded(plain: &str) -> String {
    #[cfg(test)]
    super::skeleton::counted::add(plain.chars().count());
    plain.to_uppercase().to_lowercase().nfkc().collect()
}

/// Applies skeleton and lower case until nothing changes: a skeleton may hold capitals (`0` is `O`), and the
/// lower case may have another skeleton. Twice is enough (tested below).
fn stable(lower: &str) -> String {
    let once = skeleton(lower).to_lowercase();
    if once == lower { once } else { skeleton(&once).to_lowercase() }
}

/// Title case: a capital at the beginning of each word, the rest in lower case.
fn titled(plain: &str) -> String {
    let mut within = false;
    let mut title = String::with_capacity(plain.len());
    for c in plain.chars() {
        if within {
            title.extend(c.to_lowercase());
        } else {
            title.extend(c.to_uppercase());
        }
        within = c.is_alphabetic();
    }
    title
}

/// The skeleton of each letter, in lower case. Letters that look like a vertical bar are read twice: as the
/// letters that they are, and as people read them, an i at the beginning of a word and among capitals, else
/// an l.
fn read(plain: &str) -> (String, String) {
    let chars: Vec<char> = plain.chars().collect();
    let looks: Vec<String> = chars.iter().map(|c| skeleton(c.encode_utf8(&mut [0; 4]))).collect();
    let (mut letters, mut read) = (String::with_capacity(plain.len()), String::with_capacity(plain.len()));
    for (at, (c, look)) in chars.iter().zip(&looks).enumerate() {
        let bars = |at: &usize| looks.get(*at).is_some_and(|look| look == "l");
        let letter = |at: &usize| chars.get(*at).copied().filter(|c| c.is_alphanumeric());
        if !bars(&at) {
            let look = look.to_lowercase();
            letters.push_str(&look);
            read.push_str(&look);
            continue;
        }
        letters.extend(c.to_lowercase());
        // The nearest letters of the word that do not look like bars.
        let before = (0..at).rev().find(|at| !bars(at));
        let after = (at + 1..chars.len()).find(|at| !bars(at)).and_then(|at| letter(&at));
        let begins = at == 0 || letter(&(at - 1)).is_none();
        let follows_capital = before.and_then(|at| letter(&at)).is_some_and(char::is_uppercase);
        // `Alda` does not look like `AIda`: a first capital says nothing about the rest.
        let first_only = before.is_none_or(|at| at == 0 || letter(&(at - 1)).is_none());
        let among_capitals = after.is_some_and(char::is_uppercase)
            || (follows_capital && !(first_only && after.is_some_and(char::is_lowercase)));
        read.push(if begins || among_capitals { 'i' } else { 'l' });
    }
    (letters, read)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::protocol::Nick;
    use proptest::prelude::*;
    use std::collections::HashMap;
    use std::sync::LazyLock;
    use unicode_security::GeneralSecurityProfile;

    /// Letters and digits of names, by skeleton.
    static LOOK_ALIKES: LazyLock<HashMap<String, Vec<char>>> = LazyLock::new(|| {
        let mut alike: HashMap<String, Vec<char>> = HashMap::new();
        for c in (0..0x1_2000).filter_map(char::from_u32).filter(|c| c.is_alphanumeric() && c.identifier_allowed()) {
            alike.entry(skeleton(&c.to_string())).or_default().push(c);
        }
        alike
    });

    fn clash(a: &str, b: &str) -> bool {
        NameKeys::of(a).clashes_with(&NameKeys::of(b))
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
            ("madina", "MADlNA"),
            ("all", "AlI"),
        ] {
            assert!(clash(a, b), "{a} and {b}");
        }
        for (a, b) in [("mike", "mika"), ("mike", "mike2"), ("ann", "anna"), ("all", "ALI"), ("Aida", "Alda")] {
            assert!(!clash(a, b), "{a} and {b}");
        }
    }

    /// Folding must not refuse names that real people have.
    #[test]
    fn common_names_never_clash() {
        let names = "Al Ali Alda Aida Alice Amir Anil Ann Anna Anne Bela Bill Brian Callum Carol Dai Dal Dan Della Delia \
                     Eileen Elena Eli Elia Elisa Eliza Ella Ellen Elli Emil Emilia Emily Eva Fiona Gail Gil Gill Iain Ian \
                     Ida Ilse Ines Inga Iris Irma Isla Ivan Ivo Jill Jim Kai Kal Karl Leila Lena Li Lia Lila Lily Lisa Liu \
                     Lola Lou Luca Mai Mal Maria Marla Mia Mila Milla Nell Neil Nina Nora Olga Oli Olli Paul Rolf Tim \
                     Till Tom Uli Ulla Vera Viola Will Willi Yan Zoe Ольга Олег Илья Иван Нина Νίκη Νίκος";
        let names: Vec<&str> = names.split_whitespace().collect();
        let forms: [fn(&str) -> String; 3] = [str::to_owned, str::to_lowercase, str::to_uppercase];
        for form in forms {
            let keys: Vec<NameKeys> = names.iter().map(|name| NameKeys::of(&form(name))).collect();
            for (at, one) in keys.iter().enumerate() {
                for (other, keys) in names.iter().zip(&keys[..at]) {
                    assert!(!one.clashes_with(keys), "{} and {other}", names[at]);
                }
            }
        }
    }

    #[test]
    fn skeletons_are_stable_after_two_rounds() {
        for c in (0..0x3000).chain(0xa000..0xac00).filter_map(char::from_u32) {
            let lower = c.to_lowercase().collect::<String>();
            let stable = stable(&lower);
            assert_eq!(skeleton(&stable).to_lowercase(), stable, "{c:?}");
        }
    }

    proptest! {
        // proptest keeps no file of failures: each one becomes a named test.
        #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

        /// Changes case, then replaces letters by look-alikes, in any mix: readers see the same name.
        #[test]
        fn changed_case_and_look_alikes_always_clash(
            raw in "[a-z]{2,10}",
            case in 0..4,
            choices in prop::collection::vec(any::<prop::sample::Index>(), 10),
        ) {
            let cased = match case {
                0 => raw.clone(),
                1 => raw.to_uppercase(),
                2 => titled(&raw),
                _ => raw.chars().enumerate().map(|(at, c)| if at % 2 == 0 { c } else { c.to_ascii_uppercase() }).collect(),
            };
            let disguised: String = cased
                .chars()
                .zip(&choices)
                .map(|(c, choice)| {
                    // In mixed case a reader cannot tell which of the two letters a bar is.
                    let alike = &LOOK_ALIKES[&skeleton(&c.to_string())];
                    if case == 3 && matches!(c, 'i' | 'I' | 'l' | 'L') { c } else { *choice.get(alike) }
                })
                .collect();
            prop_assert!(clash(&raw, &disguised), "{} and {}", raw, disguised);
            if let (Ok(present), Ok(nick)) = (Nick::parse(&raw), Nick::parse(&disguised)) {
                prop_assert!(nick.mixes_scripts() || present.keys().clashes_with(nick.keys()));
            }
        }

        #[test]
        fn changed_case_and_width_always_clash(raw in "[a-z]{1,12}") {
            let wide: String = raw.chars().filter_map(|c| char::from_u32(u32::from(c) - 0x20 + 0xff00)).collect();
            prop_assert!(clash(&raw, &raw.to_uppercase()));
            prop_assert!(clash(&raw, &wide));
        }
    }
}
