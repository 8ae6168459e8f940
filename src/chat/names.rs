//! The index of names in use: the holder of each name, and the holders of names that look like it.

use std::collections::BTreeMap;

use crate::protocol::NameKeys;

/// Maps keys of names (see [`NameKeys`]) to their holders. `T` is the holder: a session or a room.
///
/// The keys are sorted, so that a search through all names gives the same answer on every server.
#[derive(Debug)]
pub(super) struct Names<T> {
    by_folded: BTreeMap<String, T>,
    by_look: BTreeMap<String, T>,
}

impl<T> Default for Names<T> {
    fn default() -> Self {
        Self { by_folded: BTreeMap::new(), by_look: BTreeMap::new() }
    }
}

impl<T: Copy + PartialEq> Names<T> {
    pub(super) fn hold(&mut self, keys: &NameKeys, holder: T) {
        self.by_folded.insert(keys.folded.clone(), holder);
        self.by_look.extend(keys.looks.iter().map(|look| (look.clone(), holder)));
    }

    /// Frees the keys that `holder` still holds. Keys that another has taken meanwhile stay.
    pub(super) fn free(&mut self, keys: &NameKeys, holder: T) {
        if self.by_folded.get(&keys.folded) == Some(&holder) {
            self.by_folded.remove(&keys.folded);
        }
        for look in &keys.looks {
            if self.by_look.get(look) == Some(&holder) {
                self.by_look.remove(look);
            }
        }
    }

    /// The holder of a name, without regard to case and width (see [`NameKeys::fold`]).
    pub(super) fn called(&self, folded: &str) -> Option<T> {
        self.by_folded.get(folded).copied()
    }

    /// How many names there are.
    pub(super) fn count(&self) -> usize {
        self.by_folded.len()
    }

    /// All folded names with their holders, in alphabetical order.
    pub(super) fn iter(&self) -> impl Iterator<Item = (&str, T)> {
        self.by_folded.iter().map(|(folded, holder)| (folded.as_str(), *holder))
    }

    /// The holders of any of these keys.
    pub(super) fn holders(&self, keys: &NameKeys) -> impl Iterator<Item = T> {
        let alike = keys.looks.iter().filter_map(|look| self.by_look.get(look));
        self.by_folded.get(&keys.folded).into_iter().chain(alike).copied()
    }
}
