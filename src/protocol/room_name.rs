//! The names of rooms: the letters of nicks, without the dot, in lower case.

use std::fmt;
use std::sync::Arc;

use unicode_normalization::UnicodeNormalization;

use super::name_chars::{MAX_TYPED_BYTES, fits, has_form, mixes_scripts};

/// A room's name, without its `#`. Shown as `#lobby`.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct RoomName(Arc<str>);

/// The text is not a room's name.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct BadRoomName;

impl fmt::Display for BadRoomName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(
            "Rooms have names of 1 to 24 letters, digits, _ - and no blanks, at most 64 bytes, the first a letter or digit",
        )
    }
}

impl std::error::Error for BadRoomName {}

impl RoomName {
    /// The room that a session starts in.
    #[must_use]
    pub fn lobby() -> Self {
        Self("lobby".into())
    }

    /// Parses a room's name, with or without its `#`: 1–24 letters, digits, `_ -`, in lower case.
    ///
    /// # Errors
    /// [`BadRoomName`], which is refused as [`Refusal::BadRoom`](super::Refusal::BadRoom).
    pub fn parse(raw: &str) -> Result<Self, BadRoomName> {
        let raw = raw.trim();
        // Check the length first: normalization can turn one character into eighteen.
        if raw.len() > MAX_TYPED_BYTES {
            return Err(BadRoomName);
        }
        // The lower case of Turkish İ is an i with two dots above each other.
        let plain: String =
            raw.strip_prefix('#').unwrap_or(raw).nfkc().map(|c| if c == 'İ' { 'i' } else { c }).collect();
        // Normalize again after the lower case: t with two dots is one character, T with two dots is not.
        let name: String = plain.to_lowercase().nfkc().collect();
        if has_form(&name) && !name.contains('.') && fits(&name) { Ok(Self(name.into())) } else { Err(BadRoomName) }
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
