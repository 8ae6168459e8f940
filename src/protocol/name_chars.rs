//! The characters of names: letters of Unicode's identifier profile, and marks that are visible.
//!
//! UTS 39 says which letters ordinary writing uses ([`GeneralSecurityProfile`]) and which scripts are
//! written together ([`RestrictionLevel`]). Its skeletons do not fold marks that hide on their letter.
//! So marks have their own rules here: CASES C1 lists the names that looked like others without them.

use unicode_normalization::UnicodeNormalization;
use unicode_normalization::char::{canonical_combining_class, is_combining_mark};
use unicode_properties::{GeneralCategory, UnicodeGeneralCategory};
use unicode_script::{Script, UnicodeScript};
use unicode_security::{
    GeneralSecurityProfile, RestrictionLevel, RestrictionLevelDetection, is_potential_mixed_script_confusable_char,
};

use super::skeleton::skeleton;

/// Most characters of a name (Unicode scalar values after NFC).
pub const MAX_NICK_CHARS: usize = 24;
/// Most bytes of a name in UTF-8.
pub const MAX_NICK_BYTES: usize = 64;

/// Most bytes of a typed name. Longer text is refused before it is normalized.
pub(super) const MAX_TYPED_BYTES: usize = 4 * MAX_NICK_BYTES;

/// Most marks that stack on one letter, and most class-0 marks that join it (vowel signs).
const MAX_MARKS: usize = 2;
/// Most spacing marks beside one letter: Burmese ကျော် has three.
const MAX_SPACING_MARKS: usize = 3;

/// Letters in ordinary use that UTS 39 leaves out, since NFKC decomposes them: Thai and Lao am, Lao ho no
/// and ho mo, Armenian ew. The keys of names hold them decomposed.
const COMPOSED: [char; 5] = ['ำ', 'ຳ', 'ໜ', 'ໝ', 'և'];

/// Whether a name has a valid length, begins with a letter or digit, and consists of letters, digits, marks
/// and `_ - .`. It looks up no look-alikes.
pub(super) fn has_form(name: &str) -> bool {
    let is_name_char = |c: char| c.is_alphanumeric() || is_combining_mark(c) || is_separator(c);
    name.len() <= MAX_NICK_BYTES
        && name.chars().count() <= MAX_NICK_CHARS
        && name.chars().next().is_some_and(|c| c.is_alphanumeric() && !is_combining_mark(c))
        && name.chars().all(is_name_char)
        && name.nfkc().count() <= MAX_NICK_CHARS
}

/// Whether every character of a name in NFC is allowed. [`mixes_scripts`] checks its scripts.
pub(super) fn fits(name: &str) -> bool {
    fitting(name) == name
}

/// The characters of a text in NFC that are allowed in a name.
pub(super) fn fitting(text: &str) -> String {
    let mut kept = String::with_capacity(text.len().min(MAX_TYPED_BYTES));
    let mut cluster: Option<Cluster> = None;
    for c in text.chars() {
        if is_combining_mark(c) {
            if cluster.as_mut().is_some_and(|cluster| cluster.takes(c)) {
                kept.push(c);
            }
            continue;
        }
        let letter = c.is_alphabetic() && is_ordinary(c);
        if !(letter || is_separator(c) || c.is_numeric() && is_ordinary(c)) {
            continue;
        }
        // An invisible joiner is visible only in the shape of the next letter of its script.
        if kept.ends_with(is_joiner) && !(letter && cluster.is_some_and(|cluster| share_a_script(cluster.base, c))) {
            kept.pop();
        }
        kept.push(c);
        cluster = letter.then(|| Cluster::of(c));
    }
    if kept.ends_with(is_joiner) {
        kept.pop();
    }
    kept
}

/// Whether a name mixes scripts that are not written together. `Ann家` does not; `Anпa` does. So does
/// `annーlee`, whose only Japanese letter looks like a dash.
pub(super) fn mixes_scripts(name: &str) -> bool {
    let plain: String = name.nfkc().collect();
    if (&*plain).detect_restriction_level() > RestrictionLevel::HighlyRestrictive {
        return true;
    }
    let mut others =
        plain.chars().filter(|c| c.is_alphabetic() && !c.script_extension().contains_script(Script::Latin)).peekable();
    // Unicode gives the Japanese long sign no script.
    let hides = |c: char| c.script() == Script::Common || is_potential_mixed_script_confusable_char(c);
    plain.chars().any(|c| c.script() == Script::Latin) && others.peek().is_some() && others.all(hides)
}

pub(super) fn is_separator(c: char) -> bool {
    matches!(c, '_' | '-' | '.')
}

fn is_ordinary(c: char) -> bool {
    c.identifier_allowed() || COMPOSED.contains(&c)
}

/// Invisible signs that put the next letter under the one before: of Burmese and Khmer.
fn is_joiner(c: char) -> bool {
    matches!(c, '\u{1039}' | '\u{17d2}')
}

