//! Skeletons of UTS 39: equal for texts that look the same, whatever letters they use.

use unicode_normalization::char::is_combining_mark;

/// The skeleton of a text. Marks on one letter are sorted, since their order is not visible.
///
/// Every look-alike is looked up here, so that a test can count the characters.
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

/// Counts the characters whose look-alikes this thread has looked up.
#[cfg(test)]
pub(crate) mod counted {
    use std::cell::Cell;

    std::thread_local! {
        static CHARACTERS: Cell<usize> = const { Cell::new(0) };
    }

    pub(crate) fn add(characters: usize) {
        CHARACTERS.set(CHARACTERS.get() + characters);
    }

    /// The count since the last call.
    pub(crate) fn take() -> usize {
        CHARACTERS.take()
    }
}
