//! The character sets in which a session of the text door is read and written.
//!
//! They are those of the WHATWG Encoding Standard, by all its labels, that have ASCII's characters at ASCII's
//! bytes: lines, commands and telnet are found in the bytes. That leaves out UTF-16, ISO-2022-JP and the
//! standard's "replacement". `x-user-defined` is left out too, since it has no letters beyond ASCII.
//!
//! The standard reads ISO-8859-1 as windows-1252, which has letters at 0x80 to 0x9f. A terminal of ISO-8859-1
//! has controls there, and other people could type them. So these bytes are not written, and byte 0x9b is
//! read as the control that a key's sequence begins with, unless the label names the Windows set.

use super::{Refusal, clean, shortened};

/// The words for a session that has sent bytes that are not UTF-8.
pub(super) const NOT_UTF8: &str = "Some of your bytes are not UTF-8: others see \u{fffd} in their place\n\
    If your terminal uses another character set: /charset NAME";

/// Most characters of an unknown label that a refusal repeats.
const REPEATED_CHARS: usize = 24;

/// A character set, and how its bytes are written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Charset(Option<Other>);

/// A character set other than UTF-8.
#[cfg(feature = "charset")]
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) struct Other {
    pub(crate) encoding: &'static encoding_rs::Encoding,
    /// The label names a set that has controls at 0x80 to 0x9f.
    pub(crate) has_c1: bool,
    /// Byte 255 is written twice, as telnet has it.
    pub(crate) doubles_255: bool,
}

/// There is none in a build without the feature `charset`.
#[cfg(not(feature = "charset"))]
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) enum Other {}

impl Charset {
    /// UTF-8: the character set of a session that has chosen none.
    pub const UTF_8: Self = Self(None);

    /// The character set of a label, in any case.
    ///
    /// # Errors
    /// [`Refusal::NoCharset`] if no character set has this label, or none that a session can have.
    pub fn parse(label: &str) -> Result<Self, Refusal> {
        Self::of_label(label.trim())
            .ok_or_else(|| Refusal::NoCharset { label: shortened(&clean(label.trim().as_bytes()), REPEATED_CHARS) })
    }

    /// The character set's name in the standard, `UTF-8` or `windows-1251`.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self.0 {
            None => "UTF-8",
            #[cfg(feature = "charset")]
            Some(other) => other.encoding.name(),
        }
    }

    /// The same for a peer that has sent telnet commands: byte 255 is written twice. UTF-8 has no byte 255.
    #[must_use]
    pub fn for_telnet(self) -> Self {
        #[cfg(feature = "charset")]
        return Self(self.0.map(|other| Other { doubles_255: true, ..other }));
        #[cfg(not(feature = "charset"))]
        self
    }

    /// The character set, if it is not UTF-8.
    pub(crate) fn other(self) -> Option<Other> {
        self.0
    }

    #[cfg(feature = "charset")]
    fn of_label(label: &str) -> Option<Self> {
        use encoding_rs::{Encoding, UTF_8, WINDOWS_874, WINDOWS_1252, WINDOWS_1254, X_USER_DEFINED};
        let encoding = Encoding::for_label(label.as_bytes())?;
        if encoding == UTF_8 {
            return Some(Self::UTF_8);
        }
        if !encoding.is_ascii_compatible() || encoding == X_USER_DEFINED {
            return None;
        }
        let also_iso = [(WINDOWS_874, "874"), (WINDOWS_1252, "1252"), (WINDOWS_1254, "1254")];
        let has_c1 = also_iso.iter().any(|(set, number)| *set == encoding && !label.ends_with(number));
        Some(Self(Some(Other { encoding, has_c1, doubles_255: false })))
    }

    #[cfg(not(feature = "charset"))]
    fn of_label(label: &str) -> Option<Self> {
        (label.eq_ignore_ascii_case("utf-8") || label.eq_ignore_ascii_case("utf8")).then_some(Self::UTF_8)
    }
}