fn share_a_script(one: char, other: char) -> bool {
    !one.script_extension().intersection(other.script_extension()).is_empty()
}

/// One letter and the marks on it.
struct Cluster {
    base: char,
    marks: Vec<char>,
}

impl Cluster {
    /// The cluster that begins with `letter`, in NFC.
    fn of(letter: char) -> Self {
        let mut parts = std::iter::once(letter).nfd();
        let base = parts.next().unwrap_or(letter);
        Self { base, marks: parts.filter(|c| is_combining_mark(*c)).collect() }
    }

    /// Adds a mark if it is allowed here and visible.
    fn takes(&mut self, mark: char) -> bool {
        let of_its_script = match mark.script_extension() {
            // Unicode gives horn, comma below, cedilla and ogonek no script; Latin uses them.
            scripts if scripts.is_common() || scripts.is_inherited() => self.base.script() == Script::Latin,
            _ => share_a_script(self.base, mark),
        };
        let taken = is_ordinary(mark)
            && mark.general_category() != GeneralCategory::EnclosingMark
            && of_its_script
            && !self.marks.contains(&mark)
            && !(mark == '\u{307}' && hides_a_dot(self.base));
        self.marks.push(mark);
        let within =
            |most: usize, kind: fn(char) -> bool| self.marks.iter().filter(|mark| kind(**mark)).count() <= most;
        let taken = taken
            && within(MAX_SPACING_MARKS, is_spacing)
            && within(MAX_MARKS, |mark| !is_spacing(mark) && canonical_combining_class(mark) == 0)
            && within(MAX_MARKS, |mark| !is_spacing(mark) && canonical_combining_class(mark) != 0);
        if !taken {
            self.marks.pop();
        }
        taken
    }
}

fn is_spacing(mark: char) -> bool {
    mark.general_category() == GeneralCategory::SpacingMark
}

/// Whether a dot above is invisible on a letter, or makes it look like an i. Soft-dotted letters lose their
/// own dot to it, dotless ones get one, and an l with a dot looks like an i.
fn hides_a_dot(letter: char) -> bool {
    let look = skeleton(letter.encode_utf8(&mut [0; 4]));
    look.strip_prefix(['i', 'j', 'l']).is_some_and(|rest| rest.chars().all(is_combining_mark)) // ɨ is i and a stroke
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::protocol::Nick;

    /// Tries every mark and every invisible character in names of several scripts: one that overlays, encloses,
    /// is not visible, or belongs to another script makes no second name.
    #[test]
    fn hidden_character_makes_no_second_name() {
        let all = || (0x80..=0xe_0200).filter_map(char::from_u32);
        let is_unseen = |c: &char| unicode_security::skeleton(c.encode_utf8(&mut [0; 4])).next().is_none();
        let others: Vec<char> = all().filter(|c| is_combining_mark(*c) || is_unseen(c) || *c == '\u{640}').collect();
        for (present, script) in [("mike", Script::Latin), ("ольга", Script::Cyrillic), ("نادر", Script::Arabic)]
        {
            let keys = Nick::parse(present).unwrap().keys().clone();
            for c in &others {
                let scripts = c.script_extension();
                let of_the_script = scripts.contains_script(script) && !scripts.is_common() && !is_unseen(c);
                let hides = canonical_combining_class(*c) == 1
                    || c.general_category() == GeneralCategory::EnclosingMark
                    || *c == '\u{640}';
                let latin_mark = script == Script::Latin && matches!(c, '\u{31b}' | '\u{326}'..='\u{328}');
                if !hides && (of_the_script || latin_mark) {
                    continue; // it shows, and people write with it: `josé` beside `jose` is two names
                }
                let second = present.char_indices().nth(1).unwrap().0;
                for at in [second, present.len()] {
                    let name = format!("{}{c}{}", &present[..at], &present[at..]);
                    let taken =
                        Nick::parse(&name).is_ok_and(|nick| !nick.mixes_scripts() && !nick.keys().clashes_with(&keys));
                    assert!(!taken, "{c:?} in {present} at {at}");
                }
            }
        }
    }

    #[test]
    fn dot_above_is_no_second_dot() {
        for letter in ["i", "j", "\u{131}", "\u{237}", "l", "I\u{301}", "į", "ị", "\u{456}", "\u{458}", "ɨ", "ī"] {
            let name = format!("a{letter}\u{307}b");
            assert!(Nick::parse(&name).is_err(), "{name:?}");
        }
        for name in ["aİb", "ėva", "Żaneta", "ċikku"] {
            assert!(Nick::parse(name).is_ok(), "{name}");
        }
    }

    #[test]
    fn name_never_begins_with_a_mark() {
        for c in (0..=0x10_ffff).filter_map(char::from_u32).filter(|c| is_combining_mark(*c)) {
            for name in [format!("{c}"), format!("{c}a"), format!("7{c}")] {
                assert!(Nick::parse(&name).is_err(), "{name:?}");
            }
        }
    }
}
