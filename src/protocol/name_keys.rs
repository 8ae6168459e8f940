//! What two names are compared by: whether one would be taken for the other.

use unicode_normalization::UnicodeNormalization;

use super::RoomName;
use super::look::skeleton;

/// The keys of a name. Two names clash where any of them meet.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NameKeys {
    /// Without case and width: NFKC, upper and then lower case, Turkish İ and ı as i.
    pub folded: String,
    /// What it looks like as written, in lower case, in upper case, with capitals at the beginning of words, and
    /// read as a person would where an l stands among capitals. (`Iris` looks like `lris`, `madina` in upper case
    /// like `MADlNA`, and `MaDlNa` reads as `MaDINa`.) Each is a skeleton of UTS 39.
    pub looks: Vec<String>,
}

impl NameKeys {
    /// The keys of any name, valid as a nick or not. The cost grows with its length.
    #[must_use]
    pub fn of(name: &str) -> Self {
        let written: String = name.nfkc().collect();
        let plain: String = written.chars().map(|c| if c == 'İ' { 'I' } else { c }).collect();
        let (upper, lower) = (plain.to_uppercase(), plain.to_lowercase());
        let mut looks = vec![skeleton(&written), stable(&lower), skeleton(&upper), skeleton(&titled(&plain))];
        let read = read(&plain);
        if read != lower {
            looks.push(stable(&read));
        }
        looks.sort_unstable();
        looks.dedup();
        Self { folded: folded(&plain), looks }
    }

    /// The keys of a room's name, which is in lower case and normalized already.
    #[must_use]
    pub fn of_room(name: &RoomName) -> Self {
        Self { folded: name.as_str().to_owned(), ..Self::of(name.as_str()) }
    }

    /// Whether one name would be taken for the other.
    #[must_use]
    pub fn clashes_with(&self, other: &Self) -> bool {
        self.folded == other.folded || self.looks.iter().any(|look| other.looks.contains(look))
    }

    pub(super) fn all(&self) -> impl Iterator<Item = &str> {
        self.looks.iter().map(String::as_str).chain([self.folded.as_str()])
    }

    /// [`NameKeys::folded`] of a name, without the cost of its looks.
    #[must_use]
    pub fn fold(name: &str) -> String {
        folded(&name.nfkc().map(|c| if c == 'İ' { 'I' } else { c }).collect::<String>())
    }
}

/// Upper case first: ß is SS, final ς is Σ. Normalized again, since case can take letters apart.
fn folded(plain: &str) -> String {
    plain.to_uppercase().to_lowercase().nfkc().collect()
}

/// Skeleton and lower case until nothing changes: a skeleton may hold capitals (`0` is `O`), and what is in lower
/// case may have another skeleton. Twice is enough (tested below).
fn stable(lower: &str) -> String {
    let once = skeleton(lower).to_lowercase();
    if once == lower { once } else { skeleton(&once).to_lowercase() }
}

/// With a capital at the beginning of each word, the rest in lower case.
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

/// In lower case, as people read it: a letter that looks like a vertical bar is an i at the beginning of a word
/// and among capitals.
fn read(plain: &str) -> String {
    let chars: Vec<char> = plain.chars().collect();
    let is_bar: Vec<bool> = chars.iter().map(|c| skeleton(c.encode_utf8(&mut [0; 4])) == "l" && *c != 'L').collect();
    let mut read = String::with_capacity(plain.len());
    for (at, c) in chars.iter().enumerate() {
        let bars = |at: &usize| is_bar.get(*at).copied().unwrap_or_default();
        let letter = |at: &usize| chars.get(*at).copied().filter(|c| c.is_alphanumeric());
        if !bars(&at) {
            read.extend(c.to_lowercase());
            continue;
        }
        // The nearest letters of the word that are no bars themselves.
        let before = (0..at).rev().find(|at| !bars(at));
        let after = (at + 1..chars.len()).find(|at| !bars(at)).and_then(|at| letter(&at));
        let begins = at == 0 || letter(&(at - 1)).is_none();
        let follows_capital = before.and_then(|at| letter(&at)).is_some_and(char::is_uppercase);
        // `Alda` is no `AIda`: a first capital says nothing of the rest.
        let first_only = before.is_none_or(|at| at == 0 || letter(&(at - 1)).is_none());
        let among_capitals = after.is_some_and(char::is_uppercase)
            || (follows_capital && !(first_only && after.is_some_and(char::is_lowercase)));
        read.push(if begins || among_capitals { 'i' } else { 'l' });
    }
    read
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

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

    #[test]
    fn skeletons_are_stable_after_two_rounds() {
        for c in (0..0x3000).chain(0xa000..0xac00).filter_map(char::from_u32) {
            let lower = c.to_lowercase().collect::<String>();
            let stable = stable(&lower);
            assert_eq!(skeleton(&stable).to_lowercase(), stable, "{c:?}");
        }
    }

    proptest! {
        #[test]
        fn case_and_width_never_tell_two_names_apart(raw in "[a-z]{1,12}") {
            let wide: String = raw.chars().filter_map(|c| char::from_u32(u32::from(c) - 0x20 + 0xff00)).collect();
            prop_assert!(clash(&raw, &raw.to_uppercase()));
            prop_assert!(clash(&raw, &wide));
        }
    }
}
