//! The names of rooms: the letters of nicks, without the dot, in lower case.

use std::fmt;
use std::sync::Arc;

use unicode_normalization::UnicodeNormalization;

use super::Refusal;
use super::name_chars::{MAX_TYPED_BYTES, fits, has_form, mixes_scripts};

/// A room's name, without its `#`. Shown as `#lobby`.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct RoomName(Arc<str>);

impl RoomName {
    /// The room that a session starts in.
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
        // Check the length first: normalization can turn one character into eighteen.
        if raw.len() > MAX_TYPED_BYTES {
            return Err(Refusal::BadRoom);
        }
        // The lower case of Turkish İ is an i with two dots above each other.
        let plain: String =
            raw.strip_prefix('#').unwrap_or(raw).nfkc().map(|c| if c == 'İ' { 'i' } else { c }).collect();
        // Normalize again after the lower case: t with two dots is one character, T with two dots is not.
        let name: String = plain.to_lowercase().nfkc().collect();
        if has_form(&name) && !name.contains('.') && fits(&name) {
            Ok(Self(name.into()))
        } else {
            Err(Refusal::BadRoom)
        }
    }

    /// The name without its `#`.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Whether it mixes scripts, as `twо` with a Cyrillic о does. No room can be made with such a name.
    #[must_use]
    pub fn mixes_scripts(&self) -> bool {
        mixes_scripts(&self.0)
    }
}

impl fmt::Display for RoomName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "#{}", self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn long_room_name_is_refused_unread() {
        assert!(RoomName::parse(&"\u{fdfa}".repeat(1_000_000)).is_err(), "by its length, before anything else");
    }
}
