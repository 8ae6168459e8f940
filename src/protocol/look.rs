//! Skeletons of UTS 39: what a text looks like, whatever letters it is written with.

use unicode_normalization::char::is_combining_mark;

/// The skeleton of a text. Marks on one letter are sorted: their order is not seen.
///
/// All of a name's look-alikes are looked up here, so that a test can count the characters.
pub(super) fn skeleton(text: &str) -> String {
    #[cfg(test)]
    counted::add(text.chars().count());
    let mut look: Vec<char> = unicode_security::skeleton(text).collect();
    for marks in look.chunk_by_mut(|one, other| is_combining_mark(*one) && is_combining_mark(*other)) {
        marks.sort_unstable();
    }
    // Khmer ta and da look the same below another letter.
    look.into_iter().collect::<String>().replace("\u{17d2}\u{178a}", "\u{17d2}\u{178f}")
}

/// How many characters' look-alikes were looked at on this thread.
#[cfg(test)]
pub(crate) mod counted {
    use std::cell::Cell;

    std::thread_local! {
        static CHARACTERS: Cell<usize> = const { Cell::new(0) };
    }

    pub(crate) fn add(characters: usize) {
        CHARACTERS.set(CHARACTERS.get() + characters);
    }

    /// Since the last call.
    pub(crate) fn take() -> usize {
        CHARACTERS.take()
    }
}
