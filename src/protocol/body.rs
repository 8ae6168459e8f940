//! The text of one line.

use std::sync::Arc;

use unicode_security::skeleton;

use super::clean;

/// One line of clean text (see [`clean`]) with at least one visible character.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Body(Arc<str>);

impl Body {
    /// Cleans `text`; `None` if nothing visible is left.
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

    /// The first `count` characters, with an ellipsis if there are more.
    #[must_use]
    pub fn cut(self, count: usize) -> Self {
        match self.0.char_indices().nth(count) {
            None => self,
            Some((end, _)) => Self(format!("{}…", self.0.get(..end).unwrap_or_default()).into()),
        }
    }
}

/// Whether a character is visible: the skeleton of UTS 39 leaves out invisible ones.
fn is_visible(c: char) -> bool {
    skeleton(c.encode_utf8(&mut [0; 4])).next().is_some()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_cannot_be_seen_is_not_said() {
        for text in ["", " \t", "\u{200b}", " \u{200d}\u{2060} ", "\u{feff}", "\u{3164}"] {
            assert_eq!(Body::new(text), None, "{text:?}");
        }
        assert_eq!(Body::new("\u{200b}x").unwrap().as_str(), "\u{200b}x");
    }
}
